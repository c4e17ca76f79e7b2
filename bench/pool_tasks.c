/* How many small tasks a second a pool of two workers does. */
#include "measure.h"
#include "pools.h"
#include "system.h"
#include "yardstick.h"

#define TASKS 1000000
#define PYTHON_TASKS 20000
#define ROUNDS 5

typedef struct bench_setup {
    brood_pool *pool;
    bench_yardstick *python;
} bench_setup;

static double with_brood(void *data)
{
    bench_setup *setup = data;

    return pools_apply_async(setup->pool, TASKS) / TASKS;
}

static double with_python(void *data)
{
    bench_setup *setup = data;

    return yardstick_run(setup->python, "tasks", PYTHON_TASKS) / PYTHON_TASKS;
}

int main(int argc, char **argv)
{
    bench_step *const steps[] = {with_brood, with_python};
    bench_setup setup = {NULL};
    double us[2];

    if (brood_init(argc, argv) != BROOD_OK) {
        return 1;
    }
    system_use_two_cores();
    setup.python =
        yardstick_open("Python", (const char *[]){YARDSTICK_PYTHON, YARDSTICK_SCRIPT, NULL});
    setup.pool = pools_open(2);
    bench_in_turns(us, steps, 2, &setup, ROUNDS);
    bench_report("tasks_per_s", 1e6 / us[0], "tasks/s", NULL, BENCH_NONE);
    bench_report("tasks_vs_python", 1e6 / us[0], "tasks/s", "Python: Pool.apply_async and get",
                 us[1] / us[0]);
    pools_close(setup.pool);
    yardstick_close(setup.python);
    return 0;
}
