/* What a pool takes that has nothing to do: memory of its workers, and time of the cores. */
#include <stdio.h>
#include <stdlib.h>

#include "measure.h"
#include "pools.h"
#include "system.h"

#define WORKERS 2
#define TASKS 10000
#define CALM_MS 1000 /* until those who look again and again are asleep */
#define IDLE_MS 10000

typedef struct idle_pool {
    brood_pool *pool;
    int64_t pids[WORKERS];
} idle_pool;

static bool measure_memory(const idle_pool *idle)
{
    double most = 0;

    for (int i = 0; i < WORKERS; i++) {
        double kib = 0;

        if (!system_private_kib(idle->pids[i], &kib)) {
            return false;
        }
        most = kib > most ? kib : most;
    }
    bench_report("idle_private_kib", most, "KiB", NULL, BENCH_NONE);
    return true;
}

/* Of the workers, and of this process but for the thread that waits here. */
static bool activity(const idle_pool *idle, system_activity *sum)
{
    bool known = system_add_activity(bench_pid(), sum);

    for (int i = 0; i < WORKERS; i++) {
        known = system_add_activity(idle->pids[i], sum) && known;
    }
    return known;
}

static bool measure_activity(const idle_pool *idle)
{
    system_activity before = {0, 0};
    system_activity after = {0, 0};

    if (!activity(idle, &before)) {
        return false;
    }
    bench_pause_ms(IDLE_MS);
    if (!activity(idle, &after)) {
        return false;
    }
    bench_report("idle_cpu_ms", after.cpu_ms - before.cpu_ms, "ms in 10 s", NULL, BENCH_NONE);
    bench_report("idle_wakeups", (double)(after.wakeups - before.wakeups), "in 10 s", NULL,
                 BENCH_NONE);
    return true;
}

int main(int argc, char **argv)
{
    idle_pool idle = {NULL, {0}};

    if (brood_init(argc, argv) != BROOD_OK) {
        return 1;
    }
    system_use_two_cores();
    idle.pool = pools_open(WORKERS);
    pools_apply_async(idle.pool, TASKS, NULL);
    pools_apply(idle.pool, TASKS);
    bench_pause_ms(CALM_MS);
    if (brood_pool_pids(idle.pool, idle.pids, WORKERS) != WORKERS) {
        bench_fail("the pool has not as many workers as it should");
    }
    if (!measure_memory(&idle) || !measure_activity(&idle)) {
        fprintf(stderr, "benchmark: what an idle pool takes is only told on Linux\n");
    }
    pools_close(idle.pool);
    return 0;
}
