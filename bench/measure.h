/* Times, what is typical of them, and the lines that run.cmake reads. */
#ifndef BROOD_BENCH_MEASURE_H
#define BROOD_BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#include <brood/status.h>

/* Does its work once, and returns how long that took in microseconds. Negative: it cannot be had. */
typedef double bench_step(void *data);

/*
 * Runs the steps in turns, so that what the machine does meanwhile hits all of them alike: once
 * to warm up, then rounds times. medians[i] is what steps[i] took.
 */
void bench_in_turns(double *medians, bench_step *const *steps, size_t count, void *data,
                    int rounds);

/*
 * The same, but the time that a quarter of the rounds stay below: for work that keeps all cores
 * busy, where the rest of the machine only ever adds, and not to all steps alike.
 */
void bench_quartile_in_turns(double *quartiles, bench_step *const *steps, size_t count, void *data,
                             int rounds);

double bench_now_us(void);
void bench_pause_ms(int ms);
int64_t bench_pid(void);

#define BENCH_NONE (-1.0)

/*
 * Prints a figure. value is brood's; yardstick says what ratio compares it with, NULL: nothing.
 * ratio is BENCH_NONE then, and negative when the yardstick cannot be had.
 */
void bench_report(const char *name, double value, const char *unit, const char *yardstick,
                  double ratio);

/* Ends the benchmark with a message. */
_Noreturn void bench_fail(const char *what);

/* The same when status is not BROOD_OK. */
void bench_check(brood_status status, const char *what);

/*
 * The yardstick of starts: the system's own way to start program with one argument, and to wait
 * for its end. yardstick_posix.c: posix_spawn; yardstick_win32.c: CreateProcess.
 */
extern const char *const yardstick_name;
void yardstick_start_and_wait(const char *program, const char *argument);

#endif
