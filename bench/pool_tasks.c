/* How many small tasks a second a pool of two workers does; also when each is told shared memory. */
#include "measure.h"
#include "pools.h"
#include "system.h"
#include "yardstick.h"

#define TASKS 1000000
#define PYTHON_TASKS 20000
#define ROUNDS 5

typedef struct bench_setup {
    brood_pool *pool;
    brood_task_options with_shared;
    bench_yardstick *python;
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
    pools_close(setup.pool);
    brood_shared_destroy(shared);
    yardstick_close(setup.python);
    return 0;
}
