#include "support.h"

#include <windows.h>

#include <psapi.h>
#include <shellapi.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS_TO_VANISH 5000

/* Waits until nobody is left in the job; Windows tells it by a message to a completion port. */
static bool wait_for_the_rest(HANDLE job, HANDLE port)
{
    JOBOBJECT_BASIC_ACCOUNTING_INFORMATION account = {0};
    ULONGLONG deadline = GetTickCount64() + MS_TO_VANISH;

    for (;;) {
        DWORD message = 0;
        ULONG_PTR key = 0;
        OVERLAPPED *data = NULL;
        ULONGLONG now = GetTickCount64();

        QueryInformationJobObject(job, JobObjectBasicAccountingInformation, &account,
                                  sizeof account, NULL);
        if (account.ActiveProcesses == 0) {
            return true;
        }
        if (now >= deadline ||
            !GetQueuedCompletionStatus(port, &message, &key, &data, (DWORD)(deadline - now))) {
            fprintf(stderr, "the test left %lu processes running\n", account.ActiveProcesses);
            return false;
        }
    }
}

static HANDLE make_job(HANDLE *port)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
    JOBOBJECT_ASSOCIATE_COMPLETION_PORT association = {0};
    HANDLE job = CreateJobObjectW(NULL, NULL);

    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits);
    *port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    association.CompletionPort = *port;
    SetInformationJobObject(job, JobObjectAssociateCompletionPortInformation, &association,
                            sizeof association);
    return job;
}

/*
 * With a console of its own, so that its children need none: Wine makes one by a process that
 * inherits all that a child has, and keeps it open as long as the child lives. On a busy machine
 * making it can fail in Wine with ERROR_INTERNAL_ERROR, and go well the next time.
 */
static BOOL create_process(char *line, STARTUPINFOA *startup, PROCESS_INFORMATION *process)
{
    BOOL made = FALSE;

    for (int i = 0; i < 5 && !made; i++) {
        made = CreateProcessA(NULL, line, NULL, NULL, TRUE, CREATE_SUSPENDED | CREATE_NO_WINDOW,
                              NULL, NULL, startup, process);
        if (!made && (!support_is_wine() || GetLastError() != ERROR_INTERNAL_ERROR)) {
            break;
        }
    }
    return made;
}

int support_run_guarded(const char *program, const char *name, unsigned seconds)
{
    char line[1024];
    STARTUPINFOA startup = {0};
    PROCESS_INFORMATION process = {0};
    HANDLE port = NULL;
    HANDLE job = make_job(&port);
    DWORD code = 0;
    bool clean = false;

    startup.cb = sizeof startup;
    startup.dwFlags = STARTF_USESTDHANDLES; /* not those of the new console */
    startup.hStdInput = GetStdHandle(STD_INPUT_HANDLE);
    startup.hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE);
    startup.hStdError = GetStdHandle(STD_ERROR_HANDLE);
    snprintf(line, sizeof line, "\"%s\" --inside %s", program, name);
    if (!create_process(line, &startup, &process)) {
        fprintf(stderr, "CreateProcess: error %lu\n", GetLastError());
        return -1;
    }
    AssignProcessToJobObject(job, process.hProcess);
    ResumeThread(process.hThread);
    if (WaitForSingleObject(process.hProcess, seconds * 1000) != WAIT_OBJECT_0) {
        fprintf(stderr, "watchdog: time is up, killing the test\n");
        TerminateJobObject(job, 2);
        WaitForSingleObject(process.hProcess, MS_TO_VANISH);
    }
    GetExitCodeProcess(process.hProcess, &code);
    clean = wait_for_the_rest(job, port);
    CloseHandle(process.hThread);
    CloseHandle(process.hProcess);
    CloseHandle(job);
    CloseHandle(port);
    return clean ? (int)code : -1;
}

/* A process need not be reaped here; its handle is counted with the others. */
bool support_has_children(void)
{
    return false;
}

bool support_is_running(int64_t pid)
{
    return !support_wait_gone(pid, 0);
}

