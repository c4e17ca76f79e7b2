#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cgroup.h"
#include "posix/system.h"

#define CPUS_MAX (1024 * 1024)

#if defined(BROOD_LINUX)

/* A list of ranges such as "0-3,8": how many numbers it has; 0 when it is none. */
static int count_ranges(const char *text)
{
    long count = 0;

    while (*text >= '0' && *text <= '9') {
        char *end = NULL;
        long first = strtol(text, &end, 10);
        long last = *end == '-' ? strtol(end + 1, &end, 10) : first;

        count += last >= first && last < CPUS_MAX ? last - first + 1 : 0;
        text = *end == ',' ? end + 1 : end;
    }
    return count <= CPUS_MAX ? (int)count : 0;
}

/* Not sysconf: musl's counts the affinity mask. */
int brood_os_cpu_count(void)
{
    char text[4096];
    FILE *file = brood_os_file_read("/sys/devices/system/cpu/online");
    size_t size = file == NULL ? 0 : fread(text, 1, sizeof text - 1, file);
    int count = 0;

    if (file != NULL) {
        fclose(file);
    }
    text[size] = '\0';
    count = count_ranges(text);
    return count > 0 ? count : (int)sysconf(_SC_NPROCESSORS_ONLN);
}

/* The kernel refuses a set that is smaller than its own (sched_setaffinity(2), NOTES). */
static int affinity_count(void)
{
    int count = 0;

    for (size_t cpus = 1024; count == 0 && cpus <= CPUS_MAX; cpus *= 4) {
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

int brood_os_cpu_count(void)
{
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

int brood_os_cpu_usable(void)
{
    return brood_os_cpu_count();
}

#endif
