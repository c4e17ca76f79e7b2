/*
 * R1: where the program is a subreaper (or process 1), no process that brood has killed stays a
 * zombie, whenever it ends.
 */
#include "harness.h"

#include <stdio.h>
#include <time.h>

#include "platform.h"
#include "process/process_impl.h"

#define SKIPPED 99

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition);                                \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

/* ---- in the test itself --------------------------------------------------------------------- */

/*
 * A process that was killed stays its tracer's until that has taken its end: so it ends, for its
 * parent, when the subreaper wants it to. The test is the tracer, since an ancestor may be one.
 * A number is a process to be held, a negative one a process to be let go.
 */
static void hold_what_is_told(intptr_t told, intptr_t answers)
{
    int64_t pid = 0;

    while (support_read(told, &pid, sizeof pid) == (ptrdiff_t)sizeof pid) {
        bool done = pid > 0 ? support_hold_end(pid) : support_release_end(-pid);

        support_write(answers, done ? "y" : "n", 1);
    }
}

/* Runs the function as the subreaper. */
static void run_subreaper(brood_function *function)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_process *process = NULL;
    intptr_t told[2];
    intptr_t answers[2];
    intptr_t handles[2];

    if (!support_is_linux()) {
        harness_skip("only Linux has subreapers");
    }
    assert_true(support_pipe(told));
    assert_true(support_pipe(answers));
    handles[0] = told[1];
    handles[1] = answers[0];
    options.handles = handles;
    options.handle_count = 2;
    assert_ok(
        brood_process_start(&process, function, harness_self, strlen(harness_self) + 1, &options));
    support_close(told[1]);
    support_close(answers[0]);
    hold_what_is_told(told[0], answers[1]);
    support_close(told[0]);
    support_close(answers[1]);
    assert_ok(brood_process_join(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, &info));
    brood_process_destroy(process);
    if (info.reason == BROOD_EXIT_CODE && info.code == SKIPPED) {
        harness_skip("the system does not let this process do so");
    }
    assert_int_equal(info.reason, BROOD_EXIT_CODE);
    assert_int_equal(info.code, 0);
}

/* ---- in the subreaper ----------------------------------------------------------------------- */

static bool tell_test(brood_task *task, int64_t pid)
{
    char answer = 'n';

    return support_write(brood_task_handle(task, 0), &pid, sizeof pid) == (ptrdiff_t)sizeof pid &&
           support_read(brood_task_handle(task, 1), &answer, 1) == 1 && answer == 'y';
}

static void await_no_children(void)
{
    while (!support_is_childless()) {
        support_yield();
    }
}

static int hang(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    support_hang();
    return 0;
}

static int nothing(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return 0;
}

/* Has a child that is no daemon, and says which. */
static int lead(brood_task *task, const void *arg, size_t size)
{
    brood_process *process = NULL;
    int64_t pid = -1;

    (void)arg;
    (void)size;
    if (brood_process_start(&process, hang, NULL, 0, NULL) != BROOD_OK) {
        return 1;
    }
    pid = brood_process_pid(process);
    support_write(brood_task_handle(task, 0), &pid, sizeof pid);
    support_hang();
    return 0;
}

/* A group of two; *member is the one that does not lead. */
static bool start_group(brood_process **leader, int64_t *member)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    intptr_t ends[2];
    bool done = false;

    if (!support_pipe(ends)) {
        return false;
    }
    options.kill_tree = true;
    options.handles = &ends[1];
    options.handle_count = 1;
    done = brood_process_start(leader, lead, NULL, 0, &options) == BROOD_OK &&
           support_read(ends[0], member, sizeof *member) == (ptrdiff_t)sizeof *member;
    support_close(ends[0]);
    support_close(ends[1]);
    return done;
}

static int end_groups(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    EXPECT(support_adopt_orphans());
    for (int i = 0; i < 10; i++) {
        brood_process *leader = NULL;
        int64_t member = -1;

        EXPECT(start_group(&leader, &member));
        if (i % 2 == 0) {
            EXPECT(brood_process_kill(leader) == BROOD_OK);
            EXPECT(brood_process_join(leader, SOON_MS) == BROOD_OK);
        } else {
            EXPECT(brood_process_terminate(leader, SOON_MS) == BROOD_OK);
        }
        await_no_children();
        brood_process_destroy(leader);
    }
    return 0;
}

static void r1_groups_that_were_ended_are_reaped(void **state)
{
    (void)state;
    run_subreaper(end_groups);
}

/* Comes back when the leader has ended, and is not reaped. */
static bool kill_leader(brood_process *leader)
{
    brood_os_wait_item item = {leader->os, NULL, false, false};

    return brood_process_kill(leader) == BROOD_OK &&
           brood_os_wait(&item, 1, BROOD_OS_NO_DEADLINE, NULL) == BROOD_OK;
}

#define SLEEPS_MAX 50 /* for locks and memory; one that looked each millisecond took 200 */

static int end_a_group_that_lives_on(brood_task *task, const void *arg, size_t size)
{
    brood_process *leader = NULL;
    int64_t member = -1;
    uint64_t sleeps = 0;

    (void)arg;
    (void)size;
    EXPECT(support_adopt_orphans());
    EXPECT(start_group(&leader, &member));
    if (!tell_test(task, member)) {
        return SKIPPED;
    }
    EXPECT(kill_leader(leader));
    sleeps = support_count_own_sleeps();
    EXPECT(brood_process_join(leader, 0) == BROOD_OK);
    EXPECT(support_count_own_sleeps() - sleeps < SLEEPS_MAX);
    brood_process_destroy(leader);
    EXPECT(tell_test(task, -member));
    await_no_children(); /* nothing is called any more */
    return 0;
}

