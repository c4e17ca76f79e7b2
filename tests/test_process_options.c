/* What the options of a start ask for is done, or refused. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#define MEMORY_LIMIT ((uint64_t)256 << 20)

static int nothing(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return 0;
}

static void run(brood_function *function, const void *arg, size_t size,
                brood_process_options *options, int code)
{
    brood_process *process = NULL;

    assert_ok(brood_process_start(&process, function, arg, size, options));
    assert_ends(process, BROOD_EXIT_CODE, code);
    brood_process_destroy(process);
}

/* ---- limits ------------------------------------------------------------------------------ */

static int has_nice(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)size;
    return support_nice() == *(const int *)arg ? 0 : support_nice() + 100;
}

static void a_niceness_is_added_to_the_parents(void **state)
{
    static const int steps[] = {0, 5, 15};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        int expected = support_nice() + steps[i];

        options.nice = steps[i];
        run(has_nice, &expected, sizeof expected, &options, 0);
    }
}

/* Who may not do it is told so. */
static bool memory_can_be_limited(void)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    brood_status status = BROOD_OK;

    options.memory_limit_bytes = (uint64_t)8 << 30;
    status = brood_process_start(&process, nothing, NULL, 0, &options);
    if (status == BROOD_OK) {
        assert_ends(process, BROOD_EXIT_CODE, 0);
        brood_process_destroy(process);
    }
    return status != BROOD_ERR_NOT_SUPPORTED;
}

/* Systems may start a process in another way when it has more limits than one. */
static void mac2_a_niceness_is_added_once_beside_other_limits(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    int expected = support_nice() + 5;

    (void)state;
    options.nice = 5; /* a step of Windows, too */
    options.cpu_time_limit_s = 1000;
    run(has_nice, &expected, sizeof expected, &options, 0);
    options.memory_limit_bytes = (uint64_t)8 << 30;
    if (!support_is_sanitized() && memory_can_be_limited()) {
        run(has_nice, &expected, sizeof expected, &options, 0);
    }
}

static void a_negative_niceness_is_done_or_refused(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_process *process = NULL;
    int expected = support_nice() - 5;
    brood_status status = BROOD_OK;

    (void)state;
    options.error = &error;
    options.nice = -5;
    status = brood_process_start(&process, has_nice, &expected, sizeof expected, &options);
    if (status != BROOD_OK) {
        assert_status(status, BROOD_ERR_PERMISSION);
        assert_string_equal(error.step, "nice");
        assert_null(process);
        return;
    }
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
}

static int runs_on(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)size;
    return support_runs_only_on(*(const unsigned *)arg) ? 0 : 1;
}

static void cores_are_as_chosen(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_process *process = NULL;
    unsigned cpu = support_first_cpu();

    (void)state;
    options.error = &error;
    options.cpus = &cpu;
    options.cpu_count = 1;
    if (!support_can_choose_cpus()) {
        assert_status(brood_process_start(&process, nothing, NULL, 0, &options),
                      BROOD_ERR_NOT_SUPPORTED);
        assert_string_equal(error.step, "cpus");
        return;
    }
    run(runs_on, &cpu, sizeof cpu, &options, 0);
}

static void a_core_that_is_not_there_is_refused(void **state)
{
    static const unsigned numbers[] = {100000, 0xffffffff};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_process *process = NULL;

    (void)state;
    if (!support_can_choose_cpus()) {
        harness_skip("cores cannot be chosen on this system");
    }
    options.error = &error;
    options.cpu_count = 1;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        options.cpus = &numbers[i];
        assert_status(brood_process_start(&process, nothing, NULL, 0, &options),
                      BROOD_ERR_ARGUMENT);
        assert_null(process);
        assert_string_equal(error.step, "cpus");
    }
}

