/* A pool of two workers from its making to its end, with one task in between. */
#include "measure.h"
#include "pools.h"
#include "system.h"

#define ROUNDS 100

static int return_at_once(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return 0;
}

static double with_pool(void *data)
{
    double begin = bench_now_us();
    brood_pool *pool = pools_open(2);

    (void)data;
    pools_apply(pool, 1);
    pools_close(pool);
    return bench_now_us() - begin;
}

static double with_processes(void *data)
{
    double begin = bench_now_us();

    (void)data;
    for (int i = 0; i < 2; i++) {
        brood_process *process = NULL;

        bench_check(brood_process_start(&process, return_at_once, NULL, 0, NULL), "process_start");
        bench_check(brood_process_join(process, BROOD_FOREVER), "process_join");
        brood_process_destroy(process);
    }
    return bench_now_us() - begin;
}

int main(int argc, char **argv)
{
    bench_step *const steps[] = {with_pool, with_processes};
    double us[2];

    if (brood_init(argc, argv) != BROOD_OK) {
        return 1;
    }
    system_use_two_cores();
    bench_in_turns(us, steps, 2, NULL, ROUNDS);
    bench_report("pool_start", us[0], "us", "two of brood_process_start and join", us[0] / us[1]);
    return 0;
}
