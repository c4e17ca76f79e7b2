/* F17 - F19: time-outs, deadlines and cancelling; each task has exactly one end. */
#include "pool_stage.h"

#include <stdlib.h>

#define RACES 300

static int note(brood_task *task, const void *arg, size_t size)
{
    int64_t x = 0;

    memcpy(&x, arg, sizeof x);
    brood_add64(&stage_notes(task)[x], 1);
    return stage_square(task, arg, size);
}

static int wait_and_note(brood_task *task, const void *arg, size_t size)
{
    stage_wait(task);
    return note(task, arg, size);
}

static int look_until_cancelled(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    stage_tell(task);
    while (!brood_task_cancelled(task)) {
        brood_pause();
    }
    return 0;
}

static int never_look(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    stage_tell(task);
    support_hang();
    return 0;
}

static brood_result *submit(pool_stage *stage, brood_function *function, int64_t x)
{
    brood_result *result = NULL;

    assert_ok(
        brood_pool_apply_async(stage->pool, &result, function, &x, sizeof x, &stage->task_options));
    return result;
}

/* ---- F19: cancelling ------------------------------------------------------------------------ */

static void f19_cancel_what_is_queued(void **state)
{
    enum {
        TASKS = 600 /* more than are given ahead */
    };
    pool_stage stage;
    brood_result *results[TASKS];

    (void)state;
    stage_prepare(&stage, 1);
    stage_open(&stage);
    for (int64_t i = 0; i < TASKS; i++) {
        results[i] = submit(&stage, i == 0 ? wait_and_note : note, i);
    }
    stage_await(&stage);
    for (int i = 1; i < TASKS; i += 3) {
        assert_ok(brood_result_cancel(results[i]));
        stage_expect(results[i], BROOD_ERR_CANCELLED);
    }
    stage_let_go(&stage, 1);
    for (int i = 0; i < TASKS; i++) {
        stage_end(results[i], i % 3 == 1 ? BROOD_ERR_CANCELLED : BROOD_OK);
        assert_int_equal(brood_load64(&stage.notes[i]), i % 3 != 1);
    }
    assert_int_equal(stage_stats(&stage).cancelled, TASKS / 3);
    assert_int_equal(stage_stats(&stage).died, 0);
    stage_close(&stage);
}

static int wait_in_initializer(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    stage_wait(task);
    return 0;
}

/* It was given to a worker that has not come up. */
static void f19_cancel_what_starts(void **state)
{
    pool_stage stage;
    brood_result *results[3];

    (void)state;
    stage_prepare(&stage, 1);
    stage.options.initializer = wait_in_initializer;
    stage_open(&stage);
    for (int64_t i = 0; i < 3; i++) {
        results[i] = submit(&stage, note, i);
    }
    stage_await(&stage);
    assert_ok(brood_result_cancel(results[0]));
    stage_end(results[0], BROOD_ERR_CANCELLED);
    assert_ok(brood_result_cancel(results[2]));
    stage_end(results[2], BROOD_ERR_CANCELLED);
    stage_let_go(&stage, 1);
    stage_end(results[1], BROOD_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(brood_load64(&stage.notes[i]), i == 1);
    }
    assert_int_equal(stage_stats(&stage).started, 1);
    stage_close(&stage);
}

static void f19_cancel_what_runs_and_looks(void **state)
{
    pool_stage stage;
    brood_result *result = NULL;
    brood_failure failure = BROOD_FAILURE_INIT;

    (void)state;
    stage_prepare(&stage, 1);
    stage.options.grace_ms = 60000;
    stage_open(&stage);
    for (int i = 0; i < 10; i++) {
        result = submit(&stage, look_until_cancelled, 0);
        stage_await(&stage);
        assert_ok(brood_result_cancel(result));
        stage_expect(result, BROOD_ERR_CANCELLED);
        assert_ok(brood_result_failure(result, &failure));
        assert_status(failure.status, BROOD_ERR_CANCELLED);
        brood_result_destroy(result);
        stage_works(&stage, 1);
    }
    assert_int_equal(stage_stats(&stage).started, 1);
    stage_close(&stage);
}

static void f19_cancel_what_runs_and_never_looks(void **state)
{
    pool_stage stage;
    brood_result *result = NULL;

    (void)state;
    stage_prepare(&stage, 1);
    stage.options.grace_ms = 20;
    stage_open(&stage);
    for (int i = 0; i < 3; i++) {
        result = submit(&stage, never_look, 0);
        stage_await(&stage);
        assert_ok(brood_result_cancel(result));
        stage_end(result, BROOD_ERR_CANCELLED);
        stage_works(&stage, 1);
    }
    assert_int_equal(stage_stats(&stage).died, 3);
    stage_close(&stage);
}

