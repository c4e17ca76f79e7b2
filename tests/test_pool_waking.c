/*
 * W: nobody waits for what nobody will tell. Each test makes one such wait, which has no end of its
 * own shorter than SOON_MS; what the wait is for has happened, or nothing keeps it from happening.
 */
#include "pool_tools.h"

#include <stdio.h>
#include <stdlib.h>

#include <apr_time.h>

#include "base/atomic.h"
#include "platform.h"
#include "runtime/sync.h"

#define NS_PER_MS INT64_C(1000000)

static int64_t now_ms(void)
{
    return brood_os_now() / NS_PER_MS;
}

/* Without a wait that would keep the pool going. */
static void await_ready(brood_result *result)
{
    for (int64_t end = now_ms() + SOON_MS; !brood_result_ready(result); apr_sleep(1000)) {
        assert_true(now_ms() < end);
    }
}

/* It is done soon, though nobody waits for it. It is destroyed. */
static void expect_soon(brood_result *result, brood_status status)
{
    await_ready(result);
    assert_status(brood_result_get(result, NULL, NULL, 0), status);
    brood_result_destroy(result);
}

static brood_result *submit(brood_pool *pool, brood_function *function,
                            const brood_task_options *options)
{
    brood_result *result = NULL;

    assert_ok(brood_pool_apply_async(pool, &result, function, "x", 1, options));
    return result;
}

static brood_task_options timed(uint32_t timeout_ms)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;

    options.timeout_ms = timeout_ms;
    return options;
}

static int hang(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    support_hang();
    return 0;
}

static int rest(brood_task *task, const void *arg, size_t size)
{
    apr_sleep(2000);
    return brood_return(task, arg, size);
}

/* A thread that waits for a result, as long as it takes. */
static void wait_for(void *data)
{
    brood_result_wait(data, BROOD_FOREVER);
}

/* ---- W1: calls that wait, with a full queue --------------------------------------------------- */

static int no_range(brood_task *task, uint64_t begin, uint64_t end, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return begin < end ? 0 : 1;
}

enum {
    W1_APPLY,
    W1_MAP,
    W1_FOR
};

static void call(brood_pool *pool, int kind)
{
    char byte = 0;

    if (kind == W1_APPLY) {
        assert_ok(brood_pool_apply(pool, task_echo, "x", 1, &byte, 1, NULL));
    } else if (kind == W1_MAP) {
        assert_ok(brood_pool_map(pool, task_echo, "abc", 3, 1, NULL, 0, NULL));
    } else {
        assert_ok(brood_pool_for(pool, no_range, 0, 10, NULL, 0, NULL));
    }
}

static brood_pool *small_queue(uint32_t workers, size_t queue_size)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;

    options.workers = workers;
    options.queue_size = queue_size;
    assert_ok(brood_pool_create(&pool, &options));
    return pool;
}

static void call_behind_a_full_queue(int kind)
{
    brood_pool *pool = small_queue(1, 1);

    for (int i = 0; i < 100; i++) {
        for (int k = 0; k < 3; k++) {
            assert_ok(brood_pool_apply_async(pool, NULL, rest, "x", 1, NULL));
        }
        call(pool, kind);
    }
    end_pool(pool);
}

static void w1_an_apply_with_a_full_queue(void **state)
{
    (void)state;
    call_behind_a_full_queue(W1_APPLY);
}

static void w1_a_map_with_a_full_queue(void **state)
{
    (void)state;
    call_behind_a_full_queue(W1_MAP);
}

static void w1_a_range_with_a_full_queue(void **state)
{
    (void)state;
    call_behind_a_full_queue(W1_FOR);
}

typedef struct peeker {
    brood_pool *pool;
    brood_atomic32 stop;
} peeker;

/* Waits of 0 ms, each of which may hear what another thread waits for. */
static void peek(void *data)
{
    peeker *self = data;

    while (brood_load32(&self->stop) == 0) {
        brood_result *result = submit(self->pool, task_echo, NULL);

        while (brood_result_wait(result, 0) == BROOD_ERR_TIMEOUT) {
            support_yield();
        }
        brood_result_destroy(result);
    }
}

