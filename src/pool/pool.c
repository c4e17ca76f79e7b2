#include <stdio.h>
#include <string.h>

#include <brood/cpu.h>

#include "base/error.h"
#include "base/memory.h"
#include "pool/pool_impl.h"
#include "process/options.h"
#include "process/self.h"

#define OPTIONS_SIZE_MIN offsetof(brood_pool_options, name)
#define NAME_MAX_BYTES 200
#define WORKERS_MAX 4096
#define DEPTH_MAX_DEFAULT 4
#if !defined(RING_LARGE)         /* by a test */
#define RING_LARGE (1024 * 1024) /* of each ring, where there are few workers */
#endif
#define RING_SMALL (64 * 1024)
#define FEW_WORKERS 16
#define SPIN_NS 200000 /* longer than it takes to wake a worker */
#define SERVICE_NS_AT_FIRST 1000000

/* ---- options ----------------------------------------------------------------------------- */

static brood_status check_process_options(const brood_process_options *process)
{
    const brood_stdio *stdio[] = {&process->stdin_to, &process->stdout_to, &process->stderr_to};
    const char *names[] = {"stdin_to", "stdout_to", "stderr_to"};

    if (process->name != NULL || process->function_name != NULL || process->daemon ||
        process->timeout_ms != 0) {
        return brood_fail_argument(process->error, "process",
                                   "must not have a name, function_name, daemon or timeout_ms");
    }
    if (process->handle_count > BROOD_HANDLES_MAX - BROOD_WIRE_HANDLES) {
        return brood_fail_argument(process->error, "handle_count", "must be at most 254");
    }
    for (size_t i = 0; i < 3; i++) {
        if (stdio[i]->mode == BROOD_STDIO_PIPE) {
            return brood_fail_argument(process->error, names[i],
                                       "must not be a pipe: nobody could read it");
        }
    }
    return brood_options_check(process);
}

static brood_status check_options(const brood_pool_options *options)
{
    brood_error *error = options->error;

    if (options->name != NULL && strlen(options->name) > NAME_MAX_BYTES) {
        return brood_fail_argument(error, "name", "must be at most 200 bytes long");
    }
    if (options->workers > WORKERS_MAX) {
        return brood_fail_argument(error, "workers", "must be at most 4096");
    }
    if (options->initializer_arg == NULL && options->initializer_size > 0) {
        return brood_fail_argument(error, "initializer_arg", "must not be NULL with a size");
    }
    if (options->initializer_size > SIZE_MAX / 2) {
        return brood_fail_argument(error, "initializer_size", "is larger than any memory");
    }
    if (options->max_tasks_jitter > 0 &&
        options->max_tasks_jitter >= options->max_tasks_per_worker) {
        return brood_fail_argument(error, "max_tasks_jitter",
                                   "must be less than max_tasks_per_worker");
    }
    if ((int)options->spin < BROOD_SPIN_ADAPTIVE || (int)options->spin > BROOD_SPIN_ALWAYS) {
        return brood_fail_argument(error, "spin", "is unknown");
    }
    return BROOD_OK;
}

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

static void fill_defaults(brood_pool_options *options)
{
    options->quarantine = or_default(options->quarantine, 3);
    options->backoff_ms = or_default(options->backoff_ms, 10);
    options->crash_limit = or_default(options->crash_limit, 10);
    options->grace_ms = or_default(options->grace_ms, 1000);
    options->exit_timeout_ms = or_default(options->exit_timeout_ms, 30000);
    options->max_depth = or_default(options->max_depth, DEPTH_MAX_DEFAULT);
}

/* ---- copies of what the options point to -------------------------------------------------- */

typedef struct brood_copy {
    struct brood_copy *next;
    void *align; /* what follows is as aligned as a pointer */
} brood_copy;

/* Lives as long as the pool. NULL: out of memory. */
static void *keep_copy(brood_pool *pool, const void *data, size_t size)
{
    brood_copy *copy = brood_malloc(sizeof *copy + size);

    if (copy == NULL) {
        return NULL;
    }
    memcpy(copy + 1, data, size);
    copy->next = pool->copies;
    pool->copies = copy;
    return copy + 1;
}