static void f19_cancel_what_is_done(void **state)
{
    pool_stage stage;
    brood_result *result = NULL;
    const void *data = NULL;

    (void)state;
    stage_prepare(&stage, 1);
    stage_open(&stage);
    result = submit(&stage, note, 9);
    stage_expect(result, BROOD_OK);
    assert_status(brood_result_cancel(result), BROOD_ERR_STATE);
    assert_ok(brood_result_get(result, &data, NULL, 0));
    assert_int_equal(*(const int64_t *)data, 81);
    brood_result_destroy(result);
    stage_close(&stage);
}

/* The one that runs, and one behind it; the others on the same worker are not hurt. */
static void f19_cancel_one_of_several_on_a_worker(void **state)
{
    pool_stage stage;
    brood_result *results[6];

    (void)state;
    stage_prepare(&stage, 1);
    stage.options.grace_ms = 20;
    stage_open(&stage);
    stage_works(&stage, 100); /* now it is given several ahead */
    for (int64_t i = 0; i < 6; i++) {
        results[i] = submit(&stage, i == 0 ? never_look : note, i);
    }
    stage_await(&stage);
    assert_ok(brood_result_cancel(results[3]));
    assert_ok(brood_result_cancel(results[0]));
    for (int i = 0; i < 6; i++) {
        stage_end(results[i], i % 3 == 0 ? BROOD_ERR_CANCELLED : BROOD_OK);
        assert_int_equal(brood_load64(&stage.notes[i]), i % 3 != 0);
    }
    stage_close(&stage);
}

static int note_item(brood_task *task, const void *arg, size_t size)
{
    brood_add64(&stage_notes(task)[brood_task_index(task)], 1);
    if (brood_task_index(task) == 35) {
        stage_wait(task);
    }
    return stage_square(task, arg, size);
}

/* Items before it are done, the others never run; what runs at the time is ended. */
static void f19_cancel_a_map(void **state)
{
    enum {
        COUNT = 100
    };
    pool_stage stage;
    brood_result *result = NULL;
    int64_t in[COUNT];
    int64_t out[COUNT];
    uint64_t ran = 0;

    (void)state;
    stage_prepare(&stage, 1);
    stage.options.grace_ms = 20;
    stage.task_options.chunk_size = 10;
    stage_open(&stage);
    for (int64_t i = 0; i < COUNT; i++) {
        in[i] = i;
        out[i] = -1;
    }
    assert_ok(brood_pool_map_async(stage.pool, &result, note_item, in, COUNT, sizeof in[0], out,
                                   sizeof out[0], &stage.task_options));
    stage_await(&stage);
    assert_ok(brood_result_cancel(result));
    stage_expect(result, BROOD_ERR_CANCELLED);
    for (uint64_t i = 0; i < COUNT; i++) {
        brood_status status = brood_result_item(result, i, NULL, NULL, NULL, 0);

        assert_int_equal(brood_load64(&stage.notes[i]), i <= 35);
        assert_int_equal(out[i], status == BROOD_OK ? (int64_t)(i * i) : -1);
        assert_true(status == BROOD_ERR_CANCELLED || i < 35);
        ran += status == BROOD_OK;
    }
    assert_true(ran >= 20); /* whole chunks that were told of before; the last is on its way */
    assert_int_equal(brood_result_failed_count(result), COUNT - ran);
    brood_result_destroy(result);
    stage_works(&stage, 3);
    stage_close(&stage);
}

static int hang_in_range(brood_task *task, uint64_t begin, uint64_t end, const void *context,
                         size_t size)
{
    (void)context;
    (void)size;
    for (uint64_t i = begin; i < end; i++) {
        brood_add64(&stage_notes(task)[i], 1);
    }
    if (begin == 0) {
        stage_tell(task);
        support_hang();
    }
    return 0;
}

static void f19_cancel_a_range(void **state)
{
    pool_stage stage;
    brood_result *result = NULL;

    (void)state;
    stage_prepare(&stage, 1);
    stage.options.grace_ms = 20;
    stage.task_options.chunk_size = 10;
    stage_open(&stage);
    assert_ok(brood_pool_for_async(stage.pool, &result, hang_in_range, 0, 100, NULL, 0,
                                   &stage.task_options));
    stage_await(&stage);
    assert_ok(brood_result_cancel(result));
    stage_expect(result, BROOD_ERR_CANCELLED);
    assert_int_equal(brood_result_failed_count(result), 100);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(brood_load64(&stage.notes[i]), i < 10);
    }
    brood_result_destroy(result);
    stage_works(&stage, 3);
    stage_close(&stage);
}

