#include "win32/system.h"

#include <crtdbg.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

typedef void signal_handler(int);

typedef HRESULT WINAPI report_function(DWORD flags);

#define NO_WINDOW_OF_FAULTS 0x20 /* WER_FAULT_REPORTING_NO_UI; MinGW-w64's werapi.h is broken */

/*
 * abort tells the system's error reporting of its end, which takes seconds and gives the exit code
 * 0xC0000409; without that it is 3. A debug C runtime opens a box for it, and for a failed assert.
 * https://learn.microsoft.com/cpp/c-runtime-library/reference/set-abort-behavior
 * https://learn.microsoft.com/cpp/c-runtime-library/reference/crtsetreportmode
 */
static void calm_c_runtime(void)
{
    static const int kinds[] = {_CRT_WARN, _CRT_ERROR, _CRT_ASSERT};

    _set_error_mode(_OUT_TO_STDERR);
#if defined(_MSC_VER) || defined(_UCRT) /* msvcrt.dll reports nothing */
    _set_abort_behavior(0, _WRITE_ABORT_MSG | _CALL_REPORTFAULT);
#endif
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        (void)kinds[i]; /* the two are empty in other runtimes */
        (void)_CrtSetReportMode(kinds[i], _CRTDBG_MODE_FILE);
        (void)_CrtSetReportFile(kinds[i], _CRTDBG_FILE_STDERR);
    }
}

/*
 * Error boxes: nobody is there to close one. Crash dumps are made all the same, which
 * SEM_NOGPFAULTERRORBOX would switch off; that is for systems without the other way.
 * https://learn.microsoft.com/windows/win32/api/werapi/nf-werapi-wersetflags
 */
void brood_os_child_begin(const char *name)
{
    UINT mode = GetErrorMode() | SEM_FAILCRITICALERRORS;
    report_function *report = (report_function *)(uintptr_t)GetProcAddress(
        GetModuleHandleW(L"kernel32.dll"), "WerSetFlags");

    (void)name; /* Windows shows the file's name and nothing else */
    if (report == NULL || FAILED(report(NO_WINDOW_OF_FAULTS))) {
        mode |= SEM_NOGPFAULTERRORBOX;
    }
    SetErrorMode(mode);
    calm_c_runtime();
}

/* The job tells the parent. */
void brood_os_child_watch_memory(uint64_t memory_limit_bytes, void (*report)(void))
{
    (void)memory_limit_bytes;
    (void)report;
}

bool brood_os_child_out_of_memory(void)
{
    return false;
}

/* The parent asks the system, also after the end. */
uint64_t brood_os_child_peak_memory(void)
{
    return 0;
}

/* Being asked to end comes through the channel, for want of signals. */
bool brood_os_child_needs_watch(void)
{
    return true;
}

void brood_os_child_limit(int nice, uint32_t cpu_time_limit_s)
{
    (void)nice;
    (void)cpu_time_limit_s;
}

/* https://learn.microsoft.com/windows/console/setconsolectrlhandler */
void brood_os_child_ignore_interrupt(void)
{
    SetConsoleCtrlHandler(NULL, TRUE);
}

/*
 * By signal() of the C runtime, which sets a handler back to SIG_DFL before it calls it: one that
 * wants a second SIGTERM arms itself again.
 * https://learn.microsoft.com/cpp/c-runtime-library/reference/signal
 */
void brood_os_child_raise_terminate(void)
{
    signal_handler *handler = signal(SIGTERM, SIG_IGN);

    if (handler == SIG_IGN) {
        return;
    }
    if (handler == SIG_DFL || handler == SIG_ERR) { /* raise would exit with code 3 */
        TerminateProcess(GetCurrentProcess(), BROOD_WIN32_TERMINATED);
        return;
    }
    signal(SIGTERM, handler);
    raise(SIGTERM);
}

_Noreturn void brood_os_exit_process(int code)
{
    exit(code);
}

bool brood_os_at_exit(void (*function)(void))
{
    return atexit(function) == 0;
}

/*
 * Not ExitProcess, which runs the DLLs' ends and may wait for a lock that an ended thread held.
 * The tree is the job's affair.
 * https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-exitprocess
 */
_Noreturn void brood_os_child_end(int code, bool tree)
{
    (void)tree;
    TerminateProcess(GetCurrentProcess(), (UINT)code);
    abort(); /* never reached, which the compiler cannot know */
}

int64_t brood_os_parent_pid(const brood_os_channel *channel, int64_t said)
{
    (void)channel;
    return said;
}

void brood_os_child_keep(brood_os_channel *channel, brood_os_process *parent)
{
    (void)parent;
    brood_win32_channel_protect(channel);
}

/* The channel closes with the last handle, and a job does the rest. */
brood_os_process *brood_os_parent_open(int64_t pid, bool *is_gone)
{
    (void)pid;
    *is_gone = false;
    return NULL;
}

void brood_os_parent_forget(brood_os_process *parent)
{
    (void)parent;
}

/*
 * The number of the process that created this one, which stays when that one ends.
 * https://learn.microsoft.com/windows/win32/api/winternl/nf-winternl-ntqueryinformationprocess
 */
bool brood_os_is_child_of(int64_t pid, brood_handle channel)
{
    typedef LONG WINAPI query_process(HANDLE, int, void *, ULONG, ULONG *);
    void *basic[6] = {NULL}; /* PROCESS_BASIC_INFORMATION: the last one is that number */
    FARPROC found = GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "NtQueryInformationProcess");
    query_process *query = NULL;

    (void)channel; /* the number of a parent that has ended is here all the same */
    memcpy(&query, &found, sizeof query);
    return query != NULL && query(GetCurrentProcess(), 0, basic, sizeof basic, NULL) >= 0 &&
           (int64_t)(intptr_t)basic[5] == pid;
}

size_t brood_os_default_stack(void)
{
    return 0;
}

bool brood_os_child_detach(void)
{
    return false;
}

int64_t brood_os_self_pid(void)
{
    return (int64_t)GetCurrentProcessId();
}
