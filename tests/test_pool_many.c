/* L10: 100,000 tiny tasks; 65, 200 and 1,000 workers. */
#include "pool_tools.h"

#include <stdlib.h>

#include <brood/brood.h>

#define TASKS_MOST 100000

/* Wine wakes a process some thousand times in a second. */
static int64_t task_count(void)
{
    return support_is_wine() ? TASKS_MOST / 20 : TASKS_MOST;
}

/* ---- tasks ------------------------------------------------------------------------------- */

static void l10_100000_tasks(void **state)
{
    const int64_t tasks = task_count();
    brood_pool *pool = pool_of(2);
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    brood_result **results = calloc((size_t)tasks, sizeof(brood_result *));

    (void)state;
    for (int64_t i = 0; i < tasks; i++) {
        assert_ok(brood_pool_apply_async(pool, &results[i], task_square, &i, sizeof i, NULL));
    }
    for (int64_t i = 0; i < tasks; i++) {
        const void *data = NULL;

        assert_ok(brood_result_get(results[i], &data, NULL, SOON_MS));
        assert_int_equal(*(const int64_t *)data, i * i);
        brood_result_destroy(results[i]);
    }
    assert_ok(brood_pool_get_stats(pool, &stats));
    assert_int_equal(stats.submitted, tasks);
    assert_int_equal(stats.succeeded, tasks);
    assert_int_equal(stats.queued + stats.running, 0);
    assert_null(brood_pool_destroy(pool));
    free((void *)results);
}

