/* Group R: what real systems do to processes. */
#include "harness.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/atomic.h"
#include "base/error.h"
#include "process/child.h"
#include "process/process_impl.h"
#include "process/task.h"

#define HANDLER_VARIABLE "BROOD_TEST_HANDLER"
#define MEBIBYTE ((size_t)1024 * 1024)

static brood_status start_command(brood_process **process, const char *mode,
                                  const brood_process_options *options)
{
    const char *argv[] = {harness_self, "--command", mode, NULL};

    return brood_command_start(process, argv, options);
}

static int nothing(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return 0;
}

/* Runs the test's own function where it may spoil its process. */
static void run_inside(brood_function *function, const char *arg)
{
    brood_process *process = NULL;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;

    assert_ok(
        brood_process_start(&process, function, arg, arg == NULL ? 0 : strlen(arg) + 1, NULL));
    assert_ok(brood_process_join(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, &info));
    brood_process_destroy(process);
    if (info.reason == BROOD_EXIT_CODE && info.code == 99) {
        harness_skip("the system does not let this process do so");
    }
    assert_int_equal(info.reason, BROOD_EXIT_CODE);
    assert_int_equal(info.code, 0);
}

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition);                                \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

/* ---- R8 ------------------------------------------------------------------------------------ */

static int without_pidfds(brood_task *task, const void *arg, size_t size)
{
    const char *argv[] = {arg, "--command", "hang", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_process *process = NULL;

    (void)task;
    (void)size;
    if (!support_refuse_pidfds()) {
        return 99;
    }
    for (int kill_tree = 0; kill_tree < 2; kill_tree++) {
        options.kill_tree = kill_tree != 0;
        EXPECT(brood_command_start(&process, argv, &options) == BROOD_OK);
        EXPECT(brood_process_kill(process) == BROOD_OK);
        EXPECT(brood_process_join(process, SOON_MS) == BROOD_OK);
        EXPECT(brood_process_exit_info(process, &info) == BROOD_OK);
        EXPECT(info.reason == BROOD_EXIT_KILLED && info.code == 9);
        brood_process_destroy(process);
    }
    return 0;
}

static void r8_pidfds_that_may_only_be_opened(void **state)
{
    (void)state;
    if (!support_is_linux()) {
        harness_skip("only Linux has pidfds and filters of system calls");
    }
    run_inside(without_pidfds, harness_self);
}

/* ---- R9 ------------------------------------------------------------------------------------ */

static int below_a_hard_limit(brood_task *task, const void *arg, size_t size)
{
    static const uint32_t asked[] = {4, 5, 100};
    const char *argv[] = {arg, "--command", "0", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    (void)task;
    (void)size;
    if (!support_become_nobody() || !support_set_limit("CPU", 5, 5)) {
        return 99;
    }
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        options.cpu_time_limit_s = asked[i];
        EXPECT(brood_command_start(&process, argv, &options) == BROOD_OK);
        EXPECT(brood_process_join(process, SOON_MS) == BROOD_OK);
        brood_process_destroy(process);
    }
    return 0;
}

static void r9_a_limit_that_is_not_below_the_hard_one(void **state)
{
    (void)state;
    if (support_is_windows()) {
        harness_skip("Windows has no such limits");
    }
    run_inside(below_a_hard_limit, harness_self);
}

static int with_a_large_stack(brood_task *task, const void *arg, size_t size)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_process *process = NULL;

    (void)task;
    (void)arg;
    (void)size;
    if (!support_set_limit("STACK", 4096 * (uint64_t)MEBIBYTE, 4096 * (uint64_t)MEBIBYTE)) {
        return 99;
    }
    options.daemon = true;
    options.memory_limit_bytes = 1024 * MEBIBYTE;
    EXPECT(brood_process_start(&process, nothing, NULL, 0, &options) == BROOD_OK);
    EXPECT(brood_process_join(process, SOON_MS) == BROOD_OK);
    EXPECT(brood_process_exit_info(process, &info) == BROOD_OK);
    EXPECT(info.reason == BROOD_EXIT_CODE && info.code == 0);
    brood_process_destroy(process);
    return 0;
}

