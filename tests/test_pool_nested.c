/* L19: pools in the workers of pools. */
#include "pool_tools.h"

#include <stdio.h>
#include <stdlib.h>

static int square(brood_task *task, const void *arg, size_t size)
{
    int x = 0;

    (void)size;
    memcpy(&x, arg, sizeof x);
    x *= x;
    return brood_return(task, &x, sizeof x);
}

/* The sum of the squares below a number, by a pool of its own. */
static int sum_squares(brood_task *task, const void *arg, size_t size)
{
    enum {
        MOST = 100
    };
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;
    int in[MOST];
    int out[MOST];
    int count = 0;
    int sum = 0;

    (void)size;
    memcpy(&count, arg, sizeof count);
    options.workers = 2;
    if (brood_pool_create(&pool, &options) != BROOD_OK) {
        return 1;
    }
    for (int i = 0; i < count; i++) {
        in[i] = i;
    }
    if (brood_pool_map(pool, square, in, (size_t)count, sizeof in[0], out, sizeof out[0], NULL) !=
            BROOD_OK ||
        brood_pool_close(pool) != BROOD_OK || brood_pool_join(pool, SOON_MS) != BROOD_OK) {
        return 2;
    }
    brood_pool_destroy(pool);
    for (int i = 0; i < count; i++) {
        sum += out[i];
    }
    return brood_return(task, &sum, sizeof sum);
}

static void l19_a_map_in_each_item_of_a_map(void **state)
{
    brood_pool *pool = pool_of(2);
    int counts[6] = {0, 1, 2, 10, 50, 100};
    int sums[6];

    (void)state;
    assert_ok(
        brood_pool_map(pool, sum_squares, counts, 6, sizeof counts[0], sums, sizeof sums[0], NULL));
    for (int i = 0; i < 6; i++) {
        int n = counts[i] - 1;

        assert_int_equal(sums[i], n < 0 ? 0 : n * (n + 1) * (2 * n + 1) / 6);
    }
    end_pool(pool);
}

/* ---- how deep ------------------------------------------------------------------------------ */

typedef struct dive {
    uint32_t max_depth;
    uint32_t depth; /* how many pools there are around it */
    brood_status status;
    char step[32];
} dive;

static int go_deeper(brood_task *task, const void *arg, size_t size)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_pool *pool = NULL;
    dive here;
    dive below;

    (void)size;
    memcpy(&here, arg, sizeof here);
    options.workers = 1;
    options.max_depth = here.max_depth;
    options.error = &error;
    here.status = brood_pool_create(&pool, &options);
    snprintf(here.step, sizeof here.step, "%s", error.step);
    if (here.status != BROOD_OK) {
        return brood_return(task, &here, sizeof here);
    }
    here.depth++;
    here.status = brood_pool_apply(pool, go_deeper, &here, sizeof here, &below, sizeof below, NULL);
    brood_pool_destroy(pool);
    return here.status == BROOD_OK ? brood_return(task, &below, sizeof below) : 1;
}

static void expect_depth(uint32_t max_depth, uint32_t expected)
{
    brood_pool *pool = pool_of(1);
    dive begin = {max_depth, 1, BROOD_OK, ""};
    dive end = begin;

    assert_ok(brood_pool_apply(pool, go_deeper, &begin, sizeof begin, &end, sizeof end, NULL));
    assert_status(end.status, BROOD_ERR_LIMIT);
    assert_string_equal(end.step, "max_depth");
    assert_int_equal(end.depth, expected);
    end_pool(pool);
}

static void l19_as_deep_as_the_option_says(void **state)
{
    (void)state;
    expect_depth(1, 1);
    expect_depth(2, 2);
    expect_depth(5, 5);
}

static void l19_four_deep_by_default(void **state)
{
    (void)state;
    expect_depth(0, 4);
}

/* A plain process in a worker counts as the worker itself. */
static int dive_in_a_process(brood_task *task, const void *arg, size_t size)
{
    dive below;
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;

    (void)task;
    (void)size;
    memcpy(&below, arg, sizeof below);
    options.workers = 1;
    options.max_depth = below.max_depth;
    return brood_pool_create(&pool, &options) == BROOD_ERR_LIMIT ? 7 : 8;
}

static int start_a_process(brood_task *task, const void *arg, size_t size)
{
    brood_process *process = NULL;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    int code = 0;

    if (brood_process_start(&process, dive_in_a_process, arg, size, NULL) != BROOD_OK) {
        return 1;
    }
    brood_process_join(process, SOON_MS);
    brood_process_exit_info(process, &info);
    brood_process_destroy(process);
    code = (int)info.code;
    return brood_return(task, &code, sizeof code);
}

static void l19_a_process_in_between_hides_nothing(void **state)
{
    brood_pool *pool = pool_of(1);
    dive begin = {1, 0, BROOD_OK, ""};
    int code = 0;

    (void)state;
    assert_ok(
        brood_pool_apply(pool, start_a_process, &begin, sizeof begin, &code, sizeof code, NULL));
    assert_int_equal(code, 7);
    end_pool(pool);
}

/* ---- cores --------------------------------------------------------------------------------- */

