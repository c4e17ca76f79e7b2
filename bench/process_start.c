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

static void with_brood(void *data)
{
    brood_process *process = NULL;

    (void)data;
    if (brood_process_start(&process, return_at_once, NULL, 0, NULL) != BROOD_OK ||
        brood_process_join(process, BROOD_FOREVER) != BROOD_OK) {
        bench_fail("brood_process_start failed");
    }
    brood_process_destroy(process);
}

static void with_yardstick(void *data)
{
    yardstick_start_and_wait(data, "--return-at-once");
}

static void measure_as(const char *name, char *program)
{
    bench_pair pair = bench_in_turns(with_brood, with_yardstick, program, ROUNDS);

    bench_report(name, pair.subject_us, "us", yardstick_name, pair.subject_us / pair.yardstick_us);
}

int main(int argc, char **argv)
{
    char *memory = NULL;

    if (argc == 2 && strcmp(argv[1], "--return-at-once") == 0) {
        return 0;
    }
    if (brood_init(argc, argv) != BROOD_OK) {
        return 1;
    }
    bench_in_turns(with_brood, with_yardstick, argv[0], 20); /* warm */
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
