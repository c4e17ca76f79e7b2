/* L1, L2: maps of few items and of many, in chunks of any size; L7: results that are not yet there. */
#include "pool_tools.h"

#include <stdlib.h>
#include <time.h>

#include <brood/brood.h>

/* ---- L1 ---------------------------------------------------------------------------------- */

/* Maps the first count numbers to their squares, and looks at each. */
static void assert_squares(brood_pool *pool, size_t count, const brood_task_options *options)
{
    int64_t *in = malloc((count + 1) * sizeof *in);
    int64_t *out = calloc(count + 1, sizeof *out);

    for (size_t i = 0; i < count; i++) {
        in[i] = (int64_t)i + 1;
    }
    out[count] = -1;
    assert_ok(brood_pool_map(pool, task_square, in, count, sizeof *in, out, sizeof *out, options));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(out[i], in[i] * in[i]);
    }
    assert_int_equal(out[count], -1);
    free(in);
    free(out);
}

static void l1_map_of_nothing(void **state)
{
    brood_pool *pool = pool_of(2);
    brood_result *result = NULL;
    const void *data = "";
    size_t size = 1;
    int64_t out = 7;

    (void)state;
    assert_ok(brood_pool_map(pool, task_square, NULL, 0, sizeof out, &out, sizeof out, NULL));
    assert_ok(brood_pool_map(pool, task_square, NULL, 0, 0, NULL, 0, NULL));
    assert_ok(brood_pool_map(pool, task_square, NULL, 0, BROOD_SIZE_VARIES, &out, BROOD_SIZE_VARIES,
                             NULL));
    assert_ok(brood_pool_map_async(pool, &result, task_square, NULL, 0, sizeof out, &out,
                                   sizeof out, NULL));
    assert_true(brood_result_ready(result));
    assert_true(brood_result_successful(result));
    assert_ok(brood_result_get(result, &data, &size, 0));
    assert_null(data);
    assert_int_equal(size, 0);
    assert_status(brood_result_item(result, 0, NULL, NULL, NULL, 0), BROOD_ERR_ARGUMENT);
    assert_status(brood_result_cancel(result), BROOD_ERR_STATE);
    assert_null(brood_result_destroy(result));
    assert_int_equal(out, 7);
    assert_null(brood_pool_destroy(pool));
}

static int range_never(brood_task *task, uint64_t begin, uint64_t end, const void *context,
                       size_t size)
{
    (void)task;
    (void)begin;
    (void)end;
    (void)context;
    (void)size;
    return 1;
}

static void l1_range_of_nothing(void **state)
{
    brood_pool *pool = pool_of(1);

    (void)state;
    assert_ok(brood_pool_for(pool, range_never, 0, 0, NULL, 0, NULL));
    assert_ok(brood_pool_for(pool, range_never, 7, 7, NULL, 0, NULL));
    assert_ok(brood_pool_for(pool, range_never, 7, 3, NULL, 0, NULL));
    assert_null(brood_pool_destroy(pool));
}

static void l1_map_of_one(void **state)
{
    brood_pool *pool = pool_of(3);

    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_squares(pool, 1, NULL);
    }
    assert_null(brood_pool_destroy(pool));
}

static void l1_fewer_items_than_workers(void **state)
{
    brood_pool *pool = pool_of(6);

    (void)state;
    for (size_t count = 2; count < 6; count++) {
        assert_squares(pool, count, NULL);
    }
    assert_null(brood_pool_destroy(pool));
}

static void l1_as_many_items_as_workers(void **state)
{
    brood_pool *pool = pool_of(6);

    (void)state;
    assert_squares(pool, 6, NULL);
    assert_squares(pool, 7, NULL);
    assert_null(brood_pool_destroy(pool));
}