bool support_wait_gone(int64_t pid, int timeout_ms)
{
    HANDLE process = OpenProcess(SYNCHRONIZE, FALSE, (DWORD)pid);
    DWORD result = 0;

    if (process == NULL) {
        return true;
    }
    result = WaitForSingleObject(process, (DWORD)timeout_ms);
    CloseHandle(process);
    return result == WAIT_OBJECT_0;
}

void support_crash(void)
{
    volatile int *nowhere = NULL;

    *nowhere = 1;
}

void support_kill_self(void)
{
    TerminateProcess(GetCurrentProcess(), 9);
}

void support_kill(int64_t pid)
{
    HANDLE process = OpenProcess(PROCESS_TERMINATE, FALSE, (DWORD)pid);

    if (process != NULL) {
        TerminateProcess(process, 9);
        CloseHandle(process);
    }
}

void support_ignore_terminate(void)
{
    signal(SIGTERM, SIG_IGN);
    signal(SIGBREAK, SIG_IGN); /* by which a command is asked */
}

void support_hang(void)
{
    for (;;) {
        SleepEx(INFINITE, TRUE);
    }
}

int64_t support_pid(void)
{
    return (int64_t)GetCurrentProcessId();
}

bool support_is_windows(void)
{
    return true;
}

/* Whether some DLL of this program lies neither beside it nor in the system's folder. */
bool support_needs_path(void)
{
    HMODULE modules[256];
    DWORD size = 0;
    char home[MAX_PATH];
    char folder[MAX_PATH];

    GetModuleFileNameA(NULL, home, sizeof home);
    *strrchr(home, '\\') = '\0';
    GetWindowsDirectoryA(folder, sizeof folder);
    K32EnumProcessModules(GetCurrentProcess(), modules, sizeof modules, &size);
    for (DWORD i = 0; i < size / sizeof modules[0] && i < 256; i++) {
        char path[MAX_PATH] = "";

        GetModuleFileNameA(modules[i], path, sizeof path);
        if (_strnicmp(path, home, strlen(home)) != 0 &&
            _strnicmp(path, folder, strlen(folder)) != 0) {
            return true;
        }
    }
    return false;
}

bool support_is_wine(void)
{
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");

    return ntdll != NULL && GetProcAddress(ntdll, "wine_get_version") != NULL;
}

bool support_can_watch_any(void)
{
    return true;
}

bool support_is_linux(void)
{
    return false;
}

bool support_can_refuse_handles(void)
{
    return false;
}

bool support_is_sanitized(void)
{
    return false;
}

void support_make_directory(char *path, size_t size)
{
    char base[MAX_PATH];
    static int number;
    BOOL made = FALSE;

    GetTempPathA(sizeof base, base);
    do { /* a test that was killed may have left one, and process numbers come again */
        snprintf(path, size, "%sbrood-test-%lu-%d", base, GetCurrentProcessId(), number++);
        made = CreateDirectoryA(path, NULL);
    } while (!made && GetLastError() == ERROR_ALREADY_EXISTS);
    if (!made) {
        fprintf(stderr, "CreateDirectory %s: error %lu\n", path, GetLastError());
        abort();
    }
}

void support_remove_tree(const char *path)
{
    char pattern[MAX_PATH];
    WIN32_FIND_DATAA entry;
    HANDLE search = INVALID_HANDLE_VALUE;

    snprintf(pattern, sizeof pattern, "%s\\*", path);
    search = FindFirstFileA(pattern, &entry);
    if (search != INVALID_HANDLE_VALUE) {
        do {
            char file[MAX_PATH * 2];

            snprintf(file, sizeof file, "%s\\%s", path, entry.cFileName);
            if ((entry.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) == 0) {
                DeleteFileA(file);
            } else if (strcmp(entry.cFileName, ".") != 0 && strcmp(entry.cFileName, "..") != 0) {
                support_remove_tree(file);
            }
        } while (FindNextFileA(search, &entry));
        FindClose(search);
    }
    RemoveDirectoryA(path);
}

bool support_copy_program(const char *from, const char *to)
{
    return CopyFileA(from, to, FALSE) != 0;
}

bool support_file_exists(const char *path)
{
    return GetFileAttributesA(path) != INVALID_FILE_ATTRIBUTES;
}

