/*
 * S1, S2, S4, S8, S9: a parent ends, in whatever way, and nothing of it is left.
 *
 * The parent that ends is a process in the middle: a child of the test, which starts children of
 * its own. All of them have its stdout, a pipe to the test, so its end tells that the last one has
 * gone; and its stdin, another pipe, by which the test talks to whoever lives.
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "platform.h"

#define VANISH_MS 2000 /* what process.h promises */
#define ROUNDS 12
#define ARG_BYTES (1024 * 1024)
#define STARTED_LINES 6

/* ---- the children's functions: they say that they are there, then do something ------------- */

static void say(char byte)
{
    putchar(byte);
    fflush(stdout);
}

static int be_idle(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    say('i');
    support_hang();
    return 0;
}

static int be_busy(brood_task *task, const void *arg, size_t size)
{
    volatile unsigned number = 1;

    (void)task;
    (void)arg;
    (void)size;
    say('b');
    while (number != 0) {
        number |= 1;
    }
    return 0;
}

/* Ends when stdin does, and says every byte of it. */
static int be_an_echo(brood_task *task, const void *arg, size_t size)
{
    int byte = 0;

    (void)task;
    (void)arg;
    (void)size;
    say('e');
    while ((byte = getchar()) != EOF) {
        say((char)byte);
    }
    return 0;
}

/* As a daemon does that knows of no library, and opens files at once, which are always ready. */
static int be_an_echo_that_closed_all(brood_task *task, const void *arg, size_t size)
{
    brood_handle null = BROOD_HANDLE_NONE;

    if (brood_os_null_open(&null, NULL) != BROOD_OK) {
        return 1;
    }
    support_replace_handles(null);
    return be_an_echo(task, arg, size);
}

static int have_a_child(brood_task *task, const void *arg, size_t size)
{
    brood_process *process = NULL;

    (void)task;
    (void)arg;
    (void)size;
    if (brood_process_start(&process, be_idle, NULL, 0, NULL) != BROOD_OK) {
        return 1;
    }
    support_hang();
    return 0;
}

/* ---- the process in the middle ------------------------------------------------------------- */

typedef enum what {
    IDLE,
    BUSY,
    ECHO,
    TREE,
    BEFORE_INIT,
    LARGE_ARGUMENT,
    CLOSED_ALL
} what;

typedef enum ending {
    STAY,
    RETURN,
    EXIT,
    EXIT_AT_ONCE
} ending;

typedef struct orders {
    what child;
    bool daemon;
    bool endless; /* starts one after the other until it is killed */
    bool in_thread;
    bool in_namespace; /* the child, not the middle */
    ending end;
} orders;

static brood_status start_child(const orders *given)
{
    static brood_function *const functions[] = {
        be_idle, be_busy, be_an_echo, have_a_child, NULL, be_idle, be_an_echo_that_closed_all};
    static char argument[ARG_BYTES];
    static const char *const environment[] = {"HELPER_BEFORE=wait", NULL};
    static brood_process *process; /* nobody destroys it, and no sanitizer may miss it */
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;

    options.daemon = given->daemon;
    options.kill_tree = given->child == TREE;
    if (given->child == BEFORE_INIT) {
        options.executable = HELPER_CHILD;
        options.function_name = "idle";
        options.environment = environment;
    }
    return brood_process_start(&process, functions[given->child], argument,
                               given->child == LARGE_ARGUMENT ? sizeof argument : 0, &options);
}

static void start_in_thread(void *data)
{
    start_child(data);
}

static int be_the_middle(brood_task *task, const void *arg, size_t size)
{
    orders given;

    (void)task;
    (void)size;
    memcpy(&given, arg, sizeof given);
    if (given.in_namespace && !support_leave_pid_namespace()) {
        return 1;
    }
    if (given.in_thread) {
        support_thread_join(support_thread_start(start_in_thread, &given));
    } else if (start_child(&given) != BROOD_OK) {
        return 1;
    }
    while (given.endless) {
        if (start_child(&given) != BROOD_OK) {
            return 1;
        }
    }
    say('m');
    if (given.end == STAY) {
        support_hang();
    } else if (given.end == EXIT_AT_ONCE) {
        support_exit_at_once(3);
    } else if (given.end == EXIT) {
        exit(3);
    }
    return 3;
}

static brood_process *start_middle(const orders *given)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    options.stdin_to.mode = BROOD_STDIO_PIPE;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    assert_ok(brood_process_start(&process, be_the_middle, given, sizeof *given, &options));
    return process;
}