/* As many items as workers run all at the same time: each waits for all others at the gate. */
static void l1_each_worker_gets_one(void **state)
{
    enum {
        COUNT = 4
    };
    pool_gate gate;
    brood_pool *pool = pool_with_gate(COUNT, &gate);
    brood_result *result = NULL;
    int64_t in[COUNT] = {5, 6, 7, 8};
    int64_t out[COUNT] = {0};

    (void)state;
    assert_ok(brood_pool_map_async(pool, &result, task_gated, in, COUNT, sizeof in[0], out,
                                   sizeof out[0], NULL));
    gate_await(&gate, COUNT);
    assert_false(brood_result_ready(result));
    gate_open(&gate);
    assert_ok(brood_result_get(result, NULL, NULL, SOON_MS));
    assert_memory_equal(in, out, sizeof in);
    brood_result_destroy(result);
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

/* ---- L2 ---------------------------------------------------------------------------------- */

#define CHUNKED 1000

static const size_t chunk_sizes[] = {
    0, 1, 2, 7, CHUNKED - 1, CHUNKED, CHUNKED + 1, 10 * CHUNKED, SIZE_MAX / 2, SIZE_MAX};
#define CHUNK_SIZES (sizeof chunk_sizes / sizeof chunk_sizes[0])

static void l2_chunks_of_any_size(void **state)
{
    brood_pool *pool = pool_of(3);
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;

    (void)state;
    for (size_t i = 0; i < CHUNK_SIZES; i++) {
        options.chunk_size = chunk_sizes[i];
        assert_squares(pool, CHUNKED, &options);
        assert_squares(pool, 1, &options);
        assert_squares(pool, 0, &options);
    }
    assert_null(brood_pool_destroy(pool));
}

static int tell_pid(brood_task *task, const void *arg, size_t size)
{
    int64_t pid = support_pid();

    (void)arg;
    (void)size;
    return brood_return(task, &pid, sizeof pid);
}

/* The items of a chunk stay together. */
static void l2_a_chunk_goes_to_one_worker(void **state)
{
    brood_pool *pool = pool_of(3);
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    int64_t pids[CHUNKED];

    (void)state;
    options.chunk_size = 7;
    assert_ok(brood_pool_map(pool, tell_pid, NULL, CHUNKED, 0, pids, sizeof pids[0], &options));
    for (size_t i = 0; i < CHUNKED; i++) {
        assert_int_equal(pids[i], pids[i - i % 7]);
    }
    options.chunk_size = CHUNKED;
    assert_ok(brood_pool_map(pool, tell_pid, NULL, CHUNKED, 0, pids, sizeof pids[0], &options));
    for (size_t i = 0; i < CHUNKED; i++) {
        assert_int_equal(pids[i], pids[0]);
    }
    assert_null(brood_pool_destroy(pool));
}

/* Notes at its beginning how long a part is. */
static int note_part(brood_task *task, uint64_t begin, uint64_t end, const void *context,
                     size_t size)
{
    uint64_t *parts = brood_task_shared(task, 0, NULL);
    uint64_t first = 0;

    if (size != sizeof first || end <= begin) {
        return 1;
    }
    memcpy(&first, context, sizeof first);
    parts[begin - first] += end - begin;
    return 0;
}

/* The parts lie end to end; none is longer than max (0: any). */
static void assert_parts(const uint64_t *parts, uint64_t count, uint64_t max)
{
    uint64_t at = 0;

    while (at < count) {
        assert_true(parts[at] > 0 && parts[at] <= count - at);
        assert_true(max == 0 || parts[at] == max || at + parts[at] == count);
        for (uint64_t i = 1; i < parts[at]; i++) {
            assert_int_equal(parts[at + i], 0);
        }
        at += parts[at];
    }
}

static void l2_ranges_in_parts_of_any_size(void **state)
{
    static const uint64_t begins[] = {0, 1000, UINT64_MAX - CHUNKED};
    brood_pool *pool = pool_of(3);
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_shared *shared = NULL;

    (void)state;
    assert_ok(brood_shared_create(&shared, CHUNKED * sizeof(uint64_t), NULL));
    options.shared = &shared;
    options.shared_count = 1;
    for (size_t i = 0; i < CHUNK_SIZES * 3; i++) {
        uint64_t begin = begins[i % 3];

        options.chunk_size = chunk_sizes[i / 3];
        memset(brood_shared_data(shared), 0, brood_shared_size(shared));
        assert_ok(brood_pool_for(pool, note_part, begin, begin + CHUNKED, &begin, sizeof begin,
                                 &options));
        assert_parts(brood_shared_data(shared), CHUNKED, options.chunk_size);
    }
    brood_shared_destroy(shared);
    assert_null(brood_pool_destroy(pool));
}

static int count_run(brood_task *task, const void *arg, size_t size)
{
    unsigned char *runs = brood_task_shared(task, 0, NULL);

    (void)arg;
    (void)size;
    runs[brood_task_index(task)]++;
    return 0;
}

/* None twice, none not at all; also where workers give up work to others. */
static void l2_each_item_runs_once(void **state)
{
    enum {
        COUNT = 5000
    };
    brood_pool *pool = pool_of(4);
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_shared *shared = NULL;
    const unsigned char *runs = NULL;

    (void)state;
    assert_ok(brood_shared_create(&shared, COUNT, NULL));
    runs = brood_shared_data(shared);
    options.shared = &shared;
    options.shared_count = 1;
    for (int round = 0; round < 10; round++) {
        options.chunk_size = (size_t)round;
        assert_ok(brood_pool_map(pool, count_run, NULL, COUNT, 0, NULL, 0, &options));
        for (size_t i = 0; i < COUNT; i++) {
            assert_int_equal(runs[i], round + 1);
        }
    }
    brood_shared_destroy(shared);
    assert_null(brood_pool_destroy(pool));
}

/* Some items take much longer than others. */
static int count_slowly(brood_task *task, const void *arg, size_t size)
{
    clock_t end = clock() + CLOCKS_PER_SEC / 2000;

    while (brood_task_index(task) % 16 == 0 && clock() < end) {
    }
    return count_run(task, arg, size);
}

/* What waits behind a long item goes to idle workers, again and again; nothing runs twice. */
static void l2_what_is_given_away_runs_once(void **state)
{
    enum {
        COUNT = 3000
    };
    brood_pool *pool = pool_of(3);
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_shared *shared = NULL;
    const unsigned char *runs = NULL;

    (void)state;
    assert_ok(brood_shared_create(&shared, COUNT, NULL));
    runs = brood_shared_data(shared);
    options.shared = &shared;
    options.shared_count = 1;
    options.chunk_size = 1;
    for (int round = 0; round < 3; round++) {
        assert_ok(brood_pool_map(pool, count_slowly, NULL, COUNT, 0, NULL, 0, &options));
        for (size_t i = 0; i < COUNT; i++) {
            assert_int_equal(runs[i], round + 1);
        }
    }
    brood_shared_destroy(shared);
    assert_null(brood_pool_destroy(pool));
}

/* ---- items that fail --------------------------------------------------------------------- */

static int fail_every_third(brood_task *task, const void *arg, size_t size)
{
    return brood_task_index(task) % 3 == 1 ? task_fail(task, arg, size)
                                           : task_square(task, arg, size);
}

static void assert_thirds(brood_result *result, const int64_t *in, const int64_t *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        brood_failure failure = BROOD_FAILURE_INIT;
        const void *data = NULL;
        size_t size = 1;
        brood_status status = brood_result_item(result, i, &data, &size, &failure, SOON_MS);

        if (i % 3 == 1) {
            assert_status(status, BROOD_ERR_TASK);
            assert_null(data);
            assert_int_equal(size, 0);
            assert_int_equal(failure.index, i);
            assert_int_equal(failure.task_code, 3);
            assert_int_equal(out[i], -1);
        } else {
            assert_ok(status);
            assert_ptr_equal(data, &out[i]);
            assert_int_equal(out[i], in[i] * in[i]);
        }
    }
}

