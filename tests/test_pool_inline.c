/* Pools whose callers run the tasks: what is theirs alone. Other groups run with BROOD_POOL_KIND=inline. */
#include "pool_tools.h"

#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"
#include "platform.h"

static uint64_t runs, calls;
static brood_atomic32 begun;

static brood_pool *make_pool(brood_pool_options *options)
{
    brood_pool *pool = NULL;

    options->kind = BROOD_POOL_INLINE;
    assert_ok(brood_pool_create(&pool, options));
    return pool;
}

static brood_pool *inline_pool(void)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;

    return make_pool(&options);
}

static int tell_thread(brood_task *task, const void *arg, size_t size)
{
    uint64_t self = brood_os_thread_id();

    (void)arg;
    (void)size;
    runs++;
    return brood_return(task, &self, sizeof self);
}

static uint64_t thread_of(brood_pool *pool)
{
    uint64_t thread = 0;

    assert_ok(brood_pool_apply(pool, tell_thread, NULL, 0, &thread, sizeof thread, NULL));
    return thread;
}

/* ---- who runs it, and when ---------------------------------------------------------------------- */

static void nothing_is_started(void **state)
{
    int threads = support_count_threads();
    brood_pool *pool = inline_pool();

    (void)state;
    assert_true(thread_of(pool) == brood_os_thread_id());
    assert_int_equal(support_count_threads(), threads);
    assert_int_equal(brood_pool_pids(pool, NULL, 0), 0);
    end_pool(pool);
}

static void a_result_is_ready_when_the_submit_returns(void **state)
{
    brood_pool *pool = inline_pool();
    brood_result *result = NULL;

    (void)state;
    for (uint64_t i = 1; i <= 1000; i++) {
        assert_ok(brood_pool_apply_async(pool, &result, tell_thread, NULL, 0, NULL));
        assert_int_equal(runs, i);
        assert_true(brood_result_ready(result));
        brood_result_destroy(result);
    }
    assert_ok(brood_pool_apply_async(pool, NULL, tell_thread, NULL, 0, NULL));
    assert_int_equal(runs, 1001);
    end_pool(pool);
}

static int add_range(brood_task *task, uint64_t begin, uint64_t end, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    runs += end - begin;
    return 0;
}

#define MANY 100000

static void maps_ranges_and_imaps(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;
    brood_imap *imap = NULL;
    int64_t *numbers = calloc(MANY, sizeof *numbers);
    brood_array array = {numbers, MANY, sizeof *numbers, 0};
    const void *data = NULL;
    uint64_t index = 0;

    (void)state;
    assert_non_null(numbers);
    options.workers = 3; /* they take turns */
    pool = make_pool(&options);
    for (int64_t i = 0; i < MANY; i++) {
        numbers[i] = i;
    }
    assert_ok(brood_pool_imap(pool, &imap, task_square, brood_array_next, &array, NULL));
    for (int64_t i = 0; i < MANY; i++) {
        assert_ok(brood_imap_next(imap, &data, NULL, &index, NULL, 0));
        assert_true(*(const int64_t *)data == i * i && index == (uint64_t)i);
    }
    assert_status(brood_imap_next(imap, &data, NULL, NULL, NULL, 0), BROOD_ERR_CLOSED);
    brood_imap_destroy(imap);
    assert_ok(brood_pool_map(pool, task_square, numbers, MANY, 8, numbers, 8, NULL));
    assert_true(numbers[MANY - 1] == (int64_t)(MANY - 1) * (MANY - 1));
    assert_ok(brood_pool_for(pool, add_range, 0, MANY, NULL, 0, NULL));
    assert_int_equal(runs, MANY);
    free(numbers);
    end_pool(pool);
}

#define LARGE ((size_t)9 << 20) /* many times what a ring holds */

static void what_is_larger_than_a_ring(void **state)
{
    brood_pool *pool = inline_pool();
    char *in = malloc(LARGE);
    char *out = malloc(LARGE);

    (void)state;
    assert_true(in != NULL && out != NULL);
    memset(in, 'a', LARGE);
    in[LARGE - 1] = 'z';
    assert_ok(brood_pool_apply(pool, task_echo, in, LARGE, out, LARGE, NULL));
    assert_memory_equal(in, out, LARGE);
    free(in);
    free(out);
    end_pool(pool);
}

static int count_run(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    runs++;
    return 0;
}

