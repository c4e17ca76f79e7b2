/*
 * F23 on pools: every allocation and every call to the system that a pool makes fails in turn: once,
 * some times in a row, or from then on. Each call succeeds or says why not, each task that was
 * submitted ends with its value or a failure, and nothing is left.
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include <apr_thread_proc.h>

#include "faults.h"
#include "platform.h"
#include "process/process_impl.h"
#include "pool/peer_impl.h"
#include "pool/pool_impl.h"

#define LARGE 1200000 /* more than a ring holds */
#define ITEMS 12
#define ONCE 1
#define SOMETIMES 20 /* in a row */
#define FROM_THEN_ON UINT64_MAX
#define ROUNDS_MAX 2000

static const char *const kind_names[] = {"allocation", "platform"};

/* ---- what is tried ------------------------------------------------------------------------- */

/* Does something with the pool, if that could be made. */
typedef void attempt(brood_pool *pool);

static struct {
    brood_fault_kind kind;
    uint64_t nth, times;
    brood_status worst;          /* the first that was not BROOD_OK */
    unsigned submitted, called;  /* tasks with callbacks */
    brood_pool_options *options; /* of the pool */
} now;

static bool fits(brood_status status)
{
    switch (status) {
    case BROOD_OK:
    case BROOD_ERR_BROKEN: /* no worker could be started any more */
    case BROOD_ERR_DIED:   /* a worker was lost, with what it ran */
        return true;
    case BROOD_ERR_NO_MEMORY:
    case BROOD_ERR_LIMIT: /* a thread needs memory, too */
        return now.kind == BROOD_FAULT_ALLOCATION;
    case BROOD_ERR_OS:
        return now.kind == BROOD_FAULT_PLATFORM;
    default:
        return false;
    }
}

static brood_status note(brood_status status, const char *what)
{
    if (!fits(status)) {
        fail_msg("%s %d, %d times: %s: %s", kind_names[now.kind], (int)now.nth, (int)now.times,
                 what, brood_status_name(status));
    }
    now.worst = now.worst != BROOD_OK ? now.worst : status;
    return status;
}

/* A task that never ends is told as such, and not by the watchdog. */
static brood_task_options within(brood_failure *failure)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;

    options.deadline_ms = SOON_MS;
    options.failure = failure;
    return options;
}

static void end_result(brood_result *result)
{
    brood_failure failure = BROOD_FAILURE_INIT;
    brood_status status = note(brood_result_get(result, NULL, NULL, SOON_MS), "result");

    assert_true(brood_result_ready(result));
    assert_int_equal(brood_result_successful(result), status == BROOD_OK);
    if (status != BROOD_OK) {
        assert_ok(brood_result_failure(result, &failure));
        assert_status(failure.status, status);
        assert_true(failure.message[0] != '\0');
    }
    brood_result_destroy(result);
}

/* ---- what workers do ----------------------------------------------------------------------- */

static int nothing(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return 0;
}

static int square(brood_task *task, const void *arg, size_t size)
{
    int64_t x = 0;

    memcpy(&x, arg, size);
    x *= x;
    return brood_return(task, &x, sizeof x);
}

static int echo(brood_task *task, const void *arg, size_t size)
{
    return brood_return(task, arg, size);
}

static int fill(brood_task *task, uint64_t begin, uint64_t end, const void *context, size_t size)
{
    unsigned char *out = brood_task_shared(task, 0, NULL);

    memset(out + begin, *(const unsigned char *)context, (size_t)(end - begin));
    return size == 1 ? 0 : 1;
}

static int until_cancelled(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    while (!brood_task_cancelled(task)) {
        brood_os_wait(NULL, 0, brood_os_now() + 1000000, NULL);
    }
    return 0;
}

/* ---- attempts ------------------------------------------------------------------------------ */

static void apply(brood_pool *pool)
{
    brood_failure failure = BROOD_FAILURE_INIT;
    brood_task_options options = within(&failure);
    int64_t x = 7;
    int64_t y = 0;
    brood_status status =
        note(brood_pool_apply(pool, square, &x, sizeof x, &y, sizeof y, &options), "apply");

    if (status == BROOD_OK) {
        assert_int_equal(y, 49);
    } else {
        assert_status(failure.status, status);
        assert_true(failure.message[0] != '\0');
    }
}

static void on_end(brood_result *result, void *user)
{
    (void)user;
    assert_true(brood_result_ready(result));
    now.called++;
}

