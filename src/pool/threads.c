#include "pool/threads.h"

#include "pool/callbacks.h"
#include "pool/engine.h"
#include "pool/job.h"
#include "pool/lock.h"
#include "pool/pool_impl.h"
#include "pool/supervisor.h"
#include "pool/wait.h"
#include "runtime/sync.h"

#define BUSTLE 4                  /* submits between two looks, from which on callers are busy */
#define BUSTLE_NS BROOD_NS_PER_MS /* how long the thread leaves busy callers to themselves */

/* ---- the thread that leads while nobody else does ------------------------------------------- */

/*
 * Whether callers have submitted at least BUSTLE tasks since the last call. Such callers are faster
 * without a leader: they receive from the workers in their own calls.
 */
static bool is_bustling(brood_pool *pool)
{
    bool bustling = pool->engine.submits - pool->threads.submits_seen >= BUSTLE;

    pool->threads.submits_seen = pool->engine.submits;
    return bustling && pool->jobs.unfinished > 0;
}

/* Runs what is due for busy callers, once in a millisecond, instead of leading. */
static void look_after_callers(brood_pool *pool)
{
    brood_pool_unlock(pool);
    brood_sleep(BUSTLE_NS);
    brood_pool_lock(pool);
    brood_pool_look(pool);
}

static void run_starter(void *data);

/* Begins the starter when it is first needed: most pools start workers only while they are made. */
static void begin_starter(brood_pool *pool)
{
    pool->threads.starter_refused =
        brood_thread_start(&pool->threads.starter, run_starter, pool, pool->apr, NULL) != BROOD_OK;
}

static void thread_step(brood_pool *pool)
{
    if (pool->supervisor.start_due && !brood_thread_is_started(&pool->threads.starter) &&
        !pool->threads.starter_refused) {
        begin_starter(pool);
    } else if (brood_supervisor_start_due(pool)) {
        pool->threads.starter_refused = false; /* by the system: so it was done here, this time */
    } else if (pool->wait.leading || pool->wait.successor || brood_pool_has_followers(pool)) {
        pool->threads.thread_waits = true;
        brood_pool_sleep(pool, &pool->threads.thread_sleeper);
        pool->wait.successor = pool->wait.successor && pool->threads.thread_waits;
        pool->threads.thread_waits = false;
    } else if (is_bustling(pool)) {
        look_after_callers(pool);
    } else {
        pool->threads.thread_leads = true;
        brood_pool_lead_once(pool);
        pool->threads.thread_leads = false;
    }
}

static void run_thread(void *data)
{
    brood_pool *pool = data;

    brood_pool_lock(pool);
    while (!pool->ends) {
        thread_step(pool);
    }
    brood_pool_unlock(pool);
}

/* ---- the thread that starts workers, which may take long --------------------------------- */

static void run_starter(void *data)
{
    brood_pool *pool = data;

    brood_pool_lock(pool);
    while (!pool->ends) {
        if (pool->supervisor.start_due && !pool->supervisor.launching) {
            brood_supervisor_start_one(pool);
        } else {
            pool->threads.starter_waits = true;
            brood_pool_sleep(pool, &pool->threads.starter_sleeper);
            pool->threads.starter_waits = false;
        }
    }
    brood_pool_unlock(pool);
}

/* ---- the thread that calls back ------------------------------------------------------------- */

static void run_caller(void *data)
{
    brood_pool *pool = data;

    brood_pool_lock(pool);
    while (!pool->ends) {
        if (!brood_pool_call_next(pool)) {
            pool->threads.caller_waits = true;
            brood_pool_sleep(pool, &pool->threads.caller_sleeper);
            pool->threads.caller_waits = false;
        }
    }
    brood_pool_unlock(pool);
}

brood_status brood_pool_prepare_callbacks(brood_pool *pool, brood_error *error)
{
    if (pool->config.options.event_loop || pool->caller_runs.is_used ||
        brood_thread_is_started(&pool->threads.caller)) {
        return BROOD_OK;
    }
    return brood_thread_start(&pool->threads.caller, run_caller, pool, pool->apr, error);
}

/* ---- their beginning and end ---------------------------------------------------------------- */

brood_status brood_pool_threads_start(brood_pool *pool, brood_error *error)
{
    return brood_thread_start(&pool->threads.thread, run_thread, pool, pool->apr, error);
}

void brood_pool_threads_end(brood_pool *pool)
{
    pool->ends = true;
    brood_agenda_at(pool, 0); /* a thread that leads looks up */
    brood_pool_unlock(pool);
    brood_thread_join(&pool->threads.thread);
    brood_thread_join(&pool->threads.starter);
    brood_thread_join(&pool->threads.caller);
    brood_pool_lock(pool);
}
