/*
 * U3: a program with an event loop waits for the pool's handle, for no longer than the pool asks,
 * and misses nothing: no end of a task, time-out, death of a worker, or word from another thread.
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include <apr_time.h>

#include "platform.h"
#include "pool/lock.h"
#include "pool/pool_impl.h"

#define ROUNDS 2000
#define FEW_ROUNDS 300
#define POOLS_MAX 2

/* A pool in a loop, and what its callbacks have seen. */
typedef struct looper {
    brood_pool *pool;
    brood_handle handle;
    unsigned done, failed;
    brood_status last; /* of the failures */
} looper;

static bool are_few_rounds(void)
{
    return support_is_wine() || support_is_sanitized();
}

static int rounds(void)
{
    return are_few_rounds() ? FEW_ROUNDS : ROUNDS;
}

/* ---- what workers do ----------------------------------------------------------------------- */

static int echo(brood_task *task, const void *arg, size_t size)
{
    return brood_return(task, arg, size);
}

static int crash(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    support_kill_self();
    return 0;
}

static int hang(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    support_hang();
    return 0;
}

/* ---- the loop ------------------------------------------------------------------------------ */

static void on_done(brood_result *result, void *user)
{
    assert_true(brood_result_successful(result));
    ((looper *)user)->done++;
}

static void on_failed(brood_result *result, void *user)
{
    brood_failure failure = BROOD_FAILURE_INIT;

    assert_ok(brood_result_failure(result, &failure));
    ((looper *)user)->failed++;
    ((looper *)user)->last = failure.status;
}

static void open_loop(looper *self, brood_pool_options options)
{
    options.event_loop = true;
    options.workers = options.workers == 0 ? 2 : options.workers;
    options.backoff_ms = 20;
    options.grace_ms = 20;
    memset(self, 0, sizeof *self);
    assert_ok(brood_pool_create(&self->pool, &options));
    assert_ok(brood_pool_handle(self->pool, &self->handle));
}

static void close_loop(looper *self)
{
    assert_ok(brood_pool_close(self->pool));
    assert_ok(brood_pool_join(self->pool, SOON_MS));
    assert_null(brood_pool_destroy(self->pool));
}

static brood_task_options told(looper *self)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;

    options.done = on_done;
    options.failed = on_failed;
    options.user = self;
    return options;
}

/* One round as a program makes it. What is due says the handle or the time; nothing else does. */
static void wait_and_run(looper *self)
{
    int64_t wait_ms = brood_pool_timeout_ms(self->pool);
    bool has_time = wait_ms != BROOD_FOREVER && wait_ms < SOON_MS;
    bool ready = support_wait_handle(self->handle, has_time ? (int)wait_ms : SOON_MS);

    assert_true(wait_ms >= BROOD_FOREVER);
    if (!ready && !has_time) {
        fail_msg("neither the handle nor the time said that anything was due");
    }
    assert_ok(brood_pool_run(self->pool));
}

static void run_until(looper *self, unsigned count)
{
    int64_t end = brood_os_now() + SOON_MS * INT64_C(1000000);

    while (self->done + self->failed < count) {
        assert_true(brood_os_now() < end);
        wait_and_run(self);
    }
}

/* ---- wake-ups ------------------------------------------------------------------------------ */

static void u3_no_wakeup_is_lost(void **state)
{
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    looper self;

    (void)state;
    open_loop(&self, pool_options);
    options = told(&self);
    for (int i = 0; i < rounds(); i++) {
        unsigned count = self.done + 1 + (unsigned)i % 3;

        for (int k = 0; k < 1 + i % 3; k++) {
            assert_ok(brood_pool_apply_async(self.pool, NULL, echo, &i, sizeof i, &options));
        }
        run_until(&self, count);
    }
    assert_int_equal(self.failed, 0);
    close_loop(&self);
}

