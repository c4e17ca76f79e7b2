/* F7, F8, F10, F11, F13: tasks that end their worker. It costs one item, whatever it was. */
#include "pool_stage.h"

#include <stdio.h>
#include <stdlib.h>

#define COUNT 30
#define CHUNK 10

static jmp_buf before_init;

/* ---- a crash in a map ----------------------------------------------------------------------- */

/* How often each item was run, in the notes. */
static void note_run(brood_task *task, uint64_t index)
{
    brood_add64(&stage_notes(task)[index], 1);
}

typedef struct map_item {
    int64_t x;
    int64_t crashes; /* in so many runs of it; -1: after its value is returned */
} map_item;

static int run_item(brood_task *task, const void *arg, size_t size)
{
    const map_item *item = arg;
    int64_t y = item->x * item->x + 1;

    (void)size;
    note_run(task, brood_task_index(task));
    if (item->crashes >= (int64_t)brood_task_attempt(task)) {
        support_kill_self();
    }
    brood_return(task, &y, sizeof y);
    if (item->crashes < 0) {
        support_kill_self();
    }
    return 0;
}

/* What kind of arrays. */
typedef enum array_kind {
    PLAIN,
    SHARED,
    IN_VARIES,
    OUT_VARIES,
    DROPPED,
    KINDS
} array_kind;

typedef struct map_case {
    array_kind kind;
    uint32_t workers;
    int64_t crashes; /* of each item that crashes */
    uint32_t retries;
    uint64_t first, second; /* items that crash; may be the same */
} map_case;

typedef struct map_arrays {
    brood_shared *shared;
    map_item *items;
    int64_t *values;
    brood_bytes bytes[COUNT];
    brood_output outputs[COUNT];
} map_arrays;

static void make_arrays(map_arrays *arrays, const map_case *what)
{
    memset(arrays, 0, sizeof *arrays);
    assert_ok(brood_shared_create(&arrays->shared,
                                  COUNT * (sizeof *arrays->items + sizeof *arrays->values), NULL));
    arrays->items = what->kind == SHARED ? brood_shared_data(arrays->shared)
                                         : malloc(COUNT * sizeof *arrays->items);
    arrays->values = what->kind == SHARED ? (int64_t *)(void *)(arrays->items + COUNT)
                                          : malloc(COUNT * sizeof *arrays->values);
    for (int64_t i = 0; i < COUNT; i++) {
        bool crashes = (uint64_t)i == what->first || (uint64_t)i == what->second;

        arrays->items[i] = (map_item){i, crashes ? what->crashes : 0};
        arrays->values[i] = -7;
        arrays->bytes[i] = (brood_bytes){&arrays->items[i], sizeof arrays->items[i]};
    }
}

static void free_arrays(map_arrays *arrays, array_kind kind)
{
    for (int i = 0; i < COUNT; i++) {
        brood_free(arrays->outputs[i].data);
    }
    if (kind != SHARED) {
        free(arrays->items);
        free(arrays->values);
    }
    brood_shared_destroy(arrays->shared);
}

static void check_value(const map_arrays *arrays, array_kind kind, int64_t i, bool failed)
{
    int64_t y = arrays->values[i];

    if (kind == DROPPED) {
        return;
    }
    if (kind == OUT_VARIES) {
        assert_int_equal(arrays->outputs[i].data == NULL, failed);
        assert_int_equal(arrays->outputs[i].size, failed ? 0 : sizeof y);
        y = failed ? -7 : *(const int64_t *)(const void *)arrays->outputs[i].data;
    }
    if (!failed) {
        assert_int_equal(y, i * i + 1);
    } else if (kind != SHARED) { /* there it was written by the worker itself */
        assert_int_equal(y, -7);
    }
}

