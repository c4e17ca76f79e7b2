/* F1 - F6, F12: workers are killed in every phase, and the pool works on. */
#include "pool_stage.h"

#include <stdlib.h>

#define LARGE (8u << 20) /* far more than a ring holds */

/* ---- F1: idle ------------------------------------------------------------------------------ */

static void f1_killed_while_idle(void **state)
{
    pool_stage stage;

    (void)state;
    stage_prepare(&stage, 2);
    stage_open(&stage);
    stage_works(&stage, 10);
    stage_kill(stage_pid(&stage, 0));
    stage_works(&stage, 10);
    stage_await_started(&stage, 3);
    assert_int_equal(stage_stats(&stage).died, 1);
    stage_close(&stage);
}

/* What is submitted when it is dead already was never begun: it does not fail. */
static void f1_killed_again_and_again(void **state)
{
    pool_stage stage;

    (void)state;
    stage_prepare(&stage, 2);
    stage_open(&stage);
    for (uint32_t round = 0; round < 20; round++) {
        stage_works(&stage, 3);
        stage_kill(stage_last_used(&stage));
        stage_works(&stage, 3);
        stage_await_started(&stage, round + 3);
    }
    assert_int_equal(stage_stats(&stage).died, 20);
    assert_int_equal(stage_stats(&stage).failed, 0);
    stage_close(&stage);
}

static void f1_the_only_one_killed_while_idle(void **state)
{
    pool_stage stage;

    (void)state;
    stage_prepare(&stage, 1);
    stage_open(&stage);
    for (uint32_t round = 0; round < 10; round++) {
        stage_works(&stage, 1);
        stage_kill(stage_last_used(&stage));
        stage_works(&stage, 1);
    }
    assert_int_equal(stage_stats(&stage).failed, 0);
    stage_close(&stage);
}

/* ---- F2: while it reads -------------------------------------------------------------------- */

static int sum(brood_task *task, const void *arg, size_t size)
{
    const unsigned char *bytes = arg;
    uint64_t total = 0;

    for (size_t i = 0; i < size; i++) {
        total += bytes[i];
    }
    return brood_return(task, &total, sizeof total);
}

static bool has_claimed(void *data)
{
    brood_wire_page *page = data;

    return brood_claim_id(brood_load64(&page->claim)) != 0;
}

/*
 * A pool that nobody runs sends only what fits into the ring: its worker has begun the task, and
 * waits for the rest of the argument.
 */
static brood_result *submit_half(pool_stage *stage, const void *arg, uint32_t retries)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_result *result = NULL;

    options.retries = retries;
    assert_ok(brood_pool_apply_async(stage->pool, &result, sum, arg, LARGE, &options));
    stage_await_that(has_claimed, stage_page(stage, 0));
    stage_kill(stage_pid(stage, 0));
    return result;
}

static void f2_killed_while_reading(void **state)
{
    pool_stage stage;
    unsigned char *arg = calloc(1, LARGE);
    brood_result *result = NULL;
    brood_failure failure = BROOD_FAILURE_INIT;
    int64_t pid = -1;

    (void)state;
    stage_prepare(&stage, 1);
    stage.options.event_loop = true;
    stage_open(&stage);
    pid = stage_pid(&stage, 0);
    result = submit_half(&stage, arg, 0);
    stage_run_until(&stage, result);
    stage_expect(result, BROOD_ERR_DIED);
    assert_ok(brood_result_failure(result, &failure));
    assert_int_equal(failure.pid, pid);
    assert_int_not_equal(failure.exit.reason, BROOD_EXIT_NONE);
    brood_result_destroy(result);
    stage_works(&stage, 3);
    stage_close(&stage);
    free(arg);
}