/* ---- what the test sees -------------------------------------------------------------------- */

/* Waits for count bytes, each of one who has come to its function. */
static void await(brood_process *middle, size_t count)
{
    char bytes[64];

    while (count > 0) {
        size_t got = 0;

        assert_ok(brood_process_read(middle, BROOD_STDOUT, bytes,
                                     count < sizeof bytes ? count : sizeof bytes, &got, SOON_MS));
        count -= got;
    }
}

/*
 * The end of the stream comes when nobody has its other end any more. Wine and sanitizers on a
 * busy machine are not held to the two seconds; who would survive them does so for ever.
 */
static void assert_nobody_is_left(brood_process *middle)
{
    bool is_slow = support_is_wine() || support_is_sanitized();
    int64_t limit_ms = is_slow ? SOON_MS : VANISH_MS;
    brood_status status = BROOD_OK;
    char bytes[512];
    size_t got = 0;

    while (status == BROOD_OK) {
        status = brood_process_read(middle, BROOD_STDOUT, bytes, sizeof bytes, &got, limit_ms);
    }
    assert_status(status, BROOD_ERR_CLOSED);
}

static void expect_echo(brood_process *middle, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        assert_ok(brood_process_write(middle, "x", 1, NULL, SOON_MS));
        await(middle, 1);
    }
}

static void kill_middle(brood_process *middle)
{
    assert_ok(brood_process_kill(middle));
    assert_ok(brood_process_join(middle, SOON_MS));
}

/* ---- S1: the parent is killed -------------------------------------------------------------- */

static void expect_gone_after_kill(const orders *given)
{
    brood_process *middle = start_middle(given);

    await(middle, 2); /* the child, and the middle */
    kill_middle(middle);
    assert_nobody_is_left(middle);
    brood_process_destroy(middle);
}

static void s1_parent_killed_while_the_child_is_idle(void **state)
{
    const orders given = {.child = IDLE, .daemon = true};

    (void)state;
    expect_gone_after_kill(&given);
}

static void s1_parent_killed_while_the_child_is_busy(void **state)
{
    const orders given = {.child = BUSY, .daemon = true};

    (void)state;
    expect_gone_after_kill(&given);
}

static void s1_parent_killed_and_a_tree_ends(void **state)
{
    const orders given = {.child = TREE, .daemon = true};

    (void)state;
    expect_gone_after_kill(&given);
}

/* Somewhere in a start: in it the middle is all the time, a little later in each round. */
static void s1_parent_killed_while_it_starts_children(void **state)
{
    const orders given = {.child = IDLE, .daemon = true, .endless = true};

    (void)state;
    if (support_is_wine()) { /* seen as "wine64" in anon_pipe_read, before it is any program */
        harness_skip("Wine's loader waits for ever when its parent dies within CreateProcess");
    }
    for (size_t round = 0; round < ROUNDS; round++) {
        brood_process *middle = start_middle(&given);

        await(middle, 1 + round % STARTED_LINES);
        kill_middle(middle);
        assert_nobody_is_left(middle);
        brood_process_destroy(middle);
    }
}

/*
 * The child waits before brood_init until stdin ends, which the test does only when the parent is
 * gone; where the parent's end does not end such a child itself, brood_init must.
 */
static void s1_parent_killed_in_the_handshake(void **state)
{
    const orders given = {.child = BEFORE_INIT, .daemon = true};
    brood_process *middle = start_middle(&given);

    (void)state;
    await(middle, 1);
    kill_middle(middle);
    assert_ok(brood_process_close_stdin(middle));
    assert_nobody_is_left(middle);
    brood_process_destroy(middle);
}

static void s1_a_child_that_is_no_daemon_lives_on(void **state)
{
    const orders given = {.child = ECHO, .daemon = false};
    brood_process *middle = start_middle(&given);

    (void)state;
    await(middle, 2);
    kill_middle(middle);
    expect_echo(middle, 3);
    assert_ok(brood_process_close_stdin(middle));
    assert_nobody_is_left(middle);
    brood_process_destroy(middle);
}

/* Other things at the numbers of what is the library's say nothing about the parent. */
static void r16_a_child_that_closed_all_lives_until_its_parent_ends(void **state)
{
    const orders given = {.child = CLOSED_ALL, .daemon = true};

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        brood_process *middle = start_middle(&given);

        await(middle, 2);
        expect_echo(middle, 20);
        kill_middle(middle);
        assert_nobody_is_left(middle);
        brood_process_destroy(middle);
    }
}