/* What is left of it when its worker is ended does not wait behind what is more urgent. */
static void f19_cancel_a_map_before_urgent_tasks(void **state)
{
    enum {
        URGENT = 8 /* more than a worker is given ahead */
    };
    pool_stage stage;
    brood_result *result = NULL;
    brood_result *urgent[URGENT];
    char in[4] = {0};

    (void)state;
    stage_prepare(&stage, 1);
    stage.options.grace_ms = 20;
    stage.task_options.chunk_size = sizeof in;
    stage_open(&stage);
    assert_ok(brood_pool_map_async(stage.pool, &result, never_look, in, sizeof in, 1, NULL, 0,
                                   &stage.task_options));
    stage_await(&stage);
    stage.task_options.priority = 10;
    for (int64_t i = 0; i < URGENT; i++) {
        urgent[i] = submit(&stage, wait_and_note, i);
    }
    assert_ok(brood_result_cancel(result));
    stage_end(result, BROOD_ERR_CANCELLED);
    stage_let_go(&stage, URGENT);
    for (int i = 0; i < URGENT; i++) {
        stage_end(urgent[i], BROOD_OK);
    }
    stage_close(&stage);
}

/* The worker has begun to read an argument that nobody goes on sending. */
static void f19_cancel_while_it_is_sent(void **state)
{
    enum {
        SIZE = 8 << 20
    };
    pool_stage stage;
    brood_result *results[2];
    char *arg = calloc(1, SIZE);
    int64_t x = 1;

    (void)state;
    stage_prepare(&stage, 1);
    stage.options.event_loop = true;
    stage_open(&stage);
    assert_ok(brood_pool_apply_async(stage.pool, &results[0], never_look, arg, SIZE, NULL));
    results[1] = submit(&stage, note, x);
    free(arg);
    assert_ok(brood_result_cancel(results[0]));
    stage_run_until(&stage, results[0]);
    stage_end(results[0], BROOD_ERR_CANCELLED);
    stage_run_until(&stage, results[1]);
    stage_end(results[1], BROOD_OK);
    stage_close(&stage);
}

/* ---- time-outs in a map ----------------------------------------------------------------------- */

typedef struct timed_item {
    int64_t hangs, crashes;
} timed_item;

static int run_timed_item(brood_task *task, const void *arg, size_t size)
{
    const timed_item *item = arg;
    uint64_t index = brood_task_index(task);

    (void)size;
    brood_add64(&stage_notes(task)[index], 1);
    if (item->hangs == 1) {
        while (!brood_task_cancelled(task)) {
            brood_pause();
        }
    } else if (item->hangs == 2) {
        support_hang();
    }
    if (item->crashes != 0 && brood_task_attempt(task) == 1) {
        support_kill_self();
    }
    return brood_return(task, &index, sizeof index);
}

static void f18_a_time_out_costs_one_item(void **state)
{
    enum {
        COUNT = 20
    };

    (void)state;
    for (int64_t how = 1; how <= 2; how++) {
        pool_stage stage;
        timed_item in[COUNT] = {{0, 0}};
        uint64_t out[COUNT] = {0};
        brood_result *result = NULL;

        in[7].hangs = how;
        stage_prepare(&stage, 2);
        stage.options.grace_ms = 20;
        stage.task_options.timeout_ms = 300;
        stage.task_options.chunk_size = 10;
        stage_open(&stage);
        assert_ok(brood_pool_map_async(stage.pool, &result, run_timed_item, in, COUNT, sizeof in[0],
                                       out, sizeof out[0], &stage.task_options));
        stage_expect(result, BROOD_ERR_TASK_TIMEOUT);
        assert_int_equal(brood_result_failed_count(result), 1);
        for (uint64_t i = 0; i < COUNT; i++) {
            assert_status(brood_result_item(result, i, NULL, NULL, NULL, 0),
                          i == 7 ? BROOD_ERR_TASK_TIMEOUT : BROOD_OK);
            assert_int_equal(brood_load64(&stage.notes[i]), 1);
            assert_int_equal(out[i], i == 7 ? 0 : i);
        }
        brood_result_destroy(result);
        stage_close(&stage);
    }
}

