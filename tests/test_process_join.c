/* P4: joining twice, from two threads, with a time-out, with none. */
#include "harness.h"

#define JOINERS 8
#define ROUNDS 5

/* A child that waits until the other end of its pipe is closed. */
typedef struct waiting_child {
    brood_process *process;
    intptr_t gate[2];
} waiting_child;

static int wait_at_gate(brood_task *task, const void *arg, size_t size)
{
    char byte = 0;

    (void)arg;
    (void)size;
    return support_read(brood_task_handle(task, 0), &byte, 1) == 0 ? 5 : 6;
}

static void start_waiting(waiting_child *child)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;

    assert_true(support_pipe(child->gate));
    options.handles = &child->gate[0];
    options.handle_count = 1;
    assert_ok(brood_process_start(&child->process, wait_at_gate, NULL, 0, &options));
    support_close(child->gate[0]);
}

static void open_gate(waiting_child *child)
{
    support_close(child->gate[1]);
}

static void p4_join_twice(void **state)
{
    waiting_child child;

    (void)state;
    start_waiting(&child);
    open_gate(&child);
    assert_ends(child.process, BROOD_EXIT_CODE, 5);
    assert_ok(brood_process_join(child.process, BROOD_FOREVER));
    assert_ok(brood_process_join(child.process, 0));
    assert_ends(child.process, BROOD_EXIT_CODE, 5);
    brood_process_destroy(child.process);
}

static void p4_join_with_a_time_out(void **state)
{
    waiting_child child;

    (void)state;
    start_waiting(&child);
    assert_status(brood_process_join(child.process, 50), BROOD_ERR_TIMEOUT);
    assert_true(brood_process_is_alive(child.process));
    open_gate(&child);
    assert_ends(child.process, BROOD_EXIT_CODE, 5);
    brood_process_destroy(child.process);
}

static void p4_join_with_zero_does_not_wait(void **state)
{
    waiting_child child;

    (void)state;
    start_waiting(&child);
    assert_status(brood_process_join(child.process, 0), BROOD_ERR_TIMEOUT);
    open_gate(&child);
    assert_ends(child.process, BROOD_EXIT_CODE, 5);
    assert_ok(brood_process_join(child.process, 0));
    brood_process_destroy(child.process);
}

static void p4_join_with_the_longest_time_out(void **state)
{
    waiting_child child;

    (void)state;
    start_waiting(&child);
    open_gate(&child);
    assert_ok(brood_process_join(child.process, INT64_MAX));
    assert_ends(child.process, BROOD_EXIT_CODE, 5);
    brood_process_destroy(child.process);
}

/* A thread that joins, with statuses to compare later: cmocka asserts in the main thread only. */
typedef struct joiner {
    brood_process *process;
    intptr_t there; /* says that the thread is about to join */
    brood_status status;
    brood_exit_info info;
} joiner;

static void join_in_thread(void *data)
{
    joiner *self = data;

    support_write(self->there, "x", 1);
    self->status = brood_process_join(self->process, SOON_MS);
    brood_process_exit_info(self->process, &self->info);
}

static void join_from_many_threads(void)
{
    waiting_child child;
    joiner joiners[JOINERS];
    support_thread *threads[JOINERS];
    intptr_t there[2];

    start_waiting(&child);
    assert_true(support_pipe(there));
    for (int i = 0; i < JOINERS; i++) {
        joiners[i] = (joiner){child.process, there[1], BROOD_ERR_STATE, BROOD_EXIT_INFO_INIT};
        threads[i] = support_thread_start(join_in_thread, &joiners[i]);
    }
    for (int i = 0; i < JOINERS; i++) {
        assert_byte(there[0]);
    }
    open_gate(&child);
    for (int i = 0; i < JOINERS; i++) {
        support_thread_join(threads[i]);
        assert_ok(joiners[i].status);
        assert_int_equal(joiners[i].info.reason, BROOD_EXIT_CODE);
        assert_int_equal(joiners[i].info.code, 5);
    }
    brood_process_destroy(child.process);
    support_close(there[0]);
    support_close(there[1]);
}

static void p4_join_from_many_threads(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        join_from_many_threads();
    }
}

static void p4_a_join_in_a_thread_sees_a_kill_from_another(void **state)
{
    waiting_child child;
    joiner other;
    support_thread *thread = NULL;
    intptr_t there[2];

    (void)state;
    start_waiting(&child);
    assert_true(support_pipe(there));
    other = (joiner){child.process, there[1], BROOD_ERR_STATE, BROOD_EXIT_INFO_INIT};
    thread = support_thread_start(join_in_thread, &other);
    assert_byte(there[0]);
    assert_ok(brood_process_kill(child.process));
    support_thread_join(thread);
    assert_ok(other.status);
    assert_int_equal(other.info.reason, BROOD_EXIT_KILLED);
    open_gate(&child);
    brood_process_destroy(child.process);
    support_close(there[0]);
    support_close(there[1]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(p4_join_twice),
    cmocka_unit_test(p4_join_with_a_time_out),
    cmocka_unit_test(p4_join_with_zero_does_not_wait),
    cmocka_unit_test(p4_join_with_the_longest_time_out),
    cmocka_unit_test(p4_join_from_many_threads),
    cmocka_unit_test(p4_a_join_in_a_thread_sees_a_kill_from_another),
};

BROOD_TEST_MAIN(tests)
