/*
 * How many small tasks a second a pool of two workers does; also when each is told shared memory, and
 * with all of them under way at once.
 */
#include "measure.h"
#include "pools.h"
#include "system.h"
#include "yardstick.h"

#define TASKS 1000000
#define PYTHON_TASKS 20000
#define ROUNDS 5
#define RING "bare shared ring, a core each"

typedef struct bench_setup {
    brood_pool *pool;
    brood_task_options with_shared;
    bench_yardstick *python;
    bench_yardstick *ring;
} bench_setup;

static double with_brood(void *data)
{
    bench_setup *setup = data;

    return pools_apply_async(setup->pool, TASKS, NULL) / TASKS;
}

static double with_shared(void *data)
{
    bench_setup *setup = data;

    return pools_apply_async(setup->pool, TASKS, &setup->with_shared) / TASKS;
}

static double deep(void *data)
{
    bench_setup *setup = data;

    return pools_apply_deep(setup->pool, TASKS) / TASKS;
}

static double with_ring(void *data)
{
    bench_setup *setup = data;

    return yardstick_run(setup->ring, "tasks", TASKS) / TASKS;
}

static double deep_with_ring(void *data)
{
    bench_setup *setup = data;

    return yardstick_run(setup->ring, "deep", TASKS) / TASKS;
}

static void measure_deep(bench_setup *setup)
{
    bench_step *const steps[] = {with_brood, deep, with_ring, deep_with_ring};
    double us[4];

    bench_in_turns(us, steps, 4, setup, ROUNDS);
    bench_report("tasks_vs_ring", 1e6 / us[0], "tasks/s", RING, us[2] / us[0]);
    bench_report("tasks_deep_per_s", 1e6 / us[1], "tasks/s", RING, us[3] / us[1]);
}

static double with_python(void *data)
{
    bench_setup *setup = data;

    return yardstick_run(setup->python, "tasks", PYTHON_TASKS) / PYTHON_TASKS;
}

int main(int argc, char **argv)
{
    bench_step *const steps[] = {with_brood, with_shared, with_python};
    bench_setup setup = {NULL};
    const brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_shared *shared = NULL;
    double us[3];

    if (brood_init(argc, argv) != BROOD_OK) {
        return 1;
    }
    system_use_two_cores();
    setup.python =
        yardstick_open("Python", (const char *[]){YARDSTICK_PYTHON, YARDSTICK_SCRIPT, NULL});
    setup.pool = pools_open(2);
    bench_check(brood_shared_create(&shared, 4096, NULL), "shared_create");
    setup.with_shared = options;
    setup.with_shared.shared = &shared;
    setup.with_shared.shared_count = 1;
    bench_in_turns(us, steps, 3, &setup, ROUNDS);
    bench_report("tasks_per_s", 1e6 / us[0], "tasks/s", NULL, BENCH_NONE);
    bench_report("tasks_vs_python", 1e6 / us[0], "tasks/s", "Python: Pool.apply_async and get",
                 us[2] / us[0]);
    bench_report("tasks_with_shared", 1e6 / us[1], "tasks/s", "tasks_per_s", us[0] / us[1]);
    yardstick_close(setup.python);
    setup.ring = yardstick_open(RING, (const char *[]){YARDSTICK_RING, NULL});
    measure_deep(&setup);
    yardstick_close(setup.ring);
    pools_close(setup.pool);
    brood_shared_destroy(shared);
    return 0;
}