static void u3_large_arguments_and_maps(void **state)
{
    enum {
        LARGE = 2000000
    };
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    unsigned char *in = calloc(2, LARGE);
    brood_result *result = NULL;
    looper self;

    (void)state;
    open_loop(&self, pool_options);
    options = told(&self);
    memset(in, 7, LARGE);
    for (unsigned i = 1; i <= 10; i++) {
        assert_ok(brood_pool_apply_async(self.pool, NULL, echo, in, LARGE, &options));
        assert_ok(brood_pool_map_async(self.pool, &result, echo, in, LARGE / 1000, 1000, in + LARGE,
                                       1000, &options));
        run_until(&self, 2 * i);
        assert_memory_equal(in, in + LARGE, LARGE);
        memset(in + LARGE, 0, LARGE);
        brood_result_destroy(result);
    }
    assert_int_equal(self.failed, 0);
    close_loop(&self);
    free(in);
}

static void take_two_milliseconds(brood_result *result, void *user)
{
    int *count = user;

    (void)result;
    brood_os_sleep(2000000);
    ++*count;
}

/* A run begins nothing more after a millisecond; what is left keeps the handle ready. */
static void u3_a_run_leaves_time_to_the_loop(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options task = BROOD_TASK_OPTIONS_INIT;
    brood_result *results[3];
    int count = 0;
    looper self;

    (void)state;
    open_loop(&self, options);
    task.done = task.failed = take_two_milliseconds;
    task.user = &count;
    for (int i = 0; i < 3; i++) {
        assert_ok(brood_pool_apply_async(self.pool, &results[i], echo, &i, sizeof i, &task));
    }
    for (int i = 0; i < 3; i++) {
        assert_ok(brood_result_wait(results[i], SOON_MS));
        brood_result_destroy(results[i]);
    }
    for (int i = 1; i <= 3; i++) {
        assert_true(support_wait_handle(self.handle, SOON_MS));
        assert_int_equal(brood_pool_timeout_ms(self.pool), 0);
        assert_ok(brood_pool_run(self.pool));
        assert_int_equal(count, i);
    }
    close_loop(&self);
}

static void u3_no_thread(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    int before = support_count_threads();
    looper self;

    (void)state;
    if (before < 0) {
        harness_skip("nothing tells how many threads there are");
    }
    open_loop(&self, options);
    /* Where the system has too little: one polls for the program, one waits for each worker. */
    assert_in_range(support_count_threads(), before + (support_is_linux() ? 0 : 1),
                    before + (support_is_linux() ? 0 : 1 + 2));
    close_loop(&self);
}

static void u3_two_pools_in_one_loop(void **state)
{
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    looper both[POOLS_MAX];

    (void)state;
    pool_options.workers = 1;
    for (int k = 0; k < POOLS_MAX; k++) {
        open_loop(&both[k], pool_options);
    }
    for (int i = 1; i <= FEW_ROUNDS; i++) {
        for (int k = 0; k < POOLS_MAX; k++) {
            brood_task_options options = told(&both[k]);

            assert_ok(brood_pool_apply_async(both[k].pool, NULL, echo, &i, sizeof i, &options));
        }
        for (int k = 0; k < POOLS_MAX; k++) { /* each one's events wait for it */
            run_until(&both[(k + i) % POOLS_MAX], (unsigned)i);
        }
    }
    for (int k = 0; k < POOLS_MAX; k++) {
        close_loop(&both[k]);
    }
}

/* ---- what is due by time, and deaths --------------------------------------------------------- */

static void u3_timeouts_and_deadlines(void **state)
{
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    looper self;

    (void)state;
    open_loop(&self, pool_options);
    options = told(&self);
    options.timeout_ms = 30;
    assert_ok(brood_pool_apply_async(self.pool, NULL, hang, NULL, 0, &options));
    run_until(&self, 1);
    assert_status(self.last, BROOD_ERR_TASK_TIMEOUT);
    options.timeout_ms = 0;
    options.deadline_ms = 30;
    assert_ok(brood_pool_apply_async(self.pool, NULL, hang, NULL, 0, &options));
    run_until(&self, 2);
    assert_status(self.last, BROOD_ERR_DEADLINE);
    close_loop(&self);
}

