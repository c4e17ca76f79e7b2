#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "pool/pool_impl.h"
#include "process/function.h"
#include "process/options.h"

#define OPTIONS_SIZE_MIN offsetof(brood_task_options, tag)
#define TAG_MAX_BYTES 255
#define RECEIVE_EVERY 16 /* submits */

/* What a call wants, checked step by step. */
typedef struct request {
    brood_pool *pool;
    brood_task_options options;
    brood_failure *failure; /* the caller's, or NULL */
    brood_job_kind kind;
    brood_os_function *function;
    const void *in;
    uint64_t first, count;
    size_t in_size;
    void *out;
    size_t out_size;
    bool copies_in; /* into the job */
    void (*on_finish)(brood_result *, void *);
    void *owner;
} request;

/* ---- refusing ---------------------------------------------------------------------------- */

static brood_status refuse_for(const request *asked, brood_failure failure)
{
    if (asked->failure != NULL) {
        brood_failure_give(asked->failure, &failure);
    }
    return failure.status;
}

static brood_status refuse(const request *asked, brood_status status, const char *message)
{
    return refuse_for(asked, brood_job_failure(NULL, status, message));
}

static brood_status refuse_argument(const request *asked, const char *argument, const char *rule)
{
    char message[160];

    snprintf(message, sizeof message, "%s %s", argument, rule);
    return refuse(asked, BROOD_ERR_ARGUMENT, message);
}

/* ---- checking ---------------------------------------------------------------------------- */

static brood_status take_options(request *asked, const brood_task_options *options)
{
    brood_status status =
        brood_struct_take(&asked->options, sizeof asked->options, options, OPTIONS_SIZE_MIN);

    asked->failure = asked->options.failure;
    if (status == BROOD_ERR_NOT_SUPPORTED) {
        return refuse(asked, status,
                      "options has a field that this version of brood does not know");
    }
    return status;
}

static brood_status check_options(const request *asked)
{
    const brood_task_options *options = &asked->options;

    if (options->priority < -BROOD_PRIORITY_MAX || options->priority > BROOD_PRIORITY_MAX) {
        return refuse_argument(asked, "priority", "must be from -10 to 10");
    }
    if (options->tag != NULL && strlen(options->tag) > TAG_MAX_BYTES) {
        return refuse_argument(asked, "tag", "must be at most 255 bytes long");
    }
    if (options->try_submit && options->submit_timeout_ms != 0) {
        return refuse_argument(asked, "submit_timeout_ms", "must be 0 with try_submit");
    }
    if ((options->shared_count > 0) != (options->shared != NULL) ||
        options->shared_count > BROOD_SHARED_MAX) {
        return refuse_argument(asked, "shared", "and shared_count, at most 64, must go together");
    }
    for (size_t i = 0; i < options->shared_count; i++) {
        if (options->shared[i] == NULL) {
            return refuse_argument(asked, "shared", "must not have a NULL");
        }
    }
    return BROOD_OK;
}

brood_status brood_task_refuse(const brood_task_options *options, brood_status status,
                               const char *message)
{
    const request asked = {.failure = options->failure};

    return refuse(&asked, status, message);
}

brood_status brood_task_options_check(const brood_task_options *options)
{
    request asked = {.options = *options, .failure = options->failure};

    return check_options(&asked);
}

static bool is_too_large(uint64_t count, size_t size)
{
    return size != 0 && size != BROOD_SIZE_VARIES && count > (SIZE_MAX / 2) / size;
}

/* Items that have sizes of their own. */
static brood_status check_sizes(const request *asked)
{
    const brood_bytes *items = asked->in;

    for (uint64_t i = 0; i < asked->count; i++) {
        if (items[i].data == NULL && items[i].size > 0) {
            return refuse_argument(asked, "in", "must not have a NULL with a size");
        }
        if (items[i].size > SIZE_MAX / 2) {
            return refuse_argument(asked, "size", "is larger than any memory");
        }
    }
    return BROOD_OK;
}