/* Not only when there is no other. */
static void one_missing_core_is_enough_to_refuse(void **state)
{
    unsigned numbers[] = {support_first_cpu(), 5000};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_process *process = NULL;

    (void)state;
    if (!support_can_choose_cpus()) {
        harness_skip("cores cannot be chosen on this system");
    }
    options.error = &error;
    options.cpus = numbers;
    options.cpu_count = 2;
    assert_status(brood_process_start(&process, nothing, NULL, 0, &options), BROOD_ERR_ARGUMENT);
    assert_null(process);
    assert_string_equal(error.step, "cpus");
    assert_non_null(strstr(error.message, " a core ")); /* R26: another one is there */
}

static void skip_without_memory_limits(void)
{
    if (support_is_sanitized()) {
        harness_skip("a sanitizer maps more address space than any limit");
    }
    if (support_is_wine()) {
        harness_skip("Wine does not enforce a job's memory limit");
    }
}

static int fill_memory(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    for (;;) {
        volatile char *block = malloc((size_t)1 << 20);

        if (block == NULL) {
            abort();
        }
        block[0] = 1;
    }
}

static int ask_for_too_much(brood_task *task, const void *arg, size_t size)
{
    volatile char *block = malloc((size_t)MEMORY_LIMIT * 4);

    (void)task;
    (void)arg;
    (void)size;
    block[0] = 1; /* unchecked, as it is in many a program */
    free((void *)block);
    return 0;
}

static int ask_for_too_much_and_cope(brood_task *task, const void *arg, size_t size)
{
    volatile size_t much = (size_t)MEMORY_LIMIT * 4;
    void *block = malloc(much);

    (void)task;
    (void)arg;
    (void)size;
    free(block);
    return block == NULL ? 0 : 1;
}

static void expect_out_of_memory(brood_function *function)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    options.memory_limit_bytes = MEMORY_LIMIT;
    assert_ok(brood_process_start(&process, function, NULL, 0, &options));
    assert_ends_by(process, BROOD_EXIT_MEMORY);
    brood_process_destroy(process);
}

static void a_process_that_fills_its_memory(void **state)
{
    (void)state;
    skip_without_memory_limits();
    expect_out_of_memory(fill_memory);
}

static void a_process_that_asks_for_too_much_at_once(void **state)
{
    (void)state;
    skip_without_memory_limits();
    expect_out_of_memory(ask_for_too_much);
}

static void a_process_that_copes_with_its_memory_limit(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;

    (void)state;
    skip_without_memory_limits();
    options.memory_limit_bytes = MEMORY_LIMIT;
    run(ask_for_too_much_and_cope, NULL, 0, &options, 0);
}

static int crash(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    support_crash();
    return 0;
}

/* Not every end under a limit is the limit's doing. */
static void a_crash_under_a_memory_limit_is_a_crash(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    (void)state;
    skip_without_memory_limits();
    options.memory_limit_bytes = MEMORY_LIMIT;
    assert_ok(brood_process_start(&process, crash, NULL, 0, &options));
    assert_ends(process, BROOD_EXIT_SIGNAL, support_crash_code());
    brood_process_destroy(process);
}

static int use_the_cpu(brood_task *task, const void *arg, size_t size)
{
    volatile unsigned count = 1;

    (void)task;
    (void)arg;
    (void)size;
    while (count != 0) {
        count = count + 2; /* odd for ever */
    }
    return 0;
}

static void a_process_that_uses_up_its_cpu_time(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    (void)state;
    if (support_is_wine()) {
        harness_skip("Wine does not enforce a job's time limit");
    }
    options.cpu_time_limit_s = 1;
    assert_ok(brood_process_start(&process, use_the_cpu, NULL, 0, &options));
    assert_ends_by(process, BROOD_EXIT_CPU_TIME);
    brood_process_destroy(process);
}

/* ---- handles ----------------------------------------------------------------------------- */

/* Writes the index of each handle into it, and has no more of them than it was given. */
static int say_indexes(brood_task *task, const void *arg, size_t size)
{
    size_t count = brood_task_handle_count(task);

    (void)size;
    if (count != *(const size_t *)arg || brood_task_handle(task, count) != BROOD_HANDLE_NONE) {
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        char text = (char)('a' + i);

        if (support_write(brood_task_handle(task, i), &text, 1) != 1) {
            return 2;
        }
    }
    return 0;
}