static void u3_deaths(void **state)
{
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    looper self;

    (void)state;
    open_loop(&self, pool_options);
    options = told(&self);
    for (unsigned i = 1; i <= 10; i++) {
        assert_ok(brood_pool_apply_async(self.pool, NULL, i % 2 ? crash : echo, "x", 1, &options));
        run_until(&self, i);
    }
    assert_int_equal(self.done, 5);
    assert_status(self.last, BROOD_ERR_DIED);
    close_loop(&self);
}

static void u3_idle_workers_end(void **state)
{
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    int64_t end = brood_os_now() + SOON_MS * INT64_C(1000000);
    looper self;

    (void)state;
    pool_options.idle_timeout_ms = 30;
    open_loop(&self, pool_options);
    options = told(&self);
    for (unsigned i = 1; i <= 3; i++) {
        assert_ok(brood_pool_apply_async(self.pool, NULL, echo, "x", 1, &options));
        run_until(&self, i);
        for (stats.alive = 1; stats.alive > 0; brood_pool_get_stats(self.pool, &stats)) {
            assert_true(brood_os_now() < end);
            wait_and_run(&self);
        }
    }
    close_loop(&self);
}

static int refuse_to_begin(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    return brood_task_fail(task, 3, "not today");
}

/* Each start waits for the time that the last one's failure costs. */
static void u3_a_pool_that_breaks(void **state)
{
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    looper self;

    (void)state;
    pool_options.initializer = refuse_to_begin;
    pool_options.crash_limit = 4;
    pool_options.workers = 1;
    open_loop(&self, pool_options);
    options = told(&self);
    assert_ok(brood_pool_apply_async(self.pool, NULL, echo, "x", 1, &options));
    run_until(&self, 1);
    assert_status(self.last, BROOD_ERR_BROKEN);
    close_loop(&self);
}

/* ---- other threads ------------------------------------------------------------------------- */

/* Waits for a task of its own, again and again, in the poller that the loop waits for. */
static void apply_again_and_again(void *data)
{
    looper *self = data;

    for (int i = 0; i < rounds() / 2; i++) {
        int out = -1;

        if (brood_pool_apply(self->pool, echo, &i, sizeof i, &out, sizeof out, NULL) != BROOD_OK ||
            out != i) {
            abort();
        }
    }
}

static void u3_calls_that_wait_in_other_threads(void **state)
{
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    support_thread *thread = NULL;
    looper self;

    (void)state;
    pool_options.spin = BROOD_SPIN_NEVER;
    open_loop(&self, pool_options);
    options = told(&self);
    thread = support_thread_start(apply_again_and_again, &self);
    for (int i = 1; i <= rounds() / 2; i++) {
        assert_ok(brood_pool_apply_async(self.pool, NULL, echo, &i, sizeof i, &options));
        run_until(&self, (unsigned)i);
    }
    support_thread_join(thread);
    close_loop(&self);
}

/* Waits for a byte in the gate of that number. */
static int pass_gate(brood_task *task, const void *arg, size_t size)
{
    char byte = 0;

    return size == 1 &&
                   support_read(brood_task_handle(task, *(const unsigned char *)arg), &byte, 1) == 1
               ? 0
               : 1;
}

/* ---- a join with a time-out ---------------------------------------------------------------- */

#define SLOW_MS 30
#define SLOW_COUNT 30

static void count_slowly(brood_result *result, void *user)
{
    (void)result;
    apr_sleep(SLOW_MS * 1000); /* what a callback takes */
    ++*(unsigned *)user;
}

