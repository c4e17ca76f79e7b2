/* A pool does what it is for: apply, map, ranges, imap, and its end. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#include <brood/brood.h>

static int square(brood_task *task, const void *arg, size_t size)
{
    int64_t x = 0;

    if (size != sizeof x) {
        return brood_task_fail(task, 2, "%zu bytes are no number", size);
    }
    memcpy(&x, arg, sizeof x);
    x *= x;
    return brood_return(task, &x, sizeof x);
}

static brood_pool *new_pool(uint32_t workers)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;

    options.workers = workers;
    assert_ok(brood_pool_create(&pool, &options));
    return pool;
}

static void apply_gives_the_value(void **state)
{
    brood_pool *pool = new_pool(2);
    int64_t x = 7;
    int64_t y = 0;

    (void)state;
    for (x = 0; x < 100; x++) {
        assert_ok(brood_pool_apply(pool, square, &x, sizeof x, &y, sizeof y, NULL));
        assert_int_equal(y, x * x);
    }
    assert_null(brood_pool_destroy(pool));
}

static void apply_async_and_get(void **state)
{
    brood_pool *pool = new_pool(2);
    brood_result *results[1000];
    const void *data = NULL;
    size_t size = 0;

    (void)state;
    for (int64_t i = 0; i < 1000; i++) {
        assert_ok(brood_pool_apply_async(pool, &results[i], square, &i, sizeof i, NULL));
    }
    for (int64_t i = 0; i < 1000; i++) {
        assert_ok(brood_result_get(results[i], &data, &size, SOON_MS));
        assert_int_equal(size, sizeof i);
        assert_int_equal(*(const int64_t *)data, i * i);
        brood_result_destroy(results[i]);
    }
    assert_ok(brood_pool_close(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_null(brood_pool_destroy(pool));
}

static void map_fills_the_array(void **state)
{
    enum {
        COUNT = 100000
    };
    brood_pool *pool = new_pool(2);
    int64_t *in = malloc(COUNT * sizeof *in);
    int64_t *out = malloc(COUNT * sizeof *out);

    (void)state;
    for (int64_t i = 0; i < COUNT; i++) {
        in[i] = i;
    }
    assert_ok(brood_pool_map(pool, square, in, COUNT, sizeof *in, out, sizeof *out, NULL));
    for (int64_t i = 0; i < COUNT; i++) {
        assert_int_equal(out[i], i * i);
    }
    assert_null(brood_pool_destroy(pool));
    free(in);
    free(out);
}

static int fill_range(brood_task *task, uint64_t begin, uint64_t end, const void *context,
                      size_t size)
{
    int64_t *out = brood_task_shared(task, 0, NULL);

    if (size != sizeof(int64_t)) {
        return 1;
    }
    for (uint64_t i = begin; i < end; i++) {
        out[i] = (int64_t)i * *(const int64_t *)context;
    }
    return 0;
}

static void a_range_over_shared_memory(void **state)
{
    enum {
        COUNT = 100000
    };
    brood_pool *pool = new_pool(2);
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_shared *shared = NULL;
    int64_t factor = 3;
    int64_t *out = NULL;

    (void)state;
    assert_ok(brood_shared_create(&shared, COUNT * sizeof *out, NULL));
    options.shared = &shared;
    options.shared_count = 1;
    out = brood_shared_data(shared);
    assert_ok(brood_pool_for(pool, fill_range, 10, COUNT, &factor, sizeof factor, &options));
    assert_int_equal(out[9], 0);
    for (int64_t i = 10; i < COUNT; i++) {
        assert_int_equal(out[i], i * 3);
    }
    brood_shared_destroy(shared);
    assert_null(brood_pool_destroy(pool));
}

static void map_in_shared_memory(void **state)
{
    enum {
        COUNT = 100000
    };
    brood_pool *pool = new_pool(2);
    brood_shared *shared = NULL;
    int64_t *in = NULL;

    (void)state;
    assert_ok(brood_shared_create(&shared, 2 * COUNT * sizeof *in, NULL));
    in = brood_shared_data(shared);
    for (int64_t i = 0; i < COUNT; i++) {
        in[i] = i;
    }
    assert_ok(brood_pool_map(pool, square, in, COUNT, sizeof *in, in + COUNT, sizeof *in, NULL));
    for (int64_t i = 0; i < COUNT; i++) {
        assert_int_equal(in[COUNT + i], i * i);
    }
    brood_shared_destroy(shared);
    assert_null(brood_pool_destroy(pool));
}

static int echo(brood_task *task, const void *arg, size_t size)
{
    return brood_return(task, arg, size);
}

static void large_arguments_and_values(void **state)
{
    static const size_t sizes[] = {0,      1,      65535,  65536,   65537,
                                   262143, 262144, 262145, 1 << 20, 20 << 20};
    brood_pool *pool = new_pool(2);

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned char *in = malloc(sizes[i] + 1);
        brood_result *result = NULL;
        const void *data = NULL;
        size_t size = 1;

        for (size_t k = 0; k < sizes[i]; k++) {
            in[k] = (unsigned char)(k * 31 + i);
        }
        assert_ok(brood_pool_apply_async(pool, &result, echo, in, sizes[i], NULL));
        if (brood_result_get(result, &data, &size, SOON_MS) != BROOD_OK) {
            brood_failure failure = BROOD_FAILURE_INIT;

            brood_result_failure(result, &failure);
            fail_msg("%zu bytes: %s", sizes[i], failure.message);
        }
        assert_int_equal(size, sizes[i]);
        assert_memory_equal(data, in, size);
        brood_result_destroy(result);
        free(in);
    }
    assert_null(brood_pool_destroy(pool));
}

static void imap_in_order(void **state)
{
    enum {
        COUNT = 1000
    };
    brood_pool *pool = new_pool(2);
    int64_t in[COUNT];
    brood_array array = {in, COUNT, sizeof in[0], 0};
    brood_imap *imap = NULL;
    const void *data = NULL;
    size_t size = 0;
    uint64_t index = 0;

    (void)state;
    for (int64_t i = 0; i < COUNT; i++) {
        in[i] = i;
    }
    assert_ok(brood_pool_imap(pool, &imap, square, brood_array_next, &array, NULL));
    for (int64_t i = 0; i < COUNT; i++) {
        assert_ok(brood_imap_next(imap, &data, &size, &index, NULL, SOON_MS));
        assert_int_equal(index, i);
        assert_int_equal(*(const int64_t *)data, i * i);
    }
    assert_int_equal(brood_imap_next(imap, NULL, NULL, NULL, NULL, SOON_MS), BROOD_ERR_CLOSED);
    assert_null(brood_imap_destroy(imap));
    assert_null(brood_pool_destroy(pool));
}

static int crash(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    abort();
}

static void a_crash_costs_one_task(void **state)
{
    brood_pool *pool = new_pool(2);
    brood_failure failure = BROOD_FAILURE_INIT;
    brood_result *results[20];

    (void)state;
    for (int64_t i = 0; i < 20; i++) {
        assert_ok(
            brood_pool_apply_async(pool, &results[i], i == 7 ? crash : square, &i, sizeof i, NULL));
    }
    for (int64_t i = 0; i < 20; i++) {
        assert_int_equal(brood_result_get(results[i], NULL, NULL, SOON_MS),
                         i == 7 ? BROOD_ERR_DIED : BROOD_OK);
    }
    assert_ok(brood_result_failure(results[7], &failure));
    assert_int_not_equal(failure.exit.reason, BROOD_EXIT_NONE);
    for (int64_t i = 0; i < 20; i++) {
        brood_result_destroy(results[i]);
    }
    assert_null(brood_pool_destroy(pool));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(apply_gives_the_value), cmocka_unit_test(apply_async_and_get),
    cmocka_unit_test(map_fills_the_array),   cmocka_unit_test(a_range_over_shared_memory),
    cmocka_unit_test(map_in_shared_memory),  cmocka_unit_test(large_arguments_and_values),
    cmocka_unit_test(imap_in_order),         cmocka_unit_test(a_crash_costs_one_task),
};

BROOD_TEST_MAIN(tests)
