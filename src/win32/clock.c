#include "win32/system.h"

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_TICK 100

#ifndef CREATE_WAITABLE_TIMER_HIGH_RESOLUTION /* missing in older headers */
#define CREATE_WAITABLE_TIMER_HIGH_RESOLUTION 0x00000002
#endif

typedef void WINAPI clock_function(ULONGLONG *ticks);

/* The performance counter, which goes on while the machine sleeps. */
static int64_t now_by_counter(void)
{
    LARGE_INTEGER frequency;
    LARGE_INTEGER ticks;

    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&ticks);
    /* In two steps: ticks * NS_PER_S overflows after some minutes. */
    return ticks.QuadPart / frequency.QuadPart * NS_PER_S +
           ticks.QuadPart % frequency.QuadPart * NS_PER_S / frequency.QuadPart;
}

static clock_function *precise_clock;
static INIT_ONCE clock_is_found = INIT_ONCE_STATIC_INIT;

static BOOL CALLBACK find_clock(INIT_ONCE *once, void *parameter, void **context)
{
    HMODULE module = GetModuleHandleW(L"kernelbase.dll");

    (void)once;
    (void)parameter;
    (void)context;
    if (module != NULL) {
        precise_clock = (clock_function *)(uintptr_t)GetProcAddress(
            module, "QueryUnbiasedInterruptTimePrecise");
    }
    return TRUE;
}

/*
 * The time that the machine was awake: after a night in sleep or hibernation no time-out is due.
 * Wine 8 has no such clock.
 * https://learn.microsoft.com/windows/win32/api/realtimeapiset/nf-realtimeapiset-queryunbiasedinterrupttimeprecise
 */
int64_t brood_os_now(void)
{
    ULONGLONG ticks = 0;

    InitOnceExecuteOnce(&clock_is_found, find_clock, NULL, NULL);
    if (precise_clock == NULL) {
        return now_by_counter();
    }
    precise_clock(&ticks);
    return (int64_t)ticks * NS_PER_TICK;
}

/*
 * Sleep, and other timers, end with a tick of the system's clock, mostly every 15.6 ms. Windows 10
 * has had better ones since 2018; Wine has not, but its others are exact.
 * https://learn.microsoft.com/windows/win32/api/synchapi/nf-synchapi-createwaitabletimerexw
 */
static HANDLE open_timer(void)
{
    DWORD access = TIMER_MODIFY_STATE | SYNCHRONIZE;
    HANDLE timer =
        CreateWaitableTimerExW(NULL, NULL, CREATE_WAITABLE_TIMER_HIGH_RESOLUTION, access);

    return timer != NULL ? timer : CreateWaitableTimerExW(NULL, NULL, 0, access);
}

void brood_os_sleep(int64_t duration)
{
    HANDLE timer = open_timer();
    LARGE_INTEGER due;

    due.QuadPart = -((duration + NS_PER_TICK - 1) / NS_PER_TICK); /* negative: from now on */
    if (timer == NULL || !SetWaitableTimer(timer, &due, 0, NULL, NULL, FALSE) ||
        WaitForSingleObject(timer, INFINITE) != WAIT_OBJECT_0) {
        Sleep((DWORD)((duration + NS_PER_MS - 1) / NS_PER_MS));
    }
    if (timer != NULL) {
        CloseHandle(timer);
    }
}
