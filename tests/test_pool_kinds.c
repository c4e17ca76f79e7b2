/* Pools of threads: what is theirs alone. Other groups run with BROOD_POOL_KIND=threads, too. */
#include "pool_tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"
#include "platform.h"

#define VARIABLE "BROOD_POOL_KIND"

static brood_atomic32 may_return, runs, begun;

static brood_pool_options threads_of(uint32_t workers)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;

    options.workers = workers;
    options.kind = BROOD_POOL_THREADS;
    options.grace_ms = 1;
    return options;
}

static brood_pool *make_pool(const brood_pool_options *options)
{
    brood_pool *pool = NULL;

    assert_ok(brood_pool_create(&pool, options));
    return pool;
}

static int64_t ask_pid(brood_pool *pool)
{
    int64_t pid = 0;

    assert_ok(brood_pool_apply(pool, task_tell_pid, NULL, 0, &pid, sizeof pid, NULL));
    return pid;
}

static void await(brood_atomic32 *word, uint32_t value)
{
    for (int64_t end = brood_os_now() + SOON_MS * INT64_C(1000000); brood_load32(word) != value;) {
        assert_true(brood_os_now() < end);
        brood_os_sleep(1000000);
    }
}

/* ---- which kind ------------------------------------------------------------------------------ */

static void the_option_chooses(void **state)
{
    brood_pool_options options = threads_of(2);
    brood_pool *pool = make_pool(&options);

    (void)state;
    assert_int_equal(ask_pid(pool), support_pid());
    assert_int_equal(brood_pool_pids(pool, NULL, 0), 0); /* nobody shall kill this process */
    end_pool(pool);
    options.kind = BROOD_POOL_PROCESSES;
    pool = make_pool(&options);
    assert_true(ask_pid(pool) != support_pid());
    end_pool(pool);
}

static void the_variable_overrides(void **state)
{
    brood_process_options process = BROOD_PROCESS_OPTIONS_INIT;
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_pool *pool = NULL;

    (void)state;
    options.workers = 1;
    options.process = &process;
    options.error = &error;
    process.nice = 1;
    brood_os_environment_set(VARIABLE, "threads");
    pool = make_pool(&options); /* and the nice is passed over */
    assert_int_equal(ask_pid(pool), support_pid());
    end_pool(pool);
    brood_os_environment_set(VARIABLE, "processes");
    options.process = NULL;
    options.kind = BROOD_POOL_THREADS;
    pool = make_pool(&options);
    assert_true(ask_pid(pool) != support_pid());
    end_pool(pool);
    brood_os_environment_set(VARIABLE, "fibres");
    assert_status(brood_pool_create(&pool, &options), BROOD_ERR_ARGUMENT);
    assert_string_equal(error.step, VARIABLE);
    brood_os_environment_remove(VARIABLE);
    options.kind = (brood_pool_kind)17;
    assert_status(brood_pool_create(&pool, &options), BROOD_ERR_ARGUMENT);
    assert_string_equal(error.step, "kind");
}

static void refuse(const brood_process_options *process, const char *name)
{
    brood_pool_options options = threads_of(1);
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_pool *pool = NULL;

    options.process = process;
    options.error = &error;
    assert_status(brood_pool_create(&pool, &options), BROOD_ERR_NOT_SUPPORTED);
    assert_null(pool);
    assert_string_equal(error.step, name);
}

static void options_of_processes_are_refused(void **state)
{
    static const unsigned cores[] = {0};
    static const char *const environment[] = {NULL};
    const brood_process_options none = BROOD_PROCESS_OPTIONS_INIT;
    brood_process_options process = none;
    brood_handle handle = 0;

    (void)state;
    process.executable = harness_self;
    refuse(&process, "executable");
    process = none;
    process.working_directory = ".";
    refuse(&process, "working_directory");
    process = none;
    process.environment = environment;
    refuse(&process, "environment");
    process = none;
    process.stdout_to.mode = BROOD_STDIO_NULL;
    refuse(&process, "stdout_to");
    process = none;
    process.handles = &handle;
    process.handle_count = 1;
    refuse(&process, "handle_count");
    process = none;
    process.kill_tree = true;
    refuse(&process, "kill_tree");
    process = none;
    process.nice = 1;
    refuse(&process, "nice");
    process = none;
    process.cpus = cores;
    process.cpu_count = 1;
    refuse(&process, "cpu_count");
    process = none;
    process.memory_limit_bytes = (uint64_t)1 << 40;
    refuse(&process, "memory_limit_bytes");
    process = none;
    process.cpu_time_limit_s = 1000;
    refuse(&process, "cpu_time_limit_s");
    process = none;
    process.handshake_timeout_ms = 1000;
    refuse(&process, "handshake_timeout_ms");
}

