#include "pool/cancel.h"

#include "pool/balance.h"
#include "pool/chunks.h"
#include "pool/dispatch.h"
#include "pool/job.h"
#include "pool/notices.h"
#include "pool/pool_impl.h"
#include "pool/queue.h"
#include "pool/worker.h"

/* ---- cancelling a job -------------------------------------------------------------------- */

void brood_job_flush(const brood_result *job)
{
    for (brood_worker *worker = job->pool->roster.busy_first; worker != NULL;
         worker = worker->lists.next_busy) {
        if (worker->backlog.chunks.first != NULL && worker->backlog.chunks.first->job == job) {
            brood_worker_flush(worker);
        }
    }
}

static bool has_chunks_of(const brood_worker *worker, const brood_result *job)
{
    for (const brood_chunk *chunk = worker->backlog.chunks.first; chunk != NULL;
         chunk = chunk->next) {
        if (chunk->job == job) {
            return true;
        }
    }
    return false;
}

static void cancel_given(brood_result *job)
{
    brood_worker *following = NULL;

    for (brood_worker *worker = job->pool->roster.busy_first; worker != NULL; worker = following) {
        following = worker->lists.next_busy;
        if (!has_chunks_of(worker, job)) {
            continue;
        }
        brood_worker_revoke(worker);
        if (worker->backlog.chunks.first != NULL && worker->backlog.chunks.first->job == job) {
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
    for (const brood_chunk *chunk = worker->backlog.chunks.first; chunk != NULL;
         chunk = chunk->next) {
        if (chunk->job->cancel_status != BROOD_OK) {
            return true;
        }
    }
    return false;
}

static void end_cancelled_given(brood_pool *pool)
{
    brood_worker *following = NULL;

    for (brood_worker *worker = pool->roster.busy_first; worker != NULL; worker = following) {
        following = worker->lists.next_busy;
        if (!has_cancelled_chunks(worker)) {
            continue;
        }
        brood_worker_revoke(worker);
        if (worker->backlog.chunks.first != NULL &&
            worker->backlog.chunks.first->job->cancel_status != BROOD_OK) {
            brood_worker_cancel(worker);
        }
    }
}

static void end_cancelled_jobs(brood_pool *pool)
{
    end_cancelled_given(pool);
    brood_queue_end_all_cancelled(pool);
    brood_pool_dispatch(pool);
}

void brood_jobs_cancel_all(brood_pool *pool, brood_status cancel_status)
{
    brood_queue_mark_all(pool, cancel_status);
    for (const brood_worker *worker = pool->roster.busy_first; worker != NULL;
         worker = worker->lists.next_busy) {
        brood_chunks_mark(&worker->backlog.chunks, cancel_status);
    }
    end_cancelled_jobs(pool);
}