static void free_copies(brood_pool *pool)
{
    while (pool->copies != NULL) {
        brood_copy *next = pool->copies->next;

        brood_free(pool->copies);
        pool->copies = next;
    }
}

/* *text becomes a copy of it; NULL stays. */
static bool copy_text(brood_pool *pool, const char **text)
{
    if (*text != NULL) {
        *text = keep_copy(pool, *text, strlen(*text) + 1);
        return *text != NULL;
    }
    return true;
}

static bool copy_environment(brood_pool *pool)
{
    const char *const *given = pool->process.environment;
    const char **all = NULL;
    size_t count = 0;

    if (given == NULL) {
        return true;
    }
    while (given[count] != NULL) {
        count++;
    }
    all = keep_copy(pool, (const void *)given, (count + 1) * sizeof *all);
    pool->process.environment = all;
    for (size_t i = 0; all != NULL && i < count; i++) {
        if (!copy_text(pool, &all[i])) {
            return false;
        }
    }
    return all != NULL;
}

/* Later workers mean the same paths as the first ones, wherever the program is then. */
static brood_status copy_paths(brood_pool *pool)
{
    brood_process_options *own = &pool->process;
    const char **paths[] = {&own->executable, &own->working_directory, &own->stdin_to.path,
                            &own->stdout_to.path, &own->stderr_to.path};
    brood_status status = BROOD_OK;

    for (size_t i = 0; i < sizeof paths / sizeof paths[0] && status == BROOD_OK; i++) {
        char *absolute = NULL;

        if (*paths[i] != NULL) {
            status = brood_os_path_absolute(&absolute, *paths[i], paths[i] == &own->executable,
                                            pool->options.error);
            *paths[i] = absolute;
        }
        if (status == BROOD_OK && !copy_text(pool, paths[i])) {
            status = brood_fail_memory(pool->options.error, "options");
        }
        brood_free(absolute);
    }
    return status;
}

static brood_status copy_process_options(brood_pool *pool)
{
    brood_process_options *own = &pool->process;
    bool copied = copy_environment(pool);

    if (copied && own->cpu_count > 0) {
        own->cpus = keep_copy(pool, own->cpus, own->cpu_count * sizeof *own->cpus);
        copied = own->cpus != NULL;
    }
    return copied ? copy_paths(pool) : brood_fail_memory(pool->options.error, "options");
}

/* The program may close its own. */
static brood_status copy_handles(brood_pool *pool)
{
    const brood_handle *given = pool->process.handles;
    brood_handle *handles = NULL;
    size_t count = pool->process.handle_count;
    brood_status status = BROOD_OK;

    pool->process.handles = NULL;
    pool->process.handle_count = 0;
    if (count == 0) {
        return BROOD_OK;
    }
    handles = keep_copy(pool, given, count * sizeof *handles);
    if (handles == NULL) {
        return brood_fail_memory(pool->options.error, "handles");
    }
    pool->process.handles = handles;
    for (size_t i = 0; i < count && status == BROOD_OK; i++) {
        status = brood_os_handle_duplicate(&handles[i], given[i], pool->options.error);
        pool->process.handle_count += status == BROOD_OK;
    }
    return status;
}

/* What they point to is still the program's. */
static brood_status take_process_options(brood_process_options *taken,
                                         const brood_pool_options *given)
{
    brood_status status = brood_options_take(taken, given->process);

    if (status == BROOD_ERR_ARGUMENT) {
        return brood_fail_argument(given->error, "process", "has a wrong struct_size");
    }
    if (status == BROOD_ERR_NOT_SUPPORTED) {
        return brood_fail(given->error, status, 0, "process",
                          "process has a field that this version of brood does not know");
    }
    taken->error = given->error;
    return given->process == NULL ? BROOD_OK : check_process_options(taken);
}

