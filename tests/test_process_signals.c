/* brood takes no signal that is for the program, and raises none in it. */
#include "harness.h"

#include "base/atomic.h"

#define ROUNDS 10 /* a thread that takes a signal may be late for it */

/* The way of a program whose main thread waits for signals. */
static int wait_to_be_asked(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    support_block_signal("TERM");
    support_write(brood_task_handle(task, 0), "x", 1);
    return support_take_signal("TERM") ? 7 : 1;
}

static void expect_the_question(bool daemon)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    intptr_t there[2];

    if (support_is_windows()) {
        harness_skip("Windows has no signals between processes");
    }
    assert_true(support_pipe(there));
    options.daemon = daemon;
    options.handles = &there[1];
    options.handle_count = 1;
    assert_ok(brood_process_start(&process, wait_to_be_asked, NULL, 0, &options));
    support_close(there[1]);
    assert_byte(there[0]);
    assert_ok(brood_process_terminate(process, SOON_MS));
    assert_ends(process, BROOD_EXIT_CODE, 7);
    support_close(there[0]);
    brood_process_destroy(process);
}

static void a_child_that_waits_for_the_question_gets_it(void **state)
{
    (void)state;
    expect_the_question(false);
}

static void a_daemon_that_waits_for_the_question_gets_it(void **state)
{
    (void)state;
    expect_the_question(true);
}

/* Takes it only when it is let: until then there is no thread that wants it. */
static int take_it_later(brood_task *task, const void *arg, size_t size)
{
    char byte = 0;

    (void)arg;
    (void)size;
    support_block_signal("TERM");
    support_write(brood_task_handle(task, 0), "x", 1);
    support_read(brood_task_handle(task, 1), &byte, 1);
    return support_take_signal("TERM") ? 7 : 1;
}

static void ask_before_it_looks(void)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    brood_handle handles[2];
    intptr_t there[2] = {-1, -1};
    intptr_t gate[2] = {-1, -1};

    assert_true(support_pipe(there) && support_pipe(gate));
    handles[0] = there[1];
    handles[1] = gate[0];
    options.daemon = true;
    options.handles = handles;
    options.handle_count = 2;
    assert_ok(brood_process_start(&process, take_it_later, NULL, 0, &options));
    support_close(there[1]);
    support_close(gate[0]);
    assert_byte(there[0]);
    support_signal(brood_process_pid(process), "TERM");
    support_close(gate[1]);
    assert_ends(process, BROOD_EXIT_CODE, 7);
    support_close(there[0]);
    brood_process_destroy(process);
}

static void a_daemon_finds_the_question_when_it_looks(void **state)
{
    (void)state;
    if (support_is_windows()) {
        harness_skip("Windows has no signals between processes");
    }
    for (int i = 0; i < ROUNDS; i++) {
        ask_before_it_looks();
    }
}

static int nothing(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return 0;
}

/* A parent with all threads that brood has: who ends by the signal is no use to a test. */
static int be_a_parent(brood_task *task, const void *arg, size_t size)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    int code = 0;

    (void)task;
    (void)arg;
    (void)size;
    options.timeout_ms = SOON_MS;
    if (brood_process_start(&process, nothing, NULL, 0, &options) != BROOD_OK) {
        return 1;
    }
    code = brood_process_join(process, SOON_MS) == BROOD_OK ? 0 : 2;
    support_block_signal("USR1");
    for (int i = 0; i < 100 && code == 0; i++) {
        support_signal(support_pid(), "USR1");
        code = support_take_signal("USR1") ? 0 : 3;
    }
    brood_process_destroy(process);
    return code;
}

static void a_parent_that_waits_for_a_signal_gets_it(void **state)
{
    brood_process *process = NULL;

    (void)state;
    if (support_is_windows()) {
        harness_skip("Windows has no signals between processes");
    }
    for (int i = 0; i < ROUNDS; i++) {
        assert_ok(brood_process_start(&process, be_a_parent, NULL, 0, NULL));
        assert_ends(process, BROOD_EXIT_CODE, 0);
        process = brood_process_destroy(process);
    }
}

/* ---- SIGPIPE ------------------------------------------------------------------------------- */

#define PIPE_ROUNDS 10000

static void say_there(brood_task *task)
{
    support_write(brood_task_handle(task, 0), "x", 1);
}

static int close_stdin(brood_task *task, const void *arg, size_t size)
{
    char byte = 0;

    (void)arg;
    (void)size;
    support_close(support_stdio(0));
    say_there(task);
    return (int)support_read(brood_task_handle(task, 1), &byte, 1);
}

static int read_stdin(brood_task *task, const void *arg, size_t size)
{
    char bytes[4096];

    (void)arg;
    (void)size;
    say_there(task);
    while (support_read(support_stdio(0), bytes, sizeof bytes) > 0) {
    }
    return 0;
}