static void f2_killed_while_reading_and_tried_again(void **state)
{
    pool_stage stage;
    unsigned char *arg = malloc(LARGE);
    brood_result *result = NULL;
    const void *data = NULL;

    (void)state;
    memset(arg, 1, LARGE);
    stage_prepare(&stage, 1);
    stage.options.event_loop = true;
    stage_open(&stage);
    result = submit_half(&stage, arg, 1);
    memset(arg, 9, LARGE); /* it was copied */
    stage_run_until(&stage, result);
    assert_ok(brood_result_get(result, &data, NULL, 0));
    assert_int_equal(*(const uint64_t *)data, LARGE);
    brood_result_destroy(result);
    assert_int_equal(stage_stats(&stage).retried, 1);
    stage_close(&stage);
    free(arg);
}

/* ---- F3: while it runs ---------------------------------------------------------------------- */

static int wait_and_square(brood_task *task, const void *arg, size_t size)
{
    stage_wait(task);
    return stage_square(task, arg, size);
}

static void f3_killed_while_running(void **state)
{
    pool_stage stage;
    brood_result *results[5];
    brood_failure failure = BROOD_FAILURE_INIT;
    int64_t pid = -1;

    (void)state;
    stage_prepare(&stage, 1);
    stage.task_options.tag = "the first";
    stage_open(&stage);
    for (int64_t i = 0; i < 5; i++) {
        assert_ok(brood_pool_apply_async(stage.pool, &results[i],
                                         i == 0 ? wait_and_square : stage_square, &i, sizeof i,
                                         &stage.task_options));
    }
    stage_await(&stage);
    pid = stage_pid(&stage, 0);
    stage_kill(pid);
    stage_expect(results[0], BROOD_ERR_DIED);
    assert_ok(brood_result_failure(results[0], &failure));
    assert_int_equal(failure.pid, pid);
    assert_int_equal(failure.attempt, 1);
    assert_string_equal(failure.tag, "the first");
    assert_int_not_equal(failure.exit.reason, BROOD_EXIT_NONE);
    brood_result_destroy(results[0]);
    for (int i = 1; i < 5; i++) {
        stage_end(results[i], BROOD_OK);
    }
    assert_int_equal(stage_stats(&stage).failed, 1);
    stage_close(&stage);
}

static int wait_the_first_time(brood_task *task, const void *arg, size_t size)
{
    if (brood_task_attempt(task) == 1) {
        stage_wait(task);
    }
    return stage_square(task, arg, size);
}

static void f3_killed_while_running_and_tried_again(void **state)
{
    pool_stage stage;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_result *result = NULL;
    int64_t x = 12;

    (void)state;
    options.retries = 1;
    stage_prepare(&stage, 2);
    stage_open(&stage);
    assert_ok(
        brood_pool_apply_async(stage.pool, &result, wait_the_first_time, &x, sizeof x, &options));
    stage_await(&stage);
    stage_kill(stage_busy_pid(&stage));
    stage_end(result, BROOD_OK);
    assert_int_equal(stage_stats(&stage).retried, 1);
    stage_close(&stage);
}

/* ---- F4: while it writes -------------------------------------------------------------------- */

static int answer_much(brood_task *task, const void *arg, size_t size)
{
    unsigned char *value = brood_return_buffer(task, LARGE);

    (void)arg;
    (void)size;
    if (value == NULL) {
        return 1;
    }
    memset(value, 5 + (int)brood_task_attempt(task), LARGE);
    return 0;
}

typedef struct answers_wait {
    brood_ring_shared *shared;
    uint64_t at_least;
} answers_wait;

static bool has_written(void *data)
{
    answers_wait *wait = data;

    return brood_load64(&wait->shared->written) >= wait->at_least;
}

/*
 * Its ring is full, and nobody reads it; half_heard: the pool has heard the first part, or, when it
 * is slow, all of it.
 */
static void kill_in_answer(pool_stage *stage, bool half_heard)
{
    answers_wait wait = {stage_answers(stage, 0), STAGE_RING / 2};

    stage_await_that(has_written, &wait);
    if (half_heard) {
        assert_ok(brood_pool_run(stage->pool));
    }
    stage_kill(stage_pid(stage, 0));
}

