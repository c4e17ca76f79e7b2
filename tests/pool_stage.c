#include "pool_stage.h"
#include "pool/lock.h"
#include "pool/peer_impl.h"

void stage_prepare(pool_stage *stage, uint32_t workers)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_process_options process = BROOD_PROCESS_OPTIONS_INIT;
    brood_task_options task_options = BROOD_TASK_OPTIONS_INIT;

    memset(stage, 0, sizeof *stage);
    assert_true(support_pipe(stage->there));
    assert_true(support_pipe(stage->gate));
    assert_ok(brood_shared_create(&stage->shared, STAGE_NOTES * sizeof *stage->notes, NULL));
    stage->notes = brood_shared_data(stage->shared);
    stage->handles[0] = stage->there[1];
    stage->handles[1] = stage->gate[0];
    stage->process = process;
    stage->process.handles = stage->handles;
    stage->process.handle_count = 2;
    stage->options = options;
    stage->options.workers = workers;
    stage->options.process = &stage->process;
    stage->task_options = task_options;
    stage->task_options.shared = &stage->shared;
    stage->task_options.shared_count = 1;
}

void stage_open(pool_stage *stage)
{
    assert_ok(brood_pool_create(&stage->pool, &stage->options));
}

brood_pool_stats stage_stats(pool_stage *stage)
{
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;

    assert_ok(brood_pool_get_stats(stage->pool, &stats));
    assert_int_equal(stats.submitted, stats.succeeded + stats.failed + stats.cancelled +
                                          stats.queued + stats.running);
    assert_int_equal(stats.started, stats.alive + stats.ended + stats.died + stats.lost);
    return stats;
}

static void leave(pool_stage *stage)
{
    brood_pool_stats stats = stage_stats(stage);

    assert_int_equal(stats.queued, 0);
    assert_int_equal(stats.running, 0);
    assert_int_equal(stats.alive, 0);
    assert_int_equal(stats.busy, 0);
    assert_null(brood_pool_destroy(stage->pool));
    assert_null(brood_shared_destroy(stage->shared));
    for (int i = 0; i < 2; i++) {
        support_close(stage->there[i]);
        support_close(stage->gate[i]);
    }
}

void stage_close(pool_stage *stage)
{
    assert_ok(brood_pool_close(stage->pool));
    assert_ok(brood_pool_join(stage->pool, SOON_MS));
    leave(stage);
}

void stage_terminate(pool_stage *stage)
{
    assert_ok(brood_pool_terminate(stage->pool));
    assert_ok(brood_pool_join(stage->pool, SOON_MS));
    leave(stage);
}

void stage_tell(brood_task *task)
{
    support_write(brood_task_handle(task, 0), "", 1);
}

void stage_wait(brood_task *task)
{
    char byte = 0;

    stage_tell(task);
    support_read(brood_task_handle(task, 1), &byte, 1);
}

void stage_await(pool_stage *stage)
{
    assert_byte(stage->there[0]);
}

void stage_let_go(pool_stage *stage, int count)
{
    for (int i = 0; i < count; i++) {
        assert_int_equal(support_write(stage->gate[1], "", 1), 1);
    }
}

brood_atomic64 *stage_notes(brood_task *task)
{
    return brood_task_shared(task, 0, NULL);
}

void stage_expect(brood_result *result, brood_status status)
{
    brood_failure failure = BROOD_FAILURE_INIT;
    brood_status got = brood_result_get(result, NULL, NULL, SOON_MS);

    if (got != status) {
        brood_result_failure(result, &failure);
        fail_msg("%s (%s), not %s", brood_status_name(got), failure.message,
                 brood_status_name(status));
    }
}

void stage_end(brood_result *result, brood_status status)
{
    stage_expect(result, status);
    assert_null(brood_result_destroy(result));
}

int stage_square(brood_task *task, const void *arg, size_t size)
{
    int64_t x = 0;

    if (size != sizeof x) {
        return brood_task_fail(task, 2, "%zu bytes are no number", size);
    }
    memcpy(&x, arg, sizeof x);
    x *= x;
    return brood_return(task, &x, sizeof x);
}

void stage_works(pool_stage *stage, int64_t tasks)
{
    for (int64_t x = 0; x < tasks; x++) {
        int64_t y = -1;

        assert_ok(brood_pool_apply(stage->pool, stage_square, &x, sizeof x, &y, sizeof y, NULL));
        assert_int_equal(y, x * x);
    }
}