/* Small ones whose ends only the callbacks are told, with a name that must be sent, too. */
static void callbacks(brood_pool *pool)
{
    brood_task_options options = within(NULL);

    options.done = options.failed = on_end;
    options.tag = "callbacks";
    options.function_name = "nothing";
    for (int64_t i = 0; i < 3; i++) {
        now.submitted += note(brood_pool_apply_async(pool, NULL, NULL, &i, sizeof i, &options),
                              "apply_async") == BROOD_OK;
    }
}

/* Nobody waits in a call of the pool: its own threads, those that could begin, do all of it. */
static void left_alone(brood_pool *pool)
{
    int64_t deadline = brood_os_now() + SOON_MS * INT64_C(1000000);
    brood_task_options options = within(NULL);
    brood_result *result = NULL;

    if (note(brood_pool_apply_async(pool, &result, nothing, NULL, 0, &options), "apply_async") !=
        BROOD_OK) {
        assert_null(result);
        return;
    }
    while (!brood_result_ready(result) && brood_os_now() < deadline) {
        apr_thread_yield();
    }
    end_result(result);
}

static void large(brood_pool *pool)
{
    brood_task_options options = within(NULL);
    brood_result *result = NULL;
    unsigned char *bytes = malloc(LARGE);
    const void *data = NULL;
    size_t size = 0;

    memset(bytes, 5, LARGE);
    if (note(brood_pool_apply_async(pool, &result, echo, bytes, LARGE, &options), "apply_async") ==
        BROOD_OK) {
        if (brood_result_get(result, &data, &size, SOON_MS) == BROOD_OK) {
            assert_int_equal(size, LARGE);
            assert_memory_equal(data, bytes, LARGE);
        }
        end_result(result);
    } else {
        assert_null(result);
    }
    free(bytes);
}

static void map(brood_pool *pool)
{
    brood_task_options options = within(NULL);
    int64_t in[ITEMS];
    int64_t out[ITEMS];
    brood_result *result = NULL;

    for (int64_t i = 0; i < ITEMS; i++) {
        in[i] = i;
        out[i] = -1;
    }
    if (note(brood_pool_map_async(pool, &result, square, in, ITEMS, sizeof in[0], out,
                                  sizeof out[0], &options),
             "map_async") == BROOD_OK) {
        brood_result_wait(result, SOON_MS);
        for (int64_t i = 0; i < ITEMS; i++) {
            const void *data = NULL;

            if (note(brood_result_item(result, (uint64_t)i, &data, NULL, NULL, 0), "item") ==
                BROOD_OK) {
                assert_int_equal(*(const int64_t *)data, i * i);
            }
        }
        end_result(result);
    }
}

static void varying(brood_pool *pool)
{
    static const char text[ITEMS] = "some text";
    brood_task_options options = within(NULL);
    brood_bytes in[ITEMS];
    brood_output out[ITEMS];
    brood_status status = BROOD_OK;

    memset(out, 0, sizeof out);
    for (size_t i = 0; i < ITEMS; i++) {
        in[i] = (brood_bytes){text, i};
    }
    status = note(
        brood_pool_map(pool, echo, in, ITEMS, BROOD_SIZE_VARIES, out, BROOD_SIZE_VARIES, &options),
        "map");
    for (size_t i = 0; i < ITEMS; i++) {
        assert_true(status != BROOD_OK || out[i].size == i);
        assert_true(out[i].size == 0 || memcmp(out[i].data, text, i) == 0);
        brood_free(out[i].data);
    }
}

static void in_shared_memory(brood_pool *pool)
{
    brood_task_options options = within(NULL);
    brood_shared *shared = NULL;
    int64_t *in = NULL;

    if (note(brood_shared_create(&shared, 2 * ITEMS * sizeof *in, NULL), "shared") != BROOD_OK) {
        return;
    }
    in = brood_shared_data(shared);
    for (int64_t i = 0; i < ITEMS; i++) {
        in[i] = i;
    }
    if (note(brood_pool_map(pool, square, in, ITEMS, sizeof *in, in + ITEMS, sizeof *in, &options),
             "map") == BROOD_OK) {
        for (int64_t i = 0; i < ITEMS; i++) {
            assert_int_equal(in[ITEMS + i], i * i);
        }
    }
    brood_shared_destroy(shared);
}

