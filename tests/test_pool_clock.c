/*
 * F22: the wall clock jumps by a day whenever it is read (jumping_clock.c, which the workers have,
 * too), and every time-out is as long as it should be: not over at once, and not a day.
 */
#include "harness.h"

#include <stdlib.h>
#include <time.h>

#define HOUR_S 3600

static int echo(brood_task *task, const void *arg, size_t size)
{
    return brood_return(task, arg, size);
}

static int hang(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    support_hang();
    return 0;
}

static int refuse_to_begin(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    return brood_task_fail(task, 3, "not today");
}

static void expect_jumps(void)
{
    time_t first = time(NULL);
    time_t second = time(NULL);

    if (difftime(first, second) < HOUR_S && difftime(second, first) < HOUR_S) {
        harness_skip("the clock cannot be made to jump in this build");
    }
}

static brood_pool *new_pool(brood_pool_options options)
{
    brood_pool *pool = NULL;

    options.workers = 1;
    options.grace_ms = 20;
    assert_ok(brood_pool_create(&pool, &options));
    return pool;
}

static void end_pool(brood_pool *pool)
{
    assert_ok(brood_pool_close(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_null(brood_pool_destroy(pool));
}

/* What hangs ends with the status. */
static void expect_late(brood_pool *pool, const brood_task_options *options, brood_status status)
{
    brood_result *result = NULL;

    assert_ok(brood_pool_apply_async(pool, &result, hang, NULL, 0, options));
    assert_status(brood_result_get(result, NULL, NULL, SOON_MS), status);
    brood_result_destroy(result);
}

static void f22_time_outs_pass(void **state)
{
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_result *result = NULL;
    brood_pool *pool = NULL;

    (void)state;
    expect_jumps();
    pool = new_pool(pool_options);
    options.timeout_ms = 30;
    expect_late(pool, &options, BROOD_ERR_TASK_TIMEOUT);
    options.timeout_ms = 0;
    options.deadline_ms = 30;
    expect_late(pool, &options, BROOD_ERR_DEADLINE);
    assert_ok(brood_pool_apply_async(pool, &result, hang, NULL, 0, NULL));
    assert_status(brood_result_wait(result, 20), BROOD_ERR_TIMEOUT);
    assert_ok(brood_result_cancel(result));
    assert_status(brood_result_get(result, NULL, NULL, SOON_MS), BROOD_ERR_CANCELLED);
    brood_result_destroy(result);
    end_pool(pool);
}

static void f22_time_outs_are_not_over_at_once(void **state)
{
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    brood_pool *pool = NULL;

    (void)state;
    expect_jumps();
    pool_options.idle_timeout_ms = SOON_MS;
    pool = new_pool(pool_options);
    options.timeout_ms = options.deadline_ms = SOON_MS;
    for (int i = 0; i < 200; i++) {
        assert_ok(brood_pool_apply(pool, echo, &i, sizeof i, NULL, 0, &options));
    }
    assert_ok(brood_pool_get_stats(pool, &stats));
    assert_int_equal(stats.started, 1); /* it was never idle for too long */
    end_pool(pool);
}

static void f22_pauses_between_starts(void **state)
{
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    brood_result *result = NULL;
    brood_pool *pool = NULL;

    (void)state;
    expect_jumps();
    pool_options.initializer = refuse_to_begin;
    pool_options.crash_limit = 3;
    pool = new_pool(pool_options);
    if (brood_pool_apply_async(pool, &result, echo, "x", 1, NULL) == BROOD_OK) {
        assert_status(brood_result_get(result, NULL, NULL, SOON_MS), BROOD_ERR_BROKEN);
        brood_result_destroy(result);
    }
    end_pool(pool);
}

static void f22_joins_of_processes(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    (void)state;
    expect_jumps();
    options.timeout_ms = 50;
    assert_ok(brood_process_start(&process, hang, NULL, 0, &options));
    assert_ends_by(process, BROOD_EXIT_TIMEOUT);
    brood_process_destroy(process);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(f22_time_outs_pass),
    cmocka_unit_test(f22_time_outs_are_not_over_at_once),
    cmocka_unit_test(f22_pauses_between_starts),
    cmocka_unit_test(f22_joins_of_processes),
};

BROOD_TEST_MAIN(tests)
