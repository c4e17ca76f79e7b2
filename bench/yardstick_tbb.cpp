// The squares with two threads of oneTBB, item by item.
#include <cstddef>
#include <cstdlib>

#include <tbb/blocked_range.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>

#include "kernel.h"
#include "answer.h"

static int64_t *in;
static int64_t *out;

static void by_item(kernel_item *function)
{
    tbb::parallel_for(tbb::blocked_range<size_t>(0, KERNEL_COUNT),
                      [function](const tbb::blocked_range<size_t> &range) {
                          for (size_t i = range.begin(); i != range.end(); i++) {
                              function(in + i, out + i);
                          }
                      });
}

static double run(const char *what, int count)
{
    double begin = answer_now_us();
    double us = 0;

    (void)what;
    for (int i = 0; i < count; i++) {
        by_item(kernel_square);
    }
    us = answer_now_us() - begin;
    return kernel_check(in, out) ? us : -1;
}

int main()
{
    tbb::global_control threads(tbb::global_control::max_allowed_parallelism, 2);

    in = static_cast<int64_t *>(std::malloc(KERNEL_COUNT * sizeof *in));
    out = static_cast<int64_t *>(std::malloc(KERNEL_COUNT * sizeof *out));
    if (in == nullptr || out == nullptr) {
        return 1;
    }
    kernel_prepare(in, out);
    return answer_lines(run);
}
