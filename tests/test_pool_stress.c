/*
 * Workers are killed at random while several threads give the pool work. Every result is right, or
 * is told as what it is; nothing is lost, and nothing is counted twice.
 */
#include "pool_stage.h"
#include "pool/lock.h"
#include "pool/peer_impl.h"

#include <stdlib.h>

#include <apr_time.h>

#define THREADS 4
#define BATCH 250
#define MAP_COUNT 1000
#define DEATHS 10 /* at least so many, however soon the work is done */

typedef struct stress {
    pool_stage stage;
    int batches;
    brood_atomic32 seed, done, callbacks, callbacks_due, is_enough;
    brood_atomic64 submitted, failed;
} stress;

static uint32_t draw(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void count_callback(brood_result *result, void *user)
{
    (void)result;
    brood_add32(&((stress *)user)->callbacks, 1);
}

/* A task that was lost with each of its workers has failed; there are few of those. */
static void check_result(stress *all, brood_result *result, int64_t x)
{
    const void *data = NULL;
    size_t size = 0;
    brood_status status = brood_result_get(result, &data, &size, 3 * SOON_MS);

    if (status == BROOD_OK) {
        assert_int_equal(size, sizeof x);
        assert_int_equal(*(const int64_t *)data, x * x);
    } else {
        assert_true(status == BROOD_ERR_DIED || status == BROOD_ERR_QUARANTINED);
        brood_add64(&all->failed, 1);
    }
    brood_result_destroy(result);
}

static void run_batch(stress *all, uint32_t *seed)
{
    brood_result *results[BATCH];
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    int64_t x[BATCH];

    options.retries = 2;
    options.done = options.failed = count_callback;
    options.user = all;
    for (int i = 0; i < BATCH; i++) {
        x[i] = (int64_t)draw(seed);
        assert_ok(brood_pool_apply_async(all->stage.pool, &results[i], stage_square, &x[i],
                                         sizeof x[i], &options));
    }
    for (int i = 0; i < BATCH; i++) {
        check_result(all, results[i], x[i]);
    }
    brood_add64(&all->submitted, BATCH);
    brood_add32(&all->callbacks_due, BATCH);
}

static void run_map(stress *all, uint32_t *seed)
{
    int64_t *in = malloc(2 * MAP_COUNT * sizeof *in);
    int64_t *out = in + MAP_COUNT;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_result *result = NULL;
    uint64_t failed = 0;

    options.retries = 2;
    options.chunk_size = draw(seed) % 50;
    for (int i = 0; i < MAP_COUNT; i++) {
        in[i] = (int64_t)draw(seed);
        out[i] = -1;
    }
    assert_ok(brood_pool_map_async(all->stage.pool, &result, stage_square, in, MAP_COUNT,
                                   sizeof *in, out, sizeof *out, &options));
    assert_ok(brood_result_wait(result, 3 * SOON_MS));
    for (uint64_t i = 0; i < MAP_COUNT; i++) {
        brood_status status = brood_result_item(result, i, NULL, NULL, NULL, 0);

        assert_int_equal(out[i], status == BROOD_OK ? in[i] * in[i] : -1);
        failed += status != BROOD_OK;
    }
    assert_int_equal(failed, brood_result_failed_count(result));
    brood_add64(&all->failed, failed);
    brood_add64(&all->submitted, MAP_COUNT);
    brood_result_destroy(result);
    free(in);
}

static void work(void *data)
{
    stress *all = data;
    uint32_t seed = brood_add32(&all->seed, 7919);

    for (int i = 0; i < all->batches || brood_load32(&all->is_enough) == 0; i++) {
        run_batch(all, &seed);
        run_map(all, &seed);
    }
    brood_add32(&all->done, 1);
}

/* A number whose process has ended is not killed: it is still ours while the pool tells it. */
static void kill_at_random(stress *all, int64_t each_ms)
{
    uint32_t seed = 4711;

    while (brood_load32(&all->done) < THREADS) {
        brood_pool *pool = all->stage.pool;
        uint32_t slot = draw(&seed) % 4;
        bool early = draw(&seed) % 8 == 0; /* seldom: it takes longer to start than to be killed */

        brood_pool_lock(pool); /* the worker is not reaped meanwhile */
        if (slot < pool->roster.slots && pool->roster.workers[slot] != NULL &&
            (early || pool->roster.workers[slot]->reports.is_up)) {
            support_kill(
                brood_process_pid(brood_peer_of_const(pool->roster.workers[slot])->process));
        }
        brood_pool_unlock(pool);
        brood_exchange32(&all->is_enough, stage_stats(&all->stage).died >= DEATHS);
        apr_sleep(each_ms * 1000); /* nothing is waited for */
    }
}

static void check_numbers(stress *all)
{
    brood_pool_stats stats;

    assert_ok(brood_pool_close(all->stage.pool));
    assert_ok(brood_pool_join(all->stage.pool, SOON_MS));
    stats = stage_stats(&all->stage);
    assert_int_equal(stats.submitted, brood_load64(&all->submitted));
    assert_int_equal(stats.failed, brood_load64(&all->failed));
    assert_int_equal(stats.cancelled, 0);
    assert_int_equal(brood_load32(&all->callbacks), brood_load32(&all->callbacks_due));
    assert_true(stats.died >= DEATHS);
    assert_true(stats.failed * 100 < stats.submitted);
}

/* 1,250 tasks and items a batch. */
static int batches(void)
{
    return support_is_windows() ? 3 : support_is_sanitized() ? 3 : 20;
}

static void run_stress(uint32_t workers, uint32_t max_tasks, int64_t each_ms)
{
    stress all;
    support_thread *threads[THREADS];

    memset(&all, 0, sizeof all);
    all.batches = batches();
    stage_prepare(&all.stage, workers);
    all.stage.options.max_tasks_per_worker = max_tasks;
    all.stage.options.crash_limit = 1000; /* those that are killed as they come up */
    all.stage.options.backoff_ms = 1;
    stage_open(&all.stage);
    for (int i = 0; i < THREADS; i++) {
        threads[i] = support_thread_start(work, &all);
    }
    kill_at_random(&all, each_ms);
    for (int i = 0; i < THREADS; i++) {
        support_thread_join(threads[i]);
    }
    check_numbers(&all);
    stage_close(&all.stage);
}

static void stress_of_two_workers(void **state)
{
    (void)state;
    run_stress(2, 0, support_is_windows() ? 30 : 10);
}

static void stress_of_four_workers_that_are_replaced(void **state)
{
    (void)state;
    run_stress(4, 500, support_is_windows() ? 30 : 10);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(stress_of_two_workers),
    cmocka_unit_test(stress_of_four_workers_that_are_replaced),
};

BROOD_TEST_MAIN(tests)