/* A large one behind it is cancelled meanwhile: that is of no matter to what timed out. */
static void f18_a_time_out_before_what_is_cancelled(void **state)
{
    enum {
        LARGE = 3 << 20 /* does not fit into a ring, so it cannot be taken back */
    };
    brood_result *results[2];
    unsigned char *large = calloc(1, LARGE);
    pool_stage stage;

    (void)state;
    stage_prepare(&stage, 1);
    stage.options.grace_ms = SOON_MS;
    stage_open(&stage);
    stage.task_options.timeout_ms = 200;
    results[0] = submit(&stage, look_until_cancelled, 0);
    stage_await(&stage);
    assert_ok(brood_pool_apply_async(stage.pool, &results[1], note, large, LARGE, NULL));
    assert_ok(brood_result_cancel(results[1]));
    stage_end(results[0], BROOD_ERR_TASK_TIMEOUT);
    stage_end(results[1], BROOD_ERR_CANCELLED);
    stage_close(&stage);
    free(large);
}

/* An item that was warned and came back does not make the crash of a later one a time-out. */
static void f18_a_crash_after_a_time_out_is_a_crash(void **state)
{
    enum {
        COUNT = 10
    };
    pool_stage stage;
    timed_item in[COUNT] = {{0, 0}};
    uint64_t out[COUNT] = {0};
    brood_result *result = NULL;

    (void)state;
    in[3].hangs = 1;
    in[5].crashes = 1;
    stage_prepare(&stage, 1);
    stage.options.grace_ms = 60000;
    stage.task_options.timeout_ms = 200;
    stage.task_options.chunk_size = COUNT;
    stage.task_options.retries = 1;
    stage_open(&stage);
    assert_ok(brood_pool_map_async(stage.pool, &result, run_timed_item, in, COUNT, sizeof in[0],
                                   out, sizeof out[0], &stage.task_options));
    stage_expect(result, BROOD_ERR_TASK_TIMEOUT);
    for (uint64_t i = 0; i < COUNT; i++) {
        assert_status(brood_result_item(result, i, NULL, NULL, NULL, 0),
                      i == 3 ? BROOD_ERR_TASK_TIMEOUT : BROOD_OK);
        assert_int_equal(brood_load64(&stage.notes[i]), i == 5 ? 2 : 1);
    }
    brood_result_destroy(result);
    stage_close(&stage);
}

/* ---- F18: races ------------------------------------------------------------------------------- */

/* Takes about as long as the time that it has; every other one looks whether it was cancelled. */
static int take_time(brood_task *task, const void *arg, size_t size)
{
    int64_t end = 0;

    memcpy(&end, arg, sizeof end);
    end = brood_os_now() + end;
    while (brood_os_now() < end && (end % 2 == 0 || !brood_task_cancelled(task))) {
        brood_pause();
    }
    return brood_return(task, arg, size);
}

typedef struct ends {
    brood_atomic32 done, failed;
} ends;

static void on_done(brood_result *result, void *user)
{
    (void)result;
    brood_add32(&((ends *)user)->done, 1);
}

static void on_failed(brood_result *result, void *user)
{
    (void)result;
    brood_add32(&((ends *)user)->failed, 1);
}

static void check_end(brood_result *result, const ends *counted, brood_status status, int64_t x)
{
    const void *data = NULL;
    size_t size = 0;
    brood_status got = brood_result_get(result, &data, &size, SOON_MS);
    ends *told = (ends *)(uintptr_t)counted;

    if (got != BROOD_OK) {
        assert_status(got, status);
    } else {
        assert_int_equal(size, sizeof x);
        assert_int_equal(*(const int64_t *)data, x);
    }
    assert_status(brood_result_cancel(result), BROOD_ERR_STATE);
    assert_int_equal(brood_load32(&told->done) + brood_load32(&told->failed), 1);
    assert_int_equal(brood_load32(&told->done), got == BROOD_OK);
    brood_result_destroy(result);
}

