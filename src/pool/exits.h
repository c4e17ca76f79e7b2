/* A worker has rung, or has ended. */
#ifndef BROOD_SRC_POOL_EXITS_H
#define BROOD_SRC_POOL_EXITS_H

#include "pool/types.h"

/* What is known of a worker that has ended, or was given up. */
typedef struct brood_rest {
    uint64_t item;    /* that it had begun last */
    bool is_received; /* and then all of its answers were read */
} brood_rest;

/*
 * The poller has reported that owner: the worker has rung, or its process has ended. The worker may
 * be destroyed here; an owner whose worker has gone is ignored.
 */
void brood_supervisor_look(brood_pool *pool, uintptr_t owner);

#endif
