/* P5, P6, P15: asking a process to end, killing it, its time, its tree. */
#include "harness.h"

#define LOOK_ROUNDS (support_is_windows() ? 5 : 30)

#include <signal.h>
#include <stdlib.h>

/* Set in the environment of a child that shall never come as far as brood_init. */
#define STALL "BROOD_TEST_STALL"
#define STOP "BROOD_TEST_STOP" /* main stops itself before it calls brood_init */

static int say_and_hang(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    support_write(brood_task_handle(task, 0), "x", 1);
    support_hang();
    return 0;
}

static int ignore_and_hang(brood_task *task, const void *arg, size_t size)
{
    support_ignore_terminate();
    return say_and_hang(task, arg, size);
}

static void leave_with_seven(int number)
{
    (void)number;
    _Exit(7);
}

static int tidy_up_and_leave(brood_task *task, const void *arg, size_t size)
{
    signal(SIGTERM, leave_with_seven);
    return say_and_hang(task, arg, size);
}

static int nothing(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return 3;
}

/* A started child that has said that it is there, and the reading end of its pipe. */
typedef struct subject {
    brood_process *process;
    intptr_t pipe[2];
} subject;

static void start_subject(subject *made, brood_function *function, brood_process_options *given)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;

    if (given != NULL) {
        options = *given;
    }
    assert_true(support_pipe(made->pipe));
    options.handles = &made->pipe[1];
    options.handle_count = 1;
    assert_ok(brood_process_start(&made->process, function, NULL, 0, &options));
    support_close(made->pipe[1]);
}

static void end_subject(subject *made)
{
    made->process = brood_process_destroy(made->process);
    support_close(made->pipe[0]);
}

/* ---- P5 ---------------------------------------------------------------------------------- */

/* However far the child has come, the question is not lost. */
static void p5_terminate_right_after_the_start(void **state)
{
    int rounds = support_is_wine() ? 20 : 100;

    (void)state;
    for (int i = 0; i < rounds; i++) {
        subject made;

        start_subject(&made, say_and_hang, NULL);
        assert_ok(brood_process_terminate(made.process, SOON_MS));
        assert_ends_by(made.process, BROOD_EXIT_TERMINATED);
        end_subject(&made);
    }
}

static void p5_kill_right_after_the_start(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        subject made;

        start_subject(&made, say_and_hang, NULL);
        assert_ok(brood_process_kill(made.process));
        assert_ends_by(made.process, BROOD_EXIT_KILLED);
        end_subject(&made);
    }
}