static int close_all_and_hang(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    support_close_everything();
    support_hang();
    return 0;
}

static void r16_a_child_that_closed_all_can_be_asked_to_end(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    (void)state;
    options.daemon = true;
    assert_ok(brood_process_start(&process, close_all_and_hang, NULL, 0, &options));
    assert_status(brood_process_join(process, 500), BROOD_ERR_TIMEOUT);
    assert_ok(brood_process_terminate(process, SOON_MS));
    assert_ends_by(process, BROOD_EXIT_TERMINATED);
    brood_process_destroy(process);
}

static int try_to_leave(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return support_leave_pid_namespace() ? 0 : 1;
}

/* The child does not know its parent's number, nor the parent the child's own. */
static void r5_a_parent_outside_of_the_pid_namespace(void **state)
{
    const orders given = {.child = ECHO, .daemon = true, .in_namespace = true};
    brood_process *process = NULL;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;

    (void)state;
    if (support_is_sanitized()) {
        harness_skip(
            "LeakSanitizer starts a process at exit, which would be the namespace's first");
    }
    assert_ok(brood_process_start(&process, try_to_leave, NULL, 0, NULL));
    assert_ok(brood_process_join(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, &info));
    brood_process_destroy(process);
    if (info.code != 0) {
        harness_skip("no PID namespace can be made here");
    }
    process = start_middle(&given);
    await(process, 2);
    expect_echo(process, 20);
    kill_middle(process);
    assert_nobody_is_left(process);
    brood_process_destroy(process);
}

/* Tells the numbers of a daemon and of a copy of itself, which has all that it has. */
static int start_and_copy(brood_task *task, const void *arg, size_t size)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    int64_t numbers[2] = {0, 0};

    (void)arg;
    (void)size;
    options.daemon = true;
    if (brood_process_start(&process, be_idle, NULL, 0, &options) != BROOD_OK) {
        return 1;
    }
    numbers[0] = brood_process_pid(process);
    numbers[1] = support_fork_hanging();
    support_write(brood_task_handle(task, 0), numbers, sizeof numbers);
    support_hang();
    return 0;
}

/* The copy keeps the channel to the daemon open. */
static void s1_parent_killed_and_a_copy_of_it_lives_on(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    int64_t numbers[2] = {0, 0};
    intptr_t ends[2];
    bool is_gone = false;

    (void)state;
    if (support_is_windows() || !support_can_watch_any()) {
        harness_skip("no plain copy of a process, or no way to hear of a parent's end");
    }
    assert_true(support_pipe(ends));
    options.stdout_to.mode = BROOD_STDIO_NULL;
    options.handles = &ends[1];
    options.handle_count = 1;
    assert_ok(brood_process_start(&process, start_and_copy, NULL, 0, &options));
    support_close(ends[1]);
    assert_int_equal(support_read(ends[0], numbers, sizeof numbers), sizeof numbers);
    support_close(ends[0]);
    assert_true(support_is_running(numbers[0]));
    assert_ok(brood_process_kill(process));
    is_gone = support_wait_gone(numbers[0], VANISH_MS);
    support_kill(numbers[1]);
    assert_true(support_wait_gone(numbers[1], SOON_MS));
    assert_true(is_gone);
    assert_ends_by(process, BROOD_EXIT_KILLED);
    brood_process_destroy(process);
}

/* ---- S2: the thread that started it ends --------------------------------------------------- */

static void s2_the_starting_thread_ends(void **state)
{
    const orders given = {.child = ECHO, .daemon = true, .in_thread = true};
    brood_process *middle = start_middle(&given);

    (void)state;
    await(middle, 2); /* the middle speaks when its thread has ended */
    for (int i = 0; i < 3; i++) {
        assert_ok(brood_process_write(middle, "x", 1, NULL, SOON_MS));
        await(middle, 1);
    }
    kill_middle(middle);
    assert_nobody_is_left(middle);
    brood_process_destroy(middle);
}

/* ---- S4: the parent ends by itself --------------------------------------------------------- */

static void expect_gone_after(ending end)
{
    static const what children[] = {IDLE, BUSY, TREE};

    for (size_t i = 0; i < sizeof children / sizeof children[0]; i++) {
        const orders given = {.child = children[i], .daemon = true, .end = end};
        brood_process *middle = start_middle(&given);

        assert_ends(middle, BROOD_EXIT_CODE, 3);
        assert_nobody_is_left(middle);
        brood_process_destroy(middle);
    }
}

