/* P13, P14: a program that has plans of its own for SIGCHLD, and children of its own. */
#include "harness.h"

#include <stdlib.h>

static const char no_sigchld[] = "there is no SIGCHLD and no fork on Windows";

static int return_code(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)size;
    return *(const int *)arg;
}

static int say_and_hang(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    support_write(brood_task_handle(task, 0), "x", 1);
    support_hang();
    return 0;
}

/* Who reaped it does not matter: the child itself has told its code. */
static void expect_codes(void)
{
    for (int code = 0; code < 30; code++) {
        brood_process *process = NULL;

        assert_ok(brood_process_start(&process, return_code, &code, sizeof code, NULL));
        assert_ends(process, BROOD_EXIT_CODE, code);
        brood_process_destroy(process);
    }
}

/* Of a command nobody can tell any more than that it has ended. */
static void expect_lost_command(void)
{
    for (int i = 0; i < 10; i++) {
        const char *argv[] = {harness_self, "--seven", NULL};
        brood_exit_info info = BROOD_EXIT_INFO_INIT;
        brood_process *process = NULL;

        assert_ok(brood_command_start(&process, argv, NULL));
        assert_ok(brood_process_join(process, SOON_MS));
        assert_ok(brood_process_exit_info(process, &info));
        assert_true(info.reason == BROOD_EXIT_LOST ||
                    (info.reason == BROOD_EXIT_CODE && info.code == 7));
        brood_process_destroy(process);
    }
}

static void expect_that_it_can_be_ended(void)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    intptr_t ends[2];

    assert_true(support_pipe(ends));
    options.handles = &ends[1];
    options.handle_count = 1;
    assert_ok(brood_process_start(&process, say_and_hang, NULL, 0, &options));
    assert_byte(ends[0]);
    assert_status(brood_process_join(process, 20), BROOD_ERR_TIMEOUT);
    assert_ok(brood_process_kill(process));
    assert_ends_by(process, BROOD_EXIT_KILLED);
    assert_ok(brood_process_kill(process));
    brood_process_destroy(process);
    assert_ok(brood_process_start(&process, say_and_hang, NULL, 0, &options));
    assert_byte(ends[0]);
    assert_ok(brood_process_terminate(process, SOON_MS));
    assert_ends_by(process, BROOD_EXIT_TERMINATED);
    brood_process_destroy(process);
    support_close(ends[0]);
    support_close(ends[1]);
}

/* The child of a failing exec is reaped inside of the start. */
static void expect_failing_start(void)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    const char *argv[] = {harness_self, NULL};
    brood_process *process = NULL;

    options.working_directory = "/no/such/directory";
    for (int i = 0; i < 10; i++) {
        assert_status(brood_command_start(&process, argv, &options), BROOD_ERR_NOT_FOUND);
        assert_null(process);
    }
}

static void p13_the_program_ignores_sigchld(void **state)
{
    (void)state;
    if (!support_has_sigchld()) {
        harness_skip(no_sigchld);
    }
    support_ignore_sigchld();
    expect_codes();
    expect_lost_command();
    expect_that_it_can_be_ended();
    expect_failing_start();
}

static void p13_the_program_reaps_every_child(void **state)
{
    (void)state;
    if (!support_has_sigchld()) {
        harness_skip(no_sigchld);
    }
    support_reap_everything();
    expect_codes();
    expect_lost_command();
    expect_that_it_can_be_ended();
    expect_failing_start();
}

/* A child is not to inherit that its parent ignores a signal: it could not wait for its own. */
static void p13_an_ignored_sigchld_is_not_inherited(void **state)
{
    const char *argv[] = {harness_self, "--fork", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    char answer = 0;
    size_t got = 0;

    (void)state;
    if (!support_has_sigchld()) {
        harness_skip(no_sigchld);
    }
    support_ignore_sigchld();
    options.stdout_to.mode = BROOD_STDIO_PIPE; /* the exit code is lost */
    assert_ok(brood_command_start(&process, argv, &options));
    assert_ok(brood_process_read(process, BROOD_STDOUT, &answer, 1, &got, SOON_MS));
    assert_int_equal(answer, 'y');
    assert_ok(brood_process_join(process, SOON_MS));
    brood_process_destroy(process);
}

static void p14_a_foreign_child_stays_to_be_waited_for(void **state)
{
    int64_t before = 0;
    int64_t between = 0;
    brood_process *process = NULL;
    int code = 3;

    (void)state;
    if (!support_has_sigchld()) {
        harness_skip(no_sigchld);
    }
    before = support_fork(41);
    assert_ok(brood_process_start(&process, return_code, &code, sizeof code, NULL));
    between = support_fork(42);
    assert_true(support_wait_gone(before, SOON_MS) && support_wait_gone(between, SOON_MS));
    assert_ends(process, BROOD_EXIT_CODE, 3);
    brood_process_destroy(process);
    expect_codes();
    assert_int_equal(support_wait_for(before), 41);
    assert_int_equal(support_wait_for(between), 42);
}

/* A command that ends with its stdin, and is left alone; somebody else takes its end. */
static int64_t leave_one_alone(void)
{
    const char *argv[] = {harness_self, "--wait", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    int64_t pid = -1;

    options.stdin_to.mode = BROOD_STDIO_PIPE;
    assert_ok(brood_command_start(&process, argv, &options));
    assert_status(brood_process_join(process, 30),
                  BROOD_ERR_TIMEOUT); /* births are told in ticks */
    pid = brood_process_pid(process);
    brood_process_destroy(process);
    assert_int_equal(support_wait_for(pid), 7);
    return pid;
}

/* Each start takes the ends of those that were left alone, and only theirs. */
static void p14_a_number_that_is_used_again(void **state)
{
    brood_process *process = NULL;
    intptr_t gate[2];
    int64_t pid = -1;
    int code = 3;

    (void)state;
    if (!support_is_linux()) {
        harness_skip("only Linux tells the birth of a process that has ended");
    }
    assert_true(support_pipe(gate));
    pid = leave_one_alone();
    if (!support_fork_as(pid, gate[0], 5)) {
        harness_skip("this process may not choose the number of another one");
    }
    assert_int_equal(support_write(gate[1], "g", 1), 1);
    assert_true(support_wait_gone(pid, SOON_MS));
    assert_ok(brood_process_start(&process, return_code, &code, sizeof code, NULL));
    assert_ends(process, BROOD_EXIT_CODE, 3);
    brood_process_destroy(process);
    assert_int_equal(support_wait_for(pid), 5);
    support_close(gate[0]);
    support_close(gate[1]);
}

static int as_command(int argc, char **argv)
{
    char answer = 'n';

    if (argc == 2 && strcmp(argv[1], "--seven") == 0) {
        return 7;
    }
    if (argc == 2 && strcmp(argv[1], "--wait") == 0) {
        return support_read(support_stdio(0), &answer, 1) == 0 ? 7 : 1;
    }
    if (argc == 2 && strcmp(argv[1], "--fork") == 0) {
        answer = support_wait_for(support_fork(9)) == 9 ? 'y' : 'n';
        return support_write(support_stdio(1), &answer, 1) == 1 ? 0 : 1;
    }
    return -1;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(p13_the_program_ignores_sigchld),
    cmocka_unit_test(p13_the_program_reaps_every_child),
    cmocka_unit_test(p13_an_ignored_sigchld_is_not_inherited),
    cmocka_unit_test(p14_a_foreign_child_stays_to_be_waited_for),
    cmocka_unit_test(p14_a_number_that_is_used_again),
};

BROOD_TEST_MAIN_WITH_COMMANDS(tests, as_command)
