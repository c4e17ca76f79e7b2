/* The small scenarios that are explored: two workers, three tasks, one thing that disturbs them. */
#include "five.h"

#include "small.h"

#define OK LIVE_BIT(BROOD_OK)
#define OR_CANCELLED (LIVE_BIT(BROOD_OK) | LIVE_BIT(BROOD_ERR_CANCELLED))

/* ---- tasks, one of which is cancelled --------------------------------------------------------- */

static void run_cancel(brood_pool *pool)
{
    brood_result *results[3];

    for (uint32_t i = 0; i < 3; i++) {
        results[i] = small_submit(pool, small_plain(i), NULL);
    }
    brood_result_cancel(results[2]);
    for (uint32_t i = 0; i < 3; i++) {
        small_finish(results[i], i, i == 2 ? OR_CANCELLED : OK);
        small_must(small_begun(i) <= 1, "a task without retries begins once");
    }
}

/* ---- one after the other, each of which is taken back --------------------------------------------- */

static void run_twice(brood_pool *pool)
{
    brood_result *results[3];

    for (uint32_t i = 0; i < 3; i++) {
        results[i] = small_submit(pool, small_plain(i), NULL);
        if (i < 2) {
            brood_result_cancel(results[i]);
        }
    }
    for (uint32_t i = 0; i < 3; i++) {
        small_finish(results[i], i, i < 2 ? OR_CANCELLED : OK);
        small_must(small_begun(i) <= 1, "a task without retries begins once");
    }
}

/* ---- a map whose items are waited for one by one ------------------------------------------------ */

static void check_item(brood_result *result, uint32_t i)
{
    const void *data = NULL;
    size_t size = 0;
    brood_status status = brood_result_item(result, i, &data, &size, NULL, BROOD_FOREVER);

    small_check_status(status, OK | (sim_plan_kills() > 0 ? LIVE_BIT(BROOD_ERR_DIED) : 0),
                       "brood_result_item");
    small_must(status != BROOD_OK || *(const uint32_t *)data == i + 1000,
               "an item has its own value");
    small_must(small_begun(i) <= 1, "an item without retries begins once");
}

static void run_map(brood_pool *pool)
{
    static small_order in[3];
    static uint32_t out[3];
    brood_result *result = NULL;

    for (uint32_t i = 0; i < 3; i++) {
        in[i] = small_plain(i);
    }
    small_check_status(brood_pool_map_async(pool, &result, small_task, in, 3, sizeof in[0], out,
                                            sizeof out[0], NULL),
                       OK, "brood_pool_map_async");
    check_item(result, 2);
    check_item(result, 0);
    check_item(result, 1);
    brood_result_destroy(result);
}

/* ---- an item and its value larger than the ring -------------------------------------------------- */

#define LARGE 80000 /* a ring of a pool that may have many workers has 64 KiB */

static void set_stream(brood_pool_options *options)
{
    options->workers = 17;
    options->lazy = true;
    options->spin = BROOD_SPIN_NEVER;
}

static int return_argument(brood_task *task, const void *arg, size_t size)
{
    return brood_return(task, arg, size);
}

/* All of it, or, where it has failed, nothing. */
static void check_stream(brood_status status, const unsigned char *out)
{
    small_check_status(status, OK | (sim_plan_kills() > 0 ? LIVE_BIT(BROOD_ERR_DIED) : 0),
                       "brood_result_get");
    for (size_t i = 0; i < LARGE; i++) {
        small_must(out[i] == (status == BROOD_OK ? 0x5C : 0xAB),
                   "a value comes as a whole, or not at all");
    }
}

static void run_stream(brood_pool *pool)
{
    static unsigned char in[LARGE];
    static unsigned char out[LARGE];
    brood_result *map = NULL;
    brood_result *small = NULL;

    memset(in, 0x5C, sizeof in);
    memset(out, 0xAB, sizeof out);
    small_check_status(
        brood_pool_map_async(pool, &map, return_argument, in, 1, sizeof in, out, sizeof out, NULL),
        OK, "brood_pool_map_async");
    small = small_submit(pool, small_plain(1), NULL);
    check_stream(brood_result_get(map, NULL, NULL, BROOD_FOREVER), out);
    brood_result_destroy(map);
    small_finish(small, 1, OK);
}

/* ---- a program's event loop ----------------------------------------------------------------------- */