static void w1_while_another_thread_looks(void **state)
{
    peeker self = {small_queue(1, 1), 0};
    support_thread *thread = support_thread_start(peek, &self);
    int64_t begin = now_ms();

    (void)state;
    for (int i = 0; i < 300; i++) {
        for (int k = 0; k < 3; k++) {
            assert_ok(brood_pool_apply_async(self.pool, NULL, task_echo, "x", 1, NULL));
        }
        call(self.pool, i % 3);
    }
    assert_in_range(now_ms() - begin, 0, SOON_MS / 2); /* no round waits for the next second */
    brood_exchange32(&self.stop, 1);
    support_thread_join(thread);
    end_pool(self.pool);
}

/* ---- W2: a timed task becomes the first of its worker ------------------------------------------- */

enum {
    W2_ITEMS = 200000
};

/* An untimed map, and behind it a timed task that hangs. */
static void submit_both(brood_pool *pool, brood_result *results[2], const int32_t *in, int32_t *out)
{
    brood_task_options limit = timed(50);

    assert_ok(brood_pool_map_async(pool, &results[0], task_echo, in, W2_ITEMS, sizeof *in, out,
                                   sizeof *out, NULL));
    results[1] = submit(pool, hang, &limit);
}

static brood_pool *spinning_pool(bool event_loop)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;

    options.workers = 1;
    options.spin = BROOD_SPIN_ALWAYS;
    options.event_loop = event_loop;
    options.grace_ms = 1;
    assert_ok(brood_pool_create(&pool, &options));
    return pool;
}

/* The end of the map is heard by a thread that looks again and again, and leaves then. */
static void w2_a_timed_task_behind_an_untimed_one(void **state)
{
    int32_t *in = calloc(2 * W2_ITEMS, sizeof *in);
    brood_pool *pool = spinning_pool(false);
    brood_result *results[2];

    (void)state;
    for (int i = 0; i < 5; i++) {
        submit_both(pool, results, in, in + W2_ITEMS);
        wait_for(results[0]);
        expect_soon(results[1], BROOD_ERR_TASK_TIMEOUT);
        expect_soon(results[0], BROOD_OK);
    }
    end_pool(pool);
    free(in);
}

/* The loop waits for nothing but what the pool says. */
static void loop_until_ready(brood_pool *pool, brood_result *result)
{
    brood_handle handle = BROOD_HANDLE_NONE;
    int64_t end = now_ms() + SOON_MS;

    assert_ok(brood_pool_handle(pool, &handle));
    while (!brood_result_ready(result)) {
        int64_t wait_ms = brood_pool_timeout_ms(pool);
        bool is_timed = wait_ms != BROOD_FOREVER && wait_ms < SOON_MS;

        assert_true(now_ms() < end);
        if (!support_wait_handle(handle, is_timed ? (int)wait_ms : SOON_MS) && !is_timed) {
            fail_msg("neither the handle nor the time said that anything was due");
        }
        assert_ok(brood_pool_run(pool));
    }
}

/* The same in a pool whose time the loop keeps: it learns of it by the handle or the time. */
static void w2_a_timed_task_and_an_event_loop(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options limit = timed(10);
    brood_handle handle = BROOD_HANDLE_NONE;
    pool_gate gate;
    brood_pool *pool = NULL;

    (void)state;
    options.workers = 1;
    options.spin = BROOD_SPIN_ALWAYS;
    options.event_loop = true;
    options.grace_ms = 1;
    pool = pool_with_gate_and(&options, &gate);
    assert_ok(brood_pool_handle(pool, &handle));
    for (int i = 0; i < (support_is_wine() ? 5 : 50); i++) {
        brood_result *first = submit(pool, task_gated, NULL);
        brood_result *second = submit(pool, hang, &limit);

        gate_await(&gate, 1);
        while (support_wait_handle(handle, 0)) { /* the loop knows all that there is to know now */
            assert_ok(brood_pool_run(pool));
        }
        gate_pass(&gate, 1);
        wait_for(first);
        loop_until_ready(pool, second);
        expect_soon(second, BROOD_ERR_TASK_TIMEOUT);
        expect_soon(first, BROOD_OK);
    }
    end_pool(pool);
    gate_free(&gate);
}

static int take_a_moment(brood_task *task, const void *arg, size_t size)
{
    int64_t end = brood_os_now() + 30000;

    while (brood_os_now() < end) {
        brood_pause();
    }
    return brood_return(task, arg, size);
}

