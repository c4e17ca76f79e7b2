/*
 * Group H: a worker against the program. What it writes where it must not costs it its own task and
 * its life, and the program nothing: no call hangs or is held up, nothing false is believed.
 */
#include "pool_stage.h"

#include <stdlib.h>

#include "worker_view.h"

/* ---- H1: shared memory made shorter ------------------------------------------------------------ */

/* Whether it could. */
static int shorten(brood_task *task, const void *arg, size_t size)
{
    bool done = support_truncate(task->start->handles[BROOD_WIRE_HANDLE_SEGMENT], 0) ||
                support_truncate(task->shared[0]->segment.handle, 1);

    (void)arg;
    (void)size;
    return brood_return(task, &done, sizeof done);
}

static void h1_a_worker_shortens_what_is_shared(void **state)
{
    pool_stage stage;
    bool done = true;

    (void)state;
    if (!support_is_linux() && !support_is_windows()) {
        harness_skip("POSIX has nothing against it");
    }
    stage_prepare(&stage, 1);
    stage_open(&stage);
    assert_ok(
        brood_pool_apply(stage.pool, shorten, NULL, 0, &done, sizeof done, &stage.task_options));
    assert_false(done);
    brood_store64(&stage.notes[STAGE_NOTES - 1], 1); /* SIGBUS would end us */
    stage_works(&stage, 3);
    stage_close(&stage);
}

/* ---- H12: the time at which a worker began ---------------------------------------------------- */

/* Says that it began at a time that cannot be, and takes as long as the test wants. */
static int begin_at(brood_task *task, const void *arg, size_t size)
{
    uint64_t when = 0;

    (void)size;
    memcpy(&when, arg, sizeof when);
    brood_store64(&view_of(task, 1).page->started, when);
    stage_wait(task);
    return 0;
}

/* All time-outs are looked at a few times before the task may go on. */
static void finish(pool_stage *stage, brood_result *result)
{
    for (int i = 0; i < 3; i++) {
        brood_result_wait(result, 1);
    }
    stage_let_go(stage, 1);
    stage_end(result, BROOD_OK);
}

/* A time-out of a minute does not pass meanwhile. */
static void h12_no_false_time_out(void **state)
{
    const uint64_t times[] = {0,
                              1,
                              (uint64_t)brood_os_now() - 1000 * UINT64_C(3600000000000),
                              (uint64_t)brood_os_now() + UINT64_C(3600000000000),
                              UINT64_C(1) << 62,
                              INT64_MAX,
                              UINT64_C(1) << 63,
                              UINT64_MAX};
    pool_stage stage;

    (void)state;
    stage_prepare(&stage, 1);
    stage.options.grace_ms = 1;
    stage.task_options.timeout_ms = 60000;
    stage_open(&stage);
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        brood_result *result = NULL;

        assert_ok(brood_pool_apply_async(stage.pool, &result, begin_at, &times[i], sizeof times[i],
                                         &stage.task_options));
        stage_await(&stage);
        finish(&stage, result);
    }
    assert_int_equal(stage_stats(&stage).started, 1);
    stage_close(&stage);
}

typedef enum dodge_kind {
    BEGINS_NOW, /* again and again */
    LATER_ITEM, /* one behind the other, beyond the last */
    TWO_ITEMS,  /* in turns */
    NOT_BEGUN,  /* and begun, in turns */
    DODGES
} dodge_kind;

/* Runs for ever, and says what would make its time-out never pass. */
static int dodge(brood_task *task, const void *arg, size_t size)
{
    brood_wire_page *page = view_of(task, 1).page;
    dodge_kind kind = BEGINS_NOW;

    (void)size;
    memcpy(&kind, arg, sizeof kind);
    for (uint64_t i = 0;; i++) {
        brood_store64(&page->started, (uint64_t)brood_os_now());
        if (kind == LATER_ITEM) {
            brood_store64(&page->item, i + 1);
        } else if (kind == TWO_ITEMS) {
            brood_store64(&page->item, 1 + i % 2);
        } else if (kind == NOT_BEGUN) {
            brood_store64(&page->item, i % 2);
        }
    }
    return 0;
}

static void h12_a_time_out_cannot_be_dodged(void **state)
{
    pool_stage stage;

    (void)state;
    stage_prepare(&stage, 1);
    stage.options.grace_ms = 1;
    stage.task_options.timeout_ms = 50;
    stage.task_options.chunk_size = 2;
    stage_open(&stage);
    for (int kind = 0; kind < 2 * DODGES; kind++) {
        dodge_kind arg[2] = {(dodge_kind)(kind / 2), (dodge_kind)(kind / 2)};
        brood_result *result = NULL;

        assert_ok(brood_pool_map_async(stage.pool, &result, dodge, arg, 1 + (size_t)kind % 2,
                                       sizeof arg[0], NULL, 0, &stage.task_options));
        assert_ok(brood_result_wait(result, SOON_MS));
        assert_false(brood_result_successful(result));
        brood_result_destroy(result);
    }
    stage_works(&stage, 3);
    stage_close(&stage);
}

static int wait_at_gate(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    stage_wait(task);
    return 0;
}

static int hang(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    support_hang();
    return 0;
}

/* Workers in another time namespace: a time-out of a minute does not pass, one of 100 ms does. */
static void check_clock_of_workers(int64_t seconds_ahead)
{
    pool_stage stage;
    brood_result *result = NULL;

    stage_prepare(&stage, 1);
    stage.options.lazy = true;
    stage.options.grace_ms = 1;
    stage.task_options.timeout_ms = 60000;
    stage_open(&stage); /* a process whose children have another clock can start no threads */
    if (!support_shift_clock_of_children(seconds_ahead)) {
        stage_close(&stage);
        harness_skip("this system, or this user, cannot give children a clock of their own");
    }
    for (int i = 0; i < 3; i++) {
        assert_ok(brood_pool_apply_async(stage.pool, &result, wait_at_gate, NULL, 0,
                                         &stage.task_options));
        stage_await(&stage);
        finish(&stage, result);
    }
    stage.task_options.timeout_ms = 100;
    assert_ok(brood_pool_apply_async(stage.pool, &result, hang, NULL, 0, &stage.task_options));
    stage_end(result, BROOD_ERR_TASK_TIMEOUT);
    stage_close(&stage);
}

static void h12_workers_whose_clock_is_ahead(void **state)
{
    (void)state;
    check_clock_of_workers(86400);
}

static void h12_workers_whose_clock_is_behind(void **state)
{
    (void)state;
    check_clock_of_workers(-20);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(h1_a_worker_shortens_what_is_shared),
    cmocka_unit_test(h12_no_false_time_out),
    cmocka_unit_test(h12_workers_whose_clock_is_ahead),
    cmocka_unit_test(h12_workers_whose_clock_is_behind),
    cmocka_unit_test(h12_a_time_out_cannot_be_dodged),
};

BROOD_TEST_MAIN(tests)