static void set_loop(brood_pool_options *options)
{
    options->event_loop = true;
}

/* ---- two callers ------------------------------------------------------------------------------------ */

static void apply(brood_pool *pool, uint32_t number)
{
    small_order order = small_plain(number);
    uint32_t value = 0;
    brood_status status =
        brood_pool_apply(pool, small_task, &order, sizeof order, &value, sizeof value, NULL);

    small_check_status(status, OK | (sim_plan_kills() > 0 ? LIVE_BIT(BROOD_ERR_DIED) : 0),
                       "brood_pool_apply");
    small_must(status != BROOD_OK || value == number + 1000, "a task has its own value");
    small_must(small_begun(number) <= 1, "a task without retries begins once");
}

static void call_once(void *data)
{
    apply(data, 1);
}

static void run_callers(brood_pool *pool)
{
    support_thread *caller = small_thread("caller", call_once, pool);

    apply(pool, 0);
    apply(pool, 2);
    support_thread_join(caller);
}

/* ---- the end while tasks run --------------------------------------------------------------------- */

static void run_close(brood_pool *pool)
{
    brood_result *results[3];

    for (uint32_t i = 0; i < 3; i++) {
        results[i] = small_submit(pool, small_plain(i), NULL);
    }
    brood_pool_close(pool);
    brood_pool_join(pool, BROOD_FOREVER);
    for (uint32_t i = 0; i < 3; i++) {
        small_must(brood_result_ready(results[i]), "a pool that was joined has no task left");
        small_finish(results[i], i, OK);
    }
}

/* ---- the end before the first start ---------------------------------------------------------------- */

static void set_lazy_one(brood_pool_options *options)
{
    options->workers = 1;
    options->lazy = true;
}

static void run_unstarted(brood_pool *pool)
{
    brood_result *result = small_submit(pool, small_plain(0), NULL);

    brood_result_cancel(result);
    small_finish(result, 0, OR_CANCELLED);
}

/* ---- a task that kills its worker, and is tried again --------------------------------------------- */

static void run_retry(brood_pool *pool)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_result *results[2];

    options.retries = 2;
    results[0] = small_submit(pool, (small_order){.number = 0, .kind = SMALL_KILL_FIRST}, &options);
    results[1] = small_submit(pool, small_plain(1), &options);
    small_finish(results[0], 0, OK);
    small_finish(results[1], 1, OK);
}

/* ---- a time-out, and a full queue ------------------------------------------------------------------ */

static void set_full(brood_pool_options *options)
{
    options->workers = 1;
    options->queue_size = 1;
}

static void run_full(brood_pool *pool)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    small_order order = {.number = 0, .kind = SMALL_UNTIL_CANCELLED};
    brood_result *timed = NULL;

    options.timeout_ms = 2;
    timed = small_submit(pool, order, &options);
    apply(pool, 1);
    apply(pool, 2);
    small_finish(timed, 0, LIVE_BIT(BROOD_ERR_TASK_TIMEOUT));
}

const sim_scenario sim_explored[] = {
    {.name = "cancel",
     .about = "three tasks, one is cancelled",
     .run = run_cancel,
     .is_small = true},
    {.name = "twice",
     .about = "tasks of one worker are cancelled, one after the other",
     .options = small_set_one,
     .run = run_twice,
     .is_small = true},
    {.name = "map", .about = "a map whose items are waited for", .run = run_map, .is_small = true},
    {.name = "loop",
     .about = "a program's event loop",
     .options = set_loop,
     .run = run_cancel,
     .is_small = true},
    {.name = "callers", .about = "two callers, one leads", .run = run_callers, .is_small = true},
    {.name = "close", .about = "closed while busy", .run = run_close, .is_small = true},
    {.name = "unstarted",
     .about = "its only task is cancelled, and it ends, while its first worker is to be started",
     .options = set_lazy_one,
     .run = run_unstarted,
     .is_small = true},
    {.name = "retry",
     .about = "a task that kills its worker, once",
     .run = run_retry,
     .is_small = true,
     .has_kill = true},
    {.name = "full",
     .about = "a time-out, and a full queue",
     .options = set_full,
     .run = run_full,
     .is_small = true},
    {.name = "stream",
     .about = "an item and a value larger than the ring",
     .options = set_stream,
     .run = run_stream,
     .is_small = true,
     .is_long = true},
    {.name = NULL},
};
