#include "system.h"

#include <dirent.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

void system_use_two_cores(void)
{
    cpu_set_t all;
    cpu_set_t two;

    if (sched_getaffinity(0, sizeof all, &all) != 0) {
        return;
    }
    CPU_ZERO(&two);
    for (size_t cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&two) < 2; cpu++) {
        if (CPU_ISSET(cpu, &all)) {
            CPU_SET(cpu, &two);
        }
    }
    sched_setaffinity(0, sizeof two, &two);
}

void system_raise_limits(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Adds up the numbers behind the lines of a file that begin with key. */
static bool add_lines(const char *path, const char *key, uint64_t *sum)
{
    FILE *file = fopen(path, "r");
    char line[256];
    bool found = false;

    if (file == NULL) {
        return false;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, key, strlen(key)) == 0) {
            *sum += strtoull(line + strlen(key), NULL, 10);
            found = true;
        }
    }
    fclose(file);
    return found;
}

bool system_private_kib(int64_t pid, double *kib)
{
    char path[64];
    uint64_t sum = 0;
    bool found = false;

    snprintf(path, sizeof path, "/proc/%" PRId64 "/smaps_rollup", pid);
    found = add_lines(path, "Private_Clean:", &sum) && add_lines(path, "Private_Dirty:", &sum);
    *kib = (double)sum;
    return found;
}

/* The first number of schedstat: nanoseconds on a core. */
static bool add_thread(const char *thread, system_activity *activity)
{
    char path[512];
    uint64_t ns = 0;
    bool found = false;

    snprintf(path, sizeof path, "%s/schedstat", thread);
    found = add_lines(path, "", &ns);
    snprintf(path, sizeof path, "%s/status", thread);
    found = add_lines(path, "voluntary_ctxt_switches:", &activity->wakeups) && found;
    activity->cpu_ms += (double)ns / 1e6;
    return found;
}

bool system_add_activity(int64_t pid, system_activity *activity)
{
    char folder[64];
    char thread[sizeof folder + sizeof(struct dirent)];
    DIR *threads = NULL;
    bool found = true;

    snprintf(folder, sizeof folder, "/proc/%" PRId64 "/task", pid);
    threads = opendir(folder);
    if (threads == NULL) {
        return false;
    }
    for (struct dirent *entry = readdir(threads); entry != NULL; entry = readdir(threads)) {
        if (entry->d_name[0] != '.' && strtol(entry->d_name, NULL, 10) != gettid()) {
            snprintf(thread, sizeof thread, "%s/%s", folder, entry->d_name);
            found = add_thread(thread, activity) && found;
        }
    }
    closedir(threads);
    return found;
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