static void r9_a_stack_larger_than_the_memory_limit(void **state)
{
    (void)state;
    if (support_is_windows() || support_is_sanitized()) {
        harness_skip("there is no such limit here");
    }
    run_inside(with_a_large_stack, NULL);
}

/* ---- R10 ----------------------------------------------------------------------------------- */

static void expect_clean(const char *given, const char *expected)
{
    char text[100];

    snprintf(text, sizeof text, "%s", given);
    brood_text_clean(text);
    assert_string_equal(text, expected);
}

static void r10_texts_are_one_line_of_whole_utf8(void **state)
{
    (void)state;
    expect_clean("plain, \xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa3",
                 "plain, \xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa3");
    expect_clean("two\nlines\r\n\ttab\x7f\x1b[1m", "two?lines???tab??[1m");
    expect_clean("latin \xe4 1", "latin ? 1");
    expect_clean("cut \xe2\x82", "cut ");
    expect_clean("cut \xc3", "cut ");
    expect_clean("too long \xc0\xaf \xe0\x80\x80", "too long ?? ???");
    expect_clean("half \xed\xa0\x80 beyond \xf4\x90\x80\x80", "half ??? beyond ????");
    expect_clean("c1 \xc2\x85", "c1 ??");
}

static void r10_a_long_foreign_name_in_a_message(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_process *process = NULL;
    char name[1000] = "/nowhere\n/";
    char again[sizeof error.message];

    (void)state;
    for (size_t i = strlen(name); i + 2 < sizeof name; i += 2) {
        snprintf(name + i, sizeof name - i, "\xc3\xa4");
    }
    options.error = &error;
    options.executable = name;
    assert_int_not_equal(start_command(&process, "0", &options), BROOD_OK);
    assert_null(process);
    snprintf(again, sizeof again, "%s", error.message);
    brood_text_clean(again);
    assert_string_equal(error.message, again);
    assert_true(strlen(error.message) > 0);
}

/* In Latin-1, in two lines; and what is told of it. */
#define FOREIGN "B\xe4r\n\xfc"
#define CLEAN "B?r??"

/* Whether the worker says it cleanly; or, where it is asked to, one that says what it likes. */
static int fail_in_a_foreign_way(brood_task *task, const void *arg, size_t size)
{
    bool is_clean = false;

    (void)size;
    brood_task_fail(task, 1, "%s", FOREIGN);
    is_clean = strcmp(task->message, CLEAN) == 0 && strcmp(brood_task_tag(task), CLEAN) == 0;
    if (*(const bool *)arg) {
        snprintf(task->message, sizeof task->message, "%s", FOREIGN);
    }
    return is_clean ? 1 : 2;
}