static void kill_while_writing(bool half_heard, uint32_t retries)
{
    pool_stage stage;
    brood_result *result = NULL;
    brood_status status = BROOD_OK;
    const unsigned char *data = NULL;
    size_t size = 0;

    stage_prepare(&stage, 1);
    stage.options.event_loop = true;
    stage.task_options.retries = retries;
    stage_open(&stage);
    assert_ok(
        brood_pool_apply_async(stage.pool, &result, answer_much, NULL, 0, &stage.task_options));
    kill_in_answer(&stage, half_heard);
    stage_run_until(&stage, result);
    status = brood_result_get(result, (const void **)&data, &size, 0);
    assert_true(status == BROOD_OK ? half_heard || retries > 0
                                   : status == BROOD_ERR_DIED && retries == 0);
    assert_int_equal(size, status == BROOD_OK ? LARGE : 0);
    for (size_t i = 0; i < size; i += 4095) {
        assert_int_equal(data[i], data[0]);
        assert_in_range(data[i], 6, 7);
    }
    brood_result_destroy(result);
    stage_works(&stage, 3);
    stage_close(&stage);
}

static void f4_killed_while_writing(void **state)
{
    (void)state;
    kill_while_writing(false, 0);
}

static void f4_killed_while_writing_and_half_heard(void **state)
{
    (void)state;
    kill_while_writing(true, 0);
}

static void f4_killed_while_writing_and_tried_again(void **state)
{
    (void)state;
    kill_while_writing(false, 1);
    kill_while_writing(true, 1);
}

static int answer_item(brood_task *task, const void *arg, size_t size)
{
    unsigned char *value = brood_return_buffer(task, LARGE / 4);

    (void)size;
    if (value == NULL) {
        return 1;
    }
    memset(value, *(const unsigned char *)arg, LARGE / 4);
    return 0;
}

