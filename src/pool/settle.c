#include "pool/settle.h"

#include <stdio.h>

#include "pool/dispatch.h"
#include "pool/ends.h"
#include "pool/failed_items.h"
#include "pool/job.h"
#include "pool/pool_impl.h"
#include "pool/queue.h"
#include "pool/worker.h"

#define UNCLAIMED_DEATHS_MAX 8

void brood_worker_describe_end(const brood_worker *worker, brood_failure *failure)
{
    char text[160];

    failure->pid = worker->ops->pid(worker);
    failure->exit.struct_size = sizeof failure->exit;
    if (worker->is_lost) {
        snprintf(text, sizeof text, "it was killed, and does not end");
    } else {
        worker->ops->describe(worker, failure, text, sizeof text);
    }
    if (worker->dropped == BROOD_ERR_PROTOCOL) {
        snprintf(text, sizeof text, "%s", brood_status_text(worker->dropped));
    }
    snprintf(failure->message, sizeof failure->message, "the worker was lost: %s", text);
}

uint64_t brood_worker_last_begun(brood_worker *worker)
{
    uint64_t begun = brood_worker_begun(worker);

    return begun == UINT64_MAX && worker->chunks.first != NULL ? worker->chunks.first->id : begun;
}

uint64_t brood_worker_count_begun(brood_worker *worker, const brood_chunk *chunk, uint64_t begun)
{
    uint64_t item = worker->last_item;
    uint64_t left = chunk->count - chunk->done;

    if (chunk->id == worker->partly_sent_id || chunk->id > begun) {
        return 0;
    }
    if (chunk->id < begun) {
        return left;
    }
    if (worker->halted && worker->kill_id == chunk->id && item > worker->kill_item) {
        return 0; /* the one that it was killed for had just ended */
    }
    if (worker->is_lost) {
        item++; /* the next one, too, if it had looked for a cancel just before */
    }
    if (item <= chunk->done) {
        return !worker->has_received_rest || (item == 0 && chunk->done == 0) ? 1 : 0;
    }
    return item - chunk->done < left ? item - chunk->done : left;
}

static brood_status status_of_end(const brood_worker *worker, const brood_chunk *chunk)
{
    if (chunk->job->cancel_status != BROOD_OK) {
        return chunk->job->cancel_status;
    }
    if (worker->is_lost) {
        return BROOD_ERR_DIED; /* whatever it was killed for: it may run still */
    }
    if (worker->kill_id == chunk->id &&
        (worker->kill_item == 0 || worker->kill_item == chunk->done + 1)) {
        return worker->kill_for;
    }
    return worker->dropped == BROOD_ERR_NO_MEMORY ? BROOD_ERR_NO_MEMORY : BROOD_ERR_DIED;
}

/* Items that ran when their worker died: again, or their failure. */
static void settle_items(brood_worker *worker, brood_result *job, uint64_t first, uint64_t count,
                         uint32_t attempt, uint32_t deaths, brood_status status)
{
    brood_pool *pool = worker->pool;
    bool again = status == BROOD_ERR_DIED && attempt <= job->retries && !worker->is_lost;
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

/* What of a chunk has not ended, and was not begun, goes to others; of a job that is doomed it ends. */
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

/* The last of the items that were begun ran: it is to blame. Those before it only ended unheard. */
static void settle_chunk(brood_worker *worker, brood_chunk *chunk, uint64_t begun, bool is_to_blame)
{
    brood_result *job = chunk->job;
    bool is_range = job->kind == BROOD_JOB_RANGE;
    uint64_t first = chunk->first + chunk->done;
    uint64_t unreceived = is_range || !is_to_blame ? 0 : begun - 1;
    uint32_t attempt = chunk->attempt;
    uint32_t deaths = chunk->deaths + is_to_blame;
    brood_status status = status_of_end(worker, chunk);

    if (is_range) {
        begun = chunk->count - chunk->done;
    }
    brood_job_hold(job);
    give_back(worker->pool, chunk, begun);
    if (unreceived > 0) {
        settle_items(worker, job, first, unreceived, attempt, 0, status);
    }
    settle_items(worker, job, first + unreceived, begun - unreceived, attempt, deaths, status);
    brood_job_release(job);
}

/*
 * A worker that lies about what it had begun does not make its task immortal. Only losses in a row
 * count in which no item has ended: a kill may come just behind the item that it is for.
 */
static bool is_suspect(const brood_worker *worker, brood_chunk *first)
{
    first->unclaimed_deaths = first->done > 0 ? 0 : first->unclaimed_deaths + worker->is_up;
    return first->unclaimed_deaths >= UNCLAIMED_DEATHS_MAX;
}

void brood_worker_settle(brood_worker *worker)
{
    brood_chunk *first = worker->chunks.first;
    uint64_t last = brood_worker_last_begun(worker);

    while (worker->chunks.last != NULL) {
        brood_chunk *chunk = worker->chunks.last;
        uint64_t begun = brood_worker_count_begun(worker, chunk, last);

        if (begun == 0 && chunk == first && is_suspect(worker, chunk)) {
            begun = 1;
        }
        brood_worker_remove(worker, chunk);
        if (begun > 0) {
            settle_chunk(worker, chunk, begun, chunk->id >= last);
        } else {
            give_back(worker->pool, chunk, 0);
        }
    }
}
