/* How many workers there are, and how many there should be. */
#ifndef BROOD_SRC_POOL_HEADCOUNT_H
#define BROOD_SRC_POOL_HEADCOUNT_H

#include "pool/types.h"

uint32_t brood_supervisor_count(const brood_pool *pool, bool (*is_such)(const brood_worker *));

/*
 * Whether the worker counts for the number of workers. One that was sent STOP counts until its
 * last chunk has ended or, once killed, until its end is seen; see brood_worker_serves for whether it can be given more.
 */
bool brood_worker_counts(const brood_worker *worker);

/* How many workers have done their last task, and are ending. */
uint32_t brood_supervisor_leaving(const brood_pool *pool);

/* Whether workers are started only when tasks come: lazy, or with an idle time-out. */
bool brood_supervisor_is_as_needed(const brood_pool *pool);

/* How many workers there should be now. */
uint32_t brood_supervisor_wanted(const brood_pool *pool);

/* A task was submitted, or has come back into the queue: it may need another worker. */
void brood_supervisor_need(brood_pool *pool);

#endif
