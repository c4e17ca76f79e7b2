/*
 * How often threads of the program and its workers go to sleep for a thousand small tasks: applied,
 * submitted and taken, or mapped, from one thread and from four at a time. A pool that is waked for
 * nothing shows here first.
 */
#include <stdio.h>
#include <stdlib.h>

#include <apr_general.h>
#include <apr_thread_proc.h>

#include "measure.h"
#include "pools.h"
#include "system.h"

#define WORKERS 2
#define CALLERS_MAX 4
#define ROUNDS 5
#define APPLIES 20000 /* by all callers together */
#define ASYNCS 100000
#define MAPPED 200000
#define MAP_ITEMS 1000

typedef struct bench_setup {
    brood_pool *pool;
    apr_pool_t *apr;
    int64_t pids[WORKERS];
    int callers, count; /* count: tasks of each caller */
    void (*call)(brood_pool *, int);
} bench_setup;

static void call_apply(brood_pool *pool, int count)
{
    pools_apply(pool, count);
}

static void call_async(brood_pool *pool, int count)
{
    pools_apply_async(pool, count, NULL);
}

static void call_map(brood_pool *pool, int count)
{
    uint64_t *in = calloc(2 * MAP_ITEMS, sizeof *in);

    if (in == NULL) {
        bench_fail("out of memory");
    }
    for (int done = 0; done < count; done += MAP_ITEMS) {
        bench_check(brood_pool_map(pool, pools_add_one, in, MAP_ITEMS, sizeof *in, in + MAP_ITEMS,
                                   sizeof *in, NULL),
                    "pool_map");
    }
    free(in);
}

static void *APR_THREAD_FUNC run_caller(apr_thread_t *thread, void *data)
{
    const bench_setup *setup = data;

    (void)thread;
    setup->call(setup->pool, setup->count);
    return NULL;
}

static bool switches(const bench_setup *setup, uint64_t *sum)
{
    system_activity workers = {0, 0};
    bool known = system_own_switches(sum);

    for (int i = 0; i < WORKERS; i++) {
        known = system_add_activity(setup->pids[i], &workers) && known;
    }
    *sum += workers.wakeups;
    return known;
}

/* For each thousand tasks. */
static double count_switches(void *data)
{
    bench_setup *setup = data;
    apr_thread_t *threads[CALLERS_MAX];
    apr_status_t ignored = APR_SUCCESS;
    uint64_t before = 0;
    uint64_t after = 0;

    if (!switches(setup, &before)) {
        return BENCH_NONE;
    }
    for (int i = 0; i < setup->callers; i++) {
        if (apr_thread_create(&threads[i], NULL, run_caller, setup, setup->apr) != APR_SUCCESS) {
            bench_fail("no thread");
        }
    }
    for (int i = 0; i < setup->callers; i++) {
        apr_thread_join(&ignored, threads[i]);
    }
    if (!switches(setup, &after)) {
        return BENCH_NONE;
    }
    return (double)(after - before) * 1000 / setup->count / setup->callers;
}

static void measure(bench_setup *setup, const char *kind, void (*call)(brood_pool *, int),
                    int count, int callers)
{
    bench_step *const step = count_switches;
    char name[64];
    double median = 0;

    setup->call = call;
    setup->callers = callers;
    setup->count = count / callers;
    bench_in_turns(&median, &step, 1, setup, ROUNDS);
    if (median < 0) {
        fprintf(stderr, "benchmark: how often threads sleep is only told on Linux\n");
        return;
    }
    snprintf(name, sizeof name, "switches_%s_%d", kind, callers);
    bench_report(name, median, "per 1,000", NULL, BENCH_NONE);
}

int main(int argc, char **argv)
{
    bench_setup setup = {NULL};

    if (brood_init(argc, argv) != BROOD_OK) {
        return 1;
    }
    apr_initialize();
    apr_pool_create(&setup.apr, NULL);
    system_use_two_cores();
    setup.pool = pools_open(WORKERS);
    if (brood_pool_pids(setup.pool, setup.pids, WORKERS) != WORKERS) {
        bench_fail("the pool has not as many workers as it should");
    }
    for (int callers = 1; callers <= CALLERS_MAX; callers += CALLERS_MAX - 1) {
        measure(&setup, "apply", call_apply, APPLIES, callers);
        measure(&setup, "async", call_async, ASYNCS, callers);
        measure(&setup, "map", call_map, MAPPED, callers);
    }
    pools_close(setup.pool);
    apr_pool_destroy(setup.apr);
    return 0;
}
