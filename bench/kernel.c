#include "kernel.h"

#include <string.h>

void kernel_square(const int64_t *in, int64_t *out)
{
    *out = kernel_value(*in);
}

void kernel_squares(const int64_t *in, int64_t *out, uint64_t begin, uint64_t end)
{
    for (uint64_t i = begin; i < end; i++) {
        out[i] = kernel_value(in[i]);
    }
}

void kernel_prepare(int64_t *in, int64_t *out)
{
    for (size_t i = 0; i < KERNEL_COUNT; i++) {
        in[i] = (int64_t)i + 1;
    }
    memset(out, 0, KERNEL_COUNT * sizeof *out);
}

int kernel_check(const int64_t *in, int64_t *out)
{
    int64_t wrong = 0;

    for (size_t i = 0; i < KERNEL_COUNT; i++) {
        wrong |= out[i] ^ kernel_value(in[i]);
    }
    memset(out, 0, KERNEL_COUNT * sizeof *out);
    return wrong == 0;
}
