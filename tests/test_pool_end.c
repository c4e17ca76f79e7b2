/* S5, S6: a pool is closed, terminated, joined and destroyed, in any order and at any time. */
#include "pool_tools.h"

#include <stdlib.h>

#define THREADS 6
#define LARGE (2u << 20) /* of an argument and of a value: more than a ring holds */

/* ---- S5: in any order ---------------------------------------------------------------------- */

/* c: close, t: terminate, j: join, w: join without waiting; what they answer is checked. */
static void run_order(const char *order, bool with_tasks)
{
    pool_gate gate;
    brood_pool *pool = NULL;
    bool ended = false;
    bool terminated = false;
    bool joined = false;

    gate_make(&gate);
    pool = gate_pool(&gate, 2, NULL);
    if (with_tasks) {
        for (int i = 0; i < 5; i++) {
            assert_ok(brood_pool_apply_async(pool, NULL, task_gated, NULL, 0, NULL));
        }
        gate_await(&gate, 2);
    }
    for (; *order != '\0'; order++) {
        brood_status status = BROOD_OK;

        if (*order == 'c') {
            assert_ok(brood_pool_close(pool));
            ended = true;
        } else if (*order == 't') {
            assert_ok(brood_pool_terminate(pool));
            ended = terminated = true;
        } else if (*order == 'j') {
            if (ended && !terminated && with_tasks && !joined) {
                gate_pass(&gate, 5);
            }
            assert_status(brood_pool_join(pool, SOON_MS), ended ? BROOD_OK : BROOD_ERR_STATE);
            joined = ended;
        } else {
            status = brood_pool_join(pool, 0);
            assert_true(ended ? status == BROOD_OK || (status == BROOD_ERR_TIMEOUT && !joined)
                              : status == BROOD_ERR_STATE);
        }
    }
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

static void s5_in_any_order(void **state)
{
    static const char *const orders[] = {"",    "j",     "wcj",   "cjt", "ctj", "tcj",
                                         "tjc", "ccjj",  "ttjj",  "t",   "cw",  "cjcjtjtj",
                                         "jwt", "tjtct", "cjwjw", "ct",  "tw",  "ctctj"};

    (void)state;
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        if (strcmp(orders[i], "cw") != 0) { /* its tasks would wait at the gate for ever */
            run_order(orders[i], true);
        }
        run_order(orders[i], false);
    }
}

typedef struct ender {
    brood_pool *pool;
    int number;
    int wrong;
} ender;

static void end_it(void *data)
{
    ender *self = data;

    for (int i = 0; i < 10; i++) {
        brood_status status = BROOD_OK;

        if ((self->number + i) % 3 == 0) {
            status = brood_pool_close(self->pool);
        } else if (self->number == 1 && i == 5) {
            status = brood_pool_terminate(self->pool);
        } else {
            status = brood_pool_join(self->pool, i);
        }
        self->wrong +=
            status != BROOD_OK && status != BROOD_ERR_TIMEOUT && status != BROOD_ERR_STATE;
    }
    self->wrong += brood_pool_join(self->pool, SOON_MS) != BROOD_OK;
}

static void s5_from_many_threads(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        brood_pool *pool = pool_of(2);
        ender enders[THREADS];
        support_thread *threads[THREADS];
        brood_result *results[50];

        for (int i = 0; i < 50; i++) {
            assert_ok(brood_pool_apply_async(pool, &results[i], task_echo, &i, sizeof i, NULL));
        }
        for (int i = 0; i < THREADS; i++) {
            enders[i] = (ender){pool, i, 0};
            threads[i] = support_thread_start(end_it, &enders[i]);
        }
        for (int i = 0; i < THREADS; i++) {
            support_thread_join(threads[i]);
            assert_int_equal(enders[i].wrong, 0);
        }
        for (int i = 0; i < 50; i++) {
            assert_true(brood_result_ready(results[i]));
            brood_result_destroy(results[i]);
        }
        assert_null(brood_pool_destroy(pool));
    }
}

static void s5_while_the_workers_come_up(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        brood_pool *pool = pool_of(4);

        if (i % 2 == 0) {
            assert_ok(brood_pool_close(pool));
            assert_ok(brood_pool_join(pool, SOON_MS));
        }
        assert_null(brood_pool_destroy(pool));
    }
}

static void count_callback(brood_result *result, void *user)
{
    (void)result;
    *(int *)user += 1;
}

/* Who joins or destroys a pool without a thread is the one that calls back. */
static void s5_of_a_pool_with_an_event_loop(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
        brood_task_options task = BROOD_TASK_OPTIONS_INIT;
        brood_pool *pool = NULL;
        int count = 0;

        options.workers = 2;
        options.event_loop = true;
        task.done = task.failed = count_callback;
        task.user = &count;
        assert_ok(brood_pool_create(&pool, &options));
        for (int k = 0; k < 10; k++) {
            assert_ok(brood_pool_apply_async(pool, NULL, task_echo, NULL, 0, &task));
        }
        if (i < 2) {
            assert_ok(i == 0 ? brood_pool_close(pool) : brood_pool_terminate(pool));
            assert_ok(brood_pool_join(pool, SOON_MS));
            assert_int_equal(count, 10);
        }
        assert_null(brood_pool_destroy(pool));
        assert_int_equal(count, 10);
    }
}

