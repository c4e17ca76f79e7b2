/* Two things measured in turns, so that what the machine does meanwhile hits both alike. */
#ifndef BROOD_BENCH_MEASURE_H
#define BROOD_BENCH_MEASURE_H

#include <stdint.h>

typedef void bench_step(void *data);

typedef struct bench_pair {
    double subject_us; /* medians */
    double yardstick_us;
} bench_pair;

bench_pair bench_in_turns(bench_step *subject, bench_step *yardstick, void *data, int rounds);

/* The line that run.cmake reads. */
void bench_report(const char *name, double value, const char *unit, const char *yardstick,
                  double ratio);

/* Ends the benchmark with a message. */
_Noreturn void bench_fail(const char *what);

/*
 * The yardstick of starts: the system's own way to start program with one argument, and to wait
 * for its end. yardstick_posix.c: posix_spawn; yardstick_win32.c: CreateProcess.
 */
extern const char *const yardstick_name;
void yardstick_start_and_wait(const char *program, const char *argument);

#endif
