/* L15, L16, L17, L18: workers come and go. */
#include "pool_tools.h"

#include <stdio.h>
#include <stdlib.h>

#define TASKS 20

static int64_t pid_of(brood_result *result)
{
    const void *data = NULL;
    size_t size = 0;
    int64_t pid = 0;

    if (brood_result_get(result, &data, &size, SOON_MS) != BROOD_OK) {
        brood_failure failure = BROOD_FAILURE_INIT;

        brood_result_failure(result, &failure);
        fail_msg("%s", failure.message);
    }
    assert_int_equal(size, sizeof pid);
    memcpy(&pid, data, size);
    brood_result_destroy(result);
    return pid;
}

static int count_pid(const int64_t *pids, size_t count, int64_t pid)
{
    int found = 0;

    for (size_t i = 0; i < count; i++) {
        found += pids[i] == pid;
    }
    return found;
}

/* ---- L15: a worker is replaced after so many tasks ----------------------------------------- */

static void expect_at_most(uint32_t most, uint32_t jitter)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    brood_pool *pool = NULL;
    brood_result *results[TASKS];
    int64_t pids[TASKS];

    options.workers = 2;
    options.max_tasks_per_worker = most;
    options.max_tasks_jitter = jitter;
    assert_ok(brood_pool_create(&pool, &options));
    for (int i = 0; i < TASKS; i++) {
        assert_ok(brood_pool_apply_async(pool, &results[i], task_tell_pid, NULL, 0, NULL));
    }
    for (int i = 0; i < TASKS; i++) {
        pids[i] = pid_of(results[i]);
    }
    for (int i = 0; i < TASKS; i++) {
        assert_true(count_pid(pids, TASKS, pids[i]) <= (int)most);
    }
    assert_ok(brood_pool_close(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_ok(brood_pool_get_stats(pool, &stats));
    if (!support_is_sanitized()) { /* whose workers take so long to end that the oldest is killed */
        assert_int_equal(stats.died, 0);
    }
    assert_true(stats.started >= TASKS / most);
    assert_null(brood_pool_destroy(pool));
}

static void l15_one_task_for_each_worker(void **state)
{
    (void)state;
    expect_at_most(1, 0);
}

static void l15_two_tasks_for_each_worker(void **state)
{
    (void)state;
    expect_at_most(2, 0);
}

static void l15_with_jitter(void **state)
{
    (void)state;
    expect_at_most(4, 3);
}

static void l15_the_items_of_a_map_count(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options task = BROOD_TASK_OPTIONS_INIT;
    brood_pool *pool = NULL;
    int64_t pids[TASKS];

    (void)state;
    options.workers = 2;
    options.max_tasks_per_worker = 3;
    task.chunk_size = 5;
    assert_ok(brood_pool_create(&pool, &options));
    assert_ok(brood_pool_map(pool, task_tell_pid, pids, TASKS, 0, pids, sizeof pids[0], &task));
    for (int i = 0; i < TASKS; i++) {
        assert_true(count_pid(pids, TASKS, pids[i]) <= 3);
    }
    end_pool(pool);
}

static void l15_and_a_close_with_a_backlog(void **state)
{
    for (uint32_t most = 1; most <= 2; most++) {
        brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
        brood_pool *pool = NULL;
        brood_result *results[TASKS];

        (void)state;
        options.workers = 2;
        options.max_tasks_per_worker = most;
        assert_ok(brood_pool_create(&pool, &options));
        for (int i = 0; i < TASKS; i++) {
            assert_ok(brood_pool_apply_async(pool, &results[i], task_tell_pid, NULL, 0, NULL));
        }
        end_pool(pool);
        for (int i = 0; i < TASKS; i++) {
            pid_of(results[i]);
        }
    }
}

static void l15_and_a_terminate_with_a_backlog(void **state)
{
    for (int rounds = 0; rounds < 5; rounds++) {
        brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
        brood_pool *pool = NULL;
        brood_result *results[TASKS];

        (void)state;
        options.workers = 2;
        options.max_tasks_per_worker = 1;
        assert_ok(brood_pool_create(&pool, &options));
        for (int i = 0; i < TASKS; i++) {
            assert_ok(brood_pool_apply_async(pool, &results[i], task_tell_pid, NULL, 0, NULL));
        }
        assert_ok(brood_result_wait(results[rounds], SOON_MS));
        assert_ok(brood_pool_terminate(pool));
        assert_ok(brood_pool_join(pool, SOON_MS));
        for (int i = 0; i < TASKS; i++) {
            assert_true(brood_result_ready(results[i]));
            brood_result_destroy(results[i]);
        }
        assert_null(brood_pool_destroy(pool));
    }
}

/* ---- L16: initializers and finalizers ------------------------------------------------------ */

static int initialized; /* in the worker */

/* Its argument is "good", and the test has written what it is to do. */
static int initialize(brood_task *task, const void *arg, size_t size)
{
    char byte = 0;

    if (size != 5 || memcmp(arg, "good", 5) != 0) {
        return 3;
    }
    support_read(brood_task_handle(task, 1), &byte, 1);
    if (byte == 'h') {
        atexit(support_hang);
    }
    if (byte == 'f' || byte == 'h') {
        return brood_task_fail(task, 7, "no luck today");
    }
    if (byte == 'c') {
        support_crash();
    }
    initialized++;
    return 0;
}

static int tell_initialized(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    return brood_return(task, &initialized, sizeof initialized);
}

static brood_pool *pool_with_initializer(pool_gate *gate, uint32_t workers, const char *orders)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;

    gate_make(gate);
    assert_int_equal(support_write(gate->gate[1], orders, strlen(orders)), strlen(orders));
    gate_open(gate);
    options.initializer = initialize;
    options.initializer_arg = "good";
    options.initializer_size = 5;
    options.backoff_ms = 1;
    options.crash_limit = 3;
    return gate_pool(gate, workers, &options);
}

