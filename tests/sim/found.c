/*
 * Faults that were found once: a program each, with the steps that decide where their order matters,
 * and what must come of it. `about` says what it was.
 */
#include "five.h"

#include "small.h"

#include <stdlib.h>

#include "pool/peer_impl.h"
#include "pool/pool_impl.h"
#include "process/task.h"
#include "program.h"

#define OK LIVE_BIT(BROOD_OK)
#define TIMED_OUT LIVE_BIT(BROOD_ERR_TASK_TIMEOUT)
#define CANCELLED LIVE_BIT(BROOD_ERR_CANCELLED)
#define LARGE 80000 /* a ring of a pool that may have many workers has 64 KiB */

static small_order plain(uint32_t number)
{
    return (small_order){.number = number, .kind = SMALL_RETURN};
}

static small_order pausing(uint32_t number, uint32_t pause_us)
{
    return (small_order){.number = number, .kind = SMALL_PAUSE, .pause_us = pause_us};
}

static void apply(brood_pool *pool, small_order order)
{
    uint32_t value = 0;

    small_check_status(
        brood_pool_apply(pool, small_task, &order, sizeof order, &value, sizeof value, NULL), OK,
        "brood_pool_apply");
}

/* What was begun then has taken no longer than that. */
static void must_be_soon(int64_t since, int64_t most_ms, const char *what)
{
    if (sim_now() - since > most_ms * SIM_MS) {
        live_fail("%s has taken %.3f ms, and may take %lld", what,
                  (double)(sim_now() - since) / 1e6, (long long)most_ms);
    }
}

static void set_one(brood_pool_options *options)
{
    options->workers = 1;
}

static void set_one_quiet(brood_pool_options *options)
{
    options->workers = 1;
    options->spin = BROOD_SPIN_NEVER;
}

static const brood_peer *first_peer(void)
{
    return brood_peer_of_const(small_pool()->roster.workers[0]);
}

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
        results[i] = small_submit(pool, pausing(i, 1000), NULL);
    }
    apply(pool, plain(3));
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
    return small_submit(pool, pausing(number, 300000), &options);
}

/* The caller spins, and hears that the first one has ended; the pool's thread sleeps meanwhile. */
static void run_timed_behind(brood_pool *pool)
{
    brood_result *untimed = small_submit(pool, pausing(0, 200), NULL);
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
        in[i] = pausing(1, 10);
    }
    options.chunk_size = 1;
    options.deadline_ms = 3;
    since = sim_now();
    small_check_status(brood_pool_map_async(pool, &map, small_task, in, 1000, sizeof in[0], out,
                                            sizeof out[0], &options),
                       OK, "brood_pool_map_async");
    small_check_status(brood_result_get(map, NULL, NULL, BROOD_FOREVER),
                       LIVE_BIT(BROOD_ERR_DEADLINE), "brood_result_get");
    must_be_soon(since, 6, "a map that has 3 ms");
    brood_result_destroy(map);
}

/* ---- W3: another worker for a task, while a caller leads ------------------------------------------- */

static void set_lazy(brood_pool_options *options)
{
    options->lazy = true;
    options->workers = 3;
}

static void apply_long(void *data)
{
    apply(data, pausing(0, 100000));
}

static void run_second_worker(brood_pool *pool)
{
    support_thread *caller = small_thread("caller", apply_long, pool);
    brood_result *shorter = small_submit(pool, pausing(1, 20000), NULL);
    brood_result *longer = NULL;
    int64_t since = 0;

    sim_program_sleep(40000); /* when that ends, the pool's thread lets the caller lead */
    longer = small_submit(pool, pausing(2, 100000), NULL);
    sim_program_sleep(20000);
    since = sim_now();
    apply(pool, plain(3));
    must_be_soon(since, 5, "a task, beside workers that are busy");
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

    apply(pool, plain(0));
    sim_program_sleep(5000); /* in which the worker begins to end */
    apply(pool, plain(1));
    must_be_soon(since, 25, "a task whose worker is to be replaced by one that begins");
    brood_pool_close(pool);
    brood_pool_join(pool, BROOD_FOREVER);
    must_be_soon(since, 200, "the end of workers that have 50 ms for it");
}

