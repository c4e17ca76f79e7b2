#include "win32/system.h"

#define RATE_MAX 10000 /* in hundredths of a per cent of all cores */

int brood_os_cpu_count(void)
{
    DWORD count = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);

    return count > 0 ? (int)count : 1;
}

static int bits_set(DWORD_PTR mask)
{
    int count = 0;

    for (; mask != 0; mask &= mask - 1) {
        count++;
    }
    return count;
}

/*
 * A mask that leaves out cores of its group was set on purpose. Otherwise every group counts:
 * the system puts new processes into the groups by turns,
 * https://learn.microsoft.com/windows/win32/procthread/processor-groups
 */
static int count_by_affinity(void)
{
    DWORD_PTR mask = 0;
    DWORD_PTR system_mask = 0;

    if (!GetProcessAffinityMask(GetCurrentProcess(), &mask, &system_mask) || mask == 0 ||
        mask == system_mask) {
        return brood_os_cpu_count();
    }
    return bits_set(mask);
}

/* What a hard cap of our job leaves, rounded up; a weight is no cap. */
static int count_by_job(int count)
{
    JOBOBJECT_CPU_RATE_CONTROL_INFORMATION rate;
    const DWORD capped = JOB_OBJECT_CPU_RATE_CONTROL_ENABLE | JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP;

    if (!QueryInformationJobObject(NULL, JobObjectCpuRateControlInformation, &rate, sizeof rate,
                                   NULL) ||
        (rate.ControlFlags & capped) != capped || rate.CpuRate > RATE_MAX) {
        return count;
    }
    return (int)(((int64_t)rate.CpuRate * count + RATE_MAX - 1) / RATE_MAX);
}

int brood_os_cpu_usable(void)
{
    int by_affinity = count_by_affinity();
    int by_job = count_by_job(brood_os_cpu_count());
    int usable = by_affinity < by_job ? by_affinity : by_job;

    return usable > 0 ? usable : 1;
}
