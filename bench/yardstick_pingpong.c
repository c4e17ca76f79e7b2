/*
 * Two processes send 8 bytes forth and back through two pipes, with blocking reads and writes.
 * With the argument "apart" each has a core of its own; else the scheduler places them.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "answer.h"

#define PAUSE_NS 5000000 /* as in pool_apply.c */

static int there[2];
static int back[2];

static void be_the_peer(void)
{
    uint64_t value = 0;

    while (read(there[0], &value, sizeof value) == sizeof value) {
        value++;
        if (write(back[1], &value, sizeof value) != sizeof value) {
            break;
        }
    }
    _exit(0);
}

static void ping(uint64_t value)
{
    uint64_t pong = 0;

    if (write(there[1], &value, sizeof value) != sizeof value ||
        read(back[0], &pong, sizeof pong) != sizeof pong || pong != value + 1) {
        abort();
    }
}

static double run(const char *what, int count)
{
    double us = 0;

    if (strcmp(what, "awake") == 0) {
        double begin = answer_now_us();

        for (int i = 0; i < count; i++) {
            ping((uint64_t)i);
        }
        return answer_now_us() - begin;
    }
    if (strcmp(what, "asleep") == 0) {
        for (int i = 0; i < count; i++) {
            double begin = 0;

            nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
            begin = answer_now_us();
            ping((uint64_t)i);
            us += answer_now_us() - begin;
        }
        return us;
    }
    return -1;
}

int main(int argc, char **argv)
{
    int apart = argc == 2 && strcmp(argv[1], "apart") == 0;
    pid_t pid = -1;

    if (pipe(there) != 0 || pipe(back) != 0 || (pid = fork()) < 0) {
        return 1;
    }
    if (apart) {
        answer_use_core(pid == 0);
    }
    if (pid == 0) {
        close(there[1]);
        be_the_peer();
    }
    return answer_lines(run);
}