static brood_status copy_options(brood_pool *pool, const brood_pool_options *given)
{
    brood_process_options process;
    brood_status status = take_process_options(&process, given);

    pool->options = *given;
    pool->options.name = given->name != NULL ? given->name : "brood";
    pool->options.process = NULL; /* these two stay the program's; see process, initializer_arg */
    pool->options.initializer_arg = NULL;
    if (status != BROOD_OK) {
        return status;
    }
    pool->process = process;
    pool->process.error = NULL;
    status = copy_text(pool, &pool->options.name) ? copy_process_options(pool)
                                                  : brood_fail_memory(given->error, "options");
    if (status != BROOD_OK) {
        pool->process.handle_count = 0; /* they are not ours */
        return status;
    }
    status = copy_handles(pool);
    if (status == BROOD_OK) {
        status = brood_origin_take(&pool->origin, given->error);
    }
    if (status == BROOD_OK && given->initializer_size > 0) {
        pool->initializer_arg = brood_malloc(given->initializer_size);
        if (pool->initializer_arg == NULL) {
            return brood_fail_memory(given->error, "initializer_arg");
        }
        memcpy(pool->initializer_arg, given->initializer_arg, given->initializer_size);
    }
    return status;
}

static brood_status learn_functions(brood_pool *pool)
{
    brood_error *error = pool->options.error;
    brood_status status = BROOD_OK;

    pool->has_initializer = pool->options.initializer != NULL;
    pool->has_finalizer = pool->options.finalizer != NULL;
    if (pool->has_initializer) {
        status = brood_pool_function(pool, &pool->initializer,
                                     (brood_os_function *)pool->options.initializer, NULL,
                                     "initializer", error);
    }
    if (status == BROOD_OK && pool->has_finalizer) {
        status = brood_pool_function(pool, &pool->finalizer,
                                     (brood_os_function *)pool->options.finalizer, NULL,
                                     "finalizer", error);
    }
    return status;
}

/* ---- making it --------------------------------------------------------------------------- */

/*
 * What follows from the options and the cores. Workers may spin on all cores but one, which is left
 * to the program.
 */
static void size_up(brood_pool *pool)
{
    const brood_nesting here = brood_nesting_here();
    int usable = brood_cpu_usable();

    pool->cores = here.cores > 0 && (int)here.cores < usable ? here.cores : (uint32_t)usable;
    pool->base_workers = or_default(pool->options.workers, pool->cores);
    if (pool->base_workers > WORKERS_MAX) {
        pool->base_workers = WORKERS_MAX;
    }
    pool->target = pool->most = pool->base_workers;
    pool->capacity = pool->target <= FEW_WORKERS ? RING_LARGE : RING_SMALL;
    pool->spin_ns = pool->options.spin == BROOD_SPIN_NEVER || usable < 2 ? 0 : SPIN_NS;
    pool->spinners_max = (uint32_t)usable - 1;
    if (pool->options.spin == BROOD_SPIN_ALWAYS) {
        pool->spinners_max = pool->target;
    }
    if (pool->spinners_max > BROOD_SPINNERS_MAX) {
        pool->spinners_max = BROOD_SPINNERS_MAX;
    }
    if (pool->spin_ns == 0) {
        pool->spinners_max = 0;
    }
    pool->service_ns = SERVICE_NS_AT_FIRST;
    pool->dispatch_at = pool->starved_since = BROOD_NEVER;
    pool->supervise_at = pool->due = pool->stuck_at = pool->unreported_at = BROOD_NEVER;
    pool->supervisor_due = true;
    pool->to_fill = pool->options.lazy ? 0 : pool->target;
}

/* NULL: out of memory. */
static brood_pool *make(brood_error *error)
{
    brood_pool *made = brood_calloc(1, sizeof *made);

    if (made == NULL) {
        brood_fail_memory(error, "pool");
        return NULL;
    }
    brood_exchange32(&made->references, 1);
    if (brood_apr_pool_create(&made->apr) != APR_SUCCESS ||
        brood_mutex_create(&made->lock, made->apr) != BROOD_OK ||
        brood_condition_create(&made->thread_cond, made->apr) != BROOD_OK ||
        brood_condition_create(&made->starter_cond, made->apr) != BROOD_OK ||
        brood_condition_create(&made->caller_cond, made->apr) != BROOD_OK) {
        brood_pool_release(made);
        brood_fail_memory(error, "pool");
        return NULL;
    }
    return made;
}

