/* L22: results taken in any order, from any thread, destroyed before they are done. */
#include "pool_tools.h"

#include <stdlib.h>

#define COUNT 300
#define THREADS 8
#define TASKS_AT_GATE 10

static void submit_all(brood_pool *pool, brood_result **results)
{
    for (int i = 0; i < COUNT; i++) {
        assert_ok(brood_pool_apply_async(pool, &results[i], task_echo, &i, sizeof i, NULL));
    }
}

static bool is_right(brood_result *result, int expected)
{
    const void *data = NULL;
    size_t size = 0;

    return brood_result_get(result, &data, &size, SOON_MS) == BROOD_OK && size == sizeof expected &&
           memcmp(data, &expected, size) == 0;
}

static void l22_in_any_order(void **state)
{
    brood_pool *pool = pool_of(2);
    brood_result *results[COUNT];

    (void)state;
    submit_all(pool, results);
    for (int i = 0; i < COUNT; i++) { /* 7 and COUNT have no common divisor */
        int at = COUNT - 1 - i * 7 % COUNT;

        assert_true(is_right(results[at], at));
        assert_true(is_right(results[at], at));
        assert_true(brood_result_ready(results[at]));
        assert_true(brood_result_successful(results[at]));
        assert_null(brood_result_destroy(results[at]));
    }
    end_pool(pool);
}

/* ---- from any thread ----------------------------------------------------------------------- */

typedef struct taker {
    brood_pool *pool;
    brood_result **results;
    int first;
    int wrong;
} taker;

static void take(void *data)
{
    taker *self = data;

    for (int i = self->first; i < COUNT; i += THREADS) {
        self->wrong += !is_right(self->results[i], i);
        brood_result_destroy(self->results[i]);
    }
}

/* All look at all of them, and some wait by apply, which listens in a way of its own. */
static void look(void *data)
{
    taker *self = data;

    for (int i = 0; i < COUNT; i++) {
        int at = (self->first * 37 + i) % COUNT;

        self->wrong += !is_right(self->results[at], at);
        if (self->first % 2 == 0) {
            int out = 0;
            brood_status status =
                brood_pool_apply(self->pool, task_echo, &i, sizeof i, &out, sizeof out, NULL);

            self->wrong += status != BROOD_OK || out != i;
        }
    }
}

