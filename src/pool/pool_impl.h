/*
 * The object behind a brood_pool, and who does what to it:
 *
 *   create config copies functions     making a pool
 *   pool                               ending, changing and looking at it
 *   submit request make_job            tasks come in
 *   result imap imap_create            what the caller sees of them
 *   job callbacks job_cache meter      items end, jobs end, and what is told of that
 *   queue chunks                       chunks wait for a worker
 *   dispatch cut roster balance        chunks go to workers, and are taken back
 *   worker worker_ops, peer            a worker, and the kind that is a process
 *   answers notices unreported         what workers say, and are told
 *   supervisor headcount starts        workers are started and ended
 *   exits settle failures              workers end, and what that means for their chunks
 *   timers deadlines cancel            time-outs, deadlines, cancelling
 *   agenda                             what is due, and who is woken for it
 *   lock engine wait threads loop      the lock, one turn, waiting, the pool's threads, event loops
 *
 * Everything below is guarded by the pool's lock, except where said. A job is what the caller
 * submitted: one task, a map, a range. It is cut into chunks, and a chunk goes to one worker.
 */
#ifndef BROOD_SRC_POOL_POOL_IMPL_H
#define BROOD_SRC_POOL_POOL_IMPL_H

#include <apr_pools.h>

#include "pool/agenda.h"
#include "pool/callbacks.h"
#include "pool/config.h"
#include "pool/dispatch.h"
#include "pool/ends.h"
#include "pool/engine.h"
#include "pool/functions.h"
#include "pool/job.h"
#include "pool/job_cache.h"
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
    brood_dispatch dispatch;
    brood_upkeep upkeep;
    brood_engine engine;
    brood_supervisor supervisor;
    brood_agenda agenda;
    brood_wait wait;
    brood_threads threads;
    brood_loop loop;
    bool closed, terminated, broken, ends;
    brood_pool_stats stats;
};

/* One reference less. The last one frees what results that outlive the pool still need of it. */
void brood_pool_release(brood_pool *pool);

/* For brood_pool_wait and brood_agenda_notify: room in the queue; what only a join waits for. */
#define BROOD_ROOM(pool) ((const void *)&(pool)->queue)
#define BROOD_END(pool) ((const void *)&(pool)->roster.alive)

#endif