/* A join begins callbacks until its time is over, and then none, however many are due. */
static void u3_join_ends_with_its_time(void **state)
{
    looper self;
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    unsigned called = 0;

    (void)state;
    options.done = options.failed = count_slowly;
    options.user = &called;
    open_loop(&self, pool_options);
    for (int i = 0; i < SLOW_COUNT; i++) {
        assert_ok(brood_pool_apply_async(self.pool, NULL, echo, &i, sizeof i, &options));
    }
    assert_ok(brood_pool_apply(self.pool, echo, NULL, 0, NULL, 0, NULL));
    assert_ok(brood_pool_close(self.pool));
    assert_status(brood_pool_join(self.pool, 0), BROOD_ERR_TIMEOUT);
    assert_true(called <= 1);
    assert_status(brood_pool_join(self.pool, 2 * SLOW_MS), BROOD_ERR_TIMEOUT);
    assert_true(called <= 1 + 2 + 1);
    assert_ok(brood_pool_join(self.pool, SOON_MS));
    assert_int_equal(called, SLOW_COUNT);
    assert_null(brood_pool_destroy(self.pool));
}

static void open_loop_with_gates(looper *self, intptr_t gates[2][2], uint32_t workers)
{
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    brood_process_options process = BROOD_PROCESS_OPTIONS_INIT;
    brood_handle handles[2];

    for (int i = 0; i < 2; i++) {
        assert_true(support_pipe(gates[i]));
        handles[i] = gates[i][0];
    }
    process.handles = handles;
    process.handle_count = 2;
    pool_options.process = &process;
    pool_options.workers = workers;
    pool_options.spin = BROOD_SPIN_NEVER;
    open_loop(self, pool_options);
}

static void close_gates(intptr_t gates[2][2])
{
    for (int i = 0; i < 4; i++) {
        support_close(gates[i / 2][i % 2]);
    }
}

static void open_gate(intptr_t gates[2][2], int number)
{
    assert_int_equal(support_write(gates[number][1], "x", 1), 1);
}

static void pass_first_gate(void *data)
{
    looper *self = data;

    if (brood_pool_apply(self->pool, pass_gate, "\0", 1, NULL, 0, NULL) != BROOD_OK) {
        abort();
    }
}

static void await_submitted(looper *self, uint64_t count)
{
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;

    while (stats.submitted < count) {
        assert_ok(brood_pool_get_stats(self->pool, &stats));
    }
}

/* Another thread, which waits in the poller, hears what is for the loop: its handle says so. */
static void u3_another_thread_hears(void **state)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    support_thread *thread = NULL;
    brood_result *result = NULL;
    intptr_t gates[2][2];
    looper self;

    (void)state;
    open_loop_with_gates(&self, gates, 2);
    options = told(&self);
    thread = support_thread_start(pass_first_gate, &self);
    await_submitted(&self, 1);
    for (unsigned i = 1; i <= 20; i++) {
        assert_ok(brood_pool_apply_async(self.pool, &result, pass_gate, "\1", 1, &options));
        assert_ok(brood_pool_run(self.pool));
        open_gate(gates, 1);
        while (!brood_result_ready(result)) {
            brood_result_wait(result, 5); /* the other thread may take all wake-ups meanwhile */
        }
        assert_true(support_wait_handle(self.handle, SOON_MS));
        run_until(&self, i);
        brood_result_destroy(result);
    }
    open_gate(gates, 0);
    support_thread_join(thread);
    close_loop(&self);
    close_gates(gates);
}

/* Another thread has waited, and goes: the worker's next answer is for the loop. */
static void u3_another_thread_goes(void **state)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    intptr_t gates[2][2];
    looper self;

    (void)state;
    open_loop_with_gates(&self, gates, 1);
    options = told(&self);
    for (unsigned i = 1; i <= 20; i++) {
        support_thread *thread = support_thread_start(pass_first_gate, &self);

        await_submitted(&self, 2 * i - 1);
        assert_ok(brood_pool_apply_async(self.pool, NULL, pass_gate, "\1", 1, &options));
        assert_ok(brood_pool_run(self.pool));
        open_gate(gates, 0);
        support_thread_join(thread);
        open_gate(gates, 1);
        run_until(&self, i);
    }
    close_loop(&self);
    close_gates(gates);
}

static void submit_again_and_again(void *data)
{
    looper *self = data;
    brood_task_options options = told(self);

    for (int i = 0; i < rounds() / 2; i++) {
        if (i % 8 == 7) {
            options.deadline_ms = SOON_MS;
        }
        if (brood_pool_apply_async(self->pool, NULL, echo, &i, sizeof i, &options) != BROOD_OK) {
            abort();
        }
    }
}

