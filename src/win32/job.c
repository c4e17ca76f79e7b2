#include "win32/system.h"

#define TICKS_PER_S INT64_C(10000000) /* of 100 ns */

/*
 * The processes that a daemon starts leave its job again, for they are ended with it only in a
 * kill_tree. Limits hold for them too, as those of POSIX do, so then they stay.
 */
static DWORD flags_of(const brood_os_spawn *spawn, bool is_starting)
{
    bool limited = spawn->memory_limit_bytes > 0 || spawn->cpu_time_limit_s > 0;
    DWORD flags = 0;

    flags |= spawn->daemon || is_starting ? JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE : 0;
    flags |= !spawn->kill_tree && !limited ? JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK : 0;
    flags |= spawn->memory_limit_bytes > 0 ? JOB_OBJECT_LIMIT_PROCESS_MEMORY : 0;
    flags |= spawn->cpu_time_limit_s > 0 ? JOB_OBJECT_LIMIT_PROCESS_TIME : 0;
    return flags;
}

static DWORD set_limits(HANDLE job, const brood_os_spawn *spawn, bool is_starting)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
    uint64_t bytes = spawn->memory_limit_bytes;

    limits.BasicLimitInformation.LimitFlags = flags_of(spawn, is_starting);
    limits.BasicLimitInformation.PerProcessUserTimeLimit.QuadPart =
        spawn->cpu_time_limit_s * TICKS_PER_S;
    limits.ProcessMemoryLimit = bytes < SIZE_MAX ? (SIZE_T)bytes : SIZE_MAX;
    return SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits)
               ? ERROR_SUCCESS
               : GetLastError();
}

/* Messages of the job tell which limit was hit; the exit code does not. */
static DWORD open_port(HANDLE *port, HANDLE job)
{
    JOBOBJECT_ASSOCIATE_COMPLETION_PORT association = {0};
    DWORD code = ERROR_SUCCESS;

    *port = brood_win32_port_create(NULL);
    code = GetLastError();
    if (*port == NULL) {
        return code;
    }
    association.CompletionPort = *port;
    return SetInformationJobObject(job, JobObjectAssociateCompletionPortInformation, &association,
                                   sizeof association)
               ? ERROR_SUCCESS
               : GetLastError();
}

brood_status brood_win32_job_create(HANDLE *job, HANDLE *port, const brood_os_spawn *spawn,
                                    brood_error *error)
{
    bool limited = spawn->memory_limit_bytes > 0 || spawn->cpu_time_limit_s > 0;
    DWORD code = ERROR_SUCCESS;

    *job = NULL;
    *port = NULL;
    if (!limited && !spawn->daemon && !spawn->kill_tree && !brood_win32_starts_suspended(spawn)) {
        return BROOD_OK;
    }
    *job = brood_win32_opened(CreateJobObjectW(NULL, NULL));
    code = GetLastError();
    if (*job == NULL) {
        return brood_win32_fail(error, code, "CreateJobObjectW");
    }
    code = set_limits(*job, spawn, brood_win32_starts_suspended(spawn));
    if (code == ERROR_SUCCESS && limited) {
        code = open_port(port, *job);
    }
    if (code == ERROR_SUCCESS) {
        return BROOD_OK;
    }
    brood_win32_close(*port);
    brood_win32_close(*job);
    *port = NULL;
    *job = NULL;
    return brood_win32_fail(error, code, "SetInformationJobObject");
}

DWORD brood_win32_job_started(HANDLE job, const brood_os_spawn *spawn)
{
    return spawn->daemon ? ERROR_SUCCESS : set_limits(job, spawn, false);
}
