/* The seam's contract for processes, on whatever system. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "launch.h"
#include "platform.h"

static int64_t soon(void)
{
    return brood_os_now() + SOON_MS * INT64_C(1000000);
}

static void an_exit_code_is_reaped(void **state)
{
    launch run;
    brood_os_exit result;
    brood_os_process *process = NULL;

    (void)state;
    launch_prepare(&run, "--exit", "33");
    process = launch_start(&run);
    assert_true(brood_os_process_pid(process) > 0);
    launch_reap(process, &result);
    assert_int_equal(result.reason, BROOD_EXIT_CODE);
    assert_int_equal(result.code, 33);
    brood_os_process_free(process);
}

static void one_that_runs_cannot_be_reaped(void **state)
{
    launch run;
    brood_os_exit result;
    brood_os_process *process = NULL;

    (void)state;
    launch_prepare(&run, "--hang", "");
    process = launch_start(&run);
    assert_status(brood_os_process_reap(process, &result, NULL), BROOD_ERR_TIMEOUT);
    assert_int_equal(result.reason, BROOD_EXIT_NONE);
    assert_ok(brood_os_process_kill(process, NULL));
    launch_reap(process, &result);
    assert_int_equal(result.reason, BROOD_EXIT_SIGNAL);
    assert_string_equal(brood_os_signal_name(result.code), "SIGKILL");
    brood_os_process_free(process);
}

/* Its number may be somebody else's by now. */
static void one_that_is_reaped_is_left_alone(void **state)
{
    launch run;
    brood_os_exit result;
    brood_os_process *process = NULL;

    (void)state;
    launch_prepare(&run, "--exit", "0");
    process = launch_start(&run);
    launch_reap(process, &result);
    assert_ok(brood_os_process_kill(process, NULL));
    assert_ok(brood_os_process_ask(process, NULL));
    brood_os_process_free(process);
}

static void one_that_has_ended_and_is_not_reaped_can_be_killed(void **state)
{
    launch run;
    brood_os_exit result;
    brood_os_process *process = NULL;
    brood_os_wait_item item = {NULL, NULL, false, false};

    (void)state;
    launch_prepare(&run, "--exit", "4");
    process = launch_start(&run);
    item.process = process;
    assert_ok(brood_os_wait(&item, 1, soon(), NULL));
    assert_ok(brood_os_process_kill(process, NULL));
    launch_reap(process, &result);
    assert_int_equal(result.code, 4);
    brood_os_process_free(process);
}

/* The child says through each handle under which number it has it. */
static void handles_have_the_numbers_that_were_foretold(void **state)
{
    launch run;
    brood_os_exit result;
    brood_os_process *process = NULL;
    brood_handle handles[2] = {BROOD_HANDLE_NONE, BROOD_HANDLE_NONE};
    char numbers[64];
    intptr_t ends[2];
    char text[3] = "";

    (void)state;
    assert_true(support_pipe(ends));
    for (int i = 0; i < 2; i++) {
        assert_ok(brood_os_handle_duplicate(&handles[i], ends[1], NULL));
    }
    snprintf(numbers, sizeof numbers, "%lld,%lld", (long long)brood_os_handle_in_child(handles, 0),
             (long long)brood_os_handle_in_child(handles, 1));
    launch_prepare(&run, "--say", numbers);
    run.spawn.handles = handles;
    run.spawn.handle_count = 2;
    process = launch_start(&run);
    brood_os_handle_close(handles[0]);
    brood_os_handle_close(handles[1]);
    support_close(ends[1]);
    launch_reap(process, &result);
    assert_int_equal(result.code, 0);
    assert_int_equal(support_read(ends[0], text, 2), 2);
    assert_string_equal(text, "ab");
    assert_end(ends[0]);
    support_close(ends[0]);
    brood_os_process_free(process);
}

#define PERMUTED 6

