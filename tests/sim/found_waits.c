/* Waits, time-outs and revoking: faults that were found. `about` says what it was. */
#include "five.h"

#include "small.h"

#include "program.h"

#define OK LIVE_BIT(BROOD_OK)
#define TIMED_OUT LIVE_BIT(BROOD_ERR_TASK_TIMEOUT)
#define LARGE 80000 /* a ring of a pool that may have many workers has 64 KiB */
#define CANCELLED LIVE_BIT(BROOD_ERR_CANCELLED)

/* ---- W1: a call that waits with a full queue ------------------------------------------------------ */

static void set_one_place(brood_pool_options *options)
{
    options->workers = 1;
    options->queue_size = 1;
}

static void run_full_queue(brood_pool *pool)
{
    brood_result *results[3];

    for (uint32_t i = 0; i < 3; i++) {
        results[i] = small_submit(pool, small_pausing(i, 1000), NULL);
    }
    small_apply(pool, small_plain(3));
    for (uint32_t i = 0; i < 3; i++) {
        small_finish(results[i], i, OK);
    }
}

/* ---- W2: a time-out of a task that becomes the first of its worker -------------------------------- */

static void set_one_spin(brood_pool_options *options)
{
    options->workers = 1;
    options->spin = BROOD_SPIN_ALWAYS;
}

static brood_result *submit_timed(brood_pool *pool, uint32_t number)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;

    options.timeout_ms = 5;
    return small_submit(pool, small_pausing(number, 300000), &options);
}

/* The caller spins, and hears that the first one has ended; the pool's thread sleeps meanwhile. */
static void run_timed_behind(brood_pool *pool)
{
    brood_result *untimed = small_submit(pool, small_pausing(0, 200), NULL);
    brood_result *timed = submit_timed(pool, 1);

    small_finish(untimed, 0, OK);
    sim_program_sleep(40000);
    small_must(brood_result_ready(timed), "a task whose time-out is 5 ms has ended after 40");
    small_finish(timed, 1, TIMED_OUT);
}

/* A caller spins as long as bytes move; in this pool nobody else keeps the time. */
static void set_loop_spin(brood_pool_options *options)
{
    options->event_loop = true;
    options->spin = BROOD_SPIN_ALWAYS;
    options->workers = 1;
}

static void run_spin_in_loop(brood_pool *pool)
{
    static small_order in[1000];
    static uint32_t out[1000];
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_result *map = NULL;
    int64_t since = 0;

    for (uint32_t i = 0; i < 1000; i++) {
        in[i] = small_pausing(1, 10);
    }
    options.chunk_size = 1;
    options.deadline_ms = 3;
    since = sim_now();
    small_check_status(brood_pool_map_async(pool, &map, small_task, in, 1000, sizeof in[0], out,
                                            sizeof out[0], &options),
                       OK, "brood_pool_map_async");
    small_check_status(brood_result_get(map, NULL, NULL, BROOD_FOREVER),
                       LIVE_BIT(BROOD_ERR_DEADLINE), "brood_result_get");
    small_must_be_soon(since, 6, "a map that has 3 ms");
    brood_result_destroy(map);
}

/* ---- W5: a large argument that is on its way -------------------------------------------------------- */

/* Behind a task of 100 ms on the only worker that there may be. */
static void run_cancel_large(brood_pool *pool)
{
    brood_result *busy = NULL;
    brood_result *large = NULL;
    int64_t since = 0;

    brood_pool_resize(pool, 1);
    busy = small_submit(pool, small_pausing(0, 100000), NULL);
    sim_program_sleep(20000);
    large = small_submit_large(pool, small_plain(1), LARGE, NULL);
    since = sim_now();
    brood_result_cancel(large);
    small_finish(large, 1, CANCELLED);
    small_must_be_soon(since, 20, "cancelling a task that waits");
    small_finish(busy, 0, OK);
    small_must(small_begun(1) == 0, "a task that was cancelled does not begin");
}

/* ---- W6: room in the queue, although no task has ended -------------------------------------------- */

static void await_map(void *data)
{
    brood_result_wait(data, BROOD_FOREVER);
}

static void submit_and_finish(void *data)
{
    brood_result *result = small_submit(data, small_plain(8), NULL);

    small_must(small_begun(3) == 0, "who waits for room is told when the queue has some");
    small_finish(result, 8, OK);
}

/* There is room as soon as the last of four items was given out, ahead; the map ends later. */
static void run_room(brood_pool *pool)
{
    static small_order in[4];
    static uint32_t out[4];
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_result *map = NULL;
    support_thread *leader = NULL;
    support_thread *caller = NULL;

    for (uint32_t i = 0; i < 4; i++) {
        in[i] = small_pausing(i, 30000);
    }
    options.chunk_size = 1;
    small_check_status(brood_pool_map_async(pool, &map, small_task, in, 4, sizeof in[0], out,
                                            sizeof out[0], &options),
                       OK, "brood_pool_map_async");
    leader = small_thread("leader", await_map, map);
    sim_program_sleep(10000);
    caller = small_thread("caller", submit_and_finish, pool);
    support_thread_join(caller);
    support_thread_join(leader);
    brood_result_destroy(map);
}

/* ---- W7: an item that is waited for, whose chunk is given out later -------------------------------- */

