/* Arrays and ranges in shared memory, how long it lives, and what a task can ask about itself. */
#include "pool_tools.h"

#include <stdlib.h>

#include <brood/brood.h>

#define COUNT 5000

static int64_t *new_shared(brood_shared **shared, size_t count)
{
    assert_ok(brood_shared_create(shared, count * sizeof(int64_t), NULL));
    assert_int_equal(brood_shared_size(*shared), count * sizeof(int64_t));
    return brood_shared_data(*shared);
}

static void count_up(int64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        numbers[i] = (int64_t)i + 1;
    }
}

static void assert_squares(const int64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(numbers[i], (int64_t)(i + 1) * (int64_t)(i + 1));
    }
}

/* ---- arrays ------------------------------------------------------------------------------ */

/* In, out, both in two, both in one; each after the other, with the same workers. */
static void arrays_in_shared_memory(void **state)
{
    brood_pool *pool = pool_of(3);
    brood_shared *shared[3];
    int64_t *in = new_shared(&shared[0], COUNT);
    int64_t *out = new_shared(&shared[1], COUNT);
    int64_t *both = new_shared(&shared[2], 2 * COUNT);
    int64_t own[COUNT];

    (void)state;
    count_up(own, COUNT);
    memcpy(in, own, sizeof own);
    memcpy(both, own, sizeof own);
    assert_ok(brood_pool_map(pool, task_square, own, COUNT, 8, out, 8, NULL));
    assert_squares(out, COUNT);
    memset(out, 0, sizeof own);
    assert_ok(brood_pool_map(pool, task_square, in, COUNT, 8, own, 8, NULL));
    assert_squares(own, COUNT);
    assert_ok(brood_pool_map(pool, task_square, in, COUNT, 8, out, 8, NULL));
    assert_squares(out, COUNT);
    assert_ok(brood_pool_map(pool, task_square, both, COUNT, 8, both + COUNT, 8, NULL));
    assert_squares(both + COUNT, COUNT);
    assert_ok(brood_pool_map(pool, task_square, both, COUNT, 8, both, 8, NULL));
    assert_squares(both, COUNT);
    for (int i = 0; i < 3; i++) {
        assert_null(brood_shared_destroy(shared[i]));
    }
    assert_null(brood_pool_destroy(pool));
}

/* A part of the memory, which begins and ends anywhere in it. */
static void parts_of_shared_memory(void **state)
{
    static const size_t parts[][2] = {{0, 1}, {1, 1}, {513, 1000}, {COUNT - 1, 1}, {7, COUNT - 7}};
    brood_pool *pool = pool_of(2);
    brood_shared *shared[2];
    int64_t *in = new_shared(&shared[0], COUNT);
    int64_t *out = new_shared(&shared[1], COUNT);

    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        size_t first = parts[i][0];
        size_t count = parts[i][1];

        memset(out, 0, COUNT * sizeof *out);
        count_up(in + first, count);
        assert_ok(brood_pool_map(pool, task_square, in + first, count, 8, out + first, 8, NULL));
        assert_squares(out + first, count);
        for (size_t k = 0; k < COUNT; k++) {
            assert_true(out[k] == 0 || (k >= first && k < first + count));
        }
    }
    brood_shared_destroy(shared[0]);
    brood_shared_destroy(shared[1]);
    assert_null(brood_pool_destroy(pool));
}

static int write_large(brood_task *task, const void *arg, size_t size)
{
    unsigned char *value = brood_return_buffer(task, size);

    if (value == NULL) {
        return 5;
    }
    for (size_t i = 0; i < size; i++) {
        value[i] = (unsigned char)(((const unsigned char *)arg)[i] + 1);
    }
    return 0;
}

