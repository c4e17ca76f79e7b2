/* Whether a task takes longer in a pool of a thousand workers than in one of two. */
#include <apr_atomic.h>

#include "measure.h"
#include "pools.h"
#include "system.h"

#define MANY 1000
#define TASKS 200000
#define CALLS 20000
#define ROUNDS 5
#define START_MS 120000
#define CALM_MS 1000

typedef struct bench_setup {
    brood_pool *few;
    brood_pool *many;
} bench_setup;

/* Returns when every worker has come to it: each has then been started, and has a task. */
static int meet(brood_task *task, const void *arg, size_t size)
{
    volatile apr_uint32_t *arrived = brood_task_shared(task, 0, NULL);

    (void)arg;
    (void)size;
    apr_atomic_inc32(arrived);
    while (apr_atomic_read32(arrived) < MANY) {
        if (brood_task_cancelled(task)) {
            return 1;
        }
        bench_pause_ms(50);
    }
    return 0;
}

static void wait_for_workers(brood_pool *pool)
{
    static brood_result *results[MANY];
    brood_shared *arrived = NULL;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;

    bench_check(brood_shared_create(&arrived, sizeof(uint32_t), NULL), "shared_create");
    options.shared = &arrived;
    options.shared_count = 1;
    options.deadline_ms = START_MS;
    for (int i = 0; i < MANY; i++) {
        bench_check(brood_pool_apply_async(pool, &results[i], meet, NULL, 0, &options),
                    "pool_apply_async");
    }
    for (int i = 0; i < MANY; i++) {
        bench_check(brood_result_get(results[i], NULL, NULL, BROOD_FOREVER),
                    "a thousand workers do not come up");
        brood_result_destroy(results[i]);
    }
    brood_shared_destroy(arrived);
    bench_pause_ms(CALM_MS);
}

static double apply_few(void *data)
{
    bench_setup *setup = data;

    return pools_apply(setup->few, CALLS) / CALLS;
}

static double apply_many(void *data)
{
    bench_setup *setup = data;

    return pools_apply(setup->many, CALLS) / CALLS;
}

static double tasks_few(void *data)
{
    bench_setup *setup = data;

    return pools_apply_async(setup->few, TASKS, NULL) / TASKS;
}

static double tasks_many(void *data)
{
    bench_setup *setup = data;

    return pools_apply_async(setup->many, TASKS, NULL) / TASKS;
}

int main(int argc, char **argv)
{
    bench_step *const steps[] = {apply_many, apply_few, tasks_many, tasks_few};
    bench_setup setup = {NULL, NULL};
    double us[4];

    if (brood_init(argc, argv) != BROOD_OK) {
        return 1;
    }
    system_use_two_cores();
    system_raise_limits();
    setup.few = pools_open(2);
    setup.many = pools_open(MANY);
    wait_for_workers(setup.many);
    bench_in_turns(us, steps, 4, &setup, ROUNDS);
    bench_report("apply_1000_workers", us[0], "us", "apply with 2 workers", us[0] / us[1]);
    bench_report("tasks_1000_workers", us[2], "us", "apply_async with 2 workers", us[2] / us[3]);
    pools_close(setup.many);
    pools_close(setup.few);
    return 0;
}
