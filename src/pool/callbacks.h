/* The program's functions are called for the end and the progress of jobs. */
#ifndef BROOD_SRC_POOL_CALLBACKS_H
#define BROOD_SRC_POOL_CALLBACKS_H

#include "pool/types.h"

typedef struct brood_callbacks {
    brood_result *first, *last; /* the jobs that have one which is due */
    bool is_running;            /* a thread is in a callback: */
    uint64_t thread;
} brood_callbacks;

/* Whether a thread should call one now: one is due, and none runs, behind which it comes. */
static inline bool brood_callbacks_wait(const brood_callbacks *callbacks)
{
    return callbacks->first != NULL && !callbacks->is_running;
}

/* Lists the job, with a reference, for a callback that is due: of its end or its progress. */
void brood_job_call_later(brood_result *job);

/*
 * Calls what is due of one job; gives up the lock meanwhile. False: nothing is due, or a callback
 * runs.
 */
bool brood_pool_call_next(brood_pool *pool);

/* Whether the calling thread is in a callback of the pool, or in a task that it runs for the pool. */
bool brood_pool_in_callback(const brood_pool *pool);

#endif