int64_t support_crash_code(void)
{
    return (int64_t)EXCEPTION_ACCESS_VIOLATION;
}

const char *support_crash_name(void)
{
    return "EXCEPTION_ACCESS_VIOLATION";
}

static char *utf8(const wchar_t *wide)
{
    int size = WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL);
    char *text = malloc((size_t)size);

    if (text == NULL) {
        abort();
    }
    WideCharToMultiByte(CP_UTF8, 0, wide, -1, text, size, NULL, NULL);
    return text;
}

char **support_arguments(int argc, char **argv)
{
    int count = 0;
    wchar_t **wide = CommandLineToArgvW(GetCommandLineW(), &count);
    char **arguments = calloc((size_t)argc + 1, sizeof *arguments);

    (void)argv;
    if (arguments == NULL || wide == NULL || count != argc) {
        abort();
    }
    for (int i = 0; i < argc; i++) {
        arguments[i] = utf8(wide[i]);
    }
    LocalFree(wide);
    return arguments; /* lives as long as the process */
}

bool support_same_directory(const char *a, const char *b)
{
    char first[MAX_PATH] = "";
    char second[MAX_PATH] = "";

    GetFullPathNameA(a, sizeof first, first, NULL);
    GetFullPathNameA(b, sizeof second, second, NULL);
    return first[0] != '\0' && _stricmp(first, second) == 0;
}

void support_change_directory(const char *path)
{
    if (!SetCurrentDirectoryA(path)) {
        fprintf(stderr, "SetCurrentDirectory %s: error %lu\n", path, GetLastError());
        abort();
    }
}

void support_current_directory(char *path, size_t size)
{
    GetCurrentDirectoryA((DWORD)size, path);
}

static const DWORD standard[3] = {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};

intptr_t support_stdio(int number)
{
    return (intptr_t)GetStdHandle(standard[number]);
}

void support_close_stdio(void)
{
    for (int i = 0; i < 3; i++) {
        CloseHandle(GetStdHandle(standard[i]));
        SetStdHandle(standard[i], NULL);
    }
}

int support_count_stdio(void)
{
    return 0;
}

size_t support_memory_used(void)
{
    PROCESS_MEMORY_COUNTERS memory = {0};

    K32GetProcessMemoryInfo(GetCurrentProcess(), &memory, sizeof memory);
    return memory.PagefileUsage;
}

int support_count_open(void)
{
    return -1;
}

/* Wine says 0; but a number can be asked whether it is a handle. */
int support_count_handles(void)
{
    DWORD count = 0;
    DWORD flags = 0;

    if (!GetProcessHandleCount(GetCurrentProcess(), &count) || count == 0) {
        for (uintptr_t handle = 4; handle < 8192; handle += 4) {
            count += GetHandleInformation((HANDLE)handle, &flags) != 0;
        }
    }
    return (int)count;
}

uint64_t support_count_sleeps(int64_t pid)
{
    (void)pid;
    return 0;
}

uint64_t support_waited_for_core(int64_t pid)
{
    (void)pid;
    return 0;
}

int support_count_threads(void)
{
    return -1;
}

bool support_bombard(unsigned every_us)
{
    (void)every_us;
    return false;
}

uint64_t support_end_bombard(void)
{
    return 0;
}

bool support_refuse_call(const char *name, int code)
{
    (void)name;
    (void)code;
    return false;
}

bool support_hide_descriptors(void)
{
    return false;
}

void support_show_descriptors(void)
{
}

bool support_duplicate_to(intptr_t handle, int number)
{
    (void)handle;
    (void)number;
    return false;
}

bool support_hide_shared_memory(void)
{
    return false;
}

bool support_become_nicer(void)
{
    return SetPriorityClass(GetCurrentProcess(), BELOW_NORMAL_PRIORITY_CLASS);
}

bool support_take_batch_policy(void)
{
    return false;
}

bool support_has_batch_policy(void)
{
    return false;
}

int support_nice(void)
{
    switch (GetPriorityClass(GetCurrentProcess())) {
    case HIGH_PRIORITY_CLASS:
        return -15;
    case ABOVE_NORMAL_PRIORITY_CLASS:
        return -5;
    case BELOW_NORMAL_PRIORITY_CLASS:
        return 5;
    case IDLE_PRIORITY_CLASS:
        return 15;
    default:
        return 0;
    }
}

