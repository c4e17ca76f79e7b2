/* F21: a signal interrupts every call of the system that waits, in the program and in workers. */
#include "harness.h"

#include <stdlib.h>

#include "platform.h"

#define EVERY_US 500
#define ITEMS 20000
#define LARGE 3000000

static const char no_signals[] = "there are no signals on Windows";

/* ---- what workers do ----------------------------------------------------------------------- */

/* An initializer: this worker is interrupted from now on. */
static int be_bombarded(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return support_bombard(EVERY_US) ? 0 : 1;
}

static int echo(brood_task *task, const void *arg, size_t size)
{
    return brood_return(task, arg, size);
}

static int wait_a_little(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    brood_os_wait(NULL, 0, brood_os_now() + 5000000, NULL);
    return 0;
}

/* Its worker may have begun just now, in the place of the one that hung. */
static int end_bombard(brood_task *task, const void *arg, size_t size)
{
    uint64_t count = 0;

    wait_a_little(task, arg, size);
    count = support_end_bombard();
    return brood_return(task, &count, sizeof count);
}

static int hang(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    while (!brood_task_cancelled(task)) {
        support_hang(); /* which a signal ends */
    }
    return 0;
}

static int fill(brood_task *task, uint64_t begin, uint64_t end, const void *context, size_t size)
{
    unsigned char *out = brood_task_shared(task, 0, NULL);

    (void)size;
    memset(out + begin, *(const unsigned char *)context, (size_t)(end - begin));
    return 0;
}

/* ---- work of every kind -------------------------------------------------------------------- */

static void apply_small(brood_pool *pool)
{
    for (int i = 0; i < 300; i++) {
        int out = -1;

        assert_ok(brood_pool_apply(pool, echo, &i, sizeof i, &out, sizeof out, NULL));
        assert_int_equal(out, i);
    }
    for (int i = 0; i < 20; i++) { /* long enough to sleep for */
        assert_ok(brood_pool_apply(pool, wait_a_little, NULL, 0, NULL, 0, NULL));
    }
}

static void apply_large(brood_pool *pool)
{
    unsigned char *bytes = calloc(1, LARGE);

    for (int i = 0; i < 5; i++) {
        brood_result *result = NULL;
        const void *data = NULL;
        size_t size = 0;

        memset(bytes, i, LARGE);
        assert_ok(brood_pool_apply_async(pool, &result, echo, bytes, LARGE, NULL));
        assert_ok(brood_result_get(result, &data, &size, SOON_MS));
        assert_int_equal(size, LARGE);
        assert_memory_equal(data, bytes, LARGE);
        brood_result_destroy(result);
    }
    free(bytes);
}

static void map_and_range(brood_pool *pool)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_shared *shared = NULL;
    int *in = calloc(2 * ITEMS, sizeof *in);

    for (int i = 0; i < ITEMS; i++) {
        in[i] = i;
    }
    assert_ok(brood_pool_map(pool, echo, in, ITEMS, sizeof *in, in + ITEMS, sizeof *in, NULL));
    assert_memory_equal(in, in + ITEMS, ITEMS * sizeof *in);
    free(in);
    assert_ok(brood_shared_create(&shared, ITEMS, NULL));
    options.shared = &shared;
    options.shared_count = 1;
    assert_ok(brood_pool_for(pool, fill, 0, ITEMS, "x", 1, &options));
    assert_int_equal(((char *)brood_shared_data(shared))[ITEMS - 1], 'x');
    brood_shared_destroy(shared);
}

static void time_out(brood_pool *pool)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_result *result = NULL;

    options.timeout_ms = 30;
    assert_ok(brood_pool_apply_async(pool, &result, hang, NULL, 0, &options));
    assert_status(brood_result_get(result, NULL, NULL, SOON_MS), BROOD_ERR_TASK_TIMEOUT);
    brood_result_destroy(result);
}

static brood_pool *new_pool(bool in_workers)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;

    options.workers = 2;
    options.grace_ms = 20;
    options.initializer = in_workers ? be_bombarded : NULL;
    assert_ok(brood_pool_create(&pool, &options));
    return pool;
}

static void end_pool(brood_pool *pool)
{
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;

    assert_ok(brood_pool_close(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_ok(brood_pool_get_stats(pool, &stats));
    assert_int_equal(stats.died, 1); /* which hung */
    assert_null(brood_pool_destroy(pool));
}

static void do_all(brood_pool *pool)
{
    apply_small(pool);
    apply_large(pool);
    map_and_range(pool);
    time_out(pool);
}

static void f21_in_the_program(void **state)
{
    brood_pool *pool = NULL;

    (void)state;
    if (!support_bombard(EVERY_US)) {
        harness_skip(no_signals);
    }
    pool = new_pool(false);
    do_all(pool);
    end_pool(pool);
    assert_true(support_end_bombard() > 10);
}

static void f21_in_workers(void **state)
{
    brood_pool *pool = NULL;
    uint64_t count = 0;

    (void)state;
    if (!support_has_sigchld()) {
        harness_skip(no_signals);
    }
    pool = new_pool(true);
    do_all(pool);
    assert_ok(brood_pool_apply(pool, end_bombard, NULL, 0, &count, sizeof count, NULL));
    assert_true(count > 0);
    end_pool(pool);
}

static void f21_in_both(void **state)
{
    brood_pool *pool = NULL;

    (void)state;
    if (!support_bombard(EVERY_US)) {
        harness_skip(no_signals);
    }
    pool = new_pool(true);
    do_all(pool);
    end_pool(pool);
    assert_true(support_end_bombard() > 10);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(f21_in_the_program),
    cmocka_unit_test(f21_in_workers),
    cmocka_unit_test(f21_in_both),
};

BROOD_TEST_MAIN(tests)
