/* What only Windows has: exit codes of its limits, jobs, tokens of threads. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <windows.h>

#include "launch.h"
#include "platform.h"
#include "win32/system.h"

#define CODE_OF_QUOTA "1816" /* ERROR_NOT_ENOUGH_QUOTA, by which the system ends for a CPU limit */

static brood_os_exit end_of(launch *run)
{
    brood_os_exit result;
    brood_os_process *process = launch_start(run);

    launch_reap(process, &result);
    brood_os_process_free(process);
    return result;
}

static void the_code_of_a_limit_is_no_code_when_there_is_one(void **state)
{
    launch run;
    brood_os_exit result;

    (void)state;
    launch_prepare(&run, "--exit", CODE_OF_QUOTA);
    result = end_of(&run);
    assert_int_equal(result.reason, BROOD_EXIT_CODE);
    assert_int_equal(result.code, 1816);
    launch_prepare(&run, "--exit", CODE_OF_QUOTA);
    run.spawn.cpu_time_limit_s = 1000;
    assert_int_equal(end_of(&run).reason, BROOD_EXIT_CPU_TIME);
}

static int return_it(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)size;
    return *(const int *)arg;
}

/* A function's own code is told apart from it. */
static void the_code_of_a_limit_from_a_function(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    int code = 1816;

    (void)state;
    options.cpu_time_limit_s = 1000;
    assert_ok(brood_process_start(&process, return_it, &code, sizeof code, &options));
    assert_ends(process, BROOD_EXIT_CODE, code);
    brood_process_destroy(process);
}

/* The job in which one begins that is set up before it runs ends with us until it has begun. */
static void one_that_was_set_up_outlives_its_handle(void **state)
{
    launch run;
    unsigned cpu = support_first_cpu();
    brood_os_process *process = NULL;
    int64_t pid = 0;

    (void)state;
    launch_prepare(&run, "--hang", "");
    run.spawn.cpus = &cpu;
    run.spawn.cpu_count = 1;
    process = launch_start(&run);
    pid = brood_os_process_pid(process);
    brood_os_process_free(process); /* and the job's handle with it */
    assert_false(support_wait_gone(pid, 300));
    support_kill(pid);
    assert_true(support_wait_gone(pid, SOON_MS));
}

/* That of another user would need one. */
static void a_thread_with_a_token_of_its_own_starts_processes(void **state)
{
    launch run;

    (void)state;
    assert_true(ImpersonateSelf(SecurityImpersonation));
    launch_prepare(&run, "--exit", "5");
    assert_int_equal(end_of(&run).code, 5);
    assert_true(RevertToSelf());
}

/* What a process of somebody else's may do, a grandchild does here: it holds the pipe's end. */
static void r29_communicate_ends_although_another_holds_the_pipe(void **state)
{
    const char *argv[] = {harness_self, "--leave-one", "", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    brood_output out = {NULL, 0};
    int64_t pid = 0;

    (void)state;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    assert_ok(brood_command_start(&process, argv, &options));
    assert_ok(brood_process_communicate(process, NULL, 0, &out, NULL, SOON_MS));
    pid = atoll(out.data);
    assert_true(pid > 0);
    assert_true(support_is_running(pid));
    support_kill(pid);
    assert_true(support_wait_gone(pid, SOON_MS));
    brood_free(out.data);
    brood_process_destroy(process);
}

/* Wine would give each child a console of its own, whose process holds what the child inherits. */
static void r32_a_test_has_a_console(void **state)
{
    (void)state;
    assert_true(GetConsoleCP() != 0);
}

/* It met the limit, coped with that, and was killed later. */
static void a_kill_is_no_end_by_memory(void **state)
{
    launch run;
    brood_os_exit result;
    brood_os_process *process = NULL;

    (void)state;
    launch_prepare(&run, "--hang", "x");
    run.spawn.memory_limit_bytes = (uint64_t)1 << 30;
    process = launch_start(&run);
    assert_true(PostQueuedCompletionStatus(process->port, JOB_OBJECT_MSG_PROCESS_MEMORY_LIMIT, 0,
                                           (OVERLAPPED *)(ULONG_PTR)process->pid));
    assert_ok(brood_os_process_kill(process, NULL));
    launch_reap(process, &result);
    assert_int_equal(result.reason, BROOD_EXIT_SIGNAL);
    brood_os_process_free(process);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(r29_communicate_ends_although_another_holds_the_pipe),
    cmocka_unit_test(r32_a_test_has_a_console),
    cmocka_unit_test(the_code_of_a_limit_is_no_code_when_there_is_one),
    cmocka_unit_test(a_kill_is_no_end_by_memory),
    cmocka_unit_test(the_code_of_a_limit_from_a_function),
    cmocka_unit_test(one_that_was_set_up_outlives_its_handle),
    cmocka_unit_test(a_thread_with_a_token_of_its_own_starts_processes),
};

/* Leaves a process behind that inherits all, and tells its number. */
static int leave_one(void)
{
    char line[MAX_PATH + 32];
    STARTUPINFOA startup = {.cb = sizeof startup};
    PROCESS_INFORMATION started;

    snprintf(line, sizeof line, "\"%s\" --hang x", harness_self);
    if (!CreateProcessA(NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &started)) {
        return 1;
    }
    printf("%lu", started.dwProcessId);
    return 0;
}

static int as_command(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--exit") == 0) {
        return atoi(argv[2]);
    }
    if (argc == 3 && strcmp(argv[1], "--leave-one") == 0) {
        harness_self = argv[0];
        return leave_one();
    }
    if (argc == 3 && strcmp(argv[1], "--hang") == 0) {
        support_hang();
    }
    return -1;
}

BROOD_TEST_MAIN_WITH_COMMANDS(tests, as_command)
