/* Pools of threads beside pools of processes, and pools without any beside a loop. */
#include <stdlib.h>

#include "kernel.h"
#include "measure.h"
#include "pools.h"
#include "system.h"
#include "yardstick.h"

#define TASKS 200000
#define APPLIES 2000
#define ROUNDS 21
#define SIZE (KERNEL_COUNT * sizeof(int64_t))
#define REST_MS 20 /* until the yardstick's threads do not spin any more, nor brood's workers */
#define PROCESSES "the same by processes"

typedef struct bench_setup {
    brood_pool *pools[3]; /* by their kind */
    int64_t *in, *out;
    bench_yardstick *openmp;
} bench_setup;

/* ---- tasks ----------------------------------------------------------------------------------- */

static double tasks_of(bench_setup *setup, brood_pool_kind kind)
{
    bench_pause_ms(REST_MS);
    return pools_apply_async(setup->pools[kind], TASKS, NULL) / TASKS;
}

static double tasks_of_processes(void *data)
{
    return tasks_of(data, BROOD_POOL_PROCESSES);
}

static double tasks_of_threads(void *data)
{
    return tasks_of(data, BROOD_POOL_THREADS);
}

static double tasks_inline(void *data)
{
    return tasks_of(data, BROOD_POOL_INLINE);
}

static double applies_of(bench_setup *setup, brood_pool_kind kind)
{
    bench_pause_ms(REST_MS);
    return pools_apply(setup->pools[kind], APPLIES) / APPLIES;
}

static double applies_of_processes(void *data)
{
    return applies_of(data, BROOD_POOL_PROCESSES);
}

static double applies_of_threads(void *data)
{
    return applies_of(data, BROOD_POOL_THREADS);
}

static double applies_inline(void *data)
{
    return applies_of(data, BROOD_POOL_INLINE);
}

static void measure_tasks(bench_setup *setup)
{
    bench_step *const tasks[] = {tasks_of_processes, tasks_of_threads, tasks_inline};
    bench_step *const applies[] = {applies_of_processes, applies_of_threads, applies_inline};
    double us[3];

    bench_in_turns(us, tasks, 3, setup, ROUNDS);
    bench_report("threads_tasks_vs_processes", 1e6 / us[1], "tasks/s", PROCESSES, us[0] / us[1]);
    bench_report("inline_tasks_vs_processes", 1e6 / us[2], "tasks/s", PROCESSES, us[0] / us[2]);
    bench_in_turns(us, applies, 3, setup, ROUNDS);
    bench_report("threads_apply_vs_processes", us[1], "us", PROCESSES, us[1] / us[0]);
    bench_report("inline_apply_vs_processes", us[2], "us", PROCESSES, us[2] / us[0]);
}

/* ---- maps ------------------------------------------------------------------------------------- */

static int square(brood_task *task, const void *arg, size_t size)
{
    int64_t value = kernel_value(*(const int64_t *)arg);

    (void)size;
    return brood_return(task, &value, sizeof value);
}

static double map(bench_setup *setup, brood_pool_kind kind)
{
    double begin = 0;
    double us = 0;

    bench_pause_ms(REST_MS);
    begin = bench_now_us();
    bench_check(brood_pool_map(setup->pools[kind], square, setup->in, KERNEL_COUNT, sizeof(int64_t),
                               setup->out, sizeof(int64_t), NULL),
                "pool_map");
    us = bench_now_us() - begin;
    if (!kernel_check(setup->in, setup->out)) {
        bench_fail("pool_map gave other values");
    }
    return us;
}

static double map_by_threads(void *data)
{
    return map(data, BROOD_POOL_THREADS);
}

static double map_inline(void *data)
{
    return map(data, BROOD_POOL_INLINE);
}

static double map_by_openmp(void *data)
{
    bench_setup *setup = data;

    bench_pause_ms(REST_MS);
    return yardstick_run(setup->openmp, "items", 1);
}

static double map_by_loop(void *data)
{
    bench_setup *setup = data;
    kernel_item *volatile chosen = kernel_square;
    kernel_item *function = chosen; /* the compiler does not know which */
    double begin = 0;

    bench_pause_ms(REST_MS);
    begin = bench_now_us();
    for (size_t i = 0; i < KERNEL_COUNT; i++) {
        function(&setup->in[i], &setup->out[i]);
    }
    return bench_now_us() - begin;
}

static void measure_maps(bench_setup *setup)
{
    bench_step *const steps[] = {map_by_threads, map_by_openmp, map_inline, map_by_loop};
    double us[4];

    bench_quartile_in_turns(us, steps, 4, setup, ROUNDS);
    bench_report("threads_map_vs_openmp", us[0] / 1e3, "ms", "OpenMP", us[1] / us[0]);
    bench_report("inline_map_vs_loop", us[2] / 1e3, "ms", "a loop, the function by pointer",
                 us[3] / us[2]);
}

static brood_pool *open_pool(brood_pool_kind kind)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;

    options.kind = kind;
    options.workers = 2;
    bench_check(brood_pool_create(&pool, &options), "pool_create");
    return pool;
}

int main(int argc, char **argv)
{
    bench_setup setup = {.openmp = NULL};

    if (brood_init(argc, argv) != BROOD_OK) {
        return 1;
    }
    system_use_two_cores();
    for (int kind = 0; kind < 3; kind++) {
        setup.pools[kind] = open_pool((brood_pool_kind)kind);
    }
    setup.in = malloc(SIZE);
    setup.out = malloc(SIZE);
    if (setup.in == NULL || setup.out == NULL) {
        bench_fail("out of memory");
    }
    kernel_prepare(setup.in, setup.out);
    setup.openmp = yardstick_open("OpenMP", (const char *[]){YARDSTICK_OPENMP, NULL});
    measure_tasks(&setup);
    measure_maps(&setup);
    yardstick_close(setup.openmp);
    for (int kind = 0; kind < 3; kind++) {
        pools_close(setup.pools[kind]);
    }
    free(setup.in);
    free(setup.out);
    return 0;
}