/* Larger than the rings, in place on both sides. */
static void large_items_in_shared_memory(void **state)
{
    enum {
        ITEM = 1024 * 1024 + 16,
        ITEMS = 10
    };
    brood_pool *pool = pool_of(2);
    brood_shared *shared = NULL;
    unsigned char *all = NULL;

    (void)state;
    assert_ok(brood_shared_create(&shared, (size_t)2 * ITEM * ITEMS, NULL));
    all = brood_shared_data(shared);
    for (size_t i = 0; i < (size_t)ITEM * ITEMS; i++) {
        all[i] = (unsigned char)(i / 1000);
    }
    assert_ok(brood_pool_map(pool, write_large, all, ITEMS, ITEM, all + (size_t)ITEM * ITEMS, ITEM,
                             NULL));
    for (size_t i = 0; i < (size_t)ITEM * ITEMS; i++) {
        if (all[(size_t)ITEM * ITEMS + i] != (unsigned char)(i / 1000 + 1)) {
            fail_msg("byte %u is wrong", (unsigned)i);
        }
    }
    brood_shared_destroy(shared);
    assert_null(brood_pool_destroy(pool));
}

/* ---- ranges ------------------------------------------------------------------------------ */

typedef struct factors {
    int64_t factor, summand;
} factors;

static int calculate(brood_task *task, uint64_t begin, uint64_t end, const void *context,
                     size_t size)
{
    const factors *by = context;
    const int64_t *in = brood_task_shared(task, 0, NULL);
    int64_t *out = brood_task_shared(task, 1, NULL);

    if (size != sizeof *by || in == NULL || out == NULL || brood_task_index(task) != begin) {
        return brood_task_fail(task, 7, "index %u", (unsigned)brood_task_index(task));
    }
    if (brood_return(task, &size, sizeof size) == 0) {
        return 8; /* a range has no value */
    }
    for (uint64_t i = begin; i < end; i++) {
        out[i] = in[i] * by->factor + by->summand;
    }
    return 0;
}

static void ranges_with_contexts_and_shared_memory(void **state)
{
    brood_pool *pool = pool_of(3);
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_failure failure = BROOD_FAILURE_INIT;
    brood_shared *shared[2];
    int64_t *in = new_shared(&shared[0], COUNT);
    int64_t *out = new_shared(&shared[1], COUNT);

    (void)state;
    count_up(in, COUNT);
    options.shared = shared;
    options.shared_count = 2;
    options.failure = &failure;
    for (int64_t round = 0; round < 20; round++) {
        factors by = {round, -round};
        brood_status status =
            brood_pool_for(pool, calculate, 100, COUNT - 100, &by, sizeof by, &options);

        if (status != BROOD_OK) {
            fail_msg("%s: code %d, %s", brood_status_name(status), (int)failure.task_code,
                     failure.message);
        }
        assert_int_equal(out[99], 0);
        assert_int_equal(out[COUNT - 100], 0);
        for (size_t i = 100; i < COUNT - 100; i++) {
            assert_int_equal(out[i], in[i] * round - round);
        }
    }
    brood_shared_destroy(shared[0]);
    brood_shared_destroy(shared[1]);
    assert_null(brood_pool_destroy(pool));
}

/* ---- how long it lives ------------------------------------------------------------------- */

static int write_late(brood_task *task, const void *arg, size_t size)
{
    int64_t *shared = brood_task_shared(task, 0, NULL);

    gate_stop(task);
    shared[0]++;
    return brood_return(task, &shared[0], sizeof shared[0]) + (arg == NULL && size == 0 ? 0 : 1);
}

