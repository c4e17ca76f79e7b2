#include "pool/loop.h"

#include "pool/callbacks.h"
#include "pool/caller_runs.h"
#include "pool/engine.h"
#include "pool/lock.h"
#include "pool/pool_impl.h"
#include "pool/supervisor.h"
#include "pool/wait.h"

#define RUN_NS BROOD_NS_PER_MS /* brood_pool_run begins nothing more after so long */

/* Does all that is due now, except for starting workers and callbacks, which take long. */
static void run_step(brood_pool *pool)
{
    if (!brood_pool_look(pool)) {
        brood_pool_turn(pool);
        brood_pool_run_due(pool);
    }
}

static void run_loop(brood_pool *pool)
{
    int64_t end = brood_os_now() + RUN_NS;
    bool again = true;

    pool->loop.sleeps = pool->loop.is_called = false;
    brood_os_poller_answer(pool->wait.poller);
    while (again) {
        run_step(pool);
        again = brood_pool_run_here(pool);
        again = brood_supervisor_start_due(pool) || again;
        again = brood_pool_call_next(pool) || again;
        again = again || pool->agenda.due == 0 || !brood_agenda_arm_all(pool);
        again = again && brood_os_now() < end;
    }
    pool->loop.sleeps = true;
    pool->loop.until = pool->agenda.due;
    if (pool->agenda.due <= brood_os_now()) {
        pool->loop.until = BROOD_NEVER; /* so that the handle stays ready */
    }
}

/* ---- the calls --------------------------------------------------------------------------- */

brood_status brood_pool_handle(brood_pool *pool, brood_handle *handle)
{
    if (pool == NULL || handle == NULL) {
        return BROOD_ERR_ARGUMENT;
    }
    *handle = pool->config.options.event_loop ? pool->loop.handle : BROOD_HANDLE_NONE;
    return pool->config.options.event_loop ? BROOD_OK : BROOD_ERR_STATE;
}

/*
 * The time at which the program must call brood_pool_run at the latest. It is kept in loop.until:
 * what becomes due earlier calls the loop.
 */
static int64_t loop_until(brood_pool *pool)
{
    if (brood_callbacks_wait(&pool->callbacks) || pool->loop.is_called) {
        return 0;
    }
    pool->loop.until = pool->loop.shows ? pool->agenda.due : BROOD_NEVER;
    return pool->loop.until;
}

int64_t brood_pool_timeout_ms(brood_pool *pool)
{
    int held = 0;
    int64_t left = 0;
    int64_t until = BROOD_NEVER;

    if (pool == NULL) {
        return BROOD_FOREVER;
    }
    held = brood_pool_enter(pool);
    until = loop_until(pool);
    brood_pool_leave(pool, held);
    if (until == BROOD_NEVER) {
        return BROOD_FOREVER;
    }
    left = until - brood_os_now();
    return left <= 0 ? 0 : (left + BROOD_NS_PER_MS - 1) / BROOD_NS_PER_MS;
}

brood_status brood_pool_run(brood_pool *pool)
{
    int held = 0;
    brood_status status = BROOD_OK;

    if (pool == NULL) {
        return BROOD_ERR_ARGUMENT;
    }
    held = brood_pool_enter(pool);
    if (!pool->config.options.event_loop || brood_pool_in_callback(pool)) {
        status = BROOD_ERR_STATE;
    } else {
        run_loop(pool);
    }
    brood_pool_leave(pool, held);
    return status;
}
