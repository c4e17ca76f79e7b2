/* What a crash, an exit, a static variable ... of a task mean in each kind of pool: the guide's table. */
#include "pool_tools.h"

#include <stdlib.h>
#include <string.h>

#include "platform.h"

#define WENT_ON 42 /* the code of a program whose pool has outlived the task */
#define VARIABLE "BROOD_TEST_TABLE"

static int counter;

static brood_pool *open_pool(int kind)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;

    options.kind = (brood_pool_kind)kind;
    options.workers = 1;
    return brood_pool_create(&pool, &options) == BROOD_OK ? pool : NULL;
}

/* ---- what ends a process -------------------------------------------------------------------------- */

static int crash(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    support_crash();
    return 0;
}

static int leave(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    exit(3);
}

static int give_up(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    abort();
}

/* In a process of its own: a pool of the kind, and a task that ends what it runs in. */
static int outlive(int kind, brood_function *function)
{
    brood_pool *pool = open_pool(kind);
    brood_status status = BROOD_OK;

    if (pool == NULL) {
        return 1;
    }
    status = brood_pool_apply(pool, function, NULL, 0, NULL, 0, NULL);
    brood_pool_destroy(pool);
    return status == BROOD_ERR_DIED ? WENT_ON : 2;
}

static int outlive_crash(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)size;
    return outlive(*(const int *)arg, crash);
}

static int outlive_exit(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)size;
    return outlive(*(const int *)arg, leave);
}

static int outlive_abort(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)size;
    return outlive(*(const int *)arg, give_up);
}

static brood_exit_info end_of(brood_function *program, int kind)
{
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_process *process = NULL;

    assert_ok(brood_process_start(&process, program, &kind, sizeof kind, NULL));
    assert_ok(brood_process_join(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, &info));
    brood_process_destroy(process);
    return info;
}

static void assert_goes_on(brood_function *program)
{
    brood_exit_info info = end_of(program, BROOD_POOL_PROCESSES);

    assert_int_equal(info.reason, BROOD_EXIT_CODE);
    assert_int_equal(info.code, WENT_ON);
}

static void a_crash(void **state)
{
    (void)state;
    assert_goes_on(outlive_crash);
    for (int kind = BROOD_POOL_THREADS; kind <= BROOD_POOL_INLINE; kind++) {
        brood_exit_info info = end_of(outlive_crash, kind);

        assert_int_equal(info.reason, BROOD_EXIT_SIGNAL);
        assert_string_equal(info.name, support_crash_name());
    }
}

static void an_exit(void **state)
{
    (void)state;
    assert_goes_on(outlive_exit);
    for (int kind = BROOD_POOL_THREADS; kind <= BROOD_POOL_INLINE; kind++) {
        brood_exit_info info = end_of(outlive_exit, kind);

        assert_int_equal(info.reason, BROOD_EXIT_CODE);
        assert_int_equal(info.code, 3);
    }
}

/* Windows' C runtimes end by an exception, or by code 3. */
static void an_abort(void **state)
{
    (void)state;
    assert_goes_on(outlive_abort);
    for (int kind = BROOD_POOL_THREADS; kind <= BROOD_POOL_INLINE; kind++) {
        brood_exit_info info = end_of(outlive_abort, kind);

        assert_true(info.reason == BROOD_EXIT_SIGNAL ||
                    (support_is_windows() && info.code != WENT_ON));
    }
}

/* ---- what is the program's, and what a worker's own -------------------------------------------------- */

static int change(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    counter++;
    brood_os_environment_set(VARIABLE, "changed");
    return 0;
}

static void a_static_variable_and_the_environment(void **state)
{
    (void)state;
    for (int kind = BROOD_POOL_PROCESSES; kind <= BROOD_POOL_INLINE; kind++) {
        brood_pool *pool = open_pool(kind);
        bool is_own = kind == BROOD_POOL_PROCESSES;
        char text[20];

        counter = 0;
        assert_non_null(pool);
        assert_ok(brood_pool_apply(pool, change, NULL, 0, NULL, 0, NULL));
        assert_ok(brood_pool_apply(pool, change, NULL, 0, NULL, 0, NULL));
        assert_int_equal(counter, is_own ? 0 : 2);
        assert_int_equal(brood_os_environment_get(VARIABLE, text, sizeof text) > 0, !is_own);
        brood_os_environment_remove(VARIABLE);
        end_pool(pool);
    }
}

static int write_there(brood_task *task, const void *arg, size_t size)
{
    int *there = NULL;

    (void)task;
    memcpy(&there, arg, size);
    *there = 7;
    return 0;
}

static void a_pointer_in_an_argument(void **state)
{
    (void)state;
    for (int kind = BROOD_POOL_THREADS; kind <= BROOD_POOL_INLINE; kind++) {
        brood_pool *pool = open_pool(kind);
        int here = 0;
        int *at = &here;

        assert_non_null(pool);
        assert_ok(brood_pool_apply(pool, write_there, &at, sizeof at, NULL, 0, NULL));
        assert_int_equal(here, 7);
        end_pool(pool);
    }
}

static int is_held_back(brood_task *task, const void *arg, size_t size)
{
    bool is = support_is_signal_blocked("TERM");

    (void)arg;
    (void)size;
    return brood_return(task, &is, sizeof is);
}

static void a_signal(void **state)
{
    (void)state;
    if (support_is_windows()) {
        harness_skip("Windows has no signals between processes");
    }
    for (int kind = BROOD_POOL_PROCESSES; kind <= BROOD_POOL_INLINE; kind++) {
        brood_pool *pool = open_pool(kind);
        bool is = false;

        assert_non_null(pool);
        assert_ok(brood_pool_apply(pool, is_held_back, NULL, 0, &is, sizeof is, NULL));
        assert_int_equal(is, kind == BROOD_POOL_THREADS);
        end_pool(pool);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_crash),
    cmocka_unit_test(an_exit),
    cmocka_unit_test(an_abort),
    cmocka_unit_test(a_static_variable_and_the_environment),
    cmocka_unit_test(a_pointer_in_an_argument),
    cmocka_unit_test(a_signal),
};

BROOD_TEST_MAIN(tests)
