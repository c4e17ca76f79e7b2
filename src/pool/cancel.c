#include "pool/cancel.h"

#include "pool/balance.h"
#include "pool/dispatch.h"
#include "pool/job.h"
#include "pool/queue.h"
#include "pool/unreported.h"
#include "pool/worker.h"

/* ---- telling a worker -------------------------------------------------------------------- */

/* In this order: the worker does not overlook it. */
void brood_worker_interrupt(brood_worker *worker, uint64_t item)
{
    brood_store64(&worker->page->cancel_item, item);
    brood_store64(&worker->page->cancel_id, worker->chunks.first->id);
    brood_store64(&worker->page->run_until, 0);
}

void brood_worker_announce(brood_worker *worker, uint64_t item, brood_status why)
{
    brood_pool *pool = worker->pool;
    const brood_chunk *chunk = worker->chunks.first;
    int64_t grace = (int64_t)pool->options.grace_ms * BROOD_NS_PER_MS;

    brood_worker_interrupt(worker, item);
    worker->kill_id = chunk->id;
    worker->kill_item = item;
    worker->kill_for = why;
    brood_worker_set_alarm(worker, &worker->kill_at, brood_os_now() + grace);
}

void brood_worker_cancel(brood_worker *worker)
{
    const brood_chunk *chunk = worker->chunks.first;

    if (worker->kill_id != chunk->id || worker->kill_item != 0) {
        brood_worker_announce(worker, 0, chunk->job->cancel_status);
    }
}

void brood_worker_flush(brood_worker *worker)
{
    if (worker->kill_id != worker->chunks.first->id) { /* what is said of a cancel stays */
        brood_worker_interrupt(worker, BROOD_WIRE_FLUSH);
    }
    brood_worker_plan_unreported(worker);
}

void brood_worker_first_changed(brood_worker *worker)
{
    const brood_chunk *chunk = worker->chunks.first;

    if (chunk == NULL) {
        return;
    }
    if (chunk->job->cancel_status != BROOD_OK) {
        brood_worker_cancel(worker);
    } else if (chunk->job->watchers > 0) {
        brood_worker_flush(worker);
    }
    if (chunk->job->timeout_ns > 0) {
        brood_agenda_at(worker->pool, brood_os_now() + chunk->job->timeout_ns);
    }
}

void brood_job_flush(const brood_result *job)
{
    for (brood_worker *worker = job->pool->busy_first; worker != NULL; worker = worker->next_busy) {
        if (worker->chunks.first != NULL && worker->chunks.first->job == job) {
            brood_worker_flush(worker);
        }
    }
}

/* ---- cancelling a job -------------------------------------------------------------------- */

static bool has_chunks_of(const brood_worker *worker, const brood_result *job)
{
    for (const brood_chunk *chunk = worker->chunks.first; chunk != NULL; chunk = chunk->next) {
        if (chunk->job == job) {
            return true;
        }
    }
    return false;
}

static void cancel_given(brood_result *job)
{
    brood_worker *following = NULL;

    for (brood_worker *worker = job->pool->busy_first; worker != NULL; worker = following) {
        following = worker->next_busy;
        if (!has_chunks_of(worker, job)) {
            continue;
        }
        brood_worker_revoke(worker);
        if (worker->chunks.first != NULL && worker->chunks.first->job == job) {
            brood_worker_cancel(worker);
        }
    }
}

static void cancel_queued(brood_result *job)
{
    while (job->queued != NULL) {
        brood_queue_end_cancelled(job->queued);
    }
}

void brood_job_end(brood_result *job)
{
    brood_job_hold(job);
    if (job->given > 0) {
        cancel_given(job);
    }
    cancel_queued(job);
    brood_job_release(job);
}

void brood_job_cancel(brood_result *job, brood_status cancel_status)
{
    brood_pool *pool = job->pool;

    if (brood_load32(&job->finished) != 0 || job->cancel_status != BROOD_OK) {
        return;
    }
    job->cancel_status = cancel_status;
    brood_job_end(job);
    brood_pool_dispatch(pool);
}

/* ---- cancelling many ---------------------------------------------------------------------- */

static bool has_cancelled_chunks(const brood_worker *worker)
{
    for (const brood_chunk *chunk = worker->chunks.first; chunk != NULL; chunk = chunk->next) {
        if (chunk->job->cancel_status != BROOD_OK) {
            return true;
        }
    }
    return false;
}

static void end_cancelled_given(brood_pool *pool)
{
    brood_worker *following = NULL;

    for (brood_worker *worker = pool->busy_first; worker != NULL; worker = following) {
        following = worker->next_busy;
        if (!has_cancelled_chunks(worker)) {
            continue;
        }
        brood_worker_revoke(worker);
        if (worker->chunks.first != NULL && worker->chunks.first->job->cancel_status != BROOD_OK) {
            brood_worker_cancel(worker);
        }
    }
}

static void end_cancelled_in(const brood_chunk_list *lane)
{
    brood_chunk *following = NULL;

    for (brood_chunk *chunk = lane->first; chunk != NULL; chunk = following) {
        following = chunk->next;
        if (chunk->job->cancel_status != BROOD_OK) {
            brood_queue_end_cancelled(chunk);
        }
    }
}

static void end_cancelled_jobs(brood_pool *pool)
{
    end_cancelled_given(pool);
    for (size_t i = 0; i < sizeof pool->queue / sizeof pool->queue[0]; i++) {
        end_cancelled_in(&pool->queue[i]);
    }
    brood_pool_dispatch(pool);
}

void brood_jobs_cancel_all(brood_pool *pool, brood_status cancel_status)
{
    for (brood_result *job = pool->jobs; job != NULL; job = job->next) {
        if (job->cancel_status == BROOD_OK) {
            job->cancel_status = cancel_status;
        }
    }
    end_cancelled_jobs(pool);
}