static void range(brood_pool *pool)
{
    brood_task_options options = within(NULL);
    brood_shared *shared = NULL;
    brood_result *result = NULL;

    if (note(brood_shared_create(&shared, LARGE, NULL), "shared") != BROOD_OK) {
        return;
    }
    options.shared = &shared;
    options.shared_count = 1;
    if (note(brood_pool_for_async(pool, &result, fill, 10, 10 + ITEMS, "x", 1, &options),
             "for_async") == BROOD_OK) {
        if (brood_result_get(result, NULL, NULL, SOON_MS) == BROOD_OK) {
            assert_int_equal(((char *)brood_shared_data(shared))[9 + ITEMS], 'x');
        }
        end_result(result);
    }
    brood_shared_destroy(shared);
}

/* What cannot be submitted ends the input; what was is told before. */
static void imap(brood_pool *pool)
{
    brood_task_options options = within(NULL);
    int64_t in[ITEMS];
    brood_array array = {in, ITEMS, sizeof in[0], 0};
    brood_imap *imap = NULL;
    brood_status status = BROOD_OK;
    uint64_t count = 0;

    for (int64_t i = 0; i < ITEMS; i++) {
        in[i] = i;
    }
    options.tag = "imap";
    if (note(brood_pool_imap(pool, &imap, square, brood_array_next, &array, &options), "imap") !=
        BROOD_OK) {
        assert_null(imap);
        return;
    }
    while (status != BROOD_ERR_CLOSED) {
        const void *data = NULL;
        uint64_t index = UINT64_MAX;

        status = brood_imap_next(imap, &data, NULL, &index, NULL, SOON_MS);
        if (index == UINT64_MAX) { /* the end of it, well or not */
            assert_true(status == BROOD_ERR_CLOSED || note(status, "imap_next") != BROOD_OK);
            break;
        }
        assert_int_equal(index, count++);
        assert_true(note(status, "imap_next") != BROOD_OK ||
                    *(const int64_t *)data == (int64_t)(index * index));
    }
    assert_true(count == ITEMS || now.worst != BROOD_OK);
    brood_imap_destroy(imap);
}

static void end_cancelled(brood_result *result)
{
    brood_status status = brood_result_get(result, NULL, NULL, SOON_MS);

    assert_true(status == BROOD_ERR_CANCELLED || note(status, "cancelled") != BROOD_OK);
    brood_result_destroy(result);
}

static void cancel(brood_pool *pool)
{
    brood_result *results[3] = {NULL, NULL, NULL};

    for (int i = 0; i < 3; i++) {
        note(brood_pool_apply_async(pool, &results[i], until_cancelled, NULL, 0, NULL),
             "apply_async");
    }
    for (int i = 0; i < 3; i++) {
        if (results[i] != NULL) {
            brood_result_cancel(results[i]);
            end_cancelled(results[i]);
        }
    }
}

static void resize(brood_pool *pool)
{
    brood_result *results[4];

    assert_ok(brood_pool_resize(pool, 3));
    for (int64_t i = 0; i < 4; i++) {
        results[i] = NULL;
        note(brood_pool_apply_async(pool, &results[i], square, &i, sizeof i, NULL), "apply_async");
    }
    assert_ok(brood_pool_resize(pool, 1));
    for (int64_t i = 0; i < 4; i++) {
        if (results[i] != NULL) {
            end_result(results[i]);
        }
    }
}

static void terminate(brood_pool *pool)
{
    brood_result *results[3] = {NULL, NULL, NULL};

    for (int i = 0; i < 3; i++) {
        note(brood_pool_apply_async(pool, &results[i], until_cancelled, NULL, 0, NULL),
             "apply_async");
    }
    assert_ok(brood_pool_terminate(pool));
    for (int i = 0; i < 3; i++) {
        if (results[i] != NULL) {
            end_cancelled(results[i]);
        }
    }
}

static void in_a_loop(brood_pool *pool)
{
    brood_handle handle = BROOD_HANDLE_NONE;
    int64_t end = brood_os_now() + SOON_MS * INT64_C(1000000);

    assert_ok(brood_pool_handle(pool, &handle));
    callbacks(pool);
    while (now.called < now.submitted) {
        int64_t wait_ms = brood_pool_timeout_ms(pool);

        assert_true(brood_os_now() < end);
        support_wait_handle(handle, wait_ms >= 0 && wait_ms < SOON_MS ? (int)wait_ms : SOON_MS);
        assert_ok(brood_pool_run(pool));
    }
}

/* ---- every one in turn --------------------------------------------------------------------- */

