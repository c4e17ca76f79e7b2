#include "pool/submit.h"

#include "pool/balance.h"
#include "pool/callbacks.h"
#include "pool/ends.h"
#include "pool/engine.h"
#include "pool/functions.h"
#include "pool/headcount.h"
#include "pool/job.h"
#include "pool/lock.h"
#include "pool/make_job.h"
#include "pool/pool_impl.h"
#include "pool/queue.h"
#include "pool/request.h"
#include "pool/threads.h"
#include "pool/wait.h"

/* ---- submitting -------------------------------------------------------------------------- */

static brood_status may_submit(const brood_request *asked)
{
    const brood_pool *pool = asked->pool;

    if (pool->broken) {
        brood_failure why = pool->supervisor.last_start;

        why.status = BROOD_ERR_BROKEN;
        return brood_request_refuse_for(asked, why);
    }
    if (pool->closed || pool->terminated) {
        return brood_request_refuse(asked, BROOD_ERR_STATE, "the pool is closed");
    }
    return BROOD_OK;
}

static bool has_room(brood_pool *pool, void *ignored)
{
    (void)ignored;
    return pool->queue.items < pool->config.options.queue_size || pool->closed || pool->broken;
}

static brood_status wait_for_room(const brood_request *asked)
{
    brood_pool *pool = asked->pool;
    int64_t deadline = BROOD_NEVER;
    brood_status status = BROOD_OK;

    if (pool->config.options.queue_size == 0 || has_room(pool, NULL)) {
        return BROOD_OK;
    }
    brood_pool_turn(pool);
    if (has_room(pool, NULL)) {
        return BROOD_OK;
    }
    if (asked->options->submit_timeout_ms != 0) {
        deadline = brood_deadline(asked->options->submit_timeout_ms);
    }
    if (asked->options->try_submit || brood_pool_in_callback(pool)) {
        return brood_request_refuse(asked, BROOD_ERR_FULL, "");
    }
    status = brood_pool_wait(pool, BROOD_ROOM(pool), has_room, NULL, deadline);
    return status == BROOD_OK ? status : brood_request_refuse(asked, BROOD_ERR_FULL, "");
}

static void enqueue(brood_result *job)
{
    brood_pool *pool = job->pool;

    brood_job_begin(job);
    pool->stats.submitted += job->left;
    job->key = brood_queue_next_key(pool, job->priority);
    if (job->left == 0) {
        brood_job_succeed(job, 0);
        return;
    }
    job->chunk =
        (brood_chunk){.job = job, .first = job->more->first, .count = job->left, .attempt = 1};
    if (job->priority > 0) {
        brood_pool_revoke_for(job);
    }
    brood_queue_put(pool, &job->chunk);
    brood_pool_take_submit(pool);
    brood_supervisor_need(pool);
}

static bool has_callbacks(const brood_result *job)
{
    return job->more->on_done != NULL || job->more->on_failed != NULL || job->more->meter != NULL;
}

/* With the lock. After BROOD_OK the job is the pool's, too. */
static brood_status submit_locked(brood_result *job, brood_request *asked)
{
    brood_error error; /* large, and rarely needed */
    brood_status status = may_submit(asked);

    error.message[0] = '\0';
    if (status != BROOD_OK) {
        return status;
    }
    status = brood_pool_function(asked->pool, &job->function, asked->function,
                                 asked->options->function_name, "function", &error);
    if (status == BROOD_OK && has_callbacks(job)) {
        status = brood_pool_prepare_callbacks(asked->pool, &error);
    }
    if (status != BROOD_OK) {
        return brood_request_refuse(asked, status, error.message);
    }
    status = wait_for_room(asked);
    if (status == BROOD_OK) {
        status = may_submit(asked); /* it may have been closed meanwhile */
    }
    if (status == BROOD_OK) {
        enqueue(job);
    }
    return status;
}

/* Checks what is asked, and makes its job. */
static brood_status make(brood_request *asked, brood_task_options *known,
                         const brood_task_options *options, brood_result **job)
{
    brood_status status = brood_request_check(asked, known, options);

    if (status == BROOD_OK) {
        *job = brood_job_make(asked);
        status = *job != NULL ? BROOD_OK : brood_request_refuse(asked, BROOD_ERR_NO_MEMORY, "");
    }
    return status;
}

/* With the lock: where callers run the workers, the task is run before the call returns. */
static void run_here(brood_result *job)
{
    brood_pool *pool = job->pool;

    if (pool->caller_runs.is_used && !brood_pool_in_callback(pool)) {
        brood_pool_wait(pool, job, brood_job_is_over, job, BROOD_NEVER);
    }
}

static brood_status submit(brood_request *asked, brood_result **result,
                           const brood_task_options *options)
{
    int held = 0;
    brood_task_options known;
    brood_result *job = NULL;
    brood_status status = make(asked, &known, options, &job);

    if (result != NULL) {
        *result = NULL;
    }
    if (status != BROOD_OK) {
        return status;
    }
    held = brood_pool_enter(asked->pool);
    status = submit_locked(job, asked);
    if (status == BROOD_OK) {
        run_here(job);
    }
    brood_pool_leave(asked->pool, held);
    if (status != BROOD_OK) {
        brood_job_unmake(job);
    } else if (result != NULL) {
        *result = job;
    } else {
        brood_job_release(job);
    }
    return status;
}