static void check_map(pool_stage *stage, const map_arrays *arrays, const map_case *what,
                      brood_result *result)
{
    bool fails = what->crashes < 0 || what->crashes > (int64_t)what->retries;
    bool quarantined = what->crashes >= 3 && what->retries >= 3;
    brood_status status = quarantined ? BROOD_ERR_QUARANTINED : BROOD_ERR_DIED;
    uint64_t runs = what->crashes < 0 || !fails ? (uint64_t)what->crashes + 1
                    : quarantined               ? 3
                                                : what->retries + 1;

    if (what->crashes < 0) {
        runs = what->retries + 1;
    }
    stage_expect(result, fails ? status : BROOD_OK);
    assert_int_equal(brood_result_failed_count(result), !fails                        ? 0
                                                        : what->first == what->second ? 1
                                                                                      : 2);
    for (int64_t i = 0; i < COUNT; i++) {
        bool crashes = (uint64_t)i == what->first || (uint64_t)i == what->second;
        brood_failure failure = BROOD_FAILURE_INIT;

        assert_int_equal(brood_load64(&stage->notes[i]), crashes ? runs : 1);
        assert_status(brood_result_item(result, (uint64_t)i, NULL, NULL, &failure, 0),
                      crashes && fails ? status : BROOD_OK);
        if (crashes && fails) {
            assert_int_equal(failure.index, i);
            assert_int_equal(failure.attempt, runs);
        }
        check_value(arrays, what->kind, i, crashes && fails);
    }
}

static void run_map(const map_case *what)
{
    pool_stage stage;
    map_arrays arrays;
    brood_result *result = NULL;
    bool varies = what->kind == OUT_VARIES;

    stage_prepare(&stage, what->workers);
    stage.task_options.chunk_size = CHUNK;
    stage.task_options.retries = what->retries;
    stage_open(&stage);
    make_arrays(&arrays, what);
    assert_ok(
        brood_pool_map_async(stage.pool, &result, run_item,
                             what->kind == IN_VARIES ? (const void *)arrays.bytes : arrays.items,
                             COUNT, what->kind == IN_VARIES ? BROOD_SIZE_VARIES : sizeof(map_item),
                             what->kind == DROPPED ? NULL
                             : varies              ? (void *)arrays.outputs
                                                   : arrays.values,
                             what->kind == DROPPED ? 0
                             : varies              ? BROOD_SIZE_VARIES
                                                   : sizeof(int64_t),
                             &stage.task_options));
    check_map(&stage, &arrays, what, result);
    brood_result_destroy(result);
    free_arrays(&arrays, what->kind);
    stage_close(&stage);
}

/* The first of all, of a chunk, in the middle, the last of a chunk, of all. */
static const uint64_t places[] = {0, CHUNK, CHUNK + 5, 2 * CHUNK - 1, COUNT - 1};

static void crash_everywhere(int64_t crashes, uint32_t retries, uint32_t workers)
{
    for (int kind = 0; kind < KINDS; kind++) {
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
            map_case what = {(array_kind)kind, workers, crashes, retries, places[i], places[i]};

            run_map(&what);
        }
    }
}

static void f3_a_crash_in_a_map_costs_one_item(void **state)
{
    (void)state;
    crash_everywhere(1, 0, 2);
}

static void f3_a_crash_in_a_map_of_one_worker(void **state)
{
    (void)state;
    crash_everywhere(1, 0, 1);
}

static void f3_an_item_is_tried_again(void **state)
{
    (void)state;
    crash_everywhere(1, 1, 2);
    crash_everywhere(2, 1, 1);
}

static void f3_two_crashes_in_a_chunk(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        for (uint64_t i = 1; i < CHUNK; i += 4) {
            map_case what = {(array_kind)kind, 2, 1, 0, 0, i};

            run_map(&what);
        }
    }
}

/* F8: the value is there, and the function has not returned. */
static void f8_a_crash_after_the_value(void **state)
{
    (void)state;
    crash_everywhere(-1, 0, 2);
}

static int run_part(brood_task *task, uint64_t begin, uint64_t end, const void *context,
                    size_t size)
{
    const uint64_t *crashes = context;

    (void)size;
    for (uint64_t i = begin; i < end; i++) {
        note_run(task, i);
        if (i == *crashes && brood_task_attempt(task) == 1) {
            support_kill_self();
        }
    }
    return 0;
}

