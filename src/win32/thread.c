#include "win32/system.h"

typedef BOOLEAN WINAPI shutdown_function(void);

uint64_t brood_os_thread_id(void)
{
    return GetCurrentThreadId();
}

static shutdown_function *is_ending;
static INIT_ONCE is_found = INIT_ONCE_STATIC_INIT;

static BOOL CALLBACK find(INIT_ONCE *once, void *parameter, void **context)
{
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");

    (void)once;
    (void)parameter;
    (void)context;
    if (ntdll != NULL) {
        is_ending =
            (shutdown_function *)(uintptr_t)GetProcAddress(ntdll, "RtlDllShutdownInProgress");
    }
    return TRUE;
}

/*
 * ExitProcess has ended the other threads, wherever they were, and calls the DLLs for the last
 * time: locks may stay locked.
 * https://learn.microsoft.com/windows/win32/devnotes/rtldllshutdowninprogress
 */
bool brood_os_is_ending(void)
{
    InitOnceExecuteOnce(&is_found, find, NULL, NULL);
    return is_ending != NULL && is_ending();
}
