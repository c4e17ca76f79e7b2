/* brood/cpu.h - how many cores there are, and how many this process may use. */
#ifndef BROOD_CPU_H
#define BROOD_CPU_H

#include <brood/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The logical cores of the machine that are switched on, in all processor groups. At least 1.
 * Any thread, does not block. Since 0.1.
 */
BROOD_API int brood_cpu_count(void);

/*
 * The cores that this process can keep busy, at least 1: the smallest of brood_cpu_count, the
 * affinity mask, and the CPU quota of its cgroup (v1 and v2) and all its ancestors, or of its
 * Windows job, rounded up. The environment variable BROOD_CPU_COUNT, a number from 1 to 65536,
 * overrides all of it; anything else in it is ignored.
 *
 * It reads a few small files each time: ask once. Any thread. Since 0.1.
 */
BROOD_API int brood_cpu_usable(void);

#ifdef __cplusplus
}
#endif

#endif
