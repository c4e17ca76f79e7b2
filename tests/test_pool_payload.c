/* L11, L12: arguments and values of no bytes, of about what the rings hold, and of far more. */
#include "pool_tools.h"

#include <stdlib.h>

#include <brood/brood.h>

#define KIB ((size_t)1024)
#define MIB (KIB * KIB)
#define GIB (KIB * MIB)

/* As in src/pool/starts.c: the rings of up to 16 workers, and of more. */
#define RING_LARGE (256 * KIB)
#define RING_SMALL (64 * KIB)
#define MANY_WORKERS 17

static void fill(unsigned char *data, size_t size, size_t seed)
{
    for (size_t i = 0; i < size; i++) {
        data[i] = (unsigned char)(i * 31 + i / 251 + seed);
    }
}

static unsigned char *new_data(size_t size, size_t seed)
{
    unsigned char *data = malloc(size + 1);

    assert_non_null(data);
    fill(data, size, seed);
    return data;
}

/* ---- L11: sizes -------------------------------------------------------------------------- */

/* There and back in each way that a value can go. */
static void assert_echo(brood_pool *pool, size_t size)
{
    unsigned char *in = new_data(size, size);
    unsigned char *out = malloc(size + 1);
    brood_result *result = NULL;
    const void *data = NULL;
    size_t got = size + 1;

    assert_non_null(out);
    memset(out, 0, size + 1);
    assert_ok(brood_pool_apply(pool, task_echo, in, size, size > 0 ? out : NULL, size, NULL));
    assert_memory_equal(out, in, size);
    assert_int_equal(out[size], 0);
    assert_ok(brood_pool_apply_async(pool, &result, task_echo, in, size, NULL));
    assert_ok(brood_result_get(result, &data, &got, SOON_MS));
    assert_int_equal(got, size);
    assert_memory_equal(data, in, size);
    brood_result_destroy(result);
    free(in);
    free(out);
}

/* About the sizes at which a piece goes another way: so much of the ring, with or without a head. */
static void assert_echoes_about(brood_pool *pool, size_t middle)
{
    static const int beside[] = {-113, -112, -111, -65, -64, -63, -49, -48, -47, -17, -16,
                                 -15,  -2,   -1,   0,   1,   2,   15,  16,  17,  48,  64};

    for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
        assert_echo(pool, (size_t)((int64_t)middle + beside[i]));
    }
}

static int assert_nothing(brood_task *task, const void *arg, size_t size)
{
    if (arg != NULL || size != 0) {
        return 1;
    }
    return brood_return(task, NULL, 0);
}

static void l11_no_bytes(void **state)
{
    brood_pool *pool = pool_of(2);
    brood_output outputs[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    brood_bytes items[3] = {{NULL, 0}, {"", 0}, {NULL, 0}};
    brood_result *result = NULL;
    const void *data = NULL;
    size_t size = 1;

    (void)state;
    assert_ok(brood_pool_apply(pool, assert_nothing, NULL, 0, NULL, 0, NULL));
    assert_ok(brood_pool_apply(pool, assert_nothing, "ignored", 0, NULL, 0, NULL));
    assert_ok(brood_pool_apply_async(pool, &result, assert_nothing, NULL, 0, NULL));
    assert_ok(brood_result_get(result, &data, &size, SOON_MS));
    assert_int_equal(size, 0);
    brood_result_destroy(result);
    assert_ok(brood_pool_map(pool, assert_nothing, NULL, 1000, 0, NULL, 0, NULL));
    assert_ok(brood_pool_map(pool, assert_nothing, items, 3, BROOD_SIZE_VARIES, outputs,
                             BROOD_SIZE_VARIES, NULL));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(outputs[i].size, 0);
        brood_free(outputs[i].data);
    }
    assert_null(brood_pool_destroy(pool));
}

static void l11_about_64_kib(void **state)
{
    brood_pool *pool = pool_of(2);

    (void)state;
    assert_echoes_about(pool, 64 * KIB);
    assert_null(brood_pool_destroy(pool));
}

static void l11_about_the_ring(void **state)
{
    brood_pool *pool = pool_of(1);

    (void)state;
    assert_echoes_about(pool, RING_LARGE / 8);
    assert_echoes_about(pool, RING_LARGE / 2);
    assert_echoes_about(pool, RING_LARGE);
    assert_echoes_about(pool, 2 * RING_LARGE);
    assert_null(brood_pool_destroy(pool));
}

static void l11_about_the_small_ring(void **state)
{
    brood_pool *pool = pool_of(MANY_WORKERS);

    (void)state;
    assert_echoes_about(pool, RING_SMALL / 8);
    assert_echoes_about(pool, RING_SMALL / 4);
    assert_echoes_about(pool, RING_SMALL / 2);
    assert_echoes_about(pool, RING_SMALL);
    assert_null(brood_pool_destroy(pool));
}

