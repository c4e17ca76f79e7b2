/* Workers that were given up, and run on until their task returns: see is_left_to_run. */
#ifndef BROOD_SRC_POOL_LEFT_H
#define BROOD_SRC_POOL_LEFT_H

#include "pool/types.h"

typedef struct brood_left {
    brood_worker *first; /* by next_idle */
} brood_left;

/* The worker is none of the pool's any more: it is destroyed, at once or when it has returned. */
void brood_left_part_with(brood_worker *worker);

/* Destroys those that have returned since; with the lock. */
void brood_left_collect(brood_pool *pool);

/* Waits until all have returned; without the lock, when nobody else uses the pool. */
void brood_left_await(brood_pool *pool);

#endif
