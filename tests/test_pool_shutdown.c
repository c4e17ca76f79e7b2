/*
 * S1, S3, S4 for pools: the program that has the pool ends, in whatever way, or is interrupted.
 *
 * It is a process in the middle: a child of the test. Its workers have its stdout, a pipe to the
 * test, so its end tells that the last one has gone.
 */
#include "harness.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "platform.h"

#define VANISH_MS 2000 /* what process.h promises of daemons */
#define LARGE (2u << 20)
#define ROUNDS 10

/* ---- what the workers do ------------------------------------------------------------------- */

static void say(char byte)
{
    putchar(byte);
    fflush(stdout);
}

static int be_there(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    say('t');
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

static int give_large(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    say('l');
    return size == LARGE && brood_return_buffer(task, LARGE) != NULL ? 0 : 1;
}

/* ---- the process in the middle ------------------------------------------------------------- */

typedef enum phase {
    STARTING,  /* the workers come up */
    IDLE,      /* they have done their tasks */
    BUSY,      /* they will never end */
    FULL,      /* arguments and values fill the rings */
    ENDING,    /* it was closed and is not joined */
    CALLING,   /* it is in a callback */
    REPLACING, /* workers come and go */
    PHASES
} phase;

typedef enum ending {
    STAY,
    RETURN,
    EXIT,
    EXIT_AT_ONCE
} ending;

typedef struct orders {
    phase phase;
    ending end;
} orders;

static void call_for_ever(brood_result *result, void *user)
{
    (void)result;
    (void)user;
    say('c');
    support_hang();
}

/* How many bytes the test gets before all is as it should be. */
static const size_t bytes_of[PHASES] = {1, 3, 3, 2, 1, 3, 5};

static void fill_with_large(brood_pool *pool)
{
    static unsigned char large[LARGE];

    for (int i = 0; i < 20; i++) {
        brood_pool_apply_async(pool, NULL, give_large, large, sizeof large, NULL);
    }
}

static void make_pool(phase now)
{
    static brood_pool *pool; /* nobody destroys it, and no sanitizer may miss it */
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options task = BROOD_TASK_OPTIONS_INIT;

    options.workers = 2;
    options.max_tasks_per_worker = now == REPLACING ? 1 : 0;
    task.done = now == CALLING ? call_for_ever : NULL;
    if (brood_pool_create(&pool, &options) != BROOD_OK) {
        exit(1);
    }
    for (int i = 0; i < (now == REPLACING ? 50 : 2) && now != STARTING && now != FULL; i++) {
        brood_pool_apply_async(pool, NULL, now == BUSY ? be_busy : be_there, NULL, 0, &task);
    }
    if (now == FULL) {
        fill_with_large(pool);
    } else if (now == ENDING) {
        brood_pool_close(pool);
    }
}

static int be_the_middle(brood_task *task, const void *arg, size_t size)
{
    orders given;

    (void)task;
    (void)size;
    memcpy(&given, arg, sizeof given);
    make_pool(given.phase);
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

static brood_process *start_middle(brood_function *function, const void *arg, size_t size,
                                   bool leads_group)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    options.stdin_to.mode = BROOD_STDIO_PIPE;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    options.kill_tree = leads_group;
    assert_ok(brood_process_start(&process, function, arg, size, &options));
    return process;
}

/* ---- what the test sees -------------------------------------------------------------------- */

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

/* Wine and sanitizers on a busy machine are not held to the two seconds. */
static void assert_nobody_is_left(brood_process *middle)
{
    bool is_slow = support_is_wine() || support_is_sanitized();
    brood_status status = BROOD_OK;
    char bytes[512];
    size_t got = 0;

    while (status == BROOD_OK) {
        status = brood_process_read(middle, BROOD_STDOUT, bytes, sizeof bytes, &got,
                                    is_slow ? SOON_MS : VANISH_MS);
    }
    assert_status(status, BROOD_ERR_CLOSED);
    brood_process_destroy(middle);
}

static void expect_gone_after_kill(phase now, int rounds)
{
    const orders given = {now, STAY};

    if (support_is_wine() && (now == STARTING || now == REPLACING)) {
        harness_skip("Wine's loader waits for ever when its parent dies within CreateProcess");
    }
    for (int i = 0; i < rounds; i++) {
        brood_process *middle = start_middle(be_the_middle, &given, sizeof given, false);

        await(middle, bytes_of[now] + (size_t)(now == REPLACING ? i : 0));
        assert_ok(brood_process_kill(middle));
        assert_ok(brood_process_join(middle, SOON_MS));
        assert_nobody_is_left(middle);
    }
}

static void s1_killed_while_workers_come_up(void **state)
{
    (void)state;
    expect_gone_after_kill(STARTING, ROUNDS);
}

static void s1_killed_while_workers_are_idle(void **state)
{
    (void)state;
    expect_gone_after_kill(IDLE, 2);
}

static void s1_killed_while_workers_are_busy(void **state)
{
    (void)state;
    expect_gone_after_kill(BUSY, 2);
}

static void s1_killed_while_rings_are_full(void **state)
{
    (void)state;
    expect_gone_after_kill(FULL, ROUNDS);
}

static void s1_killed_while_workers_are_replaced(void **state)
{
    (void)state;
    expect_gone_after_kill(REPLACING, ROUNDS);
}

/* ---- S4: it ends by itself ----------------------------------------------------------------- */

static void expect_gone_after(ending end)
{
    for (int i = 0; i < PHASES; i++) {
        const orders given = {(phase)i, end};
        brood_process *middle = start_middle(be_the_middle, &given, sizeof given, false);

        if (support_is_wine() && (i == STARTING || i == REPLACING || i == ENDING)) {
            assert_ok(brood_process_kill(middle)); /* see expect_gone_after_kill */
            assert_ok(brood_process_join(middle, SOON_MS));
            brood_process_destroy(middle);
            continue;
        }
        if (brood_process_join(middle, SOON_MS) != BROOD_OK) {
            fail_msg("it hangs in phase %d", i);
        }
        assert_ends(middle, BROOD_EXIT_CODE, 3);
        assert_nobody_is_left(middle);
    }
}

static void s4_returns_without_closing(void **state)
{
    (void)state;
    expect_gone_after(RETURN);
}

static void s4_calls_exit(void **state)
{
    (void)state;
    expect_gone_after(EXIT);
}

static void s4_ends_at_once(void **state)
{
    (void)state;
    expect_gone_after(EXIT_AT_ONCE);
}

/* ---- S3: Ctrl-C ---------------------------------------------------------------------------- */

static void note_interrupt(int number)
{
    signal(number, note_interrupt); /* where it is for once only */
}

/* Says that it is there, and ends when the test has said that it is interrupted. */
static int wait_for_stdin(brood_task *task, const void *arg, size_t size)
{
    char byte = 0;

    say('t');
    return support_read(support_stdio(0), &byte, 1) == 1 ? brood_return(task, arg, size) : 1;
}

/* With a handler, or without; its result is how many tasks it lost. */
static int be_interrupted(brood_task *task, const void *arg, size_t size)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    brood_result *results[10];
    brood_pool *pool = NULL;
    bool handles = *(const char *)arg == 'h';
    int lost = 0;

    (void)task;
    (void)size;
    if (handles) {
        signal(SIGINT, note_interrupt);
    }
    options.workers = 2;
    if (brood_pool_create(&pool, &options) != BROOD_OK) {
        return 100;
    }
    for (int i = 0; i < 10; i++) {
        brood_pool_apply_async(pool, &results[i], wait_for_stdin, NULL, 0, NULL);
    }
    for (int i = 0; i < 10; i++) {
        lost += brood_result_get(results[i], NULL, NULL, BROOD_FOREVER) != BROOD_OK;
        brood_result_destroy(results[i]);
    }
    brood_pool_close(pool);
    brood_pool_join(pool, BROOD_FOREVER);
    brood_pool_get_stats(pool, &stats);
    brood_pool_destroy(pool);
    return lost + (stats.died > 0 ? 50 : 0);
}