static brood_status check_items(const request *asked)
{
    uint64_t count = asked->kind == BROOD_JOB_RANGE ? 1 : asked->count;

    if (asked->in == NULL && asked->count > 0 && asked->in_size > 0) {
        return refuse_argument(asked, asked->kind == BROOD_JOB_MAP ? "in" : "arg",
                               "must not be NULL with a size");
    }

    if (asked->in_size != BROOD_SIZE_VARIES && asked->in_size > SIZE_MAX / 2) {
        return refuse_argument(asked, "size", "is larger than any memory");
    }
    if (is_too_large(count, asked->in_size) || is_too_large(count, asked->out_size)) {
        return refuse_argument(asked, "size", "is larger than any memory");
    }
    return asked->kind == BROOD_JOB_MAP && asked->in_size == BROOD_SIZE_VARIES ? check_sizes(asked)
                                                                               : BROOD_OK;
}

static brood_status check(request *asked, const brood_task_options *options)
{
    brood_status status = take_options(asked, options);

    if (status != BROOD_OK) {
        return status;
    }
    if (asked->pool == NULL) {
        return refuse_argument(asked, "pool", "must not be NULL");
    }
    if (asked->in_size == BROOD_SIZE_VARIES && asked->kind != BROOD_JOB_MAP) {
        return refuse_argument(asked, "size", "is larger than any memory");
    }
    if (asked->out_size == BROOD_SIZE_VARIES && asked->kind == BROOD_JOB_TASK &&
        !asked->copies_in) {
        return refuse_argument(asked, "out_size", "must be that of the value: see apply_async");
    }
    status = check_options(asked);
    if (status == BROOD_OK) {
        status = check_items(asked);
    }
    if (status != BROOD_OK) {
        return status;
    }
    if ((asked->out == NULL) != (asked->out_size == 0) && !asked->copies_in) {
        return refuse_argument(asked, "out", "and out_size must go together");
    }
    return BROOD_OK;
}

/* ---- functions --------------------------------------------------------------------------- */

static bool is_same_function(const brood_known_function *known, brood_os_function *function,
                             const char *name)
{
    return function != NULL ? known->function == function
                            : known->name != NULL && name != NULL && strcmp(known->name, name) == 0;
}

static brood_status learn_function(brood_pool *pool, brood_os_function *function, const char *name,
                                   const char *argument, brood_error *error)
{
    brood_known_function *grown = NULL;
    brood_known_function *entry = NULL;
    brood_function_ref ref;
    brood_status status = brood_function_locate(&ref, function, name,
                                                pool->process.executable != NULL, argument, error);

    if (status != BROOD_OK) {
        return status;
    }
    grown = brood_realloc(pool->functions, (pool->function_count + 1) * sizeof *grown);
    if (grown != NULL) {
        pool->functions = grown;
        entry = &grown[pool->function_count];
        memset(entry, 0, sizeof *entry);
        entry->function = function;
        brood_function_encode(&entry->encoded, &ref);
        if (function == NULL) {
            entry->name = brood_malloc(strlen(name) + 1);
        }
    }
    brood_function_forget(&ref);
    if (entry == NULL || entry->encoded.failed || (function == NULL && entry->name == NULL)) {
        if (entry != NULL) {
            brood_buffer_free(&entry->encoded);
            brood_free(entry->name);
        }
        return brood_fail_memory(error, argument);
    }
    if (function == NULL) {
        memcpy(entry->name, name, strlen(name) + 1);
    }
    pool->function_count++;
    return BROOD_OK;
}

brood_status brood_pool_function(brood_pool *pool, uint32_t *number, brood_os_function *function,
                                 const char *name, const char *argument, brood_error *error)
{
    brood_status status = BROOD_OK;

    if (function != NULL && name != NULL) {
        return brood_fail_argument(error, "function_name", "must be NULL when a function is given");
    }
    for (uint32_t i = 0; i < pool->function_count; i++) {
        if (is_same_function(&pool->functions[i], function, name)) {
            *number = i;
            return BROOD_OK;
        }
    }
    status = learn_function(pool, function, name, argument, error);
    *number = pool->function_count - 1;
    return status;
}