/* One that never comes to brood_init can be asked by a signal only; else it is killed. */
static void p5_terminate_before_brood_init(void **state)
{
    static const char *const environment[] = {STALL "=1", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    (void)state;
    options.environment = environment;
    assert_ok(brood_process_start(&process, nothing, NULL, 0, &options));
    assert_ok(brood_process_terminate(process, support_is_windows() ? 100 : SOON_MS));
    assert_ends_by(process, support_is_windows() ? BROOD_EXIT_KILLED : BROOD_EXIT_TERMINATED);
    brood_process_destroy(process);
}

static void p5_destroy_a_daemon_before_brood_init(void **state)
{
    static const char *const environment[] = {STALL "=1", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    (void)state;
    options.environment = environment;
    options.daemon = true;
    assert_ok(brood_process_start(&process, nothing, NULL, 0, &options));
    brood_process_destroy(process); /* the harness sees it, should it survive */
}

/* ---- P6 ---------------------------------------------------------------------------------- */

static void p6_a_child_that_ignores_the_question_is_killed(void **state)
{
    subject made;

    (void)state;
    start_subject(&made, ignore_and_hang, NULL);
    assert_byte(made.pipe[0]);
    assert_ok(brood_process_terminate(made.process, 100));
    assert_ends_by(made.process, BROOD_EXIT_KILLED);
    end_subject(&made);
}

static void p6_no_grace_is_a_kill(void **state)
{
    subject made;

    (void)state;
    start_subject(&made, ignore_and_hang, NULL);
    assert_byte(made.pipe[0]);
    assert_ok(brood_process_terminate(made.process, 0));
    assert_ends_by(made.process, BROOD_EXIT_KILLED);
    end_subject(&made);
}

static void p6_a_child_that_does_not_resist_was_terminated(void **state)
{
    subject made;

    (void)state;
    start_subject(&made, say_and_hang, NULL);
    assert_byte(made.pipe[0]);
    assert_ok(brood_process_terminate(made.process, SOON_MS));
    assert_ends_by(made.process, BROOD_EXIT_TERMINATED);
    assert_ok(brood_process_terminate(made.process, SOON_MS));
    assert_ok(brood_process_kill(made.process));
    assert_ends_by(made.process, BROOD_EXIT_TERMINATED);
    end_subject(&made);
}

/* The child's own handler decides; its exit code is told. */
static void p6_a_handler_of_the_child_is_called(void **state)
{
    subject made;

    (void)state;
#if defined(__SANITIZE_THREAD__)
    harness_skip("ThreadSanitizer calls handlers when it sees fit, if at all");
#endif
    start_subject(&made, tidy_up_and_leave, NULL);
    assert_byte(made.pipe[0]);
    assert_ok(brood_process_terminate(made.process, SOON_MS));
    assert_ends(made.process, BROOD_EXIT_CODE, 7);
    end_subject(&made);
}

#define NOT_LIMITED 77

/* In a process that may open nothing more; returns the code of the one that it has terminated. */
static int terminate_without_descriptors(brood_task *task, const void *arg, size_t size)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_process *process = NULL;
    intptr_t ends[2];
    char byte = 0;
    int code = 0;

    (void)task;
    (void)arg;
    (void)size;
    if (!support_pipe(ends)) {
        return 1;
    }
    options.handles = &ends[1];
    options.handle_count = 1;
    if (brood_process_start(&process, tidy_up_and_leave, NULL, 0, &options) != BROOD_OK ||
        support_read(ends[0], &byte, 1) != 1) {
        return 2;
    }
    if (!support_limit_handles(0)) {
        brood_process_terminate(process, 0);
        return NOT_LIMITED;
    }
    code = brood_process_terminate(process, SOON_MS) == BROOD_OK &&
                   brood_process_exit_info(process, &info) == BROOD_OK &&
                   info.reason == BROOD_EXIT_CODE
               ? (int)info.code
               : 3;
    _Exit(code); /* a sanitizer needs descriptors for its report */
}

/* Without a descriptor to wait with, the end is looked for. */
static void p6_the_grace_is_kept_without_descriptors(void **state)
{
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_process *process = NULL;

    (void)state;
#if defined(__SANITIZE_THREAD__)
    harness_skip("ThreadSanitizer calls handlers when it sees fit, if at all");
#endif
    assert_ok(brood_process_start(&process, terminate_without_descriptors, NULL, 0, NULL));
    assert_ok(brood_process_join(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, &info));
    brood_process_destroy(process);
    if (info.code == NOT_LIMITED) {
        harness_skip("handles cannot be limited here");
    }
    assert_int_equal(info.code, 7);
}

static void p6_a_command_that_ignores_the_question_is_killed(void **state)
{
    const char *argv[] = {harness_self, "--ignore", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    char byte = 0;
    size_t got = 0;

    (void)state;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    assert_ok(brood_command_start(&process, argv, &options));
    assert_ok(brood_process_read(process, BROOD_STDOUT, &byte, 1, &got, SOON_MS));
    assert_ok(brood_process_terminate(process, 100));
    assert_ends_by(process, BROOD_EXIT_KILLED);
    brood_process_destroy(process);
}

static void ending_one_that_has_ended_is_fine(void **state)
{
    brood_process *process = NULL;

    (void)state;
    assert_ok(brood_process_start(&process, nothing, NULL, 0, NULL));
    assert_ends(process, BROOD_EXIT_CODE, 3);
    assert_ok(brood_process_terminate(process, 0));
    assert_ok(brood_process_kill(process));
    assert_ends(process, BROOD_EXIT_CODE, 3);
    brood_process_destroy(process);
}

/* Who was killed was not terminated, even if he is asked on his way. */
static void p6_a_question_after_a_kill_changes_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        subject made;

        start_subject(&made, say_and_hang, NULL);
        assert_byte(made.pipe[0]);
        assert_ok(brood_process_kill(made.process));
        assert_ok(brood_process_terminate(made.process, SOON_MS));
        assert_ends_by(made.process, BROOD_EXIT_KILLED);
        end_subject(&made);
    }
}

/* ---- timeout_ms -------------------------------------------------------------------------- */

static void a_process_that_runs_for_too_long_is_killed(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    subject made;

    (void)state;
    options.timeout_ms = 100;
    start_subject(&made, ignore_and_hang, &options);
    assert_ends_by(made.process, BROOD_EXIT_TIMEOUT);
    end_subject(&made);
}

/* The one thread that watches must look again when a nearer deadline comes. */
static void each_process_has_its_own_time(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    subject slow;
    subject fast;
    brood_process *quick = NULL;

    (void)state;
    options.timeout_ms = SOON_MS * 10;
    start_subject(&slow, say_and_hang, &options);
    assert_ok(brood_process_start(&quick, nothing, NULL, 0, &options));
    options.timeout_ms = 50;
    start_subject(&fast, say_and_hang, &options);
    assert_ends_by(fast.process, BROOD_EXIT_TIMEOUT);
    assert_ends(quick, BROOD_EXIT_CODE, 3);
    assert_true(brood_process_is_alive(slow.process));
    assert_ok(brood_process_kill(slow.process));
    assert_ends_by(slow.process, BROOD_EXIT_KILLED);
    brood_process_destroy(quick);
    end_subject(&fast);
    end_subject(&slow);
}

