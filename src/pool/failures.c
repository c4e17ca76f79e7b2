#include "pool/failures.h"

#include <stdio.h>

#include "pool/blame.h"
#include "pool/cancel.h"
#include "pool/failed_items.h"
#include "pool/headcount.h"
#include "pool/job.h"
#include "pool/pool_impl.h"
#include "pool/settle.h"
#include "pool/worker.h"

#define EARLY_NS (1000 * BROOD_NS_PER_MS)
#define BACKOFF_MOST 100 /* times the first one */

/* How long the pool waits before the next start, after that number of failures in a row. */
static int64_t backoff(const brood_pool *pool, uint32_t failures)
{
    int64_t delay = (int64_t)pool->config.options.backoff_ms * BROOD_NS_PER_MS;
    int64_t most = delay * BACKOFF_MOST;

    for (uint32_t i = 1; i < failures && delay < most; i++) {
        delay *= 2;
    }
    return delay < most ? delay : most;
}

/*
 * A pool with this worker does not break: the worker has begun a task, waits for its first one, or
 * was started before starts failed. What was started since would fail as well; and where starts
 * overlap, some worker is always alive.
 */
static bool is_relied_on(const brood_worker *worker)
{
    bool has_begun = worker->ops->position(worker).id != 0;

    return brood_worker_counts(worker) &&
           ((worker->reports.is_up && (worker->backlog.count == 0 || has_begun)) ||
            worker->number <= worker->pool->supervisor.started_before_failures);
}

/* The pool cannot start workers: all jobs end. */
static void give_up(brood_pool *pool)
{
    pool->broken = true;
    brood_jobs_cancel_all(pool, BROOD_ERR_BROKEN);
}

void brood_supervisor_note_failed_start(brood_pool *pool, const brood_failure *why)
{
    if (pool->supervisor.start_failures == 0) {
        pool->supervisor.started_before_failures = pool->stats.started;
    }
    pool->supervisor.last_start = *why;
    pool->supervisor.start_failures++;
    pool->supervisor.start_at = brood_os_now() + backoff(pool, pool->supervisor.start_failures);
    if (pool->supervisor.start_failures >= pool->config.options.crash_limit &&
        brood_supervisor_count(pool, is_relied_on) == 0) {
        give_up(pool);
    }
}

bool brood_worker_is_of_crash_streak(const brood_worker *worker, uint64_t last)
{
    return worker->reports.is_up && !worker->reports.has_answered && worker->backlog.last_id > 0 &&
           !brood_worker_is_leaving(worker) && worker->life.fate < BROOD_FATE_KILL &&
           (worker->backlog.chunks.first == NULL ||
            brood_worker_blame(worker, worker->backlog.chunks.first, last).begun == 0);
}

/*
 * A worker that came up, was given nothing, and has ended by itself a moment later: the next one may do
 * the same, and nothing but the processor's time would bound that. It breaks no pool. (The first one is
 * replaced when its bell closes, a moment before its end is known, so every other one waits.)
 */
static void note_idle_end(brood_worker *worker)
{
    brood_pool *pool = worker->pool;
    bool is_early = worker->backlog.last_id == 0 && !brood_worker_is_leaving(worker) &&
                    worker->life.fate < BROOD_FATE_KILL &&
                    brood_os_now() - worker->life.begun_at < EARLY_NS;

    pool->supervisor.idle_ends = is_early ? pool->supervisor.idle_ends + 1 : 0;
    if (is_early) {
        int64_t at = brood_os_now() + backoff(pool, pool->supervisor.idle_ends);

        pool->supervisor.start_at = at > pool->supervisor.start_at ? at : pool->supervisor.start_at;
    }
}

void brood_worker_note_early_end(brood_worker *worker, bool crash_streak)
{
    brood_failure why = brood_job_failure(NULL, BROOD_ERR_BROKEN, "");

    if (worker->life.failure_noted) {
        return;
    }
    if (worker->reports.is_up && !crash_streak) {
        note_idle_end(worker);
        return;
    }
    if (worker->pool->terminated) {
        return;
    }
    worker->pool->supervisor.crash_streak += crash_streak;
    brood_worker_describe_end(worker, &why);
    if (worker->reports.setup.status != BROOD_OK) {
        why.task_code = worker->reports.setup.task_code;
        snprintf(why.message, sizeof why.message, "the initializer failed: %.150s",
                 worker->reports.setup.message);
    } else if (why.exit.reason == BROOD_EXIT_START) {
        snprintf(why.message, sizeof why.message, "%.200s", why.exit.error.message);
    }
    brood_supervisor_note_failed_start(worker->pool, &why);
}

void brood_supervisor_note_start(brood_pool *pool)
{
    pool->supervisor.start_failures = pool->supervisor.crash_streak;
}

void brood_supervisor_end_crash_streak(brood_pool *pool)
{
    pool->supervisor.crash_streak = 0;
}
