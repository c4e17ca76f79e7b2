/* How many workers there are. */
#ifndef BROOD_SRC_POOL_SUPERVISOR_H
#define BROOD_SRC_POOL_SUPERVISOR_H

#include "pool/pool_impl.h"

/* How many have done their last task, and are ending. */
uint32_t brood_supervisor_leaving(const brood_pool *pool);

/* Whether workers are started for tasks that come, and not before. */
bool brood_supervisor_is_as_needed(const brood_pool *pool);

/* The number of workers, or of those needed, is not what it was. */
void brood_supervisor_wake(brood_pool *pool);

/* A task has come, or has come back: it may need another worker. */
void brood_supervisor_need(brood_pool *pool);

/* Ends what is too many, says whether a start is due; when to look again. */
int64_t brood_supervisor_run(brood_pool *pool, int64_t now);

/* The same for one that is due; what fails is tried again later. */
void brood_supervisor_start_one(brood_pool *pool);

/* The pool cannot start workers: all jobs end. */
void brood_supervisor_give_up(brood_pool *pool);

void brood_supervisor_kill_all(brood_pool *pool);

void brood_supervisor_run_at(brood_pool *pool, int64_t at);

#endif
