/* L11: values that are written in place, and values of another size than was asked for. */
#include "pool_tools.h"

#include <stdlib.h>

#include <brood/brood.h>

#define LARGE ((size_t)2048 * 1024)

/* ---- in place ---------------------------------------------------------------------------- */

static int double_in_place(brood_task *task, const void *arg, size_t size)
{
    int64_t *value = brood_return_buffer(task, size);

    if (value == NULL || (uintptr_t)value % _Alignof(int64_t) != 0) {
        return 5;
    }
    *value = *(const int64_t *)arg * 2;
    return 0;
}

static void l11_values_written_in_place(void **state)
{
    enum {
        COUNT = 10000
    };
    brood_pool *pool = pool_of(2);
    int64_t in[COUNT];
    int64_t out[COUNT] = {0};
    brood_output *outputs = calloc(COUNT, sizeof *outputs);

    (void)state;
    for (int64_t i = 0; i < COUNT; i++) {
        in[i] = i;
    }
    assert_ok(
        brood_pool_map(pool, double_in_place, in, COUNT, sizeof in[0], out, sizeof out[0], NULL));
    assert_ok(brood_pool_map(pool, double_in_place, in, COUNT, sizeof in[0], outputs,
                             BROOD_SIZE_VARIES, NULL));
    for (int64_t i = 0; i < COUNT; i++) {
        assert_int_equal(out[i], 2 * i);
        assert_int_equal(outputs[i].size, sizeof in[0]);
        assert_int_equal(*(int64_t *)(void *)outputs[i].data, 2 * i);
        brood_free(outputs[i].data);
    }
    free(outputs);
    assert_null(brood_pool_destroy(pool));
}

/* An earlier value gives way to a later one, of whatever size. */
static int change_its_mind(brood_task *task, const void *arg, size_t size)
{
    char *value = brood_return_buffer(task, 10);

    (void)arg;
    (void)size;
    if (value == NULL || brood_return(task, "no", 3) != 0) {
        return 5;
    }
    value = brood_return_buffer(task, LARGE);
    if (value == NULL || (uintptr_t)value % 16 != 0) {
        return 6;
    }
    memset(value, 'x', LARGE);
    value = brood_return_buffer(task, 4);
    if (value == NULL) {
        return 7;
    }
    memcpy(value, "yes", 4);
    return 0;
}

static void l11_the_last_value_counts(void **state)
{
    brood_pool *pool = pool_of(1);
    brood_result *result = NULL;
    const void *data = NULL;
    size_t size = 0;

    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_ok(brood_pool_apply_async(pool, &result, change_its_mind, NULL, 0, NULL));
        assert_ok(brood_result_get(result, &data, &size, SOON_MS));
        assert_int_equal(size, 4);
        assert_string_equal(data, "yes");
        brood_result_destroy(result);
    }
    assert_null(brood_pool_destroy(pool));
}

/* ---- dropped ----------------------------------------------------------------------------- */

static int return_and_fail(brood_task *task, const void *arg, size_t size)
{
    brood_return(task, arg, size);
    return 4;
}

static void l11_a_value_counts_only_with_success(void **state)
{
    brood_pool *pool = pool_of(1);
    brood_result *result = NULL;
    const void *data = "";
    int64_t x = 3;
    int64_t y = -1;

    (void)state;
    assert_status(brood_pool_apply(pool, return_and_fail, &x, sizeof x, &y, sizeof y, NULL),
                  BROOD_ERR_TASK);
    assert_status(brood_pool_map(pool, return_and_fail, &x, 1, sizeof x, &y, sizeof y, NULL),
                  BROOD_ERR_TASK);
    assert_int_equal(y, -1);
    assert_ok(brood_pool_apply_async(pool, &result, return_and_fail, &x, sizeof x, NULL));
    assert_status(brood_result_get(result, &data, NULL, SOON_MS), BROOD_ERR_TASK);
    assert_null(data);
    brood_result_destroy(result);
    assert_null(brood_pool_destroy(pool));
}

static int fill_buffer(brood_task *task, const void *arg, size_t size)
{
    char *value = brood_return_buffer(task, LARGE);

    (void)arg;
    (void)size;
    if (value == NULL) {
        return 5;
    }
    memset(value, 'x', LARGE);
    return 0;
}

static int memory_used(brood_task *task, const void *arg, size_t size)
{
    size_t used = support_memory_used();

    (void)arg;
    (void)size;
    return brood_return(task, &used, sizeof used);
}