static void u3_submits_of_other_threads(void **state)
{
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    support_thread *threads[2];
    looper self;

    (void)state;
    open_loop(&self, pool_options);
    for (int i = 0; i < 2; i++) {
        threads[i] = support_thread_start(submit_again_and_again, &self);
    }
    run_until(&self, 2 * (unsigned)(rounds() / 2));
    for (int i = 0; i < 2; i++) {
        support_thread_join(threads[i]);
    }
    close_loop(&self);
}

/* A short deadline that another thread brings shortens a wait that is under way. */
static void submit_one_that_hangs(void *data)
{
    looper *self = data;
    brood_task_options options = told(self);

    options.deadline_ms = 30;
    if (brood_pool_apply_async(self->pool, NULL, hang, NULL, 0, &options) != BROOD_OK) {
        abort();
    }
}

static void u3_a_deadline_of_another_thread(void **state)
{
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    support_thread *thread = NULL;
    looper self;

    (void)state;
    open_loop(&self, pool_options);
    thread = support_thread_start(submit_one_that_hangs, &self);
    run_until(&self, 1);
    assert_status(self.last, BROOD_ERR_DEADLINE);
    support_thread_join(thread);
    close_loop(&self);
}

/* ---- calls of the loop's own thread --------------------------------------------------------- */

static void u3_calls_that_wait_in_between(void **state)
{
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    looper self;

    (void)state;
    open_loop(&self, pool_options);
    options = told(&self);
    for (int i = 1; i <= FEW_ROUNDS; i++) {
        int out = -1;

        assert_ok(brood_pool_apply_async(self.pool, NULL, echo, &i, sizeof i, &options));
        assert_ok(brood_pool_apply(self.pool, echo, &i, sizeof i, &out, sizeof out, NULL));
        assert_int_equal(out, i);
        run_until(&self, (unsigned)i);
    }
    close_loop(&self);
}

static void u3_join_calls_back(void **state)
{
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    looper self;

    (void)state;
    open_loop(&self, pool_options);
    options = told(&self);
    for (int i = 0; i < 20; i++) {
        assert_ok(brood_pool_apply_async(self.pool, NULL, echo, &i, sizeof i, &options));
    }
    close_loop(&self);
    assert_int_equal(self.done, 20);
}

static void u3_destroy_calls_back(void **state)
{
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    looper self;

    (void)state;
    open_loop(&self, pool_options);
    options = told(&self);
    for (int i = 0; i < 5; i++) {
        assert_ok(brood_pool_apply_async(self.pool, NULL, hang, NULL, 0, &options));
    }
    assert_null(brood_pool_destroy(self.pool));
    assert_int_equal(self.failed, 5);
    assert_status(self.last, BROOD_ERR_CANCELLED);
}

/* ---- calls in callbacks --------------------------------------------------------------------- */

static void refused_in_callback(brood_result *result, void *user)
{
    looper *self = user;
    brood_result *other = NULL;
    brood_array array = {"x", 1, 1, 0};
    brood_imap *imap = NULL;

    (void)result;
    assert_status(brood_pool_run(self->pool), BROOD_ERR_STATE);
    assert_status(brood_pool_apply(self->pool, echo, "x", 1, NULL, 0, NULL), BROOD_ERR_STATE);
    assert_status(brood_pool_map(self->pool, echo, "x", 1, 1, NULL, 0, NULL), BROOD_ERR_STATE);
    assert_ok(brood_pool_apply_async(self->pool, &other, hang, NULL, 0, NULL));
    assert_status(brood_result_wait(other, BROOD_FOREVER), BROOD_ERR_STATE);
    assert_status(brood_result_wait(other, 0), BROOD_ERR_TIMEOUT);
    assert_status(brood_result_get(other, NULL, NULL, SOON_MS), BROOD_ERR_STATE);
    assert_status(brood_result_item(other, 0, NULL, NULL, NULL, SOON_MS), BROOD_ERR_STATE);
    assert_ok(brood_result_cancel(other));
    brood_result_destroy(other);
    assert_ok(brood_pool_imap(self->pool, &imap, hang, brood_array_next, &array, NULL));
    assert_status(brood_imap_next(imap, NULL, NULL, NULL, NULL, SOON_MS), BROOD_ERR_STATE);
    brood_imap_destroy(imap);
    assert_ok(brood_pool_close(self->pool));
    assert_status(brood_pool_join(self->pool, SOON_MS), BROOD_ERR_STATE);
    self->done++;
}

