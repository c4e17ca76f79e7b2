/* U4: the numbers of a pool add up at every moment. */
#include "pool_tools.h"

#include <stdlib.h>

#define COUNT 60

static void expect_sums(const brood_pool_stats *now)
{
    uint64_t ended = now->succeeded + now->failed + now->cancelled;

    assert_int_equal(now->submitted, ended + now->queued + now->running);
    assert_true(ended <= now->submitted && now->queued <= now->submitted &&
                now->running <= now->submitted);
    assert_int_equal(now->started, now->alive + now->ended + now->died + now->lost);
    assert_true(now->busy <= now->alive);
}

/* What only counts up never goes back. */
static void expect_growth(const brood_pool_stats *before, const brood_pool_stats *now)
{
    assert_true(now->submitted >= before->submitted);
    assert_true(now->succeeded >= before->succeeded);
    assert_true(now->failed >= before->failed);
    assert_true(now->cancelled >= before->cancelled);
    assert_true(now->retried >= before->retried);
    assert_true(now->started >= before->started);
    assert_true(now->ended >= before->ended);
    assert_true(now->died >= before->died);
}

static brood_pool_stats take_stats(brood_pool *pool)
{
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;

    assert_ok(brood_pool_get_stats(pool, &stats));
    expect_sums(&stats);
    return stats;
}

/* Looks as often as it can until it is joined. */
static brood_pool_stats watch_until(brood_pool *pool)
{
    brood_pool_stats before = take_stats(pool);

    while (brood_pool_join(pool, 0) != BROOD_OK) {
        brood_pool_stats now = take_stats(pool);

        expect_growth(&before, &now);
        before = now;
    }
    return take_stats(pool);
}

static void expect_rest(const brood_pool_stats *last)
{
    assert_int_equal(last->queued, 0);
    assert_int_equal(last->running, 0);
    assert_int_equal(last->alive, 0);
    assert_int_equal(last->busy, 0);
}