/* ---- making a job ------------------------------------------------------------------------ */

/* The shared memory in which a plain array lies, or NULL; with a reference. */
static brood_shared *find_shared(const void *data, size_t size, uint64_t count)
{
    return size == BROOD_SIZE_VARIES || size == 0 ? NULL
                                                  : brood_shared_find(data, size * (size_t)count);
}

static void take_shared(brood_result *job, const request *asked)
{
    const brood_task_options *options = &asked->options;

    for (size_t i = 0; i < options->shared_count; i++) {
        brood_shared_hold(options->shared[i]);
        job->shared[job->shared_count++] = options->shared[i];
    }
    if (job->kind == BROOD_JOB_MAP && job->count > 0) {
        job->in_shared = find_shared(job->in, job->in_size, job->count);
        job->out_shared = find_shared(job->out, job->out_size, job->count);
        job->flags |= (job->in_shared != NULL ? BROOD_WIRE_IN_SHARED : 0u) |
                      (job->out_shared != NULL ? BROOD_WIRE_OUT_SHARED : 0u);
    }
}

static void take_task_options(brood_result *job, const request *asked)
{
    const brood_task_options *options = &asked->options;

    job->chunk_size = options->chunk_size;
    job->retries = options->retries != 0 ? options->retries : asked->pool->options.retries;
    job->timeout_ns = (int64_t)options->timeout_ms * BROOD_NS_PER_MS;
    job->deadline = BROOD_NEVER;
    if (options->deadline_ms != 0) {
        job->deadline = brood_os_now() + (int64_t)options->deadline_ms * BROOD_NS_PER_MS;
    }
    job->priority = options->priority;
    if (options->tag != NULL) {
        snprintf(job->tag, sizeof job->tag, "%s", options->tag);
        brood_text_clean(job->tag);
    }
    job->on_done = options->done;
    job->on_failed = options->failed;
    job->user = options->user;
    job->meter = brood_meter_begin(options->progress, options->progress_user);
    if (job->timeout_ns > 0) {
        job->flags |= BROOD_WIRE_TIMED;
    }
    if (options->progress != NULL) {
        job->flags |= BROOD_WIRE_WATCHED;
    }
}

/* Behind the job lie the list of its shared memory, and a copy of its argument. NULL: no memory. */
static brood_result *make_job(const request *asked)
{
    size_t copied = asked->copies_in ? asked->in_size : 0;
    size_t shared = (size_t)brood_wire_padded(asked->options.shared_count * sizeof(brood_shared *));
    brood_result *job = brood_job_cache_take(&asked->pool->job_cache, shared + copied);

    if (job == NULL) {
        return NULL;
    }
    brood_exchange32(&job->references, 2); /* the caller's and the pool's */
    job->pool = asked->pool;
    job->kind = asked->kind;
    job->shared = (brood_shared **)(void *)(job + 1);
    job->in = asked->in;
    if (copied > 0) {
        job->in = memcpy((unsigned char *)(job + 1) + shared, asked->in, copied);
    }
    job->in_size = asked->in_size;
    job->first = asked->first;
    job->count = job->left = asked->count;
    job->out = asked->out;
    job->out_size = asked->out_size;
    job->flags = asked->kind == BROOD_JOB_RANGE ? BROOD_WIRE_RANGE : 0;
    job->on_finish = asked->on_finish;
    job->owner = asked->owner;
    take_task_options(job, asked);
    take_shared(job, asked);
    brood_add32(&asked->pool->references, 1);
    return job;
}

/* Frees a job that was never submitted. */
static void unmake_job(brood_result *job)
{
    brood_pool *pool = job->pool;

    brood_job_give_back_shared(job);
    brood_job_cache_put(&pool->job_cache, job);
    brood_add32(&pool->references, (uint32_t)-1);
}

/* ---- submitting -------------------------------------------------------------------------- */

