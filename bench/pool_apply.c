/* The time of a task that is waited for: back to back, after a pause, and with a large argument. */
#include <stdlib.h>
#include <string.h>

#include "measure.h"
#include "pools.h"
#include "system.h"
#include "yardstick.h"

#define AWAKE_CALLS 20000
#define AWAKE_ROUNDS 15
#define PYTHON_CALLS 1000
#define ASLEEP_ROUNDS 300
#define PAUSE_MS 5 /* as in yardstick_pingpong.c */
#define LARGE ((size_t)64 << 20)
#define LARGE_ROUNDS 21

#define APART "pipe ping-pong, a core each"
#define WORDS "a shared word each way, a core each"
#define LOOSE "pipe ping-pong, placed freely"

typedef struct bench_setup {
    brood_pool *pool;
    bench_yardstick *apart; /* the ping-pong with each side on a core of its own */
    bench_yardstick *loose; /* and where the scheduler places them: often on one */
    bench_yardstick *python;
    bench_yardstick *words;
    char *large;
    char *copy;
} bench_setup;

static double apply_awake(void *data)
{
    bench_setup *setup = data;

    return pools_apply(setup->pool, AWAKE_CALLS) / AWAKE_CALLS;
}

static double apart_awake(void *data)
{
    bench_setup *setup = data;

    return yardstick_run(setup->apart, "awake", AWAKE_CALLS) / AWAKE_CALLS;
}

static double loose_awake(void *data)
{
    bench_setup *setup = data;

    return yardstick_run(setup->loose, "awake", AWAKE_CALLS) / AWAKE_CALLS;
}

static double python_apply(void *data)
{
    bench_setup *setup = data;

    return yardstick_run(setup->python, "apply", PYTHON_CALLS) / PYTHON_CALLS;
}

static double words_awake(void *data)
{
    bench_setup *setup = data;

    return yardstick_run(setup->words, "spin", AWAKE_CALLS) / AWAKE_CALLS;
}

/* The yardstick spins all the time: it runs only here. */
static void measure_words(bench_setup *setup)
{
    bench_step *const steps[] = {apply_awake, words_awake};
    double us[2];

    setup->words = yardstick_open(WORDS, (const char *[]){YARDSTICK_RING, NULL});
    bench_in_turns(us, steps, 2, setup, AWAKE_ROUNDS);
    bench_report("apply_vs_words", us[0], "us", WORDS, us[0] / us[1]);
    yardstick_close(setup->words);
}

static void measure_awake(bench_setup *setup)
{
    bench_step *const steps[] = {apply_awake, apart_awake, loose_awake, python_apply};
    double us[4];

    bench_in_turns(us, steps, 4, setup, AWAKE_ROUNDS);
    bench_report("apply_awake", us[0], "us", APART, us[0] / us[1]);
    bench_report("apply_awake_loose", us[0], "us", LOOSE, us[0] / us[2]);
    bench_report("apply_vs_python", us[0], "us", "Python: Pool.apply", us[3] / us[0]);
}

static double apply_asleep(void *data)
{
    bench_setup *setup = data;

    bench_pause_ms(PAUSE_MS);
    return pools_apply(setup->pool, 1);
}

static double apart_asleep(void *data)
{
    bench_setup *setup = data;

    return yardstick_run(setup->apart, "asleep", 1);
}

static double loose_asleep(void *data)
{
    bench_setup *setup = data;

    return yardstick_run(setup->loose, "asleep", 1);
}

static void measure_asleep(bench_setup *setup)
{
    bench_step *const steps[] = {apply_asleep, apart_asleep, loose_asleep};
    double us[3];

    bench_in_turns(us, steps, 3, setup, ASLEEP_ROUNDS);
    bench_report("apply_asleep", us[0], "us", APART, us[0] / us[1]);
    bench_report("apply_asleep_loose", us[0], "us", LOOSE, us[0] / us[2]);
}

/* Runs in the worker: looks at both ends of what it was given. */
static int add_ends(brood_task *task, const void *arg, size_t size)
{
    const char *bytes = arg;
    uint64_t sum = (uint64_t)bytes[0] + (uint64_t)bytes[size - 1] + size;

    return brood_return(task, &sum, sizeof sum);
}

static double apply_large(void *data)
{
    bench_setup *setup = data;
    double begin = bench_now_us();
    uint64_t sum = 0;

    bench_check(
        brood_pool_apply(setup->pool, add_ends, setup->large, LARGE, &sum, sizeof sum, NULL),
        "pool_apply");
    if (sum != LARGE + 2) {
        bench_fail("the argument did not arrive");
    }
    return bench_now_us() - begin;
}

static double copy_large(void *data)
{
    bench_setup *setup = data;
    double begin = bench_now_us();

    memcpy(setup->copy, setup->large, LARGE);
    if (setup->copy[0] + setup->copy[LARGE - 1] != 2) {
        bench_fail("memcpy did not copy");
    }
    return bench_now_us() - begin;
}

static void measure_large(bench_setup *setup)
{
    bench_step *const steps[] = {apply_large, copy_large};
    double us[2];

    setup->large = malloc(LARGE);
    setup->copy = malloc(LARGE);
    if (setup->large == NULL || setup->copy == NULL) {
        bench_fail("out of memory");
    }
    memset(setup->large, 1, LARGE);
    memset(setup->copy, 0, LARGE);
    bench_in_turns(us, steps, 2, setup, LARGE_ROUNDS);
    bench_report("arg_64mib_vs_memcpy", us[0] / 1000, "ms", "memcpy", us[1] / us[0]);
    free(setup->large);
    free(setup->copy);
}

int main(int argc, char **argv)
{
    bench_setup setup = {NULL};

    if (brood_init(argc, argv) != BROOD_OK) {
        return 1;
    }
    system_use_two_cores();
    setup.apart = yardstick_open(APART, (const char *[]){YARDSTICK_PINGPONG, "apart", NULL});
    setup.loose = yardstick_open(LOOSE, (const char *[]){YARDSTICK_PINGPONG, NULL});
    setup.python =
        yardstick_open("Python", (const char *[]){YARDSTICK_PYTHON, YARDSTICK_SCRIPT, NULL});
    setup.pool = pools_open(2);
    measure_awake(&setup);
    yardstick_close(setup.python);
    measure_asleep(&setup);
    yardstick_close(setup.apart);
    yardstick_close(setup.loose);
    measure_large(&setup);
    measure_words(&setup);
    pools_close(setup.pool);
    return 0;
}