/*
 * The only thread of the program waits for a map whose bytes move all the time. What stands behind it
 * must not run: its deadline is long over then, which that thread has to see while it spins.
 */
static void w2_a_deadline_and_an_event_loop_whose_thread_spins(void **state)
{
    enum {
        ROUNDS = 50,
        ITEMS = 1000
    };
    char in[ITEMS] = {0};
    brood_pool *pool = spinning_pool(true);
    brood_task_options one_by_one = BROOD_TASK_OPTIONS_INIT;
    brood_task_options limit = BROOD_TASK_OPTIONS_INIT;

    (void)state;
    one_by_one.chunk_size = 1;
    limit.deadline_ms = 5;
    for (int i = 0; i < ROUNDS; i++) {
        brood_result *map = NULL;
        brood_result *late = NULL;

        assert_ok(
            brood_pool_map_async(pool, &map, take_a_moment, in, ITEMS, 1, NULL, 0, &one_by_one));
        late = submit(pool, task_echo, &limit);
        wait_for(map);
        wait_for(late);
        expect_soon(late, BROOD_ERR_DEADLINE);
        expect_soon(map, BROOD_OK);
    }
    end_pool(pool);
}

/* ---- W3: workers that are started when tasks come ------------------------------------------------ */

static int start_slowly(brood_task *task, const void *arg, size_t size)
{
    uint32_t start_ms = 0;

    (void)task;
    memcpy(&start_ms, arg, size);
    apr_sleep(start_ms * INT64_C(1000));
    return 0;
}

/* A thread waits for a long task, and so does the pool's work; a second task gets its worker. */
static void second_worker(bool lazy, uint32_t idle_timeout_ms, uint32_t start_ms)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    pool_gate gate;
    brood_pool *pool = NULL;
    brood_result *long_one = NULL;
    support_thread *thread = NULL;

    options.workers = 2;
    options.lazy = lazy;
    options.idle_timeout_ms = idle_timeout_ms;
    options.initializer = start_ms > 0 ? start_slowly : NULL;
    options.initializer_arg = &start_ms;
    options.initializer_size = start_ms > 0 ? sizeof start_ms : 0;
    options.spin = BROOD_SPIN_NEVER; /* else the thread keeps the pool while the caller spins */
    pool = pool_with_gate_and(&options, &gate);
    for (stats.alive = 2; !lazy && stats.alive > 0; apr_sleep(1000)) { /* they are idle, and end */
        assert_ok(brood_pool_get_stats(pool, &stats));
    }
    long_one = submit(pool, task_gated, NULL);
    gate_await(&gate, 1);
    thread = support_thread_start(wait_for, long_one);
    apr_sleep(50000); /* it waits now, most likely; else the test finds nothing */
    assert_ok(brood_pool_resize(
        pool, 2)); /* the same; the pool's thread looks up, and leaves it to that one */
    apr_sleep(50000);
    expect_soon(submit(pool, task_echo, NULL), BROOD_OK);
    assert_false(brood_result_ready(long_one));
    gate_open(&gate);
    support_thread_join(thread);
    expect_soon(long_one, BROOD_OK);
    end_pool(pool);
    gate_free(&gate);
}

static int stop_before_the_first(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    gate_stop(task);
    return 0;
}

/* One worker has come up, and has done something; the others wait in their initializers. */
static brood_pool *pool_with_one_up(pool_gate *gate, uint32_t workers)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;

    gate_make(gate);
    options.initializer = stop_before_the_first;
    options.spin = BROOD_SPIN_ALWAYS;
    pool = gate_pool(gate, workers, &options);
    gate_await(gate, workers);
    gate_pass(gate, 1);
    expect_soon(submit(pool, task_echo, NULL), BROOD_OK);
    return pool;
}

/* What a cancel takes back makes its worker look slow: it stands behind those that start. */
static void w3_a_worker_that_is_up_before_those_that_start(void **state)
{
    pool_gate gate;
    brood_pool *pool = pool_with_one_up(&gate, 3);

    (void)state;
    for (int i = 0; i < 20; i++) {
        brood_result *cancelled = submit(pool, task_echo, NULL);

        brood_result_cancel(cancelled);
        expect_soon(submit(pool, task_echo, NULL), BROOD_OK);
        brood_result_destroy(cancelled);
    }
    gate_open(&gate);
    end_pool(pool);
    gate_free(&gate);
}

