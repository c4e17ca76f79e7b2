#include <brood/cpu.h>

#include "base/error.h"
#include "base/memory.h"
#include "pool/caller_runs.h"
#include "pool/config.h"
#include "pool/copies.h"
#include "pool/functions.h"
#include "pool/kind.h"
#include "pool/lock.h"
#include "pool/pool_impl.h"
#include "pool/roster.h"
#include "pool/starts.h"
#include "pool/supervisor.h"
#include "pool/threads.h"
#include "process/process.h"
#include "process/self.h"

#define SPIN_NS 200000 /* longer than it takes to wake a worker */
#define SERVICE_NS_AT_FIRST 1000000

/*
 * Computes what follows from the options and the cores. Workers may spin on all cores but one,
 * which is left to the program.
 */
static void size_up(brood_pool *pool)
{
    const brood_nesting here = brood_nesting_here();
    int usable = brood_cpu_usable();

    pool->config.cores = here.cores > 0 && (int)here.cores < usable ? here.cores : (uint32_t)usable;
    pool->config.base_workers = brood_config_or_default(
        pool->config.options.workers, pool->caller_runs.is_used ? 1 : pool->config.cores);
    if (pool->config.base_workers > BROOD_WORKERS_MAX) {
        pool->config.base_workers = BROOD_WORKERS_MAX;
    }
    brood_supervisor_resize(pool, pool->config.base_workers);
    pool->config.spin_ns =
        pool->config.options.spin == BROOD_SPIN_NEVER || usable < 2 || pool->caller_runs.is_used
            ? 0
            : SPIN_NS;
    pool->roster.spinners_max = (uint32_t)usable - 1;
    if (pool->config.options.spin == BROOD_SPIN_ALWAYS) {
        pool->roster.spinners_max = BROOD_SPINNERS_MAX;
    }
    if (pool->roster.spinners_max > BROOD_SPINNERS_MAX) {
        pool->roster.spinners_max = BROOD_SPINNERS_MAX;
    }
    if (pool->config.spin_ns == 0) {
        pool->roster.spinners_max = 0;
    }
    pool->jobs.plain = (brood_job_extras){
        .count = 1, .retries = pool->config.options.retries, .deadline = BROOD_NEVER};
    brood_pool_set_service(pool, SERVICE_NS_AT_FIRST);
    pool->dispatch.retry_at = pool->dispatch.starved_since = BROOD_NEVER;
    pool->agenda.supervise_at = pool->agenda.due = pool->roster.stuck_at =
        pool->upkeep.unreported_at = BROOD_NEVER;
    pool->agenda.supervisor_due = true;
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
        brood_mutex_create(&made->lock.mutex, made->apr) != BROOD_OK ||
        brood_sleeper_create(&made->threads.thread_sleeper, made->apr) != BROOD_OK ||
        brood_sleeper_create(&made->threads.starter_sleeper, made->apr) != BROOD_OK ||
        brood_sleeper_create(&made->threads.caller_sleeper, made->apr) != BROOD_OK) {
        brood_pool_release(made);
        brood_fail_memory(error, "pool");
        return NULL;
    }
    return made;
}

static brood_status open_poller(brood_pool *pool)
{
    brood_handle handle = BROOD_HANDLE_NONE;
    brood_status status = brood_os_poller_create(&pool->wait.poller, pool->config.options.error);

    if (status == BROOD_OK && pool->config.options.event_loop) {
        status = brood_os_poller_handle(pool->wait.poller, &handle, pool->config.options.error);
        pool->loop.handle = handle;
        pool->loop.sleeps = pool->loop.shows = true;
    }
    return status;
}

static bool is_start_due(brood_pool *pool)
{
    brood_supervisor_run(pool, brood_os_now());
    return pool->supervisor.start_due;
}

static brood_status begin(brood_pool *pool)
{
    int held = 0;
    brood_status status = open_poller(pool);

    if (status == BROOD_OK) {
        status = brood_functions_learn(pool);
    }
    if (status != BROOD_OK) {
        return status;
    }
    held = brood_pool_enter(pool);
    if (!pool->config.options.lazy) {
        status = brood_supervisor_start(pool, pool->config.options.error);
        while (status == BROOD_OK && is_start_due(pool)) {
            brood_supervisor_start_one(pool);
        }
    }
    if (status == BROOD_OK && !pool->config.options.event_loop && !pool->caller_runs.is_used) {
        status = brood_pool_threads_start(pool, pool->config.options.error);
    }
    brood_pool_run_here(pool); /* initializers */
    brood_pool_leave(pool, held);
    return status;
}

static brood_status may_create(brood_pool_options *options, bool *is_variables)
{
    brood_status status = brood_require_ready(options->error);

    if (status == BROOD_OK) {
        status = brood_kind_choose(options, is_variables);
    }
    if (status == BROOD_OK) {
        status = brood_config_check(options);
    }
    brood_config_fill(options);
    if (status == BROOD_OK && brood_nesting_here().depth >= options->max_depth) {
        status = brood_fail(options->error, BROOD_ERR_LIMIT, 0, "max_depth",
                            "pools are nested deeper than max_depth");
    }
    return status;
}

static brood_status create(brood_pool **pool, const brood_pool_options *options, bool is_variables)
{
    brood_pool *made = make(options->error);
    brood_status status = BROOD_OK;

    if (made == NULL) {
        return BROOD_ERR_NO_MEMORY;
    }
    status = brood_config_copy(made, options, is_variables);
    if (status == BROOD_OK) {
        if (brood_supervisor_needs_callers(made->config.options.kind)) {
            brood_caller_runs_begin(made);
        }
        size_up(made);
        status = begin(made);
    }
    made->config.options.error = NULL;
    *pool = status == BROOD_OK ? made : brood_pool_destroy(made);
    return status;
}

brood_status brood_pool_create(brood_pool **pool, const brood_pool_options *options)
{
    brood_pool_options taken;
    bool is_variables = false; /* the kind */
    brood_status status = brood_config_take(&taken, options);

    if (pool != NULL) {
        *pool = NULL;
    }
    if (status == BROOD_OK && pool == NULL) {
        status = brood_fail_argument(taken.error, "pool", "must not be NULL");
    }
    if (status == BROOD_OK) {
        status = may_create(&taken, &is_variables);
    }
    if (status == BROOD_OK && pool != NULL) {
        int held = brood_os_cancel_hold();

        status = create(pool, &taken, is_variables);
        brood_os_cancel_release(held);
    }
    return status;
}