static void handles_arrive_in_their_order(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    intptr_t pipes[5][2];
    brood_handle handles[5];
    size_t count = 5;

    (void)state;
    for (size_t i = 0; i < count; i++) {
        assert_true(support_pipe(pipes[i]));
        handles[count - 1 - i] = pipes[i][1]; /* not in the order of their numbers */
    }
    options.handles = handles;
    options.handle_count = count;
    run(say_indexes, &count, sizeof count, &options, 0);
    for (size_t i = 0; i < count; i++) {
        char text = 0;

        support_close(pipes[i][1]); /* it is still ours to close */
        assert_int_equal(support_read(pipes[i][0], &text, 1), 1);
        assert_int_equal(text, 'a' + (int)(count - 1 - i));
        assert_end(pipes[i][0]);
        support_close(pipes[i][0]);
    }
}

static void one_handle_may_be_passed_twice(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    intptr_t ends[2];
    brood_handle handles[2];
    size_t count = 2;
    char text[3] = "";

    (void)state;
    assert_true(support_pipe(ends));
    handles[0] = handles[1] = ends[1];
    options.handles = handles;
    options.handle_count = count;
    run(say_indexes, &count, sizeof count, &options, 0);
    assert_int_equal(support_read(ends[0], text, 2), 2);
    assert_string_equal(text, "ab");
    support_close(ends[0]);
    support_close(ends[1]);
}

static void a_command_gets_its_handles_from_three_on(void **state)
{
    const char *argv[] = {harness_self, "--say-to-four", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    intptr_t ends[2];

    (void)state;
    if (support_is_windows()) {
        harness_skip("a command on Windows is not told the numbers of its handles");
    }
    assert_true(support_pipe(ends));
    options.handles = ends;
    options.handle_count = 2;
    assert_ok(brood_command_start(&process, argv, &options));
    assert_ends(process, BROOD_EXIT_CODE, 0);
    assert_byte(ends[0]);
    brood_process_destroy(process);
    support_close(ends[0]);
    support_close(ends[1]);
}

/* ---- the name ---------------------------------------------------------------------------- */

static int has_name(brood_task *task, const void *arg, size_t size)
{
    (void)size;
    return strcmp(brood_task_name(task), arg == NULL ? "" : arg) == 0 ? 0 : 1;
}

static void a_name_is_known_on_both_sides(void **state)
{
    char longest[256];
    const char *names[] = {"short", "gr\xc3\xbc\xc3\x9f", longest};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;

    (void)state;
    memset(longest, 'n', sizeof longest - 1);
    longest[255] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        brood_process *process = NULL;

        options.name = names[i];
        assert_ok(
            brood_process_start(&process, has_name, names[i], strlen(names[i]) + 1, &options));
        assert_string_equal(brood_process_name(process), names[i]);
        assert_ends(process, BROOD_EXIT_CODE, 0);
        brood_process_destroy(process);
    }
    run(has_name, NULL, 0, NULL, 0);
}

/* ---- daemons and others ------------------------------------------------------------------ */

static int say_and_wait(brood_task *task, const void *arg, size_t size)
{
    char byte = 0;

    (void)arg;
    (void)size;
    support_ignore_terminate();
    support_write(brood_task_handle(task, 1), "x", 1);
    return support_read(brood_task_handle(task, 0), &byte, 1) == 0 ? 0 : 1;
}

typedef struct waiting_child {
    brood_process *process;
    intptr_t gate[2];
    intptr_t there[2];
} waiting_child;

static void start_waiting(waiting_child *child, bool daemon)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_handle handles[2];

    assert_true(support_pipe(child->gate) && support_pipe(child->there));
    handles[0] = child->gate[0];
    handles[1] = child->there[1];
    options.daemon = daemon;
    options.handles = handles;
    options.handle_count = 2;
    assert_ok(brood_process_start(&child->process, say_and_wait, NULL, 0, &options));
    support_close(child->gate[0]);
    support_close(child->there[1]);
    assert_byte(child->there[0]);
}

