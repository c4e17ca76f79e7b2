/*
 * A pool whose workers have no threads: the threads that call it run them, one at a time. Nobody does
 * anything for such a pool while none calls it.
 */
#ifndef BROOD_SRC_POOL_CALLER_RUNS_H
#define BROOD_SRC_POOL_CALLER_RUNS_H

#include "pool/types.h"
#include "process/task.h"

typedef struct brood_caller_runs {
    bool is_used;    /* this is such a pool */
    bool is_on;      /* a thread is in brood_pool_run_here: */
    uint64_t thread; /* that thread's brood_thread_id; a thread compares its own with this */
    int64_t look_at; /* when a task that asks lets the pool do what is due */
    brood_host host;
} brood_caller_runs;

/* Before anybody else knows the pool. */
void brood_caller_runs_begin(brood_pool *pool);

/*
 * Runs workers, starts them, and calls back, until there is nothing to do; gives up the lock meanwhile.
 * False: there was nothing, or a thread does it already, which may be this one: then tasks and
 * callbacks of the pool are below on the stack, and what they submit is run when they have returned.
 */
bool brood_pool_run_here(brood_pool *pool);

/* Whether there is something to run, and no thread that does: nobody may sleep. */
bool brood_pool_must_run_here(const brood_pool *pool);

#endif
