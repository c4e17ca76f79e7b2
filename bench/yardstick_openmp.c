/* The squares with two threads of OpenMP: item by item, and block by block. */
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "answer.h"

#define BLOCK 10000

static int64_t *in;
static int64_t *out;

static void by_item(kernel_item *function)
{
#pragma omp parallel for schedule(guided) num_threads(2)
    for (size_t i = 0; i < KERNEL_COUNT; i++) {
        function(in + i, out + i);
    }
}

static void by_range(kernel_range *function)
{
#pragma omp parallel for schedule(guided) num_threads(2)
    for (size_t begin = 0; begin < KERNEL_COUNT; begin += BLOCK) {
        function(in, out, begin, begin + BLOCK);
    }
}

static double run(const char *what, int count)
{
    double begin = answer_now_us();
    double us = 0;

    for (int i = 0; i < count; i++) {
        if (strcmp(what, "items") == 0) {
            by_item(kernel_square);
        } else {
            by_range(kernel_squares);
        }
    }
    us = answer_now_us() - begin;
    return kernel_check(in, out) ? us : -1;
}

int main(void)
{
    in = malloc(KERNEL_COUNT * sizeof *in);
    out = malloc(KERNEL_COUNT * sizeof *out);
    if (in == NULL || out == NULL) {
        return 1;
    }
    kernel_prepare(in, out);
    return answer_lines(run);
}
