#include "answer.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int answer_lines(answer_function *function)
{
    char line[64];

    while (fgets(line, sizeof line, stdin) != NULL) {
        char *space = strchr(line, ' ');
        double us = -1;

        if (space != NULL) {
            *space = '\0';
            us = function(line, (int)strtol(space + 1, NULL, 10));
        }
        if (us < 0) {
            fprintf(stderr, "yardstick: cannot do: %s\n", line);
            return 1;
        }
        printf("%.3f\n", us);
        fflush(stdout);
    }
    return 0;
}

double answer_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

void answer_use_core(int which)
{
#ifdef __linux__
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        for (size_t cpu = 0, seen = 0; cpu < CPU_SETSIZE; cpu++) {
            if (CPU_ISSET(cpu, &set) && seen++ != (size_t)which) {
                CPU_CLR(cpu, &set);
            }
        }
        sched_setaffinity(0, sizeof set, &set);
    }
#else
    (void)which;
#endif
}