static void s4_the_parent_returns_without_closing(void **state)
{
    (void)state;
    expect_gone_after(RETURN);
}

static void s4_the_parent_calls_exit(void **state)
{
    (void)state;
    expect_gone_after(EXIT);
}

static void s4_the_parent_ends_at_once(void **state)
{
    (void)state;
    expect_gone_after(EXIT_AT_ONCE);
}

/* ---- S8: a container ----------------------------------------------------------------------- */

static void s8_the_parent_is_the_first_process(void **state)
{
#if defined(HELPER_PID1)
    const char *allowed[] = {"unshare", "--pid", "--fork", "--mount-proc", "true", NULL};
    const char *argv[] = {"unshare", "--pid", "--fork", "--mount-proc", HELPER_PID1, NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;

    (void)state;
    options.stderr_to.mode = BROOD_STDIO_NULL;
    if (brood_command_start(&process, allowed, &options) != BROOD_OK) {
        harness_skip("there is no program unshare");
    }
    assert_ok(brood_process_join(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, &info));
    brood_process_destroy(process);
    if (info.reason != BROOD_EXIT_CODE || info.code != 0) {
        harness_skip("a new PID namespace is not permitted");
    }
    assert_ok(brood_command_start(&process, argv, NULL));
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
#else
    (void)state;
    harness_skip("only Linux has PID namespaces");
#endif
}

/* ---- S9: nothing is left behind ------------------------------------------------------------ */

/* Whether every line of the second list is in the first. */
static bool is_nothing_new(const char *before, const char *after)
{
    while (*after != '\0') {
        size_t length = strcspn(after, "\n") + 1;
        char line[1024];

        snprintf(line, sizeof line, "%.*s", (int)length, after);
        if (strstr(before, line) == NULL) {
            return false;
        }
        after += length;
    }
    return true;
}

/* Other tests run meanwhile, and have names in the same places for a moment. */
static void assert_nothing_new(const char *before, const char *directory)
{
    int64_t deadline = brood_os_now() + VANISH_MS * INT64_C(1000000);
    bool is_clean = false;

    while (!is_clean && brood_os_now() < deadline) {
        char *after = support_list_leftovers(directory);

        is_clean = is_nothing_new(before, after);
        if (!is_clean && brood_os_now() >= deadline) {
            print_error("before:\n%safter:\n%s", before, after);
        }
        free(after);
    }
    assert_true(is_clean);
}

/* The middle gives a child an argument that goes by shared memory, and is killed. */
static void s9_a_killed_parent_leaves_nothing(void **state)
{
    const orders given = {.child = LARGE_ARGUMENT, .daemon = true};
    char directory[1024];
    char *before = NULL;
    brood_process *middle = NULL;

    (void)state;
    support_make_directory(directory, sizeof directory);
    support_set_environment("TMPDIR", directory);
    support_set_environment("TEMP", directory);
    support_set_environment("TMP", directory);
    before = support_list_leftovers(directory);
    middle = start_middle(&given);
    await(middle, 2);
    kill_middle(middle);
    assert_nobody_is_left(middle);
    brood_process_destroy(middle);
    assert_nothing_new(before, directory);
    free(before);
    support_remove_tree(directory);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(s1_parent_killed_while_the_child_is_idle),
    cmocka_unit_test(s1_parent_killed_while_the_child_is_busy),
    cmocka_unit_test(s1_parent_killed_and_a_tree_ends),
    cmocka_unit_test(s1_parent_killed_while_it_starts_children),
    cmocka_unit_test(s1_parent_killed_in_the_handshake),
    cmocka_unit_test(s1_a_child_that_is_no_daemon_lives_on),
    cmocka_unit_test(s1_parent_killed_and_a_copy_of_it_lives_on),
    cmocka_unit_test(r16_a_child_that_closed_all_lives_until_its_parent_ends),
    cmocka_unit_test(r16_a_child_that_closed_all_can_be_asked_to_end),
    cmocka_unit_test(r5_a_parent_outside_of_the_pid_namespace),
    cmocka_unit_test(s2_the_starting_thread_ends),
    cmocka_unit_test(s4_the_parent_returns_without_closing),
    cmocka_unit_test(s4_the_parent_calls_exit),
    cmocka_unit_test(s4_the_parent_ends_at_once),
    cmocka_unit_test(s8_the_parent_is_the_first_process),
    cmocka_unit_test(s9_a_killed_parent_leaves_nothing),
};

BROOD_TEST_MAIN(tests)