/* x: how long each takes at most, around the millisecond that it has. */
static void race(brood_status status, uint32_t grace_ms)
{
    pool_stage stage;
    brood_result *results[RACES];
    ends *told = calloc(RACES, sizeof *told);
    int64_t x[RACES];

    stage_prepare(&stage, 2);
    stage.options.grace_ms = grace_ms;
    stage.task_options.done = on_done;
    stage.task_options.failed = on_failed;
    stage.task_options.timeout_ms = status == BROOD_ERR_TASK_TIMEOUT ? 1 : 0;
    stage_open(&stage);
    for (int i = 0; i < RACES; i++) {
        x[i] = (i % 40) * 50000;
        stage.task_options.user = &told[i];
        stage.task_options.deadline_ms = status == BROOD_ERR_DEADLINE ? (uint32_t)i / 8 + 1 : 0;
        results[i] = submit(&stage, take_time, x[i]);
        if (status == BROOD_ERR_CANCELLED && i > 2) {
            brood_result_cancel(results[i - i % 3]);
        }
    }
    assert_ok(brood_pool_close(stage.pool));
    assert_ok(brood_pool_join(stage.pool, SOON_MS));
    for (int i = 0; i < RACES; i++) {
        check_end(results[i], &told[i], status, x[i]);
    }
    stage_close(&stage);
    free(told);
}

static void f18_a_time_out_races_the_end(void **state)
{
    (void)state;
    race(BROOD_ERR_TASK_TIMEOUT, 60000);
    race(BROOD_ERR_TASK_TIMEOUT, 1);
}

static void f18_a_deadline_races_the_end(void **state)
{
    (void)state;
    race(BROOD_ERR_DEADLINE, 60000);
    race(BROOD_ERR_DEADLINE, 1);
}

static void f19_cancelling_races_the_end(void **state)
{
    (void)state;
    race(BROOD_ERR_CANCELLED, 60000);
    race(BROOD_ERR_CANCELLED, 1);
}

/* ---- F17: a stopped worker -------------------------------------------------------------------- */

/* Before there is a pool, which would be left open. */
static void need_stop_signal(void)
{
    if (!support_has_sigchld()) {
        harness_skip("Windows has no signal that stops a process");
    }
}

static void stop_process(int64_t pid)
{
    support_signal(pid, "STOP");
}

static void f17_stopped_while_running(void **state)
{
    pool_stage stage;
    brood_result *result = NULL;

    (void)state;
    need_stop_signal();
    stage_prepare(&stage, 1);
    stage.options.grace_ms = 20;
    stage.task_options.timeout_ms = 300;
    stage_open(&stage);
    result = submit(&stage, never_look, 0);
    stage_await(&stage);
    stop_process(stage_pid(&stage, 0));
    stage_end(result, BROOD_ERR_TASK_TIMEOUT);
    stage_works(&stage, 3);
    stage_close(&stage);
}

/* It never begins the task, which is nobody's fault: another worker runs it. */
static void f17_stopped_while_idle(void **state)
{
    (void)state;
    need_stop_signal();
    for (uint32_t workers = 1; workers <= 2; workers++) {
        pool_stage stage;
        brood_result *results[10];

        stage_prepare(&stage, workers);
        stage.options.grace_ms = 20;
        stage.task_options.timeout_ms = 300;
        stage_open(&stage);
        stage_await_started(&stage, workers);
        stage_works(&stage, 10);
        stop_process(stage_last_used(&stage));
        for (int64_t i = 0; i < 10; i++) {
            results[i] = submit(&stage, note, i);
        }
        for (int i = 0; i < 10; i++) {
            stage_end(results[i], BROOD_OK);
        }
        stage_terminate(&stage);
    }
}

/* Of two: the one that would get the next task. */
static void open_with_a_stopped_worker(pool_stage *stage)
{
    stage_prepare(stage, 2);
    stage_open(stage);
    stage_await_started(stage, 2);
    stage_works(stage, 10);
    stop_process(stage_last_used(stage));
}

/* Without a time-out, too, as long as there is one that works. */
static void f17_a_stopped_worker_does_not_keep_tasks(void **state)
{
    pool_stage stage;
    brood_result *result = NULL;

    (void)state;
    need_stop_signal();
    open_with_a_stopped_worker(&stage);
    for (int64_t i = 0; i < 30; i++) {
        result = submit(&stage, note, i);
        stage_end(result, BROOD_OK);
    }
    stage_terminate(&stage);
}

/* Nobody waits for the task: only the pool itself can see that it lies there. */
static void f17_a_stopped_worker_and_nobody_who_waits(void **state)
{
    pool_stage stage;
    brood_result *result = NULL;

    (void)state;
    need_stop_signal();
    open_with_a_stopped_worker(&stage);
    result = submit(&stage, note, 0);
    for (int64_t end = brood_os_now() + SOON_MS * INT64_C(1000000); !brood_result_ready(result);
         apr_sleep(1000)) {
        assert_true(brood_os_now() < end);
    }
    stage_end(result, BROOD_OK);
    stage_terminate(&stage);
}