/* ---- one process ------------------------------------------------------------------------------- */

static int count_run(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    brood_add32(&runs, 1);
    return 0;
}

static void memory_is_the_programs_own(void **state)
{
    brood_pool_options options = threads_of(3);
    brood_pool *pool = NULL;

    (void)state;
    options.initializer = options.finalizer = count_run;
    pool = make_pool(&options);
    for (int i = 0; i < 10; i++) {
        assert_ok(brood_pool_apply(pool, count_run, NULL, 0, NULL, 0, NULL));
    }
    end_pool(pool);
    assert_int_equal(brood_load32(&runs), 3 + 10 + 3); /* each has begun, and has ended in order */
}

/* The depth is that of the thread. */
static int make_inner_pool(brood_task *task, const void *arg, size_t size)
{
    brood_pool_options options = threads_of(1);
    brood_pool *pool = NULL;
    int64_t pid = 0;
    brood_status status = BROOD_OK;

    (void)arg;
    (void)size;
    options.max_depth = 1;
    status = brood_pool_create(&pool, &options);
    if (status != BROOD_ERR_LIMIT) {
        return brood_task_fail(task, 1, "the depth is not known here");
    }
    options.max_depth = 2;
    if (brood_pool_create(&pool, &options) != BROOD_OK) {
        return brood_task_fail(task, 1, "it is deeper than it should be");
    }
    status = brood_pool_apply(pool, task_tell_pid, NULL, 0, &pid, sizeof pid, NULL);
    brood_pool_destroy(pool);
    return status == BROOD_OK && pid == support_pid() ? 0 : 1;
}

static void pools_nest_in_threads(void **state)
{
    brood_pool_options options = threads_of(2);
    brood_pool *pool = make_pool(&options);
    brood_pool *other = NULL;

    (void)state;
    assert_ok(brood_pool_apply(pool, make_inner_pool, NULL, 0, NULL, 0, NULL));
    options.max_depth = 1; /* this thread is no deeper than before */
    other = make_pool(&options);
    end_pool(other);
    end_pool(pool);
}

#define PIECE ((size_t)64 * 1024)

static int use_stack(int depth)
{
    volatile char piece[PIECE];

    for (size_t i = 0; i < sizeof piece; i += 1024) {
        piece[i] = (char)depth;
    }
    return depth == 0 ? piece[0] : use_stack(depth - 1) + piece[1024] - (char)depth;
}

static int need_stack(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return use_stack(400); /* 25 MiB */
}

static void a_thread_has_the_stack_that_is_asked_for(void **state)
{
    brood_pool_options options = threads_of(1);
    brood_pool *pool = NULL;

    (void)state;
    options.thread_stack_size = (size_t)96 << 20; /* sanitizers need more of it */
    pool = make_pool(&options);
    assert_ok(brood_pool_apply(pool, need_stack, NULL, 0, NULL, 0, NULL));
    end_pool(pool);
}

/* ---- a task that does not return ------------------------------------------------------------------ */

static int return_late(brood_task *task, const void *arg, size_t size)
{
    size_t room = 0;
    char *memory = brood_task_shared(task, 0, &room);

    (void)arg;
    (void)size;
    brood_add32(&begun, 1);
    while (brood_load32(&may_return) == 0) {
        brood_os_sleep(1000000);
    }
    if (memory != NULL) {
        memset(memory, 7, room); /* the program has destroyed it */
    }
    brood_add32(&runs, 1);
    return 0;
}

static brood_pool_stats stats_of(brood_pool *pool)
{
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;

    assert_ok(brood_pool_get_stats(pool, &stats));
    return stats;
}