void stage_await_that(bool (*is_so)(void *data), void *data)
{
    int64_t deadline = brood_os_now() + SOON_MS * BROOD_NS_PER_MS;

    while (!is_so(data)) {
        assert_true(brood_os_now() < deadline);
        brood_yield();
    }
}

typedef struct started_wait {
    pool_stage *stage;
    uint64_t started;
} started_wait;

static bool has_started(void *data)
{
    const started_wait *wait = data;
    brood_pool_stats stats = stage_stats(wait->stage);

    /* One that is about to end may have been replaced already, and is counted only afterwards. */
    return stats.started >= wait->started && stats.alive - stats.leaving == stats.workers;
}

void stage_await_started(pool_stage *stage, uint64_t started)
{
    started_wait wait = {stage, started};

    stage_await_that(has_started, &wait);
}

static brood_worker *worker_at(pool_stage *stage, uint32_t slot)
{
    return slot < stage->pool->roster.slots ? stage->pool->roster.workers[slot] : NULL;
}

int64_t stage_pid(pool_stage *stage, uint32_t slot)
{
    int64_t pid = -1;

    brood_pool_lock(stage->pool);
    if (worker_at(stage, slot) != NULL) {
        pid = brood_process_pid(brood_peer_of_const(worker_at(stage, slot))->process);
    }
    brood_pool_unlock(stage->pool);
    return pid;
}

int64_t stage_busy_pid(pool_stage *stage)
{
    int64_t pid = -1;

    brood_pool_lock(stage->pool);
    if (stage->pool->roster.busy_first != NULL) {
        pid = brood_process_pid(brood_peer_of_const(stage->pool->roster.busy_first)->process);
    }
    brood_pool_unlock(stage->pool);
    return pid;
}

static void fill(brood_os_channel *channel)
{
    static const char bytes[1024];
    size_t put = 0;
    brood_status status = BROOD_OK;

    while (status == BROOD_OK) {
        status = brood_os_channel_write(channel, bytes, sizeof bytes, &put, NULL);
    }
    assert_int_equal(status, BROOD_ERR_TIMEOUT);
    while (brood_os_channel_write(channel, bytes, 1, &put, NULL) == BROOD_OK) {
    }
}

void stage_fill_bell(pool_stage *stage, int64_t pid)
{
    brood_pool_lock(stage->pool);
    for (uint32_t i = 0; i < stage->pool->roster.slots; i++) {
        const brood_worker *worker = worker_at(stage, i);

        if (worker != NULL && worker->ops->pid(worker) == pid) {
            fill(brood_peer_of_const(worker)->bell);
        }
    }
    brood_pool_unlock(stage->pool);
}

static int tell_pid(brood_task *task, const void *arg, size_t size)
{
    int64_t pid = support_pid();

    (void)arg;
    (void)size;
    return brood_return(task, &pid, sizeof pid);
}

int64_t stage_last_used(pool_stage *stage)
{
    int64_t pid = -1;

    assert_ok(brood_pool_apply(stage->pool, tell_pid, NULL, 0, &pid, sizeof pid, NULL));
    return pid;
}

brood_wire_page *stage_page(pool_stage *stage, uint32_t slot)
{
    brood_wire_page *page = NULL;

    brood_pool_lock(stage->pool);
    if (worker_at(stage, slot) != NULL) {
        page = brood_peer_of_const(worker_at(stage, slot))->page;
    }
    brood_pool_unlock(stage->pool);
    return page;
}

brood_ring_shared *stage_answers(pool_stage *stage, uint32_t slot)
{
    brood_ring_shared *shared = NULL;

    brood_pool_lock(stage->pool);
    if (worker_at(stage, slot) != NULL) {
        shared = brood_peer_of_const(worker_at(stage, slot))->from.shared;
    }
    brood_pool_unlock(stage->pool);
    return shared;
}

void stage_kill(int64_t pid)
{
    assert_true(pid > 0);
    support_kill(pid);
    assert_true(support_wait_gone(pid, SOON_MS));
}

void stage_run_until(pool_stage *stage, brood_result *result)
{
    brood_handle handle = BROOD_HANDLE_NONE;
    int64_t deadline = brood_os_now() + SOON_MS * BROOD_NS_PER_MS;

    assert_ok(brood_pool_handle(stage->pool, &handle));
    assert_ok(brood_pool_run(stage->pool));
    while (!brood_result_ready(result)) {
        int64_t wait = brood_pool_timeout_ms(stage->pool);

        assert_true(brood_os_now() < deadline);
        support_wait_handle(handle, wait < 0 || wait > SOON_MS ? SOON_MS : (int)wait);
        assert_ok(brood_pool_run(stage->pool));
    }
}