/* ---- F18: a kill for one item of a map ------------------------------------------------------ */

/* Takes about as long as it may, with its grace, and never looks whether it should end. */
static int take_long_enough(brood_task *task, const void *arg, size_t size)
{
    uint64_t index = brood_task_index(task);
    int64_t end = brood_os_now() + 2500000 + (int64_t)(index * 7919 % 2500) * 1000;

    (void)arg;
    (void)size;
    while (brood_os_now() < end) {
        brood_pause();
    }
    return 0;
}

/* It ends about when its worker is killed: the item behind it must not pay for that. */
static void f18_a_kill_hits_no_other_item(void **state)
{
    enum {
        ITEMS = 300
    };
    pool_stage stage;
    char in[ITEMS] = {0};
    brood_result *result = NULL;
    brood_status status = BROOD_OK;

    (void)state;
    stage_prepare(&stage, 2);
    stage.options.grace_ms = 1;
    stage.task_options.timeout_ms = 2;
    stage.task_options.chunk_size = ITEMS / 6;
    stage_open(&stage);
    assert_ok(brood_pool_map_async(stage.pool, &result, take_long_enough, in, ITEMS, 1, NULL, 0,
                                   &stage.task_options));
    brood_result_wait(result, SOON_MS);
    for (uint64_t i = 0; i < ITEMS; i++) {
        status = brood_result_item(result, i, NULL, NULL, NULL, 0);
        if (status != BROOD_OK && status != BROOD_ERR_TASK_TIMEOUT) {
            fail_msg("item %d: %s", (int)i, brood_status_text(status));
        }
    }
    brood_result_destroy(result);
    stage_close(&stage);
}

/* ---- a task that has failed by itself, and is cancelled before that is heard ------------------ */

static int tell_and_fail(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    stage_wait(task);
    return 7;
}

/* As when cancel has made its turn, and the answer comes behind that. */
static void f19_a_failure_that_comes_after_the_cancel(void **state)
{
    pool_stage stage;
    brood_result *result = NULL;
    brood_ring_shared *answers = NULL;
    uint64_t before = 0;

    (void)state;
    stage_prepare(&stage, 1);
    stage.options.spin = BROOD_SPIN_NEVER;
    stage_open(&stage);
    assert_ok(brood_pool_apply_async(stage.pool, &result, tell_and_fail, NULL, 0, NULL));
    stage_await(&stage);
    answers = stage_answers(&stage, 0);
    brood_pool_lock(stage.pool);
    before = brood_load64(&answers->written);
    stage_let_go(&stage, 1);
    while (brood_load64(&answers->written) == before) {
        support_yield();
    }
    result->cancel_status = BROOD_ERR_CANCELLED;
    brood_pool_unlock(stage.pool);
    stage_end(result, BROOD_ERR_CANCELLED);
    stage_close(&stage);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(f19_a_failure_that_comes_after_the_cancel),
    cmocka_unit_test(f18_a_kill_hits_no_other_item),
    cmocka_unit_test(f17_stopped_while_running),
    cmocka_unit_test(f17_stopped_while_idle),
    cmocka_unit_test(f17_a_stopped_worker_does_not_keep_tasks),
    cmocka_unit_test(f17_a_stopped_worker_and_nobody_who_waits),
    cmocka_unit_test(f18_a_time_out_costs_one_item),
    cmocka_unit_test(f18_a_time_out_before_what_is_cancelled),
    cmocka_unit_test(f18_a_crash_after_a_time_out_is_a_crash),
    cmocka_unit_test(f18_a_time_out_races_the_end),
    cmocka_unit_test(f18_a_deadline_races_the_end),
    cmocka_unit_test(f19_cancelling_races_the_end),
    cmocka_unit_test(f19_cancel_what_is_queued),
    cmocka_unit_test(f19_cancel_what_starts),
    cmocka_unit_test(f19_cancel_what_runs_and_looks),
    cmocka_unit_test(f19_cancel_what_runs_and_never_looks),
    cmocka_unit_test(f19_cancel_what_is_done),
    cmocka_unit_test(f19_cancel_one_of_several_on_a_worker),
    cmocka_unit_test(f19_cancel_a_map),
    cmocka_unit_test(f19_cancel_a_map_before_urgent_tasks),
    cmocka_unit_test(f19_cancel_a_range),
    cmocka_unit_test(f19_cancel_while_it_is_sent),
};

BROOD_TEST_MAIN(tests)
