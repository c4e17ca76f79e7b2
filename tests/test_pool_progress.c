/* How far a map has come, as its progress callback is told; and the options of spinning. */
#include "harness.h"

#include <stdlib.h>

#include "platform.h"
#include "pool/pool_impl.h"

#define ITEMS 3000

typedef struct told {
    brood_pool *pool;
    brood_result *result;
    unsigned calls, ends; /* ends: of done and failed */
    brood_progress first, last;
    bool is_wrong; /* some number went backwards, or was out of its bounds */
} told;

/* ---- what workers do ----------------------------------------------------------------------- */

static int nothing(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return 0;
}

static int wait_a_little(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    brood_os_wait(NULL, 0, brood_os_now() + 2000000, NULL);
    return 0;
}

static int fail_every_third(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    return brood_task_index(task) % 3 == 0 ? brood_task_fail(task, 5, "it is a third") : 0;
}

static int until_cancelled(brood_task *task, const void *arg, size_t size)
{
    (void)size;
    while (*(const int *)arg >= 100 && !brood_task_cancelled(task)) {
        brood_os_wait(NULL, 0, brood_os_now() + 1000000, NULL);
    }
    return wait_a_little(task, NULL, 0);
}

static int part(brood_task *task, uint64_t begin, uint64_t end, const void *context, size_t size)
{
    (void)task;
    (void)context;
    (void)size;
    return begin < end ? 0 : 1;
}

/* ---- what is told -------------------------------------------------------------------------- */

static bool is_sane(const brood_progress *progress)
{
    bool has_rate = progress->done > 0 && progress->seconds > 0;

    return progress->done <= progress->total && progress->failed <= progress->done &&
           progress->seconds >= 0 && (progress->rate > 0) == has_rate &&
           (has_rate ? progress->seconds_left >= 0 : progress->seconds_left < 0);
}

static void on_progress(const brood_progress *progress, void *user)
{
    told *self = user;

    if (!is_sane(progress) || progress->done < self->last.done ||
        progress->failed < self->last.failed || progress->seconds < self->last.seconds ||
        self->ends > 0) {
        self->is_wrong = true;
    }
    if (self->calls++ == 0) {
        self->first = *progress;
    }
    self->last = *progress;
}

static void on_end(brood_result *result, void *user)
{
    (void)result;
    ((told *)user)->ends++;
}

static brood_pool *new_pool(void)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;

    options.workers = 2;
    assert_ok(brood_pool_create(&pool, &options));
    return pool;
}

static brood_task_options telling(told *self)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;

    memset(self, 0, sizeof *self);
    self->pool = new_pool();
    options.progress = on_progress;
    options.progress_user = self;
    options.done = options.failed = on_end;
    options.user = self;
    return options;
}

/* The last call tells all of it, and comes before the end is told. */
static void expect_told(told *self, uint64_t total, uint64_t failed)
{
    assert_ok(brood_pool_close(self->pool));
    assert_ok(brood_pool_join(self->pool, SOON_MS));
    assert_null(brood_pool_destroy(self->pool));
    assert_true(self->calls > 0);
    assert_int_equal(self->ends, 1);
    assert_false(self->is_wrong);
    assert_int_equal(self->last.done, total);
    assert_int_equal(self->last.total, total);
    assert_int_equal(self->last.failed, failed);
    /* At most ten a second, and the last one. */
    assert_true(self->calls <= 10 * self->last.seconds + 2);
}

/* ---- maps and ranges ----------------------------------------------------------------------- */

static void progress_of_a_map(void **state)
{
    static const int in[ITEMS];
    told self;
    brood_task_options options = telling(&self);

    (void)state;
    assert_ok(brood_pool_map(self.pool, nothing, in, ITEMS, sizeof in[0], NULL, 0, &options));
    expect_told(&self, ITEMS, 0);
}

