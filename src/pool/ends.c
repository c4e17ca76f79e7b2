#include "pool/ends.h"

#include <stdio.h>

#include "pool/agenda.h"
#include "pool/callbacks.h"
#include "pool/deadlines.h"
#include "pool/failed_items.h"
#include "pool/job.h"
#include "pool/pool_impl.h"

/* ---- the jobs of a pool ------------------------------------------------------------------- */

void brood_job_begin(brood_result *job)
{
    brood_pool *pool = job->pool;

    job->next = pool->jobs.first;
    if (pool->jobs.first != NULL) {
        pool->jobs.first->previous = job;
    }
    pool->jobs.first = job;
    pool->jobs.timed += job->timeout_ns > 0;
    if (job->deadline != BROOD_NEVER) {
        brood_deadlines_add(&pool->jobs.deadlines, job);
        brood_agenda_at(pool, job->deadline);
    }
}

brood_result *brood_jobs_take_expired(brood_pool *pool, int64_t now)
{
    brood_result *expired = NULL;

    while (pool->jobs.deadlines != NULL && pool->jobs.deadlines->deadline <= now) {
        brood_result *job = pool->jobs.deadlines;

        brood_deadlines_remove(&pool->jobs.deadlines, job);
        if (job->cancel_status == BROOD_OK) {
            job->cancel_status = BROOD_ERR_DEADLINE;
            brood_job_hold(job);
            job->by_deadline.next = expired;
            expired = job;
        }
    }
    return expired;
}

static void unlink_job(brood_result *job)
{
    if (job->previous != NULL) {
        job->previous->next = job->next;
    } else {
        job->pool->jobs.first = job->next;
    }
    if (job->next != NULL) {
        job->next->previous = job->previous;
    }
}

/* ---- ends --------------------------------------------------------------------------------- */

static void finish_job(brood_result *job)
{
    brood_pool *pool = job->pool;
    bool calls =
        job->meter != NULL || (job->status == BROOD_OK ? job->on_done : job->on_failed) != NULL;

    unlink_job(job);
    if (pool->closed && pool->jobs.first == NULL) {
        brood_agenda_supervise(pool); /* its workers are told to end */
        brood_agenda_notify(pool, BROOD_END(pool));
    }
    pool->jobs.timed -= job->timeout_ns > 0;
    brood_deadlines_remove(&pool->jobs.deadlines, job);
    brood_job_give_back_shared(job);
    brood_exchange32(&job->finished, 1);
    if (calls) {
        brood_job_call_later(job);
    }
    if (job->on_finish != NULL) {
        job->on_finish(job, job->finish_data);
    }
    brood_agenda_notify(pool, job);
    brood_job_release(job);
}

static void count_down(brood_result *job, uint64_t count)
{
    job->left -= count;
    if (job->left == 0) {
        finish_job(job);
        return;
    }
    if (job->watchers > 0) {
        brood_agenda_notify(job->pool, job);
    }
    if (job->meter != NULL && brood_meter_is_due(job->meter)) {
        brood_job_call_later(job);
    }
}

void brood_job_succeed(brood_result *job, uint64_t count)
{
    job->pool->stats.succeeded += count;
    count_down(job, count);
}

void brood_job_fail(brood_result *job, uint64_t first, uint64_t count, const brood_failure *failure)
{
    brood_pool_stats *stats = &job->pool->stats;

    *(failure->status == BROOD_ERR_CANCELLED ? &stats->cancelled : &stats->failed) += count;
    job->failed += count;
    brood_failed_items_record(job, first, count, failure);
    job->status = job->failures != NULL ? job->failures->status : failure->status;
    count_down(job, count);
}

void brood_job_end_cancelled(brood_result *job, uint64_t first, uint64_t count)
{
    brood_failure failure = brood_job_failure(job, job->cancel_status, "");

    if (job->cancel_status == BROOD_ERR_BROKEN) {
        failure.exit = job->pool->supervisor.last_start.exit;
        failure.pid = job->pool->supervisor.last_start.pid;
        failure.task_code = job->pool->supervisor.last_start.task_code;
        snprintf(failure.message, sizeof failure.message, "%.*s", (int)sizeof failure.message - 1,
                 job->pool->supervisor.last_start.message);
    }
    brood_job_fail(job, first, count, &failure);
}