/* A thread that spins hears that the one that is up is idle; the thread that leads does not. */
static void w3_a_worker_that_is_up_and_idle_while_another_starts(void **state)
{
    pool_gate gate;
    brood_pool *pool = NULL;

    (void)state;
    support_set_environment("BROOD_CPU_COUNT", "4"); /* one that starts is busy, but takes none */
    pool = pool_with_one_up(&gate, 2);
    for (int i = 0; i < 20; i++) {
        brood_result *first = submit(pool, take_a_moment, NULL);
        brood_result *second = submit(pool, task_echo, NULL);

        wait_for(first);
        expect_soon(second, BROOD_OK);
        expect_soon(first, BROOD_OK);
    }
    gate_open(&gate);
    end_pool(pool);
    gate_free(&gate);
}

/*
 * Each of two workers gets its last two tasks, and is told to end behind them. One of them goes on: what
 * replaces it takes what stands behind the first task of the other one.
 */
static void behind_another_in_a_worker_that_ends(bool closes)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_result *results[4];
    pool_gate gate;
    brood_pool *pool = NULL;

    options.workers = 2;
    options.max_tasks_per_worker = 2;
    pool = pool_with_gate_and(&options, &gate);
    for (int i = 0; i < 4; i++) {
        if (i == 2) {
            gate_await(&gate, 2);
        }
        results[i] = submit(pool, i < 2 ? task_gated : task_echo, NULL);
    }
    if (closes) {
        assert_ok(brood_pool_close(pool));
    }
    gate_pass(&gate, 1);
    expect_soon(results[2], BROOD_OK);
    expect_soon(results[3], BROOD_OK);
    assert_false(brood_result_ready(results[0]) && brood_result_ready(results[1]));
    gate_open(&gate);
    expect_soon(results[0], BROOD_OK);
    expect_soon(results[1], BROOD_OK);
    end_pool(pool);
    gate_free(&gate);
}

static void w3_a_task_behind_another_in_a_worker_that_ends(void **state)
{
    (void)state;
    behind_another_in_a_worker_that_ends(false);
}

static void w3_the_same_after_the_close(void **state)
{
    (void)state;
    behind_another_in_a_worker_that_ends(true);
}

static void w3_a_lazy_worker_while_a_caller_leads(void **state)
{
    (void)state;
    second_worker(true, 0, 0);
}

static void w3_a_worker_after_idle_ones_while_a_caller_leads(void **state)
{
    (void)state;
    second_worker(false, support_is_wine() ? 1000 : 100, 0); /* longer than a start takes */
}

/* ---- W14: an idle time-out that is shorter than a start ---------------------------------------------- */

/* A worker that has not come up is not idle: else each is replaced by the next, for ever. */
static void w14_an_idle_time_out_shorter_than_a_start(void **state)
{
    (void)state;
    second_worker(true, 20, 200);
}

/* ---- W6: room in the queue ------------------------------------------------------------------------ */

typedef struct submitter {
    brood_pool *pool;
    brood_atomic32 submitted;
    int count;
} submitter;

static void submit_gated(void *data)
{
    submitter *self = data;

    for (int i = 0; i < self->count; i++) {
        if (brood_pool_apply_async(self->pool, NULL, task_gated, "x", 1, NULL) == BROOD_OK) {
            brood_add32(&self->submitted, 1);
        }
    }
}

/* Until the thread waits for room: nothing is submitted for a while. */
static uint32_t await_full(submitter *self)
{
    uint32_t before = UINT32_MAX;

    while (before != brood_load32(&self->submitted)) {
        before = brood_load32(&self->submitted);
        apr_sleep(200000); /* if this is too short, the test finds nothing, and does not fail */
    }
    return before;
}

/* No task ends; a new worker takes what waits, and there is room. */
/* All workers have a task, and what was taken back from behind these fills the queue: there is no room. */
static bool is_full(brood_pool *pool, uint32_t workers)
{
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;

    assert_ok(brood_pool_get_stats(pool, &stats));
    return stats.busy == workers && stats.queued >= 1;
}

