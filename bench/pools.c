#include "pools.h"

#include <stdlib.h>
#include <string.h>

#include "measure.h"

#define WINDOW 1000

brood_pool *pools_open(uint32_t workers)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;

    options.workers = workers;
    bench_check(brood_pool_create(&pool, &options), "pool_create");
    return pool;
}

void pools_close(brood_pool *pool)
{
    bench_check(brood_pool_close(pool), "pool_close");
    bench_check(brood_pool_join(pool, BROOD_FOREVER), "pool_join");
    brood_pool_destroy(pool);
}

int pools_add_one(brood_task *task, const void *arg, size_t size)
{
    uint64_t value = 0;

    if (size != sizeof value) {
        return 1;
    }
    memcpy(&value, arg, sizeof value);
    value++;
    return brood_return(task, &value, sizeof value);
}

double pools_apply(brood_pool *pool, int count)
{
    double begin = bench_now_us();

    for (uint64_t i = 0; i < (uint64_t)count; i++) {
        uint64_t next = 0;

        bench_check(brood_pool_apply(pool, pools_add_one, &i, sizeof i, &next, sizeof next, NULL),
                    "pool_apply");
        if (next != i + 1) {
            bench_fail("pool_apply gave another value");
        }
    }
    return bench_now_us() - begin;
}

static void take(brood_result *result, uint64_t expected)
{
    const void *data = NULL;
    size_t size = 0;

    bench_check(brood_result_get(result, &data, &size, BROOD_FOREVER), "result_get");
    if (size != sizeof expected || memcmp(data, &expected, sizeof expected) != 0) {
        bench_fail("a task gave another value");
    }
    brood_result_destroy(result);
}

static double apply_in_windows(brood_pool *pool, brood_result **results, uint64_t window,
                               uint64_t count, const brood_task_options *options)
{
    double begin = bench_now_us();

    for (uint64_t first = 0; first < count; first += window) {
        for (uint64_t i = 0; i < window; i++) {
            uint64_t value = first + i;

            bench_check(brood_pool_apply_async(pool, &results[i], pools_add_one, &value,
                                               sizeof value, options),
                        "pool_apply_async");
        }
        for (uint64_t i = 0; i < window; i++) {
            take(results[i], first + i + 1);
        }
    }
    return bench_now_us() - begin;
}

double pools_apply_async(brood_pool *pool, int count, const brood_task_options *options)
{
    brood_result *results[WINDOW];

    return apply_in_windows(pool, results, WINDOW, (uint64_t)count, options);
}

double pools_apply_deep(brood_pool *pool, int count)
{
    brood_result **results = (brood_result **)malloc((size_t)count * sizeof(brood_result *));
    double us = 0;

    if (results == NULL) {
        bench_fail("out of memory");
    }
    us = apply_in_windows(pool, results, (uint64_t)count, (uint64_t)count, NULL);
    free((void *)results);
    return us;
}