/* A worker does not keep what nobody wants. */
static void l11_dropped_values_leave_nothing(void **state)
{
    brood_pool *pool = pool_of(1);
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    size_t before = 0;
    size_t after = 0;

    (void)state;
    options.chunk_size = 1;
    assert_ok(brood_pool_apply(pool, fill_buffer, NULL, 0, NULL, 0, NULL));
    assert_ok(brood_pool_apply(pool, memory_used, NULL, 0, &before, sizeof before, NULL));
    assert_ok(brood_pool_map(pool, fill_buffer, NULL, 100, 0, NULL, 0, &options));
    assert_ok(brood_pool_apply(pool, memory_used, NULL, 0, &after, sizeof after, NULL));
    if (!support_is_sanitized()) {
        assert_true(after < before + 8 * LARGE);
    }
    assert_null(brood_pool_destroy(pool));
}

static int ignore(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return 0;
}

/* Who asks for no values may call functions with and without. */
static void l11_values_that_nobody_wants(void **state)
{
    brood_pool *pool = pool_of(2);
    int64_t in[100] = {0};

    (void)state;
    assert_ok(brood_pool_map(pool, task_square, in, 100, sizeof in[0], NULL, 0, NULL));
    assert_ok(brood_pool_map(pool, ignore, in, 100, sizeof in[0], NULL, 0, NULL));
    assert_ok(brood_pool_apply(pool, task_square, in, sizeof in[0], NULL, 0, NULL));
    assert_null(brood_pool_destroy(pool));
}

/* ---- of another size --------------------------------------------------------------------- */

/* Returns as many bytes as its item says, and whether that went is its code. */
static int return_bytes(brood_task *task, const void *arg, size_t size)
{
    static char bytes[3 * 1024 * 1024];
    int64_t count = 0;

    if (size != sizeof count) {
        return 99;
    }
    memcpy(&count, arg, sizeof count);
    memset(bytes, 'x', (size_t)count);
    return brood_return(task, bytes, (size_t)count);
}

static int return_bytes_carelessly(brood_task *task, const void *arg, size_t size)
{
    return_bytes(task, arg, size);
    return 0;
}

static void assert_only_exact(brood_pool *pool, brood_function *function, int64_t wanted)
{
    int64_t sizes[5] = {wanted - 1, wanted, 0, wanted + 1, wanted};
    brood_failure failure = BROOD_FAILURE_INIT;
    char *out = calloc(5, (size_t)wanted);
    brood_result *result = NULL;

    assert_ok(brood_pool_map_async(pool, &result, function, sizes, 5, sizeof sizes[0], out,
                                   (size_t)wanted, NULL));
    for (size_t i = 0; i < 5; i++) {
        assert_status(brood_result_item(result, i, NULL, NULL, &failure, SOON_MS),
                      sizes[i] == wanted ? BROOD_OK : BROOD_ERR_TOO_LARGE);
        assert_int_equal(out[i * (size_t)wanted], sizes[i] == wanted ? 'x' : 0);
        assert_int_equal(out[(i + 1) * (size_t)wanted - 1], sizes[i] == wanted ? 'x' : 0);
    }
    assert_status(brood_result_get(result, NULL, NULL, SOON_MS), BROOD_ERR_TOO_LARGE);
    assert_int_equal(brood_result_failed_count(result), 3);
    brood_result_destroy(result);
    free(out);
}

static void l11_values_of_another_size(void **state)
{
    static const int64_t sizes[] = {8, 100, 32768, 32769, 1000000};
    brood_pool *pool = pool_of(2);

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_only_exact(pool, return_bytes, sizes[i]);
        assert_only_exact(pool, return_bytes_carelessly, sizes[i]);
    }
    assert_null(brood_pool_destroy(pool));
}

static void l11_no_value_where_one_is_wanted(void **state)
{
    static const size_t sizes[] = {8, 100, 40000, 1000000};
    brood_pool *pool = pool_of(2);

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        brood_task_options options = BROOD_TASK_OPTIONS_INIT;
        brood_failure failure = BROOD_FAILURE_INIT;
        char *out = calloc(1, sizes[i]);

        options.failure = &failure;
        assert_status(brood_pool_apply(pool, ignore, NULL, 0, out, sizes[i], &options),
                      BROOD_ERR_TOO_LARGE);
        assert_int_equal(failure.status, BROOD_ERR_TOO_LARGE);
        assert_string_equal(failure.message, "the task returned no value");
        free(out);
    }
    assert_null(brood_pool_destroy(pool));
}