static brood_status may_submit(const request *asked)
{
    const brood_pool *pool = asked->pool;

    if (pool->broken) {
        brood_failure why = pool->last_start;

        why.status = BROOD_ERR_BROKEN;
        return refuse_for(asked, why);
    }
    if (pool->closed || pool->terminated) {
        return refuse(asked, BROOD_ERR_STATE, "the pool is closed");
    }
    return BROOD_OK;
}

static bool has_room(brood_pool *pool, void *ignored)
{
    (void)ignored;
    return pool->queued < pool->options.queue_size || pool->closed || pool->broken;
}

static brood_status wait_for_room(const request *asked)
{
    brood_pool *pool = asked->pool;
    int64_t deadline = BROOD_NEVER;
    brood_status status = BROOD_OK;

    if (pool->options.queue_size == 0 || has_room(pool, NULL)) {
        return BROOD_OK;
    }
    brood_pool_turn(pool);
    if (has_room(pool, NULL)) {
        return BROOD_OK;
    }
    if (asked->options.submit_timeout_ms != 0) {
        deadline = brood_deadline(asked->options.submit_timeout_ms);
    }
    if (asked->options.try_submit || brood_pool_in_callback(pool)) {
        return refuse(asked, BROOD_ERR_FULL, "");
    }
    pool->room_waiters++;
    status = brood_pool_wait(pool, BROOD_ROOM(pool), has_room, NULL, deadline);
    pool->room_waiters--;
    return status == BROOD_OK ? status : refuse(asked, BROOD_ERR_FULL, "");
}

static void link_job(brood_result *job)
{
    brood_pool *pool = job->pool;

    job->next = pool->jobs;
    if (pool->jobs != NULL) {
        pool->jobs->previous = job;
    }
    pool->jobs = job;
    pool->timed += job->timeout_ns > 0;
    if (job->deadline != BROOD_NEVER) {
        brood_deadlines_add(&pool->deadlines, job);
        brood_agenda_at(pool, job->deadline);
    }
}

/* What came later, but is more urgent, does not stand behind what workers were given ahead. */
static void overtake(brood_pool *pool, const brood_result *job)
{
    brood_worker *following = NULL;

    for (brood_worker *worker = pool->busy_first; worker != NULL; worker = following) {
        following = worker->next_busy;
        if (worker->chunk_count > 1 && worker->chunks.last->job->key > job->key) {
            brood_worker_revoke(worker);
        }
    }
}

static void enqueue(brood_result *job)
{
    brood_pool *pool = job->pool;

    link_job(job);
    pool->stats.submitted += job->count;
    pool->submits++;
    job->key = brood_queue_key(++pool->sequence, job->priority);
    if (job->count == 0) {
        brood_job_succeed(job, 0);
        return;
    }
    job->chunk = (brood_chunk){.job = job, .first = job->first, .count = job->count, .attempt = 1};
    if (job->priority > 0) {
        overtake(pool, job);
    }
    brood_queue_put(pool, &job->chunk);
    if (++pool->unreceived >= RECEIVE_EVERY) {
        brood_pool_turn(pool);
    } else {
        brood_pool_dispatch(pool);
    }
    brood_supervisor_need(pool);
}

static bool has_callbacks(const brood_result *job)
{
    return job->on_done != NULL || job->on_failed != NULL || job->meter.function != NULL;
}

