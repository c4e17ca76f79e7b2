/* The CPU quota of Linux control groups, read from files: the same code for tests everywhere. */
#ifndef BROOD_SRC_CGROUP_H
#define BROOD_SRC_CGROUP_H

/*
 * How many cores the quota of this process's cgroups, and all their ancestors, leaves it: rounded
 * up, at least 1; 0 when there is no quota. Version 1 and 2, also both at once. root is put
 * before every path ("" for the real files). What is malformed counts as no quota.
 */
int brood_cgroup_cpus(const char *root);

#endif
