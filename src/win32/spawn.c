#include "win32/system.h"

#include <stdlib.h>

#ifndef PROC_THREAD_ATTRIBUTE_JOB_LIST /* MinGW-w64 has the number only as an enum */
#define PROC_THREAD_ATTRIBUTE_JOB_LIST 0x0002000D
#endif

/* All that a start needs and that is given back after it. */
typedef struct plan {
    wchar_t *file;
    wchar_t *line;
    wchar_t *environment;
    wchar_t *directory;
    HANDLE stdio[3]; /* inheritable copies */
    HANDLE *handles; /* each once: stdio, then those of the caller */
    size_t handle_count;
    LPPROC_THREAD_ATTRIBUTE_LIST attributes;
    bool has_attributes;
    HANDLE job, port;
    DWORD_PTR cpus;
    PROCESS_INFORMATION started;
} plan;

/* ---- texts -------------------------------------------------------------------------------- */

static brood_status plan_origin_directory(plan *p, const brood_os_origin *origin,
                                          brood_error *error)
{
    DWORD attributes =
        origin == NULL ? INVALID_FILE_ATTRIBUTES : GetFileAttributesW(origin->directory);

    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0
               ? brood_win32_full_path(&p->directory, origin->directory, error)
               : BROOD_OK;
}

/* Whether there is such a directory is asked here: CreateProcessW does not tell what is missing. */
static brood_status plan_directory(plan *p, const char *path, const brood_os_origin *origin,
                                   brood_error *error)
{
    wchar_t *wide = NULL;
    DWORD attributes = 0;
    DWORD code = ERROR_SUCCESS;
    brood_status status = BROOD_OK;

    if (path == NULL) {
        return plan_origin_directory(p, origin, error);
    }
    status = brood_win32_wide(&wide, path, "working_directory", error);
    if (status != BROOD_OK) {
        return status;
    }
    status = brood_win32_full_path(&p->directory, wide, error);
    free(wide);
    if (status != BROOD_OK) {
        return status;
    }
    attributes = GetFileAttributesW(p->directory);
    code = attributes == INVALID_FILE_ATTRIBUTES ? GetLastError() : ERROR_DIRECTORY;
    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0
               ? BROOD_OK
               : brood_win32_fail(error, code, "working_directory");
}

/* Made absolute first, for the system does so too before it looks at the name. */
static brood_status plan_file(plan *p, const char *path, brood_error *error)
{
    wchar_t *wide = NULL;
    brood_status status = brood_win32_wide(&wide, path, "file", error);

    if (status == BROOD_OK) {
        status = brood_win32_full_path(&p->file, wide, error);
    }
    free(wide);
    if (status == BROOD_OK && brood_win32_is_batch_file(p->file)) {
        status = brood_fail_argument(error, "file", "is a batch file, which has no safe quoting");
    }
    return status;
}

static brood_status plan_texts(plan *p, const brood_os_spawn *spawn, brood_error *error)
{
    brood_status status = plan_file(p, spawn->file, error);

    if (status == BROOD_OK) {
        status = brood_win32_command_line(&p->line, spawn->argv, error);
    }
    if (status == BROOD_OK) {
        status = brood_win32_environment_block(&p->environment, spawn->environment, error);
    }
    return status == BROOD_OK ? plan_directory(p, spawn->working_directory, spawn->origin, error)
                              : status;
}

/* ---- handles ------------------------------------------------------------------------------ */

/* What was given; or our own stdio, and the null device where there is none, or a stale number. */
static DWORD copy_stdio(HANDLE *copy, HANDLE original, bool given)
{
    HANDLE self = GetCurrentProcess();
    SECURITY_ATTRIBUTES inheritable = {sizeof inheritable, NULL, TRUE};
    DWORD code = ERROR_SUCCESS;

    *copy = NULL;
    if (original != NULL && original != INVALID_HANDLE_VALUE &&
        DuplicateHandle(self, original, self, copy, 0, TRUE, DUPLICATE_SAME_ACCESS)) {
        brood_win32_opened(*copy);
        return ERROR_SUCCESS;
    }
    if (given) {
        code = GetLastError();
        return code != ERROR_SUCCESS ? code : ERROR_INVALID_HANDLE;
    }
    *copy = brood_win32_opened(CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE,
                                           FILE_SHARE_READ | FILE_SHARE_WRITE, &inheritable,
                                           OPEN_EXISTING, 0, NULL));
    code = GetLastError();
    return *copy != INVALID_HANDLE_VALUE ? ERROR_SUCCESS : code;
}