static void expect_refused_in_callback(bool event_loop)
{
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    looper self = {NULL, BROOD_HANDLE_NONE, 0, 0, BROOD_OK};

    pool_options.event_loop = event_loop;
    pool_options.workers = 2;
    pool_options.grace_ms = 20;
    assert_ok(brood_pool_create(&self.pool, &pool_options));
    options.done = refused_in_callback;
    options.user = &self;
    assert_ok(brood_pool_apply_async(self.pool, NULL, echo, "x", 1, &options));
    if (event_loop) {
        assert_ok(brood_pool_handle(self.pool, &self.handle));
        run_until(&self, 1);
    } else {
        assert_status(brood_pool_run(self.pool), BROOD_ERR_STATE);
        assert_status(brood_pool_handle(self.pool, &self.handle), BROOD_ERR_STATE);
    }
    for (brood_status status = BROOD_ERR_STATE; status != BROOD_OK;) {
        status = brood_pool_join(self.pool, SOON_MS); /* closed in the callback */
        assert_true(status == BROOD_OK || status == BROOD_ERR_STATE);
    }
    assert_int_equal(self.done, 1);
    assert_null(brood_pool_destroy(self.pool));
}

static void u3_nested_calls_in_a_loop(void **state)
{
    (void)state;
    expect_refused_in_callback(true);
}

static void u3_nested_calls_in_the_thread(void **state)
{
    (void)state;
    expect_refused_in_callback(false);
}

/* ---- a thread that waits while another one changes something ------------------------------- */

/* Until a thread sleeps in the poller of a pool that has so many workers. */
static void await_sleep(brood_pool *pool, uint32_t workers)
{
    bool sleeps = false;

    while (!sleeps) {
        support_yield();
        brood_pool_lock(pool);
        sleeps = pool->wait.sleeping && pool->roster.alive == workers;
        brood_pool_unlock(pool);
    }
}

static void open_first_gate(brood_result *result, void *gate)
{
    (void)result;
    support_write(*(intptr_t *)gate, "x", 1);
}

static void join_it(void *data)
{
    looper *self = data;

    self->last = brood_pool_join(self->pool, SOON_MS);
}

/* The task that runs ends only when the callback of the one that is cancelled has come. */
static void u3_a_join_that_sleeps_calls_back(void **state)
{
    looper self;
    intptr_t gates[2][2];
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_result *waiting = NULL;
    support_thread *thread = NULL;

    (void)state;
    open_loop_with_gates(&self, gates, 1);
    options.failed = open_first_gate;
    options.user = &gates[0][1];
    assert_ok(brood_pool_apply_async(self.pool, NULL, pass_gate, "\0", 1, NULL));
    assert_ok(brood_pool_apply_async(self.pool, &waiting, echo, "", 1, &options));
    assert_ok(brood_pool_close(self.pool));
    thread = support_thread_start(join_it, &self);
    await_sleep(self.pool, 1);
    assert_ok(brood_result_cancel(waiting));
    support_thread_join(thread);
    assert_ok(self.last);
    brood_result_destroy(waiting);
    assert_null(brood_pool_destroy(self.pool));
    close_gates(gates);
}

static void wait_at_pipe(brood_result *result, void *end)
{
    char byte = 0;

    (void)result;
    support_read(*(intptr_t *)end, &byte, 1);
}