/* Maps of items so large that few, one, or not one fits into the ring. */
static void l11_maps_of_items_about_the_ring(void **state)
{
    static const size_t sizes[] = {3,
                                   1000,
                                   RING_LARGE / 32,
                                   RING_LARGE / 8 - 1,
                                   RING_LARGE / 8,
                                   RING_LARGE / 8 + 1,
                                   RING_LARGE / 4 - 48,
                                   RING_LARGE / 4,
                                   RING_LARGE - 1,
                                   RING_LARGE + 1,
                                   3 * RING_LARGE + 5};
    brood_pool *pool = pool_of(2);

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t count = sizes[i] > 1000 ? 17 : 3000;
        unsigned char *in = new_data(sizes[i] * count, i);
        unsigned char *out = calloc(count, sizes[i]);

        assert_ok(brood_pool_map(pool, task_echo, in, count, sizes[i], out, sizes[i], NULL));
        assert_memory_equal(in, out, sizes[i] * count);
        free(in);
        free(out);
    }
    assert_null(brood_pool_destroy(pool));
}

/* ---- L11: far more ----------------------------------------------------------------------- */

static void need_memory(size_t size)
{
    if (support_is_sanitized()) {
        harness_skip("sanitizers need several times the memory");
    }
    if (sizeof(size_t) < 8 || support_memory_free() < size) {
        harness_skip("there is not enough free memory");
    }
}

/*
 * Marks all over it, with nothing between them: pages that nobody writes cost nothing. A mark for
 * so many bytes, which is no multiple of anything that the rings are made of.
 */
#define MARK_EVERY (4093 * KIB)

static void put_marks(unsigned char *data, size_t size)
{
    for (size_t i = 0; i < size; i += MARK_EVERY) {
        data[i] = (unsigned char)(i / MARK_EVERY % 251 + 1);
    }
    data[size - 1] = 99;
}

static bool has_marks(const unsigned char *data, size_t size)
{
    for (size_t i = 0; i < size - 1; i += MARK_EVERY) {
        if (data[i] != (unsigned char)(i / MARK_EVERY % 251 + 1)) {
            return false;
        }
    }
    return data[size - 1] == 99;
}

static int look_for_marks(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    return has_marks(arg, size) ? 0 : 1;
}

static int return_marks(brood_task *task, const void *arg, size_t size)
{
    unsigned char *value = NULL;
    size_t wanted = 0;

    if (size != sizeof wanted) {
        return 1;
    }
    memcpy(&wanted, arg, size);
    value = brood_return_buffer(task, wanted);
    if (value == NULL) {
        return 2;
    }
    put_marks(value, wanted);
    return 0;
}

/* Zeroed, and never written, as far as the system can do that. */
static unsigned char *new_large(size_t size)
{
    unsigned char *data = calloc(size, 1);

    if (data == NULL) {
        harness_skip("there is not enough address space");
    }
    return data;
}

/* They end by themselves: a worker with so much memory, killed, may be lost before it has ended. */
static void assert_large_argument(size_t size)
{
    unsigned char *in = new_large(size);
    brood_pool *pool = pool_of(1);

    put_marks(in, size);
    assert_ok(brood_pool_apply(pool, look_for_marks, in, size, NULL, 0, NULL));
    end_pool(pool);
    free(in);
}

static void assert_large_value(size_t size)
{
    unsigned char *out = new_large(size);
    brood_pool *pool = pool_of(1);

    assert_ok(brood_pool_apply(pool, return_marks, &size, sizeof size, out, size, NULL));
    assert_true(has_marks(out, size));
    end_pool(pool);
    free(out);
}

static void l11_1_gib(void **state)
{
    (void)state;
    need_memory(4 * GIB);
    assert_large_argument(GIB);
    assert_large_value(GIB);
}

static void l11_argument_of_more_than_4_gib(void **state)
{
    (void)state;
    need_memory(6 * GIB);
    assert_large_argument(4 * GIB + 3);
}

static void l11_value_of_more_than_4_gib(void **state)
{
    (void)state;
    need_memory(10 * GIB);
    assert_large_value(4 * GIB + 3);
}

/* ---- L11: items of different sizes ------------------------------------------------------- */

#define VARYING 2000

/* Most are small; a few are larger than the ring. */
static size_t size_of_item(size_t i)
{
    return i % 500 == 499 ? RING_LARGE + i : i % 50 == 49 ? 10000 + i : i % 7;
}

static void new_items(brood_bytes *items)
{
    for (size_t i = 0; i < VARYING; i++) {
        items[i].size = size_of_item(i);
        items[i].data = items[i].size > 0 ? new_data(items[i].size, i) : NULL;
    }
}

static void free_items(const brood_bytes *items)
{
    for (size_t i = 0; i < VARYING; i++) {
        free((void *)(uintptr_t)items[i].data);
    }
}

static void l11_sizes_that_vary_in_and_out(void **state)
{
    static const size_t chunks[] = {0, 1, 3, VARYING, 2 * VARYING};
    brood_pool *pool = pool_of(2);
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_bytes items[VARYING];
    brood_output outputs[VARYING];

    (void)state;
    new_items(items);
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        options.chunk_size = chunks[i];
        memset(outputs, 0, sizeof outputs);
        assert_ok(brood_pool_map(pool, task_echo, items, VARYING, BROOD_SIZE_VARIES, outputs,
                                 BROOD_SIZE_VARIES, &options));
        for (size_t k = 0; k < VARYING; k++) {
            assert_int_equal(outputs[k].size, items[k].size);
            assert_memory_equal(outputs[k].data == NULL ? "" : outputs[k].data,
                                items[k].data == NULL ? "" : items[k].data, items[k].size);
            brood_free(outputs[k].data);
        }
    }
    free_items(items);
    assert_null(brood_pool_destroy(pool));
}

