/* L13, L14, L20, L21, L22: tasks come in, wait, and their results are taken. */
#include "pool_tools.h"

#include <stdlib.h>

#define SUBMITTERS 16
#define MOST 20000 /* submits of one thread */
#define URGENT 5000

/* ---- L13: submits and the end at once ------------------------------------------------------ */

typedef struct submitter {
    brood_pool *pool;
    intptr_t there; /* says that some are submitted */
    brood_result **results;
    int count;
    brood_status status; /* of the last submit */
} submitter;

static void submit_until_it_ends(void *data)
{
    submitter *self = data;

    while (self->status == BROOD_OK && self->count < MOST) {
        self->status = brood_pool_apply_async(self->pool, &self->results[self->count], task_echo,
                                              &self->count, sizeof self->count, NULL);
        self->count += self->status == BROOD_OK;
        if (self->count == 10) {
            support_write(self->there, "x", 1);
        }
    }
}

/* A value is the right one; nothing but that, or the status that is allowed, is an end. */
static int count_ends(submitter *self, brood_status allowed)
{
    int succeeded = 0;

    for (int i = 0; i < self->count; i++) {
        const void *data = NULL;
        size_t size = 0;
        brood_status status = brood_result_get(self->results[i], &data, &size, 0);

        if (status == BROOD_OK) {
            assert_int_equal(size, sizeof i);
            assert_memory_equal(data, &i, sizeof i);
            succeeded++;
        } else {
            assert_status(status, allowed);
        }
        brood_result_destroy(self->results[i]);
    }
    return succeeded;
}

static void end_while_16_threads_submit(brood_status (*end)(brood_pool *), brood_status allowed)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    submitter all[SUBMITTERS];
    support_thread *threads[SUBMITTERS];
    brood_pool *pool = NULL;
    intptr_t there[2];
    int count = 0;
    int succeeded = 0;

    options.workers = 2;
    assert_ok(brood_pool_create(&pool, &options));
    assert_true(support_pipe(there));
    for (int i = 0; i < SUBMITTERS; i++) {
        all[i] = (submitter){pool, there[1], malloc(MOST * sizeof(brood_result *)), 0, BROOD_OK};
        threads[i] = support_thread_start(submit_until_it_ends, &all[i]);
    }
    for (int i = 0; i < SUBMITTERS; i++) {
        assert_byte(there[0]);
    }
    assert_ok(end(pool));
    for (int i = 0; i < SUBMITTERS; i++) {
        support_thread_join(threads[i]);
        assert_true(all[i].status == BROOD_ERR_STATE || all[i].count == MOST);
    }
    assert_ok(brood_pool_join(pool, SOON_MS));
    for (int i = 0; i < SUBMITTERS; i++) {
        count += all[i].count;
        succeeded += count_ends(&all[i], allowed);
        free((void *)all[i].results);
    }
    assert_ok(brood_pool_get_stats(pool, &stats));
    assert_int_equal(stats.submitted, count);
    assert_int_equal(stats.succeeded, succeeded);
    assert_int_equal(stats.cancelled, count - succeeded);
    assert_null(brood_pool_destroy(pool));
    support_close(there[0]);
    support_close(there[1]);
}

static void l13_submits_from_16_threads_while_another_closes(void **state)
{
    (void)state;
    end_while_16_threads_submit(brood_pool_close, BROOD_OK);
}

static void l13_submits_from_16_threads_while_another_terminates(void **state)
{
    (void)state;
    end_while_16_threads_submit(brood_pool_terminate, BROOD_ERR_CANCELLED);
}

/* ---- L14: submits after the end ------------------------------------------------------------ */

static int no_range(brood_task *task, uint64_t begin, uint64_t end, const void *context,
                    size_t size)
{
    (void)task;
    (void)begin;
    (void)end;
    (void)context;
    (void)size;
    return 0;
}

static brood_status imap_in_all(brood_pool *pool, const brood_task_options *options)
{
    int in[2] = {1, 2};
    brood_array array = {in, 2, sizeof in[0], 0};
    brood_imap *imap = NULL;
    brood_status status =
        brood_pool_imap(pool, &imap, task_echo, brood_array_next, &array, options);

    if (status == BROOD_OK) {
        status = brood_imap_next(imap, NULL, NULL, NULL, options->failure, SOON_MS);
    }
    brood_imap_destroy(imap);
    return status;
}