static void r1_one_that_ends_late_is_reaped_and_nobody_waits(void **state)
{
    (void)state;
    run_subreaper(end_a_group_that_lives_on);
}

static int be_refused_a_thread(brood_task *task, const void *arg, size_t size)
{
    brood_process *leader = NULL;
    brood_process *next = NULL;
    int64_t member = -1;

    (void)arg;
    (void)size;
    EXPECT(support_adopt_orphans());
    EXPECT(start_group(&leader, &member));
    if (!tell_test(task, member) || !support_refuse_threads()) {
        return SKIPPED;
    }
    EXPECT(kill_leader(leader));
    EXPECT(brood_process_join(leader, 0) == BROOD_OK);
    brood_process_destroy(leader);
    EXPECT(tell_test(task, -member));
    while (!support_has_zombie()) {
        support_yield();
    }
    EXPECT(brood_process_start(&next, nothing, NULL, 0, NULL) == BROOD_OK);
    EXPECT(brood_process_join(next, SOON_MS) == BROOD_OK);
    brood_process_destroy(next);
    EXPECT(support_is_childless());
    return 0;
}

static void r1_without_a_thread_the_next_start_reaps(void **state)
{
    (void)state;
    run_subreaper(be_refused_a_thread);
}

/* As if another's wait had taken the last of a group, and the system had given its number again. */
static int have_a_later_group(brood_task *task, const void *arg, size_t size)
{
    int64_t later = -1;

    (void)task;
    (void)arg;
    (void)size;
    EXPECT(support_adopt_orphans());
    later = support_fork_leader(7);
    while (!support_has_zombie()) {
        support_yield();
    }
    support_reap_orphans(later);
    EXPECT(support_wait_for(later) == 7);
    return 0;
}

static void r1_a_later_group_of_the_same_number_is_left_alone(void **state)
{
    (void)state;
    run_subreaper(have_a_later_group);
}

static bool run_daemon_command(const char *program)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    const char *argv[] = {program, "--command", NULL};
    brood_process *process = NULL;
    bool done = false;

    options.daemon = true;
    done = brood_command_start(&process, argv, &options) == BROOD_OK &&
           brood_process_join(process, SOON_MS) == BROOD_OK;
    brood_process_destroy(process);
    return done;
}

static int lose_the_guard(brood_task *task, const void *arg, size_t size)
{
    int64_t guard = -1;
    int64_t next = -1;

    (void)size;
    EXPECT(support_adopt_orphans());
    EXPECT(run_daemon_command(arg));
    guard = support_child_named("brood-guard");
    EXPECT(guard > 0);
    if (!tell_test(task, guard)) {
        return SKIPPED;
    }
    support_kill(guard);
    while (next < 0 || next == guard) {
        next = support_child_named("brood-guard");
        support_yield();
    }
    EXPECT(tell_test(task, -guard));
    while (support_is_present(guard)) {
        support_yield();
    }
    return 0;
}

static void r1_a_guard_that_ends_late_is_reaped(void **state)
{
    (void)state;
    run_subreaper(lose_the_guard);
}

/*
 * Ends its worker while somebody traces it: the system reports the end all the time, and gives
 * nobody the status. The pool looks again each 10 ms, and gives the worker up after two seconds.
 */
static int lose_a_traced_worker(brood_task *task, const void *arg, size_t size)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    brood_pool *pool = NULL;
    clock_t used = 0;
    int64_t pid = -1;

    (void)arg;
    (void)size;
    options.workers = 1;
    options.exit_timeout_ms = 1000;
    EXPECT(brood_pool_create(&pool, &options) == BROOD_OK);
    EXPECT(brood_pool_apply(pool, nothing, NULL, 0, NULL, 0, NULL) == BROOD_OK);
    EXPECT(brood_pool_pids(pool, &pid, 1) == 1);
    if (!tell_test(task, pid)) {
        return SKIPPED;
    }
    used = clock();
    support_kill(pid);
    brood_pool_close(pool);
    EXPECT(brood_pool_join(pool, SOON_MS) == BROOD_OK);
    EXPECT(clock() - used < CLOCKS_PER_SEC / 2); /* of the processor's time */
    EXPECT(brood_pool_get_stats(pool, &stats) == BROOD_OK);
    EXPECT(stats.lost == 1);
    EXPECT(tell_test(task, -pid));
    brood_pool_destroy(pool);
    return 0;
}

static void w_a_worker_that_a_tracer_keeps_keeps_nobody_awake(void **state)
{
    (void)state;
    run_subreaper(lose_a_traced_worker);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(r1_groups_that_were_ended_are_reaped),
    cmocka_unit_test(r1_one_that_ends_late_is_reaped_and_nobody_waits),
    cmocka_unit_test(r1_without_a_thread_the_next_start_reaps),
    cmocka_unit_test(r1_a_later_group_of_the_same_number_is_left_alone),
    cmocka_unit_test(r1_a_guard_that_ends_late_is_reaped),
    cmocka_unit_test(w_a_worker_that_a_tracer_keeps_keeps_nobody_awake),
};

static int as_command(int argc, char **argv)
{
    return argc == 2 && strcmp(argv[1], "--command") == 0 ? 0 : -1;
}

BROOD_TEST_MAIN_WITH_COMMANDS(tests, as_command)