/* What was left alone under a fault ends by itself, and a later start reaps it. */
static void await_nobody(size_t handles)
{
    int64_t deadline = brood_os_now() + SOON_MS * INT64_C(1000000);

    while (brood_os_handle_count() != handles || (!support_is_linux() && support_has_children())) {
        brood_process *process = NULL;

        if (brood_os_now() >= deadline) {
            fail_msg("%s %d, %d times: %d handles, now %d", kind_names[now.kind], (int)now.nth,
                     (int)now.times, (int)handles, (int)brood_os_handle_count());
        }
        assert_ok(brood_process_start(&process, nothing, NULL, 0, NULL));
        assert_ok(brood_process_join(process, SOON_MS));
        brood_process_destroy(process);
    }
}

static brood_pool *make_pool(void)
{
    brood_pool_options options = *now.options;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_pool *pool = NULL;
    brood_status status = BROOD_OK;

    options.backoff_ms = 1;
    options.crash_limit = 3;
    options.grace_ms = SOON_MS;
    options.error = &error;
    status = note(brood_pool_create(&pool, &options), "create");
    if (status != BROOD_OK) {
        assert_null(pool);
        assert_status(error.status, status);
        assert_true(error.message[0] != '\0');
    }
    return pool;
}

/* Under the fault, too. */
static void end_pool(brood_pool *pool)
{
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;

    if (pool == NULL) {
        return;
    }
    assert_ok(brood_pool_close(pool));
    note(brood_pool_join(pool, SOON_MS), "join");
    assert_ok(brood_pool_get_stats(pool, &stats));
    assert_int_equal(stats.submitted, stats.succeeded + stats.failed + stats.cancelled);
    assert_int_equal(stats.started, stats.ended + stats.died);
    assert_int_equal(stats.alive, 0);
    assert_null(brood_pool_destroy(pool));
}

/* makes: the pool is made under the fault, too; else it is there, and its worker has come up. */
static void fail_each(attempt *run, bool makes, brood_fault_kind kind, uint64_t times)
{
    uint64_t count = 0;

    now.kind = kind;
    now.times = times;
    now.nth = 0;
    do {
        size_t handles = brood_os_handle_count();
        brood_pool *pool = makes ? NULL : make_pool();

        now.nth++;
        now.submitted = now.called = 0;
        if (!makes) {
            assert_ok(brood_pool_apply(pool, nothing, NULL, 0, NULL, 0, NULL));
        }
        now.worst = BROOD_OK;
        brood_faults_arm_some(kind, now.nth, times);
        pool = makes ? make_pool() : pool;
        if (pool != NULL) {
            run(pool);
        }
        end_pool(pool);
        count = brood_faults_count(kind);
        brood_faults_disarm();
        assert_true(now.worst == BROOD_OK || count >= now.nth);
        assert_int_equal(now.called, now.submitted);
        await_nobody(handles);
    } while (count >= now.nth && now.nth < ROUNDS_MAX);
    print_message("%s, %s: %d\n", kind_names[kind],
                  times == ONCE        ? "once"
                  : times == SOMETIMES ? "some times"
                                       : "from then on",
                  (int)now.nth - 1);
    assert_true(now.nth > 1 && now.nth < ROUNDS_MAX);
}

static void fail_all(attempt *run, bool makes, brood_pool_options *options)
{
    now.options = options;
    fail_each(run, makes, BROOD_FAULT_ALLOCATION, ONCE);
    fail_each(run, makes, BROOD_FAULT_ALLOCATION, FROM_THEN_ON);
    fail_each(run, makes, BROOD_FAULT_PLATFORM, ONCE);
    fail_each(run, makes, BROOD_FAULT_PLATFORM, SOMETIMES);
}

static void fail_with_one_worker(attempt *run)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;

    options.workers = 1;
    fail_all(run, false, &options);
}

/* ---- the tests ----------------------------------------------------------------------------- */

static void f23_apply(void **state)
{
    (void)state;
    fail_with_one_worker(apply);
}

static void f23_callbacks(void **state)
{
    (void)state;
    fail_with_one_worker(callbacks);
}

static void f23_large(void **state)
{
    (void)state;
    fail_with_one_worker(large);
}

static void f23_map(void **state)
{
    (void)state;
    fail_with_one_worker(map);
}

static void f23_varying(void **state)
{
    (void)state;
    fail_with_one_worker(varying);
}

static void f23_in_shared_memory(void **state)
{
    (void)state;
    fail_with_one_worker(in_shared_memory);
}

static void f23_range(void **state)
{
    (void)state;
    fail_with_one_worker(range);
}

static void f23_imap(void **state)
{
    (void)state;
    fail_with_one_worker(imap);
}

static void f23_cancel(void **state)
{
    (void)state;
    fail_with_one_worker(cancel);
}