static void expect_all_refused(brood_pool *pool)
{
    brood_failure failure = BROOD_FAILURE_INIT;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_result *result = NULL;
    int in[2] = {1, 2};
    int out[2] = {0, 0};
    size_t size = sizeof in[0];

    options.failure = &failure;
    assert_status(brood_pool_apply(pool, task_echo, in, size, out, size, &options),
                  BROOD_ERR_STATE);
    assert_status(failure.status, BROOD_ERR_STATE);
    assert_status(brood_pool_apply_async(pool, &result, task_echo, in, size, NULL),
                  BROOD_ERR_STATE);
    assert_null(result);
    assert_status(brood_pool_map(pool, task_echo, in, 2, size, out, size, NULL), BROOD_ERR_STATE);
    assert_status(brood_pool_map_async(pool, &result, task_echo, in, 2, size, out, size, NULL),
                  BROOD_ERR_STATE);
    assert_status(brood_pool_map(pool, task_echo, in, 0, size, out, size, NULL), BROOD_ERR_STATE);
    assert_status(brood_pool_for(pool, no_range, 0, 9, NULL, 0, NULL), BROOD_ERR_STATE);
    assert_status(brood_pool_for_async(pool, &result, no_range, 0, 9, NULL, 0, NULL),
                  BROOD_ERR_STATE);
    failure.status = BROOD_OK;
    assert_status(imap_in_all(pool, &options), BROOD_ERR_STATE);
    assert_status(failure.status, BROOD_ERR_STATE);
    assert_status(brood_pool_resize(pool, 1), BROOD_ERR_STATE);
}

static void l14_submit_after_close(void **state)
{
    pool_gate gate;
    brood_pool *pool = NULL;
    brood_result *result = NULL;

    (void)state;
    gate_make(&gate);
    pool = gate_pool(&gate, 1, NULL);
    assert_ok(brood_pool_apply_async(pool, &result, task_gated, "x", 1, NULL));
    assert_ok(brood_pool_close(pool));
    expect_all_refused(pool); /* while one still runs */
    gate_pass(&gate, 1);
    assert_ok(brood_result_get(result, NULL, NULL, SOON_MS));
    assert_ok(brood_pool_join(pool, SOON_MS));
    expect_all_refused(pool);
    brood_result_destroy(result);
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

static void l14_submit_after_terminate(void **state)
{
    pool_gate gate;
    brood_pool *pool = NULL;
    brood_result *result = NULL;

    (void)state;
    gate_make(&gate);
    pool = gate_pool(&gate, 1, NULL);
    assert_ok(brood_pool_apply_async(pool, &result, task_gated, "x", 1, NULL));
    assert_ok(brood_pool_terminate(pool));
    expect_all_refused(pool);
    assert_status(brood_result_get(result, NULL, NULL, SOON_MS), BROOD_ERR_CANCELLED);
    assert_ok(brood_pool_join(pool, SOON_MS));
    expect_all_refused(pool);
    brood_result_destroy(result);
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

/* ---- L20: priorities ----------------------------------------------------------------------- */

/* Written on the pool's thread, read after the join. */
static int order[100];
static int ordered;

static void note_order(brood_result *result, void *user)
{
    (void)result;
    order[ordered++] = *(int *)user;
}

static void l20_higher_priorities_first(void **state)
{
    static int priorities[] = {0, 0, -10, 3, 10, 0, 3, -10, 10, 1};
    static const int expected[] = {10, 10, 3, 3, 1, 0, 0, 0, -10, -10};
    enum {
        COUNT = sizeof priorities / sizeof priorities[0]
    };
    pool_gate gate;
    brood_pool *pool = NULL;

    (void)state;
    gate_make(&gate);
    pool = gate_pool(&gate, 1, NULL);
    assert_ok(brood_pool_apply_async(pool, NULL, task_gated, NULL, 0, NULL));
    gate_await(&gate, 1);
    for (int i = 0; i < COUNT; i++) {
        brood_task_options options = BROOD_TASK_OPTIONS_INIT;

        options.priority = priorities[i];
        options.done = note_order;
        options.user = &priorities[i];
        assert_ok(brood_pool_apply_async(pool, NULL, task_echo, NULL, 0, &options));
    }
    gate_pass(&gate, 1);
    end_pool(pool);
    assert_int_equal(ordered, COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(order[i], expected[i]);
    }
    gate_free(&gate);
}

static void l20_equal_priorities_in_the_order_of_their_coming(void **state)
{
    static int numbers[100];
    pool_gate gate;
    brood_pool *pool = NULL;

    (void)state;
    gate_make(&gate);
    pool = gate_pool(&gate, 1, NULL);
    assert_ok(brood_pool_apply_async(pool, NULL, task_gated, NULL, 0, NULL));
    for (int i = 0; i < 100; i++) {
        brood_task_options options = BROOD_TASK_OPTIONS_INIT;

        numbers[i] = i;
        options.priority = 5;
        options.done = note_order;
        options.user = &numbers[i];
        assert_ok(brood_pool_apply_async(pool, NULL, task_echo, NULL, 0, &options));
    }
    gate_pass(&gate, 1);
    end_pool(pool);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(order[i], i);
    }
    gate_free(&gate);
}

/* How many urgent ones were done before the other one. */
typedef struct urgency {
    int done;
    int done_before;
} urgency;

static void count_urgent(brood_result *result, void *user)
{
    (void)result;
    ((urgency *)user)->done++;
}

static void note_other(brood_result *result, void *user)
{
    (void)result;
    ((urgency *)user)->done_before = ((urgency *)user)->done;
}

/* It comes before those that came much later, however many they are. */
static void l20_who_waits_long_is_not_starved(void **state)
{
    urgency all = {0, -1};
    brood_task_options urgent = BROOD_TASK_OPTIONS_INIT;
    brood_task_options other = BROOD_TASK_OPTIONS_INIT;
    pool_gate gate;
    brood_pool *pool = NULL;

    (void)state;
    gate_make(&gate);
    pool = gate_pool(&gate, 1, NULL);
    urgent.priority = 1;
    urgent.done = count_urgent;
    other.done = note_other;
    urgent.user = other.user = &all;
    assert_ok(brood_pool_apply_async(pool, NULL, task_gated, NULL, 0, NULL));
    gate_await(&gate, 1);
    assert_ok(brood_pool_apply_async(pool, NULL, task_echo, NULL, 0, &other));
    for (int i = 0; i < URGENT; i++) {
        assert_ok(brood_pool_apply_async(pool, NULL, task_echo, NULL, 0, &urgent));
    }
    gate_pass(&gate, 1);
    end_pool(pool);
    assert_int_equal(all.done, URGENT);
    assert_true(all.done_before > 0);
    assert_true(all.done_before < URGENT / 2);
    gate_free(&gate);
}

/* ---- L21: a full queue --------------------------------------------------------------------- */

#define QUEUE_SIZE 3

/* One worker at the gate, and as much behind it as goes. Returns how many were submitted. */
static size_t fill(pool_gate *gate, brood_pool *pool)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    size_t count = 0;

    assert_ok(brood_pool_apply_async(pool, NULL, task_gated, NULL, 0, NULL));
    gate_await(gate, 1);
    options.try_submit = true;
    while (brood_pool_apply_async(pool, NULL, task_gated, NULL, 0, &options) == BROOD_OK) {
        assert_true(++count < 1000);
    }
    assert_ok(brood_pool_get_stats(pool, &stats));
    assert_int_equal(stats.queued, QUEUE_SIZE);
    assert_true(count >= QUEUE_SIZE);
    return count + 1;
}