/* Each handle arrives at its place, whatever the order of their numbers in the parent. */
static void handles_may_come_in_any_order(void **state)
{
    static const size_t orders[][PERMUTED] = {{5, 4, 3, 2, 1, 0}, {1, 2, 3, 4, 5, 0},
                                              {5, 0, 1, 2, 3, 4}, {1, 0, 3, 2, 5, 4},
                                              {3, 5, 1, 0, 4, 2}, {0, 1, 2, 3, 4, 5}};

    (void)state;
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        launch run;
        brood_os_exit result;
        brood_os_process *process = NULL;
        intptr_t pipes[PERMUTED][2];
        brood_handle handles[PERMUTED];
        char numbers[256] = "";

        for (size_t k = 0; k < PERMUTED; k++) {
            assert_true(support_pipe(pipes[k]));
        }
        for (size_t k = 0; k < PERMUTED; k++) {
            handles[k] = pipes[orders[i][k]][1];
        }
        for (size_t k = 0; k < PERMUTED; k++) {
            size_t size = strlen(numbers);

            snprintf(numbers + size, sizeof numbers - size, "%s%lld", k > 0 ? "," : "",
                     (long long)brood_os_handle_in_child(handles, k));
        }
        launch_prepare(&run, "--say", numbers);
        run.spawn.handles = handles;
        run.spawn.handle_count = PERMUTED;
        process = launch_start(&run);
        launch_reap(process, &result);
        assert_int_equal(result.code, 0);
        brood_os_process_free(process);
        for (size_t k = 0; k < PERMUTED; k++) {
            char text = 0;

            support_close(handles[k]);
            assert_int_equal(support_read(pipes[orders[i][k]][0], &text, 1), 1);
            assert_int_equal(text, 'a' + (int)k);
            assert_end(pipes[orders[i][k]][0]);
            support_close(pipes[orders[i][k]][0]);
        }
    }
}

static void stdio_goes_where_it_is_told(void **state)
{
    launch run;
    brood_os_exit result;
    brood_os_process *process = NULL;
    intptr_t ends[2];
    char text[16] = "";
    size_t have = 0;
    long got = 0;

    (void)state;
    assert_true(support_pipe(ends));
    launch_prepare(&run, "--speak", "");
    assert_ok(brood_os_null_open(&run.spawn.stdio[0], NULL));
    run.spawn.stdio[1] = ends[1];
    run.spawn.stdio[2] = BROOD_OS_SAME_AS_STDOUT;
    process = launch_start(&run);
    support_close(ends[1]);
    brood_os_handle_close(run.spawn.stdio[0]);
    launch_reap(process, &result);
    assert_int_equal(result.code, 0);
    while ((got = support_read(ends[0], text + have, sizeof text - 1 - have)) > 0) {
        have += (size_t)got;
    }
    assert_string_equal(text, "outerr");
    support_close(ends[0]);
    brood_os_process_free(process);
}

/* Of a child that takes it as one: where nobody can send it, it is only tried. */
static void an_interrupt_can_be_ignored(void **state)
{
    launch run;
    brood_os_exit result;
    brood_os_process *process = NULL;
    intptr_t to[2];
    intptr_t from[2];

    (void)state;
    assert_true(support_pipe(to));
    assert_true(support_pipe(from));
    launch_prepare(&run, "--deaf", "");
    run.spawn.stdio[0] = to[0];
    run.spawn.stdio[1] = from[1];
    process = launch_start(&run);
    support_close(to[0]);
    support_close(from[1]);
    assert_byte(from[0]);
    support_signal(brood_os_process_pid(process), "INT");
    support_close(to[1]);
    launch_reap(process, &result);
    assert_int_equal(result.reason, BROOD_EXIT_CODE);
    assert_int_equal(result.code, 6);
    support_close(from[0]);
    brood_os_process_free(process);
}

static void a_file_that_is_not_there(void **state)
{
    launch run;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_os_process *process = (brood_os_process *)&error;

    (void)state;
    launch_prepare(&run, "--exit", "0");
    run.spawn.file = "/no/such/program";
    assert_status(brood_os_spawn_process(&process, &run.spawn, &error), BROOD_ERR_NOT_FOUND);
    assert_null(process);
    assert_status(error.status, BROOD_ERR_NOT_FOUND);
    assert_true(error.os_code != 0 && error.step[0] != '\0');
    brood_os_environment_free(run.environment);
}

static void a_directory_that_is_not_there(void **state)
{
    launch run;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_os_process *process = NULL;

    (void)state;
    launch_prepare(&run, "--exit", "0");
    run.spawn.working_directory = "no-such-directory-of-brood";
    assert_status(brood_os_spawn_process(&process, &run.spawn, &error), BROOD_ERR_NOT_FOUND);
    assert_null(process);
    assert_true(support_is_windows() || strcmp(error.step, "working_directory") == 0);
    brood_os_environment_free(run.environment);
}

/* A hangup that is ignored is the user's wish (nohup). */
static void signals_begin_at_their_defaults(void **state)
{
    launch run;
    brood_os_exit result;
    brood_os_process *process = NULL;

    (void)state;
    if (support_is_windows()) {
        harness_skip("Windows has no signals");
    }
    support_ignore_terminate();
    support_ignore_signal("HUP");
    support_block_signal("USR1");
    support_count_signal("PIPE");
    launch_prepare(&run, "--signals", "");
    process = launch_start(&run);
    launch_reap(process, &result);
    assert_int_equal(result.code, 0);
    brood_os_process_free(process);
}

#define FAR_NUMBER 3000 /* not near those that are listed */