static brood_status plan_stdio(plan *p, const brood_os_spawn *spawn, brood_error *error)
{
    static const DWORD standard[3] = {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};

    for (size_t i = 0; i < 3; i++) {
        bool given = spawn->stdio[i] != BROOD_HANDLE_NONE;
        HANDLE original = given ? (HANDLE)spawn->stdio[i] : GetStdHandle(standard[i]);
        bool same = spawn->stdio[i] == BROOD_OS_SAME_AS_STDOUT;
        DWORD code = copy_stdio(&p->stdio[i], same ? p->stdio[BROOD_STDOUT] : original, given);

        if (code != ERROR_SUCCESS) {
            return brood_win32_fail(error, code, "stdio");
        }
    }
    return BROOD_OK;
}

/* A list with a handle twice is refused with ERROR_INVALID_PARAMETER. */
static void add_handle(plan *p, HANDLE handle)
{
    for (size_t i = 0; i < p->handle_count; i++) {
        if (p->handles[i] == handle) {
            return;
        }
    }
    p->handles[p->handle_count] = handle;
    p->handle_count++;
}

/* The handles of the caller are inheritable only from here to set_inheritable(spawn, 0). */
static DWORD set_inheritable(const brood_os_spawn *spawn, DWORD flag)
{
    for (size_t i = 0; i < spawn->handle_count; i++) {
        if (!SetHandleInformation((HANDLE)spawn->handles[i], HANDLE_FLAG_INHERIT, flag)) {
            return GetLastError();
        }
    }
    return ERROR_SUCCESS;
}

static brood_status plan_handles(plan *p, const brood_os_spawn *spawn, brood_error *error)
{
    brood_status status = plan_stdio(p, spawn, error);
    DWORD code = ERROR_SUCCESS;

    if (status != BROOD_OK) {
        return status;
    }
    p->handles = brood_calloc(3 + spawn->handle_count, sizeof *p->handles);
    if (p->handles == NULL) {
        return brood_fail_memory(error, "handles");
    }
    for (size_t i = 0; i < 3; i++) {
        add_handle(p, p->stdio[i]);
    }
    for (size_t i = 0; i < spawn->handle_count; i++) {
        add_handle(p, (HANDLE)spawn->handles[i]);
    }
    code = set_inheritable(spawn, HANDLE_FLAG_INHERIT);
    return code == ERROR_SUCCESS ? BROOD_OK : brood_win32_fail(error, code, "handles");
}

/* ---- what the system is told -------------------------------------------------------------- */

/* Numbers are those of our processor group, which a child begins in when we have but one. */
static brood_status plan_cpus(plan *p, const brood_os_spawn *spawn, brood_error *error)
{
    DWORD_PTR ours = 0;
    DWORD_PTR all = 0;

    if (spawn->cpu_count == 0) {
        return BROOD_OK;
    }
    if (!GetProcessAffinityMask(GetCurrentProcess(), &ours, &all)) {
        return brood_win32_fail(error, GetLastError(), "GetProcessAffinityMask");
    }
    if (all == 0) { /* our threads are in several groups; a core that is none fails at the start */
        all = ~all;
    }
    for (size_t i = 0; i < spawn->cpu_count; i++) {
        unsigned cpu = spawn->cpus[i];

        if (cpu >= sizeof all * 8 || (all >> cpu & 1) == 0) {
            return brood_fail_argument(error, "cpus", "names a core that the system has not");
        }
        p->cpus |= (DWORD_PTR)1 << cpu;
    }
    return BROOD_OK;
}

