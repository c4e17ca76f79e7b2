/* What the program's functions are told of jobs. */
#ifndef BROOD_SRC_POOL_CALLBACKS_H
#define BROOD_SRC_POOL_CALLBACKS_H

#include "pool/types.h"

typedef struct brood_callbacks {
    brood_result *first, *last; /* the jobs that have one which is due */
    bool is_running;            /* a thread is in a callback: */
    uint64_t thread;
} brood_callbacks;

/* The job has a callback, for its end or its progress, which is due. */
void brood_job_call_later(brood_result *job);

/* Calls one callback that is due, giving up the lock meanwhile. False: there is none. */
bool brood_pool_call_next(brood_pool *pool);

/* Whether the calling thread is in a callback of the pool. */
bool brood_pool_in_callback(const brood_pool *pool);

#endif
