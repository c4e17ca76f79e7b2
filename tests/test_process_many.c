/* P11, P12: many starts leave nothing; starts at once do not mix their handles. */
#include "harness.h"

#include <stdlib.h>

#include "platform.h"

#define THREADS 32
#define FEW 100

static int nothing(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return 0;
}

static void start_and_join(int count)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;

    options.name = "one of many";
    for (int i = 0; i < count; i++) {
        brood_process *process = NULL;

        options.stdout_to.mode = i % 2 == 0 ? BROOD_STDIO_PIPE : BROOD_STDIO_NULL;
        options.timeout_ms = i % 3 == 0 ? SOON_MS : 0;
        options.kill_tree = i % 5 == 0;
        options.daemon = i % 7 == 0;
        assert_ok(brood_process_start(&process, nothing, NULL, 0, &options));
        assert_ok(brood_process_join(process, SOON_MS));
        brood_process_destroy(process);
    }
}

static void p11_a_thousand_starts_leave_nothing(void **state)
{
    int count = support_is_wine() ? 100 : support_is_sanitized() ? 200 : 1000;
    size_t handles = 0;
    size_t memory = 0;

    (void)state;
    start_and_join(FEW); /* what is allocated once is there after these */
    handles = brood_os_handle_count();
    memory = support_memory_used();
    start_and_join(count);
    assert_int_equal(brood_os_handle_count(), handles);
    assert_false(support_has_children());
    if (!support_is_sanitized()) { /* whose allocators keep what is freed */
        assert_true(support_memory_used() < memory + ((size_t)1 << 20));
    }
}

/* Destroyed while they run, and reaped later by whoever starts the next one. */
static void p11_abandoned_processes_leave_nothing(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *last = NULL;
    int64_t pids[20];

    (void)state;
    for (int i = 0; i < 20; i++) {
        brood_process *process = NULL;

        assert_ok(brood_process_start(&process, nothing, NULL, 0, &options));
        pids[i] = brood_process_pid(process);
        brood_process_destroy(process);
    }
    for (int i = 0; i < 20; i++) {
        assert_true(support_wait_gone(pids[i], SOON_MS));
    }
    assert_ok(brood_process_start(&last, nothing, NULL, 0, &options));
    assert_ends(last, BROOD_EXIT_CODE, 0);
    brood_process_destroy(last);
}

/* A program that starts nothing more leaves none of them behind. */
static void p11_a_destroy_reaps_those_that_were_abandoned(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *last = NULL;
    brood_process *process = NULL;
    int64_t pid = 0;

    (void)state;
    assert_ok(brood_process_start(&last, nothing, NULL, 0, &options));
    assert_ends(last, BROOD_EXIT_CODE, 0);
    assert_ok(brood_process_start(&process, nothing, NULL, 0, &options));
    pid = brood_process_pid(process);
    brood_process_destroy(process);
    assert_true(support_wait_gone(pid, SOON_MS));
    brood_process_destroy(last);
    assert_false(support_has_children());
}

/* ---- P12 --------------------------------------------------------------------------------- */

/* Sends its number to its own pipe, closes that, and lives until the gate is closed. */
static int say_number(brood_task *task, const void *arg, size_t size)
{
    int expected = 4; /* three passed handles, and the channel */
    int open = support_count_open();
    char byte = 0;

    if (open >= 0 && open != expected) {
        return 50 + open;
    }
    if (support_write(brood_task_handle(task, 0), arg, size) != (long)size) {
        return 1;
    }
    support_close(brood_task_handle(task, 0));
    support_close(brood_task_handle(task, 2));
    return support_read(brood_task_handle(task, 1), &byte, 1) == 0 ? 0 : 2;
}

typedef struct starter {
    int number;
    intptr_t pipe[2]; /* the child's own */
    intptr_t trap[2]; /* inheritable: a system that passes all of these passes it to everybody */
    intptr_t gate;    /* ends when all may leave */
    intptr_t whistle; /* a byte for each thread: now */
    brood_status status;
    brood_process *process;
} starter;