bool support_can_choose_cpus(void)
{
    return true;
}

static DWORD_PTR affinity(void)
{
    DWORD_PTR ours = 0;
    DWORD_PTR all = 0;

    GetProcessAffinityMask(GetCurrentProcess(), &ours, &all);
    return ours;
}

unsigned support_first_cpu(void)
{
    unsigned cpu = 0;

    while ((affinity() >> cpu & 1) == 0) {
        cpu++;
    }
    return cpu;
}

bool support_runs_only_on(unsigned cpu)
{
    return affinity() == (DWORD_PTR)1 << cpu;
}

/* Windows has neither SIGCHLD nor fork; the tests of them are skipped. */
bool support_has_sigchld(void)
{
    return false;
}

void support_ignore_sigchld(void)
{
}

void support_reap_everything(void)
{
}

int64_t support_fork(int code)
{
    (void)code;
    return -1;
}

int support_wait_for(int64_t pid)
{
    (void)pid;
    return -1;
}

int64_t support_fork_hanging(void)
{
    return -1;
}

int64_t support_fork_for(int ms)
{
    (void)ms;
    return -1;
}

bool support_fork_as(int64_t pid, intptr_t gate, int code)
{
    (void)pid;
    (void)gate;
    (void)code;
    return false;
}

void support_signal(int64_t pid, const char *name)
{
    (void)pid;
    (void)name;
}

bool support_send_urgent(intptr_t handle)
{
    (void)handle;
    return false;
}

void support_block_signal(const char *name)
{
    (void)name;
}

bool support_take_signal(const char *name)
{
    (void)name;
    return false;
}

void support_ignore_signal(const char *name)
{
    (void)name;
}

bool support_is_signal_ignored(const char *name)
{
    (void)name;
    return false;
}

bool support_is_signal_blocked(const char *name)
{
    (void)name;
    return false;
}

void support_count_signal(const char *name)
{
    (void)name;
}

uint64_t support_signals_counted(void)
{
    return 0;
}

void support_note_ends(void)
{
}

int64_t support_last_end(void)
{
    return -1;
}

int64_t support_parent_of(int64_t pid)
{
    (void)pid;
    return -1;
}

bool support_join_parents_group(void)
{
    return false;
}

void support_become_program(const char *const *argv)
{
    (void)argv;
}

bool support_leave_session(void)
{
    return false;
}

bool support_copy_as_root(const char *from, const char *to)
{
    (void)from;
    (void)to;
    return false;
}

bool support_become_nobody(void)
{
    return false;
}

bool support_become_root(void)
{
    return false;
}

bool support_refuse_pidfds(void)
{
    return false;
}

bool support_refuse_kills(void)
{
    return false;
}

bool support_set_limit(const char *name, uint64_t soft, uint64_t hard)
{
    (void)name;
    (void)soft;
    (void)hard;
    return false;
}

bool support_make_fifo(const char *path)
{
    (void)path;
    return false;
}

bool support_write_script(const char *path, const char *text)
{
    (void)path;
    (void)text;
    return false;
}

bool support_make_endless(brood_os_channel *channel)
{
    (void)channel;
    return false; /* no pipe is always full, and nothing else can be waited for like one */
}

void support_flood(void)
{
    static char bytes[1024 * 1024];
    DWORD done = 0;

    while (WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), bytes, sizeof bytes, &done, NULL)) {
    }
}

int64_t support_sibling_named(const char *name)
{
    (void)name;
    return -1;
}

bool support_socket_pair(intptr_t ends[2])
{
    ends[0] = ends[1] = -1;
    return false;
}

bool support_leave_pid_namespace(void)
{
    return false;
}

