/* Group G: a daemon command is like one that is none, whatever guards it. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "platform.h"
#include "process/guard.h"
#include "runtime/here.h"

#define MUCH ((size_t)1 << 30)
#define MEMORY_REFUSED 5

static brood_status start(brood_process **process, const char *mode, brood_process_options *options)
{
    const char *argv[] = {harness_self, "--command", mode, NULL};

    return brood_command_start(process, argv, options);
}

static void assert_said(brood_process *process)
{
    char byte = 0;
    size_t got = 0;

    assert_ok(brood_process_read(process, BROOD_STDOUT, &byte, 1, &got, SOON_MS));
}

/* Starts a daemon command that says that it is there. */
static brood_process *start_and_await(const char *mode, brood_process_options *options)
{
    brood_process *process = NULL;

    options->daemon = true;
    options->stdout_to.mode = BROOD_STDIO_PIPE;
    assert_ok(start(&process, mode, options));
    assert_said(process);
    return process;
}

/* ---- G1 ------------------------------------------------------------------------------------ */

static brood_exit_info end_of(const char *mode, bool daemon)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_process *process = NULL;

    options.daemon = daemon;
    assert_ok(start(&process, mode, &options));
    assert_ok(brood_process_join(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, &info));
    brood_process_destroy(process);
    return info;
}

static void expect_the_same_end(const char *mode)
{
    brood_exit_info plain = end_of(mode, false);
    brood_exit_info daemon = end_of(mode, true);

    assert_int_equal(daemon.reason, plain.reason);
    assert_int_equal(daemon.code, plain.code);
    assert_string_equal(daemon.name, plain.name);
}

static void g1_the_end_is_told_as_it_is(void **state)
{
    (void)state;
    harness_warm_up_guard();
    expect_the_same_end("7");
    expect_the_same_end("kill");
}

static void g1_a_lost_end_is_lost(void **state)
{
    (void)state;
    if (!support_has_sigchld()) {
        harness_skip("there is no SIGCHLD here");
    }
    harness_warm_up_guard();
    support_ignore_sigchld();
    expect_the_same_end("7");
    assert_int_equal(end_of("7", true).reason, BROOD_EXIT_LOST);
}

/* ---- G2 ------------------------------------------------------------------------------------ */

typedef void end_it(brood_process **process);

static void by_kill(brood_process **process)
{
    assert_ok(brood_process_kill(*process));
    assert_ends_by(*process, BROOD_EXIT_KILLED);
}

static void by_terminate(brood_process **process)
{
    assert_ok(brood_process_terminate(*process, SOON_MS));
}

static void by_destroy(brood_process **process)
{
    *process = brood_process_destroy(*process);
}

/* The command itself, at that moment: so its locks and ports are free. */
static void expect_it_ended(const char *mode, end_it *end)
{
    for (int i = 0; i < 20; i++) {
        brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
        brood_process *process = start_and_await(mode, &options);
        int64_t pid = brood_process_pid(process);

        end(&process);
        assert_false(support_is_running(pid));
        brood_process_destroy(process);
    }
}

/* It has long done what it does by then, but on a busy machine. */
static void expect_it_is_ended_in_time(const char *mode)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    options.daemon = true;
    options.timeout_ms = 500;
    assert_ok(start(&process, mode, &options));
    assert_ends_by(process, BROOD_EXIT_TIMEOUT);
    assert_false(support_is_running(brood_process_pid(process)));
    brood_process_destroy(process);
}

static void g2_what_is_said_to_have_ended_has_ended(void **state)
{
    (void)state;
    harness_warm_up_guard();
    expect_it_ended("hang", by_kill);
    expect_it_ended("hang", by_terminate);
    expect_it_ended("hang", by_destroy);
    expect_it_is_ended_in_time("hang");
}

/* ---- G3 ------------------------------------------------------------------------------------ */

static void g3_one_in_a_session_of_its_own_is_asked(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    (void)state;
    if (support_is_windows()) {
        harness_skip("Windows has no sessions of processes");
    }
    harness_warm_up_guard();
    process = start_and_await("session", &options);
    assert_ok(brood_process_terminate(process, SOON_MS));
    assert_ends_by(process, BROOD_EXIT_TERMINATED);
    brood_process_destroy(process);
}

static void g3_one_in_a_session_of_its_own_is_ended(void **state)
{
    (void)state;
    if (support_is_windows()) {
        harness_skip("Windows has no sessions of processes");
    }
    harness_warm_up_guard();
    expect_it_ended("session", by_kill);
    expect_it_ended("session", by_destroy);
    expect_it_is_ended_in_time("session");
}