/* Values of their own sizes for items of one size, and the other way round. */
static int return_so_many(brood_task *task, const void *arg, size_t size)
{
    unsigned char *value = NULL;
    size_t wanted = 0;

    if (size != sizeof wanted) {
        return 1;
    }
    memcpy(&wanted, arg, size);
    value = brood_return_buffer(task, wanted);
    if (value == NULL) {
        return 2;
    }
    fill(value, wanted, wanted);
    return 0;
}

static int return_size(brood_task *task, const void *arg, size_t size)
{
    if ((uintptr_t)arg % 16 != 0) {
        return 1;
    }
    return brood_return(task, &size, sizeof size);
}

static void l11_sizes_that_vary_in_or_out(void **state)
{
    brood_pool *pool = pool_of(2);
    brood_bytes items[VARYING];
    brood_output outputs[VARYING] = {{NULL, 0}};
    size_t sizes[VARYING];

    (void)state;
    new_items(items);
    assert_ok(brood_pool_map(pool, return_size, items, VARYING, BROOD_SIZE_VARIES, sizes,
                             sizeof sizes[0], NULL));
    for (size_t i = 0; i < VARYING; i++) {
        assert_int_equal(sizes[i], items[i].size);
    }
    assert_ok(brood_pool_map(pool, return_so_many, sizes, VARYING, sizeof sizes[0], outputs,
                             BROOD_SIZE_VARIES, NULL));
    for (size_t i = 0; i < VARYING; i++) {
        unsigned char *expected = new_data(sizes[i], sizes[i]);

        assert_int_equal(outputs[i].size, sizes[i]);
        assert_memory_equal(outputs[i].data == NULL ? "" : outputs[i].data, expected, sizes[i]);
        brood_free(outputs[i].data);
        free(expected);
    }
    free_items(items);
    assert_null(brood_pool_destroy(pool));
}

/* ---- L12 --------------------------------------------------------------------------------- */

/* The worker cannot get rid of a value before the pool, which is busy with arguments, takes it. */
static void l12_both_write_at_once(void **state)
{
    enum {
        COUNT = 12
    };
    brood_pool *pool = pool_of(1);
    brood_result *results[COUNT];
    unsigned char *in = new_data(3 * MIB, 1);
    const void *data = NULL;
    size_t size = 0;

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        assert_ok(
            brood_pool_apply_async(pool, &results[i], task_echo, in, 3 * MIB - (size_t)i, NULL));
    }
    for (int i = COUNT - 1; i >= 0; i--) {
        assert_ok(brood_result_get(results[i], &data, &size, SOON_MS));
        assert_int_equal(size, 3 * MIB - (size_t)i);
        assert_memory_equal(data, in, size);
        brood_result_destroy(results[i]);
    }
    free(in);
    assert_null(brood_pool_destroy(pool));
}

static void l12_a_map_of_large_items_and_values(void **state)
{
    enum {
        COUNT = 24
    };
    brood_pool *pool = pool_of(2);
    unsigned char *in = new_data(COUNT * MIB, 1);
    unsigned char *out = calloc(COUNT, MIB);

    (void)state;
    assert_ok(brood_pool_map(pool, task_echo, in, COUNT, MIB, out, MIB, NULL));
    assert_memory_equal(in, out, COUNT * MIB);
    free(in);
    free(out);
    assert_null(brood_pool_destroy(pool));
}

/* Nobody waits: the pool's own thread does both. */
static void l12_nobody_waits(void **state)
{
    brood_pool *pool = pool_of(1);
    unsigned char *in = new_data(5 * MIB, 1);

    (void)state;
    for (int i = 0; i < 6; i++) {
        assert_ok(brood_pool_apply_async(pool, NULL, task_echo, in, 5 * MIB, NULL));
    }
    free(in);
    assert_ok(brood_pool_close(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_null(brood_pool_destroy(pool));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(l11_no_bytes),
    cmocka_unit_test(l11_about_64_kib),
    cmocka_unit_test(l11_about_the_ring),
    cmocka_unit_test(l11_about_the_small_ring),
    cmocka_unit_test(l11_maps_of_items_about_the_ring),
    cmocka_unit_test(l11_1_gib),
    cmocka_unit_test(l11_argument_of_more_than_4_gib),
    cmocka_unit_test(l11_value_of_more_than_4_gib),
    cmocka_unit_test(l11_sizes_that_vary_in_and_out),
    cmocka_unit_test(l11_sizes_that_vary_in_or_out),
    cmocka_unit_test(l12_both_write_at_once),
    cmocka_unit_test(l12_a_map_of_large_items_and_values),
    cmocka_unit_test(l12_nobody_waits),
};

BROOD_TEST_MAIN(tests)