/* Long enough to be told of in between; one item at a time, so that there is something to tell. */
static void progress_in_between(void **state)
{
    static const int in[400];
    told self;
    brood_task_options options = telling(&self);

    (void)state;
    options.chunk_size = 1;
    assert_ok(brood_pool_map(self.pool, wait_a_little, in, 400, sizeof in[0], NULL, 0, &options));
    expect_told(&self, 400, 0);
    assert_true(self.calls > 1);
    assert_true(self.first.done > 0 && self.first.done < 400);
}

static void on_progress_slowly(const brood_progress *progress, void *user)
{
    on_progress(progress, user);
    brood_os_sleep(INT64_C(110) * 1000000); /* items end meanwhile */
}

/* However long the function takes, its reports are of times 100 ms apart. */
static void progress_that_takes_long(void **state)
{
    static const int in[300];
    told self;
    brood_task_options options = telling(&self);

    (void)state;
    options.chunk_size = 1;
    options.progress = on_progress_slowly;
    assert_ok(brood_pool_map(self.pool, wait_a_little, in, 300, sizeof in[0], NULL, 0, &options));
    expect_told(&self, 300, 0);
}

static void progress_with_failures(void **state)
{
    static const int in[ITEMS];
    told self;
    brood_task_options options = telling(&self);

    (void)state;
    assert_status(
        brood_pool_map(self.pool, fail_every_third, in, ITEMS, sizeof in[0], NULL, 0, &options),
        BROOD_ERR_TASK);
    expect_told(&self, ITEMS, ITEMS / 3);
}

static void progress_of_nothing(void **state)
{
    told self;
    brood_task_options options = telling(&self);

    (void)state;
    assert_ok(brood_pool_map(self.pool, nothing, NULL, 0, 4, NULL, 0, &options));
    expect_told(&self, 0, 0);
    assert_int_equal(self.calls, 1);
}

static void progress_of_a_range(void **state)
{
    told self;
    brood_task_options options = telling(&self);

    (void)state;
    assert_ok(brood_pool_for(self.pool, part, 10, 10 + ITEMS, NULL, 0, &options));
    expect_told(&self, ITEMS, 0);
}

/* What would never end is cancelled. */
static void progress_and_cancel(void **state)
{
    int in[200];
    told self;
    brood_task_options options = telling(&self);
    brood_result *result = NULL;

    (void)state;
    for (int i = 0; i < 200; i++) {
        in[i] = i;
    }
    options.chunk_size = 1;
    assert_ok(brood_pool_map_async(self.pool, &result, until_cancelled, in, 200, sizeof in[0], NULL,
                                   0, &options));
    assert_status(brood_result_get(result, NULL, NULL, 200), BROOD_ERR_TIMEOUT);
    assert_ok(brood_result_cancel(result));
    assert_status(brood_result_get(result, NULL, NULL, SOON_MS), BROOD_ERR_CANCELLED);
    expect_told(&self, 200, brood_result_failed_count(result));
    assert_true(self.last.failed > 0);
    brood_result_destroy(result);
}

static void progress_of_a_terminated_pool(void **state)
{
    static const int in[ITEMS];
    told self;
    brood_task_options options = telling(&self);
    brood_result *result = NULL;

    (void)state;
    assert_ok(brood_pool_map_async(self.pool, &result, wait_a_little, in, ITEMS, sizeof in[0], NULL,
                                   0, &options));
    assert_ok(brood_pool_terminate(self.pool));
    assert_status(brood_result_get(result, NULL, NULL, SOON_MS), BROOD_ERR_CANCELLED);
    expect_told(&self, ITEMS, brood_result_failed_count(result));
    brood_result_destroy(result);
}

static void cancel_in_progress(const brood_progress *progress, void *user)
{
    told *self = user;

    if (self->calls++ == 0) {
        assert_ok(brood_result_cancel(self->result));
    }
    self->last = *progress;
}

/* The pool's thread has the result from the one that submitted it before an item is done. */
static int pass_gate(brood_task *task, const void *arg, size_t size)
{
    char byte = 0;

    (void)arg;
    (void)size;
    return support_read(brood_task_handle(task, 0), &byte, 1) == 1 ? wait_a_little(task, NULL, 0)
                                                                   : 1;
}

