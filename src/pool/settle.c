#include "pool/settle.h"

#include <stdio.h>

#include "pool/blame.h"
#include "pool/dispatch.h"
#include "pool/ends.h"
#include "pool/failed_items.h"
#include "pool/job.h"
#include "pool/pool_impl.h"
#include "pool/queue.h"
#include "pool/worker.h"

void brood_worker_describe_end(const brood_worker *worker, brood_failure *failure)
{
    char text[160];

    failure->pid = worker->ops->pid(worker);
    failure->exit.struct_size = sizeof failure->exit;
    if (worker->life.fate == BROOD_FATE_LOSE) {
        snprintf(text, sizeof text, "it was killed, and does not end");
    } else {
        worker->ops->describe(worker, failure, text, sizeof text);
    }
    if (worker->life.is_deaf && failure->exit.reason == BROOD_EXIT_KILLED) {
        snprintf(text, sizeof text, "it had closed its channel, and was killed");
    }
    if (worker->life.dropped == BROOD_ERR_PROTOCOL) {
        snprintf(text, sizeof text, "%s", brood_status_text(worker->life.dropped));
    }
    snprintf(failure->message, sizeof failure->message, "the worker was lost: %s", text);
}

/* Items that ran when their worker died are run again, or fail. */
static void settle_items(brood_worker *worker, brood_result *job, uint64_t first, uint64_t count,
                         uint32_t attempt, uint32_t deaths, brood_status status)
{
    brood_pool *pool = worker->pool;
    bool again = status == BROOD_ERR_DIED && attempt <= job->more->retries &&
                 worker->life.fate != BROOD_FATE_LOSE;
    bool quarantined = again && deaths >= pool->config.options.quarantine;
    brood_chunk *chunk = again && !quarantined ? brood_chunk_new(job, first, count) : NULL;
    brood_failure failure;

    if (chunk != NULL) {
        chunk->attempt = attempt + 1;
        chunk->deaths = deaths;
        pool->stats.retried += count;
        brood_queue_put(pool, chunk);
        return;
    }
    failure = brood_job_failure(job, quarantined ? BROOD_ERR_QUARANTINED : status, "");
    failure.attempt = attempt;
    brood_worker_describe_end(worker, &failure);
    if (status != BROOD_ERR_DIED) {
        snprintf(failure.message, sizeof failure.message, "%s", brood_status_text(status));
    }
    brood_job_fail(job, first, count, &failure);
}

/* The items that have not begun go back into the queue, or end if their job is cancelled. */
static void give_back(brood_pool *pool, brood_chunk *chunk, uint64_t begun)
{
    chunk->first += chunk->done + begun;
    chunk->count -= chunk->done + begun;
    chunk->done = chunk->unreported = 0;
    if (begun > 0) {
        chunk->deaths = chunk->unclaimed_deaths = 0;
        chunk->attempt = 1;
    }
    if (chunk->count == 0) {
        brood_chunk_free(chunk);
        return;
    }
    brood_queue_put(pool, chunk);
    if (chunk->job->cancel_status != BROOD_OK) {
        brood_queue_end_cancelled(chunk); /* in the queue it would wait for what stands before it */
    }
}

/* The last item that was begun is to blame. Those before it had ended, but were not reported. */
static void settle_chunk(brood_worker *worker, brood_chunk *chunk, const brood_blame *blame)
{
    brood_result *job = chunk->job;
    uint64_t first = chunk->first + chunk->done;
    uint64_t unreported = blame->begun - blame->ran;
    uint32_t attempt = chunk->attempt;
    uint32_t deaths = chunk->deaths + blame->is_death;

    brood_job_hold(job);
    give_back(worker->pool, chunk, blame->begun);
    if (unreported > 0) {
        settle_items(worker, job, first, unreported, attempt, 0, blame->status);
    }
    settle_items(worker, job, first + unreported, blame->ran, attempt, deaths, blame->status);
    brood_job_release(job);
}

/*
 * Only deaths in a row in which no item has ended count: a kill may come just after the end of the
 * item that it is for.
 */
static uint32_t count_unclaimed(const brood_worker *worker, const brood_chunk *first)
{
    return first->done > 0 ? 0 : first->unclaimed_deaths + worker->reports.is_up;
}

void brood_worker_settle(brood_worker *worker, uint64_t last)
{
    brood_chunk *chunk = worker->backlog.chunks.first;

    if (chunk != NULL) {
        chunk->unclaimed_deaths = count_unclaimed(worker, chunk);
    }
    while (worker->backlog.chunks.last != NULL) {
        brood_blame blame;

        chunk = worker->backlog.chunks.last;
        blame = brood_worker_blame(worker, chunk, last);
        brood_worker_remove(worker, chunk);
        if (blame.begun > 0) {
            settle_chunk(worker, chunk, &blame);
        } else {
            give_back(worker->pool, chunk, 0);
        }
    }
}
