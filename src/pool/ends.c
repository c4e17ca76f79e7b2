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

    pool->jobs.unfinished++;
    pool->jobs.timed += job->more->timeout_ns > 0;
    if (job->more->deadline != BROOD_NEVER) {
        brood_deadlines_add(&pool->jobs.deadlines, job);
        brood_agenda_at(pool, job->more->deadline);
    }
}

brood_result *brood_jobs_take_expired(brood_pool *pool, int64_t now)
{
    brood_result *expired = NULL;

    while (pool->jobs.deadlines != NULL && pool->jobs.deadlines->more->deadline <= now) {
        brood_result *job = pool->jobs.deadlines;

        brood_deadlines_remove(&pool->jobs.deadlines, job);
        if (job->cancel_status == BROOD_OK) {
            job->cancel_status = BROOD_ERR_DEADLINE;
            brood_job_hold(job);
            job->more->by_deadline.next = expired;
            expired = job;
        }
    }
    return expired;
}

/* ---- ends --------------------------------------------------------------------------------- */

static void finish_job(brood_result *job)
{
    brood_pool *pool = job->pool;
    const brood_job_extras *more = job->more;
    bool calls =
        more->meter != NULL || (job->status == BROOD_OK ? more->on_done : more->on_failed) != NULL;

    pool->jobs.unfinished--;
    if (pool->closed && pool->jobs.unfinished == 0) {
        brood_agenda_supervise(pool); /* its workers are told to end */
        brood_agenda_notify(pool, BROOD_END(pool));
    }
    pool->jobs.timed -= more->timeout_ns > 0;
    brood_deadlines_remove(&pool->jobs.deadlines, job);
    brood_job_give_back_shared(job);
    brood_release32(&job->finished, 1); /* a thread that waits looks again with the lock */
    if (calls) {
        brood_job_call_later(job);
    }
    if (more->on_finish != NULL) {
        more->on_finish(job, more->finish_data);
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
    if (job->more->meter != NULL && brood_meter_is_due(job->more->meter)) {
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
    if (job->kind != BROOD_JOB_TASK) {
        job->more->failed += count;
    }
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
