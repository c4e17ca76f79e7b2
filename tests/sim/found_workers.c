/* Starts and ends of workers: faults that were found. `about` says what it was. */
#include "five.h"

#include "small.h"

#include "pool/peer_impl.h"
#include "pool/pool_impl.h"
#include "program.h"

#define OK LIVE_BIT(BROOD_OK)
#define CANCELLED LIVE_BIT(BROOD_ERR_CANCELLED)

/* ---- W3: another worker for a task, while a caller leads ------------------------------------------- */

static void set_lazy(brood_pool_options *options)
{
    options->lazy = true;
    options->workers = 3;
    options->spin = BROOD_SPIN_NEVER;
}

static void apply_long(void *data)
{
    small_apply(data, small_pausing(0, 100000));
}

static void run_second_worker(brood_pool *pool)
{
    support_thread *caller = small_thread("caller", apply_long, pool);
    brood_result *shorter = small_submit(pool, small_pausing(1, 20000), NULL);
    brood_result *longer = NULL;
    int64_t since = 0;

    sim_program_sleep(40000); /* when that ends, the pool's thread lets the caller lead */
    longer = small_submit(pool, small_pausing(2, 100000), NULL);
    sim_program_sleep(20000);
    since = sim_now();
    small_apply(pool, small_plain(3));
    small_must_be_soon(since, 5, "a task, beside workers that are busy");
    support_thread_join(caller);
    small_finish(shorter, 1, OK);
    small_finish(longer, 2, OK);
}

/* ---- W4: a finalizer that takes long ----------------------------------------------------------------- */

static int finalize_for_long(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return sim_program_sleep(4000000);
}

static void set_slow_end(brood_pool_options *options)
{
    options->workers = 1;
    options->max_tasks_per_worker = 1;
    options->exit_timeout_ms = 50;
    options->finalizer = finalize_for_long;
}

static void set_slow_end_lazy(brood_pool_options *options)
{
    set_slow_end(options);
    options->lazy = true;
}

static void run_slow_end(brood_pool *pool)
{
    int64_t since = sim_now();

    small_apply(pool, small_plain(0));
    sim_program_sleep(5000); /* in which the worker begins to end */
    small_apply(pool, small_plain(1));
    small_must_be_soon(since, 25, "a task whose worker is to be replaced by one that begins");
    brood_pool_close(pool);
    brood_pool_join(pool, BROOD_FOREVER);
    small_must_be_soon(since, 200, "the end of workers that have 50 ms for it");
}

static sim_process *process_of(const brood_worker *worker)
{
    return sim_process_find(brood_process_pid(brood_peer_of_const(worker)->process));
}

/* Kills have no effect on it, from now on. */
static void make_immortal(uint32_t slot)
{
    sim_process *process = process_of(small_pool()->roster.workers[slot]);

    process->is_immortal = process->escapes = true;
}

static void set_slow_end_of_two(brood_pool_options *options)
{
    set_slow_end_lazy(options);
    options->workers = 2;
}

/* More leave than the pool may have: the next begins when one is killed, not when that has ended. */
static void run_slow_kill(brood_pool *pool)
{
    int64_t since = sim_now();

    for (uint32_t i = 0; i < 3; i++) {
        small_apply(pool, small_plain(i));
        make_immortal(i);
    }
    small_apply(pool, small_plain(3));
    small_must_be_soon(since, 75, "a task whose worker is to be replaced by one that begins");
}

/* ---- a join that waits for a start which fails ------------------------------------------------------ */

static void run_join_failed_start(brood_pool *pool)
{
    brood_result *first = NULL;
    brood_result *second = NULL;
    int64_t since = 0;

    small_apply(pool, small_plain(2));
    first = small_submit(pool, small_pausing(0, 2000), NULL);
    since = sim_now();
    sim.slow_spawn = 40 * SIM_MS;
    sim.rates.places = 3;
    sim.rates.fails[SIM_FAULT_SPAWN] = 1;
    second = small_submit(pool, small_plain(1), NULL);
    brood_pool_close(pool);
    sim_program_sleep(10000); /* the pool's thread leads */
    small_finish(first, 0, OK);
    small_finish(second, 1, OK);
    brood_pool_join(pool, BROOD_FOREVER);
    small_must_be_soon(since, 60, "a join");
}

