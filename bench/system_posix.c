#include "system.h"

#include <limits.h>
#include <sys/resource.h>

#ifndef OPEN_MAX
#define OPEN_MAX 10240
#endif

void system_use_two_cores(void)
{
}

void system_raise_limits(void)
{
    struct rlimit limit;

    /* macOS says that there is no limit, and refuses more than OPEN_MAX. */
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max < OPEN_MAX ? limit.rlim_max : OPEN_MAX;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
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
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) != 0) {
        return false;
    }
    *switches = (uint64_t)usage.ru_nvcsw;
    return true;
}