/* Until another thread is in a callback, and then until another one is due. */
static void await_callback(brood_pool *pool)
{
    bool runs = false;
    bool is_due = false;

    while (!runs || !is_due) {
        if (runs) {
            assert_ok(brood_pool_run(pool));
        }
        brood_pool_lock(pool);
        runs = pool->callbacks.is_running;
        is_due = pool->callbacks.first != NULL;
        brood_pool_unlock(pool);
    }
}

/* The loop has nothing to do while another thread is in a callback, and is called after that. */
static void u3_a_loop_sleeps_beside_a_callback(void **state)
{
    looper self;
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    support_thread *thread = NULL;
    intptr_t ends[2];
    bool sleeps = false;

    (void)state;
    assert_true(support_pipe(ends));
    open_loop(&self, pool_options);
    options.done = wait_at_pipe;
    options.user = &ends[0];
    for (int i = 0; i < 2; i++) {
        assert_ok(brood_pool_apply_async(self.pool, NULL, echo, "", 1, &options));
    }
    assert_ok(brood_pool_close(self.pool));
    thread = support_thread_start(join_it, &self);
    await_callback(self.pool);
    for (int i = 0; i < 1000 && !sleeps; i++) { /* a run ends after a millisecond, done or not */
        assert_ok(brood_pool_run(self.pool));
        sleeps = !support_wait_handle(self.handle, 0) && brood_pool_timeout_ms(self.pool) != 0;
    }
    assert_true(sleeps);
    assert_int_equal(support_write(ends[1], "xx", 2), 2);
    support_thread_join(thread);
    assert_ok(self.last);
    assert_null(brood_pool_destroy(self.pool));
    support_close(ends[0]);
    support_close(ends[1]);
}

static void wait_for_it(void *data)
{
    brood_result_wait(data, BROOD_FOREVER);
}

static int fail_at_once(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return 1;
}

/* Wine's CreateProcess fails now and then. */
static int destroys(void)
{
    return support_is_wine() ? 5 : 20;
}

/* No worker comes up, and the next start is far away. */
static void u3_destroy_beside_a_wait(void **state)
{
    (void)state;
    for (int i = destroys(); i > 0; i--) {
        brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
        brood_pool *pool = NULL;
        brood_result *result = NULL;
        support_thread *thread = NULL;

        pool_options.workers = 1;
        pool_options.initializer = fail_at_once;
        pool_options.event_loop = true;
        pool_options.backoff_ms = 10000;
        assert_ok(brood_pool_create(&pool, &pool_options));
        assert_ok(brood_pool_apply_async(pool, &result, echo, "", 1, NULL));
        thread = support_thread_start(wait_for_it, result);
        await_sleep(pool, 0);
        assert_null(brood_pool_destroy(pool));
        support_thread_join(thread);
        assert_int_equal(brood_result_get(result, NULL, NULL, 0), BROOD_ERR_CANCELLED);
        brood_result_destroy(result);
    }
}

static void await_threads(brood_pool *pool, uint32_t threads)
{
    bool waits = false;

    while (!waits) {
        support_yield();
        brood_pool_lock(pool);
        waits = pool->wait.threads == threads && pool->wait.sleeping;
        brood_pool_unlock(pool);
    }
}

/* Of two threads that wait, one leads, and the other one comes back late. */
static void u3_destroy_beside_two_waits(void **state)
{
    (void)state;
    for (int i = destroys(); i > 0; i--) {
        brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
        brood_pool *pool = NULL;
        brood_result *results[2];
        support_thread *threads[2];

        pool_options.workers = 2;
        pool_options.event_loop = true;
        pool_options.spin = BROOD_SPIN_NEVER;
        pool_options.grace_ms = 1;
        assert_ok(brood_pool_create(&pool, &pool_options));
        for (int k = 0; k < 2; k++) {
            assert_ok(brood_pool_apply_async(pool, &results[k], hang, NULL, 0, NULL));
            threads[k] = support_thread_start(wait_for_it, results[k]);
        }
        await_threads(pool, 2);
        assert_null(brood_pool_destroy(pool));
        for (int k = 0; k < 2; k++) {
            support_thread_join(threads[k]);
            assert_int_equal(brood_result_get(results[k], NULL, NULL, 0), BROOD_ERR_CANCELLED);
            brood_result_destroy(results[k]);
        }
    }
}