static brood_status open_poller(brood_pool *pool)
{
    brood_handle handle = BROOD_HANDLE_NONE;
    brood_status status = brood_os_poller_create(&pool->poller, pool->options.error);

    if (status == BROOD_OK && pool->options.event_loop) {
        status = brood_os_poller_handle(pool->poller, &handle, pool->options.error);
        pool->handle = handle;
        pool->loop_sleeps = pool->loop_shows = true;
    }
    return status;
}

static bool is_start_due(brood_pool *pool)
{
    brood_supervisor_run(pool, brood_os_now());
    return pool->start_due;
}

static brood_status begin(brood_pool *pool)
{
    int held = 0;
    brood_status status = open_poller(pool);

    if (status == BROOD_OK) {
        status = learn_functions(pool);
    }
    if (status != BROOD_OK) {
        return status;
    }
    held = brood_pool_enter(pool);
    if (!pool->options.lazy) {
        status = brood_supervisor_start(pool, pool->options.error);
        while (status == BROOD_OK && is_start_due(pool)) {
            brood_supervisor_start_one(pool);
        }
    }
    if (status == BROOD_OK && !pool->options.event_loop) {
        status = brood_pool_threads_start(pool, pool->options.error);
    }
    brood_pool_leave(pool, held);
    return status;
}

static brood_status take_options(brood_pool_options *taken, const brood_pool_options *given)
{
    brood_status status = brood_struct_take(taken, sizeof *taken, given, OPTIONS_SIZE_MIN);

    return status == BROOD_ERR_NOT_SUPPORTED
               ? brood_fail(taken->error, status, 0, "options",
                            "options has a field that this version of brood does not know")
               : status;
}

static brood_status may_create(brood_pool_options *options)
{
    brood_status status = brood_require_ready(options->error);

    if (status == BROOD_OK) {
        status = check_options(options);
    }
    fill_defaults(options);
    if (status == BROOD_OK && brood_nesting_here().depth >= options->max_depth) {
        status = brood_fail(options->error, BROOD_ERR_LIMIT, 0, "max_depth",
                            "pools are nested deeper than max_depth");
    }
    return status;
}

static brood_status create(brood_pool **pool, const brood_pool_options *options)
{
    brood_pool *made = make(options->error);
    brood_status status = BROOD_OK;

    if (made == NULL) {
        return BROOD_ERR_NO_MEMORY;
    }
    status = copy_options(made, options);
    if (status == BROOD_OK) {
        size_up(made);
        status = begin(made);
    }
    made->options.error = NULL;
    *pool = status == BROOD_OK ? made : brood_pool_destroy(made);
    return status;
}

brood_status brood_pool_create(brood_pool **pool, const brood_pool_options *options)
{
    brood_pool_options taken;
    brood_status status = take_options(&taken, options);

    if (pool != NULL) {
        *pool = NULL;
    }
    if (status == BROOD_OK && pool == NULL) {
        status = brood_fail_argument(taken.error, "pool", "must not be NULL");
    }
    if (status == BROOD_OK) {
        status = may_create(&taken);
    }
    if (status == BROOD_OK && pool != NULL) {
        int held = brood_os_cancel_hold();

        status = create(pool, &taken);
        brood_os_cancel_release(held);
    }
    return status;
}

/* ---- ending it --------------------------------------------------------------------------- */

static void free_waiters(brood_pool *pool)
{
    while (pool->spare_waiters != NULL) {
        brood_waiter *next = pool->spare_waiters->next;

        brood_free(pool->spare_waiters);
        pool->spare_waiters = next;
    }
}

