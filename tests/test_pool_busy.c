/* W11, W13: the pool goes on while its callers are busy, and while callbacks and starts take long. */
#include "pool_tools.h"

#include "pool/lock.h"
#include "pool/peer_impl.h"
#include "pool/pool_impl.h"
#include "process/process.h"
#include "runtime/here.h"

static brood_pool_stats stats_of(brood_pool *pool)
{
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;

    assert_ok(brood_pool_get_stats(pool, &stats));
    return stats;
}

static void ignore(brood_result *result, void *user)
{
    (void)result;
    (void)user;
}

/* ---- W11: callers that submit, and wait for nothing ------------------------------------------------ */

static int take_a_moment(brood_task *task, const void *arg, size_t size)
{
    int64_t end = brood_os_now() + 300000;

    (void)task;
    (void)arg;
    (void)size;
    while (brood_os_now() < end) {
    }
    return 0;
}

/* So many submits a millisecond that the pool's thread leaves the workers to the callers. */
static void submit_some(brood_pool *pool)
{
    brood_task_options task = BROOD_TASK_OPTIONS_INIT;

    task.done = task.failed = ignore;
    for (int i = 0; i < 8; i++) {
        assert_ok(brood_pool_apply_async(pool, NULL, take_a_moment, NULL, 0, &task));
    }
    brood_os_sleep(200000);
}

static void w11_workers_die_while_callers_are_busy(void **state)
{
    brood_pool *pool = pool_of(2);
    int64_t end = brood_os_now() + SOON_MS * INT64_C(1000000);

    (void)state;
    for (uint64_t deaths = 1; deaths <= 5; deaths++) {
        int64_t pids[8] = {0};
        size_t count = brood_pool_pids(pool, pids, 8);

        assert_in_range(count, 1, 8);
        support_kill(pids[0]);
        while (stats_of(pool).died < deaths || stats_of(pool).started < 2 + deaths) {
            assert_true(brood_os_now() < end);
            submit_some(pool);
        }
    }
    assert_ok(brood_pool_terminate(pool));
    end_pool(pool);
}

/* ---- W11: what the pool's thread does for busy callers ----------------------------------------- */

/* Twice as many submits as make a caller a busy one. None of them comes to run. */
static void be_busy(brood_pool *pool)
{
    for (int i = 0; i < 8; i++) {
        brood_result *result = NULL;

        assert_ok(brood_pool_apply_async(pool, &result, task_echo, NULL, 0, NULL));
        brood_result_cancel(result);
        brood_result_destroy(result);
    }
}

#define LOOKS_MAX 50

/* From here on the thread leaves the workers to the caller, as long as that one is busy. */
static void be_left_alone(brood_pool *pool)
{
    for (bool leads = true; leads;) {
        be_busy(pool);
        brood_pool_lock(pool);
        leads = pool->wait.leading;
        brood_agenda_at(pool, leads ? 0 : BROOD_NEVER); /* so that it looks up */
        brood_pool_unlock(pool);
    }
}

/* Whether the poller would tell of the end of the process, or has: its last thread may end late. */
static bool has_ended(brood_pool *pool, int64_t pid)
{
    bool ended = true;

    brood_pool_lock(pool);
    if (pool->roster.workers[0] != NULL &&
        brood_process_pid(brood_peer_of_const(pool->roster.workers[0])->process) == pid) {
        brood_os_wait_item item = {
            .process = brood_process_os(brood_peer_of_const(pool->roster.workers[0])->process)};

        ended = brood_os_wait(&item, 1, 0, NULL) == BROOD_OK;
    }
    brood_pool_unlock(pool);
    return ended;
}

/* Whether the end of a worker was seen; counts how often the thread has looked for busy callers. */
static bool is_seen(brood_pool *pool, uint64_t died, uint64_t *looked_at, int *looks)
{
    bool seen = false;

    brood_pool_lock(pool);
    *looks += pool->threads.submits_seen != *looked_at;
    *looked_at = pool->threads.submits_seen;
    seen = pool->stats.died > died;
    brood_pool_unlock(pool);
    return seen;
}

/*
 * Kills the only worker, in its task. A look that began after its end sees it, unless somebody leads
 * just then, who sees it in the thread's place; elsewhere than on Linux the system may tell of an end
 * later. Without such looks nobody sees it as long as the caller is busy.
 */
static void expect_to_be_seen_while_busy(brood_pool *pool, pool_gate *gate)
{
    int64_t end = brood_os_now() + SOON_MS * INT64_C(1000000);
    uint64_t died = stats_of(pool).died;
    brood_result *result = NULL;
    uint64_t looked_at = 0;
    int64_t pid = 0;
    int looks = -1;

    assert_ok(brood_pool_apply_async(pool, &result, task_gated, NULL, 0, NULL));
    gate_await(gate, 1);
    assert_int_equal(brood_pool_pids(pool, &pid, 1), 1);
    be_left_alone(pool);
    support_kill(pid);
    while (!has_ended(pool, pid)) {
        be_busy(pool);
    }
    while (!is_seen(pool, died, &looked_at, &looks)) {
        assert_true(!support_is_linux() || looks < LOOKS_MAX);
        assert_true(brood_os_now() < end);
        be_busy(pool);
    }
    assert_ok(brood_result_wait(result, SOON_MS));
    assert_status(brood_result_get(result, NULL, NULL, 0), BROOD_ERR_DIED);
    brood_result_destroy(result);
}