/* Items with large values, of one size and of any: the first one's worker is killed. */
static void kill_in_map(bool varies)
{
    pool_stage stage;
    unsigned char in[3] = {11, 12, 13};
    unsigned char *out = malloc(3 * (LARGE / 4));
    brood_output outputs[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    brood_result *result = NULL;

    stage_prepare(&stage, 1);
    stage.options.event_loop = true;
    stage.task_options.chunk_size = 3;
    stage_open(&stage);
    assert_ok(brood_pool_map_async(stage.pool, &result, answer_item, in, 3, 1,
                                   varies ? (void *)outputs : out,
                                   varies ? BROOD_SIZE_VARIES : LARGE / 4, &stage.task_options));
    kill_in_answer(&stage, false);
    stage_run_until(&stage, result);
    stage_expect(result, BROOD_ERR_DIED);
    assert_int_equal(brood_result_failed_count(result), 1);
    assert_status(brood_result_item(result, 0, NULL, NULL, NULL, 0), BROOD_ERR_DIED);
    for (uint64_t i = 1; i < 3; i++) {
        const void *data = NULL;
        size_t size = 0;

        assert_ok(brood_result_item(result, i, &data, &size, NULL, 0));
        assert_int_equal(size, LARGE / 4);
        assert_int_equal(*((const unsigned char *)data + size - 1), in[i]);
    }
    assert_null(outputs[0].data);
    brood_result_destroy(result);
    stage_close(&stage);
    for (int i = 0; i < 3; i++) {
        brood_free(outputs[i].data);
    }
    free(out);
}

static void f4_killed_while_writing_an_item(void **state)
{
    (void)state;
    kill_in_map(false);
    kill_in_map(true);
}

/* ---- F6: at its end ------------------------------------------------------------------------- */

static int wait_at_the_end(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    stage_wait(task);
    return 0;
}

static void f6_killed_in_its_finalizer(void **state)
{
    pool_stage stage;

    (void)state;
    stage_prepare(&stage, 1);
    stage.options.finalizer = wait_at_the_end;
    stage_open(&stage);
    stage_works(&stage, 3);
    assert_ok(brood_pool_close(stage.pool));
    stage_await(&stage);
    assert_status(brood_pool_join(stage.pool, 0), BROOD_ERR_TIMEOUT);
    stage_kill(stage_pid(&stage, 0));
    assert_ok(brood_pool_join(stage.pool, SOON_MS));
    assert_int_equal(stage_stats(&stage).ended, 0);
    assert_int_equal(stage_stats(&stage).died, 1);
    stage_close(&stage);
}

static int crash_at_the_end(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    support_kill_self();
    return 0;
}

/* All workers come to their end, and none of them ends as it should. */
static void expect_no_good_end(pool_stage *stage)
{
    assert_ok(brood_pool_close(stage->pool));
    assert_ok(brood_pool_join(stage->pool, SOON_MS));
    assert_int_equal(stage_stats(stage).ended, 0);
    assert_true(stage_stats(stage).died >= 2);
    stage_close(stage);
}

/* Each worker runs one task, and dies in its finalizer, behind it. */
static void f6_a_finalizer_that_crashes(void **state)
{
    pool_stage stage;

    (void)state;
    stage_prepare(&stage, 2);
    stage.options.finalizer = crash_at_the_end;
    stage.options.max_tasks_per_worker = 1;
    stage_open(&stage);
    stage_works(&stage, 10);
    expect_no_good_end(&stage);
}

static void crash_in_hook(void)
{
    support_kill_self();
}

static int register_a_hook(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return atexit(crash_in_hook);
}

static void f6_an_exit_hook_that_crashes(void **state)
{
    pool_stage stage;

    (void)state;
    stage_prepare(&stage, 2);
    stage.options.initializer = register_a_hook;
    stage.options.max_tasks_per_worker = 2;
    stage_open(&stage);
    stage_works(&stage, 10);
    expect_no_good_end(&stage);
}

/* ---- F12: all at once ----------------------------------------------------------------------- */

static void f12_all_die_at_once(void **state)
{
    enum {
        WORKERS = 4,
        TASKS = 40
    };
    pool_stage stage;
    brood_result *results[TASKS];
    int64_t pids[WORKERS];

    (void)state;
    stage_prepare(&stage, WORKERS);
    stage_open(&stage);
    stage_works(&stage, 1);
    for (int64_t i = 0; i < WORKERS; i++) {
        assert_ok(
            brood_pool_apply_async(stage.pool, &results[i], wait_and_square, &i, sizeof i, NULL));
    }
    for (int64_t i = 0; i < WORKERS; i++) {
        stage_await(&stage);
    }
    for (int64_t i = WORKERS; i < TASKS; i++) {
        assert_ok(
            brood_pool_apply_async(stage.pool, &results[i], stage_square, &i, sizeof i, NULL));
    }
    assert_int_equal(brood_pool_pids(stage.pool, pids, WORKERS), WORKERS);
    for (int i = 0; i < WORKERS; i++) {
        support_kill(pids[i]);
    }
    for (int i = 0; i < TASKS; i++) {
        stage_end(results[i], i < WORKERS ? BROOD_ERR_DIED : BROOD_OK);
    }
    assert_int_equal(stage_stats(&stage).died, WORKERS);
    stage_close(&stage);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(f1_killed_while_idle),
    cmocka_unit_test(f1_killed_again_and_again),
    cmocka_unit_test(f1_the_only_one_killed_while_idle),
    cmocka_unit_test(f2_killed_while_reading),
    cmocka_unit_test(f2_killed_while_reading_and_tried_again),
    cmocka_unit_test(f3_killed_while_running),
    cmocka_unit_test(f3_killed_while_running_and_tried_again),
    cmocka_unit_test(f4_killed_while_writing),
    cmocka_unit_test(f4_killed_while_writing_and_half_heard),
    cmocka_unit_test(f4_killed_while_writing_and_tried_again),
    cmocka_unit_test(f4_killed_while_writing_an_item),
    cmocka_unit_test(f6_killed_in_its_finalizer),
    cmocka_unit_test(f6_a_finalizer_that_crashes),
    cmocka_unit_test(f6_an_exit_hook_that_crashes),
    cmocka_unit_test(f12_all_die_at_once),
};

BROOD_TEST_MAIN(tests)