/* Modes of the parent's. */
#define WITH_COPY "copy" /* it has a plain fork of itself, too */
#define WITH_EXEC "exec" /* it becomes another program */
#define WITH_NAMESPACE                                                                             \
    "namespace" /* the command is process 1 of one that is younger than the guard */

static brood_status start_guard_and_leave(const char *program)
{
    const char *argv[] = {program, "--command", "0", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    brood_status status = BROOD_OK;

    options.daemon = true;
    status = brood_command_start(&process, argv, &options);
    if (status == BROOD_OK) {
        status = brood_process_join(process, SOON_MS);
    }
    brood_process_destroy(process);
    return status == BROOD_OK && !support_leave_pid_namespace() ? BROOD_ERR_PERMISSION : status;
}

/* Starts a command by its program and mode, says their numbers, and waits to be killed. */
static int be_a_parent(brood_task *task, const void *arg, size_t size)
{
    const char *argv[] = {arg, "--command", NULL, NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    brood_handle there = brood_task_handle(task, 0);
    int64_t pids[2] = {0, -1};
    bool with_copy = false;

    (void)size;
    argv[2] = (const char *)arg + strlen(arg) + 1;
    with_copy = strcmp(argv[2], WITH_COPY) == 0;
    if (strcmp(argv[2], WITH_NAMESPACE) == 0 && start_guard_and_leave(arg) != BROOD_OK) {
        return 1;
    }
    options.daemon = true;
    options.kill_tree = strcmp(argv[2], "tree") == 0;
    options.handles = &there;
    options.handle_count = 1;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    if (brood_command_start(&process, argv, &options) != BROOD_OK) {
        return 1;
    }
    assert_said(process);
    pids[0] = brood_process_pid(process);
    pids[1] = with_copy ? support_fork_hanging() : -1;
    support_write(there, pids, sizeof pids);
    if (strcmp(argv[2], WITH_EXEC) == 0) {
        argv[2] = "hang";
        support_become_program(argv);
    }
    support_hang();
    return 0;
}

/* Its end frees what it was given. */
static void end_with_its_parent(const char *mode)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *parent = NULL;
    intptr_t ends[2];
    int64_t pids[2] = {0, -1};
    char text[1024];

    assert_true(support_pipe(ends));
    options.handles = &ends[1];
    options.handle_count = 1;
    snprintf(text, sizeof text, "%s%c%s", harness_self, 0, mode);
    assert_ok(brood_process_start(&parent, be_a_parent, text, sizeof text, &options));
    support_close(ends[1]);
    assert_int_equal(support_read(ends[0], pids, sizeof pids), sizeof pids);
    if (strcmp(mode, WITH_EXEC) != 0) {
        assert_ok(brood_process_kill(parent));
    }
    assert_true(support_wait_gone(pids[0], 2000));
    assert_ok(brood_process_kill(parent));
    if (pids[1] > 0) {
        support_kill(pids[1]);
    }
    assert_end(ends[0]);
    support_close(ends[0]);
    assert_ends(parent, BROOD_EXIT_KILLED, 9);
    brood_process_destroy(parent);
}

static void g3_one_in_a_session_of_its_own_ends_with_the_parent(void **state)
{
    (void)state;
    if (support_is_windows()) {
        harness_skip("Windows has no sessions of processes");
    }
    end_with_its_parent("session");
}

static void a_tree_ends_with_the_parent(void **state)
{
    (void)state;
    if (support_is_windows()) {
        harness_skip("numbers of handles are not told to a command on Windows");
    }
    end_with_its_parent("tree");
}

static void it_ends_when_the_parent_becomes_another_program(void **state)
{
    (void)state;
    if (support_is_windows()) {
        harness_skip("a process of Windows does not become another program");
    }
    end_with_its_parent(WITH_EXEC);
}

static int begin_in_a_namespace(brood_task *task, const void *arg, size_t size)
{
    const char *argv[] = {arg, "--command", "7", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    (void)task;
    (void)size;
    if (!support_leave_pid_namespace()) {
        return 99;
    }
    options.daemon = true;
    assert_status(brood_command_start(&process, argv, &options), BROOD_ERR_NOT_SUPPORTED);
    options.daemon = false; /* the namespace has not had a process 1 yet, which would have ended */
    assert_ok(brood_command_start(&process, argv, &options));
    assert_ends(process, BROOD_EXIT_CODE, 7);
    brood_process_destroy(process);
    return 0;
}

static void a_guard_and_pid_namespaces(void **state)
{
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_process *process = NULL;

    (void)state;
    if (!support_is_linux() || support_is_sanitized()) { /* which starts a process at the exit */
        harness_skip("only Linux has PID namespaces");
    }
    assert_ok(brood_process_start(&process, begin_in_a_namespace, harness_self,
                                  strlen(harness_self) + 1, NULL));
    assert_ok(brood_process_join(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, &info));
    brood_process_destroy(process);
    if (info.code == 99) {
        harness_skip("this process may not begin a PID namespace");
    }
    assert_int_equal(info.code, 0);
    end_with_its_parent(WITH_NAMESPACE);
}

/* The copy holds the parent's end of the guard's channel. */
static void it_ends_with_the_parent_though_a_copy_lives(void **state)
{
    (void)state;
    if (!support_is_linux()) {
        harness_skip("only on Linux and macOS does a guard see more than its channel");
    }
    end_with_its_parent(WITH_COPY);
}

/* ---- G4 ------------------------------------------------------------------------------------ */

#define NOISE_VARIABLE "BROOD_TEST_NOISE"

static void g4_nothing_is_between_the_command_and_us(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    (void)state;
    if (support_parent_of(support_pid()) < 0) {
        harness_skip("only /proc tells who is the parent of a process");
    }
    harness_warm_up_guard();
    assert_false(support_has_children()); /* a program may wait for them all */
    process = start_and_await("hang", &options);
    assert_int_equal(support_parent_of(brood_process_pid(process)), support_pid());
    brood_process_destroy(process);
}

/* The guard is this program, whose first lines of main make noise. */
static void g4_the_streams_and_the_environment_are_the_commands_alone(void **state)
{
    static const char *const environment[] = {"ONLY=this", NOISE_VARIABLE "=1", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    brood_output out = {NULL, 0};
    brood_output err = {NULL, 0};

    (void)state;
    support_set_environment(NOISE_VARIABLE, "1");
    harness_warm_up_guard();
    options.daemon = true;
    options.environment_mode = BROOD_ENVIRONMENT_REPLACE;
    options.environment = environment;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    options.stderr_to.mode = BROOD_STDIO_PIPE;
    assert_ok(start(&process, "variable", &options));
    assert_ok(brood_process_communicate(process, NULL, 0, &out, &err, SOON_MS));
    assert_string_equal(out.data, "this");
    assert_string_equal(err.data, "");
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_free(out.data);
    brood_free(err.data);
    brood_process_destroy(process);
}

/* ---- G5 ------------------------------------------------------------------------------------ */

/* With another one in its group, which anybody may signal: what becomes of that says nothing. */
#define ROOT_WITH_CHILD "root with child"

/*
 * As another user, who may not end what has become root again; that ends with its stdin. The
 * argument is the program, and behind that the command's mode.
 */
static int try_to_end_it(brood_task *task, const void *arg, size_t size)
{
    const char *argv[] = {arg, "--command", (const char *)arg + strlen(arg) + 1, NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_process *process = NULL;

    (void)task;
    (void)size;
    support_become_nobody();
    options.kill_tree = strcmp(argv[2], ROOT_WITH_CHILD) == 0;
    options.daemon = true;
    options.stdin_to.mode = BROOD_STDIO_PIPE;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    assert_ok(brood_command_start(&process, argv, &options));
    assert_said(process);
    assert_status(brood_process_kill(process), BROOD_ERR_PERMISSION);
    assert_status(brood_process_terminate(process, 0), BROOD_ERR_PERMISSION);
    assert_true(brood_process_is_alive(process));
    assert_ok(brood_process_close_stdin(process));
    assert_ok(brood_process_join(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, &info));
    brood_process_destroy(process);
    return info.reason == BROOD_EXIT_CODE ? (int)info.code : 99;
}

static void expect_the_end_to_be_refused(const char *mode)
{
    brood_process *process = NULL;
    char directory[1000];
    char program[1100];
    char text[1200];

    support_make_directory(directory, sizeof directory);
    snprintf(program, sizeof program, "%s/program", directory);
    if (!support_copy_as_root(harness_self, program)) {
        support_remove_tree(directory);
        harness_skip("only root can make a program that becomes root");
    }
    snprintf(text, sizeof text, "%s%c%s", program, 0, mode);
    assert_ok(brood_process_start(&process, try_to_end_it, text, sizeof text, NULL));
    assert_ends(process, BROOD_EXIT_CODE, 7);
    brood_process_destroy(process);
    support_remove_tree(directory);
}

static void g5_another_users_command_is_told_as_it_is(void **state)
{
    (void)state;
    expect_the_end_to_be_refused("root");
}

static void g5_another_users_command_with_a_group(void **state)
{
    (void)state;
    expect_the_end_to_be_refused(ROOT_WITH_CHILD);
}

/* ---- G7 ------------------------------------------------------------------------------------ */

static void expect_the_same_error(const brood_process_options *given, brood_status status)
{
    for (int daemon = 0; daemon < 2; daemon++) {
        brood_process_options options = *given;
        brood_error error = {BROOD_OK, 0, "", ""};
        brood_process *process = NULL;

        options.error = &error;
        options.daemon = daemon != 0;
        assert_status(start(&process, "7", &options), status);
        assert_null(process);
        assert_status(error.status, status);
        assert_true(error.os_code != 0);
    }
}

static void g7_the_same_errors_at_the_start(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;

    (void)state;
    harness_warm_up_guard();
    options.working_directory = "/nowhere/at all";
    expect_the_same_error(&options, BROOD_ERR_NOT_FOUND);
    options.working_directory = NULL;
    options.executable = "/nowhere/at all";
    expect_the_same_error(&options, BROOD_ERR_NOT_FOUND);
}

static void g7_the_same_time_outs(void **state)
{
    (void)state;
    harness_warm_up_guard();
    for (int daemon = 0; daemon < 2; daemon++) {
        brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
        brood_process *process = NULL;

        options.daemon = daemon != 0;
        options.timeout_ms = 20;
        options.stdout_to.mode = BROOD_STDIO_NULL;
        assert_ok(start(&process, "hang", &options));
        assert_ends_by(process, BROOD_EXIT_TIMEOUT);
        brood_process_destroy(process);
    }
}

static void g7_the_same_limits(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    (void)state;
    if (support_is_wine()) {
        harness_skip("Wine does not enforce limits of jobs");
    }
    harness_warm_up_guard();
    options.daemon = true;
    options.cpu_time_limit_s = 1;
    assert_ok(start(&process, "spin", &options));
    assert_ends_by(process, BROOD_EXIT_CPU_TIME);
    brood_process_destroy(process);
}

/* Whether the command gets as much memory as it asks for, which is more than its limit. */
static void g7_the_same_memory_limit(void **state)
{
    int64_t codes[2] = {-1, -1};

    (void)state;
    harness_warm_up_guard();
    for (int daemon = 0; daemon < 2; daemon++) {
        brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
        brood_exit_info info = BROOD_EXIT_INFO_INIT;
        brood_process *process = NULL;

        options.daemon = daemon != 0;
        options.memory_limit_bytes = MUCH / 4;
        options.stderr_to.mode = BROOD_STDIO_NULL; /* a sanitizer does not begin with so little */
        assert_ok(start(&process, "memory", &options));
        assert_ok(brood_process_join(process, SOON_MS));
        assert_ok(brood_process_exit_info(process, &info));
        codes[daemon] = info.code;
        brood_process_destroy(process);
    }
    assert_int_equal(codes[1], codes[0]);
    if (support_is_linux() && !support_is_sanitized()) {
        assert_int_equal(codes[1], MEMORY_REFUSED);
    }
}

/* ---- the guard itself ----------------------------------------------------------------------- */

static const char no_guard[] = "only /proc tells where the guard is";

/* What comes to it from elsewhere is not for the command, and not its end. */
static void signals_to_the_guard_do_no_harm(void **state)
{
    static const char *const names[] = {"HUP", "INT", "USR1", "TERM"};
    int64_t guard = -1;

    (void)state;
    harness_warm_up_guard();
    guard = support_sibling_named("brood-guard");
    if (guard < 0) {
        harness_skip(no_guard);
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        support_signal(guard, names[i]);
    }
    expect_the_same_end("7");
    assert_int_equal(support_sibling_named("brood-guard"), guard);
}

static void a_guard_that_is_killed_is_replaced(void **state)
{
    int64_t guard = -1;
    int64_t next = -1;
    size_t handles = 0;

    (void)state;
    harness_warm_up_guard();
    handles = brood_os_handle_count();
    guard = support_sibling_named("brood-guard");
    if (guard < 0) {
        harness_skip(no_guard);
    }
    support_kill(guard);
    while (next < 0 || next == guard) {
        next = support_sibling_named("brood-guard");
        support_yield();
    }
    expect_the_same_end("7");
    while (brood_os_handle_count() != handles) { /* a thread gives back what the old one had */
        support_yield();
    }
}

/* ---- a guard that is slow to come up -------------------------------------------------------- */

/*
 * A directory. From "shut" on, which the test says there, main of a guard that starts says "waits", and
 * goes on for "go", or says "late" when that does not come.
 */
#define GATE_VARIABLE "BROOD_TEST_GATE"
#define LATE_NS INT64_C(20000000000)
#define TICK_NS INT64_C(1000000)

static FILE *open_at_gate(const char *name, const char *mode)
{
    char path[1100];

    snprintf(path, sizeof path, "%s/%s", getenv(GATE_VARIABLE), name);
    return fopen(path, mode);
}

static void say_at_gate(const char *name)
{
    FILE *file = open_at_gate(name, "w");

    if (file != NULL) {
        fclose(file);
    }
}

static bool is_said_at_gate(const char *name)
{
    FILE *file = open_at_gate(name, "r");

    if (file != NULL) {
        fclose(file);
    }
    return file != NULL;
}

static void wait_at_gate(void)
{
    int64_t deadline = brood_os_now() + LATE_NS;

    say_at_gate("waits");
    while (!is_said_at_gate("go")) {
        if (brood_os_now() > deadline) {
            say_at_gate("late");
            return;
        }
        brood_os_sleep(TICK_NS);
    }
}

/* Before there are threads that read the environment. */
static void make_gate(char *directory, size_t size)
{
    support_make_directory(directory, size);
    support_set_environment(GATE_VARIABLE, directory);
}

/* The one that takes its place has begun after this, and waits. */
static void kill_guard(void)
{
    int64_t guard = support_sibling_named("brood-guard");

    assert_true(guard > 0);
    say_at_gate("shut");
    support_kill(guard);
    while (!is_said_at_gate("waits")) {
        brood_os_sleep(TICK_NS);
    }
}

static void open_gate(const char *directory, size_t handles)
{
    assert_false(is_said_at_gate("late"));
    say_at_gate("go");
    expect_the_same_end("7");
    while (brood_os_handle_count() != handles) { /* a thread gives back what the old guard had */
        support_yield();
    }
    support_remove_tree(directory);
}

/* With a gate for the next guard. */
static void warm_up_with_gate(char *directory, size_t size)
{
    make_gate(directory, size);
    harness_warm_up_guard();
    if (support_sibling_named("brood-guard") < 0) {
        support_remove_tree(directory);
        harness_skip(no_guard);
    }
}

/* It has ended, and nobody has reaped it. */
static brood_process *start_killed(uint32_t timeout_ms)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    options.daemon = true;
    options.timeout_ms = timeout_ms;
    options.stdout_to.mode = BROOD_STDIO_NULL;
    assert_ok(start(&process, "hang", &options));
    support_kill(brood_process_pid(process));
    assert_true(support_wait_gone(brood_process_pid(process), SOON_MS));
    return process;
}

static void a_command_is_waited_for_while_a_guard_starts(void **state)
{
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_process *joined = NULL;
    brood_process *asked = NULL;
    char directory[1000];
    size_t handles = 0;

    (void)state;
    warm_up_with_gate(directory, sizeof directory);
    handles = brood_os_handle_count();
    joined = start_killed(0);
    asked = start_killed(0);
    kill_guard();
    assert_ok(brood_process_join(joined, 0));
    assert_false(brood_process_is_alive(asked));
    assert_ok(brood_process_exit_info(asked, &info));
    assert_int_equal(info.reason, BROOD_EXIT_SIGNAL);
    brood_process_destroy(joined);
    brood_process_destroy(asked);
    open_gate(directory, handles);
}

/* The time-out of the first finds a daemon command that has ended; that of the other must come. */
static void time_outs_are_kept_while_a_guard_starts(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *ended = NULL;
    brood_process *other = NULL;
    char directory[1000];
    size_t handles = 0;

    (void)state;
    warm_up_with_gate(directory, sizeof directory);
    options.timeout_ms = 1;
    options.stdout_to.mode = BROOD_STDIO_NULL;
    assert_ok(start(&other, "hang", &options)); /* which starts the thread of time-outs */
    assert_ends_by(other, BROOD_EXIT_TIMEOUT);
    brood_process_destroy(other);
    handles = brood_os_handle_count();
    ended = start_killed(3000);
    kill_guard();
    options.timeout_ms = 3500;
    assert_ok(start(&other, "hang", &options));
    assert_ends_by(other, BROOD_EXIT_TIMEOUT);
    assert_ok(brood_process_join(ended, 0));
    brood_process_destroy(ended);
    brood_process_destroy(other);
    open_gate(directory, handles);
}

static void say_pid(brood_handle to, const brood_process *process)
{
    int64_t pid = brood_process_pid(process);

    support_write(to, &pid, sizeof pid);
}

/* One as a daemon command is whose spawn told a guard that has just been killed. */
static brood_process *start_behind(brood_guard *guard, brood_kept *kept)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    options.stdout_to.mode = BROOD_STDIO_NULL;
    assert_ok(start(&process, "hang", &options));
    kept->ward = (brood_os_ward){brood_process_pid(process), 0, 0};
    brood_guard_keep(guard, kept);
    return process;
}

/* The guard is killed after the first, and the next one waits at a gate. */
static int start_three(brood_task *task, const void *arg, size_t size)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_handle to = brood_task_handle(task, 0);
    brood_process *first = NULL;
    brood_guard *guard = NULL;
    brood_kept kept = {.next = NULL};

    (void)size;
    harness_self = arg;
    first = start_and_await("hang", &options);
    assert_ok(brood_guard_take(&guard, NULL));
    say_pid(to, first); /* now it is killed */
    while (!is_said_at_gate("waits")) {
        brood_os_sleep(TICK_NS);
    }
    say_pid(to, start_behind(guard, &kept));
    brood_guard_drop(guard);
    say_pid(to, start_and_await("hang", &options));
    support_hang();
    return 0;
}

static void what_starts_while_a_guard_starts_ends_with_the_parent(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *parent = NULL;
    int64_t pids[3] = {0, 0, 0};
    intptr_t ends[2];
    char directory[1000];

    (void)state;
    if (support_parent_of(support_pid()) < 0) {
        harness_skip(no_guard);
    }
    make_gate(directory, sizeof directory);
    assert_true(support_pipe(ends));
    options.handles = &ends[1];
    options.handle_count = 1;
    assert_ok(brood_process_start(&parent, start_three, harness_self, strlen(harness_self) + 1,
                                  &options));
    assert_int_equal(support_read(ends[0], &pids[0], sizeof pids[0]), sizeof pids[0]);
    kill_guard();
    assert_int_equal(support_read(ends[0], &pids[1], sizeof pids[1]), sizeof pids[1]);
    assert_false(support_wait_handle(ends[0], 100)); /* the last start waits */
    say_at_gate("go");
    assert_int_equal(support_read(ends[0], &pids[2], sizeof pids[2]), sizeof pids[2]);
    assert_ok(brood_process_kill(parent));
    for (size_t i = 0; i < 3; i++) {
        assert_true(support_wait_gone(pids[i], SOON_MS));
    }
    assert_ends(parent, BROOD_EXIT_KILLED, 9);
    brood_process_destroy(parent);
    support_close(ends[0]);
    support_close(ends[1]);
    support_remove_tree(directory);
}

/* ---- a guard that is killed while one is left that could not be ------------------------------ */

/* As another user: what has become root is left, and ends; then the guard is replaced. */
static int leave_one(brood_task *task, const void *arg, size_t size)
{
    const char *argv[] = {arg, "--command", "root", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    int64_t pid = 0;

    (void)size;
    support_become_nobody();
    options.daemon = true;
    options.stdin_to.mode = BROOD_STDIO_PIPE;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    assert_ok(brood_command_start(&process, argv, &options));
    assert_said(process);
    pid = brood_process_pid(process);
    brood_process_destroy(process);
    if (!support_wait_gone(pid, SOON_MS)) {
        return 1;
    }
    support_write(brood_task_handle(task, 0), "", 1);
    support_hang();
    return 0;
}

static bool is_replaced(int64_t guard)
{
    for (int64_t end = brood_os_now() + LATE_NS; brood_os_now() < end; brood_os_sleep(TICK_NS)) {
        int64_t next = support_sibling_named("brood-guard");

        if (next >= 0 && next != guard) {
            return true;
        }
    }
    return false;
}

static void a_guard_is_replaced_though_one_was_left(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *parent = NULL;
    intptr_t ends[2];
    int64_t guard = -1;
    char directory[1000];
    char program[1100];

    (void)state;
    support_make_directory(directory, sizeof directory);
    snprintf(program, sizeof program, "%s/program", directory);
    if (support_parent_of(support_pid()) < 0 || !support_copy_as_root(harness_self, program)) {
        support_remove_tree(directory);
        harness_skip("only root can make a program that becomes root");
    }
    assert_true(support_pipe(ends));
    options.handles = &ends[1];
    options.handle_count = 1;
    assert_ok(brood_process_start(&parent, leave_one, program, strlen(program) + 1, &options));
    assert_byte(ends[0]);
    guard = support_sibling_named("brood-guard");
    assert_true(guard > 0);
    support_kill(guard);
    assert_true(is_replaced(guard));
    assert_ok(brood_process_kill(parent));
    assert_ends(parent, BROOD_EXIT_KILLED, 9);
    brood_process_destroy(parent);
    support_close(ends[0]);
    support_close(ends[1]);
    support_remove_tree(directory);
}

/* ---- numbers that are used again ------------------------------------------------------------ */

/* The number of a daemon command that was there for a moment, or one that came to no program. */
static int64_t start_a_short_one(const char *program, bool fails)
{
    const char *argv[] = {program, "--command", "0", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    int64_t pid = -1;

    options.daemon = true;
    if (fails) {
        options.working_directory = "/nowhere/at all";
        support_note_ends();
        brood_command_start(&process, argv, &options);
        return support_last_end();
    }
    if (brood_command_start(&process, argv, &options) == BROOD_OK &&
        brood_process_join(process, SOON_MS) == BROOD_OK) {
        pid = brood_process_pid(process);
    }
    brood_process_destroy(process);
    return pid;
}

/* Starts a command that stays, and a short one, whose number it says. */
static int be_a_parent_of_a_short_one(brood_task *task, const void *arg, size_t size)
{
    const char *argv[] = {(const char *)arg + 1, "--command", "hang", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    brood_handle there = brood_task_handle(task, 0);
    int64_t pid = -1;

    (void)size;
    options.daemon = true;
    options.handles = &there;
    options.handle_count = 1;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    if (brood_command_start(&process, argv, &options) != BROOD_OK) {
        return 1;
    }
    assert_said(process);
    pid = start_a_short_one(argv[0], *(const char *)arg == 'f');
    support_write(there, &pid, sizeof pid);
    support_hang();
    return 0;
}

/*
 * The guard ends what it keeps, the latest first: so when the pipe ends, it has been through. On
 * Linux it has pidfds, and may spare a stranger also when nobody has told it to.
 */
static void expect_a_stranger_to_be_spared(char kind)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *parent = NULL;
    intptr_t ends[2];
    intptr_t gate[2];
    int64_t pid = -1;
    char text[1024];

    assert_true(support_pipe(ends));
    assert_true(support_pipe(gate));
    options.handles = &ends[1];
    options.handle_count = 1;
    snprintf(text, sizeof text, "%c%s", kind, harness_self);
    assert_ok(
        brood_process_start(&parent, be_a_parent_of_a_short_one, text, sizeof text, &options));
    support_close(ends[1]);
    assert_int_equal(support_read(ends[0], &pid, sizeof pid), sizeof pid);
    if (!support_fork_as(pid, gate[0], 5)) {
        brood_process_kill(parent);
        assert_end(ends[0]);
        brood_process_destroy(parent);
        harness_skip("this process may not choose the number of another one");
    }
    assert_ok(brood_process_kill(parent));
    assert_ends(parent, BROOD_EXIT_KILLED, 9);
    assert_end(ends[0]);
    assert_int_equal(support_write(gate[1], "g", 1), 1);
    assert_int_equal(support_wait_for(pid), 5);
    brood_process_destroy(parent);
    support_close(ends[0]);
    support_close(gate[0]);
    support_close(gate[1]);
}

static void a_guard_forgets_one_that_has_ended(void **state)
{
    (void)state;
    expect_a_stranger_to_be_spared('e');
}

static void a_guard_forgets_one_that_came_to_no_program(void **state)
{
    (void)state;
    expect_a_stranger_to_be_spared('f');
}

/* ---- what is kept is forgotten ----------------------------------------------------------------- */

/* Each end may come between a look at it and its reap; or before the start has returned. */
static void what_was_reaped_is_not_kept(void **state)
{
    (void)state;
    if (!brood_os_command_needs_guard()) {
        harness_skip("a job ends what a daemon is");
    }
    harness_warm_up_guard();
    for (int i = 0; i < 200; i++) {
        brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
        brood_process *process = NULL;

        options.daemon = true;
        options.timeout_ms = (uint32_t)i % 2; /* 0: none */
        assert_ok(start(&process, i % 2 == 0 ? "0" : "hang", &options));
        while (brood_process_is_alive(process)) {
        }
        assert_null(brood_here()->guards.first);
        brood_process_destroy(process);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(g1_the_end_is_told_as_it_is),
    cmocka_unit_test(what_was_reaped_is_not_kept),
    cmocka_unit_test(g1_a_lost_end_is_lost),
    cmocka_unit_test(g2_what_is_said_to_have_ended_has_ended),
    cmocka_unit_test(g3_one_in_a_session_of_its_own_is_asked),
    cmocka_unit_test(g3_one_in_a_session_of_its_own_is_ended),
    cmocka_unit_test(g3_one_in_a_session_of_its_own_ends_with_the_parent),
    cmocka_unit_test(g4_nothing_is_between_the_command_and_us),
    cmocka_unit_test(g4_the_streams_and_the_environment_are_the_commands_alone),
    cmocka_unit_test(g7_the_same_errors_at_the_start),
    cmocka_unit_test(g7_the_same_time_outs),
    cmocka_unit_test(g7_the_same_limits),
    cmocka_unit_test(g7_the_same_memory_limit),
    cmocka_unit_test(a_tree_ends_with_the_parent),
    cmocka_unit_test(it_ends_with_the_parent_though_a_copy_lives),
    cmocka_unit_test(it_ends_when_the_parent_becomes_another_program),
    cmocka_unit_test(a_guard_and_pid_namespaces),
    cmocka_unit_test(g5_another_users_command_is_told_as_it_is),
    cmocka_unit_test(g5_another_users_command_with_a_group),
    cmocka_unit_test(signals_to_the_guard_do_no_harm),
    cmocka_unit_test(a_guard_that_is_killed_is_replaced),
    cmocka_unit_test(a_command_is_waited_for_while_a_guard_starts),
    cmocka_unit_test(time_outs_are_kept_while_a_guard_starts),
    cmocka_unit_test(what_starts_while_a_guard_starts_ends_with_the_parent),
    cmocka_unit_test(a_guard_is_replaced_though_one_was_left),
    cmocka_unit_test(a_guard_forgets_one_that_has_ended),
    cmocka_unit_test(a_guard_forgets_one_that_came_to_no_program),
};

/* ---- the command ---------------------------------------------------------------------------- */

static void say_and_hang(void)
{
    putchar('!');
    fflush(stdout);
    support_hang();
}

/* It hangs, and holds descriptor 3, for as long as it is let. */
static void start_one_more(void)
{
    static const brood_handle there = 3;
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    options.handles = &there;
    options.handle_count = 1;
    options.stdout_to.mode = BROOD_STDIO_NULL;
    if (start(&process, "hang", &options) != BROOD_OK) {
        exit(1);
    }
}

/* Its child is still the caller's, and may be killed by that. */
static int be_root(bool with_child)
{
    int64_t child = with_child ? support_fork_hanging() : -1;

    if (!support_become_root()) {
        return 1;
    }
    putchar('!');
    fflush(stdout);
    getchar();
    return !with_child || support_wait_for(child) < 0 ? 7 : 1;
}

static int ask_for_memory(void)
{
    volatile size_t much = MUCH;
    void *volatile block = malloc(much); /* which no compiler may leave out */
    int code = block != NULL ? 0 : MEMORY_REFUSED;

    free(block);
    return code;
}

static int run_mode(const char *mode)
{
    const char *value = getenv("ONLY");
    volatile unsigned spin = 1;

    if (strcmp(mode, "kill") == 0) {
        support_kill_self();
    } else if (strcmp(mode, "hang") == 0 || strcmp(mode, WITH_COPY) == 0 ||
               strcmp(mode, WITH_EXEC) == 0 || strcmp(mode, WITH_NAMESPACE) == 0 ||
               (strcmp(mode, "session") == 0 && support_leave_session())) {
        say_and_hang();
    } else if (strcmp(mode, "tree") == 0) {
        start_one_more();
        say_and_hang();
    } else if (strcmp(mode, "root") == 0 || strcmp(mode, ROOT_WITH_CHILD) == 0) {
        return be_root(strcmp(mode, ROOT_WITH_CHILD) == 0);
    } else if (strcmp(mode, "memory") == 0) {
        return ask_for_memory();
    } else if (strcmp(mode, "variable") == 0) {
        fputs(value != NULL ? value : "", stdout);
        return 0;
    }
    while (strcmp(mode, "spin") == 0 && spin != 0) {
    }
    return atoi(mode);
}

int main(int argc, char **argv)
{
    if (argc == 1 && getenv(NOISE_VARIABLE) != NULL) {
        puts("noise");
        fputs("noise", stderr);
    }
    if (argc == 1 && getenv(GATE_VARIABLE) != NULL && is_said_at_gate("shut")) {
        wait_at_gate();
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
