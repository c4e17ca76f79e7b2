#include "system.h"

typedef BOOLEAN WINAPI shutdown_function(void);

uint64_t brood_os_thread_id(void)
{
    return GetCurrentThreadId();
}

/*
 * ExitProcess has ended the other threads, wherever they were, and calls the DLLs for the last
 * time: locks may stay locked.
 * https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-exitprocess
 */
bool brood_os_is_ending(void)
{
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    shutdown_function *is_ending = NULL;

    if (ntdll != NULL) {
        is_ending =
            (shutdown_function *)(uintptr_t)GetProcAddress(ntdll, "RtlDllShutdownInProgress");
    }
    return is_ending != NULL && is_ending();
}
