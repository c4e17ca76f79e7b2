/* L8, L9: callbacks that submit, fail, close, terminate, and wait where they must not. */
#include "pool_tools.h"

#include "base/atomic.h"
#include "platform.h"

#include <stdlib.h>

#include <brood/brood.h>

/* What callbacks did; they run one after the other, and are over when join says so. */
typedef struct notes {
    brood_pool *pool;
    brood_result *other;
    int done, failed, refused;
    int left; /* to submit */
    brood_status statuses[8];
    intptr_t told; /* a byte for each callback, unless -1 */
} notes;

static notes notes_of(brood_pool *pool)
{
    notes made = {.pool = pool, .told = -1};

    return made;
}

static void note(notes *seen, int *count)
{
    ++*count;
    if (seen->told != -1) {
        support_write(seen->told, "", 1);
    }
}

static void note_done(brood_result *result, void *user)
{
    notes *seen = user;

    assert_true(brood_result_successful(result));
    note(seen, &seen->done);
}

static void note_failed(brood_result *result, void *user)
{
    notes *seen = user;

    assert_true(brood_result_ready(result) && !brood_result_successful(result));
    note(seen, &seen->failed);
}

static brood_task_options options_of(notes *seen)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;

    options.done = note_done;
    options.failed = note_failed;
    options.user = seen;
    return options;
}