/* ---- P15 --------------------------------------------------------------------------------- */

/* Starts a process like itself, which holds the pipe as well; then the leader speaks. */
static int lead(brood_task *task, const void *arg, size_t size)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *grandchild = NULL;
    brood_handle handles[2] = {BROOD_HANDLE_NONE, brood_task_handle(task, 0)};
    intptr_t there[2];
    char byte = 0;

    if (!support_pipe(there)) {
        return 1;
    }
    handles[0] = there[1];
    options.handles = handles;
    options.handle_count = 2;
    if (brood_process_start(&grandchild, ignore_and_hang, NULL, 0, &options) != BROOD_OK) {
        return 2;
    }
    support_close(there[1]);
    if (support_read(there[0], &byte, 1) != 1) {
        return 3;
    }
    return say_and_hang(task, arg, size);
}

static void start_tree(subject *made, bool kill_tree, bool daemon, uint32_t timeout_ms)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;

    options.kill_tree = kill_tree;
    options.daemon = daemon;
    options.timeout_ms = timeout_ms;
    start_subject(made, lead, &options);
    assert_byte(made->pipe[0]);
}

/* The pipe ends when nobody of the tree lives: each has an end of it. */
static void p15_grandchildren_die_with_a_kill(void **state)
{
    subject made;

    (void)state;
    start_tree(&made, true, false, 0);
    assert_ok(brood_process_kill(made.process));
    assert_ends_by(made.process, BROOD_EXIT_KILLED);
    assert_end(made.pipe[0]);
    end_subject(&made);
}

/* The leader does as it is asked; the grandchild, which ignores it, must not remain. */
static void p15_grandchildren_die_after_their_leader_was_terminated(void **state)
{
    subject made;

    (void)state;
    start_tree(&made, true, false, 0);
    assert_ok(brood_process_terminate(made.process, SOON_MS));
    assert_ends_by(made.process, BROOD_EXIT_TERMINATED);
    assert_end(made.pipe[0]);
    end_subject(&made);
}

static void look_all_the_time(void *process)
{
    while (brood_process_is_alive(process)) {
    }
}

/* The end of the leader may be seen by a look of another thread, at any moment. */
static void p15_grandchildren_die_while_others_look(void **state)
{
    (void)state;
    for (int i = 0; i < LOOK_ROUNDS; i++) {
        support_thread *thread = NULL;
        subject made;

        start_tree(&made, true, false, 0);
        thread = support_thread_start(look_all_the_time, made.process);
        assert_ok(brood_process_terminate(made.process, SOON_MS));
        support_thread_join(thread);
        assert_ends_by(made.process, BROOD_EXIT_TERMINATED);
        assert_end(made.pipe[0]);
        end_subject(&made);
    }
}

static void p15_grandchildren_die_with_a_time_out(void **state)
{
    subject made;

    (void)state;
    start_tree(&made, true, false, 2000);
    assert_ends_by(made.process, BROOD_EXIT_TIMEOUT);
    assert_end(made.pipe[0]);
    end_subject(&made);
}

static void p15_grandchildren_die_with_a_destroyed_daemon(void **state)
{
    subject made;

    (void)state;
    start_tree(&made, true, true, 0);
    made.process = brood_process_destroy(made.process);
    assert_end(made.pipe[0]);
    support_close(made.pipe[0]);
}

static int hang(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    support_hang();
    return 0;
}

static int tell_of(brood_task *task, brood_function *function, const char *const *environment)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *grandchild = NULL;
    brood_handle handle = brood_task_handle(task, 0);
    int64_t pid = 0;

    options.environment = environment;
    options.handles = &handle;
    options.handle_count = 1;
    if (brood_process_start(&grandchild, function, NULL, 0, &options) != BROOD_OK) {
        return 1;
    }
    pid = brood_process_pid(grandchild);
    support_write(handle, &pid, sizeof pid);
    support_hang();
    return 0;
}

/* Only when asked: the leader tells the number of its child, which lives on. */
static int lead_and_tell(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    return tell_of(task, hang, NULL);
}

static int lead_one_that_stops(brood_task *task, const void *arg, size_t size)
{
    static const char *const environment[] = {STOP "=1", NULL};

    (void)arg;
    (void)size;
    return tell_of(task, say_and_hang, environment);
}

