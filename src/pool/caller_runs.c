#include "pool/caller_runs.h"

#include "pool/agenda.h"
#include "pool/callbacks.h"
#include "pool/engine.h"
#include "pool/exits.h"
#include "pool/lock.h"
#include "pool/pool_impl.h"
#include "pool/supervisor.h"
#include "pool/worker.h"

#define LOOK_EVERY_NS (200 * INT64_C(1000))

/* ---- what the workers call ------------------------------------------------------------------ */

static void run_due(brood_pool *pool)
{
    if (pool->agenda.due <= brood_os_now()) {
        brood_pool_run_due(pool);
    }
}

static void turn(void *data)
{
    brood_pool *pool = data;
    int held = brood_pool_enter(pool);

    brood_pool_turn(pool);
    run_due(pool);
    brood_pool_leave(pool, held);
}

static void look_for_caller(void *data)
{
    brood_pool *pool = data;
    int64_t now = brood_os_now();

    if (now >= pool->caller_runs.look_at) {
        pool->caller_runs.look_at = now + LOOK_EVERY_NS;
        turn(pool);
    }
}

void brood_caller_runs_begin(brood_pool *pool)
{
    pool->caller_runs.is_used = true;
    pool->caller_runs.host = (brood_host){turn, look_for_caller, pool};
}

/* ---- running -------------------------------------------------------------------------------- */

static bool wants_run(const brood_worker *worker)
{
    return worker != NULL && worker->ops->wants_run(worker);
}

/* The worker may be gone afterwards, since another thread has seen its end. */
static bool run_worker(brood_pool *pool, uint32_t slot)
{
    brood_worker *worker = pool->roster.workers[slot];

    if (!wants_run(worker)) {
        return false;
    }
    brood_pool_unlock(pool);
    worker->ops->run(worker);
    brood_pool_lock(pool);
    brood_pool_turn(pool);
    worker = pool->roster.workers[slot];
    if (worker != NULL && !worker->ops->is_alive(worker)) {
        brood_supervisor_look(pool, BROOD_OWNER_OF_PROCESS(slot));
    }
    return true;
}

static bool run_workers(brood_pool *pool)
{
    bool has_run = false;

    for (uint32_t i = 0; i < pool->roster.slots; i++) {
        has_run = run_worker(pool, i) || has_run;
    }
    return has_run;
}

static bool run_once(brood_pool *pool)
{
    bool has_run = false;

    run_due(pool);
    has_run = brood_supervisor_start_due(pool);
    has_run = run_workers(pool) || has_run;
    return (!pool->config.options.event_loop && brood_pool_call_next(pool)) || has_run;
}

bool brood_pool_run_here(brood_pool *pool)
{
    bool has_run = false;

    if (!pool->caller_runs.is_used || pool->caller_runs.is_on) {
        return false;
    }
    pool->caller_runs.is_on = true;
    pool->caller_runs.thread = brood_thread_id();
    while (run_once(pool)) {
        has_run = true;
    }
    pool->caller_runs.is_on = false;
    return has_run;
}

bool brood_pool_must_run_here(const brood_pool *pool)
{
    bool must = false;

    for (uint32_t i = 0;
         i < pool->roster.slots && pool->caller_runs.is_used && !pool->caller_runs.is_on; i++) {
        must = must || wants_run(pool->roster.workers[i]);
    }
    return must;
}