static brood_status plan_attributes(plan *p, brood_error *error)
{
    DWORD count = p->job != NULL ? 2 : 1;
    SIZE_T size = 0;
    DWORD code = ERROR_SUCCESS;

    InitializeProcThreadAttributeList(NULL, count, 0, &size); /* fails, and tells the size */
    p->attributes = brood_malloc(size);
    if (p->attributes == NULL) {
        return brood_fail_memory(error, "UpdateProcThreadAttribute");
    }
    p->has_attributes = InitializeProcThreadAttributeList(p->attributes, count, 0, &size);
    if (!p->has_attributes ||
        !UpdateProcThreadAttribute(p->attributes, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, p->handles,
                                   p->handle_count * sizeof *p->handles, NULL, NULL) ||
        (p->job != NULL &&
         !UpdateProcThreadAttribute(p->attributes, 0, PROC_THREAD_ATTRIBUTE_JOB_LIST, &p->job,
                                    sizeof p->job, NULL, NULL))) {
        code = GetLastError();
        return brood_win32_fail(error, code, "UpdateProcThreadAttribute");
    }
    return BROOD_OK;
}

/* In steps of 10, for Windows has six classes where POSIX has forty numbers. */
static DWORD priority_class(int nice)
{
    if (nice < 0) {
        return nice < -10 ? HIGH_PRIORITY_CLASS : ABOVE_NORMAL_PRIORITY_CLASS;
    }
    return nice < 10 ? BELOW_NORMAL_PRIORITY_CLASS : IDLE_PRIORITY_CLASS;
}

/* 0: as the system gives it. */
static DWORD class_of(const brood_os_spawn *spawn)
{
    if (spawn->nice != 0) {
        return priority_class(spawn->nice);
    }
    return spawn->origin != NULL ? spawn->origin->priority_class : 0;
}

static DWORD creation_flags(const brood_os_spawn *spawn)
{
    DWORD flags = EXTENDED_STARTUPINFO_PRESENT | CREATE_UNICODE_ENVIRONMENT;

    flags |= brood_win32_starts_suspended(spawn) ? CREATE_SUSPENDED : 0;
    flags |= class_of(spawn);
    /* Ctrl-Break reaches a group; Ctrl-C does not reach a new one any more. */
    flags |= spawn->ask_by_signal ? CREATE_NEW_PROCESS_GROUP : 0;
    /* Without a console of ours, one would open on the screen for each child. */
    flags |= GetConsoleCP() == 0 ? CREATE_NO_WINDOW : 0;
    return flags;
}

/* ---- the start ---------------------------------------------------------------------------- */

/* The class was given at the start, but Wine minds none there. *step: what may have failed. */
static DWORD set_up(const plan *p, const brood_os_spawn *spawn, const char **step)
{
    HANDLE process = p->started.hProcess;

    *step = "SetPriorityClass";
    if (class_of(spawn) != 0 && !SetPriorityClass(process, class_of(spawn)) && spawn->nice != 0) {
        DWORD code = GetLastError();

        return WaitForSingleObject(process, 0) == WAIT_OBJECT_0 ? ERROR_SUCCESS : code;
    }
    if (!brood_win32_starts_suspended(spawn)) {
        if (brood_win32_origin_cpus(spawn->origin) != 0) {
            SetProcessAffinityMask(process, spawn->origin->cpus);
        }
        return ERROR_SUCCESS;
    }
    *step = "SetProcessAffinityMask";
    if (!SetProcessAffinityMask(process, p->cpus)) {
        return GetLastError();
    }
    *step = "ResumeThread";
    if (ResumeThread(p->started.hThread) == (DWORD)-1) {
        return GetLastError();
    }
    *step = "SetInformationJobObject";
    return brood_win32_job_started(p->job, spawn);
}

/* The system's sentence for these has a gap where the file's name should be. */
static brood_status explain_create(DWORD code, brood_error *error)
{
    if (code == ERROR_BAD_EXE_FORMAT || code == ERROR_EXE_MACHINE_TYPE_MISMATCH) {
        return brood_fail(error, BROOD_ERR_OS, (int)code, "CreateProcessW",
                          "the file is no program of this system");
    }
    return brood_win32_fail(error, code, "CreateProcessW");
}

