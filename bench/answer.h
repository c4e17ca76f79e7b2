/* The side of the yardstick programs of what yardstick.h says. */
#ifndef BROOD_BENCH_ANSWER_H
#define BROOD_BENCH_ANSWER_H

#ifdef __cplusplus
extern "C" {
#endif

/* Does what, count times, and returns the microseconds; negative: it does not know what. */
typedef double answer_function(const char *what, int count);

/* Until the end of stdin. Returns main's exit code. */
int answer_lines(answer_function *function);

double answer_now_us(void);

/* Runs on the first or the second of the cores that this process has; only on Linux. */
void answer_use_core(int which);

#ifdef __cplusplus
}
#endif

#endif
