/* F14 - F16: workers that cannot be started; the pool works on, recovers, or says that it is broken. */
#include "pool_stage.h"
#include "pool/lock.h"

#include <stdlib.h>

#define HOARD_MAX 200
#define FEW 2
#define MANY 20
#define LARGE_RING ((size_t)1024 * 1024)
#define SMALL_RING ((size_t)64 * 1024)

/* ---- F14: no descriptors ------------------------------------------------------------------- */

/* All descriptors but a few; given back, they can be had again. */
typedef struct hoard {
    intptr_t pipes[HOARD_MAX][2];
    int count;
} hoard;

static void hoard_all_but(hoard *all, int spare)
{
    if (!support_limit_handles(128)) {
        harness_skip("no such limit here");
    }
    all->count = 0;
    while (all->count < HOARD_MAX && support_pipe(all->pipes[all->count])) {
        all->count++;
    }
    for (int i = 0; i < (spare + 1) / 2; i++) {
        all->count--;
        support_close(all->pipes[all->count][0]);
        support_close(all->pipes[all->count][1]);
    }
}

static void give_back(hoard *all)
{
    while (all->count > 0) {
        all->count--;
        support_close(all->pipes[all->count][0]);
        support_close(all->pipes[all->count][1]);
    }
}

static void f14_no_descriptors_at_first(void **state)
{
    pool_stage stage;
    hoard all;
    brood_error error = {BROOD_OK, 0, "", ""};

    (void)state;
    stage_prepare(&stage, 4);
    hoard_all_but(&all, 6);
    stage.options.error = &error;
    assert_status(brood_pool_create(&stage.pool, &stage.options), BROOD_ERR_LIMIT);
    assert_null(stage.pool);
    assert_status(error.status, BROOD_ERR_LIMIT);
    give_back(&all);
    stage_open(&stage);
    stage_works(&stage, 5);
    stage_close(&stage);
}

/* With some of its workers the pool works, and goes on trying. */
static void f14_descriptors_for_some(void **state)
{
    pool_stage stage;
    hoard all;

    (void)state;
    stage_prepare(&stage, 8);
    hoard_all_but(&all, 20);
    stage_open(&stage);
    stage_works(&stage, 50);
    assert_in_range(stage_stats(&stage).alive, 1, 7);
    give_back(&all);
    stage_works(&stage, 50);
    stage_await_started(&stage, 8);
    assert_int_equal(stage_stats(&stage).died, 0);
    stage_close(&stage);
}

/* What is submitted while no worker can be started is run when one can. */
static void f14_no_descriptors_for_a_while(void **state)
{
    pool_stage stage;
    hoard all;
    brood_result *results[10];

    (void)state;
    stage_prepare(&stage, 2);
    stage.options.crash_limit = 1000000;
    stage_open(&stage);
    stage_await_started(&stage, 2);
    stage_works(&stage, 5);
    hoard_all_but(&all, 2);
    stage_kill(stage_pid(&stage, 0));
    stage_kill(stage_pid(&stage, 1));
    give_back(&all); /* what the two had open was hoarded or is free: there is a race for it */
    hoard_all_but(&all, 2);
    for (int64_t i = 0; i < 10; i++) {
        assert_ok(
            brood_pool_apply_async(stage.pool, &results[i], stage_square, &i, sizeof i, NULL));
    }
    brood_result_wait(results[9], 50);
    give_back(&all);
    for (int i = 0; i < 10; i++) {
        stage_end(results[i], BROOD_OK);
    }
    stage_close(&stage);
}

/* ---- F15: workers that never come up -------------------------------------------------------- */

/*
 * Workers that are started from now on do what a file says: their environment is the program's as it
 * was when the pool was made.
 */
static char directory[512];
static char order_file[600];

