#include <brood/cpu.h>

#include <stdlib.h>

#include "platform.h"

#define CPUS_MAX 65536

/* The user's word, from 1 to CPUS_MAX; 0 when there is none that makes sense. */
static int from_environment(void)
{
    char text[64];
    size_t size = brood_os_environment_get("BROOD_CPU_COUNT", text, sizeof text);
    char *end = NULL;
    long value = 0;

    if (size == 0 || size > sizeof text || *text < '0' || *text > '9') {
        return 0;
    }
    value = strtol(text, &end, 10);
    return *end == '\0' && value <= CPUS_MAX ? (int)value : 0;
}

int brood_cpu_count(void)
{
    int count = brood_os_cpu_count();

    return count > 0 ? count : 1;
}

int brood_cpu_usable(void)
{
    int usable = from_environment();
    int count = 0;

    if (usable > 0) {
        return usable;
    }
    usable = brood_os_cpu_usable();
    count = brood_cpu_count();
    if (usable > count) {
        usable = count;
    }
    return usable > 0 ? usable : 1;
}
