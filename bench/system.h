/* What only the system itself can tell or do: system_linux.c; the others know less. */
#ifndef BROOD_BENCH_SYSTEM_H
#define BROOD_BENCH_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>

/* From now on this process and its children have two cores, and not more. */
void system_use_two_cores(void);

/* As many open descriptors as may be. */
void system_raise_limits(void);

/* The memory of a process that it shares with no other. false: not known. */
bool system_private_kib(int64_t pid, double *kib);

typedef struct system_activity {
    double cpu_ms;
    uint64_t wakeups; /* how often a thread went to sleep by itself */
} system_activity;

/* Adds what the threads of a process did since they began; of this one, without the caller. */
bool system_add_activity(int64_t pid, system_activity *activity);

/* How often threads of this process, also those that have ended, went to sleep by themselves. */
bool system_own_switches(uint64_t *switches);

#endif
