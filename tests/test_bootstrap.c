/* B1, B2, B3, B6, B7, B9, B10: the way from the start of a program to its function. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

/* Runs a helper program to its end; its exit code. */
static int64_t run_program(const char *const *argv)
{
    brood_process *process = NULL;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;

    assert_ok(brood_command_start(&process, argv, NULL));
    assert_ok(brood_process_join(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, &info));
    assert_int_equal(info.reason, BROOD_EXIT_CODE);
    brood_process_destroy(process);
    return info.code;
}

/* Starts the function of a helper program, which does something before it calls brood_init. */
static brood_process *start_helper(const char *program, const char *function, const char *before,
                                   brood_process_options *options)
{
    char variable[64];
    const char *environment[] = {variable, NULL};
    brood_process *process = NULL;
    int number = 40;

    snprintf(variable, sizeof variable, "HELPER_BEFORE=%s", before);
    options->executable = program;
    options->function_name = function;
    options->environment = environment;
    assert_ok(brood_process_start(&process, NULL, &number, sizeof number, options));
    options->environment = NULL;
    return process;
}

/* Joins a process that never came to its function, and gives it back; what the error says. */
static brood_error start_error(brood_process *process)
{
    brood_exit_info info = BROOD_EXIT_INFO_INIT;

    assert_ok(brood_process_join(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, &info));
    assert_int_equal(info.reason, BROOD_EXIT_START);
    brood_process_destroy(process);
    return info.error;
}

static void assert_mentions(const char *text, const char *word)
{
    if (strstr(text, word) == NULL) {
        fail_msg("\"%s\" does not mention \"%s\"", text, word);
    }
}

/* ---- B1 ---------------------------------------------------------------------------------- */

static void b1_a_child_without_brood_init_is_told(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error;

    (void)state;
    error = start_error(start_helper(HELPER_NO_INIT, "answer", "", &options));
    assert_status(error.status, BROOD_ERR_NO_HELLO);
    assert_mentions(error.message, "brood_init");
}

/* No fork bomb: without brood_init nothing is ever started. */
static void b1_a_program_without_brood_init_starts_nothing(void **state)
{
    const char *argv[] = {HELPER_NO_INIT, NULL};

    (void)state;
    assert_int_equal(run_program(argv), BROOD_ERR_NOT_INITIALIZED);
}

/* ---- B2 ---------------------------------------------------------------------------------- */

/* Past brood: by the C runtime, with the environment as it is. */
static int runtime_starts_without_token(void)
{
    char command[1024];

#if defined(_WIN32)
    snprintf(command, sizeof command, "\"\"%s\" token\"", HELPER_NO_INIT);
#else
    snprintf(command, sizeof command, "'%s' token", HELPER_NO_INIT);
#endif
    return system(command) == 0; /* NOLINT: the point is to start something else */
}

static int find_token(brood_task *task, const void *arg, size_t size)
{
    int depth = *(const int *)arg;
    brood_process *process = NULL;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;

    (void)task;
    (void)size;
    if (getenv("BROOD_CHILD") != NULL) {
        return 10 + depth;
    }
    if (!runtime_starts_without_token()) {
        return 20 + depth;
    }
    if (depth == 0) {
        return 0;
    }
    depth--;
    if (brood_process_start(&process, find_token, &depth, sizeof depth, NULL) != BROOD_OK) {
        return 30;
    }
    brood_process_join(process, SOON_MS);
    brood_process_exit_info(process, &info);
    brood_process_destroy(process);
    return info.reason == BROOD_EXIT_CODE ? (int)info.code : 40;
}

static void b2_grandchildren_do_not_see_the_token(void **state)
{
    brood_process *process = NULL;
    int depth = 1;

    (void)state;
    assert_ok(brood_process_start(&process, find_token, &depth, sizeof depth, NULL));
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
}