/* The administrators are a group that an administrator may make the owner of what he makes. */
bool support_foreign_pair(intptr_t ends[2])
{
    union {
        SID sid;
        BYTE room[SECURITY_MAX_SID_SIZE];
    } group;
    DWORD size = sizeof group;
    SECURITY_DESCRIPTOR descriptor;
    SECURITY_ATTRIBUTES attributes = {sizeof attributes, &descriptor, FALSE};
    char name[80];

    snprintf(name, sizeof name, "\\\\.\\pipe\\brood-test-%lu", GetCurrentProcessId());
    if (!CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, &group, &size) ||
        !InitializeSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION) ||
        !SetSecurityDescriptorOwner(&descriptor, &group, FALSE)) {
        return false;
    }
    ends[0] = (intptr_t)CreateNamedPipeA(name, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED, 0, 1,
                                         4096, 4096, 0, &attributes);
    ends[1] = (intptr_t)CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                                    FILE_FLAG_OVERLAPPED, NULL);
    return ends[0] != (intptr_t)INVALID_HANDLE_VALUE && ends[1] != (intptr_t)INVALID_HANDLE_VALUE;
}

void support_replace_handles(intptr_t handle)
{
    (void)handle;
}

bool support_wait_handle(intptr_t handle, int timeout_ms)
{
    HANDLE waited = (HANDLE)handle;

    return WaitForMultipleObjects(1, &waited, FALSE, (DWORD)timeout_ms) == WAIT_OBJECT_0;
}

void support_yield(void)
{
    SwitchToThread();
}

size_t support_memory_free(void)
{
    MEMORYSTATUSEX memory = {.dwLength = sizeof memory};

    return GlobalMemoryStatusEx(&memory) ? (size_t)memory.ullAvailPhys : 0;
}

bool support_need_handles(unsigned count)
{
    return count < 1000000;
}

void support_close_everything(void)
{
    for (uintptr_t handle = 4; handle < 4096; handle += 4) {
        CloseHandle((HANDLE)handle);
    }
}

bool support_limit_handles(unsigned most)
{
    (void)most;
    return false;
}

bool support_limit_file_size(size_t bytes)
{
    (void)bytes;
    return false;
}

bool support_limit_memory(size_t more)
{
    (void)more;
    return false;
}

bool support_lay_down_rights(void)
{
    return false;
}

bool support_take_up_rights(void)
{
    return false;
}

bool support_truncate(intptr_t handle, size_t size)
{
    (void)handle;
    (void)size;
    return false;
}

int64_t support_bytes_taken(intptr_t handle)
{
    (void)handle;
    return -1;
}