/* How many workers a pool has whose options say nothing of it. */
static uint32_t default_workers(void)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    brood_pool *pool = NULL;

    options.lazy = true;
    if (brood_pool_create(&pool, &options) == BROOD_OK) {
        brood_pool_get_stats(pool, &stats);
    }
    brood_pool_destroy(pool);
    return stats.workers;
}

static int tell_workers(brood_task *task, const void *arg, size_t size)
{
    uint32_t workers = default_workers();

    (void)arg;
    (void)size;
    return brood_return(task, &workers, sizeof workers);
}

static int tell_workers_below(brood_task *task, const void *arg, size_t size)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;
    uint32_t workers = 0;

    (void)arg;
    (void)size;
    options.workers = 2;
    if (brood_pool_create(&pool, &options) != BROOD_OK ||
        brood_pool_apply(pool, tell_workers, NULL, 0, &workers, sizeof workers, NULL) != BROOD_OK) {
        return 1;
    }
    brood_pool_destroy(pool);
    return brood_return(task, &workers, sizeof workers);
}

static uint32_t ask(uint32_t workers, brood_function *function)
{
    brood_pool *pool = pool_of(workers);
    uint32_t found = 0;

    assert_ok(brood_pool_apply(pool, function, NULL, 0, &found, sizeof found, NULL));
    end_pool(pool);
    return found;
}

static void l19_the_cores_are_divided(void **state)
{
    (void)state;
    support_set_environment("BROOD_CPU_COUNT", "12");
    assert_int_equal(default_workers(), 12);
    assert_int_equal(ask(1, tell_workers), 12);
    assert_int_equal(ask(2, tell_workers), 6);
    assert_int_equal(ask(5, tell_workers), 2);
    assert_int_equal(ask(12, tell_workers), 1);
    assert_int_equal(ask(14, tell_workers), 1);
    assert_int_equal(ask(3, tell_workers_below), 2); /* a half of the 4 */
}

/* A worker that is started after a resize has its share of then. */
static void l19_the_cores_are_divided_anew_after_a_resize(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;
    uint32_t found = 0;

    (void)state;
    support_set_environment("BROOD_CPU_COUNT", "12");
    options.workers = 1;
    options.lazy = true;
    assert_ok(brood_pool_create(&pool, &options));
    assert_ok(brood_pool_resize(pool, 4));
    assert_ok(brood_pool_apply(pool, tell_workers, NULL, 0, &found, sizeof found, NULL));
    assert_int_equal(found, 3);
    end_pool(pool);
}

/* ---- the end ------------------------------------------------------------------------------- */

/* A pool of its own, all of whose workers are at the gate, and for which nobody waits. */
static int fill_a_pool(brood_task *task, const void *arg, size_t size)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_process_options process = BROOD_PROCESS_OPTIONS_INIT;
    brood_handle handles[2] = {brood_task_handle(task, 0), brood_task_handle(task, 1)};
    brood_pool *pool = NULL;

    (void)arg;
    (void)size;
    process.handles = handles;
    process.handle_count = 2;
    options.process = &process;
    options.workers = 2;
    if (brood_pool_create(&pool, &options) != BROOD_OK) {
        return 1;
    }
    for (int i = 0; i < 2; i++) {
        if (brood_pool_apply_async(pool, NULL, task_gated, NULL, 0, NULL) != BROOD_OK) {
            return 2;
        }
    }
    support_hang();
    return 0;
}

static brood_pool *pool_of_pools(pool_gate *gate)
{
    brood_pool *pool = NULL;

    gate_make(gate);
    pool = gate_pool(gate, 2, NULL);
    for (int i = 0; i < 2; i++) {
        assert_ok(brood_pool_apply_async(pool, NULL, fill_a_pool, NULL, 0, NULL));
    }
    gate_await(gate, 4);
    return pool;
}

static void l19_a_terminate_ends_the_pools_below(void **state)
{
    pool_gate gate;
    brood_pool *pool = pool_of_pools(&gate);

    (void)state;
    assert_ok(brood_pool_terminate(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_null(brood_pool_destroy(pool));
    assert_int_equal(gate_count_rest(&gate), 0); /* the end: nobody has the pipe any more */
    gate_free(&gate);
}

static void l19_a_killed_worker_takes_its_pool_with_it(void **state)
{
    pool_gate gate;
    brood_pool *pool = pool_of_pools(&gate);
    int64_t pids[2];

    (void)state;
    assert_int_equal(brood_pool_pids(pool, pids, 2), 2);
    support_kill(pids[0]);
    support_kill(pids[1]);
    end_pool(pool);
    assert_int_equal(gate_count_rest(&gate), 0);
    gate_free(&gate);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(l19_a_map_in_each_item_of_a_map),
    cmocka_unit_test(l19_as_deep_as_the_option_says),
    cmocka_unit_test(l19_four_deep_by_default),
    cmocka_unit_test(l19_a_process_in_between_hides_nothing),
    cmocka_unit_test(l19_the_cores_are_divided),
    cmocka_unit_test(l19_the_cores_are_divided_anew_after_a_resize),
    cmocka_unit_test(l19_a_terminate_ends_the_pools_below),
    cmocka_unit_test(l19_a_killed_worker_takes_its_pool_with_it),
};

BROOD_TEST_MAIN(tests)