static void posix4_descriptors_that_no_directory_lists_are_closed(void **state)
{
    launch run;
    brood_os_exit result;
    brood_os_process *process = NULL;
    intptr_t ends[2];
    char text[16];

    (void)state;
    if (!support_need_handles(FAR_NUMBER + 1) || !support_hide_descriptors()) {
        harness_skip("only root on Linux can hide /dev/fd");
    }
    assert_true(support_pipe(ends) && support_duplicate_to(ends[1], FAR_NUMBER));
    snprintf(text, sizeof text, "%d", FAR_NUMBER);
    launch_cpu_time_s = 1000;
    launch_prepare(&run, "--say", text);
    process = launch_start(&run);
    launch_reap(process, &result);
    assert_int_equal(result.code, 1); /* it could not */
    brood_os_process_free(process);
    support_show_descriptors();
    support_close(FAR_NUMBER);
    support_close(ends[0]);
    support_close(ends[1]);
}

/* macOS, and generic POSIX with glibc, start what has a limit by vfork, and the rest not. */
static void mac2_the_way_of_limits_does_the_same(void **state)
{
    launch_cpu_time_s = 1000;
    an_exit_code_is_reaped(state);
    handles_have_the_numbers_that_were_foretold(state);
    handles_may_come_in_any_order(state);
    stdio_goes_where_it_is_told(state);
    a_file_that_is_not_there(state);
    a_directory_that_is_not_there(state);
    if (!support_is_windows()) {
        signals_begin_at_their_defaults(state);
    }
}

static void signals_have_names_and_numbers_without_one_have_none(void **state)
{
    (void)state;
    assert_string_equal(brood_os_signal_name(support_crash_code()), support_crash_name());
    assert_string_equal(brood_os_signal_name(9), "SIGKILL");
    assert_string_equal(brood_os_signal_name(15), "SIGTERM");
    assert_string_equal(brood_os_signal_name(0), "");
    assert_string_equal(brood_os_signal_name(-1), "");
    assert_string_equal(brood_os_signal_name(INT64_MAX), "");
}

static void freeing_nothing_is_fine(void **state)
{
    (void)state;
    brood_os_process_free(NULL);
    brood_os_environment_free(NULL);
}

/* An "a" to the first handle of the list, a "b" to the second... */
static int say(const char *numbers)
{
    char letter = 'a';

    for (char *end = NULL; *numbers != '\0'; letter++) {
        long long number = strtoll(numbers, &end, 10);

        if (end == numbers || support_write((intptr_t)number, &letter, 1) != 1) {
            return 1;
        }
        numbers = *end == ',' ? end + 1 : end;
    }
    return 0;
}

static int as_command(int argc, char **argv)
{
    if (argc != 3) {
        return -1;
    }
    if (strcmp(argv[1], "--exit") == 0) {
        return atoi(argv[2]);
    }
    if (strcmp(argv[1], "--hang") == 0) {
        support_hang();
    }
    if (strcmp(argv[1], "--deaf") == 0) {
        char byte = 0;

        brood_os_child_ignore_interrupt();
        support_write(support_stdio(1), "!", 1);
        return support_read(support_stdio(0), &byte, 1) == 0 ? 6 : 1;
    }
    if (strcmp(argv[1], "--signals") == 0) {
        bool kept = support_is_signal_ignored("HUP") && !support_is_signal_ignored("TERM");

        return kept && !support_is_signal_blocked("USR1") ? 0 : 1;
    }
    if (strcmp(argv[1], "--say") == 0) {
        return say(argv[2]);
    }
    if (strcmp(argv[1], "--speak") == 0) {
        support_write(support_stdio(1), "out", 3);
        support_write(support_stdio(2), "err", 3);
        return 0;
    }
    return -1;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_exit_code_is_reaped),
    cmocka_unit_test(one_that_runs_cannot_be_reaped),
    cmocka_unit_test(one_that_is_reaped_is_left_alone),
    cmocka_unit_test(one_that_has_ended_and_is_not_reaped_can_be_killed),
    cmocka_unit_test(handles_have_the_numbers_that_were_foretold),
    cmocka_unit_test(handles_may_come_in_any_order),
    cmocka_unit_test(stdio_goes_where_it_is_told),
    cmocka_unit_test(an_interrupt_can_be_ignored),
    cmocka_unit_test(a_file_that_is_not_there),
    cmocka_unit_test(a_directory_that_is_not_there),
    cmocka_unit_test(signals_begin_at_their_defaults),
    cmocka_unit_test(mac2_the_way_of_limits_does_the_same),
    cmocka_unit_test(posix4_descriptors_that_no_directory_lists_are_closed),
    cmocka_unit_test(signals_have_names_and_numbers_without_one_have_none),
    cmocka_unit_test(freeing_nothing_is_fine),
};

BROOD_TEST_MAIN_WITH_COMMANDS(tests, as_command)
