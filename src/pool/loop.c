#include <brood/cpu.h>

#include "pool/lock.h"
#include "pool/pool_impl.h"
#include "pool/threads.h"

brood_status brood_pool_handle(brood_pool *pool, brood_handle *handle)
{
    if (pool == NULL || handle == NULL) {
        return BROOD_ERR_ARGUMENT;
    }
    *handle = pool->config.options.event_loop ? pool->loop.handle : BROOD_HANDLE_NONE;
    return pool->config.options.event_loop ? BROOD_OK : BROOD_ERR_STATE;
}

/* When the program runs the loop at the latest, from now on. */
static int64_t loop_until(brood_pool *pool)
{
    if (pool->callbacks.first != NULL || pool->loop.is_called) {
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
    if (!pool->config.options.event_loop || pool->callbacks.is_running) {
        status = BROOD_ERR_STATE;
    } else {
        brood_pool_run_loop(pool);
    }
    brood_pool_leave(pool, held);
    return status;
}