static void run_item_of_chunk(brood_pool *pool)
{
    static small_order in[8];
    static uint32_t out[8];
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_result *busy = small_submit(pool, small_pausing(8, 5000), NULL);
    brood_result *map = NULL;

    for (uint32_t i = 0; i < 8; i++) {
        in[i] = small_pausing(i, 1000);
    }
    options.chunk_size = 8;
    small_check_status(brood_pool_map_async(pool, &map, small_task, in, 8, sizeof in[0], out,
                                            sizeof out[0], &options),
                       OK, "brood_pool_map_async");
    small_check_status(brood_result_item(map, 0, NULL, NULL, NULL, BROOD_FOREVER), OK,
                       "brood_result_item");
    small_must(small_begun(3) == 0, "an item that is waited for is told of at once");
    brood_result_wait(map, BROOD_FOREVER);
    brood_result_destroy(map);
    small_finish(busy, 8, OK);
}

/* ---- W8: a wait with a time-out beside other traffic ------------------------------------------------ */

static void run_short_wait(brood_pool *pool)
{
    static small_order in[1000];
    static uint32_t out[1000];
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_result *map = NULL;
    int64_t since = sim_now();

    for (uint32_t i = 0; i < 1000; i++) {
        in[i] = small_pausing(0, 10);
    }
    options.chunk_size = 1;
    small_check_status(brood_pool_map_async(pool, &map, small_task, in, 1000, sizeof in[0], out,
                                            sizeof out[0], &options),
                       OK, "brood_pool_map_async");
    small_check_status(brood_result_wait(map, 3), LIVE_BIT(BROOD_ERR_TIMEOUT), "brood_result_wait");
    small_must_be_soon(since, 5, "a wait of 3 ms");
    brood_result_wait(map, BROOD_FOREVER);
    brood_result_destroy(map);
}

/* ---- W11: busy callers, who never wait, while a worker dies ----------------------------------------- */

static void note(brood_result *result, void *user)
{
    (void)result;
    ++*(uint32_t *)user;
}

static void run_busy(brood_pool *pool)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    uint32_t ended[2] = {0, 0};

    options.done = options.failed = note;
    for (uint32_t i = 0; i < 400; i++) {
        bool kills = i == 100;
        small_order order = {.number = kills, .kind = kills ? SMALL_KILL_FIRST : SMALL_RETURN};

        options.user = &ended[!kills]; /* five in a moment, and then a pause */
        small_check_status(
            brood_pool_apply_async(pool, NULL, small_task, &order, sizeof order, &options), OK,
            "brood_pool_apply_async");
        if (i % 5 == 4) {
            sim_program_sleep(800);
        }
    }
    small_must(ended[0] == 1, "a worker's death is seen while callers are busy");
    small_must(ended[1] > 300, "tasks go on while callers are busy");
    brood_pool_close(pool);
    brood_pool_join(pool, BROOD_FOREVER);
}

/* ---- a task behind a long one, while no worker is ever idle ------------------------------------------------ */

#define FLOW 8

/* There are always FLOW short tasks. Those of the beginning do not wait for the end of the long one. */
static void run_overtaken(brood_pool *pool)
{
    brood_result *flow[FLOW];
    brood_result *first = small_submit(pool, small_pausing(0, 500000), NULL);
    int64_t begun = sim_now();

    for (uint32_t i = 0; i < FLOW; i++) {
        flow[i] = small_submit(pool, small_plain(1 + i), NULL);
    }
    for (bool is_new[FLOW] = {false}; sim_now() - begun < 250 * SIM_MS; sim_program_sleep(20)) {
        for (uint32_t i = 0; i < FLOW; i++) {
            if (brood_result_ready(flow[i])) {
                small_finish(flow[i], is_new[i] ? 1 + FLOW : 1 + i, OK);
                flow[i] = small_submit(pool, small_pausing(1 + FLOW, 100), NULL);
                is_new[i] = true;
            }
        }
    }
    for (uint32_t i = 0; i < FLOW; i++) {
        small_must(small_begun(1 + i) == 1,
                   "a task does not wait behind a long one, while others pass");
        brood_result_destroy(flow[i]);
    }
    small_finish(first, 0, OK);
}

const sim_scenario sim_found_waits[] = {
    {.name = "full-queue",
     .about = "a call that submits and waits hung with a full queue",
     .options = set_one_place,
     .run = run_full_queue},
    {.name = "timed-behind",
     .about = "the time-out of a task that became the first of its worker never came",
     .options = set_one_spin,
     .run = run_timed_behind},
    {.name = "spin-in-loop",
     .about = "no time-outs in a pool with an event loop, while a caller spun",
     .options = set_loop_spin,
     .run = run_spin_in_loop,
     .is_alone = true},
    {.name = "cancel-large",
     .about = "an argument on its way could not be cancelled",
     .options = small_set_rings,
     .run = run_cancel_large},
    {.name = "room",
     .about = "who waited for room was told only when a task ended",
     .options = set_one_place,
     .run = run_room},
    {.name = "item-of-chunk",
     .about = "an item that was waited for came with its whole chunk",
     .options = small_set_one,
     .run = run_item_of_chunk},
    {.name = "short-wait",
     .about = "a wait's time-out did not hold while others' bytes moved",
     .options = set_one_spin,
     .run = run_short_wait},
    {.name = "busy-callers",
     .about = "a worker that died under busy callers was not seen",
     .run = run_busy},
    {.name = "overtaken",
     .about = "a task stayed behind a long one as long as no worker was idle",
     .run = run_overtaken},
    {.name = NULL},
};
