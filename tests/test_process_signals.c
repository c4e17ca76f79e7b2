/* brood's own threads take no signal that is for the program's. */
#include "harness.h"

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

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_child_that_waits_for_the_question_gets_it),
    cmocka_unit_test(a_daemon_that_waits_for_the_question_gets_it),
    cmocka_unit_test(a_daemon_finds_the_question_when_it_looks),
    cmocka_unit_test(a_parent_that_waits_for_a_signal_gets_it),
};

BROOD_TEST_MAIN(tests)
