/*
 * What Linux tells in files about cores and memory, control groups above all: the same code for
 * tests everywhere. root is put before every path ("" for the real files).
 */
#ifndef BROOD_SRC_CGROUP_H
#define BROOD_SRC_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How many cores the quota of this process's cgroups, and all their ancestors, leaves it: rounded
 * up, at least 1; 0 when there is no quota. Version 1 and 2, also both at once. What is malformed
 * counts as no quota.
 */
int brood_cgroup_cpus(const char *root);

/*
 * How many bytes this process can take now before the system kills somebody for want of memory: what
 * the machine has left, or its cgroups, or one of their ancestors. UINT64_MAX: not known.
 */
uint64_t brood_memory_free(const char *root);

/* Whether memory is promised only as far as there is some (vm.overcommit_memory=2, proc(5)). */
bool brood_memory_is_counted(const char *root);

/* The root for the decisions of the library: "" but for tests. */
extern const char *brood_memory_root;

#endif