void brood_pool_release(brood_pool *pool)
{
    if (brood_add32(&pool->references, (uint32_t)-1) != 0) {
        return;
    }
    free_waiters(pool);
    brood_job_cache_clear(&pool->job_cache);
    if (pool->apr != NULL) {
        apr_pool_destroy(pool->apr);
    }
    brood_free(pool);
}

static void notify_all(brood_pool *pool)
{
    brood_supervisor_wake(pool);
    brood_agenda_notify(pool, NULL);
}

brood_status brood_pool_close(brood_pool *pool)
{
    int held = 0;
    if (pool == NULL) {
        return BROOD_ERR_ARGUMENT;
    }
    held = brood_pool_enter(pool);
    pool->closed = true;
    notify_all(pool);
    brood_pool_leave(pool, held);
    return BROOD_OK;
}

static void terminate(brood_pool *pool)
{
    pool->closed = pool->terminated = true;
    brood_supervisor_kill_all(pool);
    brood_jobs_cancel_all(pool, BROOD_ERR_CANCELLED);
    notify_all(pool);
}

brood_status brood_pool_terminate(brood_pool *pool)
{
    int held = 0;
    if (pool == NULL) {
        return BROOD_ERR_ARGUMENT;
    }
    held = brood_pool_enter(pool);
    if (!pool->terminated) {
        terminate(pool);
    }
    brood_pool_leave(pool, held);
    return BROOD_OK;
}

static bool is_all_over(brood_pool *pool, void *ignored)
{
    (void)ignored;
    return pool->alive == 0 && !pool->launching && pool->jobs == NULL && pool->due_first == NULL &&
           !pool->calls_back;
}

/* Without a thread of the pool's, who joins it runs the callbacks. */
static bool must_call(const brood_pool *pool)
{
    return pool->options.event_loop && pool->due_first != NULL && !pool->calls_back;
}

static bool is_over_or_due(brood_pool *pool, void *ignored)
{
    return is_all_over(pool, ignored) || must_call(pool);
}

static brood_status join(brood_pool *pool, int64_t deadline)
{
    brood_status status = BROOD_OK;

    do {
        if (must_call(pool)) {
            brood_pool_call_next(pool);
        }
        status = brood_pool_wait(pool, BROOD_END(pool), is_over_or_due, NULL, deadline);
    } while (status == BROOD_OK && !is_all_over(pool, NULL));
    return status;
}

brood_status brood_pool_join(brood_pool *pool, int64_t timeout_ms)
{
    int held = 0;
    brood_status status = BROOD_ERR_STATE;

    if (pool == NULL || !brood_is_timeout(timeout_ms)) {
        return BROOD_ERR_ARGUMENT;
    }
    held = brood_pool_enter(pool);
    if (pool->closed && !brood_pool_in_callback(pool)) {
        status = join(pool, brood_deadline(timeout_ms));
    }
    brood_pool_leave(pool, held);
    return status;
}

static void close_all(brood_pool *pool)
{
    brood_shared_watch_end(&pool->watch);
    brood_os_poller_free(pool->poller);
    for (size_t i = 0; i < pool->process.handle_count; i++) {
        brood_os_handle_close(pool->process.handles[i]);
    }
    for (uint32_t i = 0; i < pool->function_count; i++) {
        brood_buffer_free(&pool->functions[i].encoded);
        brood_free(pool->functions[i].name);
    }
    brood_free(pool->functions);
    brood_free((void *)pool->workers);
    brood_free(pool->initializer_arg);
    brood_origin_drop(&pool->origin);
    free_copies(pool);
    pool->poller = NULL;
}

brood_pool *brood_pool_destroy(brood_pool *pool)
{
    int held = 0;

    /* Without its threads it cannot be ended in order; the workers end with this process. */
    if (pool == NULL || brood_os_is_ending()) {
        return NULL;
    }
    held = brood_pool_enter(pool);
    if (!pool->closed && pool->poller != NULL) {
        terminate(pool);
    }
    if (pool->poller != NULL) {
        brood_pool_unlock(pool);
        brood_pool_join(pool, BROOD_FOREVER);
        brood_pool_lock(pool);
        brood_pool_threads_end(pool);
    }
    close_all(pool);
    brood_pool_leave(pool, held);
    brood_pool_release(pool);
    return NULL;
}