/* Kills have no effect on it, from now on. */
static void make_immortal(uint32_t slot)
{
    const brood_worker *worker = small_pool()->roster.workers[slot];
    sim_process *process =
        sim_process_find(brood_process_pid(brood_peer_of_const(worker)->process));

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
        apply(pool, plain(i));
        make_immortal(i);
    }
    apply(pool, plain(3));
    must_be_soon(since, 75, "a task whose worker is to be replaced by one that begins");
}

/* ---- a join that waits for a start which fails ------------------------------------------------------ */

static void run_join_failed_start(brood_pool *pool)
{
    brood_result *first = NULL;
    brood_result *second = NULL;
    int64_t since = 0;

    apply(pool, plain(2));
    first = small_submit(pool, pausing(0, 2000), NULL);
    since = sim_now();
    sim.slow_spawn = 40 * SIM_MS;
    sim.rates.places = 3;
    sim.rates.fails[SIM_FAULT_SPAWN] = 1;
    second = small_submit(pool, plain(1), NULL);
    brood_pool_close(pool);
    sim_program_sleep(10000); /* the pool's thread leads */
    small_finish(first, 0, OK);
    small_finish(second, 1, OK);
    brood_pool_join(pool, BROOD_FOREVER);
    must_be_soon(since, 60, "a join");
}

/* ---- a worker that was told to end before it had begun anything -------------------------------------- */

static void stop_until(uint32_t slot, int64_t time)
{
    const brood_worker *worker = small_pool()->roster.workers[slot];
    sim_process *process =
        sim_process_find(brood_process_pid(brood_peer_of_const(worker)->process));

    process->state = SIM_STOPPED;
    process->stopped_until = time;
}

