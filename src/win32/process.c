#include "win32/system.h"

#include <stdlib.h>

#include <psapi.h>

#define STATUS_OF_ERROR 0xC /* the upper four bits of an NTSTATUS that tells of an error */
#define TICKS_PER_US 10     /* of 100 ns */

int64_t brood_os_process_pid(const brood_os_process *process)
{
    return (int64_t)process->pid;
}

/*
 * Windows has one number for both. What is an NTSTATUS of an error, or in the table, was an
 * exception; any other is an exit code, and negative ones are so again.
 */
static void decode_exit_code(brood_os_exit *result, DWORD code)
{
    result->reason = BROOD_EXIT_SIGNAL;
    if (code == BROOD_WIN32_KILLED) {
        result->code = BROOD_WIN32_SIGKILL;
    } else if (code == BROOD_WIN32_TERMINATED) {
        result->code = BROOD_WIN32_SIGTERM;
    } else if (code >> 28 == STATUS_OF_ERROR ||
               (code > UINT16_MAX && brood_os_signal_name((int64_t)code)[0] != '\0')) {
        result->code = (int64_t)code;
    } else {
        result->reason = BROOD_EXIT_CODE;
        result->code = (int64_t)(int32_t)code;
    }
}

static uint64_t microseconds(const FILETIME *time)
{
    return ((uint64_t)time->dwHighDateTime << 32 | time->dwLowDateTime) / TICKS_PER_US;
}

static void measure(const brood_os_process *process, brood_os_exit *result)
{
    FILETIME created, ended, system, user;
    PROCESS_MEMORY_COUNTERS memory = {0};

    if (GetProcessTimes(process->process, &created, &ended, &system, &user)) {
        result->cpu_user_us = microseconds(&user);
        result->cpu_system_us = microseconds(&system);
    }
    if (GetProcessMemoryInfo(process->process, &memory, sizeof memory)) {
        result->peak_memory_bytes = memory.PeakWorkingSetSize;
    }
}

/* Whether this program killed the process: the exit code says so, and a limit met before was not the end. */
static bool was_killed(const brood_os_exit *result)
{
    return result->reason == BROOD_EXIT_SIGNAL &&
           (result->code == BROOD_WIN32_SIGKILL || result->code == BROOD_WIN32_SIGTERM);
}

/*
 * Takes the job's messages about limits that this process hit. One that came to an end well all
 * the same has coped with failing allocations. A message may be lost; what remains is the exit code
 * that the system gives for a limit of time.
 * https://learn.microsoft.com/windows/win32/api/winnt/ns-winnt-jobobject_associate_completion_port
 */
static void find_limit(const brood_os_process *process, brood_os_exit *result)
{
    DWORD message = 0;
    ULONG_PTR key = 0;
    OVERLAPPED *pid = NULL; /* the number of a process */

    if (process->port == NULL) {
        return;
    }
    if (process->has_cpu_limit && result->code == ERROR_NOT_ENOUGH_QUOTA) {
        result->reason = BROOD_EXIT_CPU_TIME;
    }
    while (GetQueuedCompletionStatus(process->port, &message, &key, &pid, 0)) {
        if ((ULONG_PTR)pid != process->pid) {
            continue;
        }
        if (message == JOB_OBJECT_MSG_END_OF_PROCESS_TIME) {
            result->reason = BROOD_EXIT_CPU_TIME;
        } else if (message == JOB_OBJECT_MSG_PROCESS_MEMORY_LIMIT && result->code != 0 &&
                   !was_killed(result)) {
            result->reason = BROOD_EXIT_MEMORY;
        }
    }
}

brood_status brood_os_process_open(brood_os_process **process, int64_t pid, bool leads_group,
                                   bool *can_wait, brood_error *error)
{
    (void)pid;
    (void)leads_group;
    *process = NULL;
    *can_wait = false;
    return brood_fail(error, BROOD_ERR_NOT_SUPPORTED, 0, "process", "a job ends what a daemon is");
}