/* A part of a range runs, and fails, as a whole. */
static void f3_a_crash_in_a_range_costs_one_part(void **state)
{
    (void)state;
    for (uint32_t retries = 0; retries < 2; retries++) {
        pool_stage stage;
        uint64_t crashes = CHUNK + 5;
        brood_result *result = NULL;
        brood_failure failure = BROOD_FAILURE_INIT;

        stage_prepare(&stage, 2);
        stage.task_options.chunk_size = CHUNK;
        stage.task_options.retries = retries;
        stage_open(&stage);
        assert_ok(brood_pool_for_async(stage.pool, &result, run_part, 0, COUNT, &crashes,
                                       sizeof crashes, &stage.task_options));
        stage_expect(result, retries == 0 ? BROOD_ERR_DIED : BROOD_OK);
        if (retries == 0) {
            assert_ok(brood_result_failure(result, &failure));
            assert_int_equal(failure.index, CHUNK);
        }
        assert_int_equal(brood_result_failed_count(result), retries == 0 ? CHUNK : 0);
        for (uint64_t i = 0; i < COUNT; i++) {
            bool again = retries > 0 && i >= CHUNK && i <= crashes;
            bool never = retries == 0 && i > crashes && i < (uint64_t)2 * CHUNK;

            assert_int_equal(brood_load64(&stage.notes[i]), again ? 2 : never ? 0 : 1);
        }
        brood_result_destroy(result);
        stage_close(&stage);
    }
}

/* ---- F7, F8: at reading the argument, at writing the value ---------------------------------- */

/* The argument says at which address to look for its number. */
static int decode(brood_task *task, const void *arg, size_t size)
{
    uint64_t length = 0;
    int64_t number = 0;

    (void)size;
    memcpy(&length, arg, sizeof length);
    if (length > size - sizeof length) {
        abort();
    }
    memcpy(&number, (const unsigned char *)arg + sizeof length, sizeof number);
    return brood_return(task, &number, sizeof number);
}

static void f7_a_crash_at_decoding(void **state)
{
    pool_stage stage;

    (void)state;
    stage_prepare(&stage, 2);
    stage_open(&stage);
    for (uint64_t round = 0; round < 6; round++) {
        uint64_t arg[2] = {round % 2 == 0 ? sizeof arg[1] : UINT64_MAX, round};
        uint64_t out = 99;

        assert_status(brood_pool_apply(stage.pool, decode, arg, sizeof arg, &out, sizeof out, NULL),
                      round % 2 == 0 ? BROOD_OK : BROOD_ERR_DIED);
        assert_int_equal(out, round % 2 == 0 ? round : 99);
    }
    stage_close(&stage);
}

static int encode_half(brood_task *task, const void *arg, size_t size)
{
    size_t value_size = *(const size_t *)arg;
    unsigned char *value = brood_return_buffer(task, value_size);

    (void)size;
    memset(value, 1, value_size / 2);
    abort();
}

static void f8_a_crash_at_encoding(void **state)
{
    static const size_t sizes[] = {8, 1000, 100000, 5000000};
    pool_stage stage;

    (void)state;
    stage_prepare(&stage, 2);
    stage_open(&stage);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        brood_result *result = NULL;
        unsigned char *out = calloc(1, sizes[i]);

        assert_ok(brood_pool_apply_async(stage.pool, &result, encode_half, &sizes[i],
                                         sizeof sizes[i], NULL));
        stage_end(result, BROOD_ERR_DIED);
        assert_status(brood_pool_map(stage.pool, encode_half, &sizes[i], 1, sizeof sizes[i], out,
                                     sizes[i], NULL),
                      BROOD_ERR_DIED);
        for (size_t k = 0; k < sizes[i]; k++) {
            assert_int_equal(out[k], 0);
        }
        free(out);
        stage_works(&stage, 2);
    }
    stage_close(&stage);
}

/* ---- F10: other ways to leave --------------------------------------------------------------- */

typedef enum way_out {
    BY_EXIT,
    BY_EXIT_AT_ONCE,
    BY_ABORT,
    BY_LONGJMP,
    BY_CRASH,
    WAYS_OUT
} way_out;

static int leave(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)size;
    switch (*(const way_out *)arg) {
    case BY_EXIT:
        exit(0);
    case BY_EXIT_AT_ONCE:
        support_exit_at_once(0);
        break;
    case BY_ABORT:
        abort();
    case BY_LONGJMP:
        longjmp(before_init, 1);
    default:
        support_kill_self();
    }
    return 0;
}