static void failed_items_leave_their_places(void **state)
{
    enum {
        COUNT = 1000
    };
    brood_pool *pool = pool_of(2);
    brood_failure failure = BROOD_FAILURE_INIT;
    brood_result *result = NULL;
    int64_t in[COUNT];
    int64_t out[COUNT];

    (void)state;
    for (int64_t i = 0; i < COUNT; i++) {
        in[i] = i;
        out[i] = -1;
    }
    assert_ok(brood_pool_map_async(pool, &result, fail_every_third, in, COUNT, sizeof in[0], out,
                                   sizeof out[0], NULL));
    assert_status(brood_result_get(result, NULL, NULL, SOON_MS), BROOD_ERR_TASK);
    assert_false(brood_result_successful(result));
    assert_int_equal(brood_result_failed_count(result), COUNT / 3);
    assert_ok(brood_result_failure(result, &failure));
    assert_int_equal(failure.index, 1);
    assert_string_equal(failure.message, "item 1 does not want to");
    assert_thirds(result, in, out, COUNT);
    brood_result_destroy(result);
    assert_null(brood_pool_destroy(pool));
}

static int gate_at_one(brood_task *task, const void *arg, size_t size)
{
    return brood_task_index(task) == 1 ? task_gated(task, arg, size) : task_echo(task, arg, size);
}