static void u4_of_tasks_that_wait_and_run(void **state)
{
    pool_gate gate;
    brood_pool *pool = NULL;
    brood_pool_stats stats;

    (void)state;
    gate_make(&gate);
    pool = gate_pool(&gate, 2, NULL);
    stats = take_stats(pool);
    assert_int_equal(stats.workers, 2);
    assert_int_equal(stats.submitted, 0);
    for (int i = 0; i < 10; i++) {
        assert_ok(brood_pool_apply_async(pool, NULL, task_gated, NULL, 0, NULL));
    }
    gate_await(&gate, 2);
    stats = take_stats(pool);
    assert_int_equal(stats.submitted, 10);
    assert_int_equal(stats.busy, 2);
    assert_int_equal(stats.alive, 2);
    assert_true(stats.running >= 2);
    assert_int_equal(stats.succeeded, 0);
    gate_open(&gate);
    assert_ok(brood_pool_close(pool));
    stats = watch_until(pool);
    expect_rest(&stats);
    assert_int_equal(stats.succeeded, 10);
    assert_int_equal(stats.ended, 2);
    assert_int_equal(stats.died, 0);
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

static int range_of_three(brood_task *task, uint64_t begin, uint64_t end, const void *context,
                          size_t size)
{
    (void)task;
    (void)context;
    (void)size;
    return begin <= 50 && 50 < end ? 3 : 0;
}

static int fail_seventh(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    return brood_task_index(task) % 7 == 6 ? 1 : 0;
}

static void u4_maps_and_ranges_count_by_items(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options chunks = BROOD_TASK_OPTIONS_INIT;
    brood_pool_stats stats;
    brood_pool *pool = NULL;
    char in[70] = {0};

    (void)state;
    options.workers = 2;
    chunks.chunk_size = 10;
    assert_ok(brood_pool_create(&pool, &options));
    assert_status(brood_pool_map(pool, fail_seventh, in, sizeof in, 1, NULL, 0, NULL),
                  BROOD_ERR_TASK);
    stats = take_stats(pool);
    assert_int_equal(stats.submitted, 70);
    assert_int_equal(stats.failed, 10);
    assert_int_equal(stats.succeeded, 60);
    assert_status(brood_pool_for(pool, range_of_three, 0, 100, NULL, 0, &chunks), BROOD_ERR_TASK);
    stats = take_stats(pool);
    assert_int_equal(stats.submitted, 170);
    assert_int_equal(stats.failed, 20); /* a part of a range fails as a whole */
    assert_int_equal(stats.succeeded, 150);
    assert_ok(brood_pool_map(pool, fail_seventh, in, 0, 1, NULL, 0, NULL));
    assert_int_equal(take_stats(pool).submitted, 170);
    end_pool(pool);
}

static int die(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    support_exit_at_once(9);
    return 0;
}

static void u4_deaths_and_retries(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options task = BROOD_TASK_OPTIONS_INIT;
    brood_pool_stats stats;
    brood_pool *pool = NULL;

    (void)state;
    options.workers = 2;
    options.quarantine = 5;
    task.retries = 2;
    assert_ok(brood_pool_create(&pool, &options));
    assert_status(brood_pool_apply(pool, die, NULL, 0, NULL, 0, &task), BROOD_ERR_DIED);
    stats = take_stats(pool);
    assert_int_equal(stats.submitted, 1);
    assert_int_equal(stats.failed, 1);
    assert_int_equal(stats.retried, 2);
    assert_int_equal(stats.died, 3);
    end_pool(pool);
}

static void u4_cancelled_tasks(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool_stats stats;
    pool_gate gate;
    brood_pool *pool = NULL;
    brood_result *results[10];

    (void)state;
    gate_make(&gate);
    options.grace_ms = 1;
    pool = gate_pool(&gate, 1, &options);
    for (int i = 0; i < 10; i++) {
        assert_ok(brood_pool_apply_async(pool, &results[i], task_gated, NULL, 0, NULL));
    }
    gate_await(&gate, 1);
    for (int i = 9; i >= 0; i -= 3) {
        assert_ok(brood_result_cancel(results[i]));
        take_stats(pool);
    }
    for (int i = 9; i >= 0; i -= 3) {
        assert_status(brood_result_get(results[i], NULL, NULL, SOON_MS), BROOD_ERR_CANCELLED);
    }
    stats = take_stats(pool);
    assert_int_equal(stats.cancelled, 4);
    assert_int_equal(stats.died, 1);
    gate_open(&gate);
    assert_ok(brood_pool_close(pool));
    stats = watch_until(pool);
    expect_rest(&stats);
    assert_int_equal(stats.succeeded, 6);
    assert_int_equal(stats.cancelled, 4);
    for (int i = 0; i < 10; i++) {
        brood_result_destroy(results[i]);
    }
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

/* ---- all at once --------------------------------------------------------------------------- */

static int do_something(brood_task *task, const void *arg, size_t size)
{
    int what = 0;

    memcpy(&what, arg, sizeof what);
    if (what % 10 == 3) {
        support_exit_at_once(1);
    }
    return what % 10 == 5 ? 1 : brood_return(task, arg, size);
}

typedef struct disturber {
    brood_pool *pool;
    brood_result *results[COUNT];
} disturber;

static void disturb(void *data)
{
    disturber *self = data;
    brood_task_options task = BROOD_TASK_OPTIONS_INIT;

    task.retries = 1;
    for (int i = 0; i < COUNT; i++) {
        brood_pool_apply_async(self->pool, &self->results[i], do_something, &i, sizeof i, &task);
        if (i % 10 == 7) {
            brood_result_cancel(self->results[i]);
            brood_pool_resize(self->pool, 1 + (uint32_t)i % 4);
        }
    }
    brood_pool_close(self->pool);
}

static void u4_while_all_happens_at_once(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    disturber self = {NULL, {NULL}};
    support_thread *thread = NULL;
    brood_pool_stats last;

    (void)state;
    options.workers = 3;
    options.max_tasks_per_worker = 9;
    assert_ok(brood_pool_create(&self.pool, &options));
    thread = support_thread_start(disturb, &self);
    last = watch_until(self.pool);
    support_thread_join(thread);
    expect_rest(&last);
    assert_int_equal(last.submitted, COUNT);
    assert_int_equal(last.failed, 2 * COUNT / 10);
    assert_true(last.cancelled <= COUNT / 10);
    assert_int_equal(last.retried, COUNT / 10);
    for (int i = 0; i < COUNT; i++) {
        assert_true(brood_result_ready(self.results[i]));
        brood_result_destroy(self.results[i]);
    }
    assert_null(brood_pool_destroy(self.pool));
}

static void u4_after_a_terminate(void **state)
{
    pool_gate gate;
    brood_pool *pool = NULL;
    brood_pool_stats last;

    (void)state;
    gate_make(&gate);
    pool = gate_pool(&gate, 3, NULL);
    for (int i = 0; i < COUNT; i++) {
        assert_ok(brood_pool_apply_async(pool, NULL, task_gated, NULL, 0, NULL));
    }
    gate_pass(&gate, 5);
    gate_await(&gate, 8);
    assert_ok(brood_pool_terminate(pool));
    last = watch_until(pool);
    expect_rest(&last);
    assert_int_equal(last.failed, 0);
    assert_int_equal(last.succeeded + last.cancelled, COUNT);
    assert_true(last.succeeded <= 5);
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

static void u4_structs_of_other_sizes(void **state)
{
    struct {
        brood_pool_stats stats;
        uint64_t more;
    } longer = {BROOD_POOL_STATS_INIT, 7};
    brood_pool_stats shorter = {.struct_size = offsetof(brood_pool_stats, queued), .queued = 77};
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;

    (void)state;
    options.workers = 2;
    assert_ok(brood_pool_create(&pool, &options));
    longer.stats.struct_size = sizeof longer;
    assert_ok(brood_pool_get_stats(pool, &longer.stats));
    assert_int_equal(longer.stats.struct_size, sizeof longer);
    assert_int_equal(longer.stats.workers, 2);
    assert_int_equal(longer.more, 7);
    assert_ok(brood_pool_get_stats(pool, &shorter));
    assert_int_equal(shorter.workers, 2);
    assert_int_equal(shorter.queued, 77);
    shorter.struct_size = sizeof(size_t);
    assert_status(brood_pool_get_stats(pool, &shorter), BROOD_ERR_ARGUMENT);
    assert_status(brood_pool_get_stats(pool, NULL), BROOD_ERR_ARGUMENT);
    assert_status(brood_pool_get_stats(NULL, &longer.stats), BROOD_ERR_ARGUMENT);
    end_pool(pool);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(u4_of_tasks_that_wait_and_run),
    cmocka_unit_test(u4_maps_and_ranges_count_by_items),
    cmocka_unit_test(u4_deaths_and_retries),
    cmocka_unit_test(u4_cancelled_tasks),
    cmocka_unit_test(u4_while_all_happens_at_once),
    cmocka_unit_test(u4_after_a_terminate),
    cmocka_unit_test(u4_structs_of_other_sizes),
};

BROOD_TEST_MAIN(tests)
