/*
 * The work of the maps, for brood and its yardsticks. What does an item or a range stands in a file
 * of its own, and is called by pointer.
 */
#ifndef BROOD_BENCH_KERNEL_H
#define BROOD_BENCH_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#define KERNEL_COUNT ((size_t)10000000)

#ifdef __cplusplus
extern "C" {
#endif

static inline int64_t kernel_value(int64_t in)
{
    return in * in;
}

/* One item. */
typedef void kernel_item(const int64_t *in, int64_t *out);
void kernel_square(const int64_t *in, int64_t *out);

/* The items from begin up to, but not with, end. */
typedef void kernel_range(const int64_t *in, int64_t *out, uint64_t begin, uint64_t end);
void kernel_squares(const int64_t *in, int64_t *out, uint64_t begin, uint64_t end);

/* What they are done on. Touches all of both arrays. */
void kernel_prepare(int64_t *in, int64_t *out);

/* Whether out is what in gives; clears out. */
int kernel_check(const int64_t *in, int64_t *out);

#ifdef __cplusplus
}
#endif

#endif
