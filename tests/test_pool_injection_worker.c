/*
 * F24 on pools: in every worker the Nth allocation, or the Nth call to the system, fails. Each task
 * ends with its value or a failure that fits, and the pool with it: it works on with other workers,
 * or says that it is broken.
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "faults.h"
#include "platform.h"

#define LARGE 1200000 /* more than a ring holds */
#define SMALL_TASKS 6
#define ITEMS 12
#define ROUNDS_MAX 1000

static const char *const kind_names[] = {"allocation", "platform"};

static struct {
    brood_fault_kind kind;
    uint64_t nth;
    bool for_ever;
    bool was_fault; /* some task or worker has met it */
} now;

/* ---- what workers do ----------------------------------------------------------------------- */

static int echo(brood_task *task, const void *arg, size_t size)
{
    return brood_return(task, arg, size);
}

static int fill(brood_task *task, uint64_t begin, uint64_t end, const void *context, size_t size)
{
    unsigned char *out = brood_task_shared(task, 0, NULL);

    (void)size;
    memset(out + begin, *(const unsigned char *)context, (size_t)(end - begin));
    return 0;
}

static int nothing(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return 0;
}

static int count_calls(brood_task *task, const void *arg, size_t size)
{
    brood_fault_kind kind = BROOD_FAULT_ALLOCATION;
    uint64_t count = 0;

    memcpy(&kind, arg, size);
    count = brood_faults_count(kind);
    return brood_return(task, &count, sizeof count);
}

/* ---- what may come of it ------------------------------------------------------------------- */

/* The worker met it and said so, or was lost; or none came up any more. */
static brood_status note(brood_status status, const char *what)
{
    if (status != BROOD_OK && status != BROOD_ERR_NO_MEMORY && status != BROOD_ERR_DIED &&
        status != BROOD_ERR_BROKEN && status != BROOD_ERR_QUARANTINED &&
        (now.kind == BROOD_FAULT_ALLOCATION || status != BROOD_ERR_OS)) {
        fail_msg("%s %d%s: %s: %s", kind_names[now.kind], (int)now.nth, now.for_ever ? "+" : "",
                 what, brood_status_name(status));
    }
    now.was_fault = now.was_fault || status != BROOD_OK;
    return status;
}

static void take(brood_result *result, const void *expected, size_t size)
{
    const void *data = NULL;
    size_t got = 0;

    if (result != NULL &&
        note(brood_result_get(result, &data, &got, SOON_MS), "result") == BROOD_OK) {
        assert_int_equal(got, size);
        assert_true(size == 0 || memcmp(data, expected, size) == 0);
    }
    brood_result_destroy(result);
}

/* ---- what is tried ------------------------------------------------------------------------- */

static void small_tasks(brood_pool *pool)
{
    brood_result *results[SMALL_TASKS] = {NULL};

    for (size_t i = 0; i < SMALL_TASKS; i++) {
        note(brood_pool_apply_async(pool, &results[i], echo, &i, sizeof i, NULL), "apply_async");
    }
    for (size_t i = 0; i < SMALL_TASKS; i++) {
        take(results[i], &i, sizeof i);
    }
}

static void large_task(brood_pool *pool)
{
    unsigned char *bytes = calloc(1, LARGE);
    brood_result *result = NULL;

    note(brood_pool_apply_async(pool, &result, echo, bytes, LARGE, NULL), "apply_async");
    take(result, bytes, LARGE);
    free(bytes);
}

static void map(brood_pool *pool)
{
    int in[ITEMS];
    int out[ITEMS];

    for (int i = 0; i < ITEMS; i++) {
        in[i] = i;
    }
    if (note(brood_pool_map(pool, echo, in, ITEMS, sizeof in[0], out, sizeof out[0], NULL),
             "map") == BROOD_OK) {
        assert_memory_equal(in, out, sizeof in);
    }
}

static void range(brood_pool *pool)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_shared *shared = NULL;

    assert_ok(brood_shared_create(&shared, ITEMS, NULL));
    options.shared = &shared;
    options.shared_count = 1;
    if (note(brood_pool_for(pool, fill, 0, ITEMS, "x", 1, &options), "for") == BROOD_OK) {
        assert_int_equal(((char *)brood_shared_data(shared))[ITEMS - 1], 'x');
    }
    brood_shared_destroy(shared);
}

/* By then the only worker has met the fault, unless it makes fewer calls than that. */
static void ask_count(brood_pool *pool)
{
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    uint64_t count = 0;

    if (note(brood_pool_apply(pool, count_calls, &now.kind, sizeof now.kind, &count, sizeof count,
                              NULL),
             "count") != BROOD_OK) {
        return;
    }
    assert_ok(brood_pool_get_stats(pool, &stats));
    now.was_fault = now.was_fault || count >= now.nth || stats.died > 0;
}

static brood_pool *make_pool(void)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_process_options process = BROOD_PROCESS_OPTIONS_INIT;
    char variable[64];
    const char *environment[] = {variable, NULL};
    brood_pool *pool = NULL;

    snprintf(variable, sizeof variable, BROOD_FAULT_VARIABLE "=%s:%d%s", kind_names[now.kind],
             (int)now.nth, now.for_ever ? "+" : "");
    process.environment = environment;
    options.process = &process;
    options.workers = 1;
    options.initializer = options.finalizer = nothing;
    options.backoff_ms = 1;
    options.crash_limit = 3;
    assert_ok(brood_pool_create(&pool, &options));
    return pool;
}

static void end_pool(brood_pool *pool)
{
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;

    assert_ok(brood_pool_close(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_ok(brood_pool_get_stats(pool, &stats));
    assert_int_equal(stats.submitted, stats.succeeded + stats.failed + stats.cancelled);
    assert_int_equal(stats.started, stats.ended + stats.died);
    assert_null(brood_pool_destroy(pool));
}

static void fail_each(void (*run)(brood_pool *pool), brood_fault_kind kind, bool for_ever)
{
    now.kind = kind;
    now.for_ever = for_ever;
    now.nth = 0;
    do {
        brood_pool *pool = NULL;

        now.nth++;
        now.was_fault = false;
        pool = make_pool();
        run(pool);
        ask_count(pool);
        end_pool(pool);
    } while (now.was_fault && now.nth < ROUNDS_MAX);
    print_message("%s%s: %d\n", kind_names[kind], for_ever ? ", from then on" : "",
                  (int)now.nth - 1);
    assert_true(now.nth > 1 && now.nth < ROUNDS_MAX);
}

static void fail_all(void (*run)(brood_pool *pool))
{
    fail_each(run, BROOD_FAULT_ALLOCATION, false);
    fail_each(run, BROOD_FAULT_ALLOCATION, true);
    fail_each(run, BROOD_FAULT_PLATFORM, false);
    fail_each(run, BROOD_FAULT_PLATFORM, true);
}

static void f24_small_tasks(void **state)
{
    (void)state;
    fail_all(small_tasks);
}

static void f24_large_task(void **state)
{
    (void)state;
    fail_all(large_task);
}

static void f24_map(void **state)
{
    (void)state;
    fail_all(map);
}

static void f24_range(void **state)
{
    (void)state;
    fail_all(range);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(f24_small_tasks),
    cmocka_unit_test(f24_large_task),
    cmocka_unit_test(f24_map),
    cmocka_unit_test(f24_range),
};

BROOD_TEST_MAIN(tests)
