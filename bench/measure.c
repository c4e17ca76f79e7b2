#include "measure.h"

#include <stdio.h>
#include <stdlib.h>

#include "platform.h"

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Of all steps, round by round; the values of each step come out sorted. */
static double *values_in_turns(bench_step *const *steps, size_t count, void *data, int rounds)
{
    double *values = calloc(count * (size_t)rounds, sizeof *values);

    if (values == NULL) {
        bench_fail("out of memory");
    }
    for (int round = -1; round < rounds; round++) {
        for (size_t i = 0; i < count; i++) {
            double value = steps[i](data);

            if (round >= 0) {
                values[i * (size_t)rounds + (size_t)round] = value;
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        qsort(values + i * (size_t)rounds, (size_t)rounds, sizeof *values, compare);
    }
    return values;
}

void bench_in_turns(double *medians, bench_step *const *steps, size_t count, void *data, int rounds)
{
    double *values = values_in_turns(steps, count, data, rounds);

    for (size_t i = 0; i < count; i++) {
        const double *own = values + i * (size_t)rounds;

        medians[i] = own[0] < 0 ? own[0] : own[rounds / 2];
    }
    free(values);
}

void bench_quartile_in_turns(double *quartiles, bench_step *const *steps, size_t count, void *data,
                             int rounds)
{
    double *values = values_in_turns(steps, count, data, rounds);

    for (size_t i = 0; i < count; i++) {
        quartiles[i] = values[i * (size_t)rounds + (size_t)rounds / 4];
    }
    free(values);
}

double bench_now_us(void)
{
    return (double)brood_os_now() / 1000;
}

void bench_pause_ms(int ms)
{
    brood_os_wait(NULL, 0, brood_os_now() + (int64_t)ms * 1000000, NULL);
}

int64_t bench_pid(void)
{
    return brood_os_self_pid();
}

void bench_report(const char *name, double value, const char *unit, const char *yardstick,
                  double ratio)
{
    printf("%s\t%.3f\t%s\t%s\t", name, value, unit, yardstick == NULL ? "-" : yardstick);
    if (ratio < 0) {
        puts("-");
    } else {
        printf("%.3f\n", ratio);
    }
    fflush(stdout);
}

_Noreturn void bench_fail(const char *what)
{
    fprintf(stderr, "benchmark: %s\n", what);
    exit(1);
}

void bench_check(brood_status status, const char *what)
{
    if (status != BROOD_OK) {
        fprintf(stderr, "benchmark: %s: %s\n", what, brood_status_text(status));
        exit(1);
    }
}
