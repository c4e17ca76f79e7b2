/* W11, W13: the pool goes on while its callers are busy, and while callbacks take long. */
#include "pool_tools.h"

#include "platform.h"

static brood_pool_stats stats_of(brood_pool *pool)
{
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;

    assert_ok(brood_pool_get_stats(pool, &stats));
    return stats;
}

static void ignore(brood_result *result, void *user)
{
    (void)result;
    (void)user;
}

/* ---- W11: callers that submit, and wait for nothing ------------------------------------------------ */

static int take_a_moment(brood_task *task, const void *arg, size_t size)
{
    int64_t end = brood_os_now() + 300000;

    (void)task;
    (void)arg;
    (void)size;
    while (brood_os_now() < end) {
    }
    return 0;
}

/* So many submits a millisecond that the pool's thread leaves the workers to the callers. */
static void submit_some(brood_pool *pool)
{
    brood_task_options task = BROOD_TASK_OPTIONS_INIT;

    task.done = task.failed = ignore;
    for (int i = 0; i < 8; i++) {
        assert_ok(brood_pool_apply_async(pool, NULL, take_a_moment, NULL, 0, &task));
    }
    brood_os_sleep(200000);
}

static void w11_workers_die_while_callers_are_busy(void **state)
{
    brood_pool *pool = pool_of(2);
    int64_t end = brood_os_now() + SOON_MS * INT64_C(1000000);

    (void)state;
    for (uint64_t deaths = 1; deaths <= 5; deaths++) {
        int64_t pids[8] = {0};
        size_t count = brood_pool_pids(pool, pids, 8);

        assert_in_range(count, 1, 8);
        support_kill(pids[0]);
        while (stats_of(pool).died < deaths || stats_of(pool).started < 2 + deaths) {
            assert_true(brood_os_now() < end);
            submit_some(pool);
        }
    }
    assert_ok(brood_pool_terminate(pool));
    end_pool(pool);
}

/* ---- W13: a callback that takes long ------------------------------------------------------------- */

static void stop_in_callback(brood_result *result, void *user)
{
    pool_gate *gate = user;
    char byte = 0;

    (void)result;
    support_write(gate->there[1], "c", 1);
    support_read(gate->gate[0], &byte, 1);
}

static int hang(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    support_hang();
    return 0;
}

/* Nobody waits: who keeps the time is the pool. */
static void w13_time_outs_while_a_callback_runs(void **state)
{
    brood_task_options slow = BROOD_TASK_OPTIONS_INIT;
    brood_task_options timed = BROOD_TASK_OPTIONS_INIT;
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    int64_t end = brood_os_now() + SOON_MS * INT64_C(1000000);
    brood_pool *pool = NULL;
    brood_result *result = NULL;
    pool_gate in_callback;

    (void)state;
    gate_make(&in_callback);
    options.workers = 1;
    options.grace_ms = 20;
    assert_ok(brood_pool_create(&pool, &options));
    slow.done = stop_in_callback;
    slow.user = &in_callback;
    assert_ok(brood_pool_apply_async(pool, NULL, task_echo, NULL, 0, &slow));
    gate_await(&in_callback, 1);
    timed.timeout_ms = 20;
    assert_ok(brood_pool_apply_async(pool, &result, hang, NULL, 0, &timed));
    while (!brood_result_ready(result)) {
        assert_true(brood_os_now() < end);
        brood_os_sleep(1000000);
    }
    assert_status(brood_result_get(result, NULL, NULL, 0), BROOD_ERR_TASK_TIMEOUT);
    while (stats_of(pool).started < 2) { /* its worker is replaced */
        assert_true(brood_os_now() < end);
        brood_os_sleep(1000000);
    }
    gate_pass(&in_callback, 1);
    brood_result_destroy(result);
    end_pool(pool);
    gate_free(&in_callback);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(w11_workers_die_while_callers_are_busy),
    cmocka_unit_test(w13_time_outs_while_a_callback_runs),
};

BROOD_TEST_MAIN(tests)
