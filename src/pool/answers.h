/* The answers of workers become the ends of items. */
#ifndef BROOD_SRC_POOL_ANSWERS_H
#define BROOD_SRC_POOL_ANSWERS_H

#include "pool/types.h"

/* What a worker has said of itself. */
typedef struct brood_reports {
    bool is_up;          /* it has said READY, perhaps after it was sent STOP */
    bool has_answered;   /* about a chunk */
    brood_failure setup; /* what its initializer said; status BROOD_OK: nothing */
} brood_reports;

/*
 * Receives what the worker has answered, or a bounded part of that: arming the worker then reports
 * that there is more. BROOD_ERR_PROTOCOL, _NO_MEMORY: the worker must be dropped by the caller.
 */
brood_status brood_worker_receive(brood_worker *worker);

#endif
