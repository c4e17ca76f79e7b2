#include "measure.h"

#include <stdio.h>
#include <stdlib.h>

#include "platform.h"

static double measure(bench_step *step, void *data)
{
    int64_t begin = brood_os_now();

    step(data);
    return (double)(brood_os_now() - begin) / 1000;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return values[count / 2];
}

bench_pair bench_in_turns(bench_step *subject, bench_step *yardstick, void *data, int rounds)
{
    double *first = calloc((size_t)rounds, sizeof *first);
    double *second = calloc((size_t)rounds, sizeof *second);
    bench_pair result = {0, 0};

    if (first == NULL || second == NULL) {
        bench_fail("out of memory");
    }
    for (int i = 0; i < rounds; i++) {
        second[i] = measure(yardstick, data);
        first[i] = measure(subject, data);
    }
    result.subject_us = median(first, rounds);
    result.yardstick_us = median(second, rounds);
    free(first);
    free(second);
    return result;
}

void bench_report(const char *name, double value, const char *unit, const char *yardstick,
                  double ratio)
{
    printf("%s\t%.3f\t%s\t%s\t%.3f\n", name, value, unit, yardstick, ratio);
    fflush(stdout);
}

_Noreturn void bench_fail(const char *what)
{
    fprintf(stderr, "benchmark: %s\n", what);
    exit(1);
}