static void l16_runs_once_before_the_first_task(void **state)
{
    pool_gate gate;
    brood_pool *pool = pool_with_initializer(&gate, 2, "");

    (void)state;
    for (int i = 0; i < 20; i++) {
        int count = 0;

        assert_ok(brood_pool_apply(pool, tell_initialized, NULL, 0, &count, sizeof count, NULL));
        assert_int_equal(count, 1);
    }
    end_pool(pool);
    gate_free(&gate);
}

static void expect_one_replaced(const char *orders)
{
    pool_gate gate;
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    brood_pool *pool = pool_with_initializer(&gate, 1, orders);
    int count = 0;

    assert_ok(brood_pool_apply(pool, tell_initialized, NULL, 0, &count, sizeof count, NULL));
    assert_int_equal(count, 1);
    assert_ok(brood_pool_get_stats(pool, &stats));
    assert_int_equal(stats.died, strlen(orders));
    assert_int_equal(stats.retried, 0);
    end_pool(pool);
    gate_free(&gate);
}

static void l16_fails_once(void **state)
{
    (void)state;
    expect_one_replaced("f");
    expect_one_replaced("ff"); /* one less than the limit */
}

/* The at-exit functions of the program never end: the worker is replaced long before exit_timeout_ms. */
static void w4_one_that_fails_and_does_not_end_is_replaced(void **state)
{
    pool_gate gate;
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    brood_pool *pool = pool_with_initializer(&gate, 1, "h");
    brood_result *result = NULL;

    (void)state;
    assert_ok(brood_pool_apply_async(pool, &result, tell_initialized, NULL, 0, NULL));
    assert_ok(brood_result_get(result, NULL, NULL, SOON_MS));
    brood_result_destroy(result);
    assert_ok(brood_pool_get_stats(pool, &stats));
    assert_int_equal(stats.leaving, 1);
    assert_int_equal(stats.started, 2);
    assert_ok(brood_pool_terminate(pool));
    end_pool(pool);
    gate_free(&gate);
}

