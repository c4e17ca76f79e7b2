#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "cgroup.h"
#include "system.h"

int brood_os_cpu_count(void)
{
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

#if defined(BROOD_LINUX)

/* The kernel refuses a set that is smaller than its own (sched_setaffinity(2), NOTES). */
static int affinity_count(void)
{
    int count = 0;

    for (size_t cpus = 1024; count == 0 && cpus <= 1024 * 1024; cpus *= 4) {
        cpu_set_t *set = CPU_ALLOC(cpus);
        size_t size = (size_t)CPU_ALLOC_SIZE(cpus);

        if (set == NULL) {
            break;
        }
        if (sched_getaffinity(0, size, set) == 0) {
            count = CPU_COUNT_S(size, set);
        }
        CPU_FREE(set);
    }
    return count;
}

int brood_os_cpu_usable(void)
{
    int affinity = affinity_count();
    int quota = brood_cgroup_cpus("");

    if (affinity == 0 || (quota > 0 && quota < affinity)) {
        return quota;
    }
    return affinity;
}

#else

int brood_os_cpu_usable(void)
{
    return brood_os_cpu_count();
}

#endif
