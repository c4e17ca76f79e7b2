/* Threads of the program that come and go, and those of the system's own pool. */
#include "harness.h"
#include "pool_tools.h"

#include "base/atomic.h"
#include "platform.h"
#include "pool/lock.h"
#include "pool/pool_impl.h"

#define VISITORS 100
#define WORK_ITEMS 600

static void visit(void *pool)
{
    int64_t number = 3;
    int64_t square = 0;

    assert_ok(
        brood_pool_apply(pool, task_square, &number, sizeof number, &square, sizeof square, NULL));
    assert_int_equal(square, 9);
}

/* A callback that says that it is there, and waits. */
typedef struct doorkeeper {
    intptr_t there[2], gate[2];
} doorkeeper;

static void stand_there(brood_result *result, void *user)
{
    const doorkeeper *self = user;

    (void)result;
    support_write(self->there[1], "", 1);
    assert_byte(self->gate[0]);
}

/* While a callback runs, each wait asks whether it is the callback's. */
static void r28_a_thread_that_called_in_leaves_no_handle(void **state)
{
    brood_pool *pool = pool_of(1);
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    doorkeeper self;
    int before = 0;

    (void)state;
    assert_true(support_pipe(self.there) && support_pipe(self.gate));
    options.done = stand_there;
    options.user = &self;
    assert_ok(brood_pool_apply_async(pool, NULL, task_echo, NULL, 0, &options));
    assert_byte(self.there[0]);
    visit(pool);
    before = support_count_handles();
    for (int i = 0; i < VISITORS; i++) {
        support_thread_join(support_thread_start(visit, pool));
    }
    assert_true(support_count_handles() < before + VISITORS / 4);
    support_write(self.gate[1], "", 1);
    end_pool(pool);
    for (int i = 0; i < 2; i++) {
        support_close(self.there[i]);
        support_close(self.gate[i]);
    }
}

/* ---- the program's pool of threads --------------------------------------------------------- */

static void tell_nothing(void *data)
{
    (void)data;
}

typedef struct crowd {
    brood_pool *pool;
    brood_atomic32 begun, done, failed;
    intptr_t all_done[2];
} crowd;

static void work(void *data)
{
    crowd *self = data;
    int64_t number = 3;
    int64_t echo = 0;
    brood_status status = BROOD_OK;

    brood_add32(&self->begun, 1);
    status =
        brood_pool_apply(self->pool, task_gated, &number, sizeof number, &echo, sizeof echo, NULL);
    brood_add32(&self->failed, status != BROOD_OK || echo != 3);
    if (brood_add32(&self->done, 1) == WORK_ITEMS) {
        support_write(self->all_done[1], "", 1);
    }
}

/* Until all have begun, or the system starts no further thread for a while. */
static void await_crowd(crowd *self)
{
    uint32_t begun = 0;

    do {
        begun = brood_load32(&self->begun);
        brood_os_sleep(INT64_C(500000000));
    } while (brood_load32(&self->begun) > begun);
}

/* All threads of it wait for the pool, which may need none of them. */
static void r31_the_programs_own_thread_pool_is_full(void **state)
{
    crowd self = {.pool = NULL};
    pool_gate gate;

    (void)state;
    if (!support_submit_work(tell_nothing, NULL)) {
        harness_skip("this system has no pool of threads of its own");
    }
    self.pool = pool_with_gate(1, &gate);
    assert_true(support_pipe(self.all_done));
    for (int i = 0; i < WORK_ITEMS; i++) {
        assert_true(support_submit_work(work, &self));
    }
    await_crowd(&self);
    gate_open(&gate);
    assert_byte(self.all_done[0]);
    assert_int_equal(brood_load32(&self.failed), 0);
    end_pool(self.pool);
    gate_free(&gate);
    support_close(self.all_done[0]);
    support_close(self.all_done[1]);
}

/* ---- the pool's lock ------------------------------------------------------------------------- */

#define HOLD_NS INT64_C(2000000)
#define HOLDS_MAX 100 /* of 2 ms; on a machine with other work the thread that waits needs a core */

typedef struct holder {
    brood_pool *pool;
    brood_atomic32 holds, may_end;
} holder;

/* Takes the lock again as soon as it has given it up, as a thread does that spins. */
static void hold_again_and_again(void *data)
{
    holder *self = data;

    while (brood_load32(&self->may_end) == 0) {
        int64_t end = brood_os_now() + HOLD_NS;

        brood_pool_lock(self->pool);
        while (brood_os_now() < end) {
        }
        brood_add32(&self->holds, 1);
        brood_pool_unlock(self->pool);
    }
}

static void take_lock_beside(holder *self)
{
    uint32_t holds = brood_load32(&self->holds);

    while (brood_load32(&self->holds) == holds) {
        brood_os_sleep(HOLD_NS / 4);
    }
    holds = brood_load32(&self->holds);
    brood_pool_lock(self->pool);
    brood_pool_unlock(self->pool);
    assert_true(brood_load32(&self->holds) - holds <= HOLDS_MAX);
}

/* A call that sleeps for the lock comes before those of threads that are awake. */
static void w_the_lock_comes_to_whoever_sleeps_for_it(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    holder self = {.pool = NULL};
    support_thread *threads[3];

    (void)state;
    options.workers = 1;
    options.lazy = true;
    assert_ok(brood_pool_create(&self.pool, &options));
    for (int i = 0; i < 3; i++) {
        threads[i] = support_thread_start(hold_again_and_again, &self);
    }
    for (int i = 0; i < 20; i++) {
        take_lock_beside(&self);
    }
    brood_exchange32(&self.may_end, 1);
    for (int i = 0; i < 3; i++) {
        support_thread_join(threads[i]);
    }
    brood_pool_destroy(self.pool);
}

/* ---- the seam ------------------------------------------------------------------------------ */

static void tell_id(void *data)
{
    *(uint64_t *)data = brood_os_thread_id();
}

/* Another's number may come again only after its end. */
static void two_threads_have_two_numbers(void **state)
{
    uint64_t own = brood_os_thread_id();
    uint64_t other = own;

    (void)state;
    support_thread_join(support_thread_start(tell_id, &other));
    assert_true(other != own);
    assert_true(brood_os_thread_id() == own);
}

/* Windows would make 15 ms of each, with Sleep; a busy machine may of some. */
static void a_millisecond_is_slept_in_about_one(void **state)
{
    int short_ones = 0;

    (void)state;
    for (int i = 0; i < 100; i++) {
        int64_t begin = brood_os_now();
        int64_t slept = 0;

        brood_os_sleep(1000000);
        slept = brood_os_now() - begin;
        assert_true(slept >= 1000000 - 1000);
        short_ones += slept < 5000000;
    }
    assert_true(short_ones >= 20);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(r28_a_thread_that_called_in_leaves_no_handle),
    cmocka_unit_test(r31_the_programs_own_thread_pool_is_full),
    cmocka_unit_test(w_the_lock_comes_to_whoever_sleeps_for_it),
    cmocka_unit_test(two_threads_have_two_numbers),
    cmocka_unit_test(a_millisecond_is_slept_in_about_one),
};

BROOD_TEST_MAIN(tests)