/* With the lock. After BROOD_OK the job is the pool's, too. */
static brood_status submit_locked(brood_result *job, request *asked)
{
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_status status = may_submit(asked);

    if (status != BROOD_OK) {
        return status;
    }
    status = brood_pool_function(asked->pool, &job->function, asked->function,
                                 asked->options.function_name, "function", &error);
    if (status == BROOD_OK && has_callbacks(job)) {
        status = brood_pool_prepare_callbacks(asked->pool, &error);
    }
    if (status != BROOD_OK) {
        return refuse(asked, status, error.message);
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

static brood_status submit(request *asked, brood_result **result, const brood_task_options *options)
{
    int held = 0;
    brood_status status = check(asked, options);
    brood_result *job = NULL;

    if (result != NULL) {
        *result = NULL;
    }
    if (status != BROOD_OK) {
        return status;
    }
    job = make_job(asked);
    if (job == NULL) {
        return refuse(asked, BROOD_ERR_NO_MEMORY, "");
    }
    held = brood_pool_enter(asked->pool);
    status = submit_locked(job, asked);
    brood_pool_leave(asked->pool, held);
    if (status != BROOD_OK) {
        unmake_job(job);
    } else if (result != NULL) {
        *result = job;
    } else {
        brood_job_release(job);
    }
    return status;
}

/* ---- and waiting ------------------------------------------------------------------------- */

bool brood_job_is_over(brood_pool *pool, void *job)
{
    (void)pool;
    return brood_load32(&((brood_result *)job)->finished) != 0;
}

static brood_status wait_for(request *asked, brood_result *job)
{
    brood_status status = BROOD_OK;

    status = brood_pool_wait(asked->pool, job, brood_job_is_over, job, BROOD_NEVER);
    if (status != BROOD_OK) {
        return BROOD_ERR_STATE; /* the process is in its last moments */
    }
    status = job->status;
    if (status != BROOD_OK && asked->failure != NULL) {
        brood_pool_unlock(asked->pool);
        brood_result_failure(job, asked->failure);
        brood_pool_lock(asked->pool);
    }
    return status;
}

/* Submits and waits, in one go with the lock. */
static brood_status submit_and_wait(request *asked, const brood_task_options *options)
{
    int held = 0;
    brood_status status = check(asked, options);
    brood_result *job = NULL;

    if (status != BROOD_OK) {
        return status;
    }
    job = make_job(asked);
    if (job == NULL) {
        return refuse(asked, BROOD_ERR_NO_MEMORY, "");
    }
    held = brood_pool_enter(asked->pool);
    if (brood_pool_in_callback(asked->pool)) {
        status = refuse(asked, BROOD_ERR_STATE, "a callback cannot wait for its own pool");
    } else {
        status = submit_locked(job, asked);
    }
    if (status != BROOD_OK) {
        brood_pool_leave(asked->pool, held);
        unmake_job(job);
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
    request asked = {.pool = pool,
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
                                    void (*on_finish)(brood_result *, void *), void *owner)
{
    request asked = {.pool = pool,
                     .kind = BROOD_JOB_TASK,
                     .function = (brood_os_function *)function,
                     .in = data,
                     .in_size = size,
                     .count = 1,
                     .out_size = BROOD_SIZE_VARIES,
                     .copies_in = true,
                     .on_finish = on_finish,
                     .owner = owner};

    return submit(&asked, result, options);
}

brood_status brood_pool_apply_async(brood_pool *pool, brood_result **result,
                                    brood_function *function, const void *arg, size_t size,
                                    const brood_task_options *options)
{
    return brood_pool_submit_item(pool, result, function, arg, size, options, NULL, NULL);
}

static request map_request(brood_pool *pool, brood_function *function, const void *in, size_t count,
                           size_t in_size, void *out, size_t out_size)
{
    request asked = {.pool = pool,
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
    request asked = map_request(pool, function, in, count, in_size, out, out_size);

    return submit_and_wait(&asked, options);
}

brood_status brood_pool_map_async(brood_pool *pool, brood_result **result, brood_function *function,
                                  const void *in, size_t count, size_t in_size, void *out,
                                  size_t out_size, const brood_task_options *options)
{
    request asked = map_request(pool, function, in, count, in_size, out, out_size);

    return submit(&asked, result, options);
}

static request range_request(brood_pool *pool, brood_range_function *function, uint64_t begin,
                             uint64_t end, const void *context, size_t size)
{
    request asked = {.pool = pool,
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
    request asked = range_request(pool, function, begin, end, context, size);

    return submit_and_wait(&asked, options);
}

brood_status brood_pool_for_async(brood_pool *pool, brood_result **result,
                                  brood_range_function *function, uint64_t begin, uint64_t end,
                                  const void *context, size_t size,
                                  const brood_task_options *options)
{
    request asked = range_request(pool, function, begin, end, context, size);

    asked.copies_in = true;
    return submit(&asked, result, options);
}