/* The same when the worker was given its last task before it came up, and was to stop behind that. */
static void w4_one_that_fails_before_its_last_task_is_replaced(void **state)
{
    pool_gate gate;
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    brood_pool *pool = NULL;
    brood_result *result = NULL;

    (void)state;
    gate_make(&gate);
    options.initializer = initialize;
    options.initializer_arg = "good";
    options.initializer_size = 5;
    options.max_tasks_per_worker = 1;
    pool = gate_pool(&gate, 1, &options);
    assert_ok(brood_pool_apply_async(pool, &result, tell_initialized, NULL, 0, NULL));
    assert_int_equal(support_write(gate.gate[1], "h", 1), 1); /* the initializer waits for it */
    gate_open(&gate);
    assert_ok(brood_result_get(result, NULL, NULL, SOON_MS));
    brood_result_destroy(result);
    assert_ok(brood_pool_get_stats(pool, &stats));
    assert_int_equal(stats.died, 0); /* killed, and so cut off */
    assert_true(stats.leaving >= 1);
    assert_ok(brood_pool_terminate(pool));
    end_pool(pool);
    gate_free(&gate);
}

static void l16_crashes_once(void **state)
{
    (void)state;
    expect_one_replaced("c");
}

static void expect_broken(const char *orders, const char *text, int code, brood_exit_reason reason)
{
    brood_failure failure = BROOD_FAILURE_INIT;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    pool_gate gate;
    brood_pool *pool = pool_with_initializer(&gate, 2, orders);
    brood_result *result = NULL;
    int count = 0;

    options.failure = &failure;
    options.tag = "the one";
    assert_ok(brood_pool_apply_async(pool, &result, tell_initialized, NULL, 0, &options));
    assert_status(brood_result_get(result, NULL, NULL, SOON_MS), BROOD_ERR_BROKEN);
    assert_ok(brood_result_failure(result, &failure));
    assert_string_equal(failure.tag, "the one");
    assert_non_null(strstr(failure.message, text));
    assert_int_equal(failure.exit.reason, reason);
    assert_int_equal(failure.task_code, code);
    assert_true(failure.pid > 0);
    brood_result_destroy(result);
    memset(&failure.message, 0, sizeof failure.message);
    assert_status(brood_pool_apply(pool, tell_initialized, NULL, 0, &count, sizeof count, &options),
                  BROOD_ERR_BROKEN);
    assert_non_null(strstr(failure.message, text));
    end_pool(pool);
    gate_free(&gate);
}

static void l16_fails_always(void **state)
{
    (void)state;
    expect_broken("ffffffffffffffffffffffffffffff", "the initializer failed: no luck today", 7,
                  BROOD_EXIT_CODE);
}

static int fail_and_hang_at_exit(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    atexit(support_hang);
    return brood_task_fail(task, 7, "no luck today");
}

/* What comes after the initializer has exit_timeout_ms, and counts as a failed start. */
static void l16_fails_and_does_not_end(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options task_options = BROOD_TASK_OPTIONS_INIT;
    brood_failure failure = BROOD_FAILURE_INIT;
    brood_pool *pool = NULL;

    (void)state;
    options.workers = 1;
    options.initializer = fail_and_hang_at_exit;
    options.exit_timeout_ms = 100;
    options.crash_limit = 2;
    task_options.failure = &failure;
    assert_ok(brood_pool_create(&pool, &options));
    assert_status(brood_pool_apply(pool, task_echo, "x", 1, NULL, 0, &task_options),
                  BROOD_ERR_BROKEN);
    assert_non_null(strstr(failure.message, "no luck today"));
    end_pool(pool);
}

static void l16_crashes_always(void **state)
{
    (void)state;
    if (support_is_sanitized()) {
        harness_skip("a sanitizer ends a crash by an exit of its own");
    }
    expect_broken("cccccccccccccccccccccccccccccc", support_crash_name(), 0, BROOD_EXIT_SIGNAL);
}

/* More than a ring holds, and the same function as a task: nothing gets mixed up on the way. */
#define LARGE (3u << 20)

static int sum(brood_task *task, const void *arg, size_t size)
{
    uint64_t total = 0;

    for (size_t i = 0; i < size; i++) {
        total += ((const unsigned char *)arg)[i];
    }
    if (size == LARGE && total != 7 * (uint64_t)LARGE) {
        return brood_task_fail(task, 1, "the large argument came with the sum %d", (int)total);
    }
    return size == LARGE ? 0 : brood_return(task, &total, sizeof total);
}