static void progress_cancels(void **state)
{
    enum {
        COUNT = 500
    };
    static const char bytes[COUNT];
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    brood_process_options process = BROOD_PROCESS_OPTIONS_INIT;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    told self;
    brood_handle gate = BROOD_HANDLE_NONE;
    intptr_t ends[2];

    (void)state;
    memset(&self, 0, sizeof self);
    assert_true(support_pipe(ends));
    gate = ends[0];
    process.handles = &gate;
    process.handle_count = 1;
    pool_options.process = &process;
    pool_options.workers = 2;
    assert_ok(brood_pool_create(&self.pool, &pool_options));
    options.progress = cancel_in_progress;
    options.progress_user = &self;
    options.chunk_size = 1;
    assert_ok(brood_pool_map_async(self.pool, &self.result, pass_gate, bytes, COUNT, 1, NULL, 0,
                                   &options));
    assert_int_equal(support_write(ends[1], bytes, COUNT), COUNT);
    assert_status(brood_result_get(self.result, NULL, NULL, SOON_MS), BROOD_ERR_CANCELLED);
    assert_ok(brood_pool_close(self.pool));
    assert_ok(brood_pool_join(self.pool, SOON_MS));
    assert_int_equal(self.last.done, COUNT);
    assert_true(self.last.failed > 0 && self.last.failed < COUNT);
    brood_result_destroy(self.result);
    assert_null(brood_pool_destroy(self.pool));
    support_close(ends[0]);
    support_close(ends[1]);
}

/* ---- spinning ------------------------------------------------------------------------------ */

static int echo(brood_task *task, const void *arg, size_t size)
{
    return brood_return(task, arg, size);
}

static void expect_work(brood_spin spin)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;
    int64_t in[ITEMS];
    int64_t out[ITEMS];

    options.workers = 2;
    options.spin = spin;
    assert_ok(brood_pool_create(&pool, &options));
    for (int64_t i = 0; i < ITEMS; i++) {
        in[i] = i;
        if (i % 10 == 0) {
            assert_ok(brood_pool_apply(pool, echo, &i, sizeof i, &out[0], sizeof out[0], NULL));
            assert_int_equal(out[0], i);
        }
    }
    assert_ok(brood_pool_map(pool, echo, in, ITEMS, sizeof in[0], out, sizeof out[0], NULL));
    assert_memory_equal(in, out, sizeof in);
    assert_ok(brood_pool_close(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_null(brood_pool_destroy(pool));
}

static void spin_never(void **state)
{
    (void)state;
    expect_work(BROOD_SPIN_NEVER);
}

static void spin_always(void **state)
{
    (void)state;
    expect_work(BROOD_SPIN_ALWAYS);
}

/* Each worker may, also one that came with a resize. */
static void spin_always_after_a_resize(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;

    (void)state;
    support_set_environment("BROOD_CPU_COUNT", "2");
    options.workers = 1;
    options.lazy = true;
    options.spin = BROOD_SPIN_ALWAYS;
    assert_ok(brood_pool_create(&pool, &options));
    assert_ok(brood_pool_resize(pool, 8));
    assert_true(pool->roster.spinners_max >= 8);
    assert_null(brood_pool_destroy(pool));
}

static void spin_on_one_core(void **state)
{
    (void)state;
    if (!support_use_one_core()) {
        harness_skip("this system does not confine a process to a core");
    }
    expect_work(BROOD_SPIN_ALWAYS);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(progress_of_a_map),
    cmocka_unit_test(progress_in_between),
    cmocka_unit_test(progress_that_takes_long),
    cmocka_unit_test(progress_with_failures),
    cmocka_unit_test(progress_of_nothing),
    cmocka_unit_test(progress_of_a_range),
    cmocka_unit_test(progress_and_cancel),
    cmocka_unit_test(progress_of_a_terminated_pool),
    cmocka_unit_test(progress_cancels),
    cmocka_unit_test(spin_never),
    cmocka_unit_test(spin_always),
    cmocka_unit_test(spin_always_after_a_resize),
    cmocka_unit_test(spin_on_one_core),
};

BROOD_TEST_MAIN(tests)