static void its_thread_is_left_to_it(void **state)
{
    brood_pool_options options = threads_of(1);
    brood_task_options timed = BROOD_TASK_OPTIONS_INIT;
    brood_failure failure = BROOD_FAILURE_INIT;
    brood_pool *pool = make_pool(&options);
    brood_shared *shared = NULL;

    (void)state;
    assert_ok(brood_shared_create(&shared, 5000, NULL));
    timed.timeout_ms = 20;
    timed.retries = 3;
    timed.tag = "the late one";
    timed.shared = &shared;
    timed.shared_count = 1;
    timed.failure = &failure;
    assert_status(brood_pool_apply(pool, return_late, NULL, 0, NULL, 0, &timed),
                  BROOD_ERR_TASK_TIMEOUT);
    assert_string_equal(failure.tag, "the late one");
    assert_null(brood_shared_destroy(shared));
    assert_int_equal(ask_pid(pool), support_pid()); /* another one has its place */
    assert_int_equal(stats_of(pool).lost, 1);
    assert_int_equal(stats_of(pool).died, 0);
    assert_ok(brood_pool_close(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_int_equal(brood_load32(&runs), 0);
    brood_exchange32(&may_return, 1);
    assert_null(brood_pool_destroy(pool)); /* waits for it */
    assert_int_equal(brood_load32(&runs), 1);
    assert_int_equal(brood_load32(&begun), 1); /* it was not tried again */
}

#define LATE_ONES 50
#define GROWTH_MAX                                                                                 \
    (support_is_windows() ? 150 : 25) /* of handles; each one has 8 there, and 1 here */

static int return_soon(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    brood_os_sleep(INT64_C(250000000)); /* longer than until it is given up */
    return 0;
}

static void be_late_twice(brood_pool *pool, const brood_task_options *timed)
{
    brood_result *results[2];

    for (int i = 0; i < 2; i++) {
        assert_ok(brood_pool_apply_async(pool, &results[i], return_soon, NULL, 0, timed));
    }
    for (int i = 0; i < 2; i++) {
        assert_status(brood_result_get(results[i], NULL, NULL, SOON_MS), BROOD_ERR_TASK_TIMEOUT);
        brood_result_destroy(results[i]);
    }
}

static void those_that_have_returned_leave_nothing(void **state)
{
    brood_pool_options options = threads_of(2);
    brood_task_options timed = BROOD_TASK_OPTIONS_INIT;
    brood_pool *pool = make_pool(&options);
    int before = 0;

    (void)state;
    timed.timeout_ms = 1;
    be_late_twice(pool, &timed);
    before = support_count_handles();
    for (int i = 0; i < LATE_ONES; i += 2) {
        be_late_twice(pool, &timed);
    }
    assert_true(stats_of(pool).lost > 0);
    assert_in_range(support_count_handles(), 0, before + GROWTH_MAX);
    end_pool(pool);
}

static int until_cancelled(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    brood_add32(&begun, 1);
    while (!brood_task_cancelled(task)) {
        brood_os_sleep(100000);
    }
    return 0;
}

static void terminate_ends_what_listens(void **state)
{
    brood_pool_options options = threads_of(3);
    brood_pool *pool = make_pool(&options);
    brood_result *result = NULL;

    (void)state;
    assert_ok(brood_pool_apply_async(pool, &result, until_cancelled, NULL, 0, NULL));
    await(&begun, 1);
    assert_ok(brood_pool_terminate(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_status(brood_result_get(result, NULL, NULL, 0), BROOD_ERR_CANCELLED);
    brood_result_destroy(result);
    assert_int_equal(stats_of(pool).alive, 0);
    assert_null(brood_pool_destroy(pool));
}

/* ---- what only the start of a worker shows --------------------------------------------------------- */

#define LARGE ((size_t)3 << 20) /* more than a ring holds */

static int check_large(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    return size == LARGE && ((const char *)arg)[LARGE - 1] == 'z' ? 0 : 1;
}

static void an_argument_of_the_initializer_that_fills_the_ring(void **state)
{
    brood_pool_options options = threads_of(2);
    brood_pool *pool = NULL;
    char *large = malloc(LARGE);

    (void)state;
    assert_non_null(large);
    memset(large, 'z', LARGE);
    options.initializer = check_large;
    options.initializer_arg = large;
    options.initializer_size = LARGE;
    pool = make_pool(&options);
    free(large);
    assert_int_equal(ask_pid(pool), support_pid());
    end_pool(pool);
}

static void a_thread_that_was_never_used_ends_when_it_is_idle(void **state)
{
    brood_pool_options options = threads_of(2);
    brood_pool *pool = NULL;

    (void)state;
    options.idle_timeout_ms = 10;
    pool = make_pool(&options);
    for (int64_t end = brood_os_now() + SOON_MS * INT64_C(1000000); stats_of(pool).ended < 2;) {
        assert_true(brood_os_now() < end);
        brood_os_sleep(1000000);
    }
    end_pool(pool);
}

/* Lazy workers are started by another thread than the one that makes the pool. */
static int nest_lazily(brood_task *task, const void *arg, size_t size)
{
    brood_pool_options options = threads_of(1);
    brood_pool *pool = NULL;
    brood_status status = BROOD_OK;

    (void)task;
    options.lazy = true;
    options.max_depth = 3;
    status = brood_pool_create(&pool, &options);
    if (status != BROOD_OK) {
        return status == BROOD_ERR_LIMIT ? 0 : 1;
    }
    brood_add32(&begun, 1);
    status = brood_pool_apply(pool, nest_lazily, arg, size, NULL, 0, NULL);
    brood_pool_destroy(pool);
    return status == BROOD_OK ? 0 : 1;
}

static void lazy_pools_nest_no_deeper_than_they_may(void **state)
{
    brood_pool_options options = threads_of(1);
    brood_pool *pool = NULL;

    (void)state;
    options.lazy = true;
    pool = make_pool(&options);
    assert_ok(brood_pool_apply(pool, nest_lazily, NULL, 0, NULL, 0, NULL));
    assert_int_equal(brood_load32(&begun), 2);
    end_pool(pool);
}

/* ---- an item that is late costs no other one ------------------------------------------------------- */

#define ITEMS 8
#define LATE_ITEM 3

/* The late one does not look at whether it is cancelled; it returns soon after it should, or later. */
static int be_late_once(brood_task *task, const void *arg, size_t size)
{
    int64_t late_ms = 0;

    (void)size;
    memcpy(&late_ms, arg, sizeof late_ms);
    if (brood_task_index(task) == LATE_ITEM) {
        brood_os_sleep(late_ms * 1000000);
    }
    return brood_return(task, &late_ms, sizeof late_ms);
}

static void map_with_a_late_item(brood_pool *pool, int64_t late_ms)
{
    brood_task_options timed = BROOD_TASK_OPTIONS_INIT;
    brood_result *result = NULL;
    int64_t in[ITEMS];
    int64_t out[ITEMS];

    for (int i = 0; i < ITEMS; i++) {
        in[i] = late_ms;
    }
    timed.timeout_ms = 50;
    timed.chunk_size = ITEMS;
    assert_ok(brood_pool_map_async(pool, &result, be_late_once, in, ITEMS, 8, out, 8, &timed));
    assert_ok(brood_result_wait(result, SOON_MS));
    for (uint64_t i = 0; i < ITEMS; i++) {
        assert_status(brood_result_item(result, i, NULL, NULL, NULL, 0),
                      i == LATE_ITEM ? BROOD_ERR_TASK_TIMEOUT : BROOD_OK);
    }
    brood_result_destroy(result);
}

static void an_item_that_is_late_costs_no_other_one(void **state)
{
    brood_pool_options options = threads_of(1);
    brood_pool *pool = make_pool(&options);

    (void)state;
    for (int i = 0; i < 5; i++) {
        map_with_a_late_item(pool, 75);  /* it returns before it is given up */
        map_with_a_late_item(pool, 400); /* and after */
    }
    end_pool(pool);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_option_chooses),
    cmocka_unit_test(the_variable_overrides),
    cmocka_unit_test(options_of_processes_are_refused),
    cmocka_unit_test(memory_is_the_programs_own),
    cmocka_unit_test(pools_nest_in_threads),
    cmocka_unit_test(a_thread_has_the_stack_that_is_asked_for),
    cmocka_unit_test(its_thread_is_left_to_it),
    cmocka_unit_test(those_that_have_returned_leave_nothing),
    cmocka_unit_test(terminate_ends_what_listens),
    cmocka_unit_test(an_argument_of_the_initializer_that_fills_the_ring),
    cmocka_unit_test(a_thread_that_was_never_used_ends_when_it_is_idle),
    cmocka_unit_test(lazy_pools_nest_no_deeper_than_they_may),
    cmocka_unit_test(an_item_that_is_late_costs_no_other_one),
};

BROOD_TEST_MAIN(tests)