/* ---- and waiting ------------------------------------------------------------------------- */

static brood_status wait_for(brood_request *asked, brood_result *job)
{
    brood_status status = BROOD_OK;

    status = brood_pool_wait(asked->pool, job, brood_job_is_over, job, BROOD_NEVER);
    if (status != BROOD_OK) {
        return BROOD_ERR_STATE; /* the process is in its last moments */
    }
    status = job->status;
    if (status != BROOD_OK && asked->failure != NULL) {
        brood_result_failure(job, asked->failure);
    }
    return status;
}

/* Submits and waits, in one go with the lock. */
static brood_status submit_and_wait(brood_request *asked, const brood_task_options *options)
{
    int held = 0;
    brood_task_options known;
    brood_result *job = NULL;
    brood_status status = make(asked, &known, options, &job);

    if (status != BROOD_OK) {
        return status;
    }
    held = brood_pool_enter(asked->pool);
    if (brood_pool_in_callback(asked->pool)) {
        status =
            brood_request_refuse(asked, BROOD_ERR_STATE, "a callback cannot wait for its own pool");
    } else {
        status = submit_locked(job, asked);
    }
    if (status != BROOD_OK) {
        brood_pool_leave(asked->pool, held);
        brood_job_unmake(job);
        return status;
    }
    status = wait_for(asked, job);
    brood_pool_leave(asked->pool, held);
    brood_job_release(job);
    return status;
}

/* ---- the calls --------------------------------------------------------------------------- */

brood_status brood_pool_apply(brood_pool *pool, brood_function *function, const void *arg,
                              size_t size, void *out, size_t out_size,
                              const brood_task_options *options)
{
    brood_request asked = {.pool = pool,
                           .kind = BROOD_JOB_TASK,
                           .function = (brood_os_function *)function,
                           .in = arg,
                           .in_size = size,
                           .count = 1,
                           .out = out,
                           .out_size = out_size};

    return submit_and_wait(&asked, options);
}

brood_status brood_pool_submit_item(brood_pool *pool, brood_result **result,
                                    brood_function *function, const void *data, size_t size,
                                    const brood_task_options *options,
                                    void (*on_finish)(brood_result *, void *), void *finish_data)
{
    brood_request asked = {.pool = pool,
                           .kind = BROOD_JOB_TASK,
                           .function = (brood_os_function *)function,
                           .in = data,
                           .in_size = size,
                           .count = 1,
                           .out_size = BROOD_SIZE_VARIES,
                           .copies_in = true,
                           .on_finish = on_finish,
                           .finish_data = finish_data};

    return submit(&asked, result, options);
}

brood_status brood_pool_apply_async(brood_pool *pool, brood_result **result,
                                    brood_function *function, const void *arg, size_t size,
                                    const brood_task_options *options)
{
    return brood_pool_submit_item(pool, result, function, arg, size, options, NULL, NULL);
}

static brood_request map_request(brood_pool *pool, brood_function *function, const void *in,
                                 size_t count, size_t in_size, void *out, size_t out_size)
{
    brood_request asked = {.pool = pool,
                           .kind = BROOD_JOB_MAP,
                           .function = (brood_os_function *)function,
                           .in = in,
                           .in_size = in_size,
                           .count = count,
                           .out = out,
                           .out_size = out_size};

    return asked;
}

brood_status brood_pool_map(brood_pool *pool, brood_function *function, const void *in,
                            size_t count, size_t in_size, void *out, size_t out_size,
                            const brood_task_options *options)
{
    brood_request asked = map_request(pool, function, in, count, in_size, out, out_size);

    return submit_and_wait(&asked, options);
}

brood_status brood_pool_map_async(brood_pool *pool, brood_result **result, brood_function *function,
                                  const void *in, size_t count, size_t in_size, void *out,
                                  size_t out_size, const brood_task_options *options)
{
    brood_request asked = map_request(pool, function, in, count, in_size, out, out_size);

    return submit(&asked, result, options);
}

static brood_request range_request(brood_pool *pool, brood_range_function *function, uint64_t begin,
                                   uint64_t end, const void *context, size_t size)
{
    brood_request asked = {.pool = pool,
                           .kind = BROOD_JOB_RANGE,
                           .function = (brood_os_function *)function,
                           .in = context,
                           .in_size = size,
                           .first = begin,
                           .count = end > begin ? end - begin : 0};

    return asked;
}

brood_status brood_pool_for(brood_pool *pool, brood_range_function *function, uint64_t begin,
                            uint64_t end, const void *context, size_t size,
                            const brood_task_options *options)
{
    brood_request asked = range_request(pool, function, begin, end, context, size);

    return submit_and_wait(&asked, options);
}

brood_status brood_pool_for_async(brood_pool *pool, brood_result **result,
                                  brood_range_function *function, uint64_t begin, uint64_t end,
                                  const void *context, size_t size,
                                  const brood_task_options *options)
{
    brood_request asked = range_request(pool, function, begin, end, context, size);

    asked.copies_in = true;
    return submit(&asked, result, options);
}