static void f10_a_task_that_leaves(void **state)
{
    (void)state;
    for (way_out way = BY_EXIT; way < WAYS_OUT; way++) {
        pool_stage stage;
        brood_result *results[3];
        brood_failure failure = BROOD_FAILURE_INIT;
        int64_t x = 3;

        stage_prepare(&stage, 1);
        stage_open(&stage);
        assert_ok(
            brood_pool_apply_async(stage.pool, &results[0], stage_square, &x, sizeof x, NULL));
        assert_ok(brood_pool_apply_async(stage.pool, &results[1], leave, &way, sizeof way, NULL));
        assert_ok(
            brood_pool_apply_async(stage.pool, &results[2], stage_square, &x, sizeof x, NULL));
        stage_end(results[0], BROOD_OK);
        stage_expect(results[1], BROOD_ERR_DIED);
        assert_ok(brood_result_failure(results[1], &failure));
        if (way == BY_EXIT || way == BY_EXIT_AT_ONCE || way == BY_LONGJMP) {
            assert_int_equal(failure.exit.reason, BROOD_EXIT_CODE);
            assert_int_equal(failure.exit.code, way == BY_LONGJMP ? 7 : 0);
        }
        brood_result_destroy(results[1]);
        stage_end(results[2], BROOD_OK);
        stage_close(&stage);
    }
}

static int close_everything(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)size;
    support_close_everything();
    if (*(const bool *)arg) {
        support_hang();
    }
    return 0;
}

/* One that returns has succeeded, or its worker was lost before it could say so. */
static void f10_a_task_that_closes_everything(void **state)
{
    pool_stage stage;
    brood_result *result = NULL;
    brood_status status = BROOD_OK;
    brood_failure failure = BROOD_FAILURE_INIT;
    bool hangs = false;

    (void)state;
    stage_prepare(&stage, 1);
    stage_open(&stage);
    for (int round = 0; round < 4; round++) {
        hangs = round == 1;
        assert_ok(brood_pool_apply_async(stage.pool, &result, close_everything, &hangs,
                                         sizeof hangs, NULL));
        status = brood_result_get(result, NULL, NULL, SOON_MS);
        assert_true(status == BROOD_ERR_DIED || (status == BROOD_OK && !hangs));
        if (hangs) {
            assert_ok(brood_result_failure(result, &failure));
            assert_non_null(strstr(failure.message, "had closed its channel"));
        }
        brood_result_destroy(result);
        stage_works(&stage, 3);
    }
    stage_close(&stage);
}

/* ---- F11: memory ---------------------------------------------------------------------------- */

/* Each frame of it stays in use. */
static int64_t overflow(const volatile int64_t *above)
{
    volatile int64_t here[512];

    here[0] = above == NULL ? 0 : above[0] + 1;
    if (here[0] < INT64_MAX / 2) {
        here[1] = overflow(here);
    }
    return here[0] + here[1];
}

static int overflow_the_stack(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return overflow(NULL) == 0;
}

static void f11_a_stack_overflow(void **state)
{
    pool_stage stage;

    (void)state;
    if (support_is_sanitized()) {
        harness_skip("a sanitizer reports the overflow as an error");
    }
    if (support_is_wine()) {
        harness_skip("Wine ends the thread only, and the process hangs");
    }
    stage_prepare(&stage, 2);
    stage_open(&stage);
    assert_status(brood_pool_apply(stage.pool, overflow_the_stack, NULL, 0, NULL, 0, NULL),
                  BROOD_ERR_DIED);
    stage_works(&stage, 5);
    stage_close(&stage);
}

#define LIMIT (UINT64_C(400) << 20)
#define TOO_MUCH ((size_t)500 << 20)

static int want_too_much(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    return brood_return_buffer(task, TOO_MUCH) == NULL ? 1 : 0;
}