static void start_at_the_whistle(void *data)
{
    starter *self = data;
    brood_handle handles[3] = {self->pipe[1], self->gate, self->trap[1]};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    char byte = 0;

    options.handles = handles;
    options.handle_count = 3;
    if (support_read(self->whistle, &byte, 1) != 1) {
        return;
    }
    self->status = brood_process_start(&self->process, say_number, &self->number,
                                       sizeof self->number, &options);
    support_close(self->pipe[1]);
    support_close(self->trap[1]);
}

static void prepare(starter *made, int number, intptr_t gate, intptr_t whistle)
{
    *made = (starter){.number = number, .gate = gate, .whistle = whistle};
    made->status = BROOD_ERR_STATE;
    assert_true(support_pipe(made->pipe));
    assert_true(support_pipe(made->trap));
    support_make_inheritable(made->trap[0]);
    support_make_inheritable(made->trap[1]);
}

/* While all children live, each pipe has the number of its own child, and then ends. */
static void check_pipes(const starter *made)
{
    int number = -1;

    assert_ok(made->status);
    assert_int_equal(support_read(made->pipe[0], &number, sizeof number), sizeof number);
    assert_int_equal(number, made->number);
    assert_end(made->pipe[0]);
    assert_end(made->trap[0]);
}

static void p12_starts_from_many_threads_inherit_nothing_foreign(void **state)
{
    static starter starters[THREADS];
    support_thread *threads[THREADS];
    char bytes[THREADS] = {0};
    intptr_t gate[2];
    intptr_t whistle[2];

    (void)state;
    assert_true(support_pipe(gate));
    assert_true(support_pipe(whistle));
    for (int i = 0; i < THREADS; i++) {
        prepare(&starters[i], i, gate[0], whistle[0]);
        threads[i] = support_thread_start(start_at_the_whistle, &starters[i]);
    }
    assert_int_equal(support_write(whistle[1], bytes, THREADS), THREADS);
    for (int i = 0; i < THREADS; i++) {
        support_thread_join(threads[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        check_pipes(&starters[i]);
    }
    support_close(gate[1]);
    for (int i = 0; i < THREADS; i++) {
        assert_ends(starters[i].process, BROOD_EXIT_CODE, 0);
        brood_process_destroy(starters[i].process);
        support_close(starters[i].pipe[0]);
        support_close(starters[i].trap[0]);
    }
    support_close(gate[0]);
    support_close(whistle[0]);
    support_close(whistle[1]);
}

/* A command gets stdio, what was passed, and nothing else. */
static void p12_a_command_inherits_nothing_foreign(void **state)
{
    const char *argv[] = {harness_self, "--count-open", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    intptr_t trap[2];

    (void)state;
    assert_true(support_pipe(trap));
    support_make_inheritable(trap[0]);
    support_make_inheritable(trap[1]);
    options.stdin_to.mode = BROOD_STDIO_PIPE;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    assert_ok(brood_command_start(&process, argv, &options));
    support_close(trap[1]);
    assert_end(trap[0]); /* while it lives: it waits for the end of its stdin */
    support_close(trap[0]);
    assert_ok(brood_process_close_stdin(process));
    assert_ends(process, BROOD_EXIT_CODE, support_is_windows() ? 99 : 0);
    brood_process_destroy(process);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(p11_a_thousand_starts_leave_nothing),
    cmocka_unit_test(p11_abandoned_processes_leave_nothing),
    cmocka_unit_test(p11_a_destroy_reaps_those_that_were_abandoned),
    cmocka_unit_test(p12_starts_from_many_threads_inherit_nothing_foreign),
    cmocka_unit_test(p12_a_command_inherits_nothing_foreign),
};

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--count-open") == 0) {
        int open = support_count_open();
        char byte = 0;

        return support_read(support_stdio(0), &byte, 1) != 0 ? 98 : open < 0 ? 99 : open;
    }
    if (brood_init(argc, argv) != BROOD_OK) {
        return 3;
    }
    return harness_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