static void close_and_join(brood_pool *pool)
{
    assert_ok(brood_pool_close(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
}

/* ---- each once --------------------------------------------------------------------------- */

static int fail_odd(brood_task *task, const void *arg, size_t size)
{
    return *(const int64_t *)arg % 2 != 0 ? task_fail(task, arg, size)
                                          : task_square(task, arg, size);
}

static void callbacks_come_once_and_before_join_returns(void **state)
{
    enum {
        COUNT = 2000
    };
    brood_pool *pool = pool_of(2);
    notes seen = notes_of(pool);
    brood_task_options options = options_of(&seen);

    (void)state;
    for (int64_t i = 0; i < COUNT; i++) {
        assert_ok(brood_pool_apply_async(pool, NULL, fail_odd, &i, sizeof i, &options));
    }
    close_and_join(pool);
    assert_int_equal(seen.done, COUNT / 2);
    assert_int_equal(seen.failed, COUNT / 2);
    assert_null(brood_pool_destroy(pool));
}

static void maps_and_ranges_call_back_once(void **state)
{
    brood_pool *pool = pool_of(2);
    notes seen = notes_of(pool);
    brood_task_options options = options_of(&seen);
    int64_t in[100] = {0};

    (void)state;
    assert_ok(brood_pool_map(pool, task_square, in, 100, sizeof in[0], NULL, 0, &options));
    assert_ok(brood_pool_map(pool, task_square, in, 0, sizeof in[0], NULL, 0, &options));
    assert_status(brood_pool_map(pool, task_fail, in, 100, sizeof in[0], NULL, 0, &options),
                  BROOD_ERR_TASK);
    close_and_join(pool);
    assert_int_equal(seen.done, 2);
    assert_int_equal(seen.failed, 1);
    assert_null(brood_pool_destroy(pool));
}

static void block_callback(brood_result *result, void *user)
{
    const pool_gate *gate = user;
    char byte = 0;

    (void)result;
    support_read(gate->gate[0], &byte, 1);
}

static void join_waits_for_callbacks(void **state)
{
    brood_pool *pool = pool_of(1);
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    pool_gate gate;
    int64_t x = 2;

    (void)state;
    gate_make(&gate);
    options.done = block_callback;
    options.user = &gate;
    assert_ok(brood_pool_apply_async(pool, NULL, task_square, &x, sizeof x, &options));
    assert_ok(brood_pool_close(pool));
    assert_status(brood_pool_join(pool, 100), BROOD_ERR_TIMEOUT);
    gate_pass(&gate, 1);
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

/* The pool goes on meanwhile: others get their results. */
static void a_callback_that_takes_long_keeps_nobody_waiting(void **state)
{
    brood_pool *pool = pool_of(1);
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_result *result = NULL;
    pool_gate gate;
    int64_t x = 2;

    (void)state;
    gate_make(&gate);
    options.done = block_callback;
    options.user = &gate;
    assert_ok(brood_pool_apply_async(pool, &result, task_square, &x, sizeof x, &options));
    assert_ok(brood_result_get(result, NULL, NULL, SOON_MS));
    for (int64_t i = 0; i < 100; i++) {
        assert_ok(brood_pool_apply(pool, task_square, &i, sizeof i, &x, sizeof x, NULL));
        assert_int_equal(x, i * i);
    }
    brood_result_destroy(result);
    gate_pass(&gate, 1);
    close_and_join(pool);
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

typedef struct endless_wait {
    brood_result *result;
    brood_atomic32 is_over;
} endless_wait;

static void wait_for_ever(void *data)
{
    endless_wait *self = data;

    brood_result_wait(self->result, BROOD_FOREVER);
    brood_exchange32(&self->is_over, 1);
}

static void come_and_block(brood_result *result, void *user)
{
    pool_gate *gate = user;

    support_write(gate->there[1], "c", 1);
    block_callback(result, gate);
}

/* Who waited before the callback began is told what workers say meanwhile. */
static void a_callback_that_takes_long_does_not_keep_who_waits_already(void **state)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    pool_gate gate, callback;
    brood_pool *pool = pool_with_gate(2, &gate);

    (void)state;
    gate_make(&callback);
    options.done = come_and_block;
    options.user = &callback;
    for (int round = 0; round < 20; round++) {
        endless_wait waits = {NULL, 0};
        support_thread *thread = NULL;

        assert_ok(brood_pool_apply_async(pool, &waits.result, task_gated, NULL, 0, NULL));
        gate_await(&gate, 1);
        thread = support_thread_start(wait_for_ever, &waits);
        assert_ok(brood_pool_apply_async(pool, NULL, task_echo, NULL, 0, &options));
        gate_await(&callback, 1);
        gate_pass(&gate, 1);
        for (int64_t end = brood_os_now() + SOON_MS * INT64_C(1000000);
             brood_load32(&waits.is_over) == 0;) {
            assert_true(brood_os_now() < end);
            support_yield();
        }
        gate_pass(&callback, 1);
        support_thread_join(thread);
        brood_result_destroy(waits.result);
    }
    end_pool(pool);
    gate_free(&gate);
    gate_free(&callback);
}

/* ---- L8 ---------------------------------------------------------------------------------- */

static void submit_next(brood_result *result, void *user)
{
    notes *seen = user;
    brood_task_options options = options_of(seen);
    int64_t x = seen->left;

    (void)result;
    seen->done++;
    options.done = submit_next;
    options.failed = submit_next;
    if (seen->left-- > 0) {
        assert_ok(brood_pool_apply_async(seen->pool, NULL, fail_odd, &x, sizeof x, &options));
    } else {
        brood_pool_close(seen->pool);
    }
}

/* Nobody but callbacks keeps it going; the last one closes it. */
static void l8_callbacks_submit_and_close(void **state)
{
    brood_pool *pool = pool_of(2);
    notes seen = notes_of(pool);
    int64_t x = 2;
    brood_task_options options = options_of(&seen);

    (void)state;
    assert_status(brood_pool_join(pool, 0), BROOD_ERR_STATE);
    seen.left = 500;
    options.done = submit_next;
    assert_ok(brood_pool_apply_async(pool, NULL, task_square, &x, sizeof x, &options));
    while (brood_pool_join(pool, SOON_MS) == BROOD_ERR_STATE) {
        support_yield(); /* until the last callback has closed it */
    }
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_int_equal(seen.done, 501);
    assert_null(brood_pool_destroy(pool));
}

static void close_then_submit(brood_result *result, void *user)
{
    notes *seen = user;
    brood_failure failure = BROOD_FAILURE_INIT;
    brood_task_options options = options_of(seen);
    int64_t x = 3;

    (void)result;
    options.failure = &failure;
    seen->statuses[0] = brood_pool_close(seen->pool);
    seen->statuses[1] =
        brood_pool_apply_async(seen->pool, NULL, task_square, &x, sizeof x, &options);
    seen->statuses[2] = failure.status;
    note(seen, &seen->refused);
}

/* What was submitted before is run. */
static void l8_a_callback_closes_and_fails_to_submit(void **state)
{
    brood_pool *pool = pool_of(2);
    notes seen = notes_of(pool);
    brood_task_options closing = options_of(&seen);
    brood_task_options options = options_of(&seen);
    int accepted = 0;
    int64_t x = 2;

    (void)state;
    closing.failed = close_then_submit;
    for (int i = 0; i < 1000; i++) {
        brood_status status = brood_pool_apply_async(pool, NULL, i == 3 ? task_fail : task_square,
                                                     &x, sizeof x, i == 3 ? &closing : &options);

        assert_true(status == BROOD_OK || (i > 3 && status == BROOD_ERR_STATE));
        accepted += status == BROOD_OK;
    }
    assert_ok(brood_pool_close(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_int_equal(seen.refused, 1);
    assert_ok(seen.statuses[0]);
    assert_status(seen.statuses[1], BROOD_ERR_STATE);
    assert_status(seen.statuses[2], BROOD_ERR_STATE);
    assert_int_equal(seen.done, accepted - 1);
    assert_int_equal(seen.failed, 0);
    assert_null(brood_pool_destroy(pool));
}

static void wait_for_everything(brood_result *result, void *user)
{
    notes *seen = user;
    brood_pool *pool = seen->pool;
    int64_t x = 3;

    assert_ok(brood_result_get(result, NULL, NULL, BROOD_FOREVER)); /* this one is there */
    seen->statuses[0] = brood_pool_apply(pool, task_square, &x, sizeof x, &x, sizeof x, NULL);
    seen->statuses[1] = brood_pool_map(pool, task_square, &x, 1, sizeof x, &x, sizeof x, NULL);
    seen->statuses[2] = brood_result_wait(seen->other, BROOD_FOREVER);
    seen->statuses[3] = brood_result_get(seen->other, NULL, NULL, SOON_MS);
    seen->statuses[4] = brood_result_item(seen->other, 0, NULL, NULL, NULL, SOON_MS);
    seen->statuses[5] = brood_result_wait(seen->other, 0);
    seen->statuses[6] = brood_pool_close(pool);
    seen->statuses[7] = brood_pool_join(pool, SOON_MS);
    note(seen, &seen->done);
}

static void l8_a_callback_cannot_wait(void **state)
{
    pool_gate gate;
    brood_pool *pool = pool_with_gate(2, &gate);
    notes seen = notes_of(pool);
    brood_task_options options = options_of(&seen);
    int64_t x = 2;

    (void)state;
    assert_ok(brood_pool_apply_async(pool, &seen.other, task_gated, NULL, 0, NULL));
    gate_await(&gate, 1);
    options.done = wait_for_everything;
    assert_ok(brood_pool_apply_async(pool, NULL, task_square, &x, sizeof x, &options));
    while (brood_pool_join(pool, 0) == BROOD_ERR_STATE) {
        support_yield(); /* the callback closes it */
    }
    gate_open(&gate);
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_int_equal(seen.done, 1);
    for (int i = 0; i < 8; i++) {
        assert_status(seen.statuses[i], i == 5   ? BROOD_ERR_TIMEOUT
                                        : i == 6 ? BROOD_OK
                                                 : BROOD_ERR_STATE);
    }
    assert_ok(brood_result_get(seen.other, NULL, NULL, 0));
    brood_result_destroy(seen.other);
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

static void cancel_other(brood_result *result, void *user)
{
    notes *seen = user;

    seen->statuses[0] = brood_result_cancel(seen->other);
    brood_result_destroy(result); /* its own */
    note(seen, &seen->done);
}

static void l8_a_callback_cancels_and_destroys(void **state)
{
    pool_gate gate;
    brood_pool *pool = pool_with_gate(2, &gate);
    notes seen = notes_of(pool);
    brood_task_options options = options_of(&seen);
    brood_result *own = NULL;

    (void)state;
    assert_ok(brood_pool_apply_async(pool, &seen.other, task_until_cancelled, NULL, 0, NULL));
    gate_await(&gate, 1);
    options.done = cancel_other;
    assert_ok(brood_pool_apply_async(pool, &own, task_gated, "x", 2, &options));
    gate_await(&gate, 1);
    gate_pass(&gate, 1);
    assert_status(brood_result_get(seen.other, NULL, NULL, SOON_MS), BROOD_ERR_CANCELLED);
    close_and_join(pool);
    assert_int_equal(seen.done, 1);
    assert_ok(seen.statuses[0]);
    brood_result_destroy(seen.other);
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

/* ---- L9 ---------------------------------------------------------------------------------- */

static void terminate_pool(brood_result *result, void *user)
{
    notes *seen = user;

    (void)result;
    if (seen->refused++ == 0) {
        seen->statuses[0] = brood_pool_terminate(seen->pool);
        seen->statuses[1] = brood_pool_terminate(seen->pool);
        seen->statuses[2] = brood_pool_apply_async(seen->pool, NULL, task_echo, NULL, 0, NULL);
    }
}

/* Of those that run, wait, and have run, each one is told of once. */
static void l9_an_error_callback_terminates(void **state)
{
    enum {
        COUNT = 200
    };
    pool_gate gate;
    brood_pool *pool = pool_with_gate(3, &gate);
    notes seen = notes_of(pool);
    brood_task_options options = options_of(&seen);
    brood_result *results[COUNT];
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;

    (void)state;
    options.failed = terminate_pool;
    for (int i = 0; i < COUNT; i++) {
        brood_function *function = i == 10 ? task_fail : i < 10 ? task_echo : task_gated;
        brood_status status = brood_pool_apply_async(pool, &results[i], function, "x", 2, &options);

        assert_true(status == BROOD_OK || (i > 10 && status == BROOD_ERR_STATE));
        if (i < 10) {
            assert_ok(brood_result_get(results[i], NULL, NULL, SOON_MS));
        }
    }
    for (int i = 0; i < COUNT; i++) {
        if (results[i] != NULL) {
            assert_status(brood_result_get(results[i], NULL, NULL, SOON_MS),
                          i < 10    ? BROOD_OK
                          : i == 10 ? BROOD_ERR_TASK
                                    : BROOD_ERR_CANCELLED);
        }
    }
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_ok(seen.statuses[0]);
    assert_ok(seen.statuses[1]);
    assert_status(seen.statuses[2], BROOD_ERR_STATE);
    assert_ok(brood_pool_get_stats(pool, &stats));
    assert_int_equal(stats.submitted, stats.succeeded + stats.failed + stats.cancelled);
    assert_int_equal(stats.alive, 0);
    assert_int_equal(seen.done, 10);
    assert_int_equal(seen.refused, stats.failed + stats.cancelled);
    for (int i = 0; i < COUNT; i++) {
        brood_result_destroy(results[i]);
    }
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

/* Of a map whose other items still run. */
static void l9_an_error_callback_terminates_maps(void **state)
{
    pool_gate gate;
    brood_pool *pool = pool_with_gate(2, &gate);
    notes seen = notes_of(pool);
    brood_task_options options = options_of(&seen);
    brood_result *map = NULL;
    int64_t in[100] = {0};
    int64_t out[100];

    (void)state;
    options.failed = terminate_pool;
    assert_ok(brood_pool_map_async(pool, &map, task_gated, in, 100, sizeof in[0], out,
                                   sizeof out[0], &options));
    gate_await(&gate, 2);
    options.deadline_ms = 1; /* it fails while both workers are busy */
    assert_ok(brood_pool_apply_async(pool, NULL, task_echo, NULL, 0, &options));
    assert_status(brood_result_get(map, NULL, NULL, SOON_MS), BROOD_ERR_CANCELLED);
    assert_int_equal(brood_result_failed_count(map), 100);
    brood_result_destroy(map);
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_int_equal(seen.refused, 2);
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

/* Results lie in the rings, unheard, when it is terminated. */
static void l9_terminated_at_any_time(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        brood_pool *pool = pool_of(2);
        notes seen = notes_of(pool);
        brood_task_options options = options_of(&seen);
        int64_t x = 2;

        for (int i = 0; i < 50 * round; i++) {
            assert_ok(brood_pool_apply_async(pool, NULL, task_square, &x, sizeof x, &options));
        }
        assert_ok(brood_pool_terminate(pool));
        assert_ok(brood_pool_join(pool, SOON_MS));
        assert_int_equal(seen.done + seen.failed, 50 * round);
        assert_null(brood_pool_destroy(pool));
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_callback_that_takes_long_does_not_keep_who_waits_already),
    cmocka_unit_test(callbacks_come_once_and_before_join_returns),
    cmocka_unit_test(maps_and_ranges_call_back_once),
    cmocka_unit_test(join_waits_for_callbacks),
    cmocka_unit_test(a_callback_that_takes_long_keeps_nobody_waiting),
    cmocka_unit_test(l8_callbacks_submit_and_close),
    cmocka_unit_test(l8_a_callback_closes_and_fails_to_submit),
    cmocka_unit_test(l8_a_callback_cannot_wait),
    cmocka_unit_test(l8_a_callback_cancels_and_destroys),
    cmocka_unit_test(l9_an_error_callback_terminates),
    cmocka_unit_test(l9_an_error_callback_terminates_maps),
    cmocka_unit_test(l9_terminated_at_any_time),
};

BROOD_TEST_MAIN(tests)
