/* Items that are done, but that their worker has not reported. */
#ifndef BROOD_SRC_POOL_UNREPORTED_H
#define BROOD_SRC_POOL_UNREPORTED_H

#include "pool/types.h"

/* When to look for items of a worker's first chunk that it does not report. */
typedef struct brood_unreported {
    int64_t at;   /* BROOD_NEVER: none is looked for */
    int64_t wait; /* after the look before */
    uint64_t id;  /* of that chunk */
} brood_unreported;

/* Takes the items of the worker's first chunk that are done, but not reported. */
void brood_worker_take_unreported(brood_worker *worker);

/* A thread waits for items of the first chunk: plans to take them, should the next item be long. */
void brood_worker_plan_unreported(brood_worker *worker);

/* Takes the unreported items of workers whose look is due; returns when the next look is. */
int64_t brood_pool_look_for_unreported(brood_pool *pool, int64_t now);

#endif
