/* For the seam's tests: this program, started by the seam itself as a command of its own. */
#ifndef BROOD_TESTS_LAUNCH_H
#define BROOD_TESTS_LAUNCH_H

#include "platform.h"

typedef struct launch {
    brood_os_spawn spawn; /* to be changed before the start */
    char **environment;
    const char *argv[4];
} launch;

/* CPU time for each launch, 0: no limit; with limits some systems start a process another way. */
extern uint32_t launch_cpu_time_s;

/* It will be called with two arguments. */
void launch_prepare(launch *run, const char *mode, const char *argument);

/* Starts it, once. */
brood_os_process *launch_start(launch *run);

/* Waits for its end, and reaps it. */
void launch_reap(brood_os_process *process, brood_os_exit *result);

#endif
