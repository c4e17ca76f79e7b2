/* A program with large thread-local storage, which comes out of the stack of every thread. */
#include "harness.h"

#define LARGE 200000

#if defined(_MSC_VER) && !defined(__clang__) /* whose C knows _Thread_local since 2022 only */
#define THREAD_LOCAL __declspec(thread)
#else
#define THREAD_LOCAL _Thread_local
#endif

static THREAD_LOCAL volatile char large[LARGE];

static char touch(void)
{
    for (size_t i = 0; i < LARGE; i += 1000) {
        large[i] = 1;
    }
    return large[LARGE - 1000];
}

static int use_it(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return touch() == 1 ? 7 : 1;
}

static void expect_seven(bool daemon)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    assert_int_equal(touch(), 1);
    options.daemon = daemon;
    options.timeout_ms = SOON_MS;
    assert_ok(brood_process_start(&process, use_it, NULL, 0, &options));
    assert_ends(process, BROOD_EXIT_CODE, 7);
    brood_process_destroy(process);
}

static void a_child_with_large_thread_local_storage(void **state)
{
    (void)state;
    expect_seven(false);
}

static void a_daemon_with_large_thread_local_storage(void **state)
{
    (void)state;
    expect_seven(true);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_child_with_large_thread_local_storage),
    cmocka_unit_test(a_daemon_with_large_thread_local_storage),
};

BROOD_TEST_MAIN(tests)