static brood_pool *pool_with_large_initializer(unsigned char *large)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;

    memset(large, 7, LARGE);
    options.workers = 2;
    options.initializer = sum;
    options.initializer_arg = large;
    options.initializer_size = LARGE;
    options.crash_limit = 1;
    assert_ok(brood_pool_create(&pool, &options));
    return pool;
}

static void l16_a_large_argument_and_tasks_at_once(void **state)
{
    unsigned char *large = malloc(LARGE);
    brood_pool *pool = pool_with_large_initializer(large);
    brood_result *results[TASKS];

    (void)state;
    free(large);
    for (int i = 0; i < TASKS; i++) {
        unsigned char bytes[100];

        memset(bytes, i, sizeof bytes);
        assert_ok(brood_pool_apply_async(pool, &results[i], sum, bytes, sizeof bytes, NULL));
    }
    for (int i = 0; i < TASKS; i++) {
        assert_int_equal(pid_of(results[i]), i * 100); /* the sum, as large as a pid */
    }
    end_pool(pool);
}

static void l16_a_large_argument_and_the_end_at_once(void **state)
{
    unsigned char *large = malloc(LARGE);

    (void)state;
    for (int i = 0; i < 5; i++) {
        end_pool(pool_with_large_initializer(large));
    }
    assert_null(brood_pool_destroy(pool_with_large_initializer(large)));
    free(large);
}

/* ---- the finalizer ------------------------------------------------------------------------- */

static brood_pool *pool_with_finalizer(pool_gate *gate, uint32_t workers,
                                       brood_pool_options options)
{
    gate_make(gate);
    options.finalizer = task_be_there;
    return gate_pool(gate, workers, &options);
}

static void l16_the_finalizer_runs_at_a_close(void **state)
{
    const brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    pool_gate gate;
    brood_pool *pool = pool_with_finalizer(&gate, 3, options);

    (void)state;
    end_pool(pool);
    assert_int_equal(gate_count_rest(&gate), 3);
    gate_free(&gate);
}

