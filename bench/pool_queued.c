/* What a task that waits costs in memory: many small ones behind one that lasts. */
#include <stdio.h>
#include <string.h>

#include "measure.h"
#include "pools.h"
#include "system.h"

#define TASKS 1000000

static int last(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    while (!brood_task_cancelled(task)) {
        bench_pause_ms(10);
    }
    return 0;
}

static void submit_all(brood_pool *pool, brood_result **results)
{
    for (uint64_t i = 0; i < TASKS; i++) {
        bench_check(brood_pool_apply_async(pool, &results[i], pools_add_one, &i, sizeof i, NULL),
                    "pool_apply_async");
    }
}

static void end(brood_pool *pool, brood_result **results)
{
    bench_check(brood_pool_terminate(pool), "pool_terminate");
    for (uint64_t i = 0; i < TASKS; i++) {
        brood_result_destroy(results[i]);
    }
    bench_check(brood_pool_join(pool, BROOD_FOREVER), "pool_join");
    brood_pool_destroy(pool);
}

int main(int argc, char **argv)
{
    static brood_result *results[TASKS];
    brood_pool *pool = NULL;
    double before = 0;
    double after = 0;

    if (brood_init(argc, argv) != BROOD_OK) {
        return 1;
    }
    memset((void *)results, 1, sizeof results); /* the memory is there before */
    pool = pools_open(1);
    bench_check(brood_pool_apply_async(pool, NULL, last, NULL, 0, NULL), "pool_apply_async");
    if (system_private_kib(bench_pid(), &before)) {
        submit_all(pool, results);
        system_private_kib(bench_pid(), &after);
        bench_report("task_bytes", (after - before) * 1024 / TASKS, "bytes", NULL, BENCH_NONE);
        end(pool, results);
    } else {
        fprintf(stderr, "benchmark: what a task that waits takes is only told on Linux\n");
        bench_check(brood_pool_terminate(pool), "pool_terminate");
        brood_pool_destroy(pool);
    }
    return 0;
}
