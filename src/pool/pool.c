
#include "base/memory.h"
#include "base/structs.h"
#include "pool/callbacks.h"
#include "pool/cancel.h"
#include "pool/config.h"
#include "pool/copies.h"
#include "pool/headcount.h"
#include "pool/job.h"
#include "pool/left.h"
#include "pool/lock.h"
#include "pool/pool_impl.h"
#include "pool/supervisor.h"
#include "pool/threads.h"
#include "pool/wait.h"
#include "process/process.h"

/* ---- ending it --------------------------------------------------------------------------- */

static void notify_all(brood_pool *pool)
{
    brood_agenda_supervise(pool);
    brood_agenda_notify(pool, NULL);
}

brood_status brood_pool_close(brood_pool *pool)
{
    int held = 0;
    if (pool == NULL) {
        return BROOD_ERR_ARGUMENT;
    }
    held = brood_pool_enter(pool);
    pool->closed = true;
    notify_all(pool);
    brood_pool_leave(pool, held);
    return BROOD_OK;
}

static void terminate(brood_pool *pool)
{
    pool->closed = pool->terminated = true;
    brood_supervisor_kill_all(pool);
    brood_jobs_cancel_all(pool, BROOD_ERR_CANCELLED);
    notify_all(pool);
}

brood_status brood_pool_terminate(brood_pool *pool)
{
    int held = 0;
    if (pool == NULL) {
        return BROOD_ERR_ARGUMENT;
    }
    held = brood_pool_enter(pool);
    if (!pool->terminated) {
        terminate(pool);
    }
    brood_pool_leave(pool, held);
    return BROOD_OK;
}

static bool is_all_over(brood_pool *pool, void *ignored)
{
    (void)ignored;
    return pool->roster.alive == 0 && !pool->supervisor.launching && pool->jobs.unfinished == 0 &&
           pool->callbacks.first == NULL && !pool->callbacks.is_running;
}

/* A pool with an event loop has no thread of its own: the thread that joins it runs callbacks. */
static bool must_call(const brood_pool *pool)
{
    return pool->config.options.event_loop && brood_callbacks_wait(&pool->callbacks);
}

static bool is_over_or_due(brood_pool *pool, void *ignored)
{
    return is_all_over(pool, ignored) || must_call(pool);
}

/* The wait is over whenever a callback is due, so the deadline must be looked at here, too. */
static brood_status join(brood_pool *pool, int64_t deadline)
{
    brood_status status = BROOD_OK;

    do {
        if (must_call(pool)) {
            brood_pool_call_next(pool);
        }
        status = brood_pool_wait(pool, BROOD_END(pool), is_over_or_due, NULL, deadline);
    } while (status == BROOD_OK && !is_all_over(pool, NULL) && brood_os_now() < deadline);
    return is_all_over(pool, NULL) ? BROOD_OK : BROOD_ERR_TIMEOUT;
}

brood_status brood_pool_join(brood_pool *pool, int64_t timeout_ms)
{
    int held = 0;
    brood_status status = BROOD_ERR_STATE;

    if (pool == NULL || !brood_is_timeout(timeout_ms)) {
        return BROOD_ERR_ARGUMENT;
    }
    held = brood_pool_enter(pool);
    if (pool->closed && !brood_pool_in_callback(pool)) {
        status = join(pool, brood_deadline(timeout_ms));
    }
    brood_pool_leave(pool, held);
    return status;
}

/* The thread that asks is inside of a wait itself. */
static bool is_left(brood_pool *pool, void *ignored)
{
    (void)ignored;
    return pool->wait.threads == 1;
}

static void close_all(brood_pool *pool)
{
    brood_shared_watch_end(&pool->engine.watch);
    brood_os_poller_free(pool->wait.poller);
    for (size_t i = 0; i < pool->config.process.handle_count; i++) {
        brood_os_handle_close(pool->config.process.handles[i]);
    }
    brood_functions_free(pool);
    brood_free((void *)pool->roster.workers);
    brood_free(pool->config.initializer_arg);
    brood_config_free_copies(pool);
    pool->wait.poller = NULL;
    pool->loop.sleeps = false; /* there is nothing to show any more */
}

brood_pool *brood_pool_destroy(brood_pool *pool)
{
    int held = 0;

    /*
     * The pool's threads may have gone already: no orderly end; its workers end with the process.
     */
    if (pool == NULL || brood_os_is_ending()) {
        return NULL;
    }
    held = brood_pool_enter(pool);
    if (!pool->closed && pool->wait.poller != NULL) {
        terminate(pool);
    }
    if (pool->wait.poller != NULL) {
        brood_pool_unlock(pool);
        brood_pool_join(pool, BROOD_FOREVER);
        brood_pool_lock(pool);
        brood_pool_threads_end(pool);
        /* A thread whose task has ended may not have come back from its wait yet. */
        brood_pool_wait(pool, BROOD_END(pool), is_left, NULL, BROOD_NEVER);
        brood_pool_unlock(pool);
        brood_left_await(pool);
        brood_pool_lock(pool);
    }
    close_all(pool);
    brood_pool_unlock(pool);
    brood_process_sweep(); /* lost workers that have ended since */
    brood_os_cancel_release(held);
    brood_pool_release(pool);
    return NULL;
}

/* ---- looking and changing ---------------------------------------------------------------- */

brood_status brood_pool_resize(brood_pool *pool, uint32_t workers)
{
    int held = 0;
    brood_status status = BROOD_OK;

    if (pool == NULL || workers > BROOD_WORKERS_MAX) {
        return BROOD_ERR_ARGUMENT;
    }
    held = brood_pool_enter(pool);
    if (pool->closed) {
        status = BROOD_ERR_STATE;
    } else {
        brood_supervisor_resize(pool, brood_config_or_default(workers, pool->config.base_workers));
        notify_all(pool);
    }
    brood_pool_leave(pool, held);
    return status;
}

brood_status brood_pool_get_stats(brood_pool *pool, brood_pool_stats *stats)
{
    int held = 0;
    size_t least = offsetof(brood_pool_stats, submitted);
    brood_pool_stats full;

    if (pool == NULL || brood_struct_check(stats, least) != BROOD_OK) {
        return BROOD_ERR_ARGUMENT;
    }
    held = brood_pool_enter(pool);
    full = pool->stats;
    full.workers = pool->supervisor.target;
    full.alive = pool->roster.alive;
    full.leaving = brood_supervisor_leaving(pool);
    full.busy = pool->roster.busy;
    full.queued = pool->queue.items;
    full.running = full.submitted - full.succeeded - full.failed - full.cancelled - full.queued;
    brood_pool_leave(pool, held);
    return brood_struct_give(stats, &full, sizeof full, least);
}

size_t brood_pool_pids(brood_pool *pool, int64_t *pids, size_t count)
{
    int held = 0;
    size_t found = 0;

    if (pool == NULL) {
        return 0;
    }
    held = brood_pool_enter(pool);
    for (uint32_t i = 0; i < pool->roster.slots; i++) {
        const brood_worker *worker = pool->roster.workers[i];

        if (worker != NULL && worker->ops->pid(worker) != brood_os_self_pid()) {
            if (pids != NULL && found < count) {
                pids[found] = worker->ops->pid(worker);
            }
            found++;
        }
    }
    brood_pool_leave(pool, held);
    return found;
}