static brood_pool *full_pool(pool_gate *gate, size_t *count)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;

    gate_make(gate);
    options.queue_size = QUEUE_SIZE;
    pool = gate_pool(gate, 1, &options);
    *count = fill(gate, pool);
    return pool;
}

static void l21_a_full_queue_refuses_a_try(void **state)
{
    brood_failure failure = BROOD_FAILURE_INIT;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    pool_gate gate;
    size_t count = 0;
    brood_pool *pool = full_pool(&gate, &count);
    int out = 0;

    (void)state;
    options.failure = &failure;
    options.try_submit = true;
    assert_status(brood_pool_apply(pool, task_echo, &out, sizeof out, &out, sizeof out, &options),
                  BROOD_ERR_FULL);
    assert_status(failure.status, BROOD_ERR_FULL);
    gate_pass(&gate, 1);
    gate_await(&gate, 1);
    options.try_submit = false;
    assert_ok(brood_pool_apply_async(pool, NULL, task_gated, NULL, 0, &options));
    gate_pass(&gate, count);
    end_pool(pool);
    gate_free(&gate);
}

static void l21_a_full_queue_and_a_time_out(void **state)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    pool_gate gate;
    size_t count = 0;
    brood_pool *pool = full_pool(&gate, &count);

    (void)state;
    options.submit_timeout_ms = 50;
    assert_status(brood_pool_apply_async(pool, NULL, task_echo, NULL, 0, &options), BROOD_ERR_FULL);
    assert_ok(brood_pool_get_stats(pool, &stats));
    assert_int_equal(stats.submitted, count);
    gate_pass(&gate, 1);
    options.submit_timeout_ms = SOON_MS;
    assert_ok(brood_pool_apply_async(pool, NULL, task_echo, NULL, 0, &options));
    gate_pass(&gate, count - 1);
    end_pool(pool);
    gate_free(&gate);
}

static void submit_one(void *data)
{
    submitter *self = data;

    support_write(self->there, "x", 1);
    self->status = brood_pool_apply_async(self->pool, &self->results[0], task_echo, &self->count,
                                          sizeof self->count, NULL);
}