static void order_workers(const char *order)
{
    FILE *file = NULL;

    if (directory[0] == '\0') {
        support_make_directory(directory, sizeof directory);
        snprintf(order_file, sizeof order_file, "%s/order", directory);
    }
    file = fopen(order_file, "w");
    assert_non_null(file);
    fputs(order, file);
    assert_int_equal(fclose(file), 0);
}

static void forget_orders(void)
{
    if (directory[0] != '\0') {
        support_remove_tree(directory);
        directory[0] = '\0';
    }
}

static int obey_file(brood_task *task, const void *arg, size_t size)
{
    char order[16] = "";
    FILE *file = fopen(arg, "r");

    (void)size;
    if (file != NULL) {
        if (fgets(order, sizeof order, file) == NULL) {
            order[0] = '\0';
        }
        fclose(file);
    }
    if (strcmp(order, "crash") == 0) {
        support_kill_self();
    }
    return strcmp(order, "fail") == 0 ? brood_task_fail(task, 42, "no database") : 0;
}

static void prepare_obedient(pool_stage *stage, uint32_t workers)
{
    if (directory[0] == '\0') {
        order_workers("");
    }
    stage_prepare(stage, workers);
    stage->options.initializer = obey_file;
    stage->options.initializer_arg = order_file;
    stage->options.initializer_size = strlen(order_file) + 1;
    stage->options.crash_limit = 4;
    stage->options.backoff_ms = 1;
}

static void assert_broken(pool_stage *stage)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_failure failure = BROOD_FAILURE_INIT;
    brood_result *result = NULL;
    int64_t x = 1;

    options.failure = &failure;
    assert_status(
        brood_pool_apply_async(stage->pool, &result, stage_square, &x, sizeof x, &options),
        BROOD_ERR_BROKEN);
    assert_null(result);
    assert_status(failure.status, BROOD_ERR_BROKEN);
}

/* Every task that waits ends, with the reason; so does what is submitted later. */
static void break_pool(const char *order, uint32_t workers)
{
    pool_stage stage;
    brood_result *results[10];
    brood_result *map = NULL;
    int64_t in[10] = {0};
    int64_t out[10] = {0};
    brood_failure failure = BROOD_FAILURE_INIT;
    int count = 0;

    order_workers(order);
    prepare_obedient(&stage, workers);
    stage_open(&stage);
    for (int64_t i = 0; i < 10; i++) {
        brood_status status =
            brood_pool_apply_async(stage.pool, &results[i], stage_square, &i, sizeof i, NULL);

        assert_true(status == BROOD_OK || status == BROOD_ERR_BROKEN);
        count += status == BROOD_OK;
    }
    if (brood_pool_map_async(stage.pool, &map, stage_square, in, 10, sizeof in[0], out,
                             sizeof out[0], NULL) == BROOD_OK) {
        stage_end(map, BROOD_ERR_BROKEN);
    }
    for (int i = 0; i < count; i++) {
        stage_expect(results[i], BROOD_ERR_BROKEN);
        assert_ok(brood_result_failure(results[i], &failure));
        assert_int_not_equal(failure.exit.reason, BROOD_EXIT_NONE);
        if (strcmp(order, "fail") == 0) {
            assert_non_null(strstr(failure.message, "no database"));
            assert_int_equal(failure.task_code, 42);
        }
        brood_result_destroy(results[i]);
    }
    assert_true(count > 0);
    assert_broken(&stage);
    order_workers("");
    stage_close(&stage);
    forget_orders();
}

static void f15_initializers_that_crash(void **state)
{
    (void)state;
    break_pool("crash", 1);
    break_pool("crash", 3);
}

static void f15_initializers_that_fail(void **state)
{
    (void)state;
    break_pool("fail", 1);
    break_pool("fail", 3);
}

static int fail_slowly(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    apr_sleep(400000); /* longer than between two starts, so that one is always left */
    return brood_task_fail(task, 42, "no database");
}

