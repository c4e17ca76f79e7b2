/* A worker has rung, or has ended. */
#ifndef BROOD_SRC_POOL_EXITS_H
#define BROOD_SRC_POOL_EXITS_H

#include "pool/types.h"

/* The poller has told that owner: the worker has rung, or its process has ended. */
void brood_supervisor_look(brood_pool *pool, uintptr_t owner);

#endif