static void terminate_it(brood_result *result, void *user)
{
    (void)result;
    brood_pool_terminate(user);
}

static void s5_a_callback_terminates_a_long_queue(void **state)
{
    enum {
        COUNT = 100000
    };
    brood_pool *pool = pool_of(2);
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    brood_task_options task = BROOD_TASK_OPTIONS_INIT;

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        task.done = i == 10 ? terminate_it : NULL; /* somewhere on the way */
        task.user = pool;
        if (brood_pool_apply_async(pool, NULL, task_echo, &i, sizeof i, &task) != BROOD_OK) {
            break;
        }
    }
    assert_ok(brood_pool_terminate(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_ok(brood_pool_get_stats(pool, &stats));
    assert_int_equal(stats.submitted, stats.succeeded + stats.cancelled);
    assert_null(brood_pool_destroy(pool));
}

/* ---- S6: full rings ------------------------------------------------------------------------ */

/* It says that it is there before it gives its large value. */
static int give_large(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    task_be_there(task, NULL, 0);
    return size == LARGE && brood_return_buffer(task, LARGE) != NULL ? 0 : 1;
}

/* Arguments and values are under way in both directions; so many have begun when it ends. */
static void end_with_full_rings(size_t begun, brood_status (*end)(brood_pool *))
{
    unsigned char *large = calloc(1, LARGE);
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    brood_result *results[12];
    pool_gate gate;
    brood_pool *pool = NULL;

    gate_make(&gate);
    pool = gate_pool(&gate, 3, NULL);
    for (int i = 0; i < 12; i++) {
        assert_ok(brood_pool_apply_async(pool, &results[i], give_large, large, LARGE, NULL));
    }
    free(large);
    gate_await(&gate, begun);
    if (end != NULL) {
        assert_ok(end(pool));
        assert_ok(brood_pool_join(pool, SOON_MS));
        assert_ok(brood_pool_get_stats(pool, &stats));
        assert_int_equal(stats.succeeded + stats.cancelled, 12);
        assert_int_equal(stats.cancelled, end == brood_pool_close ? 0 : stats.cancelled);
    }
    assert_null(brood_pool_destroy(pool));
    for (int i = 0; i < 12; i++) {
        size_t size = 0;
        brood_status status = brood_result_get(results[i], NULL, &size, 0);

        assert_true(status == BROOD_ERR_CANCELLED || (status == BROOD_OK && size == LARGE));
        brood_result_destroy(results[i]);
    }
    gate_free(&gate);
}

static void s6_terminate_with_full_rings(void **state)
{
    (void)state;
    for (size_t begun = 0; begun < 10; begun++) {
        end_with_full_rings(begun, brood_pool_terminate);
    }
}

static void s6_close_with_full_rings(void **state)
{
    (void)state;
    for (size_t begun = 0; begun < 10; begun += 3) {
        end_with_full_rings(begun, brood_pool_close);
    }
}

static void s6_destroy_with_full_rings(void **state)
{
    (void)state;
    for (size_t begun = 0; begun < 10; begun += 3) {
        end_with_full_rings(begun, NULL);
    }
}

/* A worker that does not read: what is to be sent stays here. */
static void s6_terminate_while_a_worker_does_not_read(void **state)
{
    unsigned char *large = calloc(1, LARGE);
    pool_gate gate;
    brood_pool *pool = NULL;

    (void)state;
    gate_make(&gate);
    pool = gate_pool(&gate, 1, NULL);
    assert_ok(brood_pool_apply_async(pool, NULL, task_gated, NULL, 0, NULL));
    gate_await(&gate, 1);
    for (int i = 0; i < 3; i++) {
        assert_ok(brood_pool_apply_async(pool, NULL, task_echo, large, LARGE, NULL));
    }
    free(large);
    assert_ok(brood_pool_terminate(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(s5_in_any_order),
    cmocka_unit_test(s5_from_many_threads),
    cmocka_unit_test(s5_while_the_workers_come_up),
    cmocka_unit_test(s5_of_a_pool_with_an_event_loop),
    cmocka_unit_test(s5_a_callback_terminates_a_long_queue),
    cmocka_unit_test(s6_terminate_with_full_rings),
    cmocka_unit_test(s6_close_with_full_rings),
    cmocka_unit_test(s6_destroy_with_full_rings),
    cmocka_unit_test(s6_terminate_while_a_worker_does_not_read),
};

BROOD_TEST_MAIN(tests)