static void f15_initializers_that_fail_while_others_begin(void **state)
{
    pool_stage stage;
    brood_result *result = NULL;
    int64_t x = 5;

    (void)state;
    stage_prepare(&stage, 3);
    stage.options.initializer = fail_slowly;
    stage.options.crash_limit = 4;
    stage.options.backoff_ms = 1;
    stage_open(&stage);
    assert_ok(brood_pool_apply_async(stage.pool, &result, stage_square, &x, sizeof x, NULL));
    assert_ok(brood_result_wait(result, SOON_MS));
    stage_end(result, BROOD_ERR_BROKEN);
    assert_in_range(stage_stats(&stage).started, 4, 10);
    stage_terminate(&stage);
}

static void end_soon(void *data)
{
    (void)data;
    apr_sleep(2000);
    support_kill_self();
}

static int begin_end(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    support_thread_start(end_soon, NULL);
    return 0;
}

static bool have_many_died(void *data)
{
    return stage_stats(data).died >= 8;
}

/* They come up, and have no task that would count them: only the back-off holds them up. */
static void f15_idle_workers_that_end_at_once(void **state)
{
    pool_stage stage;
    int64_t begin = brood_os_now();

    (void)state;
    stage_prepare(&stage, 1);
    stage.options.initializer = begin_end;
    stage.options.backoff_ms = 10;
    stage_open(&stage);
    stage_await_that(have_many_died, &stage);
    assert_true(brood_os_now() - begin >= 300 * INT64_C(1000000)); /* without it: 5 ms each */
    stage_terminate(&stage);
}

/* A few that fail do not break it, when one comes up in between. */
static void f15_initializers_that_fail_for_a_while(void **state)
{
    pool_stage stage;
    brood_result *result = NULL;
    int64_t x = 5;

    (void)state;
    order_workers("crash");
    prepare_obedient(&stage, 2);
    stage.options.crash_limit = 1000000;
    stage_open(&stage);
    assert_ok(brood_pool_apply_async(stage.pool, &result, stage_square, &x, sizeof x, NULL));
    assert_status(brood_result_wait(result, 100), BROOD_ERR_TIMEOUT);
    order_workers("");
    stage_end(result, BROOD_OK);
    stage_works(&stage, 10);
    stage_close(&stage);
    forget_orders();
}

static bool is_everybody_up(void *data)
{
    brood_pool *pool = data;
    uint32_t up = 0;

    brood_pool_lock(pool);
    for (uint32_t i = 0; i < pool->roster.slots; i++) {
        up += pool->roster.workers[i] != NULL && pool->roster.workers[i]->reports.is_up;
    }
    brood_pool_unlock(pool);
    return up == pool->supervisor.target;
}

/* Those that are there work on while no other comes up; the last one's end breaks the pool. */
static void f15_replacements_that_crash(void **state)
{
    pool_stage stage;

    (void)state;
    prepare_obedient(&stage, 2);
    stage_open(&stage);
    stage_await_that(is_everybody_up, stage.pool);
    stage_works(&stage, 5);
    order_workers("crash");
    stage_kill(stage_pid(&stage, 0));
    for (int i = 0; i < 20; i++) {
        stage_works(&stage, 2);
    }
    order_workers("");
    stage_works(&stage, 2);
    stage_close(&stage);
    forget_orders();
}

/* ---- F16: in shutdown ------------------------------------------------------------------------ */

static int wait_and_square(brood_task *task, const void *arg, size_t size)
{
    stage_wait(task);
    return stage_square(task, arg, size);
}