/* No memory has so many bytes: nothing is submitted. */
static void l11_sizes_that_cannot_be(void **state)
{
    brood_pool *pool = pool_of(1);
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    char byte = 0;

    (void)state;
    assert_status(brood_pool_apply(pool, task_echo, &byte, SIZE_MAX, NULL, 0, NULL),
                  BROOD_ERR_ARGUMENT);
    assert_status(brood_pool_apply(pool, task_echo, &byte, SIZE_MAX - 1, NULL, 0, NULL),
                  BROOD_ERR_ARGUMENT);
    assert_status(brood_pool_apply(pool, task_echo, &byte, 1, &byte, SIZE_MAX, NULL),
                  BROOD_ERR_ARGUMENT);
    assert_status(brood_pool_apply(pool, task_echo, &byte, 1, &byte, SIZE_MAX - 1, NULL),
                  BROOD_ERR_ARGUMENT);
    assert_status(brood_pool_apply(pool, task_echo, NULL, 1, &byte, 1, NULL), BROOD_ERR_ARGUMENT);
    assert_status(brood_pool_apply(pool, task_echo, &byte, 1, NULL, 1, NULL), BROOD_ERR_ARGUMENT);
    assert_status(brood_pool_map(pool, task_echo, &byte, SIZE_MAX / 4, 8, NULL, 0, NULL),
                  BROOD_ERR_ARGUMENT);
    assert_status(brood_pool_map(pool, task_echo, &byte, 1, 1, NULL, 1, NULL), BROOD_ERR_ARGUMENT);
    assert_status(brood_pool_map(pool, task_echo, NULL, 1, 1, NULL, 0, NULL), BROOD_ERR_ARGUMENT);
    assert_ok(brood_pool_get_stats(pool, &stats));
    assert_int_equal(stats.submitted, 0);
    assert_null(brood_pool_destroy(pool));
}

/* ---- with unusual arguments ---------------------------------------------------------------- */

static int is_null(brood_task *task, const void *arg, size_t size)
{
    return brood_return(task, (int[]){arg == NULL && size == 0}, sizeof(int));
}

static void l11_no_argument_is_null(void **state)
{
    brood_pool *pool = pool_of(1);
    int out[100] = {0};

    (void)state;
    assert_ok(brood_pool_apply(pool, is_null, NULL, 0, out, sizeof out[0], NULL));
    assert_int_equal(out[0], 1);
    out[0] = 0;
    assert_ok(brood_pool_map(pool, is_null, NULL, 100, 0, out, sizeof out[0], NULL));
    for (int i = 0; i < 100; i++) {
        assert_int_equal(out[i], 1);
    }
    assert_null(brood_pool_destroy(pool));
}

/* The value is a part of what was to be the value, or nothing. */
static int cut_out(brood_task *task, const void *arg, size_t size)
{
    char *text = brood_return_buffer(task, 1000);

    (void)arg;
    if (text == NULL) {
        return 1;
    }
    memset(text, 'x', 1000);
    memcpy(text + 5, "a part", 7);
    return brood_return(task, text + 5, size == 0 ? 0 : 900);
}

static void l11_a_part_of_the_buffer(void **state)
{
    brood_pool *pool = pool_of(1);
    brood_result *result = NULL;
    const void *data = NULL;
    size_t size = 0;

    (void)state;
    assert_ok(brood_pool_apply_async(pool, &result, cut_out, "", 1, NULL));
    assert_ok(brood_result_get(result, &data, &size, SOON_MS));
    assert_int_equal(size, 900);
    assert_string_equal(data, "a part");
    brood_result_destroy(result);
    assert_status(brood_pool_apply(pool, cut_out, "", 1, &size, 0, NULL), BROOD_ERR_ARGUMENT);
    assert_ok(brood_pool_apply(pool, cut_out, NULL, 0, NULL, 0, NULL));
    assert_null(brood_pool_destroy(pool));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(l11_no_argument_is_null),
    cmocka_unit_test(l11_a_part_of_the_buffer),
    cmocka_unit_test(l11_values_written_in_place),
    cmocka_unit_test(l11_the_last_value_counts),
    cmocka_unit_test(l11_a_value_counts_only_with_success),
    cmocka_unit_test(l11_dropped_values_leave_nothing),
    cmocka_unit_test(l11_values_that_nobody_wants),
    cmocka_unit_test(l11_values_of_another_size),
    cmocka_unit_test(l11_no_value_where_one_is_wanted),
    cmocka_unit_test(l11_sizes_that_cannot_be),
};

BROOD_TEST_MAIN(tests)
