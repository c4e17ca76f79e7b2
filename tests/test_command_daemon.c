/* A command that ends with its parent is otherwise like any other. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

static const char *self;

static brood_status start(brood_process **process, const char *mode, const char *argument,
                          brood_process_options *options)
{
    const char *argv[] = {self, mode, argument, NULL};

    harness_warm_up_guard();
    options->daemon = true;
    return brood_command_start(process, argv, options);
}

static void the_exit_code_and_the_output_arrive(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    brood_output out = {NULL, 0};

    (void)state;
    options.stdin_to.mode = BROOD_STDIO_PIPE;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    assert_ok(start(&process, "--echo", "7", &options));
    assert_ok(brood_process_communicate(process, "words", 5, &out, NULL, SOON_MS));
    assert_string_equal(out.data, "words");
    assert_ends(process, BROOD_EXIT_CODE, 7);
    brood_free(out.data);
    brood_process_destroy(process);
}

static void a_failing_exec_is_an_error_of_the_start(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_process *process = NULL;

    (void)state;
    options.error = &error;
    options.executable = "/nowhere/at all";
    assert_status(start(&process, "--echo", "0", &options), BROOD_ERR_NOT_FOUND);
    assert_null(process);
    assert_true(error.os_code != 0);
}

static void a_crash_is_told(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_process *process = NULL;

    (void)state;
    assert_ok(start(&process, "--kill-self", "", &options));
    assert_ok(brood_process_join(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, &info));
#ifndef _WIN32 /* where ending oneself is an exit with a code */
    assert_int_equal(info.reason, BROOD_EXIT_SIGNAL);
#endif
    assert_int_equal(info.code, 9);
    brood_process_destroy(process);
}

static void start_hanging(brood_process **process)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    char byte = 0;
    size_t got = 0;

    options.stdout_to.mode = BROOD_STDIO_PIPE;
    assert_ok(start(process, "--hang", "", &options));
    assert_ok(brood_process_read(*process, BROOD_STDOUT, &byte, 1, &got, SOON_MS));
    assert_true(support_is_running(brood_process_pid(*process)));
}

static void kill_ends_it(void **state)
{
    brood_process *process = NULL;
    int64_t pid = 0;

    (void)state;
    start_hanging(&process);
    pid = brood_process_pid(process);
    assert_ok(brood_process_kill(process));
    assert_ends(process, BROOD_EXIT_KILLED, 9);
    assert_true(support_wait_gone(pid, SOON_MS));
    brood_process_destroy(process);
}

static void destroying_ends_it(void **state)
{
    brood_process *process = NULL;
    int64_t pid = 0;

    (void)state;
    start_hanging(&process);
    pid = brood_process_pid(process);
    brood_process_destroy(process);
    assert_true(support_wait_gone(pid, SOON_MS));
}

static void terminate_asks_it(void **state)
{
    brood_process *process = NULL;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;

    (void)state;
    start_hanging(&process);
    assert_ok(brood_process_terminate(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, &info));
    assert_true(info.reason == BROOD_EXIT_TERMINATED || info.reason == BROOD_EXIT_KILLED);
    brood_process_destroy(process);
}

/* Starts a command that hangs, and tells its number; then waits to be killed. */
static int be_a_parent(brood_task *task, const void *arg, size_t size)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    const char *argv[] = {arg, "--hang", "", NULL};
    int64_t pid = 0;

    (void)size;
    options.daemon = true;
    if (brood_command_start(&process, argv, &options) != BROOD_OK) {
        return 1;
    }
    pid = brood_process_pid(process);
    if (!brood_process_is_alive(process) || brood_process_join(process, 0) != BROOD_ERR_TIMEOUT) {
        return 2; /* whoever looks does not let it go */
    }
    support_write(brood_task_handle(task, 0), &pid, sizeof pid);
    support_hang();
    return 0;
}

static void s1_it_ends_when_the_parent_is_killed(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *parent = NULL;
    intptr_t ends[2];
    int64_t pid = 0;

    (void)state;
    assert_true(support_pipe(ends));
    options.handles = &ends[1];
    options.handle_count = 1;
    assert_ok(brood_process_start(&parent, be_a_parent, self, strlen(self) + 1, &options));
    support_close(ends[1]);
    assert_int_equal(support_read(ends[0], &pid, sizeof pid), sizeof pid);
    support_close(ends[0]);
    assert_true(support_is_running(pid));
    assert_ok(brood_process_kill(parent));
    assert_true(support_wait_gone(pid, 2000));
    assert_ends(parent, BROOD_EXIT_KILLED, 9);
    brood_process_destroy(parent);
}

/* Nobody else may hold its end of the pipe. */
static void the_output_ends_when_it_is_closed(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    char byte = 0;
    size_t got = 0;

    (void)state;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    assert_ok(start(&process, "--close-and-hang", "", &options));
    assert_status(brood_process_read(process, BROOD_STDOUT, &byte, 1, &got, SOON_MS),
                  BROOD_ERR_CLOSED);
    assert_true(brood_process_is_alive(process));
    brood_process_destroy(process);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_exit_code_and_the_output_arrive),
    cmocka_unit_test(a_failing_exec_is_an_error_of_the_start),
    cmocka_unit_test(a_crash_is_told),
    cmocka_unit_test(kill_ends_it),
    cmocka_unit_test(destroying_ends_it),
    cmocka_unit_test(terminate_asks_it),
    cmocka_unit_test(s1_it_ends_when_the_parent_is_killed),
    cmocka_unit_test(the_output_ends_when_it_is_closed),
};

/* The command. */
static int run_mode(const char *mode, const char *argument)
{
    char bytes[100];
    size_t size = 0;

    if (strcmp(mode, "--echo") == 0) {
        size = fread(bytes, 1, sizeof bytes, stdin);
        fwrite(bytes, 1, size, stdout);
        return atoi(argument);
    }
    if (strcmp(mode, "--kill-self") == 0) {
        support_kill_self();
    }
    if (strcmp(mode, "--close-and-hang") == 0) {
        support_close(support_stdio(1));
        support_hang();
    }
    if (strcmp(mode, "--hang") == 0) {
        putchar('!');
        fflush(stdout);
        support_hang();
    }
    return 2;
}

int main(int argc, char **argv)
{
    if (brood_init(argc, argv) != BROOD_OK) {
        return 3;
    }
    self = argv[0];
    if (argc == 3 && argv[1][0] == '-' && strcmp(argv[1], "--inside") != 0) {
        return run_mode(argv[1], argv[2]);
    }
    return harness_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