static void p15_grandchildren_live_on_when_not_asked(void **state)
{
    subject made;
    int64_t pid = 0;

    (void)state;
    start_subject(&made, lead_and_tell, NULL);
    assert_int_equal(support_read(made.pipe[0], &pid, sizeof pid), sizeof pid);
    assert_ok(brood_process_kill(made.process));
    assert_ends_by(made.process, BROOD_EXIT_KILLED);
    assert_true(support_is_running(pid));
    support_kill(pid);
    assert_end(made.pipe[0]);
    end_subject(&made);
}

/* Its parent has ended, but is not reaped: the grandchild must not take itself for a program. */
static void p15_a_grandchild_begins_when_its_parent_has_ended(void **state)
{
    subject made;
    int64_t pid = 0;

    (void)state;
    if (support_parent_of(support_pid()) < 0) {
        harness_skip("the system does not tell whose child a process is");
    }
    start_subject(&made, lead_one_that_stops, NULL);
    assert_int_equal(support_read(made.pipe[0], &pid, sizeof pid), sizeof pid);
    support_kill(brood_process_pid(made.process));
    while (support_parent_of(pid) == brood_process_pid(made.process)) {
        support_yield();
    }
    do { /* it may not have come to its stop yet */
        assert_true(support_is_running(pid));
        support_signal(pid, "CONT");
    } while (!support_wait_handle(made.pipe[0], 10));
    assert_byte(made.pipe[0]);
    support_kill(pid);
    assert_end(made.pipe[0]);
    assert_ends_by(made.process, BROOD_EXIT_SIGNAL);
    end_subject(&made);
}

/* Leads its group no more, and is nobody's leader. */
static int leave_the_group(brood_task *task, const void *arg, size_t size)
{
    return support_join_parents_group() ? say_and_hang(task, arg, size) : 1;
}

static void p15_a_leader_that_left_its_group_dies(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    subject made;

    (void)state;
    if (support_is_windows()) {
        harness_skip("a process cannot leave its job");
    }
    options.kill_tree = true;
    start_subject(&made, leave_the_group, &options);
    assert_byte(made.pipe[0]);
    assert_ok(brood_process_kill(made.process));
    if (brood_process_join(made.process, SOON_MS) != BROOD_OK) {
        support_kill(brood_process_pid(made.process)); /* nobody else would */
        fail_msg("it lives");
    }
    assert_ends_by(made.process, BROOD_EXIT_KILLED);
    end_subject(&made);
}

static int as_command(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--ignore") == 0) {
        support_ignore_terminate();
        support_write(support_stdio(1), "x", 1);
        support_hang();
    }
    return -1;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(p5_terminate_right_after_the_start),
    cmocka_unit_test(p5_kill_right_after_the_start),
    cmocka_unit_test(p5_terminate_before_brood_init),
    cmocka_unit_test(p5_destroy_a_daemon_before_brood_init),
    cmocka_unit_test(p6_a_child_that_ignores_the_question_is_killed),
    cmocka_unit_test(p6_no_grace_is_a_kill),
    cmocka_unit_test(p6_a_child_that_does_not_resist_was_terminated),
    cmocka_unit_test(p6_a_handler_of_the_child_is_called),
    cmocka_unit_test(p6_the_grace_is_kept_without_descriptors),
    cmocka_unit_test(p6_a_command_that_ignores_the_question_is_killed),
    cmocka_unit_test(p6_a_question_after_a_kill_changes_nothing),
    cmocka_unit_test(ending_one_that_has_ended_is_fine),
    cmocka_unit_test(a_process_that_runs_for_too_long_is_killed),
    cmocka_unit_test(each_process_has_its_own_time),
    cmocka_unit_test(p15_grandchildren_die_with_a_kill),
    cmocka_unit_test(p15_grandchildren_die_after_their_leader_was_terminated),
    cmocka_unit_test(p15_grandchildren_die_while_others_look),
    cmocka_unit_test(p15_grandchildren_die_with_a_time_out),
    cmocka_unit_test(p15_grandchildren_die_with_a_destroyed_daemon),
    cmocka_unit_test(p15_grandchildren_live_on_when_not_asked),
    cmocka_unit_test(p15_a_grandchild_begins_when_its_parent_has_ended),
    cmocka_unit_test(p15_a_leader_that_left_its_group_dies),
};

int main(int argc, char **argv)
{
    int code = 0;

    if (getenv(STALL) != NULL) {
        support_hang();
    }
    if (getenv(STOP) != NULL) {
        support_signal(support_pid(), "STOP");
    }
    code = brood_init(argc, argv) == BROOD_OK ? as_command(argc, argv) : 3;
    return code >= 0 ? code : harness_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
