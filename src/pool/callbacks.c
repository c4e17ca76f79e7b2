#include "pool/callbacks.h"

#include "pool/agenda.h"
#include "pool/job.h"
#include "pool/lock.h"
#include "pool/pool_impl.h"

void brood_job_call_later(brood_result *job)
{
    brood_pool *pool = job->pool;

    if (job->more->is_to_call) {
        return;
    }
    job->more->is_to_call = true;
    job->more->next_to_call = NULL;
    if (pool->callbacks.last != NULL) {
        pool->callbacks.last->more->next_to_call = job;
    } else {
        pool->callbacks.first = job;
    }
    pool->callbacks.last = job;
    brood_job_hold(job);
    brood_agenda_notify(pool, BROOD_END(pool)); /* a join of a pool with an event loop calls it */
}

static void call_progress(brood_result *job)
{
    brood_meter *meter = job->more->meter;
    uint64_t count = job->more->count;
    brood_progress progress =
        brood_meter_take(meter, count - job->left, count, brood_job_failures(job));

    brood_pool_unlock(job->pool);
    meter->function(&progress, meter->user);
    brood_pool_lock(job->pool);
}

static void call_one(brood_result *job)
{
    bool is_finished = brood_load32(&job->finished) != 0;
    const brood_job_extras *more = job->more;
    brood_result_function *function = job->status == BROOD_OK ? more->on_done : more->on_failed;

    if (more->meter != NULL) {
        call_progress(job);
    }
    if (is_finished && function != NULL) {
        brood_pool_unlock(job->pool);
        function(job, more->user);
        brood_pool_lock(job->pool);
    }
}

bool brood_pool_call_next(brood_pool *pool)
{
    brood_result *job = pool->callbacks.first;

    if (!brood_callbacks_wait(&pool->callbacks)) {
        return false;
    }
    pool->callbacks.first = job->more->next_to_call;
    if (pool->callbacks.first == NULL) {
        pool->callbacks.last = NULL;
    }
    job->more->is_to_call = false;
    pool->callbacks.is_running = true;
    pool->callbacks.thread = brood_thread_id();
    call_one(job);
    pool->callbacks.is_running = false;
    brood_job_release(job); /* the pool itself has a reference more */
    brood_agenda_notify(pool, BROOD_END(pool));
    return true;
}

bool brood_pool_in_callback(const brood_pool *pool)
{
    return (pool->callbacks.is_running && pool->callbacks.thread == brood_thread_id()) ||
           (pool->caller_runs.is_on && pool->caller_runs.thread == brood_thread_id());
}