static void a_daemon_ends_when_it_is_destroyed(void **state)
{
    waiting_child child;
    int64_t pid = 0;

    (void)state;
    start_waiting(&child, true);
    pid = brood_process_pid(child.process);
    brood_process_destroy(child.process);
    assert_false(support_is_running(pid));
    assert_end(child.there[0]);
    support_close(child.there[0]);
    support_close(child.gate[1]);
}

static void another_lives_on_and_is_reaped_later(void **state)
{
    waiting_child child;
    int64_t pid = 0;

    (void)state;
    start_waiting(&child, false);
    pid = brood_process_pid(child.process);
    brood_process_destroy(child.process);
    assert_true(support_is_running(pid));
    support_close(child.gate[1]);
    assert_end(child.there[0]);
    assert_true(support_wait_gone(pid, SOON_MS));
    support_close(child.there[0]);
    run(nothing, NULL, 0, NULL, 0); /* this start reaps it */
}

/* Starts a child that holds its pipe, and dies without a word. */
static int start_and_die(brood_task *task, const void *arg, size_t size)
{
    brood_handle handles[2] = {brood_task_handle(task, 0), brood_task_handle(task, 1)};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    char byte = 0;

    (void)size;
    options.handles = handles;
    options.handle_count = 2;
    options.daemon = *(const bool *)arg;
    if (brood_process_start(&process, say_and_wait, NULL, 0, &options) != BROOD_OK) {
        return 1;
    }
    support_read(brood_task_handle(task, 2), &byte, 1); /* until our parent has heard of it */
    support_kill_self();
    return 0;
}

static void expect_after_the_end_of_the_parent(bool daemon)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    brood_handle handles[3];
    intptr_t gate[2] = {-1, -1};
    intptr_t there[2] = {-1, -1};
    intptr_t go[2] = {-1, -1};

    assert_true(support_pipe(gate) && support_pipe(there) && support_pipe(go));
    handles[0] = gate[0];
    handles[1] = there[1];
    handles[2] = go[0];
    options.handles = handles;
    options.handle_count = 3;
    assert_ok(brood_process_start(&process, start_and_die, &daemon, sizeof daemon, &options));
    support_close(gate[0]);
    support_close(there[1]);
    support_close(go[0]);
    assert_byte(there[0]);
    support_close(go[1]);
    assert_ok(brood_process_join(process, SOON_MS));
    if (!daemon) { /* it lives until it is let go */
        support_close(gate[1]);
    }
    assert_end(there[0]);
    if (daemon) {
        support_close(gate[1]);
    }
    support_close(there[0]);
    brood_process_destroy(process);
}

static void a_daemon_ends_with_its_parent(void **state)
{
    (void)state;
    expect_after_the_end_of_the_parent(true);
}

static void another_survives_its_parent(void **state)
{
    (void)state;
    expect_after_the_end_of_the_parent(false);
}

/* ---- the struct -------------------------------------------------------------------------- */

static void an_older_shorter_struct_is_accepted(void **state)
{
    static const size_t sizes[] = {offsetof(brood_process_options, executable),
                                   offsetof(brood_process_options, handles),
                                   offsetof(brood_process_options, cpus)};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
        brood_process *process = NULL;

        options.name = "older";
        options.timeout_ms = 1; /* behind the end: not even looked at */
        options.struct_size = sizes[i];
        assert_ok(brood_process_start(&process, nothing, NULL, 0, &options));
        assert_string_equal(brood_process_name(process), "older");
        assert_ends(process, BROOD_EXIT_CODE, 0);
        brood_process_destroy(process);
    }
}