static void w6_room_when_the_queue_drains(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    pool_gate gate;
    submitter self = {NULL, 0, 1000};
    support_thread *leader = NULL;
    support_thread *thread = NULL;
    brood_result *first = NULL;
    int64_t end = 0;
    uint32_t before = 0;
    uint32_t grown = 0;

    (void)state;
    options.workers = 1;
    options.queue_size = 1;
    options.spin = BROOD_SPIN_NEVER;
    self.pool = pool_with_gate_and(&options, &gate);
    first = submit(self.pool, task_gated, NULL);
    leader = support_thread_start(wait_for, first);
    gate_await(&gate, 1);
    thread = support_thread_start(submit_gated, &self);
    for (uint32_t workers = 2; grown < 4; workers++) {
        before = await_full(&self);
        assert_true(before < 1000 && workers < 20);
        assert_ok(brood_pool_resize(self.pool, workers));
        end = now_ms() + SOON_MS;
        while (brood_load32(&self.submitted) == before && !is_full(self.pool, workers)) {
            assert_true(now_ms() < end);
            apr_sleep(1000);
        }
        grown += brood_load32(&self.submitted) != before;
    }
    gate_open(&gate);
    support_thread_join(thread);
    support_thread_join(leader);
    expect_soon(first, BROOD_OK);
    end_pool(self.pool);
    gate_free(&gate);
}

/* ---- W7: an item that somebody waits for ----------------------------------------------------------- */

enum {
    W7_ITEMS = 64,
    W7_STOPS = 40
};

/* The first item ends its worker at first; one of the last stops at the gate. */
static int die_or_stop(brood_task *task, const void *arg, size_t size)
{
    if (brood_task_index(task) == 0 && brood_task_attempt(task) == 1) {
        gate_stop(task);
        support_kill_self();
    } else if (brood_task_index(task) == W7_STOPS) {
        gate_stop(task);
    }
    return brood_return(task, arg, size);
}

typedef struct item_waiter {
    brood_result *result;
    brood_status status;
} item_waiter;

static void wait_for_item(void *data)
{
    item_waiter *self = data;

    self->status = brood_result_item(self->result, 1, NULL, NULL, NULL, SOON_MS);
}

/* Its chunk is given again, to a worker that does not know that somebody waits. */
static void w7_an_item_whose_chunk_is_given_later(void **state)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    item_waiter self = {NULL, BROOD_OK};
    char in[W7_ITEMS] = {0};
    char out[W7_ITEMS] = {0};
    pool_gate gate;
    brood_pool *pool = pool_with_gate(1, &gate);
    support_thread *thread = NULL;

    (void)state;
    options.chunk_size = W7_ITEMS;
    options.retries = 1;
    assert_ok(
        brood_pool_map_async(pool, &self.result, die_or_stop, in, W7_ITEMS, 1, out, 1, &options));
    gate_await(&gate, 1);
    thread = support_thread_start(wait_for_item, &self);
    apr_sleep(50000); /* it waits now, most likely; else the test finds nothing */
    gate_pass(&gate, 1);
    support_thread_join(thread);
    assert_ok(self.status);
    assert_false(brood_result_ready(self.result));
    gate_open(&gate);
    expect_soon(self.result, BROOD_OK);
    end_pool(pool);
    gate_free(&gate);
}

/* The second item waits at the gate; all others are quick. */
static int stop_at_the_second(brood_task *task, const void *arg, size_t size)
{
    if (brood_task_index(task) == 1) {
        gate_stop(task);
    }
    return brood_return(task, arg, size);
}

typedef struct half_done {
    char in[W7_ITEMS], out[W7_ITEMS];
    pool_gate gate;
    brood_pool *pool;
    brood_result *result;
} half_done;

/* The first item is done, and the worker is at the second, before anybody waits for the first. */
static void begin_half(half_done *self, bool has_values)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;

    memset(self, 0, sizeof *self);
    memset(self->in, 'x', sizeof self->in);
    self->pool = pool_with_gate(1, &self->gate);
    options.chunk_size = W7_ITEMS;
    assert_ok(brood_pool_map_async(self->pool, &self->result, stop_at_the_second, self->in,
                                   W7_ITEMS, 1, has_values ? self->out : NULL, has_values,
                                   &options));
    gate_await(&self->gate, 1);
    assert_ok(brood_result_item(self->result, 0, NULL, NULL, NULL, SOON_MS));
    assert_false(brood_result_ready(self->result));
    assert_int_equal(self->out[0], has_values ? 'x' : 0);
}

