/*
 * The object behind a brood_pool, and who does what to it:
 *
 *   create config copies functions     a pool is made
 *   pool                               a pool is ended, resized and looked at
 *   submit request make_job            tasks come in
 *   result imap imap_create            the caller waits for results and takes them
 *   job callbacks job_cache meter      a job's life, its callbacks, its progress
 *   queue chunks                       chunks wait for a worker
 *   dispatch cut roster balance        chunks go to workers, and are revoked
 *   worker life worker_ops, peer       a worker, and the kinds: a process, a thread
 *   answers notices unreported         workers answer, and are interrupted
 *   supervisor headcount starts kind   workers are started and ended
 *   exits settle failures left         workers end, and what that means for their chunks
 *   timers deadlines cancel            time-outs, deadlines, cancelling
 *   agenda                             what is due, and which sleeping thread is woken for it
 *   lock engine wait threads loop      the lock, one turn, waiting, the pool's threads, event loops
 *   caller_runs                        callers do all of that, and run the workers
 *
 * docs/design.md says which files a change touches ("To change one thing").
 *
 * Everything below is guarded by the pool's lock, except where said. A job is what the caller
 * submitted: one task, a map, a range. It is cut into chunks, and a chunk goes to one worker.
 */
#ifndef BROOD_SRC_POOL_POOL_IMPL_H
#define BROOD_SRC_POOL_POOL_IMPL_H

#include <apr_pools.h>

#include "pool/agenda.h"
#include "pool/callbacks.h"
#include "pool/caller_runs.h"
#include "pool/config.h"
#include "pool/dispatch.h"
#include "pool/ends.h"
#include "pool/engine.h"
#include "pool/functions.h"
#include "pool/job.h"
#include "pool/job_cache.h"
#include "pool/left.h"
#include "pool/lock.h"
#include "pool/loop.h"
#include "pool/queue.h"
#include "pool/roster.h"
#include "pool/submit.h"
#include "pool/supervisor.h"
#include "pool/threads.h"
#include "pool/types.h"
#include "pool/wait.h"
#include "pool/worker.h"

struct brood_pool {
    brood_atomic32 references; /* the caller's, and one of each result */
    apr_pool_t *apr;
    brood_lock lock;
    brood_job_cache job_cache; /* has a guard of its own */
    brood_config config;
    brood_function_table functions;
    brood_queue queue;
    brood_jobs jobs;
    brood_callbacks callbacks;
    brood_roster roster;
    brood_left left;
    brood_dispatch dispatch;
    brood_upkeep upkeep;
    brood_engine engine;
    brood_supervisor supervisor;
    brood_agenda agenda;
    brood_wait wait;
    brood_threads threads;
    brood_loop loop;
    brood_caller_runs caller_runs;
    bool closed, terminated, broken, ends;
    brood_pool_stats stats;
};

/* Drops a reference. The last one frees what results that outlive the pool still need of it. */
void brood_pool_release(brood_pool *pool);

/* A `what` of brood_pool_wait: room in the queue; the end of the pool, for which a join waits. */
#define BROOD_ROOM(pool) ((const void *)&(pool)->queue)
#define BROOD_END(pool) ((const void *)&(pool)->roster.alive)

#endif
