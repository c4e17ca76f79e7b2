/* Why a process ended: not the reason that is near at hand, but the one that is true. */
#include "harness.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static int say_and_hang(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    support_write(brood_task_handle(task, 0), "x", 1);
    support_hang();
    return 0;
}

static void crash_on_signal(int number)
{
    (void)number;
    support_crash(); /* NOLINT: it never comes back */
}

static void abort_on_signal(int number)
{
    (void)number;
    abort();
}

static int crash_when_asked(brood_task *task, const void *arg, size_t size)
{
    signal(SIGTERM, crash_on_signal);
    return say_and_hang(task, arg, size);
}

static int abort_when_asked(brood_task *task, const void *arg, size_t size)
{
    signal(SIGTERM, abort_on_signal);
    return say_and_hang(task, arg, size);
}

static brood_process *start_and_await(brood_function *function, brood_process_options *options)
{
    brood_process *process = NULL;
    intptr_t there[2];

    assert_true(support_pipe(there));
    options->daemon = true;
    options->handles = &there[1];
    options->handle_count = 1;
    assert_ok(brood_process_start(&process, function, NULL, 0, options));
    support_close(there[1]);
    assert_byte(there[0]);
    support_close(there[0]);
    return process;
}

static void a_foreign_kill_of_an_idle_child_is_not_its_cpu_limit(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    (void)state;
    if (support_is_windows()) {
        harness_skip("Windows has no signals between processes");
    }
    options.cpu_time_limit_s = 1000;
    process = start_and_await(say_and_hang, &options);
    support_kill(brood_process_pid(process));
    assert_ends(process, BROOD_EXIT_SIGNAL, 9);
    brood_process_destroy(process);
}

static void expect_its_own_end(brood_function *function, int64_t number)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    if (support_is_windows()) {
        harness_skip("Windows has no signals between processes");
    }
#if defined(__SANITIZE_THREAD__)
    harness_skip("ThreadSanitizer calls handlers when it sees fit, if at all");
#endif
    process = start_and_await(function, &options);
    assert_ok(brood_process_terminate(process, SOON_MS));
    assert_ends(process, BROOD_EXIT_SIGNAL, number);
    brood_process_destroy(process);
}

static void a_crash_of_one_that_was_asked_is_a_crash(void **state)
{
    (void)state;
    expect_its_own_end(crash_when_asked, support_crash_code());
}

static void an_abort_of_one_that_was_asked_is_an_abort(void **state)
{
    (void)state;
    expect_its_own_end(abort_when_asked, SIGABRT);
}

/* On Windows the number of a crash is only a number. */
static int return_the_number_of_a_crash(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return -1073741819;
}

static void a_returned_code_that_looks_like_a_crash_is_a_code(void **state)
{
    brood_process *process = NULL;

    (void)state;
    assert_ok(brood_process_start(&process, return_the_number_of_a_crash, NULL, 0, NULL));
    assert_ends(process, BROOD_EXIT_CODE, -1073741819);
    brood_process_destroy(process);
}

/* ---- its text ------------------------------------------------------------------------------ */

#define OLD_BYTES 64

static void the_text_of_a_short_info_stays_within_it(void **state)
{
    static const brood_exit_reason reasons[] = {BROOD_EXIT_CODE, BROOD_EXIT_SIGNAL,
                                                BROOD_EXIT_START, BROOD_EXIT_KILLED};
    brood_exit_info whole = BROOD_EXIT_INFO_INIT;
    brood_exit_info *old = malloc(OLD_BYTES); /* a sanitizer sees what is read behind it */

    (void)state;
    assert_non_null(old);
    whole.struct_size = OLD_BYTES;
    snprintf(whole.error.message, sizeof whole.error.message, "behind the end");
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        char text[300] = "";

        whole.reason = reasons[i];
        whole.code = 3;
        assert_true(brood_exit_text(&whole, text, sizeof text) > 0);
        assert_null(strstr(text, "behind"));
        memcpy(old, &whole, OLD_BYTES);
        assert_int_equal(brood_exit_text(old, text, sizeof text), strlen(text));
        assert_true(text[0] != '\0');
    }
    free(old);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_foreign_kill_of_an_idle_child_is_not_its_cpu_limit),
    cmocka_unit_test(a_crash_of_one_that_was_asked_is_a_crash),
    cmocka_unit_test(an_abort_of_one_that_was_asked_is_an_abort),
    cmocka_unit_test(a_returned_code_that_looks_like_a_crash_is_a_code),
    cmocka_unit_test(the_text_of_a_short_info_stays_within_it),
};

BROOD_TEST_MAIN(tests)