static void run_takers(brood_pool *pool, brood_result **results, void (*work)(void *))
{
    taker takers[THREADS];
    support_thread *threads[THREADS];

    for (int i = 0; i < THREADS; i++) {
        takers[i] = (taker){pool, results, i, 0};
        threads[i] = support_thread_start(work, &takers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        support_thread_join(threads[i]);
        assert_int_equal(takers[i].wrong, 0);
    }
}

static void l22_each_thread_takes_some(void **state)
{
    brood_pool *pool = pool_of(2);
    brood_result *results[COUNT];

    (void)state;
    submit_all(pool, results);
    run_takers(pool, results, take);
    end_pool(pool);
}

static void l22_all_threads_look_at_all(void **state)
{
    brood_pool *pool = pool_of(2);
    brood_result *results[COUNT];

    (void)state;
    submit_all(pool, results);
    run_takers(pool, results, look);
    for (int i = 0; i < COUNT; i++) {
        brood_result_destroy(results[i]);
    }
    end_pool(pool);
}

/* One waits for a task that ends while another thread fetches other results all the time. */
typedef struct waiter {
    brood_result *result;
    brood_status status;
} waiter;

static void wait_for_it(void *data)
{
    waiter *self = data;

    self->status = brood_result_wait(self->result, SOON_MS);
}

static void l22_who_waits_is_told_what_another_has_heard(void **state)
{
    pool_gate gate;
    brood_pool *pool = NULL;

    (void)state;
    gate_make(&gate);
    pool = gate_pool(&gate, 2, NULL);
    for (int round = 0; round < 50; round++) {
        waiter waits = {NULL, BROOD_ERR_STATE};
        support_thread *thread = NULL;

        assert_ok(brood_pool_apply_async(pool, &waits.result, task_gated, NULL, 0, NULL));
        gate_await(&gate, 1);
        thread = support_thread_start(wait_for_it, &waits);
        for (int i = 0; i < 20; i++) {
            int out = 0;

            assert_ok(brood_pool_apply(pool, task_echo, &i, sizeof i, &out, sizeof out, NULL));
            if (i == 10) {
                gate_pass(&gate, 1);
            }
        }
        support_thread_join(thread);
        assert_ok(waits.status);
        brood_result_destroy(waits.result);
    }
    end_pool(pool);
    gate_free(&gate);
}

/* ---- destroyed before done ----------------------------------------------------------------- */

static void l22_tasks_go_on_without_their_results(void **state)
{
    pool_gate gate;
    brood_pool *pool = NULL;
    brood_result *results[TASKS_AT_GATE];

    (void)state;
    gate_make(&gate);
    pool = gate_pool(&gate, 2, NULL);
    for (int i = 0; i < TASKS_AT_GATE; i++) {
        assert_ok(brood_pool_apply_async(pool, &results[i], task_gated, &i, sizeof i, NULL));
    }
    gate_await(&gate, 2); /* some run, some are given ahead, some wait */
    for (int i = 0; i < TASKS_AT_GATE; i++) {
        assert_null(brood_result_destroy(results[i]));
    }
    gate_pass(&gate, TASKS_AT_GATE);
    gate_await(&gate, TASKS_AT_GATE - 2);
    end_pool(pool);
    gate_free(&gate);
}

/* Its arrays are freed at once: who still touched them would be seen by a sanitizer. */
static void abandon_a_map(size_t in_size, size_t chunk_size)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options task = BROOD_TASK_OPTIONS_INIT;
    pool_gate gate;
    brood_pool *pool = NULL;
    brood_result *result = NULL;
    char *in = calloc(10, in_size);
    char *out = calloc(10, in_size);

    gate_make(&gate);
    options.grace_ms = SOON_MS;
    task.chunk_size = chunk_size;
    pool = gate_pool(&gate, 2, &options);
    assert_ok(
        brood_pool_map_async(pool, &result, task_gated, in, 10, in_size, out, in_size, &task));
    gate_await(&gate, chunk_size < 10 ? 2 : 1);
    assert_null(brood_result_destroy(result));
    memset(in, 0x55, 10 * in_size);
    free(in);
    free(out);
    gate_open(&gate);
    end_pool(pool);
    gate_free(&gate);
}

static void l22_a_map_is_destroyed_while_it_runs(void **state)
{
    (void)state;
    abandon_a_map(8, 1);
    abandon_a_map(8, 10);
    abandon_a_map(300000, 1); /* larger than a ring */
    abandon_a_map(300000, 10);
}