bool brood_os_process_has_ended(const brood_os_process *process)
{
    return process->is_reaped || WaitForSingleObject(process->process, 0) == WAIT_OBJECT_0;
}

/*
 * What remains of a tree whose leader did as it was asked; or of one that was killed, in which a process
 * that was just being created may have been missed.
 */
static void end_rest_of_tree(const brood_os_process *process)
{
    if ((process->asked || process->killed) && process->kill_tree && process->job != NULL) {
        TerminateJobObject(process->job, BROOD_WIN32_KILLED);
    }
}

brood_status brood_os_process_reap(brood_os_process *process, brood_os_exit *result,
                                   brood_error *error)
{
    DWORD waited = WaitForSingleObject(process->process, 0);
    DWORD code = waited == WAIT_FAILED ? GetLastError() : ERROR_SUCCESS;
    DWORD exit_code = 0;

    *result = (brood_os_exit){BROOD_EXIT_NONE, 0, 0, 0, 0};
    if (waited == WAIT_TIMEOUT) {
        return brood_fail(error, BROOD_ERR_TIMEOUT, 0, "WaitForSingleObject", "it still runs");
    }
    if (waited != WAIT_OBJECT_0) {
        return brood_win32_fail(error, code, "WaitForSingleObject");
    }
    if (!GetExitCodeProcess(process->process, &exit_code)) {
        return brood_win32_fail(error, GetLastError(), "GetExitCodeProcess");
    }
    end_rest_of_tree(process);
    decode_exit_code(result, exit_code);
    find_limit(process, result);
    measure(process, result);
    process->is_reaped = true;
    return BROOD_OK;
}

/*
 * Ctrl-Break goes to a group on our own console; a program that has not prepared for it ends with
 * STATUS_CONTROL_C_EXIT. It fails without a console. Our handle keeps the number from being used
 * again, so that no other group is meant.
 * https://learn.microsoft.com/windows/console/generateconsolectrlevent
 */
brood_status brood_os_process_ask(brood_os_process *process, brood_error *error)
{
    DWORD code = ERROR_SUCCESS;

    process->asked = true;
    if (brood_os_process_has_ended(process)) {
        return BROOD_OK;
    }
    if (process->ask_by_signal && GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, process->pid)) {
        return BROOD_OK;
    }
    code = process->ask_by_signal ? GetLastError() : ERROR_SUCCESS;
    return brood_fail(error, BROOD_ERR_NOT_SUPPORTED, (int)code, "GenerateConsoleCtrlEvent",
                      "there is no way to ask this process");
}

brood_status brood_os_process_kill(brood_os_process *process, brood_error *error)
{
    DWORD code = ERROR_SUCCESS;

    process->killed = true;
    if (process->is_reaped) {
        return BROOD_OK;
    }
    if (process->kill_tree && process->job != NULL) {
        if (!TerminateJobObject(process->job, BROOD_WIN32_KILLED)) {
            code = GetLastError();
            return brood_win32_fail(error, code, "TerminateJobObject");
        }
        return BROOD_OK;
    }
    if (!TerminateProcess(process->process, BROOD_WIN32_KILLED)) {
        code = GetLastError();
        /* That of an ended process, or of one that ends just now. */
        return code == ERROR_ACCESS_DENIED ? BROOD_OK
                                           : brood_win32_fail(error, code, "TerminateProcess");
    }
    return BROOD_OK;
}

void brood_os_orphans_reap(brood_os_process *leader)
{
    (void)leader; /* nobody has children here */
}

bool brood_os_process_leave(brood_os_process *process)
{
    (void)process; /* the caller frees it, and nothing is left */
    return false;
}

void brood_os_process_free(brood_os_process *process)
{
    if (process == NULL) {
        return;
    }
    brood_win32_close(process->port);
    brood_win32_close(process->job);
    brood_win32_close(process->process);
    free(process);
}
