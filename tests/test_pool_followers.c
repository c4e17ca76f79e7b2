/*
 * W: one thread leads, asleep for as long as it knows of nothing; what others wait for, or hand in
 * meanwhile, must be told to it, and by it. Nothing else happens in these pools.
 */
#include "pool_tools.h"

#include <apr_time.h>

#include "pool/pool_impl.h"
#include "pool/engine.h"
#include "pool/lock.h"

#define NS_PER_MS INT64_C(1000000)

/* A thread that leads: it waits for a task at the gate. */
typedef struct led_pool {
    pool_gate gate;
    brood_pool *pool;
    brood_result *gated;
    support_thread *leader;
} led_pool;

static void lead(void *data)
{
    brood_result_wait(data, BROOD_FOREVER);
}

static void open_led(led_pool *self)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;

    options.workers = 2;
    options.spin = BROOD_SPIN_NEVER;
    options.grace_ms = 1;
    self->pool = pool_with_gate_and(&options, &self->gate);
    for (int i = 0; i < 10; i++) { /* both workers have come up */
        assert_ok(brood_pool_apply(self->pool, task_echo, "x", 1, NULL, 0, NULL));
    }
    assert_ok(brood_pool_apply_async(self->pool, &self->gated, task_gated, "x", 1, NULL));
    gate_await(&self->gate, 1);
    self->leader = support_thread_start(lead, self->gated);
    apr_sleep(50000); /* it leads now, most likely; else the test finds nothing */
    assert_ok(brood_pool_resize(self->pool, 2)); /* what the pool's own thread led, it hands on */
    apr_sleep(50000);
}

static void close_led(led_pool *self)
{
    assert_false(brood_result_ready(self->gated));
    gate_open(&self->gate);
    support_thread_join(self->leader);
    assert_ok(brood_result_get(self->gated, NULL, NULL, SOON_MS));
    brood_result_destroy(self->gated);
    end_pool(self->pool);
    gate_free(&self->gate);
}

static int rest(brood_task *task, const void *arg, size_t size)
{
    apr_sleep(100000);
    return brood_return(task, arg, size);
}

/* A second later somebody would find it by chance. */
static void assert_took(int64_t begin, int64_t least_ms)
{
    int64_t took_ms = (brood_os_now() - begin) / NS_PER_MS;

    assert_in_range(took_ms, least_ms, SOON_MS / 2);
}

static void the_end_of_a_task_is_told_to_a_follower(void **state)
{
    led_pool led;
    int64_t begin = 0;

    (void)state;
    open_led(&led);
    begin = brood_os_now();
    assert_ok(brood_pool_apply(led.pool, rest, "x", 1, NULL, 0, NULL));
    assert_took(begin, 90);
    close_led(&led);
}

static int rest_at_first(brood_task *task, const void *arg, size_t size)
{
    if (brood_task_index(task) == 0) {
        apr_sleep(100000);
    } else {
        gate_stop(task);
    }
    return brood_return(task, arg, size);
}

/* An item ends, its map does not. */
static void the_end_of_an_item_is_told_to_a_follower(void **state)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_result *map = NULL;
    char out[2] = {0};
    led_pool led;

    (void)state;
    open_led(&led);
    options.chunk_size = 1;
    assert_ok(brood_pool_map_async(led.pool, &map, rest_at_first, "ab", 2, 1, out, 1, &options));
    assert_ok(brood_result_item(map, 0, NULL, NULL, NULL, SOON_MS / 2));
    assert_false(brood_result_ready(map));
    assert_ok(brood_result_cancel(map));
    brood_result_destroy(map);
    close_led(&led);
}

static void the_time_out_of_a_follower_is_kept(void **state)
{
    led_pool led;
    int64_t begin = 0;

    (void)state;
    open_led(&led);
    begin = brood_os_now();
    assert_status(brood_result_wait(led.gated, 100), BROOD_ERR_TIMEOUT);
    assert_took(begin, 100);
    close_led(&led);
}

static void expect_end_by_time(const brood_task_options *options, brood_status status)
{
    led_pool led;
    brood_result *result = NULL;
    int64_t begin = 0;

    open_led(&led);
    begin = brood_os_now();
    assert_ok(brood_pool_apply_async(led.pool, &result, task_until_cancelled, "x", 1, options));
    gate_await(&led.gate, 1);
    while (!brood_result_ready(result)) { /* nobody waits in the pool for it */
        apr_sleep(1000);
    }
    assert_took(begin, 90);
    assert_status(brood_result_get(result, NULL, NULL, 0), status);
    brood_result_destroy(result);
    close_led(&led);
}

static void a_deadline_is_kept_by_who_leads(void **state)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;

    (void)state;
    options.deadline_ms = 100;
    expect_end_by_time(&options, BROOD_ERR_DEADLINE);
}

static void a_time_out_is_kept_by_who_leads(void **state)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;

    (void)state;
    options.timeout_ms = 100;
    expect_end_by_time(&options, BROOD_ERR_TASK_TIMEOUT);
}

/* A result that is cancelled, while who waits for it follows. */
static void cancel_later(void *data)
{
    apr_sleep(100000);
    brood_result_cancel(data);
}