static void l22_maps_are_destroyed_at_once(void **state)
{
    brood_pool *pool = pool_of(2);
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    brood_result *result = NULL;
    char in = 0;

    (void)state;
    for (int round = 0; round < 20; round++) {
        assert_ok(brood_pool_map_async(pool, &result, task_tell_pid, &in, 10, 0, NULL, 0, NULL));
        assert_null(brood_result_destroy(result));
    }
    assert_ok(brood_pool_close(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_ok(brood_pool_get_stats(pool, &stats));
    assert_int_equal(stats.submitted, 200);
    assert_int_equal(stats.succeeded + stats.cancelled, 200);
    assert_null(brood_pool_destroy(pool));
}

/* ---- after the pool ------------------------------------------------------------------------ */

static int fail_odd(brood_task *task, const void *arg, size_t size)
{
    int x = 0;

    (void)size;
    memcpy(&x, arg, sizeof x);
    return x % 2 == 1 ? brood_task_fail(task, x, "%d is odd", x) : brood_return(task, arg, size);
}

static void l22_results_outlive_their_pool(void **state)
{
    brood_pool *pool = pool_of(2);
    brood_result *results[4];
    int in[4] = {0, 1, 2, 3};
    int out[4] = {9, 9, 9, 9};
    brood_result *map = NULL;
    brood_failure failure = BROOD_FAILURE_INIT;
    const void *data = NULL;
    size_t size = 0;

    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_ok(brood_pool_apply_async(pool, &results[i], fail_odd, &i, sizeof i, NULL));
    }
    assert_ok(
        brood_pool_map_async(pool, &map, fail_odd, in, 4, sizeof in[0], out, sizeof out[0], NULL));
    assert_ok(brood_pool_close(pool));
    assert_null(brood_pool_destroy(pool)); /* it was closed: what was submitted is run */
    for (int i = 0; i < 4; i++) {
        assert_ok(brood_result_wait(results[i], 0));
        assert_status(brood_result_get(results[i], &data, &size, BROOD_FOREVER),
                      i % 2 == 1 ? BROOD_ERR_TASK : BROOD_OK);
        assert_int_equal(brood_result_failed_count(results[i]), i % 2);
        assert_status(brood_result_cancel(results[i]), BROOD_ERR_STATE);
        assert_int_equal(brood_result_successful(results[i]), i % 2 == 0);
        assert_status(brood_result_failure(results[i], &failure),
                      i % 2 == 1 ? BROOD_OK : BROOD_ERR_STATE);
    }
    assert_string_equal(failure.message, "3 is odd");
    assert_int_equal(failure.task_code, 3);
    assert_int_equal(brood_result_failed_count(map), 2);
    assert_ok(brood_result_item(map, 2, &data, &size, NULL, BROOD_FOREVER));
    assert_ptr_equal(data, &out[2]);
    assert_status(brood_result_item(map, 3, &data, &size, &failure, 0), BROOD_ERR_TASK);
    assert_int_equal(failure.index, 3);
    assert_int_equal(out[1], 9);
    assert_int_equal(out[2], 2);
    for (int i = 0; i < 4; i++) {
        brood_result_destroy(results[i]);
    }
    brood_result_destroy(map);
}

static void l22_results_of_a_pool_that_was_not_closed(void **state)
{
    pool_gate gate;
    brood_pool *pool = NULL;
    brood_result *results[TASKS_AT_GATE];

    (void)state;
    gate_make(&gate);
    pool = gate_pool(&gate, 2, NULL);
    for (int i = 0; i < TASKS_AT_GATE; i++) {
        assert_ok(brood_pool_apply_async(pool, &results[i], task_gated, &i, sizeof i, NULL));
    }
    gate_await(&gate, 2);
    assert_null(brood_pool_destroy(pool));
    for (int i = 0; i < TASKS_AT_GATE; i++) {
        assert_status(brood_result_get(results[i], NULL, NULL, 0), BROOD_ERR_CANCELLED);
        brood_result_destroy(results[i]);
    }
    gate_free(&gate);
}

static void l22_the_last_result_is_destroyed_by_another_thread(void **state)
{
    brood_pool *pool = pool_of(1);
    brood_result *results[COUNT];

    (void)state;
    submit_all(pool, results);
    assert_ok(brood_pool_close(pool));
    assert_null(brood_pool_destroy(pool));
    run_takers(NULL, results, take);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(l22_in_any_order),
    cmocka_unit_test(l22_each_thread_takes_some),
    cmocka_unit_test(l22_all_threads_look_at_all),
    cmocka_unit_test(l22_who_waits_is_told_what_another_has_heard),
    cmocka_unit_test(l22_tasks_go_on_without_their_results),
    cmocka_unit_test(l22_a_map_is_destroyed_while_it_runs),
    cmocka_unit_test(l22_maps_are_destroyed_at_once),
    cmocka_unit_test(l22_results_outlive_their_pool),
    cmocka_unit_test(l22_results_of_a_pool_that_was_not_closed),
    cmocka_unit_test(l22_the_last_result_is_destroyed_by_another_thread),
};

BROOD_TEST_MAIN(tests)