static void w11_the_end_of_a_worker_is_seen_while_a_caller_is_busy(void **state)
{
    pool_gate gate;
    brood_pool *pool = NULL;

    (void)state;
    gate_make(&gate);
    pool = gate_pool(&gate, 1, NULL);
    for (int i = 0; i < 20; i++) { /* in some the caller is away, and the thread waits by itself */
        expect_to_be_seen_while_busy(pool, &gate);
    }
    end_pool(pool);
    gate_free(&gate);
}

/* ---- W13: a callback that takes long ------------------------------------------------------------- */

static void stop_in_callback(brood_result *result, void *user)
{
    pool_gate *gate = user;
    char byte = 0;

    (void)result;
    support_write(gate->there[1], "c", 1);
    support_read(gate->gate[0], &byte, 1);
}

static int hang(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    support_hang();
    return 0;
}

/* Nobody waits: who keeps the time is the pool. */
static void w13_time_outs_while_a_callback_runs(void **state)
{
    brood_task_options slow = BROOD_TASK_OPTIONS_INIT;
    brood_task_options timed = BROOD_TASK_OPTIONS_INIT;
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    int64_t end = brood_os_now() + SOON_MS * INT64_C(1000000);
    brood_pool *pool = NULL;
    brood_result *result = NULL;
    pool_gate in_callback;

    (void)state;
    gate_make(&in_callback);
    options.workers = 1;
    options.grace_ms = 20;
    assert_ok(brood_pool_create(&pool, &options));
    slow.done = stop_in_callback;
    slow.user = &in_callback;
    assert_ok(brood_pool_apply_async(pool, NULL, task_echo, NULL, 0, &slow));
    gate_await(&in_callback, 1);
    timed.timeout_ms = 20;
    assert_ok(brood_pool_apply_async(pool, &result, hang, NULL, 0, &timed));
    while (!brood_result_ready(result)) {
        assert_true(brood_os_now() < end);
        brood_os_sleep(1000000);
    }
    assert_status(brood_result_get(result, NULL, NULL, 0), BROOD_ERR_TASK_TIMEOUT);
    while (stats_of(pool).started < 2) { /* its worker is replaced */
        assert_true(brood_os_now() < end);
        brood_os_sleep(1000000);
    }
    gate_pass(&in_callback, 1);
    brood_result_destroy(result);
    end_pool(pool);
    gate_free(&in_callback);
}

/* ---- W13: a start that takes long ---------------------------------------------------------------- */

static void note(brood_result *result, void *user)
{
    (void)result;
    brood_exchange32(user, 1);
}

static bool is_launching(brood_pool *pool)
{
    bool launching = false;

    brood_pool_lock(pool);
    launching = pool->supervisor.launching;
    brood_pool_unlock(pool);
    return launching;
}

/*
 * Kills one of two workers. Each start of a process first takes the ends of those that were left
 * alone, and waits there until their lock is free.
 */
static void hold_up_a_start(brood_pool *pool)
{
    int64_t end = brood_os_now() + SOON_MS * INT64_C(1000000);
    int64_t pids[2] = {0};

    assert_int_equal(brood_pool_pids(pool, pids, 2), 2);
    brood_mutex_lock(&brood_here()->abandoned.lock);
    support_kill(pids[0]);
    while (!is_launching(pool) && brood_os_now() < end) {
        brood_os_sleep(1000000);
    }
}

/* Nobody waits: the pool keeps the time of a task of the other worker, and its thread starts none. */
static void w13_time_outs_while_a_worker_is_started(void **state)
{
    brood_task_options timed = BROOD_TASK_OPTIONS_INIT;
    brood_pool *pool = pool_of(2);
    brood_result *result = NULL;
    brood_atomic32 is_told = 0;
    bool was_launching = false;
    int64_t end = 0;

    (void)state;
    hold_up_a_start(pool);
    timed.timeout_ms = 20;
    timed.failed = note;
    timed.user = (void *)&is_told;
    assert_ok(brood_pool_apply_async(pool, &result, hang, NULL, 0, &timed));
    end = brood_os_now() + SOON_MS / 4 * INT64_C(1000000);
    while (brood_load32(&is_told) == 0 && brood_os_now() < end) {
        brood_os_sleep(1000000);
    }
    was_launching = is_launching(pool);
    brood_mutex_unlock(&brood_here()->abandoned.lock);
    assert_true(was_launching);
    assert_int_equal(brood_load32(&is_told), 1);
    assert_status(brood_result_get(result, NULL, NULL, 0), BROOD_ERR_TASK_TIMEOUT);
    brood_result_destroy(result);
    end_pool(pool);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(w11_workers_die_while_callers_are_busy),
    cmocka_unit_test(w11_the_end_of_a_worker_is_seen_while_a_caller_is_busy),
    cmocka_unit_test(w13_time_outs_while_a_callback_runs),
    cmocka_unit_test(w13_time_outs_while_a_worker_is_started),
};

BROOD_TEST_MAIN(tests)