static brood_status submit_hanging(brood_pool *pool, bool only_tries)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;

    options.try_submit = only_tries;
    return brood_pool_apply_async(pool, NULL, hang, NULL, 0, &options);
}

static void submit_one_more(void *data)
{
    looper *self = data;

    self->last = submit_hanging(self->pool, false);
}

/* What the submit has made is given back last, and the pool with it. */
static void u3_destroy_beside_a_submit_that_waits_for_room(void **state)
{
    (void)state;
    for (int i = destroys(); i > 0; i--) {
        brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
        looper self = {0};
        support_thread *thread = NULL;

        pool_options.workers = 1;
        pool_options.queue_size = 1;
        pool_options.grace_ms = 1;
        assert_ok(brood_pool_create(&self.pool, &pool_options));
        while (submit_hanging(self.pool, true) == BROOD_OK) {
        }
        thread = support_thread_start(submit_one_more, &self);
        await_threads(self.pool, 1);
        assert_null(brood_pool_destroy(self.pool));
        support_thread_join(thread);
        assert_int_equal(self.last, BROOD_ERR_STATE);
    }
}

static int no_range(brood_task *task, uint64_t begin, uint64_t end, const void *arg, size_t size)
{
    (void)task;
    (void)begin;
    (void)end;
    (void)arg;
    (void)size;
    return 0;
}

/* Together they have more items than a number can say. */
static void u3_a_range_without_bounds_starts_a_worker(void **state)
{
    looper self;
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    brood_result *range = NULL;

    (void)state;
    pool_options.workers = 1;
    pool_options.lazy = true;
    open_loop(&self, pool_options);
    assert_ok(brood_pool_for_async(self.pool, &range, no_range, 0, UINT64_MAX, NULL, 0, NULL));
    assert_ok(brood_pool_apply_async(self.pool, NULL, echo, "", 1, NULL));
    assert_ok(brood_pool_run(self.pool));
    assert_ok(brood_pool_get_stats(self.pool, &stats));
    assert_int_equal(stats.alive, 1);
    brood_result_destroy(range);
    assert_null(brood_pool_destroy(self.pool));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(u3_no_wakeup_is_lost),
    cmocka_unit_test(u3_large_arguments_and_maps),
    cmocka_unit_test(u3_a_run_leaves_time_to_the_loop),
    cmocka_unit_test(u3_no_thread),
    cmocka_unit_test(u3_two_pools_in_one_loop),
    cmocka_unit_test(u3_timeouts_and_deadlines),
    cmocka_unit_test(u3_deaths),
    cmocka_unit_test(u3_idle_workers_end),
    cmocka_unit_test(u3_a_pool_that_breaks),
    cmocka_unit_test(u3_calls_that_wait_in_other_threads),
    cmocka_unit_test(u3_another_thread_hears),
    cmocka_unit_test(u3_another_thread_goes),
    cmocka_unit_test(u3_submits_of_other_threads),
    cmocka_unit_test(u3_a_deadline_of_another_thread),
    cmocka_unit_test(u3_calls_that_wait_in_between),
    cmocka_unit_test(u3_join_calls_back),
    cmocka_unit_test(u3_join_ends_with_its_time),
    cmocka_unit_test(u3_destroy_calls_back),
    cmocka_unit_test(u3_a_join_that_sleeps_calls_back),
    cmocka_unit_test(u3_destroy_beside_a_wait),
    cmocka_unit_test(u3_destroy_beside_two_waits),
    cmocka_unit_test(u3_destroy_beside_a_submit_that_waits_for_room),
    cmocka_unit_test(u3_a_loop_sleeps_beside_a_callback),
    cmocka_unit_test(u3_a_range_without_bounds_starts_a_worker),
    cmocka_unit_test(u3_nested_calls_in_a_loop),
    cmocka_unit_test(u3_nested_calls_in_the_thread),
};

BROOD_TEST_MAIN(tests)