/* ---- looking and changing ---------------------------------------------------------------- */

brood_status brood_pool_resize(brood_pool *pool, uint32_t workers)
{
    int held = 0;
    brood_status status = BROOD_OK;

    if (pool == NULL || workers > WORKERS_MAX) {
        return BROOD_ERR_ARGUMENT;
    }
    held = brood_pool_enter(pool);
    if (pool->closed) {
        status = BROOD_ERR_STATE;
    } else {
        pool->target = or_default(workers, pool->base_workers);
        pool->most = pool->most > pool->target ? pool->most : pool->target;
        pool->to_fill = pool->options.lazy ? 0 : pool->target;
        notify_all(pool);
    }
    brood_pool_leave(pool, held);
    return status;
}

brood_status brood_pool_get_stats(brood_pool *pool, brood_pool_stats *stats)
{
    int held = 0;
    size_t least = offsetof(brood_pool_stats, submitted);
    brood_pool_stats full;

    if (pool == NULL || brood_struct_check(stats, least) != BROOD_OK) {
        return BROOD_ERR_ARGUMENT;
    }
    held = brood_pool_enter(pool);
    full = pool->stats;
    full.workers = pool->target;
    full.alive = pool->alive;
    full.leaving = brood_supervisor_leaving(pool);
    full.busy = pool->busy;
    full.queued = pool->queued;
    full.running = full.submitted - full.succeeded - full.failed - full.cancelled - full.queued;
    brood_pool_leave(pool, held);
    return brood_struct_give(stats, &full, sizeof full, least);
}

size_t brood_pool_pids(brood_pool *pool, int64_t *pids, size_t count)
{
    int held = 0;
    size_t found = 0;

    if (pool == NULL) {
        return 0;
    }
    held = brood_pool_enter(pool);
    for (uint32_t i = 0; i < pool->slots; i++) {
        if (pool->workers[i] != NULL) {
            if (pids != NULL && found < count) {
                pids[found] = brood_process_pid(pool->workers[i]->process);
            }
            found++;
        }
    }
    brood_pool_leave(pool, held);
    return found;
}

/* ---- event loops ------------------------------------------------------------------------- */

brood_status brood_pool_handle(brood_pool *pool, brood_handle *handle)
{
    if (pool == NULL || handle == NULL) {
        return BROOD_ERR_ARGUMENT;
    }
    *handle = pool->options.event_loop ? pool->handle : BROOD_HANDLE_NONE;
    return pool->options.event_loop ? BROOD_OK : BROOD_ERR_STATE;
}

/* When the program runs the loop at the latest, from now on. */
static int64_t loop_until(brood_pool *pool)
{
    if (pool->due_first != NULL || pool->loop_called) {
        return 0;
    }
    pool->loop_until = pool->loop_shows ? pool->due : BROOD_NEVER;
    return pool->loop_until;
}

int64_t brood_pool_timeout_ms(brood_pool *pool)
{
    int held = 0;
    int64_t left = 0;
    int64_t until = BROOD_NEVER;

    if (pool == NULL) {
        return BROOD_FOREVER;
    }
    held = brood_pool_enter(pool);
    until = loop_until(pool);
    brood_pool_leave(pool, held);
    if (until == BROOD_NEVER) {
        return BROOD_FOREVER;
    }
    left = until - brood_os_now();
    return left <= 0 ? 0 : (left + BROOD_NS_PER_MS - 1) / BROOD_NS_PER_MS;
}

brood_status brood_pool_run(brood_pool *pool)
{
    int held = 0;
    brood_status status = BROOD_OK;

    if (pool == NULL) {
        return BROOD_ERR_ARGUMENT;
    }
    held = brood_pool_enter(pool);
    if (!pool->options.event_loop || pool->calls_back) {
        status = BROOD_ERR_STATE;
    } else {
        brood_pool_run_loop(pool);
    }
    brood_pool_leave(pool, held);
    return status;
}