/* Closed, with tasks that wait, when the only worker dies and no other comes up. */
static void f16_no_replacement_in_shutdown(void **state)
{
    pool_stage stage;
    brood_result *results[10];

    (void)state;
    prepare_obedient(&stage, 1);
    stage_open(&stage);
    for (int64_t i = 0; i < 10; i++) {
        assert_ok(brood_pool_apply_async(
            stage.pool, &results[i], i == 0 ? wait_and_square : stage_square, &i, sizeof i, NULL));
    }
    stage_await(&stage);
    assert_ok(brood_pool_close(stage.pool));
    order_workers("crash");
    stage_kill(stage_pid(&stage, 0));
    assert_ok(brood_pool_join(stage.pool, SOON_MS));
    for (int i = 0; i < 10; i++) {
        stage_end(results[i], i == 0 ? BROOD_ERR_DIED : BROOD_ERR_BROKEN);
    }
    order_workers("");
    stage_close(&stage);
    forget_orders();
}

static void f16_terminated_while_replacements_crash(void **state)
{
    (void)state;
    order_workers("crash");
    for (int i = 0; i < 10; i++) {
        pool_stage stage;
        brood_result *result = NULL;
        brood_status status = BROOD_OK;
        int64_t x = 5;

        prepare_obedient(&stage, 2);
        stage.options.crash_limit = 1000000;
        stage_open(&stage);
        assert_ok(brood_pool_apply_async(stage.pool, &result, stage_square, &x, sizeof x, NULL));
        status = brood_result_wait(result, i);
        assert_status(status, BROOD_ERR_TIMEOUT);
        assert_ok(brood_pool_terminate(stage.pool));
        stage_end(result, BROOD_ERR_CANCELLED);
        stage_terminate(&stage);
    }
    forget_orders();
}

/* ---- resize: what depends on the number of workers ------------------------------------------------ */

static size_t count_rings(brood_pool *pool, size_t capacity)
{
    size_t count = 0;

    brood_pool_lock(pool);
    for (uint32_t i = 0; i < pool->roster.slots; i++) {
        const brood_worker *worker = pool->roster.workers[i];

        count += worker != NULL && worker->capacity == capacity;
    }
    brood_pool_unlock(pool);
    return count;
}

static int tell_size(brood_task *task, const void *arg, size_t size)
{
    uint64_t told = size;

    (void)arg;
    return brood_return(task, &told, sizeof told);
}

static bool are_alive(void *data)
{
    return stage_stats(data).alive == MANY;
}

/* Those that were there keep their rings, later ones have rings for so many workers; both work. */
static void rings_are_those_of_the_size(void **state)
{
    pool_stage stage;
    static unsigned char large[3 * LARGE_RING];
    uint64_t size = 0;

    (void)state;
    stage_prepare(&stage, FEW);
    stage_open(&stage);
    assert_int_equal(count_rings(stage.pool, LARGE_RING), FEW);
    assert_ok(brood_pool_resize(stage.pool, MANY));
    stage_await_that(are_alive, &stage);
    assert_int_equal(count_rings(stage.pool, LARGE_RING), FEW);
    assert_int_equal(count_rings(stage.pool, SMALL_RING), MANY - FEW);
    for (int i = 0; i < 2 * MANY; i++) {
        assert_ok(
            brood_pool_apply(stage.pool, tell_size, large, sizeof large, &size, sizeof size, NULL));
        assert_int_equal(size, sizeof large);
    }
    stage_close(&stage);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(f14_no_descriptors_at_first),
    cmocka_unit_test(f14_descriptors_for_some),
    cmocka_unit_test(f14_no_descriptors_for_a_while),
    cmocka_unit_test(f15_initializers_that_crash),
    cmocka_unit_test(f15_initializers_that_fail),
    cmocka_unit_test(f15_initializers_that_fail_while_others_begin),
    cmocka_unit_test(f15_initializers_that_fail_for_a_while),
    cmocka_unit_test(f15_idle_workers_that_end_at_once),
    cmocka_unit_test(f15_replacements_that_crash),
    cmocka_unit_test(f16_no_replacement_in_shutdown),
    cmocka_unit_test(f16_terminated_while_replacements_crash),
    cmocka_unit_test(rings_are_those_of_the_size),
};

BROOD_TEST_MAIN(tests)