static void end_half(half_done *self, brood_status status)
{
    gate_open(&self->gate);
    expect_soon(self->result, status);
    end_pool(self->pool);
    gate_free(&self->gate);
}

/* What the caller was given is the caller's: it is not written again. */
static void w7_an_item_that_is_done_before_a_long_one(void **state)
{
    half_done self;

    (void)state;
    begin_half(&self, true);
    self.out[0] = 'y';
    end_half(&self, BROOD_OK);
    assert_int_equal(self.out[0], 'y');
    for (int i = 1; i < W7_ITEMS; i++) {
        assert_int_equal(self.out[i], 'x');
    }
    begin_half(&self, false);
    end_half(&self, BROOD_OK);
}

/* The worker dies then: the one that it was at has failed, and no other. */
static void w7_an_item_that_is_done_before_one_that_dies(void **state)
{
    half_done self;
    int64_t pid = 0;

    (void)state;
    begin_half(&self, true);
    assert_int_equal(brood_pool_pids(self.pool, &pid, 1), 1);
    support_kill(pid);
    assert_status(brood_result_item(self.result, 1, NULL, NULL, NULL, SOON_MS), BROOD_ERR_DIED);
    end_half(&self, BROOD_ERR_DIED);
    for (int i = 0; i < W7_ITEMS; i++) {
        assert_int_equal(self.out[i], i == 1 ? 0 : 'x');
    }
}

/* The first item goes on until its time is over, the last one stops at the gate. */
static int time_out_or_stop(brood_task *task, const void *arg, size_t size)
{
    if (brood_task_index(task) == 0) {
        gate_stop(task);
        while (!brood_task_cancelled(task)) {
            apr_sleep(1000);
        }
    } else if (brood_task_index(task) == 2) {
        gate_stop(task);
    }
    return brood_return(task, arg, size);
}

/* That an item was cancelled does not hide from the worker that somebody waits for the next one. */
static void w7_an_item_behind_one_that_was_timed_out(void **state)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    item_waiter self = {NULL, BROOD_OK};
    char in[3] = {0};
    char out[3] = {0};
    pool_gate gate;
    brood_pool *pool = pool_with_gate(1, &gate);

    (void)state;
    options.chunk_size = 3;
    options.timeout_ms = 500;
    assert_ok(
        brood_pool_map_async(pool, &self.result, time_out_or_stop, in, 3, 1, out, 1, &options));
    gate_await(&gate, 1);
    gate_pass(&gate, 1);
    wait_for_item(&self);
    assert_ok(self.status);
    assert_false(brood_result_ready(self.result)); /* else it came with the last one's end */
    gate_open(&gate);
    expect_soon(self.result, BROOD_ERR_TASK_TIMEOUT);
    end_pool(pool);
    gate_free(&gate);
}

/* ---- W8: time-outs of waits ------------------------------------------------------------------------ */

static int take(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return 0;
}

/* Each wait looks again and again, as long as bytes move: those of large arguments. */
static void w8_time_outs_while_bytes_move(void **state)
{
    enum {
        SIZE = 8 << 20,
        ITEMS = 400
    };
    unsigned char *large = calloc(1, SIZE);
    brood_bytes items[ITEMS];
    brood_pool *pool = spinning_pool(false);
    brood_result *result = NULL;
    brood_status status = BROOD_ERR_TIMEOUT;
    int waits = 0;
    int late = 0;
    int count = support_is_wine() ? ITEMS / 8 : ITEMS;

    (void)state;
    for (int i = 0; i < count; i++) {
        items[i] = (brood_bytes){large, SIZE};
    }
    assert_ok(brood_pool_map_async(pool, &result, take, items, (size_t)count, BROOD_SIZE_VARIES,
                                   NULL, 0, NULL));
    for (; status == BROOD_ERR_TIMEOUT; waits++) {
        int64_t begin = now_ms();

        status = brood_result_wait(result, 10);
        late += now_ms() - begin > 100;
    }
    printf("%d waits, %d of them late\n", waits, late);
    assert_in_range(late, 0, waits / 10); /* a busy machine may be so slow, but not each time */
    expect_soon(result, BROOD_OK);
    end_pool(pool);
    free(large);
}