/* Neither the value nor the argument fit into the worker, which lives. */
static void f11_out_of_memory(void **state)
{
    pool_stage stage;
    brood_result *result = NULL;
    void *arg = NULL;

    (void)state;
    if (support_is_sanitized()) {
        harness_skip("a sanitizer maps more address space than any limit");
    }
    if (support_is_wine()) {
        harness_skip("Wine does not enforce a job's memory limit");
    }
    stage_prepare(&stage, 1);
    stage.process.memory_limit_bytes = LIMIT;
    stage_open(&stage);
    assert_ok(brood_pool_apply_async(stage.pool, &result, want_too_much, NULL, 0, NULL));
    stage_end(result, BROOD_ERR_NO_MEMORY);
    arg = calloc(1, TOO_MUCH);
    assert_ok(brood_pool_apply_async(stage.pool, &result, stage_square, arg, TOO_MUCH, NULL));
    free(arg);
    stage_end(result, BROOD_ERR_NO_MEMORY);
    stage_works(&stage, 3);
    assert_int_equal(stage_stats(&stage).started, 1);
    stage_close(&stage);
}

/* ---- F13: poison ---------------------------------------------------------------------------- */

static int poison(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    note_run(task, 0);
    support_kill_self();
    return 0;
}

static void f13_a_poison_task_is_quarantined(void **state)
{
    enum {
        TASKS = 20
    };
    pool_stage stage;
    brood_result *results[TASKS];
    brood_failure failure = BROOD_FAILURE_INIT;

    (void)state;
    stage_prepare(&stage, 2);
    stage.task_options.retries = 10;
    stage_open(&stage);
    for (int64_t i = 0; i < TASKS; i++) {
        assert_ok(brood_pool_apply_async(stage.pool, &results[i], i == 5 ? poison : stage_square,
                                         &i, sizeof i, &stage.task_options));
    }
    for (int i = 0; i < TASKS; i++) {
        stage_expect(results[i], i == 5 ? BROOD_ERR_QUARANTINED : BROOD_OK);
    }
    assert_ok(brood_result_failure(results[5], &failure));
    assert_int_equal(failure.attempt, 3);
    assert_int_not_equal(failure.exit.reason, BROOD_EXIT_NONE);
    assert_int_equal(brood_load64(&stage.notes[0]), 3);
    for (int i = 0; i < TASKS; i++) {
        brood_result_destroy(results[i]);
    }
    assert_int_equal(stage_stats(&stage).retried, 2);
    stage_close(&stage);
}

static void f13_a_poison_item_is_quarantined(void **state)
{
    (void)state;
    crash_everywhere(100, 50, 2);
}

static void f13_with_few_retries_it_is_a_death(void **state)
{
    pool_stage stage;
    brood_result *result = NULL;

    (void)state;
    stage_prepare(&stage, 1);
    stage.options.quarantine = 5;
    stage.options.retries = 3;
    stage_open(&stage);
    assert_ok(brood_pool_apply_async(stage.pool, &result, poison, NULL, 0, &stage.task_options));
    stage_end(result, BROOD_ERR_DIED);
    assert_int_equal(brood_load64(&stage.notes[0]), 4);
    stage_close(&stage);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(f3_a_crash_in_a_map_costs_one_item),
    cmocka_unit_test(f3_a_crash_in_a_map_of_one_worker),
    cmocka_unit_test(f3_an_item_is_tried_again),
    cmocka_unit_test(f3_two_crashes_in_a_chunk),
    cmocka_unit_test(f3_a_crash_in_a_range_costs_one_part),
    cmocka_unit_test(f7_a_crash_at_decoding),
    cmocka_unit_test(f8_a_crash_at_encoding),
    cmocka_unit_test(f8_a_crash_after_the_value),
    cmocka_unit_test(f10_a_task_that_leaves),
    cmocka_unit_test(f10_a_task_that_closes_everything),
    cmocka_unit_test(f11_a_stack_overflow),
    cmocka_unit_test(f11_out_of_memory),
    cmocka_unit_test(f13_a_poison_task_is_quarantined),
    cmocka_unit_test(f13_a_poison_item_is_quarantined),
    cmocka_unit_test(f13_with_few_retries_it_is_a_death),
};

int main(int argc, char **argv)
{
    if (setjmp(before_init) != 0) {
        return 7; /* a task has jumped out of brood_init */
    }
    if (brood_init(argc, argv) != BROOD_OK) {
        return 3;
    }
    return harness_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