static void skip_without_signals(void)
{
    if (support_is_windows()) {
        harness_skip("a console event would go to this test, too");
    }
}

static void s3_an_interrupt_loses_no_task(void **state)
{
    brood_process *middle = NULL;

    (void)state;
    skip_without_signals();
    middle = start_middle(be_interrupted, "h", 1, true);
    await(middle, 2); /* both workers are at it */
    for (int i = 0; i < 2; i++) {
        support_signal(-brood_process_pid(middle), "INT");
    }
    assert_ok(brood_process_write(middle, "0123456789", 10, NULL, SOON_MS));
    await(middle, 8);
    assert_ends(middle, BROOD_EXIT_CODE, 0);
    assert_nobody_is_left(middle);
}

static void s3_who_dies_of_it_leaves_nobody(void **state)
{
    brood_process *middle = NULL;

    (void)state;
    skip_without_signals();
    middle = start_middle(be_interrupted, "d", 1, true);
    await(middle, 2);
    support_signal(-brood_process_pid(middle), "INT");
    support_signal(-brood_process_pid(middle), "INT");
    assert_ends(middle, BROOD_EXIT_SIGNAL, SIGINT);
    assert_nobody_is_left(middle);
}

/* Workers that were still coming up may die of it; their tasks have not begun, and go to others. */
static int be_interrupted_early(brood_task *task, const void *arg, size_t size)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_result *results[20];
    brood_pool *pool = NULL;
    int lost = 0;

    (void)task;
    (void)arg;
    (void)size;
    signal(SIGINT, note_interrupt);
    options.workers = 2;
    options.max_tasks_per_worker = 1;
    options.backoff_ms = 1;
    if (brood_pool_create(&pool, &options) != BROOD_OK) {
        return 100;
    }
    for (int i = 0; i < 20; i++) {
        brood_pool_apply_async(pool, &results[i], be_there, NULL, 0, NULL);
    }
    for (int i = 0; i < 20; i++) {
        lost += brood_result_get(results[i], NULL, NULL, BROOD_FOREVER) != BROOD_OK;
        brood_result_destroy(results[i]);
    }
    brood_pool_destroy(pool);
    return lost;
}

static void s3_an_interrupt_while_workers_come_up(void **state)
{
    (void)state;
    skip_without_signals();
    for (int round = 0; round < ROUNDS; round++) {
        brood_process *middle = start_middle(be_interrupted_early, NULL, 0, true);

        await(middle, 1 + (size_t)round);
        for (int i = 0; i < 2; i++) {
            support_signal(-brood_process_pid(middle), "INT");
        }
        assert_ends(middle, BROOD_EXIT_CODE, 0);
        assert_nobody_is_left(middle);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(s1_killed_while_workers_come_up),
    cmocka_unit_test(s1_killed_while_workers_are_idle),
    cmocka_unit_test(s1_killed_while_workers_are_busy),
    cmocka_unit_test(s1_killed_while_rings_are_full),
    cmocka_unit_test(s1_killed_while_workers_are_replaced),
    cmocka_unit_test(s3_an_interrupt_loses_no_task),
    cmocka_unit_test(s3_who_dies_of_it_leaves_nobody),
    cmocka_unit_test(s3_an_interrupt_while_workers_come_up),
    cmocka_unit_test(s4_returns_without_closing),
    cmocka_unit_test(s4_calls_exit),
    cmocka_unit_test(s4_ends_at_once),
};

BROOD_TEST_MAIN(tests)