/* A process that is written to, by another thread. */
typedef struct target {
    brood_process *process;
    intptr_t gate; /* the process lives until it is closed */
    brood_atomic32 is_over;
    brood_atomic32 writes;
} target;

static void start_target(target *to, brood_function *function)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    intptr_t there[2] = {-1, -1};
    intptr_t gate[2] = {-1, -1};
    brood_handle handles[2];

    assert_true(support_pipe(there) && support_pipe(gate));
    handles[0] = there[1];
    handles[1] = gate[0];
    options.handles = handles;
    options.handle_count = 2;
    options.stdin_to.mode = BROOD_STDIO_PIPE;
    *to = (target){.gate = gate[1]};
    assert_ok(brood_process_start(&to->process, function, NULL, 0, &options));
    support_close(there[1]);
    support_close(gate[0]);
    assert_byte(there[0]);
    support_close(there[0]);
}

static void end_target(target *to)
{
    brood_process_close_stdin(to->process);
    support_close(to->gate);
    assert_ends(to->process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(to->process);
}

/* Any thread that does not hold back SIGPIPE gets the one of a process. */
static void wait_at(void *data)
{
    char byte = 0;

    support_read(*(intptr_t *)data, &byte, 1);
}

static void mac1_a_write_that_nobody_reads_raises_nothing(void **state)
{
    intptr_t gate[2] = {-1, -1};
    support_thread *other = NULL;
    target to;
    size_t put = 0;

    (void)state;
    support_count_signal("PIPE");
    assert_true(support_pipe(gate));
    other = support_thread_start(wait_at, &gate[0]);
    start_target(&to, close_stdin);
    assert_status(brood_process_write(to.process, "x", 1, &put, SOON_MS), BROOD_ERR_CLOSED);
    assert_status(brood_process_communicate(to.process, "x", 1, NULL, NULL, 0), BROOD_ERR_TIMEOUT);
    end_target(&to);
    support_close(gate[1]);
    support_thread_join(other);
    support_close(gate[0]);
    assert_true(support_signals_counted() == 0);
}

static void write_on(void *data)
{
    target *to = data;

    while (brood_load32(&to->is_over) == 0) {
        brood_process_write(to->process, "x", 1, NULL, SOON_MS);
        brood_add32(&to->writes, 1);
    }
}

static support_thread *start_writer(target *to, brood_function *function)
{
    support_thread *writer = NULL;

    start_target(to, function);
    writer = support_thread_start(write_on, to);
    while (brood_load32(&to->writes) == 0) {
        support_yield();
    }
    return writer;
}

static void end_writer(target *to, support_thread *writer)
{
    brood_add32(&to->is_over, 1);
    support_thread_join(writer);
    end_target(to);
}

static void send_to_who_waits(brood_function *function)
{
    target to;
    support_thread *writer = start_writer(&to, function);

    for (int i = 0; i < PIPE_ROUNDS; i++) {
        support_signal(support_pid(), "PIPE");
        assert_true(support_take_signal("PIPE"));
    }
    end_writer(&to, writer);
}

static void r17_a_signal_that_others_send_is_left_to_who_waits_for_it(void **state)
{
    (void)state;
    if (support_is_windows()) {
        harness_skip("Windows has no SIGPIPE");
    }
    support_block_signal("PIPE");
    send_to_who_waits(read_stdin);
    send_to_who_waits(close_stdin);
}

static void send_to_a_handler(brood_function *function)
{
    uint64_t before = support_signals_counted();
    target to;
    support_thread *writer = start_writer(&to, function);

    for (uint64_t i = 1; i <= PIPE_ROUNDS; i++) {
        support_signal(support_pid(), "PIPE");
        while (support_signals_counted() < before + i) {
            support_yield();
        }
    }
    end_writer(&to, writer);
    assert_true(support_signals_counted() == before + PIPE_ROUNDS);
}

static void r17_each_signal_that_others_send_comes_once(void **state)
{
    (void)state;
    if (support_is_windows()) {
        harness_skip("Windows has no SIGPIPE");
    }
    support_count_signal("PIPE");
    send_to_a_handler(read_stdin);
    send_to_a_handler(close_stdin);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_child_that_waits_for_the_question_gets_it),
    cmocka_unit_test(a_daemon_that_waits_for_the_question_gets_it),
    cmocka_unit_test(a_daemon_finds_the_question_when_it_looks),
    cmocka_unit_test(a_parent_that_waits_for_a_signal_gets_it),
    cmocka_unit_test(mac1_a_write_that_nobody_reads_raises_nothing),
    cmocka_unit_test(r17_a_signal_that_others_send_is_left_to_who_waits_for_it),
    cmocka_unit_test(r17_each_signal_that_others_send_comes_once),
};

BROOD_TEST_MAIN(tests)