/* The waiter is told when the item is there, and not only when all of them are. */
static void an_item_can_be_had_while_others_run(void **state)
{
    pool_gate gate;
    brood_pool *pool = pool_with_gate(2, &gate);
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_result *result = NULL;
    int64_t in[3] = {10, 11, 12};
    int64_t out[3] = {0};
    const void *data = NULL;
    size_t size = 0;

    (void)state;
    options.chunk_size = 1;
    for (int round = 0; round < 20; round++) {
        assert_ok(brood_pool_map_async(pool, &result, gate_at_one, in, 3, sizeof in[0], out,
                                       sizeof out[0], &options));
        assert_ok(brood_result_item(result, 2, &data, &size, NULL, SOON_MS));
        assert_int_equal(*(const int64_t *)data, 12);
        assert_ok(brood_result_item(result, 0, &data, &size, NULL, SOON_MS));
        assert_status(brood_result_item(result, 1, &data, &size, NULL, 0), BROOD_ERR_TIMEOUT);
        assert_null(data);
        assert_false(brood_result_ready(result));
        gate_pass(&gate, 1);
        assert_ok(brood_result_item(result, 1, &data, &size, NULL, SOON_MS));
        assert_ok(brood_result_wait(result, SOON_MS));
        gate_await(&gate, 1);
        brood_result_destroy(result);
    }
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

#define WAITERS 4

typedef struct item_waiter {
    brood_result *result;
    uint64_t index;
    intptr_t told;
    brood_status status;
    int64_t value;
} item_waiter;

static void wait_for_item(void *data)
{
    item_waiter *waiter = data;
    const void *value = NULL;

    waiter->status = brood_result_item(waiter->result, waiter->index, &value, NULL, NULL, SOON_MS);
    waiter->value = waiter->status == BROOD_OK ? *(const int64_t *)value : -1;
    support_write(waiter->told, "", 1);
}

/* Only one of those who wait listens to the workers; it tells the others. */
static void each_who_waits_for_an_item_is_told(void **state)
{
    pool_gate gate;
    brood_pool *pool = pool_with_gate(WAITERS, &gate);
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_result *result = NULL;
    support_thread *threads[WAITERS];
    item_waiter waiters[WAITERS];
    int64_t in[WAITERS] = {10, 11, 12, 13};
    int64_t out[WAITERS] = {0};
    intptr_t told[2];

    (void)state;
    assert_true(support_pipe(told));
    options.chunk_size = 1;
    assert_ok(brood_pool_map_async(pool, &result, task_gated, in, WAITERS, sizeof in[0], out,
                                   sizeof out[0], &options));
    gate_await(&gate, WAITERS);
    for (uint64_t i = 0; i < WAITERS; i++) {
        waiters[i] = (item_waiter){.result = result, .index = i, .told = told[1]};
        threads[i] = support_thread_start(wait_for_item, &waiters[i]);
    }
    for (uint64_t i = 0; i < WAITERS; i++) {
        gate_pass(&gate, 1);
        assert_byte(told[0]);
    }
    for (uint64_t i = 0; i < WAITERS; i++) {
        support_thread_join(threads[i]);
        assert_ok(waiters[i].status);
        assert_int_equal(waiters[i].value, in[i]);
    }
    brood_result_destroy(result);
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
    support_close(told[0]);
    support_close(told[1]);
}

/* ---- L7 ---------------------------------------------------------------------------------- */

static void l7_get_times_out_and_later_succeeds(void **state)
{
    pool_gate gate;
    brood_pool *pool = pool_with_gate(1, &gate);
    brood_result *result = NULL;
    const void *data = "";
    size_t size = 1;

    (void)state;
    assert_ok(brood_pool_apply_async(pool, &result, task_gated, "value", 6, NULL));
    assert_status(brood_result_get(result, &data, &size, 0), BROOD_ERR_TIMEOUT);
    assert_null(data);
    assert_int_equal(size, 0);
    gate_await(&gate, 1);
    for (int i = 0; i < 3; i++) {
        assert_status(brood_result_get(result, &data, &size, 20), BROOD_ERR_TIMEOUT);
        assert_status(brood_result_wait(result, 1), BROOD_ERR_TIMEOUT);
    }
    assert_false(brood_result_ready(result));
    gate_open(&gate);
    assert_ok(brood_result_get(result, &data, &size, SOON_MS));
    assert_string_equal(data, "value");
    assert_int_equal(size, 6);
    assert_ok(brood_result_get(result, &data, &size, 0));
    assert_string_equal(data, "value");
    brood_result_destroy(result);
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

static void l7_a_map_times_out_and_later_succeeds(void **state)
{
    enum {
        COUNT = 10
    };
    pool_gate gate;
    brood_pool *pool = pool_with_gate(2, &gate);
    brood_result *result = NULL;
    int64_t in[COUNT] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    int64_t out[COUNT] = {0};

    (void)state;
    assert_ok(brood_pool_map_async(pool, &result, task_gated, in, COUNT, sizeof in[0], out,
                                   sizeof out[0], NULL));
    gate_pass(&gate, COUNT - 1);
    gate_await(&gate, COUNT);
    assert_status(brood_result_get(result, NULL, NULL, 20), BROOD_ERR_TIMEOUT);
    assert_status(brood_result_item(result, 9, NULL, NULL, NULL, -7), BROOD_ERR_ARGUMENT);
    gate_pass(&gate, 1);
    assert_ok(brood_result_get(result, NULL, NULL, BROOD_FOREVER));
    assert_memory_equal(in, out, sizeof in);
    brood_result_destroy(result);
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

/* ---- many quick items, and then others ------------------------------------------------------- */

#define QUICK 20000
#define ALL (QUICK + 100)

static const size_t sizes_of_values[] = {0, 1, 8, 100}; /* of items of 1 to 3 bytes */

/* The items behind the quick ones stop at the gate. */
static int stop_late(brood_task *task, const void *arg, size_t size)
{
    static const char value[100] = {0};

    (void)arg;
    if (brood_task_index(task) >= QUICK) {
        gate_stop(task);
    }
    return brood_return(task, value, sizes_of_values[size]);
}

/* Starts the map, whose first slow item is at the gate when this returns. */
static brood_result *start_late_map(brood_pool *pool, pool_gate *gate, size_t in_size, char *in,
                                    char *out)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_result *result = NULL;

    options.chunk_size = ALL;
    assert_ok(brood_pool_map_async(pool, &result, stop_late, in, ALL, in_size, out,
                                   sizes_of_values[in_size], &options));
    gate_await(gate, 1);
    return result;
}

static void l1_a_cancelled_map_begins_no_other_item(void **state)
{
    char *in = calloc(ALL, 3);
    char *out = calloc(ALL, 100);

    (void)state;
    for (size_t in_size = 1; in_size <= 3; in_size++) {
        pool_gate gate;
        brood_pool *pool = pool_with_gate(1, &gate);
        brood_result *result = start_late_map(pool, &gate, in_size, in, out);

        assert_ok(brood_result_cancel(result));
        gate_open(&gate);
        assert_status(brood_result_get(result, NULL, NULL, SOON_MS), BROOD_ERR_CANCELLED);
        brood_result_destroy(result);
        end_pool(pool);
        assert_int_equal(gate_count_rest(&gate), 0);
        gate_free(&gate);
    }
    free(in);
    free(out);
}

static void l1_who_waits_for_an_item_need_not_wait_for_the_next(void **state)
{
    char *in = calloc(ALL, 3);
    char *out = calloc(ALL, 100);

    (void)state;
    for (size_t in_size = 1; in_size <= 3; in_size++) {
        pool_gate gate;
        brood_pool *pool = pool_with_gate(1, &gate);
        brood_result *result = start_late_map(pool, &gate, in_size, in, out);

        assert_status(brood_result_item(result, QUICK, NULL, NULL, NULL, 1), BROOD_ERR_TIMEOUT);
        gate_pass(&gate, 1);
        gate_await(&gate, 1);
        assert_ok(brood_result_item(result, QUICK, NULL, NULL, NULL, SOON_MS));
        gate_open(&gate);
        assert_ok(brood_result_wait(result, SOON_MS));
        brood_result_destroy(result);
        end_pool(pool);
        gate_free(&gate);
    }
    free(in);
    free(out);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(l1_a_cancelled_map_begins_no_other_item),
    cmocka_unit_test(l1_who_waits_for_an_item_need_not_wait_for_the_next),
    cmocka_unit_test(l1_map_of_nothing),
    cmocka_unit_test(l1_range_of_nothing),
    cmocka_unit_test(l1_map_of_one),
    cmocka_unit_test(l1_fewer_items_than_workers),
    cmocka_unit_test(l1_as_many_items_as_workers),
    cmocka_unit_test(l1_each_worker_gets_one),
    cmocka_unit_test(l2_chunks_of_any_size),
    cmocka_unit_test(l2_a_chunk_goes_to_one_worker),
    cmocka_unit_test(l2_ranges_in_parts_of_any_size),
    cmocka_unit_test(l2_each_item_runs_once),
    cmocka_unit_test(l2_what_is_given_away_runs_once),
    cmocka_unit_test(failed_items_leave_their_places),
    cmocka_unit_test(an_item_can_be_had_while_others_run),
    cmocka_unit_test(each_who_waits_for_an_item_is_told),
    cmocka_unit_test(l7_get_times_out_and_later_succeeds),
    cmocka_unit_test(l7_a_map_times_out_and_later_succeeds),
};

BROOD_TEST_MAIN(tests)