static void run_told_before_begin(brood_pool *pool)
{
    brood_result *results[2];

    stop_until(0, sim_now() + 20 * SIM_MS);
    stop_until(1, sim_now() + 20 * SIM_MS);
    for (uint32_t i = 0; i < 2; i++) {
        results[i] = small_submit(pool, plain(i), NULL);
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

/* ---- W5: a large argument that is on its way -------------------------------------------------------- */

static void set_small_rings(brood_pool_options *options)
{
    options->workers = 17;
    options->lazy = true;
    options->spin = BROOD_SPIN_NEVER;
}

/* Behind a task of 100 ms on the only worker that there may be. */
static void run_cancel_large(brood_pool *pool)
{
    brood_result *busy = NULL;
    brood_result *large = NULL;
    int64_t since = 0;

    brood_pool_resize(pool, 1);
    busy = small_submit(pool, pausing(0, 100000), NULL);
    sim_program_sleep(20000);
    large = small_submit_large(pool, plain(1), LARGE, NULL);
    since = sim_now();
    brood_result_cancel(large);
    small_finish(large, 1, CANCELLED);
    must_be_soon(since, 20, "cancelling a task that waits");
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
    brood_result *result = small_submit(data, plain(8), NULL);

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
        in[i] = pausing(i, 30000);
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
    brood_result *busy = small_submit(pool, pausing(8, 5000), NULL);
    brood_result *map = NULL;

    for (uint32_t i = 0; i < 8; i++) {
        in[i] = pausing(i, 1000);
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
        in[i] = pausing(0, 10);
    }
    options.chunk_size = 1;
    small_check_status(brood_pool_map_async(pool, &map, small_task, in, 1000, sizeof in[0], out,
                                            sizeof out[0], &options),
                       OK, "brood_pool_map_async");
    small_check_status(brood_result_wait(map, 3), LIVE_BIT(BROOD_ERR_TIMEOUT), "brood_result_wait");
    must_be_soon(since, 5, "a wait of 3 ms");
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

/* ---- H6: a worker that dies, and its answers cannot be read ------------------------------------------ */

static uint32_t spoiled;

static int spoil_answers(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    spoiled++;
    first_peer()->from.shared->written += UINT64_C(1) << 40;
    support_kill_self();
    return 0;
}

/* Both were begun, as the worker's page says, so none runs again. */
static void run_spoiled(brood_pool *pool)
{
    brood_result *first = small_submit(pool, plain(0), NULL);
    brood_result *last = NULL;

    spoiled = 0;
    small_check_status(brood_pool_apply_async(pool, &last, spoil_answers, "", 1, NULL), OK,
                       "brood_pool_apply_async");
    small_finish(first, 0, LIVE_BIT(BROOD_ERR_DIED));
    small_check_status(brood_result_get(last, NULL, NULL, BROOD_FOREVER), LIVE_BIT(BROOD_ERR_DIED),
                       "brood_result_get");
    brood_result_destroy(last);
    small_must(small_begun(0) == 1 && spoiled == 1, "a task without retries begins once");
}

/* ---- an item that is taken as done before it is told, and then denied ------------------------------- */

/* In the second item the worker says that the first one, whose value it has written, has failed. */
static int deny_first(brood_task *task, const void *arg, size_t size)
{
    const brood_ring *ring = &first_peer()->from;
    brood_wire_answer answer = {
        .kind = BROOD_WIRE_FAILED, .id = task->id, .count = 1, .status = BROOD_ERR_TASK};
    uint64_t at = 0;

    if (brood_task_index(task) == 0) {
        return small_task(task, arg, size);
    }
    sim_program_sleep(20000);
    at = brood_load64(&ring->shared->written);
    memcpy(ring->bytes + (at & (ring->capacity - 1)), &answer, sizeof answer);
    brood_store64(&ring->shared->written, at + sizeof answer);
    support_kill_self();
    return 0;
}

static void run_denied(brood_pool *pool)
{
    static small_order in[3];
    static uint32_t out[3];
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_result *map = NULL;

    options.chunk_size = 3;
    small_check_status(brood_pool_map_async(pool, &map, deny_first, in, 3, sizeof in[0], out,
                                            sizeof out[0], &options),
                       OK, "brood_pool_map_async");
    sim_program_sleep(5000); /* nobody waits when the first one ends, so it is not told */
    small_check_status(brood_result_item(map, 0, NULL, NULL, NULL, BROOD_FOREVER), OK,
                       "brood_result_item");
    small_must(pool->roster.workers[0]->backlog.chunks.first->unreported == 1,
               "an item is taken before it is told");
    small_must(small_begun(0) == 1 && out[0] == 1000, "an item is taken when it is done");
    small_check_status(brood_result_get(map, NULL, NULL, BROOD_FOREVER), LIVE_BIT(BROOD_ERR_DIED),
                       "brood_result_get");
    small_check_status(brood_result_item(map, 0, NULL, NULL, NULL, BROOD_FOREVER), OK,
                       "brood_result_item");
    brood_result_destroy(map);
}

/* ---- H7: the place of an item that fails, whose value had come in part ------------------------------- */

#define VALUE 200000 /* more than two rings */

static int return_large(brood_task *task, const void *arg, size_t size)
{
    static char value[VALUE];

    (void)arg;
    (void)size;
    return brood_return(task, value, sizeof value);
}

static const void *room_of_first(void)
{
    return &first_peer()->from.shared->writer_sleeps;
}

static void run_value_in_part(brood_pool *pool)
{
    static unsigned char out[VALUE];
    unsigned char in = 0;

    memset(out, 0xAB, sizeof out);
    small_check_status(brood_pool_map(pool, return_large, &in, 1, 1, out, sizeof out, NULL),
                       LIVE_BIT(BROOD_ERR_DIED), "brood_pool_map");
    for (size_t i = 0; i < sizeof out; i++) {
        small_must(out[i] == 0xAB, "the place of an item that failed stays as it was");
    }
}

/* The same without a death. */
static void run_long_value(brood_pool *pool)
{
    static unsigned char out[VALUE];
    unsigned char in = 0;

    memset(out, 0xAB, sizeof out);
    small_check_status(brood_pool_map(pool, return_large, &in, 1, 1, out, sizeof out, NULL), OK,
                       "brood_pool_map");
    for (size_t i = 0; i < sizeof out; i++) {
        small_must(out[i] == 0, "a value comes as it was returned");
    }
}

/* ---- an item that was done, whose worker was killed while it told of it ------------------------------- */

static int add_one(brood_task *task, const void *arg, size_t size)
{
    unsigned char value = (unsigned char)(*(const unsigned char *)arg + 1);

    (void)size;
    return brood_return(task, &value, sizeof value);
}

static const void *head_from_first(void)
{
    const brood_ring *from = &first_peer()->from;

    return from->bytes + (from->own & (from->capacity - 1));
}

static void run_half_told(brood_pool *pool)
{
    static const unsigned char in[2] = {1, 2};
    static unsigned char out[2];
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_result *map = NULL;

    options.chunk_size = 2;
    small_check_status(brood_pool_map_async(pool, &map, add_one, in, 2, 1, out, 1, &options), OK,
                       "brood_pool_map_async");
    small_check_status(brood_result_wait(map, BROOD_FOREVER), OK, "brood_result_wait");
    small_check_status(brood_result_item(map, 0, NULL, NULL, NULL, BROOD_FOREVER), OK,
                       "brood_result_item of the one that was done");
    small_check_status(brood_result_item(map, 1, NULL, NULL, NULL, BROOD_FOREVER),
                       LIVE_BIT(BROOD_ERR_DIED), "brood_result_item of the one that ran");
    small_must(out[0] == 2, "the value is there");
    brood_result_destroy(map);
}

static const void *read_from_first(void)
{
    return &first_peer()->from.shared->read;
}

/* ---- a side that goes to sleep, and one that says that there is more ----------------------------------- */

static const void *written_to_first(void)
{
    return &first_peer()->to.shared->written;
}

static const void *sleep_of_first(void)
{
    return &first_peer()->to.shared->reader_sleeps;
}

static const void *claim_of_first(void)
{
    return &first_peer()->page->claim;
}

static const void *void_of_first(void)
{
    return &first_peer()->page->revoked_upto;
}

static void run_two(brood_pool *pool)
{
    brood_result *first = small_submit(pool, plain(0), NULL);
    brood_result *second = small_submit(pool, plain(1), NULL);

    small_finish(first, 0, OK);
    small_finish(second, 1, OK);
}

/* ---- a task that is cancelled at the moment at which a worker begins it ---------------------------------- */

static void run_cancel_at_begin(brood_pool *pool)
{
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    brood_result *result = small_submit(pool, pausing(0, 1000), NULL);

    brood_result_cancel(result);
    small_finish(result, 0, OK | CANCELLED);
    small_must(small_begun(0) == 1, "a worker has begun it");
    apply(pool, plain(1));
    brood_pool_get_stats(pool, &stats);
    small_must(stats.died == 0, "its answer was believed");
}

/* The worker is about to begin the second one when that is taken back; its claim is frozen twice. */
static void run_cancel_twice(brood_pool *pool)
{
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    brood_result *results[2];

    for (uint32_t i = 0; i < 2; i++) {
        results[i] = small_submit(pool, plain(i), NULL);
        brood_result_cancel(results[i]);
    }
    for (uint32_t i = 0; i < 2; i++) {
        small_finish(results[i], i, CANCELLED);
    }
    apply(pool, plain(2));
    brood_pool_get_stats(pool, &stats);
    small_must(small_begun(1) == 0 && stats.died == 0, "a task that was taken back does not begin");
}

/* ---- a wake that comes with the end of what its taker waits for ----------------------------------------- */

static void set_loop_quiet(brood_pool_options *options)
{
    options->event_loop = true;
    options->spin = BROOD_SPIN_NEVER;
    options->workers = 1;
}

/* Its sleep is over when the program's thread is about to wait, and not before that one's. */
static void destroy_shared(void *shared)
{
    sim_program_sleep(5);
    brood_shared_destroy(shared);
}

/* The program's thread is told of both at once, and has nothing to wait for any more. */
static void run_wake_with_end(brood_pool *pool)
{
    brood_shared *shared = NULL;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    support_thread *other = NULL;

    small_check_status(brood_shared_create(&shared, 100, NULL), OK, "brood_shared_create");
    options.shared = &shared;
    options.shared_count = 1;
    small_finish(small_submit(pool, plain(0), &options), 0, OK);
    small_must(first_peer()->shared_count == 1, "the worker knows the memory");
    other = small_thread("other", destroy_shared, shared);
    sim_program_sleep(5);
    small_finish(small_submit(pool, plain(1), NULL), 1, OK);
    support_thread_join(other);
    small_must(first_peer()->shared_count == 0, "the worker was told to unmap it");
}

/* ---- a task behind a long one, while no worker is ever idle ------------------------------------------------ */

#define FLOW 8

/* There are always FLOW short tasks. Those of the beginning do not wait for the end of the long one. */
static void run_overtaken(brood_pool *pool)
{
    brood_result *flow[FLOW];
    brood_result *first = small_submit(pool, pausing(0, 500000), NULL);
    int64_t begun = sim_now();

    for (uint32_t i = 0; i < FLOW; i++) {
        flow[i] = small_submit(pool, plain(1 + i), NULL);
    }
    for (bool is_new[FLOW] = {false}; sim_now() - begun < 250 * SIM_MS; sim_program_sleep(20)) {
        for (uint32_t i = 0; i < FLOW; i++) {
            if (brood_result_ready(flow[i])) {
                small_finish(flow[i], is_new[i] ? 1 + FLOW : 1 + i, OK);
                flow[i] = small_submit(pool, pausing(1 + FLOW, 100), NULL);
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

const sim_scenario sim_found[] = {
    {.name = "overtaken",
     .about = "a task stayed behind a long one as long as no worker was idle",
     .run = run_overtaken},
    {.name = "wake-with-end",
     .about = "a worker was not told to unmap memory in a pool with an event loop",
     .options = set_loop_quiet,
     .run = run_wake_with_end,
     .is_alone = true,
     .moves = {{.who = "program", .call = "poller_wait", .count = 2, .what = '>', .whom = "other"},
               {.who = "other", .call = "poller_wake", .what = '>', .whom = "worker 1"}}},
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
    {.name = "cancel-large",
     .about = "an argument on its way could not be cancelled",
     .options = set_small_rings,
     .run = run_cancel_large},
    {.name = "room",
     .about = "who waited for room was told only when a task ended",
     .options = set_one_place,
     .run = run_room},
    {.name = "item-of-chunk",
     .about = "an item that was waited for came with its whole chunk",
     .options = set_one,
     .run = run_item_of_chunk},
    {.name = "short-wait",
     .about = "a wait's time-out did not hold while others' bytes moved",
     .options = set_one_spin,
     .run = run_short_wait},
    {.name = "busy-callers",
     .about = "a worker that died under busy callers was not seen",
     .run = run_busy},
    {.name = "answers-spoiled",
     .about = "tasks of a worker that died ran twice, where its answers could not be read",
     .options = set_one_quiet,
     .run = run_spoiled,
     .is_warm = true},
    {.name = "denied",
     .about = "an item that was taken as done was denied by its worker",
     .options = set_one_quiet,
     .run = run_denied},
    {.name = "value-in-part",
     .about = "an item that failed left a part of its value in the caller's array",
     .options = set_small_rings,
     .run = run_value_in_part,
     .is_warm = true,
     .moves = {{.who = "worker 1",
                .kind = SIM_CHANGE,
                .object = room_of_first,
                .count = 2,
                .what = 'x',
                .whom = "worker 1"}}},
    {.name = "half-told",
     .about = "an item that was done failed, for its worker was killed while it wrote that",
     .options = set_one_quiet,
     .run = run_half_told,
     .is_warm = true,
     .moves = {{.who = "worker 1",
                .kind = SIM_POINT,
                .object = head_from_first,
                .what = 'x',
                .whom = "worker 1"}}},
    {.name = "sleep-and-publish",
     .about = "a worker goes to sleep, and before it says so its pool publishes",
     .options = set_one_quiet,
     .run = run_two,
     .is_warm = true,
     .moves = {{.who = "program",
                .kind = SIM_STORE,
                .object = written_to_first,
                .count = 2,
                .what = '>',
                .whom = "worker 1"},
               {.who = "worker 1",
                .kind = SIM_CHANGE,
                .object = sleep_of_first,
                .count = 2,
                .what = '>',
                .whom = "program"}}},
    {.name = "publish-late",
     .about = "the same, and what is published is seen late",
     .options = set_one_quiet,
     .run = run_two,
     .is_warm = true,
     .moves = {{.who = "program",
                .kind = SIM_STORE,
                .object = written_to_first,
                .count = 2,
                .what = '>',
                .whom = "worker 1"},
               {.who = "worker 1",
                .kind = SIM_CHANGE,
                .object = sleep_of_first,
                .count = 2,
                .what = '>',
                .whom = "program"},
               {.who = "program", .count = 2, .what = '>', .whom = "worker 1", .holds = true}}},
    {.name = "publish-and-sleep",
     .about = "a pool publishes, and just before that its worker goes to sleep",
     .options = set_one_quiet,
     .run = run_two,
     .is_warm = true,
     .moves = {{.who = "program",
                .kind = SIM_STORE,
                .object = written_to_first,
                .count = 2,
                .what = '>',
                .whom = "worker 1"}}},
    {.name = "cancel-at-begin",
     .about = "a task is taken back, and just before that its worker begins it",
     .options = set_one,
     .run = run_cancel_at_begin,
     .is_warm = true,
     .moves = {{.who = "program",
                .kind = SIM_CHANGE,
                .object = claim_of_first,
                .what = '>',
                .whom = "worker 1"}}},
    {.name = "cancel-before-begin",
     .about = "a task is taken back, and before the pool says up to where its worker begins it",
     .options = set_one,
     .run = run_cancel_at_begin,
     .is_warm = true,
     .moves = {{.who = "program",
                .kind = SIM_STORE,
                .object = void_of_first,
                .what = '>',
                .whom = "worker 1"}}},
    {.name = "cancel-twice",
     .about = "a task is taken back twice while its worker is about to begin it",
     .options = set_one,
     .run = run_cancel_twice,
     .is_warm = true,
     .moves = {{.who = "program",
                .kind = SIM_STORE,
                .object = void_of_first,
                .count = 2,
                .what = '>',
                .whom = "worker 1"},
               {.who = "worker 1",
                .kind = SIM_CHANGE,
                .object = claim_of_first,
                .what = '>',
                .whom = "program"}}},
    {.name = "sleep-and-release",
     .about = "a worker goes to sleep for room, and before it says so its pool makes room",
     .options = set_small_rings,
     .run = run_long_value,
     .is_warm = true,
     .moves = {{.who = "worker 1",
                .kind = SIM_CHANGE,
                .object = room_of_first,
                .what = '>',
                .whom = "program"}}},
    {.name = "release-and-sleep",
     .about = "a pool makes room, and just before that its worker goes to sleep for it",
     .options = set_small_rings,
     .run = run_long_value,
     .is_warm = true,
     .moves = {{.who = "worker 1",
                .kind = SIM_CHANGE,
                .object = room_of_first,
                .what = '>',
                .whom = "program"},
               {.who = "program",
                .kind = SIM_STORE,
                .object = read_from_first,
                .what = '>',
                .whom = "worker 1"}}},
    {.name = "release-late",
     .about = "a pool makes room that is seen late, and then its worker goes to sleep for it",
     .options = set_small_rings,
     .run = run_long_value,
     .is_warm = true,
     .moves = {{.who = "worker 1",
                .kind = SIM_CHANGE,
                .object = room_of_first,
                .what = '>',
                .whom = "program"},
               {.who = "program", .kind = SIM_STORE, .object = read_from_first},
               {.who = "program", .count = 2, .what = '>', .whom = "worker 1", .holds = true}}},
};
const uint32_t sim_found_count = sizeof sim_found / sizeof sim_found[0];
