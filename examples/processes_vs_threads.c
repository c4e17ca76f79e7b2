/* The same work by processes, by threads, and by the caller itself: what each costs, and survives. */
#include <stdio.h>
#include <stdlib.h>

#include <apr_time.h>
#include <brood/brood.h>

#define KINDS 3 /* the values of brood_pool_kind */
#define SMALL 500
#define MANY 5000
#define ITEMS 64
#define NUMBERS 500000
#define WORKERS 16 /* of which the memory is measured */
#define TASKS 10

static void check(brood_status status, const char *what)
{
    if (status != BROOD_OK) {
        fprintf(stderr, "%s: %s\n", what, brood_status_text(status));
        exit(1);
    }
}

static double now_ms(void)
{
    return (double)apr_time_now() / 1e3;
}

static brood_pool *open_pool(int kind, uint32_t workers)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;

    options.kind = (brood_pool_kind)kind;
    options.workers = workers;
    check(brood_pool_create(&pool, &options), "a pool");
    return pool;
}

/* ---- tasks: they know nothing of what runs them ---------------------------------------------- */

static int do_nothing(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return 0;
}

static int compute(brood_task *task, const void *arg, size_t size)
{
    double x = *(const double *)arg;

    (void)size;
    for (int i = 0; i < 100000; i++) {
        x = x * 0.999 + 1 / (x + 1);
    }
    return brood_return(task, &x, sizeof x);
}

static int half(brood_task *task, const void *arg, size_t size)
{
    double x = *(const double *)arg / 2;

    (void)size;
    return brood_return(task, &x, sizeof x);
}

static int crash_once(brood_task *task, const void *arg, size_t size)
{
    int *volatile nowhere = (int *)16; /* where no program has anything */

    (void)arg;
    (void)size;
    if (brood_task_index(task) == TASKS / 2) {
        *nowhere = 1;
    }
    return 0;
}

/* ---- what is measured ------------------------------------------------------------------------ */

static double small_us(brood_pool *pool)
{
    double begin = now_ms();

    for (int i = 0; i < SMALL; i++) {
        check(brood_pool_apply(pool, do_nothing, NULL, 0, NULL, 0, NULL), "a task");
    }
    return (now_ms() - begin) * 1e3 / SMALL;
}

static double many_per_s(brood_pool *pool)
{
    static brood_result *results[MANY];
    double begin = now_ms();

    for (int i = 0; i < MANY; i++) {
        check(brood_pool_apply_async(pool, &results[i], do_nothing, NULL, 0, NULL), "a task");
    }
    for (int i = 0; i < MANY; i++) {
        check(brood_result_wait(results[i], BROOD_FOREVER), "a result");
        brood_result_destroy(results[i]);
    }
    return MANY * 1e3 / (now_ms() - begin);
}

static double map_ms(brood_pool *pool, brood_function *function, double *numbers, size_t count)
{
    double begin = 0;

    for (size_t i = 0; i < count; i++) {
        numbers[i] = (double)i;
    }
    begin = now_ms();
    check(brood_pool_map(pool, function, numbers, count, sizeof *numbers, numbers, sizeof *numbers,
                         NULL),
          "a map");
    return now_ms() - begin;
}

/* In a process of its own: a pool of that kind and size; the code says how many tasks were done. */
static int use_pool(brood_task *task, const void *arg, size_t size)
{
    const int *order = arg; /* kind, workers, whether one crashes */
    brood_pool *pool = open_pool(order[0], (uint32_t)order[1]);
    brood_result *map = NULL;
    static const char in[TASKS];
    int done = 0;

    (void)task;
    (void)size;
    check(brood_pool_map_async(pool, &map, order[2] ? crash_once : do_nothing, in, TASKS, 1, NULL,
                               0, NULL),
          "a map");
    for (uint64_t i = 0; i < TASKS; i++) {
        done += brood_result_item(map, i, NULL, NULL, NULL, BROOD_FOREVER) == BROOD_OK;
    }
    brood_result_destroy(map);
    brood_pool_destroy(pool);
    return done;
}

static brood_exit_info run_apart(brood_function *function, int kind, int workers, int crashes)
{
    const int order[] = {kind, workers, crashes};
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_process *process = NULL;

    check(brood_process_start(&process, function, order, sizeof order, NULL), "a process");
    check(brood_process_join(process, BROOD_FOREVER), "its end");
    check(brood_process_exit_info(process, &info), "how it ended");
    brood_process_destroy(process);
    return info;
}

/* What the program has more for each worker, and, where that is a process, all that it has itself. */
static double worker_kib(int kind)
{
    brood_exit_info more = run_apart(use_pool, kind, 1 + WORKERS, 0);
    brood_exit_info less = run_apart(use_pool, kind, 1, 0);
    double kib = more.peak_memory_bytes > less.peak_memory_bytes
                     ? (double)(more.peak_memory_bytes - less.peak_memory_bytes) / 1024 / WORKERS
                     : 0;

    if (kind == BROOD_POOL_PROCESSES) {
        kib += (double)run_apart(do_nothing, kind, 0, 0).peak_memory_bytes / 1024;
    }
    return kib;
}

static void left_after_a_crash(int kind, char *text, size_t size)
{
    brood_exit_info info = run_apart(use_pool, kind, 2, 1);

    if (info.reason == BROOD_EXIT_CODE && info.code == TASKS - 1) {
        snprintf(text, size, "%d of %d tasks", (int)info.code, TASKS);
    } else {
        snprintf(text, size, "nothing");
    }
}

/* ---- the table ------------------------------------------------------------------------------- */

static const char *const rows[] = {"start of a pool, ms",   "one small task, us",
                                   "many small tasks, 1/s", "64 x 100,000 steps, ms",
                                   "shared memory, ms",     "memory of a worker, KiB"};

#define ROWS (sizeof rows / sizeof rows[0])

static void measure(int kind, double numbers[ROWS], brood_shared *shared)
{
    double begin = now_ms();
    brood_pool *pool = open_pool(kind, 0);
    double items[ITEMS];

    check(brood_pool_apply(pool, do_nothing, NULL, 0, NULL, 0, NULL), "the first task");
    numbers[0] = now_ms() - begin;
    numbers[1] = small_us(pool);
    numbers[2] = many_per_s(pool);
    numbers[3] = map_ms(pool, compute, items, ITEMS);
    numbers[4] = map_ms(pool, half, brood_shared_data(shared), NUMBERS);
    numbers[5] = worker_kib(kind);
    brood_pool_destroy(pool);
}

int main(int argc, char **argv)
{
    double numbers[KINDS][ROWS];
    brood_shared *shared = NULL;

    check(brood_init(argc, argv), "brood_init");
    check(brood_shared_create(&shared, NUMBERS * sizeof(double), NULL), "shared memory");
    for (int kind = 0; kind < KINDS; kind++) {
        measure(kind, numbers[kind], shared);
    }
    brood_shared_destroy(shared);
    printf("%-24s %14s %14s %14s\n", "", "processes", "threads", "inline");
    for (size_t row = 0; row < ROWS; row++) {
        printf("%-24s", rows[row]);
        for (int kind = 0; kind < KINDS; kind++) {
            printf(" %14.*f", numbers[kind][row] < 100 ? 2 : 0, numbers[kind][row]);
        }
        printf("\n");
    }
    printf("%-24s", "left after a crash");
    for (int kind = 0; kind < KINDS; kind++) {
        char text[32];

        left_after_a_crash(kind, text, sizeof text);
        printf(" %14s", text);
    }
    printf("\n");
    return 0;
}