/* Four threads stand before the full queue; what they get in the end. */
static void stand_before_a_full_queue(brood_status expected, brood_status (*end)(brood_pool *))
{
    pool_gate gate;
    size_t count = 0;
    brood_pool *pool = full_pool(&gate, &count);
    submitter all[4];
    support_thread *threads[4];
    brood_result *results[4] = {NULL};

    for (int i = 0; i < 4; i++) {
        all[i] = (submitter){pool, gate.there[1], &results[i], 0, BROOD_ERR_FULL};
        threads[i] = support_thread_start(submit_one, &all[i]);
    }
    gate_await(&gate, 4);
    if (end != NULL) {
        assert_ok(end(pool));
    }
    gate_open(&gate);
    for (int i = 0; i < 4; i++) {
        support_thread_join(threads[i]);
        assert_status(all[i].status, expected);
        if (expected == BROOD_OK) {
            assert_ok(brood_result_get(results[i], NULL, NULL, SOON_MS));
        }
        brood_result_destroy(results[i]);
    }
    end_pool(pool);
    gate_free(&gate);
}

static void l21_submits_wait_for_room(void **state)
{
    (void)state;
    stand_before_a_full_queue(BROOD_OK, NULL);
}

/* Those that came to the queue after the end, or waited before it, are refused alike. */
static void l21_a_close_ends_the_wait_for_room(void **state)
{
    (void)state;
    stand_before_a_full_queue(BROOD_ERR_STATE, brood_pool_close);
}

static void l21_a_terminate_ends_the_wait_for_room(void **state)
{
    (void)state;
    stand_before_a_full_queue(BROOD_ERR_STATE, brood_pool_terminate);
}

/* The workers come up one after the other, and nothing gets done: a task that is taken is room. */
static void l21_what_a_worker_takes_is_room(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options wait = BROOD_TASK_OPTIONS_INIT;
    pool_gate gate;
    brood_pool *pool = NULL;

    (void)state;
    gate_make(&gate);
    options.queue_size = 1;
    options.lazy = true;
    pool = gate_pool(&gate, 3, &options);
    wait.submit_timeout_ms = SOON_MS;
    for (int i = 0; i < 4; i++) {
        assert_ok(brood_pool_apply_async(pool, NULL, task_gated, NULL, 0, &wait));
    }
    gate_await(&gate, 3);
    gate_open(&gate);
    end_pool(pool);
    gate_free(&gate);
}

static void l21_a_cancelled_task_is_room(void **state)
{
    brood_task_options wait = BROOD_TASK_OPTIONS_INIT;
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    pool_gate gate;
    brood_pool *pool = NULL;
    brood_result *results[3] = {NULL};
    brood_result *last = NULL;

    (void)state;
    gate_make(&gate);
    options.queue_size = 1;
    pool = gate_pool(&gate, 1, &options);
    wait.submit_timeout_ms = SOON_MS;
    for (int i = 0; i < 3; i++) { /* one runs, one is given ahead, one waits */
        assert_ok(brood_pool_apply_async(pool, &results[i], task_gated, NULL, 0, &wait));
        if (i == 0) {
            gate_await(&gate, 1);
        }
    }
    assert_ok(brood_result_cancel(results[2]));
    assert_ok(brood_pool_apply_async(pool, &last, task_gated, NULL, 0, &wait));
    gate_open(&gate);
    end_pool(pool);
    assert_status(brood_result_get(results[2], NULL, NULL, 0), BROOD_ERR_CANCELLED);
    assert_ok(brood_result_get(last, NULL, NULL, 0));
    for (int i = 0; i < 3; i++) {
        brood_result_destroy(results[i]);
    }
    brood_result_destroy(last);
    gate_free(&gate);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(l13_submits_from_16_threads_while_another_closes),
    cmocka_unit_test(l13_submits_from_16_threads_while_another_terminates),
    cmocka_unit_test(l14_submit_after_close),
    cmocka_unit_test(l14_submit_after_terminate),
    cmocka_unit_test(l20_higher_priorities_first),
    cmocka_unit_test(l20_equal_priorities_in_the_order_of_their_coming),
    cmocka_unit_test(l20_who_waits_long_is_not_starved),
    cmocka_unit_test(l21_a_full_queue_refuses_a_try),
    cmocka_unit_test(l21_a_full_queue_and_a_time_out),
    cmocka_unit_test(l21_submits_wait_for_room),
    cmocka_unit_test(l21_a_close_ends_the_wait_for_room),
    cmocka_unit_test(l21_a_terminate_ends_the_wait_for_room),
    cmocka_unit_test(l21_what_a_worker_takes_is_room),
    cmocka_unit_test(l21_a_cancelled_task_is_room),
};

BROOD_TEST_MAIN(tests)
