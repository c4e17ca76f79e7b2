/* Ten million squares: as items of a map, with copies and without, and as a range. */
#include <stdlib.h>

#include "kernel.h"
#include "measure.h"
#include "pools.h"
#include "system.h"
#include "yardstick.h"

#define ROUNDS 41
#define SIZE (KERNEL_COUNT * sizeof(int64_t))
#define REST_MS 20 /* until the yardsticks' threads do not spin any more, nor brood's workers */

enum {
    SOURCE,
    TARGET
};

typedef struct bench_setup {
    brood_pool *pool;
    int64_t *plain[2];
    brood_shared *shared[2];
    brood_task_options options; /* names both */
    bench_yardstick *openmp;
    bench_yardstick *tbb;
} bench_setup;

static int square(brood_task *task, const void *arg, size_t size)
{
    int64_t value = kernel_value(*(const int64_t *)arg);

    (void)size;
    return brood_return(task, &value, sizeof value);
}

static int squares(brood_task *task, uint64_t begin, uint64_t end, const void *context, size_t size)
{
    (void)context;
    (void)size;
    kernel_squares(brood_task_shared(task, SOURCE, NULL), brood_task_shared(task, TARGET, NULL),
                   begin, end);
    return 0;
}

static double map(bench_setup *setup, int64_t *in, int64_t *out)
{
    double begin = 0;
    double us = 0;

    bench_pause_ms(REST_MS);
    begin = bench_now_us();
    bench_check(
        brood_pool_map(setup->pool, square, in, KERNEL_COUNT, sizeof *in, out, sizeof *out, NULL),
        "pool_map");
    us = bench_now_us() - begin;
    if (!kernel_check(in, out)) {
        bench_fail("pool_map gave other values");
    }
    return us;
}

static double map_plain(void *data)
{
    bench_setup *setup = data;

    return map(setup, setup->plain[SOURCE], setup->plain[TARGET]);
}

static double map_shared(void *data)
{
    bench_setup *setup = data;

    return map(setup, brood_shared_data(setup->shared[SOURCE]),
               brood_shared_data(setup->shared[TARGET]));
}

static double for_shared(void *data)
{
    bench_setup *setup = data;
    double begin = 0;
    double us = 0;

    bench_pause_ms(REST_MS);
    begin = bench_now_us();
    bench_check(brood_pool_for(setup->pool, squares, 0, KERNEL_COUNT, NULL, 0, &setup->options),
                "pool_for");
    us = bench_now_us() - begin;
    if (!kernel_check(brood_shared_data(setup->shared[SOURCE]),
                      brood_shared_data(setup->shared[TARGET]))) {
        bench_fail("pool_for gave other values");
    }
    return us;
}

static double openmp_items(void *data)
{
    bench_setup *setup = data;

    bench_pause_ms(REST_MS);
    return yardstick_run(setup->openmp, "items", 1);
}

static double openmp_ranges(void *data)
{
    bench_setup *setup = data;

    bench_pause_ms(REST_MS);
    return yardstick_run(setup->openmp, "ranges", 1);
}

static double tbb_items(void *data)
{
    bench_setup *setup = data;

    bench_pause_ms(REST_MS);
    return yardstick_run(setup->tbb, "items", 1);
}

/* Runs in a worker for longer than the other one takes to fetch the same. */
static int touch(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    kernel_prepare(brood_task_shared(task, SOURCE, NULL), brood_task_shared(task, TARGET, NULL));
    return 0;
}

/* Each worker has all pages of the shared arrays, as the threads of the yardsticks have. */
static void touch_in_workers(bench_setup *setup)
{
    brood_result *results[2];

    for (int i = 0; i < 2; i++) {
        bench_check(
            brood_pool_apply_async(setup->pool, &results[i], touch, NULL, 0, &setup->options),
            "pool_apply_async");
    }
    for (int i = 0; i < 2; i++) {
        bench_check(brood_result_get(results[i], NULL, NULL, BROOD_FOREVER), "result_get");
        brood_result_destroy(results[i]);
    }
}

static void prepare(bench_setup *setup)
{
    for (int i = SOURCE; i <= TARGET; i++) {
        setup->plain[i] = malloc(SIZE);
        if (setup->plain[i] == NULL) {
            bench_fail("out of memory");
        }
        bench_check(brood_shared_create(&setup->shared[i], SIZE, NULL), "shared_create");
    }
    setup->options = (brood_task_options)BROOD_TASK_OPTIONS_INIT;
    setup->options.shared = setup->shared;
    setup->options.shared_count = 2;
    setup->pool = pools_open(2);
    kernel_prepare(setup->plain[SOURCE], setup->plain[TARGET]);
    kernel_prepare(brood_shared_data(setup->shared[SOURCE]),
                   brood_shared_data(setup->shared[TARGET]));
    touch_in_workers(setup);
}

static void measure(bench_setup *setup)
{
    bench_step *const steps[] = {map_plain,  openmp_items,  map_shared,
                                 for_shared, openmp_ranges, tbb_items};
    double us[6];

    bench_quartile_in_turns(us, steps, 6, setup, ROUNDS);
    bench_report("map_plain_vs_openmp", us[0] / 1000, "ms", "OpenMP, guided", us[1] / us[0]);
    bench_report("map_shared_vs_openmp", us[2] / 1000, "ms", "OpenMP, guided", us[1] / us[2]);
    bench_report("for_vs_openmp", us[3] / 1000, "ms", "OpenMP, guided, in blocks", us[4] / us[3]);
    bench_report("map_shared_vs_tbb", us[2] / 1000, "ms", "tbb::parallel_for", us[5] / us[2]);
}

int main(int argc, char **argv)
{
    bench_setup setup = {NULL};

    if (brood_init(argc, argv) != BROOD_OK) {
        return 1;
    }
    system_use_two_cores();
    setup.openmp = yardstick_open("OpenMP", (const char *[]){YARDSTICK_OPENMP, NULL});
    setup.tbb = yardstick_open("oneTBB", (const char *[]){YARDSTICK_TBB, NULL});
    prepare(&setup);
    measure(&setup);
    yardstick_close(setup.openmp);
    yardstick_close(setup.tbb);
    pools_close(setup.pool);
    for (int i = SOURCE; i <= TARGET; i++) {
        brood_shared_destroy(setup.shared[i]);
        free(setup.plain[i]);
    }
    return 0;
}
