/* How many workers there are, and how many there should be. */
#ifndef BROOD_SRC_POOL_HEADCOUNT_H
#define BROOD_SRC_POOL_HEADCOUNT_H

#include "pool/types.h"

uint32_t brood_supervisor_count(const brood_pool *pool, bool (*is_such)(const brood_worker *));

/* Counts for the number of workers: not one that only has to end. */
bool brood_worker_is_serving(const brood_worker *worker);

/* How many have done their last task, and are ending. */
uint32_t brood_supervisor_leaving(const brood_pool *pool);

/* Whether workers are started for tasks that come, and not before. */
bool brood_supervisor_is_as_needed(const brood_pool *pool);

/* How many there should be now. */
uint32_t brood_supervisor_wanted(const brood_pool *pool);

/* A task has come, or has come back: it may need another worker. */
void brood_supervisor_need(brood_pool *pool);

#endif
