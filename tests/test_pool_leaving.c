/* W4, W10, W15, R13, H6, H9: workers that leave, that are lost, and what that costs others. */
#include "pool_tools.h"

#include <stdlib.h>
#include <time.h>

#include "platform.h"
#include "pool/lock.h"
#include "pool/pool_impl.h"

static brood_pool_stats stats_of(brood_pool *pool)
{
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;

    assert_ok(brood_pool_get_stats(pool, &stats));
    assert_int_equal(stats.started, stats.alive + stats.ended + stats.died + stats.lost);
    return stats;
}

static int finalizer_at_gate(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    gate_stop(task);
    return 0;
}

/* ---- W4: what a worker does at its end -------------------------------------------------------- */

static void w4_a_finalizer_keeps_nobody_waiting(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    pool_gate gate;
    brood_pool *pool = NULL;

    (void)state;
    gate_make(&gate);
    options.finalizer = finalizer_at_gate;
    options.max_tasks_per_worker = 1;
    pool = gate_pool(&gate, 1, &options);
    for (int i = 0; i < 6; i++) {
        int out = -1;

        assert_ok(brood_pool_apply(pool, task_echo, &i, sizeof i, &out, sizeof out, NULL));
        gate_await(&gate, 1); /* its worker leaves, and the next task has another one */
        assert_true(stats_of(pool).alive <= 3);
        assert_true(stats_of(pool).leaving <= 2);
    }
    assert_true(stats_of(pool).died >= 4); /* the oldest ones were killed */
    gate_open(&gate);
    assert_ok(brood_pool_close(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_int_equal(stats_of(pool).leaving, 0);
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

/* A size that the pool had for a moment does not count, and no worker of it was ever started. */
static void w4_a_size_of_the_past_is_no_bound(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    pool_gate gate;
    brood_pool *pool = NULL;

    (void)state;
    gate_make(&gate);
    options.finalizer = finalizer_at_gate;
    options.max_tasks_per_worker = 1;
    options.lazy = true;
    pool = gate_pool(&gate, 1, &options);
    assert_ok(brood_pool_resize(pool, 40));
    assert_ok(brood_pool_resize(pool, 1));
    for (int i = 0; i < 8; i++) {
        int out = -1;

        assert_ok(brood_pool_apply(pool, task_echo, &i, sizeof i, &out, sizeof out, NULL));
        gate_await(&gate, 1);
        assert_true(stats_of(pool).leaving <= 2);
    }
    gate_open(&gate);
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

/* Those that a resize has made too many end in peace, however many they are. */
static void w4_those_too_many_end_in_peace(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    pool_gate gate;
    brood_pool *pool = NULL;
    brood_result *result = NULL;

    (void)state;
    gate_make(&gate);
    options.initializer = task_be_there;
    options.finalizer = finalizer_at_gate;
    pool = gate_pool(&gate, 4, &options);
    gate_await(&gate, 4);
    assert_ok(brood_pool_resize(pool, 1));
    gate_await(&gate, 3);
    assert_ok(brood_pool_apply_async(pool, &result, task_gated, NULL, 0, NULL));
    assert_status(brood_result_wait(result, 300), BROOD_ERR_TIMEOUT);
    assert_int_equal(stats_of(pool).leaving, 3);
    assert_int_equal(stats_of(pool).died, 0);
    gate_open(&gate);
    brood_result_destroy(result);
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

static void w4_the_end_of_a_worker_is_bounded(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    pool_gate gate;
    brood_pool *pool = NULL;
    int out = 0;

    (void)state;
    gate_make(&gate);
    options.finalizer = finalizer_at_gate;
    options.exit_timeout_ms = 50;
    pool = gate_pool(&gate, 1, &options);
    assert_ok(brood_pool_apply(pool, task_echo, &out, sizeof out, &out, sizeof out, NULL));
    assert_ok(brood_pool_close(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_int_equal(stats_of(pool).died, 1);
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

/* ---- R13: nothing cuts it off ------------------------------------------------------------------ */

static intptr_t at_exit_there, at_exit_gate;

static void stop_at_exit(void)
{
    char byte = 0;

    support_write(at_exit_there, "t", 1);
    support_read(at_exit_gate, &byte, 1);
    support_write(at_exit_there, "t", 1);
}

static int will_stop_at_exit(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    at_exit_there = brood_task_handle(task, 0);
    at_exit_gate = brood_task_handle(task, 1);
    return atexit(stop_at_exit);
}

static int never_come_up(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    support_write(brood_task_handle(task, 0), "x", 1);
    support_hang();
    return 0;
}

#define FULL ((size_t)3 << 20) /* more than a ring holds */

/* STOP cannot be sent to it: the ring is full of an argument that nobody reads. */
static void w4_a_worker_that_reads_nothing_ends_in_time(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_result *result = NULL;
    pool_gate gate;
    brood_pool *pool = NULL;
    void *large = calloc(1, FULL);

    (void)state;
    assert_non_null(large);
    gate_make(&gate);
    options.initializer = never_come_up;
    options.exit_timeout_ms = 100;
    pool = gate_pool(&gate, 1, &options);
    gate_await(&gate, 1);
    assert_ok(brood_pool_apply_async(pool, &result, task_echo, large, FULL, NULL));
    assert_ok(brood_result_cancel(result));
    assert_ok(brood_pool_close(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_status(brood_result_get(result, NULL, NULL, 0), BROOD_ERR_CANCELLED);
    brood_result_destroy(result);
    assert_null(brood_pool_destroy(pool));
    free(large);
    gate_free(&gate);
}

static void r13_a_clean_end_takes_its_time(void **state)
{
    pool_gate gate;
    brood_pool *pool = NULL;

    (void)state;
    pool = pool_with_gate(1, &gate);
    assert_ok(brood_pool_apply(pool, will_stop_at_exit, NULL, 0, NULL, 0, NULL));
    assert_ok(brood_pool_close(pool));
    gate_await(&gate, 1);
    assert_status(brood_pool_join(pool, 1500), BROOD_ERR_TIMEOUT);
    assert_int_equal(stats_of(pool).leaving, 1);
    gate_pass(&gate, 1);
    gate_await(&gate, 1);
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_int_equal(stats_of(pool).ended, 1);
    assert_int_equal(stats_of(pool).died, 0);
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

/* By when the only worker has ended; *closed: whether it has closed its bell. */
static int64_t end_of_only_one(brood_pool *pool, bool *closed)
{
    int64_t end_by = 0;

    brood_pool_lock(pool);
    end_by = pool->roster.workers[0]->life.end_by;
    *closed = pool->roster.workers[0]->life.bell_closed;
    brood_pool_unlock(pool);
    return end_by;
}

/* The bell is closed between the finalizer and the at-exit functions: the time goes on meanwhile. */
static void r13_the_time_to_leave_does_not_begin_anew(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    pool_gate gate;
    brood_pool *pool = NULL;
    int64_t end_by = 0;
    bool closed = false;

    (void)state;
    gate_make(&gate);
    options.finalizer = finalizer_at_gate;
    pool = gate_pool(&gate, 1, &options);
    assert_ok(brood_pool_apply(pool, will_stop_at_exit, NULL, 0, NULL, 0, NULL));
    assert_ok(brood_pool_close(pool));
    gate_await(&gate, 1);
    end_by = end_of_only_one(pool, &closed);
    assert_false(closed);
    gate_pass(&gate, 1);
    gate_await(&gate, 1); /* in the at-exit function */
    while (!closed) {
        assert_int_equal(end_of_only_one(pool, &closed), end_by);
        support_yield();
    }
    gate_pass(&gate, 1);
    gate_await(&gate, 1);
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_int_equal(stats_of(pool).ended, 1);
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

/* ---- W15: busy submitters of workers that have one task each -------------------------------------- */

#define SHORT_LIVES 60

static int end_slowly(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    brood_os_sleep(300 * INT64_C(1000000));
    return 0;
}

static void w15_one_task_for_each_worker_of_a_busy_pool(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;
    brood_result *results[SHORT_LIVES];

    (void)state;
    options.workers = 2;
    options.max_tasks_per_worker = 1;
    options.finalizer = end_slowly; /* so that those who end would pile up */
    assert_ok(brood_pool_create(&pool, &options));
    for (int i = 0; i < SHORT_LIVES; i++) {
        assert_ok(brood_pool_apply_async(pool, &results[i], task_echo, &i, sizeof i, NULL));
    }
    for (int i = 0; i < SHORT_LIVES; i++) {
        while (brood_result_wait(results[i], 0) == BROOD_ERR_TIMEOUT) {
            assert_true(stats_of(pool).alive <= 4);
            brood_result_wait(results[i], 1);
        }
        assert_true(brood_result_successful(results[i]));
        brood_result_destroy(results[i]);
    }
    end_pool(pool);
}

/* ---- W10: many are ended one by one ------------------------------------------------------------- */

/* CPU time of this process, in ns. On Windows clock() is no such thing. */
static int64_t time_spent(void)
{
    const int64_t tick = 1000000000 / (int64_t)CLOCKS_PER_SEC;

    return support_is_windows() ? brood_os_now() : (int64_t)clock() * tick;
}

/* How long it takes to end so many maps that wait; half of them are only let go. */
static int64_t time_to_end(brood_result **results, size_t count, bool last_first)
{
    int64_t begun = time_spent();

    for (size_t i = 0; i < count; i++) {
        brood_result *result = results[last_first ? count - 1 - i : i];

        if (i % 2 == 0) {
            brood_result_cancel(result);
        }
        brood_result_destroy(result);
    }
    return time_spent() - begun;
}

/* In a pool of its own, in which nothing else waits; *best becomes the shorter one. */
static void end_maps(size_t count, bool last_first, int64_t *best)
{
    brood_result **results = (brood_result **)calloc(count, sizeof(brood_result *));
    static int items[2];
    int64_t took = 0;
    pool_gate gate;
    brood_pool *pool = pool_with_gate(1, &gate);

    assert_non_null(results);
    assert_ok(brood_pool_apply_async(pool, NULL, task_gated, NULL, 0, NULL));
    gate_await(&gate, 1);
    for (size_t i = 0; i < count; i++) {
        assert_ok(brood_pool_map_async(pool, &results[i], task_echo, items, 2, sizeof items[0],
                                       NULL, 0, NULL));
    }
    took = time_to_end(results, count, last_first);
    *best = took < *best ? took : *best;
    free((void *)results);
    assert_ok(brood_pool_terminate(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

/*
 * A walk through those that wait, for each one, takes from one end 50 to 100 times as long as
 * from the other; and wherever it begins, 20,000 take 400 to 1,400 times as long as 1,000. Without
 * one that is 20 to 40 times as long, because of caches.
 */
static void w10_many_maps_are_ended_in_linear_time(void **state)
{
    int64_t few = INT64_MAX;
    int64_t first_ones = INT64_MAX;
    int64_t last_ones = INT64_MAX;

    (void)state;
    for (int round = 0; round < 5; round++) {
        end_maps(1000, true, &few);
        end_maps(20000, false, &first_ones);
        end_maps(20000, true, &last_ones);
    }
    print_message("few %lld, many %lld and %lld\n", (long long)few, (long long)first_ones,
                  (long long)last_ones);
    assert_true(last_ones < 12 * first_ones);
    assert_true(first_ones < 12 * last_ones);
    assert_true(first_ones < 200 * few);
    assert_true(last_ones < 200 * few);
}

/* ---- H6: no memory for a value ------------------------------------------------------------------- */

#define LARGE ((size_t)256 << 20)

static int return_large(brood_task *task, const void *arg, size_t size)
{
    void *large = calloc(1, LARGE);
    int code = large == NULL ? 1 : brood_return(task, large, LARGE);

    (void)arg;
    (void)size;
    gate_stop(task);
    free(large);
    return code;
}

static void h6_a_value_without_memory_fails_its_item_only(void **state)
{
    pool_gate gate;
    brood_pool *pool = NULL;
    brood_result *result = NULL;
    int64_t before = 0;
    int64_t after = 0;

    (void)state;
    if (support_is_sanitized() || !support_limit_memory(SIZE_MAX)) {
        harness_skip("the memory of this process cannot be limited while it runs");
    }
    pool = pool_with_gate(1, &gate);
    assert_ok(brood_pool_apply(pool, task_tell_pid, NULL, 0, &before, sizeof before, NULL));
    assert_ok(brood_pool_apply_async(pool, &result, return_large, NULL, 0, NULL));
    gate_await(&gate, 1);
    assert_true(support_limit_memory(LARGE / 2));
    gate_pass(&gate, 1);
    assert_status(brood_result_get(result, NULL, NULL, SOON_MS), BROOD_ERR_NO_MEMORY);
    assert_true(support_limit_memory(SIZE_MAX));
    brood_result_destroy(result);
    assert_ok(brood_pool_apply(pool, task_tell_pid, NULL, 0, &after, sizeof after, NULL));
    assert_int_equal(after, before);
    end_pool(pool);
    gate_free(&gate);
}

/* ---- H9: workers that cannot be killed ----------------------------------------------------------- */

static brood_pool *pool_of_root(pool_gate *gate)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;

    gate_make(gate);
    options.grace_ms = 20;
    pool = gate_pool(gate, 1, &options);
    return pool;
}

static void h9_a_task_that_cannot_be_ended(void **state)
{
    brood_task_options task = BROOD_TASK_OPTIONS_INIT;
    pool_gate gate;
    brood_pool *pool = pool_of_root(&gate);
    brood_result *result = NULL;
    int64_t pid = 0;

    (void)state;
    assert_ok(brood_pool_apply(pool, task_tell_pid, NULL, 0, &pid, sizeof pid, NULL));
    task.timeout_ms = 20;
    task.retries = 3;
    assert_ok(brood_pool_apply_async(pool, &result, task_gated, NULL, 0, &task));
    gate_await(&gate, 1);
    if (!support_lay_down_rights()) {
        gate_pass(&gate, 1);
        brood_result_destroy(result);
        end_pool(pool);
        gate_free(&gate);
        harness_skip("it takes root, and setresuid, to be refused a kill for a while");
    }
    assert_status(brood_result_get(result, NULL, NULL, SOON_MS), BROOD_ERR_DIED);
    assert_int_equal(stats_of(pool).lost, 1);
    assert_ok(brood_pool_terminate(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_null(brood_pool_destroy(pool));
    assert_true(support_take_up_rights());
    support_kill(pid); /* it may have found that its parent let it go, and have ended */
    assert_true(support_wait_gone(pid, SOON_MS));
    while (support_has_children()) { /* a start reaps it */
        end_pool(pool_of(1));
    }
    brood_result_destroy(result);
    gate_free(&gate);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(w4_a_finalizer_keeps_nobody_waiting),
    cmocka_unit_test(w4_a_size_of_the_past_is_no_bound),
    cmocka_unit_test(w4_those_too_many_end_in_peace),
    cmocka_unit_test(w4_the_end_of_a_worker_is_bounded),
    cmocka_unit_test(w4_a_worker_that_reads_nothing_ends_in_time),
    cmocka_unit_test(r13_a_clean_end_takes_its_time),
    cmocka_unit_test(r13_the_time_to_leave_does_not_begin_anew),
    cmocka_unit_test(w15_one_task_for_each_worker_of_a_busy_pool),
    cmocka_unit_test(w10_many_maps_are_ended_in_linear_time),
    cmocka_unit_test(h6_a_value_without_memory_fails_its_item_only),
    cmocka_unit_test(h9_a_task_that_cannot_be_ended),
};

BROOD_TEST_MAIN(tests)