/* What its main starts before brood_init has the token, and may be a program of brood's, too. */
static void r23_another_program_before_brood_init(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    (void)state;
    support_set_environment("HELPER_OTHER", HELPER_EARLY);
    process = start_helper(HELPER_CHILD, "answer", "other", &options);
    assert_ends(process, BROOD_EXIT_CODE, 42);
    brood_process_destroy(process);
}

/* Starts a process that lives on, and ends. */
static int leave_a_child(brood_task *task, const void *arg, size_t size)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_handle handle = brood_task_handle(task, 0);

    (void)arg;
    (void)size;
    options.handles = &handle;
    options.handle_count = 1;
    options.stdin_to.mode = BROOD_STDIO_PIPE;
    start_helper(HELPER_CHILD, "tell", "orphan", &options);
    support_exit_at_once(0);
    return 0;
}

/* The same when the parent has ended by then, so that nobody can be asked whose child it is. */
static void r23_another_program_when_the_parent_has_ended(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    intptr_t ends[2];
    int number = 0;

    (void)state;
    assert_true(support_pipe(ends));
    support_set_environment("HELPER_OTHER", HELPER_EARLY);
    options.handles = &ends[1];
    options.handle_count = 1;
    assert_ok(brood_process_start(&process, leave_a_child, NULL, 0, &options));
    support_close(ends[1]);
    assert_ends(process, BROOD_EXIT_CODE, 0);
    assert_int_equal(support_read(ends[0], &number, sizeof number), sizeof number);
    assert_int_equal(number, 40);
    support_close(ends[0]);
    brood_process_destroy(process);
}

/* ---- B3 ---------------------------------------------------------------------------------- */

static void b3_an_unknown_function_name_is_told(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error;

    (void)state;
    error = start_error(start_helper(HELPER_CHILD, "nobody", "", &options));
    assert_status(error.status, BROOD_ERR_NO_FUNCTION);
    assert_mentions(error.message, "\"nobody\"");
}

static void b3_a_known_function_name_runs(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    (void)state;
    options.stdout_to.mode = BROOD_STDIO_NULL;
    process = start_helper(HELPER_CHILD, "answer", "", &options);
    assert_ends(process, BROOD_EXIT_CODE, 42);
    brood_process_destroy(process);
}

/* ---- B6 ---------------------------------------------------------------------------------- */

static void b6_a_child_killed_before_its_handshake(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error;

    (void)state;
    error = start_error(start_helper(HELPER_CHILD, "answer", "kill", &options));
    assert_status(error.status, BROOD_ERR_NO_HELLO);
}

static void b6_a_child_killed_by_us_before_its_handshake(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;

    (void)state;
    process = start_helper(HELPER_CHILD, "answer", "hang", &options);
    assert_ok(brood_process_kill(process));
    assert_ok(brood_process_join(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, &info));
    assert_int_equal(info.reason, BROOD_EXIT_KILLED);
    brood_process_destroy(process);
}

static void b6_the_handshake_times_out(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error;

    (void)state;
    options.handshake_timeout_ms = 200;
    error = start_error(start_helper(HELPER_CHILD, "answer", "hang", &options));
    assert_status(error.status, BROOD_ERR_NO_HELLO);
    assert_mentions(error.message, "handshake_timeout_ms");
}

/* A child that has come to its function is not in the handshake any more. */
static void b6_the_handshake_time_ends_with_the_handshake(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    char byte = 0;
    size_t got = 0;

    (void)state;
    options.handshake_timeout_ms = 3000;
    options.stdin_to.mode = BROOD_STDIO_PIPE;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    process = start_helper(HELPER_CHILD, "echo", "", &options);
    assert_ok(brood_process_write(process, "x", 1, NULL, SOON_MS));
    assert_ok(brood_process_read(process, BROOD_STDOUT, &byte, 1, &got, SOON_MS));
    assert_status(brood_process_join(process, 3200), BROOD_ERR_TIMEOUT);
    assert_ok(brood_process_close_stdin(process));
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
}

