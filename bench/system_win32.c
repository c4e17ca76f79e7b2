#include "system.h"

#include <windows.h>

void system_use_two_cores(void)
{
    DWORD_PTR all = 0;
    DWORD_PTR machine = 0;
    DWORD_PTR two = 0;

    if (GetProcessAffinityMask(GetCurrentProcess(), &all, &machine) && all != 0) {
        two = all & (~all + 1);
        all &= ~two;
        two |= all & (~all + 1);
        SetProcessAffinityMask(GetCurrentProcess(), two);
    }
}

void system_raise_limits(void)
{
}

bool system_private_kib(int64_t pid, double *kib)
{
    (void)pid;
    *kib = 0;
    return false;
}

bool system_add_activity(int64_t pid, system_activity *activity)
{
    (void)pid;
    (void)activity;
    return false;
}

bool system_own_switches(uint64_t *switches)
{
    *switches = 0;
    return false;
}