/* ---- W12: a thread that ends in a wait ---------------------------------------------------------------- */

static void w12_a_thread_that_is_cancelled_in_a_wait(void **state)
{
    pool_gate gate;
    brood_pool *pool = pool_with_gate(2, &gate);
    brood_result *result = submit(pool, task_gated, NULL);
    support_thread *thread = NULL;

    (void)state;
    gate_await(&gate, 1);
    thread = support_thread_start(wait_for, result);
    apr_sleep(50000); /* it waits now, most likely; else the test finds nothing */
    if (!support_thread_cancel(thread)) {
        gate_open(&gate);
        support_thread_join(thread);
        expect_soon(result, BROOD_OK);
        end_pool(pool);
        gate_free(&gate);
        harness_skip("threads cannot be cancelled here");
    }
    for (int i = 0; i < 10; i++) {
        expect_soon(submit(pool, task_echo, NULL), BROOD_OK);
    }
    gate_open(&gate);
    support_thread_join(thread);
    expect_soon(result, BROOD_OK);
    end_pool(pool);
    gate_free(&gate);
}

/* ---- W16: the handle of an event loop while another thread waits ------------------------------------ */

typedef struct applier {
    brood_pool *pool;
    brood_atomic32 done;
} applier;

enum {
    W16_TASKS = 200
};

static void apply_often(void *data)
{
    applier *self = data;

    for (int i = 0; i < W16_TASKS; i++) {
        brood_pool_apply(self->pool, rest, NULL, 0, NULL, 0, NULL);
    }
    brood_exchange32(&self->done, 1);
}

static void w16_a_loop_does_not_spin_while_another_thread_waits(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_handle handle = BROOD_HANDLE_NONE;
    applier self = {NULL, 0};
    support_thread *thread = NULL;
    int turns = 0;

    (void)state;
    options.workers = 1;
    options.event_loop = true;
    assert_ok(brood_pool_create(&self.pool, &options));
    assert_ok(brood_pool_handle(self.pool, &handle));
    thread = support_thread_start(apply_often, &self);
    while (brood_load32(&self.done) == 0) {
        if (support_wait_handle(handle, 100)) {
            assert_ok(brood_pool_run(self.pool));
            turns++;
        }
    }
    support_thread_join(thread);
    end_pool(self.pool);
    printf("%d turns for %d tasks\n", turns, W16_TASKS);
    assert_in_range(turns, 0, 6 * W16_TASKS);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(w1_an_apply_with_a_full_queue),
    cmocka_unit_test(w1_a_map_with_a_full_queue),
    cmocka_unit_test(w1_a_range_with_a_full_queue),
    cmocka_unit_test(w1_while_another_thread_looks),
    cmocka_unit_test(w2_a_timed_task_behind_an_untimed_one),
    cmocka_unit_test(w2_a_timed_task_and_an_event_loop),
    cmocka_unit_test(w2_a_deadline_and_an_event_loop_whose_thread_spins),
    cmocka_unit_test(w3_a_worker_that_is_up_before_those_that_start),
    cmocka_unit_test(w3_a_worker_that_is_up_and_idle_while_another_starts),
    cmocka_unit_test(w3_a_task_behind_another_in_a_worker_that_ends),
    cmocka_unit_test(w3_the_same_after_the_close),
    cmocka_unit_test(w3_a_lazy_worker_while_a_caller_leads),
    cmocka_unit_test(w3_a_worker_after_idle_ones_while_a_caller_leads),
    cmocka_unit_test(w14_an_idle_time_out_shorter_than_a_start),
    cmocka_unit_test(w6_room_when_the_queue_drains),
    cmocka_unit_test(w7_an_item_whose_chunk_is_given_later),
    cmocka_unit_test(w7_an_item_behind_one_that_was_timed_out),
    cmocka_unit_test(w7_an_item_that_is_done_before_a_long_one),
    cmocka_unit_test(w7_an_item_that_is_done_before_one_that_dies),
    cmocka_unit_test(w8_time_outs_while_bytes_move),
    cmocka_unit_test(w12_a_thread_that_is_cancelled_in_a_wait),
    cmocka_unit_test(w16_a_loop_does_not_spin_while_another_thread_waits),
};

BROOD_TEST_MAIN(tests)
