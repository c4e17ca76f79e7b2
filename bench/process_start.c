/* The cost of a start and join, of a small parent and of one that has touched 1 GiB. */
#include <stdlib.h>
#include <string.h>

#include <brood/brood.h>

#include "measure.h"

#define ROUNDS 400
#define GIB ((size_t)1 << 30)

static int return_at_once(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return 0;
}

static double with_brood(void *data)
{
    double begin = bench_now_us();
    brood_process *process = NULL;

    (void)data;
    bench_check(brood_process_start(&process, return_at_once, NULL, 0, NULL), "process_start");
    bench_check(brood_process_join(process, BROOD_FOREVER), "process_join");
    brood_process_destroy(process);
    return bench_now_us() - begin;
}

static double with_yardstick(void *data)
{
    double begin = bench_now_us();

    yardstick_start_and_wait(data, "--return-at-once");
    return bench_now_us() - begin;
}

static bench_step *const steps[] = {with_brood, with_yardstick};

static void measure_as(const char *name, char *program)
{
    double us[2];

    bench_in_turns(us, steps, 2, program, ROUNDS);
    bench_report(name, us[0], "us", yardstick_name, us[0] / us[1]);
}

int main(int argc, char **argv)
{
    char *memory = NULL;
    double warm[2];

    if (argc == 2 && strcmp(argv[1], "--return-at-once") == 0) {
        return 0;
    }
    if (brood_init(argc, argv) != BROOD_OK) {
        return 1;
    }
    bench_in_turns(warm, steps, 2, argv[0], 20);
    measure_as("process_start", argv[0]);
    memory = malloc(GIB);
    if (memory == NULL) {
        bench_fail("1 GiB cannot be had");
    }
    memset(memory, 1, GIB);
    measure_as("process_start_1gib", argv[0]);
    free(memory);
    return 0;
}