/* Nobody waits for them. */
static void l10_100000_tasks_that_nobody_asks_for(void **state)
{
    const int64_t tasks = task_count();
    brood_pool *pool = pool_of(2);
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;

    (void)state;
    for (int64_t i = 0; i < tasks; i++) {
        assert_ok(brood_pool_apply_async(pool, NULL, task_square, &i, sizeof i, NULL));
    }
    assert_ok(brood_pool_close(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_ok(brood_pool_get_stats(pool, &stats));
    assert_int_equal(stats.succeeded, tasks);
    assert_null(brood_pool_destroy(pool));
}

static void l10_100000_items_one_by_one(void **state)
{
    const int64_t tasks = task_count();
    brood_pool *pool = pool_of(2);
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    int64_t *in = calloc((size_t)tasks, sizeof *in);
    int64_t *out = calloc((size_t)tasks, sizeof *out);

    (void)state;
    for (int64_t i = 0; i < tasks; i++) {
        in[i] = i;
    }
    options.chunk_size = 1;
    assert_ok(brood_pool_map(pool, task_square, in, (size_t)tasks, sizeof *in, out, sizeof *out,
                             &options));
    for (int64_t i = 0; i < tasks; i++) {
        assert_int_equal(out[i], i * i);
    }
    assert_null(brood_pool_destroy(pool));
    free(in);
    free(out);
}

static void l10_100000_items_of_an_imap(void **state)
{
    const int64_t tasks = task_count();
    brood_pool *pool = pool_of(2);
    int64_t *in = calloc((size_t)tasks, sizeof *in);
    brood_array array = {in, (size_t)tasks, sizeof *in, 0};
    brood_imap *imap = NULL;
    const void *data = NULL;

    (void)state;
    for (int64_t i = 0; i < tasks; i++) {
        in[i] = i;
    }
    assert_ok(brood_pool_imap(pool, &imap, task_square, brood_array_next, &array, NULL));
    for (int64_t i = 0; i < tasks; i++) {
        assert_ok(brood_imap_next(imap, &data, NULL, NULL, NULL, SOON_MS));
        assert_int_equal(*(const int64_t *)data, i * i);
    }
    assert_status(brood_imap_next(imap, NULL, NULL, NULL, NULL, SOON_MS), BROOD_ERR_CLOSED);
    brood_imap_destroy(imap);
    assert_null(brood_pool_destroy(pool));
    free(in);
}

/* ---- who waits for whom ------------------------------------------------------------------ */

static void run_many_short_ones(brood_pool *pool)
{
    brood_result *results[500];
    int64_t x = 3;

    for (int i = 0; i < 500; i++) {
        assert_ok(brood_pool_apply_async(pool, &results[i], task_square, &x, sizeof x, NULL));
    }
    for (int i = 0; i < 500; i++) {
        assert_ok(brood_result_get(results[i], NULL, NULL, SOON_MS));
        brood_result_destroy(results[i]);
    }
}

/* Short tasks make a worker look quick; then one of its tasks is long, and nobody in the program
   waits for anything. */
static void no_task_stays_behind_a_long_one(void **state)
{
    pool_gate gate;
    brood_pool *pool = pool_with_gate(2, &gate);

    (void)state;
    for (int round = 0; round < 30; round++) {
        run_many_short_ones(pool);
        assert_ok(brood_pool_apply_async(pool, NULL, task_gated, NULL, 0, NULL));
        gate_await(&gate, 1);
        assert_ok(brood_pool_apply_async(pool, NULL, task_gated, NULL, 0, NULL));
        gate_await(&gate, 1);
        gate_pass(&gate, 2);
    }
    gate_open(&gate);
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

/* The same where both are submitted before the first one begins. */
static void no_task_stays_behind_one_that_gets_long(void **state)
{
    pool_gate gate;
    brood_pool *pool = pool_with_gate(3, &gate);

    (void)state;
    for (int round = 0; round < 30; round++) {
        run_many_short_ones(pool);
        for (int i = 0; i < 3; i++) {
            assert_ok(brood_pool_apply_async(pool, NULL, task_gated, NULL, 0, NULL));
        }
        gate_await(&gate, 3);
        gate_pass(&gate, 3);
    }
    gate_open(&gate);
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

/* ---- workers ----------------------------------------------------------------------------- */

/* All of them work at the same time: each waits at the gate for the others. */
static void assert_all_work(uint32_t workers)
{
    pool_gate gate;
    brood_pool *pool = pool_with_gate(workers, &gate);
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_result *result = NULL;
    int64_t *in = calloc(2 * (size_t)workers, sizeof *in);
    int64_t *out = calloc(2 * (size_t)workers, sizeof *out);

    for (uint32_t i = 0; i < 2 * workers; i++) {
        in[i] = (int64_t)i + 1;
    }
    options.chunk_size = 1;
    assert_ok(brood_pool_map_async(pool, &result, task_gated, in, workers, sizeof *in, out,
                                   sizeof *out, &options));
    gate_await(&gate, workers);
    assert_ok(brood_pool_get_stats(pool, &stats));
    assert_int_equal(stats.alive, workers);
    assert_int_equal(stats.busy, workers);
    assert_int_equal(brood_pool_pids(pool, NULL, 0), workers);
    gate_pass(&gate, workers);
    assert_ok(brood_result_get(result, NULL, NULL, BROOD_FOREVER));
    assert_memory_equal(in, out, workers * sizeof *in);
    assert_ok(brood_pool_map(pool, task_square, in, 2 * (size_t)workers, sizeof *in, out,
                             sizeof *out, NULL));
    assert_int_equal(out[2 * workers - 1], 4 * (int64_t)workers * workers);
    brood_result_destroy(result);
    assert_ok(brood_pool_close(pool));
    assert_ok(brood_pool_join(pool, BROOD_FOREVER));
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
    free(in);
    free(out);
}

/* Wine starts some ten processes in a second, and sanitizers make each one large. */
static void need_a_system_for(uint32_t workers)
{
    if (!support_need_handles(8 * workers)) {
        harness_skip("the system does not allow so many descriptors");
    }
    if (workers > 65 && support_is_wine()) {
        harness_skip("Wine is too slow at starting processes");
    }
    if (workers > 200 && support_is_sanitized()) {
        harness_skip("sanitizers make so many processes too large");
    }
}

/* More than a wait on Windows takes at once. */
static void l10_65_workers(void **state)
{
    (void)state;
    need_a_system_for(65);
    assert_all_work(65);
}

static void l10_200_workers(void **state)
{
    (void)state;
    need_a_system_for(200);
    assert_all_work(200);
}

static void l10_1000_workers(void **state)
{
    (void)state;
    need_a_system_for(1000);
    assert_all_work(1000);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(l10_100000_tasks),
    cmocka_unit_test(l10_100000_tasks_that_nobody_asks_for),
    cmocka_unit_test(l10_100000_items_one_by_one),
    cmocka_unit_test(l10_100000_items_of_an_imap),
    cmocka_unit_test(no_task_stays_behind_a_long_one),
    cmocka_unit_test(no_task_stays_behind_one_that_gets_long),
    cmocka_unit_test(l10_65_workers),
    cmocka_unit_test(l10_200_workers),
    cmocka_unit_test(l10_1000_workers),
};

BROOD_TEST_MAIN(tests)
