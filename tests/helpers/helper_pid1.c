/*
 * S8: the first process of a container: every orphan becomes its child, and what it does not
 * handle is not done by any other. Exits with 0, or the number of the step that went wrong.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <brood/brood.h>

#include "support.h"

#define JOIN_MS 20000

static int answer(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)size;
    return *(const int *)arg + 2;
}

static int hang(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    support_hang();
    return 0;
}

/* Ends before its child, which then belongs to process 1. */
static int leave_an_orphan(brood_task *task, const void *arg, size_t size)
{
    pid_t pid = fork();

    (void)task;
    (void)arg;
    (void)size;
    if (pid == 0) {
        _exit(33);
    }
    return pid > 0 ? 0 : 1;
}

/* Leads a group of two, and says when it does. */
static int lead(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    if (support_fork_hanging() < 0) {
        return 1;
    }
    support_write(brood_task_handle(task, 0), "x", 1);
    support_hang();
    return 0;
}

static brood_exit_info end_of(brood_process *process)
{
    brood_exit_info info = BROOD_EXIT_INFO_INIT;

    brood_process_join(process, JOIN_MS);
    brood_process_exit_info(process, &info);
    brood_process_destroy(process);
    return info;
}

static brood_process *start(brood_function *function, bool daemon)
{
    brood_process *process = NULL;
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    int number = 40;

    options.daemon = daemon;
    brood_process_start(&process, function, &number, sizeof number, &options);
    return process;
}

static bool has_code(brood_exit_info info, int64_t code)
{
    return info.reason == BROOD_EXIT_CODE && info.code == code;
}

/* The orphan is ours to reap, not brood's. */
static bool takes_only_its_own(void)
{
    brood_process *process = start(leave_an_orphan, false);
    int status = 0;

    if (!has_code(end_of(process), 0)) {
        return false;
    }
    return waitpid(-1, &status, 0) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 33;
}

static bool ends_when_killed(void)
{
    brood_process *process = start(hang, true);

    brood_process_kill(process);
    return end_of(process).reason == BROOD_EXIT_KILLED;
}

static bool ends_when_asked(void)
{
    brood_process *process = start(hang, false);

    brood_process_terminate(process, JOIN_MS);
    return end_of(process).reason == BROOD_EXIT_TERMINATED;
}

/* R1: those that were killed are brood's to reap, whoever started them. */
static bool leaves_nothing_of_a_group(void)
{
    brood_process *process = NULL;
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    intptr_t ends[2];
    char byte = 0;

    if (!support_pipe(ends)) {
        return false;
    }
    options.kill_tree = true;
    options.handles = &ends[1];
    options.handle_count = 1;
    brood_process_start(&process, lead, NULL, 0, &options);
    support_read(ends[0], &byte, 1);
    brood_process_kill(process);
    if (end_of(process).reason != BROOD_EXIT_KILLED) {
        return false;
    }
    while (!support_is_childless()) {
        support_yield();
    }
    return true;
}

int main(int argc, char **argv)
{
    if (brood_init(argc, argv) != BROOD_OK) {
        return 1;
    }
    if (getpid() != 1) {
        return 2;
    }
    if (!has_code(end_of(start(answer, true)), 42)) {
        return 3;
    }
    if (!takes_only_its_own()) {
        return 4;
    }
    if (!ends_when_killed() || !ends_when_asked()) {
        return 5;
    }
    if (!leaves_nothing_of_a_group()) {
        return 6;
    }
    return waitpid(-1, NULL, WNOHANG) < 0 ? 0 : 7;
}