void support_make_inheritable(intptr_t handle)
{
    SetHandleInformation((HANDLE)handle, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
}

bool support_is_inheritable(intptr_t handle)
{
    DWORD flags = 0;

    return !GetHandleInformation((HANDLE)handle, &flags) || (flags & HANDLE_FLAG_INHERIT) != 0;
}

bool support_make_subdirectory(const char *path)
{
    return CreateDirectoryA(path, NULL) || GetLastError() == ERROR_ALREADY_EXISTS;
}

bool support_terminal(FILE **file, intptr_t *holder, unsigned short columns)
{
    (void)file;
    (void)holder;
    (void)columns;
    return false;
}

/* It needs a privilege here, and Wine has none. */
bool support_link(const char *path, const char *name)
{
    (void)path;
    (void)name;
    return false;
}

/* That of the C runtime and that of the system. */
void support_set_environment(const char *name, const char *value)
{
    _putenv_s(name, value != NULL ? value : "");
}

bool support_double_environment(const char *first, const char *second)
{
    (void)first;
    (void)second;
    return false;
}

support_function *support_library_function(const char *library, const char *name)
{
    char path[MAX_PATH];
    HMODULE module = NULL;

    if (GetFullPathNameA(library, sizeof path, path, NULL) != 0) {
        module = LoadLibraryExA(path, NULL, LOAD_WITH_ALTERED_SEARCH_PATH);
    }
    if (module == NULL) {
        fprintf(stderr, "%s is not loaded: error %lu\n", library, GetLastError());
        return NULL;
    }
    return (support_function *)(uintptr_t)GetProcAddress(module, name);
}

void support_library_unload(const char *library)
{
    HMODULE module = GetModuleHandleA(library);

    if (module == NULL || !FreeLibrary(module)) {
        fprintf(stderr, "%s is not unloaded: error %lu\n", library, GetLastError());
        abort();
    }
}

bool support_use_one_core(void)
{
    DWORD_PTR mask = 0;
    DWORD_PTR all = 0;

    return GetProcessAffinityMask(GetCurrentProcess(), &mask, &all) &&
           SetProcessAffinityMask(GetCurrentProcess(), mask & (~mask + 1));
}

bool support_shift_clock_of_children(int64_t seconds)
{
    (void)seconds;
    return false;
}

void support_exit_at_once(int code)
{
    TerminateProcess(GetCurrentProcess(), (UINT)code);
}

#define LEFTOVERS_BYTES 65536

static void list_directory(char *list, const char *path, bool all)
{
    char pattern[MAX_PATH * 2];
    WIN32_FIND_DATAA entry;
    HANDLE search = INVALID_HANDLE_VALUE;

    snprintf(pattern, sizeof pattern, "%s\\*", path);
    search = FindFirstFileA(pattern, &entry);
    if (search == INVALID_HANDLE_VALUE) {
        return;
    }
    do {
        const char *name = entry.cFileName;
        bool ours = strstr(name, "brood") != NULL && strstr(name, "brood-test-") == NULL;
        size_t size = strlen(list);

        if ((all || ours) && strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
            snprintf(list + size, LEFTOVERS_BYTES - size, "%s %s\n", path, name);
        }
    } while (FindNextFileA(search, &entry));
    FindClose(search);
}

/* Kernel objects without a name end with their last handle. */
char *support_list_leftovers(const char *directory)
{
    char *list = calloc(1, LEFTOVERS_BYTES);
    char temporary[MAX_PATH];

    if (list == NULL) {
        abort();
    }
    GetTempPathA(sizeof temporary, temporary);
    list_directory(list, directory, true);
    list_directory(list, temporary, false);
    return list;
}

bool support_pipe(intptr_t ends[2])
{
    HANDLE reading = NULL;
    HANDLE writing = NULL;

    if (!CreatePipe(&reading, &writing, NULL, 0)) {
        return false;
    }
    ends[0] = (intptr_t)reading;
    ends[1] = (intptr_t)writing;
    return true;
}

void support_close(intptr_t handle)
{
    CloseHandle((HANDLE)handle);
}

long support_read(intptr_t handle, void *buffer, size_t size)
{
    DWORD got = 0;

    if (ReadFile((HANDLE)handle, buffer, (DWORD)size, &got, NULL)) {
        return (long)got;
    }
    return GetLastError() == ERROR_BROKEN_PIPE ? 0 : -1;
}

long support_write(intptr_t handle, const void *buffer, size_t size)
{
    DWORD put = 0;

    return WriteFile((HANDLE)handle, buffer, (DWORD)size, &put, NULL) ? (long)put : -1;
}

typedef struct work_item {
    void (*work)(void *data);
    void *data;
} work_item;

static void CALLBACK run_work(PTP_CALLBACK_INSTANCE instance, void *data)
{
    work_item *item = data;

    (void)instance;
    item->work(item->data);
    free(item);
}

bool support_submit_work(void (*work)(void *data), void *data)
{
    work_item *item = malloc(sizeof *item);

    if (item == NULL) {
        abort();
    }
    *item = (work_item){work, data};
    return TrySubmitThreadpoolCallback(run_work, item, NULL);
}

struct support_thread {
    HANDLE thread;
    void (*work)(void *data);
    void *data;
};

static DWORD WINAPI run_thread(void *data)
{
    support_thread *self = data;

    self->work(self->data);
    return 0;
}

support_thread *support_thread_start(void (*work)(void *data), void *data)
{
    support_thread *made = calloc(1, sizeof *made);

    if (made == NULL) {
        abort();
    }
    made->work = work;
    made->data = data;
    made->thread = CreateThread(NULL, 0, run_thread, made, 0, NULL);
    if (made->thread == NULL) {
        abort();
    }
    return made;
}

bool support_thread_cancel(support_thread *thread)
{
    (void)thread;
    return false;
}

void support_thread_join(support_thread *thread)
{
    WaitForSingleObject(thread->thread, INFINITE);
    CloseHandle(thread->thread);
    free(thread);
}
