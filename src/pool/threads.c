#include "pool/threads.h"

#include "pool/callbacks.h"
#include "pool/engine.h"
#include "pool/job.h"
#include "pool/lock.h"
#include "pool/supervisor.h"
#include "pool/wait.h"
#include "runtime/sync.h"

/* The threads of a pool's own, and what a program's event loop does in their place. */

#define BUSTLE 4                  /* submits between two looks, from which on callers are busy */
#define BUSTLE_NS BROOD_NS_PER_MS /* how long the thread leaves busy callers to themselves */
#define RUN_NS BROOD_NS_PER_MS    /* brood_pool_run begins nothing more after so long */

/* ---- the thread that leads while nobody else does ------------------------------------------- */

/* Callers that submit and fetch are faster left alone: they listen to the workers themselves. */
static bool is_bustling(brood_pool *pool)
{
    bool bustling = pool->submits - pool->submits_seen >= BUSTLE;

    pool->submits_seen = pool->submits;
    return bustling && pool->jobs != NULL;
}

/* Keeps the time of busy callers: once in a millisecond in which there were submits. */
static void look_after_callers(brood_pool *pool)
{
    brood_pool_unlock(pool);
    brood_sleep(BUSTLE_NS);
    brood_pool_lock(pool);
    brood_pool_look(pool);
}

static void run_starter(void *data);

/* Most pools start workers only while they are made: the starter begins when it is needed first. */
static void begin_starter(brood_pool *pool)
{
    pool->starter_refused =
        brood_thread_start(&pool->starter, run_starter, pool, pool->apr, NULL) != BROOD_OK;
}

static void thread_step(brood_pool *pool)
{
    if (pool->start_due && !brood_thread_is_started(&pool->starter) && !pool->starter_refused) {
        begin_starter(pool);
    } else if (brood_supervisor_start_due(pool)) {
        return; /* it was done here: the system has refused the starter */
    } else if (pool->leading || pool->successor || brood_pool_has_followers(pool)) {
        pool->thread_waits = true;
        brood_pool_sleep(pool, &pool->thread_cond);
        pool->successor = pool->successor && pool->thread_waits;
        pool->thread_waits = false;
    } else if (is_bustling(pool)) {
        look_after_callers(pool);
    } else {
        pool->thread_leads = true;
        brood_pool_lead_once(pool);
        pool->thread_leads = false;
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
        if (pool->start_due && !pool->launching) {
            brood_supervisor_start_one(pool);
        } else {
            pool->starter_waits = true;
            brood_pool_sleep(pool, &pool->starter_cond);
            pool->starter_waits = false;
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
            pool->caller_waits = true;
            brood_pool_sleep(pool, &pool->caller_cond);
            pool->caller_waits = false;
        }
    }
    brood_pool_unlock(pool);
}

brood_status brood_pool_prepare_callbacks(brood_pool *pool, brood_error *error)
{
    if (pool->options.event_loop || brood_thread_is_started(&pool->caller)) {
        return BROOD_OK;
    }
    return brood_thread_start(&pool->caller, run_caller, pool, pool->apr, error);
}

/* ---- their beginning and end ---------------------------------------------------------------- */

brood_status brood_pool_threads_start(brood_pool *pool, brood_error *error)
{
    return brood_thread_start(&pool->thread, run_thread, pool, pool->apr, error);
}

void brood_pool_threads_end(brood_pool *pool)
{
    pool->ends = true;
    brood_agenda_at(pool, 0); /* a thread that leads looks up */
    brood_pool_unlock(pool);
    brood_thread_join(&pool->thread);
    brood_thread_join(&pool->starter);
    brood_thread_join(&pool->caller);
    brood_pool_lock(pool);
}

/* ---- the program's event loop ------------------------------------------------------------ */

/* Everything that is due now, but for what takes long. */
static void run_step(brood_pool *pool)
{
    if (!brood_pool_look(pool)) {
        brood_pool_turn(pool);
        brood_pool_run_due(pool);
    }
}

void brood_pool_run_loop(brood_pool *pool)
{
    int64_t end = brood_os_now() + RUN_NS;
    bool again = true;

    pool->loop_sleeps = pool->loop_called = false;
    brood_os_poller_answer(pool->poller);
    while (again) {
        run_step(pool);
        again = brood_supervisor_start_due(pool);
        again = brood_pool_call_next(pool) || again;
        again = again || pool->due == 0 || !brood_agenda_arm_all(pool);
        again = again && brood_os_now() < end;
    }
    pool->loop_sleeps = true;
    pool->loop_until = pool->due;
    if (pool->due <= brood_os_now()) {
        pool->loop_until = BROOD_NEVER; /* so that the handle stays ready */
    }
}