static void r10_foreign_tags_and_messages_of_tasks(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options task = BROOD_TASK_OPTIONS_INIT;
    brood_pool *pool = NULL;

    (void)state;
    options.workers = 1;
    assert_ok(brood_pool_create(&pool, &options));
    task.tag = FOREIGN;
    for (int i = 0; i < 2; i++) {
        brood_failure failure = BROOD_FAILURE_INIT;
        bool is_rude = i == 1;

        task.failure = &failure;
        assert_status(
            brood_pool_apply(pool, fail_in_a_foreign_way, &is_rude, sizeof is_rude, NULL, 0, &task),
            BROOD_ERR_TASK);
        assert_int_equal(failure.task_code, 1);
        assert_string_equal(failure.tag, CLEAN);
        assert_string_equal(failure.message, CLEAN);
    }
    assert_ok(brood_pool_close(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_null(brood_pool_destroy(pool));
}

/* ---- R11 ----------------------------------------------------------------------------------- */

static void r11_a_program_that_is_still_written(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_process *process = NULL;
    char directory[1000];
    char program[1100];
    const char *argv[] = {program, "--command", "0", NULL};
    FILE *writer = NULL;

    (void)state;
    if (support_is_windows()) {
        harness_skip("Windows refuses to open such a file twice");
    }
    support_make_directory(directory, sizeof directory);
    snprintf(program, sizeof program, "%s/program", directory);
    assert_true(support_copy_program(harness_self, program));
    writer = fopen(program, "r+");
    assert_non_null(writer);
    options.error = &error;
    assert_status(brood_command_start(&process, argv, &options), BROOD_ERR_OS);
    assert_non_null(strstr(error.message, program));
    fclose(writer);
    assert_ok(brood_command_start(&process, argv, &options));
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
    support_remove_tree(directory);
}

/*
 * Once the first try has failed: its child has sent a SIGCHLD. Where a system starts programs without
 * one, the child has been seen, and is seen no more.
 */
static void close_when_tried(void *data)
{
    bool was_seen = false;
    bool is_seen = false;

    do {
        support_yield();
        is_seen = support_has_children();
        was_seen = was_seen || is_seen;
    } while (support_signals_counted() == 0 && (is_seen || !was_seen));
    fclose(data);
}

static void r11_a_program_that_was_written_just_now(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_process *process = NULL;
    char directory[1000];
    char program[1100];
    const char *argv[] = {program, "--command", "0", NULL};
    support_thread *thread = NULL;
    FILE *writer = NULL;

    (void)state;
    if (support_is_windows()) {
        harness_skip("Windows refuses to open such a file twice");
    }
    support_make_directory(directory, sizeof directory);
    snprintf(program, sizeof program, "%s/program", directory);
    assert_true(support_copy_program(harness_self, program));
    writer = fopen(program, "r+");
    assert_non_null(writer);
    support_count_signal("CHLD");
    thread = support_thread_start(close_when_tried, writer);
    options.error = &error;
    assert_ok(brood_command_start(&process, argv, &options));
    assert_int_equal(error.status, BROOD_OK); /* nothing is told of the first tries */
    assert_int_equal(error.os_code, 0);
    support_thread_join(thread);
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
    support_remove_tree(directory);
}

/* ---- R12 ----------------------------------------------------------------------------------- */

static void r12_a_stopped_one_hears_the_question(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    char byte = 0;
    size_t got = 0;

    (void)state;
    if (support_is_windows()) {
        harness_skip("Windows has no signal that stops");
    }
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    assert_ok(start_command(&process, "handler", &options));
    assert_ok(brood_process_read(process, BROOD_STDOUT, &byte, 1, &got, SOON_MS));
    support_signal(brood_process_pid(process), "STOP");
    assert_ok(brood_process_terminate(process, SOON_MS));
    assert_ends(process, BROOD_EXIT_CODE, 42);
    brood_process_destroy(process);
}

/* ---- R14 ----------------------------------------------------------------------------------- */

static void r14_the_interpreter_that_is_missing(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_process *process = NULL;
    char directory[1000];
    char script[1100];

    (void)state;
    support_make_directory(directory, sizeof directory);
    snprintf(script, sizeof script, "%s/script", directory);
    if (!support_write_script(script, "#!/nowhere/at all\n")) {
        support_remove_tree(directory);
        harness_skip("Windows has no scripts that name their interpreter");
    }
    options.error = &error;
    options.executable = script;
    assert_status(start_command(&process, "0", &options), BROOD_ERR_NOT_FOUND);
    assert_non_null(strstr(error.message, script));
    assert_non_null(strstr(error.message, "interpreter"));
    support_remove_tree(directory);
}

static void r14_the_directory_is_named(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_process *process = NULL;

    (void)state;
    options.error = &error;
    options.working_directory = "/nowhere/at all";
    assert_status(start_command(&process, "0", &options), BROOD_ERR_NOT_FOUND);
    assert_string_equal(error.step, "working_directory");
    assert_true(support_is_windows() || strstr(error.message, "/nowhere/at all") != NULL);
}

static void r14_a_loader_that_fails(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_process *process = NULL;
    char directory[1000];
    char script[1100];

    (void)state;
    support_make_directory(directory, sizeof directory);
    snprintf(script, sizeof script, "%s/script", directory);
    if (!support_write_script(script, "#!/bin/sh\nexit 127\n")) {
        support_remove_tree(directory);
        harness_skip("a loader of Windows ends a program by an exception");
    }
    options.executable = script;
    options.function_name = "any";
    assert_ok(brood_process_start(&process, NULL, NULL, 0, &options));
    assert_ends_by(process, BROOD_EXIT_START);
    assert_ok(brood_process_exit_info(process, &info));
    assert_non_null(strstr(info.error.message, "127"));
    assert_non_null(strstr(info.error.message, "library"));
    brood_process_destroy(process);
    support_remove_tree(directory);
}

static void r14_signals_have_names(void **state)
{
    (void)state;
#if defined(SIGIO) && defined(SIGWINCH)
    assert_string_equal(brood_os_signal_name(SIGIO), "SIGIO");
    assert_string_equal(brood_os_signal_name(SIGWINCH), "SIGWINCH");
#if defined(SIGPWR)
    assert_string_equal(brood_os_signal_name(SIGPWR), "SIGPWR");
#endif
#if defined(SIGRTMIN)
    assert_string_equal(brood_os_signal_name(SIGRTMIN), "SIGRTMIN");
    assert_string_equal(brood_os_signal_name(SIGRTMIN + 3), "SIGRTMIN+3");
    assert_true(brood_os_signal_name(SIGRTMAX)[0] != '\0');
#endif
#else
    harness_skip("Windows has no such signals");
#endif
}

/* ---- R19 ----------------------------------------------------------------------------------- */

#define LEFT_ALONE 20

static int read_to_the_end(brood_task *task, const void *arg, size_t size)
{
    char byte = 0;

    (void)arg;
    (void)size;
    return (int)support_read(brood_task_handle(task, 0), &byte, 1);
}

static void r19_processes_left_alone_cost_no_descriptor(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    intptr_t ends[2];
    size_t before = 0;

    (void)state;
    assert_true(support_pipe(ends));
    options.handles = &ends[0];
    options.handle_count = 1;
    before = brood_os_handle_count();
    for (int i = 0; i < LEFT_ALONE; i++) {
        brood_process *process = NULL;

        assert_ok(brood_process_start(&process, read_to_the_end, NULL, 0, &options));
        assert_status(brood_process_join(process, 0), BROOD_ERR_TIMEOUT); /* it may open some */
        brood_process_destroy(process);
    }
    assert_int_equal(brood_os_handle_count(), before);
    support_close(ends[0]);
    support_close(ends[1]);
    while (support_has_children()) { /* each start takes the ends of those that have ended */
        brood_process *process = NULL;

        assert_ok(brood_process_start(&process, nothing, NULL, 0, NULL));
        assert_ok(brood_process_join(process, SOON_MS));
        brood_process_destroy(process);
    }
}

/* ---- R20 ----------------------------------------------------------------------------------- */

static void r20_communicate_keeps_its_timeout_under_a_flood(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    (void)state;
    options.daemon = true;
    options.kill_tree = true;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    harness_warm_up_guard();
    assert_ok(start_command(&process, "flood", &options));
    assert_status(brood_process_communicate(process, NULL, 0, NULL, NULL, 500), BROOD_ERR_TIMEOUT);
    brood_process_destroy(process);
}

/* The process's other streams are served, too, though there is always more of one. */
static void r20_a_stream_without_end_keeps_nobody_from_the_others(void **state)
{
    int64_t end = brood_os_now() + SOON_MS * INT64_C(1000000);
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    bool is_heard = false;

    (void)state;
    options.kill_tree = true;
    options.stdin_to.mode = options.stdout_to.mode = options.stderr_to.mode = BROOD_STDIO_PIPE;
    assert_ok(start_command(&process, "complain", &options));
    if (support_make_endless(process->streams[BROOD_STDOUT])) {
        while (!is_heard) {
            brood_output err = {NULL, 0};

            assert_true(brood_os_now() < end);
            assert_status(brood_process_communicate(process, "?", 1, NULL, &err, 50),
                          BROOD_ERR_TIMEOUT);
            is_heard = err.size == 1 && err.data[0] == '!';
            brood_free(err.data);
        }
        assert_null(process->streams[BROOD_STDIN]); /* all of its input was given */
    }
    assert_ok(brood_process_kill(process));
    assert_ok(brood_process_join(process, SOON_MS));
    brood_process_destroy(process);
    if (!is_heard) {
        harness_skip("nothing that can be read here is without end");
    }
}

/* ---- R21 ----------------------------------------------------------------------------------- */

static void leave_by_handler(int number)
{
    (void)number;
    support_exit_at_once(42); /* _exit; NOLINT(bugprone-signal-handler,cert-sig30-c) */
}

static int abort_at_once(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    abort();
}

static void r21_handlers_of_the_program_stay(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    (void)state;
    if (support_is_sanitized()) {
        harness_skip("sanitizers need more address space than any limit");
    }
    support_set_environment(HANDLER_VARIABLE, "1");
    options.memory_limit_bytes = 1024 * MEBIBYTE;
    assert_ok(brood_process_start(&process, abort_at_once, NULL, 0, &options));
    assert_ends(process, BROOD_EXIT_CODE, 42);
    brood_process_destroy(process);
}

/* ---- R22 ----------------------------------------------------------------------------------- */

#define LARGE (200 * MEBIBYTE)

static void expect_small_peak(brood_process *process)
{
    brood_exit_info info = BROOD_EXIT_INFO_INIT;

    assert_ends(process, BROOD_EXIT_CODE, 0);
    assert_ok(brood_process_exit_info(process, &info));
    assert_true(info.peak_memory_bytes < LARGE / 2);
    brood_process_destroy(process);
}

static void r22_peak_memory_is_not_that_of_the_starter(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    char *large = NULL;

    (void)state;
    if (support_is_sanitized()) {
        harness_skip("a sanitizer's memory is large everywhere");
    }
    harness_warm_up_guard();
    large = malloc(LARGE);
    assert_non_null(large);
    for (size_t i = 0; i < LARGE; i += 1024) {
        large[i] = (char)i;
    }
    for (int i = 0; i < 20; i++) {
        brood_process *process = NULL;

        options.daemon = i % 2 == 0;
        assert_ok(start_command(&process, "0", &options));
        expect_small_peak(process);
        assert_ok(brood_process_start(&process, nothing, NULL, 0, &options));
        expect_small_peak(process);
    }
    free(large);
}

#define GROWN (32 * MEBIBYTE)

static int grow(brood_task *task, const void *arg, size_t size)
{
    volatile char *memory = malloc(GROWN);

    (void)task;
    (void)arg;
    (void)size;
    for (size_t i = 0; memory != NULL && i < GROWN; i += 1024) {
        memory[i] = (char)i;
    }
    free((void *)memory);
    return memory == NULL;
}

/* What the system tells of the child is no more than what its starter had; the child knows better. */
static void r22_peak_memory_of_one_that_is_smaller_than_its_starter(void **state)
{
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_process *process = NULL;
    char *large = NULL;

    (void)state;
    if (support_is_sanitized() || support_is_wine()) {
        harness_skip("a sanitizer's memory is large everywhere; Wine tells none of one that ended");
    }
    large = malloc(LARGE);
    assert_non_null(large);
    memset(large, 1, LARGE);
    assert_ok(brood_process_start(&process, grow, NULL, 0, NULL));
    assert_ends(process, BROOD_EXIT_CODE, large[LARGE / 2] - 1);
    assert_ok(brood_process_exit_info(process, &info));
    assert_in_range(info.peak_memory_bytes, GROWN, LARGE / 2);
    brood_process_destroy(process);
    free(large);
}

/* ---- R25 ----------------------------------------------------------------------------------- */

/* It may not be killed when its handshake is late; to wait for it is no work. */
static int wait_for_the_late(brood_task *task, const void *arg, size_t size)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    clock_t before = 0;

    (void)task;
    (void)size;
    if (!support_refuse_kills()) {
        return 99;
    }
    options.executable = arg;
    options.function_name = "any";
    options.handshake_timeout_ms = 1;
    options.stdin_to.mode = BROOD_STDIO_PIPE;
    EXPECT(brood_process_start(&process, NULL, NULL, 0, &options) == BROOD_OK);
    before = clock();
    EXPECT(brood_process_join(process, 2000) == BROOD_ERR_TIMEOUT);
    EXPECT((clock() - before) / (CLOCKS_PER_SEC / 1000) < 50);
    brood_process_close_stdin(process);
    EXPECT(brood_process_join(process, SOON_MS) == BROOD_OK);
    brood_process_destroy(process);
    return 0;
}

static void r25_a_kill_that_is_refused_is_no_busy_loop(void **state)
{
    char directory[1000];
    char script[1100];

    (void)state;
    if (!support_is_linux()) {
        harness_skip("only Linux refuses single system calls");
    }
    support_make_directory(directory, sizeof directory);
    snprintf(script, sizeof script, "%s/script", directory);
    assert_true(support_write_script(script, "#!/bin/sh\nread line\n"));
    run_inside(wait_for_the_late, script);
    support_remove_tree(directory);
}

/* ---- R26 ----------------------------------------------------------------------------------- */

static void r26_no_empty_names_in_texts(void **state)
{
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    char text[200];

    (void)state;
    info.reason = BROOD_EXIT_SIGNAL;
    info.code = 200;
    brood_exit_text(&info, text, sizeof text);
    assert_null(strstr(text, "("));
}

static void r26_options_that_were_not_begun(void **state)
{
    brood_process_options options;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_process *process = NULL;

    (void)state;
    memset(&options, 0, sizeof options);
    options.error = &error;
    assert_status(start_command(&process, "0", &options), BROOD_ERR_ARGUMENT);
    assert_string_equal(error.step, "options");
    assert_non_null(strstr(error.message, "INIT"));
}

static void r26_what_is_not_for_a_command_is_named(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_process *process = NULL;

    (void)state;
    options.error = &error;
    options.handshake_timeout_ms = 1;
    assert_status(start_command(&process, "0", &options), BROOD_ERR_ARGUMENT);
    assert_string_equal(error.step, "handshake_timeout_ms");
    options.handshake_timeout_ms = 0;
    options.function_name = "x";
    assert_status(start_command(&process, "0", &options), BROOD_ERR_ARGUMENT);
    assert_string_equal(error.step, "function_name");
}

static void r26_the_stream_that_has_no_file_is_named(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_process *process = NULL;

    (void)state;
    options.error = &error;
    options.stdin_to = (brood_stdio){BROOD_STDIO_FILE, "/nowhere/at all"};
    assert_status(start_command(&process, "0", &options), BROOD_ERR_NOT_FOUND);
    assert_string_equal(error.step, "stdin_to");
    assert_non_null(strstr(error.message, "/nowhere/at all"));
}

static void r26_a_fifo_holds_up_no_start(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    char directory[1000];
    char fifo[1100];

    (void)state;
    support_make_directory(directory, sizeof directory);
    snprintf(fifo, sizeof fifo, "%s/fifo", directory);
    if (!support_make_fifo(fifo)) {
        support_remove_tree(directory);
        harness_skip("there are no FIFOs here");
    }
    options.stdin_to = (brood_stdio){BROOD_STDIO_FILE, fifo};
    assert_ok(start_command(&process, "0", &options));
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
    support_remove_tree(directory);
}

/* ---- W9 ------------------------------------------------------------------------------------ */

#define COPIES 50

static void copy_again_and_again(void *data)
{
    int64_t *copies = data;

    for (size_t i = 0; i < COPIES; i++) {
        copies[i] = support_fork_hanging();
    }
}

/* Each has copies of what a start has open at that moment. */
static void w9_copies_of_the_program_hold_up_no_start(void **state)
{
    int64_t copies[COPIES];
    support_thread *thread = NULL;

    (void)state;
    if (support_is_windows() || support_is_sanitized()) {
        harness_skip("there is no fork here, or one that is only for single threads");
    }
    thread = support_thread_start(copy_again_and_again, copies);
    for (int i = 0; i < COPIES; i++) {
        brood_process *process = NULL;

        assert_ok(start_command(&process, "0", NULL));
        assert_ends(process, BROOD_EXIT_CODE, 0);
        brood_process_destroy(process);
    }
    support_thread_join(thread);
    for (size_t i = 0; i < COPIES; i++) {
        support_kill(copies[i]);
        support_wait_for(copies[i]);
    }
}

/* ---- W12: a thread that is cancelled in a call ------------------------------------------------ */

#define CANCELS 40

/* What it had not destroyed when it ended is the test's. */
typedef struct cancelled {
    brood_process *process;
    brood_shared *shared;
    brood_atomic32 rounds;
} cancelled;

static void use_processes(void *data)
{
    cancelled *self = data;
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    char output[16];
    size_t got = 0;

    options.daemon = true; /* with a guard, where there must be one */
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    for (;;) {
        brood_shared_create(&self->shared, 4096, NULL);
        start_command(&self->process, "0", &options);
        brood_process_read(self->process, BROOD_STDOUT, output, sizeof output, &got, SOON_MS);
        brood_process_is_alive(self->process);
        brood_process_join(self->process, SOON_MS);
        self->process = brood_process_destroy(self->process);
        self->shared = brood_shared_destroy(self->shared);
        brood_add32(&self->rounds, 1);
        brood_os_sleep(1000); /* here it may end */
    }
}

/* The call goes on to its end: nothing is lost, and no lock stays taken. */
static void w12_a_thread_that_is_cancelled_in_a_call(void **state)
{
    int open = 0;

    (void)state;
    if (support_is_windows()) {
        harness_skip("threads cannot be cancelled here");
    }
    harness_warm_up_guard();
    for (uint32_t i = 0; i < CANCELS; i++) {
        cancelled self = {.process = NULL};
        support_thread *thread = support_thread_start(use_processes, &self);

        while (brood_load32(&self.rounds) < 1 + i % 3) {
            support_yield();
        }
        assert_true(support_thread_cancel(thread));
        support_thread_join(thread);
        brood_process_destroy(self.process);
        brood_shared_destroy(self.shared);
        open = i == 0 ? support_count_open() : open;
        assert_int_equal(support_count_open(), open);
    }
}

/* ---- R20: no busy loop ------------------------------------------------------------------------- */

/* The program never comes to brood_init, and what it has started keeps its stream. */
static void r20_communicate_with_what_a_failed_start_has_left_sleeps(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    brood_output output = {NULL, 0};
    char directory[1000];
    char script[1100];
    clock_t before = clock();

    (void)state;
    support_make_directory(directory, sizeof directory);
    snprintf(script, sizeof script, "%s/script", directory);
    if (!support_write_script(script, "#!/bin/sh\n/bin/sleep 2 &\n")) {
        support_remove_tree(directory);
        harness_skip("Windows has no scripts that name their interpreter");
    }
    options.executable = script;
    options.function_name = "nothing";
    options.handshake_timeout_ms = 50;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    assert_ok(brood_process_start(&process, NULL, NULL, 0, &options));
    assert_status(brood_process_communicate(process, NULL, 0, &output, NULL, 1000),
                  BROOD_ERR_TIMEOUT);
    assert_true((clock() - before) / (CLOCKS_PER_SEC / 1000) < 300);
    free(output.data);
    brood_process_destroy(process);
    support_remove_tree(directory);
}

/* ---- a child that has come to its function and says that it has not ---------------------------- */

static int refuse(brood_task *task, const void *arg, size_t size)
{
    brood_error error = {BROOD_ERR_NO_MEMORY, 0, "start", "a lie"};

    (void)task;
    (void)arg;
    (void)size;
    brood_child_refuse(&error);
}

static void a_refusal_of_one_that_runs_is_none(void **state)
{
    brood_process *process = NULL;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;

    (void)state;
    assert_ok(brood_process_start(&process, refuse, NULL, 0, NULL));
    assert_ok(brood_process_join(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, &info));
    assert_int_equal(info.reason, BROOD_EXIT_CODE);
    brood_process_destroy(process);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(w12_a_thread_that_is_cancelled_in_a_call),
    cmocka_unit_test(r8_pidfds_that_may_only_be_opened),
    cmocka_unit_test(r9_a_limit_that_is_not_below_the_hard_one),
    cmocka_unit_test(r9_a_stack_larger_than_the_memory_limit),
    cmocka_unit_test(r10_texts_are_one_line_of_whole_utf8),
    cmocka_unit_test(r10_a_long_foreign_name_in_a_message),
    cmocka_unit_test(r10_foreign_tags_and_messages_of_tasks),
    cmocka_unit_test(r11_a_program_that_is_still_written),
    cmocka_unit_test(r11_a_program_that_was_written_just_now),
    cmocka_unit_test(r12_a_stopped_one_hears_the_question),
    cmocka_unit_test(r14_the_interpreter_that_is_missing),
    cmocka_unit_test(r14_the_directory_is_named),
    cmocka_unit_test(r14_a_loader_that_fails),
    cmocka_unit_test(r14_signals_have_names),
    cmocka_unit_test(r19_processes_left_alone_cost_no_descriptor),
    cmocka_unit_test(r20_communicate_keeps_its_timeout_under_a_flood),
    cmocka_unit_test(r20_a_stream_without_end_keeps_nobody_from_the_others),
    cmocka_unit_test(r21_handlers_of_the_program_stay),
    cmocka_unit_test(r22_peak_memory_is_not_that_of_the_starter),
    cmocka_unit_test(r22_peak_memory_of_one_that_is_smaller_than_its_starter),
    cmocka_unit_test(r25_a_kill_that_is_refused_is_no_busy_loop),
    cmocka_unit_test(r26_no_empty_names_in_texts),
    cmocka_unit_test(r26_options_that_were_not_begun),
    cmocka_unit_test(r26_what_is_not_for_a_command_is_named),
    cmocka_unit_test(r26_the_stream_that_has_no_file_is_named),
    cmocka_unit_test(r26_a_fifo_holds_up_no_start),
    cmocka_unit_test(w9_copies_of_the_program_hold_up_no_start),
    cmocka_unit_test(r20_communicate_with_what_a_failed_start_has_left_sleeps),
    cmocka_unit_test(a_refusal_of_one_that_runs_is_none),
};

static int run_mode(const char *mode)
{
    if (strcmp(mode, "hang") == 0) {
        support_hang();
    } else if (strcmp(mode, "handler") == 0) { /* without one, a stopped process ends as well */
        signal(SIGTERM, leave_by_handler);
        putchar('!');
        fflush(stdout);
        support_hang();
    } else if (strcmp(mode, "flood") == 0) {
        support_flood();
    } else if (strcmp(mode, "complain") == 0) { /* when it was asked */
        fputc(getchar() == '?' ? '!' : '.', stderr);
        support_hang();
    }
    return atoi(mode);
}

int main(int argc, char **argv)
{
    if (getenv(HANDLER_VARIABLE) != NULL) {
        signal(SIGABRT, leave_by_handler);
    }
    if (brood_init(argc, argv) != BROOD_OK) {
        return 3;
    }
    harness_self = argv[0];
    if (argc == 3 && strcmp(argv[1], "--command") == 0) {
        return run_mode(argv[2]);
    }
    return harness_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