/* No compiler ever made one that ends within a field. */
static void a_struct_of_a_broken_size_is_refused(void **state)
{
    static const size_t sizes[] = {0, sizeof(void *), sizeof(brood_process_options) - 1,
                                   offsetof(brood_process_options, handles) + 1,
                                   offsetof(brood_process_options, name) + sizeof(void *) / 2};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
        brood_process *process = NULL;

        options.struct_size = sizes[i];
        assert_status(brood_process_start(&process, nothing, NULL, 0, &options),
                      BROOD_ERR_ARGUMENT);
        assert_null(process);
    }
}

typedef struct newer_options {
    brood_process_options known;
    uint64_t unknown[4];
} newer_options;

static void a_newer_longer_struct_is_accepted_when_its_end_is_zero(void **state)
{
    newer_options options = {BROOD_PROCESS_OPTIONS_INIT, {0}};
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_process *process = NULL;

    (void)state;
    options.known.error = &error;
    options.known.struct_size = sizeof options;
    run(nothing, NULL, 0, &options.known, 0);
    options.unknown[3] = 1;
    assert_status(brood_process_start(&process, nothing, NULL, 0, &options.known),
                  BROOD_ERR_NOT_SUPPORTED);
    assert_null(process);
    assert_status(error.status, BROOD_ERR_NOT_SUPPORTED);
}

static void an_exit_info_of_another_size(void **state)
{
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_process *process = NULL;

    (void)state;
    assert_ok(brood_process_start(&process, nothing, NULL, 0, NULL));
    assert_ok(brood_process_join(process, SOON_MS));
    info.struct_size = offsetof(brood_exit_info, cpu_user_us);
    info.cpu_user_us = 12345;
    info.reason = BROOD_EXIT_NONE;
    assert_ok(brood_process_exit_info(process, &info));
    assert_int_equal(info.reason, BROOD_EXIT_CODE);
    assert_int_equal(info.cpu_user_us, 12345);
    assert_int_equal(info.struct_size, offsetof(brood_exit_info, cpu_user_us));
    info.struct_size = 0;
    assert_status(brood_process_exit_info(process, &info), BROOD_ERR_ARGUMENT);
    brood_process_destroy(process);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_niceness_is_added_to_the_parents),
    cmocka_unit_test(mac2_a_niceness_is_added_once_beside_other_limits),
    cmocka_unit_test(a_negative_niceness_is_done_or_refused),
    cmocka_unit_test(cores_are_as_chosen),
    cmocka_unit_test(a_core_that_is_not_there_is_refused),
    cmocka_unit_test(one_missing_core_is_enough_to_refuse),
    cmocka_unit_test(a_process_that_fills_its_memory),
    cmocka_unit_test(a_process_that_asks_for_too_much_at_once),
    cmocka_unit_test(a_process_that_copes_with_its_memory_limit),
    cmocka_unit_test(a_crash_under_a_memory_limit_is_a_crash),
    cmocka_unit_test(a_process_that_uses_up_its_cpu_time),
    cmocka_unit_test(handles_arrive_in_their_order),
    cmocka_unit_test(one_handle_may_be_passed_twice),
    cmocka_unit_test(a_command_gets_its_handles_from_three_on),
    cmocka_unit_test(a_name_is_known_on_both_sides),
    cmocka_unit_test(a_daemon_ends_when_it_is_destroyed),
    cmocka_unit_test(another_lives_on_and_is_reaped_later),
    cmocka_unit_test(a_daemon_ends_with_its_parent),
    cmocka_unit_test(another_survives_its_parent),
    cmocka_unit_test(an_older_shorter_struct_is_accepted),
    cmocka_unit_test(a_struct_of_a_broken_size_is_refused),
    cmocka_unit_test(a_newer_longer_struct_is_accepted_when_its_end_is_zero),
    cmocka_unit_test(an_exit_info_of_another_size),
};

static int as_command(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--say-to-four") == 0) {
        return support_write(4, "x", 1) == 1 && support_count_open() == 2 ? 0 : 1;
    }
    return -1;
}

BROOD_TEST_MAIN_WITH_COMMANDS(tests, as_command)