/* Tasks keep what they were submitted with: those that run, and those that wait. */
static void destroyed_before_its_tasks_are_done(void **state)
{
    enum {
        TASKS = 6
    };
    pool_gate gate;
    brood_pool *pool = pool_with_gate(1, &gate);
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_shared *shared = NULL;
    brood_result *results[TASKS];
    const void *data = NULL;

    (void)state;
    new_shared(&shared, 10)[0] = 41;
    options.shared = &shared;
    options.shared_count = 1;
    for (int i = 0; i < TASKS; i++) {
        assert_ok(brood_pool_apply_async(pool, &results[i], write_late, NULL, 0, &options));
    }
    gate_await(&gate, 1);
    shared = brood_shared_destroy(shared);
    gate_open(&gate);
    for (int64_t i = 0; i < TASKS; i++) {
        assert_ok(brood_result_get(results[i], &data, NULL, SOON_MS));
        assert_int_equal(*(const int64_t *)data, 42 + i);
        brood_result_destroy(results[i]);
    }
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

static void a_map_keeps_its_arrays(void **state)
{
    pool_gate gate;
    brood_pool *pool = pool_with_gate(1, &gate);
    brood_shared *shared = NULL;
    brood_result *result = NULL;
    int64_t *in = new_shared(&shared, 4);
    int64_t out[4] = {0};

    (void)state;
    count_up(in, 4);
    assert_ok(brood_pool_map_async(pool, &result, task_gated, in, 4, 8, out, 8, NULL));
    gate_await(&gate, 1);
    assert_null(brood_shared_destroy(shared));
    gate_open(&gate);
    assert_ok(brood_result_get(result, NULL, NULL, SOON_MS));
    for (int64_t i = 0; i < 4; i++) {
        assert_int_equal(out[i], i + 1);
    }
    brood_result_destroy(result);
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

/* It outlives pools, and one after the other may use it. */
static void destroyed_after_its_pools(void **state)
{
    brood_shared *shared = NULL;
    int64_t *numbers = new_shared(&shared, COUNT);

    (void)state;
    count_up(numbers, COUNT);
    for (int i = 0; i < 2; i++) {
        brood_pool *pool = pool_of(2);

        assert_ok(brood_pool_map(pool, task_square, numbers, COUNT, 8, numbers, 8, NULL));
        assert_null(brood_pool_destroy(pool));
    }
    assert_int_equal(numbers[1], 16);
    assert_null(brood_shared_destroy(shared));
    assert_null(brood_shared_destroy(NULL));
}

/* ---- many of them ------------------------------------------------------------------------ */

static int sum_of_all(brood_task *task, const void *arg, size_t size)
{
    int64_t sum = 0;
    size_t count = 0;

    (void)arg;
    (void)size;
    for (const int64_t *one = brood_task_shared(task, 0, &size); one != NULL;
         one = brood_task_shared(task, ++count, &size)) {
        sum += *one + (int64_t)size;
    }
    return brood_return(task, &sum, sizeof sum) + (size == 0 ? 0 : 1);
}

static void as_many_as_a_task_may_have(void **state)
{
    brood_pool *pool = pool_of(2);
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_shared *shared[65];
    int64_t expected = 0;
    int64_t sum = 0;

    (void)state;
    for (int64_t i = 0; i < 65; i++) {
        *new_shared(&shared[i], (size_t)i + 1) = i * i;
        expected += i < 64 ? i * i + 8 * (i + 1) : 0;
    }
    options.shared = shared;
    options.shared_count = 64;
    for (int i = 0; i < 10; i++) {
        assert_ok(brood_pool_apply(pool, sum_of_all, NULL, 0, &sum, sizeof sum, &options));
        assert_int_equal(sum, expected);
    }
    options.shared_count = 65;
    assert_status(brood_pool_apply(pool, sum_of_all, NULL, 0, &sum, sizeof sum, &options),
                  BROOD_ERR_ARGUMENT);
    for (int i = 0; i < 65; i++) {
        brood_shared_destroy(shared[i]);
    }
    assert_null(brood_pool_destroy(pool));
}

/* More handles are on their way to a worker than its channel holds, while it is busy. */
static void more_than_a_channel_holds(void **state)
{
    enum {
        SETS = 12
    };
    pool_gate gate;
    brood_pool *pool = pool_with_gate(1, &gate);
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_shared *shared[SETS][64];
    brood_result *results[SETS];
    brood_result *first = NULL;
    const void *data = NULL;

    (void)state;
    if (!support_need_handles(2 * SETS * 64 + 100)) {
        harness_skip("the system does not allow so many descriptors");
    }
    assert_ok(brood_pool_apply_async(pool, &first, task_gated, NULL, 0, NULL));
    gate_await(&gate, 1);
    options.shared_count = 64;
    for (int64_t i = 0; i < SETS; i++) {
        for (int k = 0; k < 64; k++) {
            *new_shared(&shared[i][k], 1) = i;
        }
        options.shared = shared[i];
        assert_ok(brood_pool_apply_async(pool, &results[i], sum_of_all, NULL, 0, &options));
    }
    gate_open(&gate);
    for (int64_t i = 0; i < SETS; i++) {
        assert_ok(brood_result_get(results[i], &data, NULL, SOON_MS));
        assert_int_equal(*(const int64_t *)data, 64 * (i + 8));
        brood_result_destroy(results[i]);
        for (int k = 0; k < 64; k++) {
            brood_shared_destroy(shared[i][k]);
        }
    }
    brood_result_destroy(first);
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

static int count_open(brood_task *task, const void *arg, size_t size)
{
    int count = support_count_open();

    (void)arg;
    (void)size;
    return brood_return(task, &count, sizeof count);
}

/* A worker forgets what the program has destroyed. */
static void one_after_the_other(void **state)
{
    brood_pool *pool = pool_of(1);
    int before = 0;
    int after = 0;

    (void)state;
    for (int64_t i = 0; i < 1000; i++) {
        brood_task_options options = BROOD_TASK_OPTIONS_INIT;
        brood_shared *shared = NULL;
        int64_t sum = 0;

        *new_shared(&shared, 20000) = i;
        options.shared = &shared;
        options.shared_count = 1;
        assert_ok(brood_pool_apply(pool, sum_of_all, NULL, 0, &sum, sizeof sum, &options));
        assert_int_equal(sum, i + 160000);
        brood_shared_destroy(shared);
        if (i == 10) {
            assert_ok(brood_pool_apply(pool, count_open, NULL, 0, &before, sizeof before, NULL));
        }
    }
    assert_ok(brood_pool_apply(pool, count_open, NULL, 0, &after, sizeof after, NULL));
    assert_true(after < before + 10); /* the worker's own threads may have opened something */
    assert_null(brood_pool_destroy(pool));
}

/* ---- what a task can ask ----------------------------------------------------------------- */

typedef struct about {
    uint64_t index;
    uint32_t attempt;
    bool has_name, has_tag, has_no_more, is_cancelled;
    size_t shared_size, handles;
} about;

static int tell_about(brood_task *task, const void *arg, size_t size)
{
    about is = {.index = brood_task_index(task), .attempt = brood_task_attempt(task)};

    is.has_name = strncmp(brood_task_name(task), "asked-", 6) == 0;
    is.has_tag = size == 0 ? brood_task_tag(task)[0] == '\0'
                           : strcmp(brood_task_tag(task), (const char *)arg) == 0;
    is.has_no_more =
        brood_task_shared(task, 1, NULL) == NULL && brood_task_shared(task, SIZE_MAX, NULL) == NULL;
    brood_task_shared(task, 0, &is.shared_size);
    is.is_cancelled = brood_task_cancelled(task);
    is.handles = brood_task_handle_count(task);
    return brood_return(task, &is, sizeof is);
}

static void assert_about(const about *is, uint64_t index, size_t shared_size)
{
    assert_int_equal(is->index, index);
    assert_int_equal(is->attempt, 1);
    assert_true(is->has_name && is->has_tag && is->has_no_more);
    assert_false(is->is_cancelled);
    assert_int_equal(is->shared_size, shared_size);
    assert_int_equal(is->handles, 0);
}

static void what_a_task_can_ask(void **state)
{
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_pool *pool = NULL;
    brood_shared *shared = NULL;
    about all[300];

    (void)state;
    pool_options.workers = 2;
    pool_options.name = "asked";
    assert_ok(brood_pool_create(&pool, &pool_options));
    assert_ok(brood_shared_create(&shared, 12345, NULL));
    assert_ok(brood_pool_apply(pool, tell_about, NULL, 0, &all[0], sizeof all[0], NULL));
    assert_about(&all[0], 0, 0);
    options.tag = "to be seen";
    options.shared = &shared;
    options.shared_count = 1;
    assert_ok(
        brood_pool_apply(pool, tell_about, options.tag, 11, &all[0], sizeof all[0], &options));
    assert_about(&all[0], 0, 12345);
    assert_ok(brood_pool_map(pool, tell_about, NULL, 300, 0, all, sizeof all[0], NULL));
    for (uint64_t i = 0; i < 300; i++) {
        assert_about(&all[i], i, 0);
    }
    brood_shared_destroy(shared);
    assert_null(brood_pool_destroy(pool));
}

static int crash_twice(brood_task *task, const void *arg, size_t size)
{
    uint32_t attempt = brood_task_attempt(task);

    (void)arg;
    (void)size;
    if (brood_task_index(task) == 5 && attempt < 3) {
        support_kill_self();
    }
    return brood_return(task, &attempt, sizeof attempt);
}

static void which_attempt_it_is(void **state)
{
    brood_pool *pool = pool_of(2);
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    uint32_t attempts[20];

    (void)state;
    options.retries = 2;
    assert_ok(
        brood_pool_map(pool, crash_twice, NULL, 20, 0, attempts, sizeof attempts[0], &options));
    for (int i = 0; i < 20; i++) {
        assert_int_equal(attempts[i], i == 5 ? 3 : 1);
    }
    assert_null(brood_pool_destroy(pool));
}

/* ---- without room for it --------------------------------------------------------------------- */

#define LIMIT_BYTES ((uint64_t)384 << 20)
#define LARGE_COUNT ((size_t)LIMIT_BYTES / 8) /* more than the worker can have beside itself */

/* Tasks that name memory which their worker cannot map fail; the worker, and the pool, go on. */
static void memory_that_a_worker_cannot_map(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_process_options process = BROOD_PROCESS_OPTIONS_INIT;
    brood_task_options with_shared = BROOD_TASK_OPTIONS_INIT;
    brood_failure failure = BROOD_FAILURE_INIT;
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    brood_pool *pool = NULL;
    brood_shared *shared = NULL;
    int64_t *numbers = NULL;
    int64_t number = 3;
    int64_t square = 0;

    (void)state;
#if defined(_WIN32)
    harness_skip("Windows does not count mapped memory");
#endif
    if (support_is_sanitized()) {
        harness_skip("sanitizers need more than any limit");
    }
    numbers = new_shared(&shared, LARGE_COUNT);
    process.memory_limit_bytes = LIMIT_BYTES;
    options.process = &process;
    options.workers = 1;
    assert_ok(brood_pool_create(&pool, &options));
    with_shared.shared = &shared;
    with_shared.shared_count = 1;
    with_shared.failure = &failure;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(brood_pool_apply(pool, task_square, &number, 8, &square, 8, &with_shared),
                         BROOD_ERR_NO_MEMORY);
        assert_true(strlen(failure.message) > 0);
        assert_int_equal(brood_pool_map(pool, task_square, numbers, 100, 8, numbers, 8, NULL),
                         BROOD_ERR_NO_MEMORY);
        assert_ok(brood_pool_apply(pool, task_square, &number, 8, &square, 8, NULL));
        assert_int_equal(square, 9);
    }
    assert_null(brood_shared_destroy(shared));
    assert_ok(brood_pool_apply(pool, task_square, &number, 8, &square, 8, NULL));
    assert_ok(brood_pool_get_stats(pool, &stats));
    assert_int_equal(stats.started, 1);
    end_pool(pool);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(arrays_in_shared_memory),
    cmocka_unit_test(parts_of_shared_memory),
    cmocka_unit_test(large_items_in_shared_memory),
    cmocka_unit_test(ranges_with_contexts_and_shared_memory),
    cmocka_unit_test(destroyed_before_its_tasks_are_done),
    cmocka_unit_test(a_map_keeps_its_arrays),
    cmocka_unit_test(destroyed_after_its_pools),
    cmocka_unit_test(as_many_as_a_task_may_have),
    cmocka_unit_test(more_than_a_channel_holds),
    cmocka_unit_test(one_after_the_other),
    cmocka_unit_test(what_a_task_can_ask),
    cmocka_unit_test(which_attempt_it_is),
    cmocka_unit_test(memory_that_a_worker_cannot_map),
};

BROOD_TEST_MAIN(tests)