static void f23_resize(void **state)
{
    (void)state;
    fail_with_one_worker(resize);
}

static void f23_terminate(void **state)
{
    (void)state;
    fail_with_one_worker(terminate);
}

static void f23_in_a_loop(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;

    (void)state;
    options.workers = 1;
    options.event_loop = true;
    fail_all(in_a_loop, false, &options);
}

static void f23_making(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;

    (void)state;
    options.workers = 1;
    fail_all(apply, true, &options);
}

/* The thread that starts workers begins for the task. */
static void f23_left_alone(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;

    (void)state;
    options.workers = 1;
    options.lazy = true;
    fail_all(left_alone, true, &options);
}

/* With all that a pool copies. */
static void f23_making_with_options(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_process_options process = BROOD_PROCESS_OPTIONS_INIT;
    const char *environment[] = {"ONE=1", "TWO=2", NULL};
    brood_handle handles[] = {support_stdio(1), support_stdio(2)};

    (void)state;
    process.environment = environment;
    process.handles = handles;
    process.handle_count = 2;
    process.working_directory = ".";
    process.stdout_to.mode = BROOD_STDIO_NULL;
    options.process = &process;
    options.name = "made";
    options.initializer = options.finalizer = nothing;
    options.initializer_arg = environment;
    options.initializer_size = sizeof environment;
    options.workers = 1;
    options.lazy = true;
    fail_all(apply, true, &options);
}

static void run_until(brood_pool *pool, brood_result *result)
{
    brood_handle handle = BROOD_HANDLE_NONE;

    assert_ok(brood_pool_handle(pool, &handle));
    while (!brood_result_ready(result)) {
        support_wait_handle(handle, SOON_MS);
        assert_ok(brood_pool_run(pool));
    }
}

/* Whether it will ring: one that has answered before it was told to need not. */
static bool is_armed(brood_pool *pool)
{
    bool is = false;

    brood_pool_lock(pool);
    is = pool->roster.workers[0]->transit.is_armed;
    brood_pool_unlock(pool);
    return is;
}

/* Until the pool's only worker has rung, which nobody has heard yet. */
static void await_ring(brood_pool *pool)
{
    brood_os_wait_item item = {NULL, brood_peer_of_const(pool->roster.workers[0])->bell, false,
                               false};

    assert_ok(brood_os_wait(&item, 1, brood_os_now() + SOON_MS * INT64_C(1000000), NULL));
}

/* The worker has answered, and rung; then its bell cannot be read. */
static void h6_a_bell_that_fails_after_the_answer(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;
    int64_t x = 7;

    (void)state;
    options.workers = 1;
    options.event_loop = true;
    options.spin = BROOD_SPIN_NEVER;
    assert_ok(brood_pool_create(&pool, &options));
    for (bool is_done = false, is_up = false; !is_done; is_up = true) {
        brood_result *result = NULL;

        assert_ok(brood_pool_apply_async(pool, &result, square, &x, sizeof x, NULL));
        if (is_up && is_armed(pool)) { /* with the first one the worker comes up */
            await_ring(pool);
            brood_faults_arm(BROOD_FAULT_PLATFORM, 2, true); /* behind the wait in the poller */
            is_done = true;
        }
        run_until(pool, result);
        assert_ok(brood_result_get(result, NULL, NULL, 0));
        brood_result_destroy(result);
    }
    assert_true(brood_faults_count(BROOD_FAULT_PLATFORM) >= 2);
    brood_faults_disarm();
    brood_pool_destroy(pool);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(h6_a_bell_that_fails_after_the_answer),
    cmocka_unit_test(f23_apply),
    cmocka_unit_test(f23_callbacks),
    cmocka_unit_test(f23_large),
    cmocka_unit_test(f23_map),
    cmocka_unit_test(f23_varying),
    cmocka_unit_test(f23_in_shared_memory),
    cmocka_unit_test(f23_range),
    cmocka_unit_test(f23_imap),
    cmocka_unit_test(f23_cancel),
    cmocka_unit_test(f23_resize),
    cmocka_unit_test(f23_terminate),
    cmocka_unit_test(f23_in_a_loop),
    cmocka_unit_test(f23_making),
    cmocka_unit_test(f23_making_with_options),
    cmocka_unit_test(f23_left_alone),
};

int main(int argc, char **argv)
{
    if (brood_register("nothing", nothing) != BROOD_OK || brood_init(argc, argv) != BROOD_OK) {
        return 3;
    }
    return harness_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