/* Nobody joins: who only reads must not wait for ever. */
static void b6_the_handshake_times_out_in_a_read(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    char byte = 0;
    size_t got = 0;

    (void)state;
    options.handshake_timeout_ms = 200;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    process = start_helper(HELPER_CHILD, "answer", "hang", &options);
    assert_status(brood_process_read(process, BROOD_STDOUT, &byte, 1, &got, BROOD_FOREVER),
                  BROOD_ERR_CLOSED);
    assert_mentions(start_error(process).message, "handshake_timeout_ms");
}

static void b6_the_handshake_times_out_in_communicate(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    brood_output out = {NULL, 0};

    (void)state;
    options.handshake_timeout_ms = 200;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    process = start_helper(HELPER_CHILD, "answer", "hang", &options);
    assert_ok(brood_process_communicate(process, NULL, 0, &out, NULL, BROOD_FOREVER));
    assert_int_equal(out.size, 0);
    brood_free(out.data);
    assert_mentions(start_error(process).message, "handshake_timeout_ms");
}

/* ---- B7 ---------------------------------------------------------------------------------- */

static size_t count_lines(const brood_output *output)
{
    size_t count = 0;

    for (size_t i = 0; i < output->size; i++) {
        count += output->data[i] == '\n';
    }
    return count;
}

static void b7_noise_before_brood_init_does_no_harm(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    brood_output out = {NULL, 0};
    brood_output err = {NULL, 0};

    (void)state;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    options.stderr_to.mode = BROOD_STDIO_PIPE;
    process = start_helper(HELPER_CHILD, "answer", "noise", &options);
    assert_ok(brood_process_communicate(process, NULL, 0, &out, &err, SOON_MS));
    assert_ends(process, BROOD_EXIT_CODE, 42);
    assert_true(count_lines(&out) >= 2001);
    assert_true(count_lines(&err) >= 2000);
    assert_mentions(out.data, "the function");
    brood_free(out.data);
    brood_free(err.data);
    brood_process_destroy(process);
}

/* ---- B9, B10 ----------------------------------------------------------------------------- */

static void b9_a_windows_program_without_a_console(void **state)
{
    (void)state;
#if defined(HELPER_GUI)
    const char *argv[] = {HELPER_GUI, NULL};

    assert_int_equal(run_program(argv), 0);
#else
    harness_skip("only Windows has programs without main");
#endif
}

static void b10_a_start_before_brood_init_is_refused(void **state)
{
    const char *argv[] = {HELPER_EARLY, NULL};

    (void)state;
    assert_int_equal(run_program(argv), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(b1_a_child_without_brood_init_is_told),
    cmocka_unit_test(b1_a_program_without_brood_init_starts_nothing),
    cmocka_unit_test(b2_grandchildren_do_not_see_the_token),
    cmocka_unit_test(r23_another_program_before_brood_init),
    cmocka_unit_test(r23_another_program_when_the_parent_has_ended),
    cmocka_unit_test(b3_an_unknown_function_name_is_told),
    cmocka_unit_test(b3_a_known_function_name_runs),
    cmocka_unit_test(b6_a_child_killed_before_its_handshake),
    cmocka_unit_test(b6_a_child_killed_by_us_before_its_handshake),
    cmocka_unit_test(b6_the_handshake_times_out),
    cmocka_unit_test(b6_the_handshake_times_out_in_a_read),
    cmocka_unit_test(b6_the_handshake_times_out_in_communicate),
    cmocka_unit_test(b6_the_handshake_time_ends_with_the_handshake),
    cmocka_unit_test(b7_noise_before_brood_init_does_no_harm),
    cmocka_unit_test(b9_a_windows_program_without_a_console),
    cmocka_unit_test(b10_a_start_before_brood_init_is_refused),
};

BROOD_TEST_MAIN(tests)
