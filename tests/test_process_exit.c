/* P1, P2: how a process ended is told exactly. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

static int return_code(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)size;
    return *(const int *)arg;
}

static int call_exit(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)size;
    exit(*(const int *)arg);
}

static int crash(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    support_crash();
    return 0;
}

static int call_abort(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    abort();
}

static int kill_itself(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    support_kill_self();
    return 0;
}

/* Says that it is there, and waits to be ended. */
static int say_and_hang(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    support_write(brood_task_handle(task, 0), "x", 1);
    support_hang();
    return 0;
}

static void expect_code(brood_function *function, int code)
{
    brood_process *process = NULL;

    assert_ok(brood_process_start(&process, function, &code, sizeof code, NULL));
    assert_ends(process, BROOD_EXIT_CODE, code);
    brood_process_destroy(process);
}

static void expect_signal(brood_function *function, int64_t code, const char *name)
{
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_process *process = NULL;
    char text[200];

    assert_ok(brood_process_start(&process, function, NULL, 0, NULL));
    assert_ends(process, BROOD_EXIT_SIGNAL, code);
    assert_ok(brood_process_exit_info(process, &info));
    assert_string_equal(info.name, name);
    brood_exit_text(&info, text, sizeof text);
    assert_non_null(strstr(text, name));
    brood_process_destroy(process);
}

static void p1_a_returned_code_arrives_whole(void **state)
{
    static const int codes[] = {0, 1, 255, 256, 70000, -1};

    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        expect_code(return_code, codes[i]);
    }
}

static void p1_the_code_of_exit_arrives(void **state)
{
    (void)state;
    expect_code(call_exit, 0);
    expect_code(call_exit, 1);
    expect_code(call_exit, 255);
}

/* POSIX keeps 8 bits of what a program says, Windows all. */
static void p1_the_code_of_a_command_arrives(void **state)
{
    static const int codes[] = {0, 1, 127, 255, 256, 300, 70000};

    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        char number[16];
        const char *argv[] = {harness_self, "--exit", number, NULL};
        brood_process *process = NULL;

        snprintf(number, sizeof number, "%d", codes[i]);
        assert_ok(brood_command_start(&process, argv, NULL));
        assert_ends(process, BROOD_EXIT_CODE, support_is_windows() ? codes[i] : codes[i] & 255);
        brood_process_destroy(process);
    }
}

static void p2_a_crash_is_told_by_its_name(void **state)
{
    (void)state;
    expect_signal(crash, support_crash_code(), support_crash_name());
}

static void p2_an_abort_is_told(void **state)
{
    (void)state;
    if (support_is_windows()) { /* there, abort is an exit with code 3 by the C runtime */
        brood_process *process = NULL;

        assert_ok(brood_process_start(&process, call_abort, NULL, 0, NULL));
        assert_ends(process, BROOD_EXIT_CODE, 3);
        brood_process_destroy(process);
        return;
    }
    expect_signal(call_abort, 6, "SIGABRT");
}

static void p2_a_process_that_kills_itself_was_not_killed_by_us(void **state)
{
    (void)state;
    if (support_is_windows()) {
        brood_process *process = NULL;

        assert_ok(brood_process_start(&process, kill_itself, NULL, 0, NULL));
        assert_ends(process, BROOD_EXIT_CODE, 9);
        brood_process_destroy(process);
        return;
    }
    expect_signal(kill_itself, 9, "SIGKILL");
}

static void p2_a_kill_from_outside_was_not_ours(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    intptr_t ends[2];

    (void)state;
    assert_true(support_pipe(ends));
    options.handles = &ends[1];
    options.handle_count = 1;
    assert_ok(brood_process_start(&process, say_and_hang, NULL, 0, &options));
    assert_byte(ends[0]);
    support_kill(brood_process_pid(process));
    assert_ends(process, support_is_windows() ? BROOD_EXIT_CODE : BROOD_EXIT_SIGNAL, 9);
    brood_process_destroy(process);
    support_close(ends[0]);
    support_close(ends[1]);
}

static void p2_the_crash_of_a_command_is_told(void **state)
{
    const char *argv[] = {harness_self, "--crash", NULL};
    brood_process *process = NULL;

    (void)state;
    assert_ok(brood_command_start(&process, argv, NULL));
    assert_ends(process, BROOD_EXIT_SIGNAL, support_crash_code());
    brood_process_destroy(process);
}

static void what_a_running_process_tells_is_nothing_yet(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_process *process = NULL;
    intptr_t ends[2];

    (void)state;
    assert_true(support_pipe(ends));
    options.handles = &ends[1];
    options.handle_count = 1;
    assert_ok(brood_process_start(&process, say_and_hang, NULL, 0, &options));
    assert_byte(ends[0]);
    assert_true(brood_process_is_alive(process));
    assert_ok(brood_process_exit_info(process, &info));
    assert_int_equal(info.reason, BROOD_EXIT_NONE);
    assert_ok(brood_process_kill(process));
    assert_ends_by(process, BROOD_EXIT_KILLED);
    assert_false(brood_process_is_alive(process));
    brood_process_destroy(process);
    support_close(ends[0]);
    support_close(ends[1]);
}

static int use_memory_and_time(brood_task *task, const void *arg, size_t size)
{
    size_t bytes = *(const size_t *)arg;
    unsigned char *memory = malloc(bytes);
    volatile unsigned sum = 0;

    (void)task;
    (void)size;
    if (memory == NULL) {
        return 1;
    }
    for (unsigned round = 0; round < 30; round++) {
        memset(memory, (int)round, bytes);
        sum += memory[round];
    }
    free(memory);
    return sum == 0;
}

static void what_a_process_used_is_told(void **state)
{
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_process *process = NULL;
    size_t bytes = (size_t)32 << 20;

    (void)state;
    assert_ok(brood_process_start(&process, use_memory_and_time, &bytes, sizeof bytes, NULL));
    assert_ends(process, BROOD_EXIT_CODE, 0);
    assert_ok(brood_process_exit_info(process, &info));
    assert_true(info.cpu_user_us + info.cpu_system_us > 1000);
    if (!support_is_wine()) { /* which tells little of a process that has ended */
        assert_true(info.peak_memory_bytes >= bytes);
    }
    brood_process_destroy(process);
}

static int as_command(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--exit") == 0) {
        return atoi(argv[2]);
    }
    if (argc == 2 && strcmp(argv[1], "--crash") == 0) {
        support_crash();
    }
    return -1;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(p1_a_returned_code_arrives_whole),
    cmocka_unit_test(p1_the_code_of_exit_arrives),
    cmocka_unit_test(p1_the_code_of_a_command_arrives),
    cmocka_unit_test(p2_a_crash_is_told_by_its_name),
    cmocka_unit_test(p2_an_abort_is_told),
    cmocka_unit_test(p2_a_process_that_kills_itself_was_not_killed_by_us),
    cmocka_unit_test(p2_a_kill_from_outside_was_not_ours),
    cmocka_unit_test(p2_the_crash_of_a_command_is_told),
    cmocka_unit_test(what_a_running_process_tells_is_nothing_yet),
    cmocka_unit_test(what_a_process_used_is_told),
};

BROOD_TEST_MAIN_WITH_COMMANDS(tests, as_command)