static void l16_the_finalizer_runs_at_the_end_of_each_worker(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    pool_gate gate;
    brood_pool *pool = NULL;

    (void)state;
    options.max_tasks_per_worker = 1;
    pool = pool_with_finalizer(&gate, 1, options);
    for (int i = 0; i < 4; i++) {
        assert_ok(brood_pool_apply(pool, task_echo, NULL, 0, NULL, 0, NULL));
        gate_await(&gate, 1);
    }
    assert_ok(brood_pool_close(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_ok(brood_pool_get_stats(pool, &stats));
    assert_null(brood_pool_destroy(pool));
    assert_int_equal(gate_count_rest(&gate), stats.started - 4);
    gate_free(&gate);
}

static void l16_the_finalizer_does_not_run_at_a_kill(void **state)
{
    const brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    pool_gate gate;
    brood_pool *pool = pool_with_finalizer(&gate, 2, options);
    brood_result *results[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_ok(brood_pool_apply_async(pool, &results[i], task_gated, NULL, 0, NULL));
    }
    gate_await(&gate, 2);
    assert_ok(brood_pool_terminate(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_null(brood_pool_destroy(pool));
    for (int i = 0; i < 2; i++) {
        brood_result_destroy(results[i]);
    }
    assert_int_equal(gate_count_rest(&gate), 0);
    gate_free(&gate);
}

/* ---- L17: another number of workers -------------------------------------------------------- */

static void l17_up_and_down_under_load(void **state)
{
    static const uint32_t sizes[] = {4, 1, 3, 0, 5, 2, 1, 4};
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;
    brood_result *results[8 * TASKS];

    (void)state;
    options.workers = 2;
    assert_ok(brood_pool_create(&pool, &options));
    for (int i = 0; i < 8 * TASKS; i++) {
        if (i % TASKS == 0) {
            assert_ok(brood_pool_resize(pool, sizes[i / TASKS]));
            assert_ok(brood_pool_apply(pool, task_echo, NULL, 0, NULL, 0, NULL));
        }
        assert_ok(brood_pool_apply_async(pool, &results[i], task_echo, &i, sizeof i, NULL));
    }
    for (int i = 0; i < 8 * TASKS; i++) {
        const void *data = NULL;

        assert_ok(brood_result_get(results[i], &data, NULL, SOON_MS));
        assert_memory_equal(data, &i, sizeof i);
        brood_result_destroy(results[i]);
    }
    end_pool(pool);
}

static uint32_t wanted_workers(brood_pool *pool)
{
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;

    assert_ok(brood_pool_get_stats(pool, &stats));
    return stats.workers;
}

static void l17_new_workers_take_tasks(void **state)
{
    pool_gate gate;
    brood_pool *pool = NULL;
    int64_t pids[8];

    (void)state;
    gate_make(&gate);
    pool = gate_pool(&gate, 1, NULL);
    for (int i = 0; i < 4; i++) {
        assert_ok(brood_pool_apply_async(pool, NULL, task_gated, NULL, 0, NULL));
    }
    gate_await(&gate, 1);
    assert_ok(brood_pool_resize(pool, 4));
    gate_await(&gate, 3); /* all at once: the one that was given ahead, too */
    assert_int_equal(brood_pool_pids(pool, pids, 8), 4);
    assert_int_equal(wanted_workers(pool), 4);
    assert_ok(brood_pool_resize(pool, 0));
    assert_int_equal(wanted_workers(pool), 1);
    assert_status(brood_pool_resize(pool, 4097), BROOD_ERR_ARGUMENT);
    gate_open(&gate);
    end_pool(pool);
    gate_free(&gate);
}

/* Each of the workers is busy: two end after their tasks, and the other two stay. */
static void l17_only_those_that_are_too_many_end(void **state)
{
    pool_gate gate;
    brood_pool *pool = NULL;
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    int64_t before[4];
    int64_t after[4];
    int gone = 0;

    (void)state;
    gate_make(&gate);
    pool = gate_pool(&gate, 4, NULL);
    for (int i = 0; i < 4; i++) {
        assert_ok(brood_pool_apply_async(pool, NULL, task_gated, NULL, 0, NULL));
    }
    gate_await(&gate, 4);
    assert_int_equal(brood_pool_pids(pool, before, 4), 4);
    for (int i = 0; i < 5; i++) { /* each call looks after the crew again, and is waited for */
        assert_ok(brood_pool_resize(pool, 2));
        assert_status(brood_pool_join(pool, 0), BROOD_ERR_STATE);
        assert_ok(brood_pool_apply_async(pool, NULL, task_be_there, NULL, 0, NULL));
        support_wait_handle(gate.there[0], 20);
    }
    gate_open(&gate);
    for (int i = 0; gone < 2; i = (i + 1) % 4) {
        gone += before[i] >= 0 && support_wait_gone(before[i], 100);
        before[i] = support_is_running(before[i]) ? before[i] : -1;
    }
    gate_await(&gate, 5);
    assert_ok(brood_pool_apply(pool, task_echo, NULL, 0, NULL, 0, NULL));
    assert_ok(brood_pool_get_stats(pool, &stats));
    assert_int_equal(stats.started, 4);
    assert_true(brood_pool_pids(pool, after, 4) <= 4);
    end_pool(pool);
    gate_free(&gate);
}

/* ---- L18: idle workers --------------------------------------------------------------------- */

static uint32_t count_alive(brood_pool *pool)
{
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;

    assert_ok(brood_pool_get_stats(pool, &stats));
    assert_int_equal(brood_pool_pids(pool, NULL, 0), stats.alive);
    return stats.alive;
}

static void l18_an_idle_worker_ends(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    pool_gate gate;
    brood_pool *pool = NULL;
    brood_result *result = NULL;
    int64_t pid = 0;

    (void)state;
    gate_make(&gate);
    options.idle_timeout_ms = 20;
    pool = gate_pool(&gate, 1, &options);
    for (int i = 0; i < 3; i++) { /* each time it was busy for longer than it may be idle */
        assert_ok(brood_pool_apply_async(pool, &result, task_gated, NULL, 0, NULL));
        gate_await(&gate, 1);
        while (brood_pool_pids(pool, &pid, 1) !=
               1) { /* the end of the one before is not seen yet */
            support_yield();
        }
        assert_status(brood_result_wait(result, 60), BROOD_ERR_TIMEOUT);
        gate_pass(&gate, 1);
        assert_ok(brood_result_get(result, NULL, NULL, SOON_MS));
        brood_result_destroy(result);
        assert_true(support_wait_gone(pid, SOON_MS));
    }
    end_pool(pool);
    gate_free(&gate);
}

static void l18_the_idle_time_out_races_submits(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    brood_pool *pool = NULL;
    intptr_t silent[2];

    (void)state;
    assert_true(support_pipe(silent));
    options.workers = 2;
    options.idle_timeout_ms = 2;
    assert_ok(brood_pool_create(&pool, &options));
    for (int i = 0; i < 50; i++) {
        int out = 0;

        assert_ok(brood_pool_apply(pool, task_echo, &i, sizeof i, &out, sizeof out, NULL));
        assert_int_equal(out, i);
        support_wait_handle(silent[0], i % 5); /* up to about when it ends */
    }
    assert_ok(brood_pool_close(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_ok(brood_pool_get_stats(pool, &stats));
    assert_int_equal(stats.succeeded, 50);
    assert_int_equal(stats.died, 0);
    assert_null(brood_pool_destroy(pool));
    support_close(silent[0]);
    support_close(silent[1]);
}

static void l18_a_lazy_pool_starts_what_it_needs(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    pool_gate gate;
    brood_pool *pool = NULL;

    (void)state;
    gate_make(&gate);
    options.lazy = true;
    pool = gate_pool(&gate, 3, &options);
    assert_int_equal(count_alive(pool), 0);
    for (int i = 0; i < 3; i++) {
        assert_ok(brood_pool_apply(pool, task_echo, NULL, 0, NULL, 0, NULL));
        assert_int_equal(count_alive(pool), 1);
    }
    for (int i = 0; i < 4; i++) {
        assert_ok(brood_pool_apply_async(pool, NULL, task_gated, NULL, 0, NULL));
    }
    gate_await(&gate, 3);
    assert_int_equal(count_alive(pool), 3);
    gate_open(&gate);
    end_pool(pool);
    gate_free(&gate);
}

static void l18_a_lazy_pool_without_a_task(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;

    (void)state;
    options.lazy = true;
    assert_ok(brood_pool_create(&pool, &options));
    end_pool(pool);
    assert_ok(brood_pool_create(&pool, &options));
    assert_null(brood_pool_destroy(pool));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(l15_one_task_for_each_worker),
    cmocka_unit_test(l15_two_tasks_for_each_worker),
    cmocka_unit_test(l15_with_jitter),
    cmocka_unit_test(l15_the_items_of_a_map_count),
    cmocka_unit_test(l15_and_a_close_with_a_backlog),
    cmocka_unit_test(l15_and_a_terminate_with_a_backlog),
    cmocka_unit_test(l16_runs_once_before_the_first_task),
    cmocka_unit_test(l16_fails_once),
    cmocka_unit_test(w4_one_that_fails_and_does_not_end_is_replaced),
    cmocka_unit_test(w4_one_that_fails_before_its_last_task_is_replaced),
    cmocka_unit_test(l16_crashes_once),
    cmocka_unit_test(l16_fails_always),
    cmocka_unit_test(l16_crashes_always),
    cmocka_unit_test(l16_fails_and_does_not_end),
    cmocka_unit_test(l16_a_large_argument_and_tasks_at_once),
    cmocka_unit_test(l16_a_large_argument_and_the_end_at_once),
    cmocka_unit_test(l16_the_finalizer_runs_at_a_close),
    cmocka_unit_test(l16_the_finalizer_runs_at_the_end_of_each_worker),
    cmocka_unit_test(l16_the_finalizer_does_not_run_at_a_kill),
    cmocka_unit_test(l17_up_and_down_under_load),
    cmocka_unit_test(l17_new_workers_take_tasks),
    cmocka_unit_test(l17_only_those_that_are_too_many_end),
    cmocka_unit_test(l18_an_idle_worker_ends),
    cmocka_unit_test(l18_the_idle_time_out_races_submits),
    cmocka_unit_test(l18_a_lazy_pool_starts_what_it_needs),
    cmocka_unit_test(l18_a_lazy_pool_without_a_task),
};

BROOD_TEST_MAIN(tests)
