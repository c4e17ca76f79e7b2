/*
 * A yardstick that is a program of its own, plain and without brood. It reads what to do from
 * stdin, a line "WHAT COUNT" each, and answers with the microseconds that it took.
 */
#ifndef BROOD_BENCH_YARDSTICK_H
#define BROOD_BENCH_YARDSTICK_H

typedef struct bench_yardstick bench_yardstick;

/*
 * Starts the program argv[0]. NULL, with a message that names it, when it cannot be had: "" is a
 * program that was not built, since something for it is missing. The caller closes it.
 */
bench_yardstick *yardstick_open(const char *name, const char *const *argv);

/* Returns how long it took to do what, count times, in microseconds; Negative: it cannot be had. */
double yardstick_run(bench_yardstick *yardstick, const char *what, int count);

void yardstick_close(bench_yardstick *yardstick); /* NULL is fine */

#endif