static void workers_begin_and_end_in_order(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    brood_pool *pool = NULL;

    (void)state;
    options.workers = 2;
    options.max_tasks_per_worker = 5;
    options.initializer = options.finalizer = count_run;
    pool = make_pool(&options);
    assert_int_equal(runs, 2);
    for (int i = 0; i < 20; i++) {
        assert_ok(brood_pool_apply(pool, count_run, NULL, 0, NULL, 0, NULL));
    }
    assert_ok(brood_pool_resize(pool, 7));
    assert_ok(brood_pool_apply(pool, count_run, NULL, 0, NULL, 0, NULL));
    assert_ok(brood_pool_close(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_ok(brood_pool_get_stats(pool, &stats));
    assert_int_equal(stats.died + stats.lost, 0);
    assert_int_equal(stats.started, stats.ended);
    assert_int_equal(runs, 21 + 2 * stats.started);
    assert_null(brood_pool_destroy(pool));
}

static int fail_to_begin(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    return brood_task_fail(task, 5, "not here");
}

static void an_initializer_that_fails_breaks_the_pool(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options asked = BROOD_TASK_OPTIONS_INIT;
    brood_failure failure = BROOD_FAILURE_INIT;
    brood_pool *pool = NULL;

    (void)state;
    options.initializer = fail_to_begin;
    asked.failure = &failure;
    pool = make_pool(&options);
    assert_status(brood_pool_apply(pool, count_run, NULL, 0, NULL, 0, &asked), BROOD_ERR_BROKEN);
    assert_non_null(strstr(failure.message, "not here"));
    brood_pool_destroy(pool);
}

/* ---- callbacks and tasks that submit ---------------------------------------------------------------- */

static brood_pool *chained;

/* So many calls inside of each other would need more than any stack has. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LINKS 100000
#else
#define LINKS 1000000
#endif

static void go_on(brood_result *result, void *user)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;

    (void)result;
    if (++calls < LINKS) {
        options.done = go_on;
        options.user = user;
        assert_ok(brood_pool_apply_async(chained, NULL, count_run, NULL, 0, &options));
    }
}

static void a_chain_of_callbacks_does_not_grow_the_stack(void **state)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;

    (void)state;
    chained = inline_pool();
    options.done = go_on;
    assert_ok(brood_pool_apply_async(chained, NULL, count_run, NULL, 0, &options));
    assert_int_equal(calls, LINKS); /* when the first submit has returned */
    assert_int_equal(runs, LINKS);
    end_pool(chained);
}

static int submit_to_own(brood_task *task, const void *arg, size_t size)
{
    brood_result *result = NULL;
    uint64_t before = runs;

    (void)arg;
    (void)size;
    if (brood_pool_apply(chained, count_run, NULL, 0, NULL, 0, NULL) != BROOD_ERR_STATE ||
        brood_pool_apply_async(chained, &result, count_run, NULL, 0, NULL) != BROOD_OK ||
        runs != before || brood_result_wait(result, BROOD_FOREVER) != BROOD_ERR_STATE) {
        return brood_task_fail(task, 1, "a task of the pool cannot wait for its own pool");
    }
    brood_result_destroy(result);
    return 0;
}

static void a_task_may_submit_but_not_wait(void **state)
{
    (void)state;
    chained = inline_pool();
    assert_ok(brood_pool_apply(chained, submit_to_own, NULL, 0, NULL, 0, NULL));
    assert_int_equal(runs, 1);
    end_pool(chained);
}

static void note_call(brood_result *result, void *user)
{
    (void)result;
    (void)user;
    calls++;
}

static void an_event_loop_calls_back_itself(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options asked = BROOD_TASK_OPTIONS_INIT;
    brood_pool *pool = NULL;

    (void)state;
    options.event_loop = true;
    asked.done = note_call;
    pool = make_pool(&options);
    assert_ok(brood_pool_apply_async(pool, NULL, count_run, NULL, 0, &asked));
    assert_int_equal(runs, 1);
    assert_int_equal(calls, 0);
    assert_int_equal(brood_pool_timeout_ms(pool), 0);
    assert_ok(brood_pool_run(pool));
    assert_int_equal(calls, 1);
    end_pool(pool);
}

/* ---- time ------------------------------------------------------------------------------------------- */

static int until_cancelled(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    brood_exchange32(&begun, 1);
    while (!brood_task_cancelled(task)) {
        brood_os_sleep(100000);
    }
    return 0;
}

static int be_late(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    brood_os_sleep(INT64_C(60000000));
    return 0;
}

static void a_time_is_seen_by_a_task_that_asks(void **state)
{
    brood_task_options asked = BROOD_TASK_OPTIONS_INIT;
    brood_pool *pool = inline_pool();

    (void)state;
    asked.timeout_ms = 20;
    assert_status(brood_pool_apply(pool, until_cancelled, NULL, 0, NULL, 0, &asked),
                  BROOD_ERR_TASK_TIMEOUT);
    asked.timeout_ms = 0;
    asked.deadline_ms = 20;
    assert_status(brood_pool_apply(pool, until_cancelled, NULL, 0, NULL, 0, &asked),
                  BROOD_ERR_DEADLINE);
    assert_ok(brood_pool_apply(pool, count_run, NULL, 0, NULL, 0, NULL));
    end_pool(pool);
}

static void cancel_it(void *data)
{
    while (brood_load32(&begun) == 0) {
        brood_os_sleep(100000);
    }
    brood_pool_terminate(data);
}

static void a_terminate_by_another_thread_is_seen(void **state)
{
    brood_pool *pool = inline_pool();
    support_thread *thread = support_thread_start(cancel_it, pool);

    (void)state;
    assert_status(brood_pool_apply(pool, until_cancelled, NULL, 0, NULL, 0, NULL),
                  BROOD_ERR_CANCELLED);
    support_thread_join(thread);
    brood_pool_destroy(pool);
}

static struct {
    brood_pool *pool;
    uint64_t inside, most;
} turns;

/* Not atomic: one thread runs tasks at a time. */
static int be_alone(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    turns.inside++;
    turns.most = turns.inside > turns.most ? turns.inside : turns.most;
    brood_os_sleep(10000);
    turns.inside--;
    runs++;
    return 0;
}

#define TURNS 300
#define CALLERS 4

static void submit_many(void *data)
{
    brood_result *result = NULL;

    (void)data;
    for (int i = 0; i < TURNS; i++) {
        assert_ok(brood_pool_apply_async(turns.pool, &result, be_alone, NULL, 0, NULL));
        assert_true(brood_result_ready(result));
        brood_result_destroy(result);
    }
}

static void others_wait_for_their_turn(void **state)
{
    support_thread *threads[CALLERS];

    (void)state;
    turns.pool = inline_pool();
    for (int i = 0; i < CALLERS; i++) {
        threads[i] = support_thread_start(submit_many, NULL);
    }
    for (int i = 0; i < CALLERS; i++) {
        support_thread_join(threads[i]);
    }
    assert_int_equal(runs, CALLERS * TURNS);
    assert_int_equal(turns.most, 1);
    end_pool(turns.pool);
}

static void one_that_does_not_ask_ends_late(void **state)
{
    brood_task_options asked = BROOD_TASK_OPTIONS_INIT;
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;

    (void)state;
    options.grace_ms = 1;
    pool = make_pool(&options);
    asked.timeout_ms = 10;
    for (int i = 0; i < 3; i++) {
        assert_status(brood_pool_apply(pool, be_late, NULL, 0, NULL, 0, &asked),
                      BROOD_ERR_TASK_TIMEOUT);
        assert_ok(brood_pool_apply(pool, count_run, NULL, 0, NULL, 0, NULL));
    }
    end_pool(pool);
}

/* ---- nested ----------------------------------------------------------------------------------------- */

static int nest(brood_task *task, const void *arg, size_t size)
{
    uint64_t depth = 0;
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;
    brood_status status = BROOD_OK;

    (void)size;
    memcpy(&depth, arg, sizeof depth);
    runs++;
    options.kind = BROOD_POOL_INLINE;
    options.max_depth = 3;
    status = brood_pool_create(&pool, &options);
    if (status != BROOD_OK) {
        return depth == 3 && status == BROOD_ERR_LIMIT ? 0 : 1;
    }
    depth++;
    status = brood_pool_apply(pool, nest, &depth, sizeof depth, NULL, 0, NULL);
    brood_pool_destroy(pool);
    return status == BROOD_OK ? 0 : brood_task_fail(task, 1, "the inner one has failed");
}

static void they_nest(void **state)
{
    brood_pool *pool = inline_pool();
    uint64_t depth = 1;

    (void)state;
    assert_ok(brood_pool_apply(pool, nest, &depth, sizeof depth, NULL, 0, NULL));
    assert_int_equal(runs, 3);
    assert_ok(brood_pool_apply(pool, nest, &depth, sizeof depth, NULL, 0, NULL));
    end_pool(pool);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(nothing_is_started),
    cmocka_unit_test(a_result_is_ready_when_the_submit_returns),
    cmocka_unit_test(maps_ranges_and_imaps),
    cmocka_unit_test(what_is_larger_than_a_ring),
    cmocka_unit_test(workers_begin_and_end_in_order),
    cmocka_unit_test(an_initializer_that_fails_breaks_the_pool),
    cmocka_unit_test(a_chain_of_callbacks_does_not_grow_the_stack),
    cmocka_unit_test(a_task_may_submit_but_not_wait),
    cmocka_unit_test(an_event_loop_calls_back_itself),
    cmocka_unit_test(a_time_is_seen_by_a_task_that_asks),
    cmocka_unit_test(a_terminate_by_another_thread_is_seen),
    cmocka_unit_test(others_wait_for_their_turn),
    cmocka_unit_test(one_that_does_not_ask_ends_late),
    cmocka_unit_test(they_nest),
};

BROOD_TEST_MAIN(tests)