/* ---- a worker that was told to end before it had begun anything -------------------------------------- */

static void stop_until(const brood_worker *worker, int64_t time)
{
    sim_process *process = process_of(worker);

    process->state = SIM_STOPPED;
    process->stopped_until = time;
}

static void run_told_before_begin(brood_pool *pool)
{
    brood_result *results[2];

    for (uint32_t i = 0; i < 2; i++) {
        stop_until(pool->roster.workers[i], sim_now() + 20 * SIM_MS);
    }
    for (uint32_t i = 0; i < 2; i++) {
        results[i] = small_submit(pool, small_plain(i), NULL);
    }
    for (uint32_t i = 0; i < 2; i++) {
        brood_result_cancel(results[i]);
        small_finish(results[i], i, CANCELLED);
    }
    brood_pool_resize(pool, 1);
    sim_program_sleep(40000);
    small_must(pool->supervisor.start_failures == 0 && pool->supervisor.crash_streak == 0,
               "a worker that was told to end has not failed");
}

/* ---- idle workers, whose list is in no order of time ----------------------------------------------------- */

static void set_three_idle(brood_pool_options *options)
{
    options->workers = 3;
    options->idle_timeout_ms = 300;
}

/* A stopped worker lets a task wait, which another one does; the third has been idle all the time. */
static void run_idle_order(brood_pool *pool)
{
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;

    sim_program_sleep(150000);
    stop_until(pool->roster.idle_first, sim_now() + 400 * SIM_MS);
    small_apply(pool, small_plain(0));
    sim_program_sleep(150000);
    brood_pool_get_stats(pool, &stats);
    small_must(stats.alive == 2, "a worker ends when it has been idle for long enough");
}

/* ---- a worker that can take no handle, and one that can ------------------------------------------------- */

static void fill_bell(brood_worker *worker)
{
    size_t put = 1;

    while (put == 1) {
        brood_os_channel_write(brood_peer_of(worker)->bell, "", 1, &put, NULL);
    }
}

/* The stopped one is the first that is asked. */
static void run_full_bell(brood_pool *pool)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_shared *shared = NULL;
    brood_result *result = NULL;
    int64_t since = 0;

    sim_program_sleep(50000);
    stop_until(pool->roster.idle_first, sim_now() + 400 * SIM_MS);
    fill_bell(pool->roster.idle_first);
    small_check_status(brood_shared_create(&shared, 16, NULL), OK, "brood_shared_create");
    options.shared = &shared;
    options.shared_count = 1;
    since = sim_now();
    result = small_submit(pool, small_plain(0), &options);
    small_finish(result, 0, OK);
    small_must_be_soon(since, 20, "a task that an idle worker could do");
    brood_shared_destroy(shared);
}

const sim_scenario sim_found_workers[] = {
    {.name = "full-bell",
     .about = "a task waited for a worker that could take no handle, beside an idle one",
     .run = run_full_bell},
    {.name = "idle-order",
     .about = "only the last of the idle workers was asked for its idle time-out",
     .options = set_three_idle,
     .run = run_idle_order},
    {.name = "second-worker",
     .about = "no second worker was started while a caller's thread led",
     .options = set_lazy,
     .run = run_second_worker},
    {.name = "slow-end",
     .about = "a worker whose finalizer takes long was not replaced, and never ended",
     .options = set_slow_end,
     .run = run_slow_end},
    {.name = "slow-end-lazy",
     .about = "the same, where workers are started when tasks come",
     .options = set_slow_end_lazy,
     .run = run_slow_end},
    {.name = "slow-kill",
     .about = "a worker that was killed since it left too slowly blocked the next start",
     .options = set_slow_end_of_two,
     .run = run_slow_kill},
    {.name = "join-failed-start",
     .about = "a join was not told of a failed start",
     .options = set_lazy,
     .run = run_join_failed_start},
    {.name = "told-before-begin",
     .about = "a worker that was told to end before it had begun anything was a failed start",
     .run = run_told_before_begin},
    {.name = NULL},
};