static void a_cancelled_task_is_told_to_a_follower(void **state)
{
    led_pool led;
    brood_result *result = NULL;
    support_thread *thread = NULL;
    int64_t begin = 0;

    (void)state;
    open_led(&led);
    begin = brood_os_now();
    assert_ok(brood_pool_apply_async(led.pool, &result, task_until_cancelled, "x", 1, NULL));
    gate_await(&led.gate, 1);
    thread = support_thread_start(cancel_later, result);
    assert_status(brood_result_get(result, NULL, NULL, BROOD_FOREVER), BROOD_ERR_CANCELLED);
    assert_took(begin, 90);
    support_thread_join(thread);
    brood_result_destroy(result);
    close_led(&led);
}

/* Its callback is told, although nobody but who leads is there. */
static void note(brood_result *result, void *user)
{
    (void)result;
    support_write(*(const intptr_t *)user, "c", 1);
}

static void a_callback_comes_while_a_caller_leads(void **state)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    intptr_t told[2];
    led_pool led;

    (void)state;
    assert_true(support_pipe(told));
    open_led(&led);
    options.done = note;
    options.user = &told[1];
    assert_ok(brood_pool_apply_async(led.pool, NULL, rest, "x", 1, &options));
    assert_byte(told[0]); /* or the watchdog ends the test */
    close_led(&led);
    support_close(told[0]);
    support_close(told[1]);
}

/* ---- a worker becomes idle, and only a caller that spins hears of it ------------------------- */

/* Both workers stop at the gate, each with a task behind; false: it did not come to be so. */
static bool give_ahead(brood_pool *pool, pool_gate *gate, brood_result *results[4])
{
    bool is_so = false;

    for (int i = 0; i < 4; i++) {
        assert_ok(brood_pool_apply_async(pool, &results[i], i < 2 ? task_gated : task_echo, "x", 1,
                                         NULL));
    }
    gate_await(gate, 2);
    brood_pool_lock(pool);
    is_so =
        pool->roster.workers[0]->backlog.count == 2 && pool->roster.workers[1]->backlog.count == 2;
    brood_pool_unlock(pool);
    return is_so;
}

/* With the lock: the pool's thread is asleep, and leads. */
static void lock_asleep(brood_pool *pool)
{
    brood_pool_lock(pool);
    while (!pool->wait.sleeping) {
        brood_pool_unlock(pool);
        support_yield();
        brood_pool_lock(pool);
    }
}

/* As a caller that spins does it, so that no worker rings. */
static void hear_one_end(brood_pool *pool, pool_gate *gate)
{
    lock_asleep(pool);
    pool->wait.spinning++;
    brood_pool_turn(pool);
    gate_pass(gate, 1);
    while (pool->roster.busy == 2) {
        support_yield();
        brood_pool_turn(pool);
    }
    pool->wait.spinning--;
    brood_pool_unlock(pool);
}

static void end_all(pool_gate *gate, brood_result *results[4], size_t waiting)
{
    gate_pass(gate, waiting);
    for (int i = 0; i < 4; i++) {
        assert_ok(brood_result_wait(results[i], SOON_MS));
        brood_result_destroy(results[i]);
    }
}

/* What stood behind the task that still stops comes to the other worker, and nobody asks for it. */
static void expect_both_behind(pool_gate *gate, brood_result *results[4])
{
    int64_t end = brood_os_now() + SOON_MS * NS_PER_MS;

    while (!brood_result_ready(results[2]) || !brood_result_ready(results[3])) {
        assert_true(brood_os_now() < end);
        support_yield();
    }
    assert_false(brood_result_ready(results[0]) && brood_result_ready(results[1]));
    end_all(gate, results, 1);
}

static void what_stands_behind_a_task_goes_to_a_worker_that_becomes_idle(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    int64_t end = brood_os_now() + SOON_MS * NS_PER_MS;
    brood_pool *pool = NULL;
    pool_gate gate;

    (void)state;
    options.workers = 2;
    options.spin = BROOD_SPIN_NEVER;
    pool = pool_with_gate_and(&options, &gate);
    for (int rounds = 0; rounds < 10;) { /* the thread may wake up for something else in some */
        brood_result *results[4] = {NULL};

        assert_true(brood_os_now() < end);
        if (give_ahead(pool, &gate, results)) {
            hear_one_end(pool, &gate);
            expect_both_behind(&gate, results);
            rounds++;
        } else {
            end_all(&gate, results, 2);
        }
    }
    end_pool(pool);
    gate_free(&gate);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_end_of_a_task_is_told_to_a_follower),
    cmocka_unit_test(the_end_of_an_item_is_told_to_a_follower),
    cmocka_unit_test(the_time_out_of_a_follower_is_kept),
    cmocka_unit_test(a_deadline_is_kept_by_who_leads),
    cmocka_unit_test(a_time_out_is_kept_by_who_leads),
    cmocka_unit_test(a_cancelled_task_is_told_to_a_follower),
    cmocka_unit_test(a_callback_comes_while_a_caller_leads),
    cmocka_unit_test(what_stands_behind_a_task_goes_to_a_worker_that_becomes_idle),
};

BROOD_TEST_MAIN(tests)