static brood_status plan_execute(plan *p, const brood_os_spawn *spawn, brood_error *error)
{
    STARTUPINFOEXW startup = {0};
    DWORD code = ERROR_SUCCESS;
    const char *step = "";

    startup.StartupInfo.cb = sizeof startup;
    startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    startup.StartupInfo.hStdInput = p->stdio[0];
    startup.StartupInfo.hStdOutput = p->stdio[1];
    startup.StartupInfo.hStdError = p->stdio[2];
    startup.lpAttributeList = p->attributes;
    if (!CreateProcessW(p->file, p->line, NULL, NULL, TRUE, creation_flags(spawn), p->environment,
                        p->directory, &startup.StartupInfo, &p->started)) {
        code = GetLastError();
        p->started = (PROCESS_INFORMATION){0};
        return explain_create(code, error);
    }
    brood_win32_opened(p->started.hProcess);
    brood_win32_opened(p->started.hThread);
    code = set_up(p, spawn, &step);
    if (code != ERROR_SUCCESS) {
        TerminateProcess(p->started.hProcess, BROOD_WIN32_KILLED);
        return brood_win32_fail(error, code, step);
    }
    return BROOD_OK;
}

static brood_status plan_make(plan *p, const brood_os_spawn *spawn, brood_error *error)
{
    brood_status status = plan_texts(p, spawn, error);

    if (status == BROOD_OK) {
        status = plan_cpus(p, spawn, error);
    }
    if (status == BROOD_OK) {
        status = brood_win32_job_create(&p->job, &p->port, spawn, error);
    }
    if (status == BROOD_OK) {
        status = plan_handles(p, spawn, error);
    }
    return status == BROOD_OK ? plan_attributes(p, error) : status;
}

static void plan_free(plan *p)
{
    if (p->has_attributes) {
        DeleteProcThreadAttributeList(p->attributes);
    }
    free(p->attributes);
    free(p->handles);
    free(p->directory);
    free(p->environment);
    free(p->line);
    free(p->file);
    for (size_t i = 0; i < 3; i++) {
        brood_win32_close(p->stdio[i]);
    }
    brood_win32_close(p->started.hThread);
    brood_win32_close(p->started.hProcess);
    brood_win32_close(p->port);
    brood_win32_close(p->job);
}

/* The object takes the handles of the plan over. */
static void take_over(brood_os_process *process, plan *p, const brood_os_spawn *spawn)
{
    process->process = p->started.hProcess;
    process->pid = p->started.dwProcessId;
    process->job = p->job;
    process->port = p->port;
    process->kill_tree = spawn->kill_tree;
    process->ask_by_signal = spawn->ask_by_signal;
    process->has_cpu_limit = spawn->cpu_time_limit_s > 0;
    p->started.hProcess = NULL;
    p->job = NULL;
    p->port = NULL;
}

brood_status brood_os_spawn_process(brood_os_process **process, const brood_os_spawn *spawn,
                                    brood_error *error)
{
    plan p = {0};
    brood_os_process *created = brood_calloc(1, sizeof *created);
    brood_status status = BROOD_OK;

    *process = NULL;
    if (created == NULL) {
        return brood_fail_memory(error, "brood_os_spawn_process");
    }
    status = plan_make(&p, spawn, error);
    if (status == BROOD_OK) {
        status = plan_execute(&p, spawn, error);
    }
    set_inheritable(spawn, 0);
    if (status == BROOD_OK) {
        take_over(created, &p, spawn);
        *process = created;
    } else {
        free(created);
    }
    plan_free(&p);
    return status;
}

bool brood_os_child_may_limit(int nice, uint32_t cpu_time_limit_s)
{
    (void)nice;
    (void)cpu_time_limit_s;
    return false;
}

/* A job ends a daemon command: its only handle is ours. */
bool brood_os_command_needs_guard(void)
{
    return false;
}

/* An inherited handle keeps its number. */
brood_handle brood_os_handle_in_child(const brood_handle *handles, size_t index)
{
    return handles[index];
}

/* A CreateProcess without a list of handles passes all that are inheritable at that moment. */
bool brood_os_ends_may_leak(void)
{
    return true;
}
