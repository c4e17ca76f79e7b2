/* The seam's contract for waiting, on whatever system. */
#include "harness.h"

#include <stdlib.h>

#include "platform.h"

#define MS INT64_C(1000000)

typedef struct pair {
    brood_os_channel *ours;
    brood_os_channel *theirs;
} pair;

static void open_pair(pair *made)
{
    brood_handle end = BROOD_HANDLE_NONE;

    assert_ok(brood_os_channel_pair(&made->ours, &end, NULL));
    assert_ok(brood_os_channel_adopt(&made->theirs, end, NULL));
}

static void close_pair(pair *made)
{
    brood_os_channel_close(made->theirs);
    brood_os_channel_close(made->ours);
}

static void put_byte(brood_os_channel *channel)
{
    size_t put = 0;

    assert_ok(brood_os_channel_write(channel, "x", 1, &put, NULL));
}

static void the_clock_goes_forward(void **state)
{
    int64_t before = brood_os_now();

    (void)state;
    for (int i = 0; i < 100000; i++) {
        int64_t now = brood_os_now();

        assert_true(now >= before);
        before = now;
    }
}

static void a_deadline_ends_it(void **state)
{
    pair made;
    brood_os_wait_item item = {NULL, NULL, false, true};
    int64_t before = brood_os_now();

    (void)state;
    open_pair(&made);
    item.channel = made.ours;
    assert_status(brood_os_wait(&item, 1, brood_os_now() + 20 * MS, NULL), BROOD_ERR_TIMEOUT);
    assert_true(brood_os_now() - before >= 20 * MS);
    assert_false(item.ready);
    close_pair(&made);
}

static void a_deadline_that_is_past_ends_it_at_once(void **state)
{
    pair made;
    brood_os_wait_item item = {NULL, NULL, false, false};

    (void)state;
    open_pair(&made);
    item.channel = made.ours;
    assert_status(brood_os_wait(&item, 1, 0, NULL), BROOD_ERR_TIMEOUT);
    assert_status(brood_os_wait(&item, 1, 1, NULL), BROOD_ERR_TIMEOUT);
    put_byte(made.theirs);
    assert_ok(brood_os_wait(&item, 1, brood_os_now() + SOON_MS * MS, NULL));
    assert_ok(brood_os_wait(&item, 1, 0, NULL)); /* ready is said all the same */
    close_pair(&made);
}

static void nothing_to_wait_for_is_a_pause(void **state)
{
    brood_os_wait_item none[2] = {{NULL, NULL, false, true}, {NULL, NULL, true, true}};

    (void)state;
    assert_status(brood_os_wait(none, 0, brood_os_now() + 5 * MS, NULL), BROOD_ERR_TIMEOUT);
    assert_status(brood_os_wait(none, 2, brood_os_now() + 5 * MS, NULL), BROOD_ERR_TIMEOUT);
    assert_false(none[0].ready);
    assert_false(none[1].ready);
}

/* As many as it takes; which one it was is told, and no other. */
static void each_of_many_is_found(void **state)
{
    pair made[BROOD_OS_WAIT_MAX];
    brood_os_wait_item items[BROOD_OS_WAIT_MAX] = {{NULL, NULL, false, false}};

    (void)state;
    for (size_t i = 0; i < BROOD_OS_WAIT_MAX; i++) {
        open_pair(&made[i]);
        items[i].channel = made[i].ours;
    }
    for (size_t i = 0; i < BROOD_OS_WAIT_MAX; i++) {
        char byte = 0;
        size_t got = 0;

        put_byte(made[i].theirs);
        do { /* a wrong one is allowed, but this one must come */
            assert_ok(brood_os_wait(items, BROOD_OS_WAIT_MAX, brood_os_now() + SOON_MS * MS, NULL));
        } while (!items[i].ready);
        assert_ok(brood_os_channel_read(made[i].ours, &byte, 1, &got, NULL));
    }
    for (size_t i = 0; i < BROOD_OS_WAIT_MAX; i++) {
        close_pair(&made[i]);
    }
}

static void all_that_are_ready_are_told(void **state)
{
    pair made[3];
    brood_os_wait_item items[3] = {{NULL, NULL, false, false}};
    int ready = 0;

    (void)state;
    for (int i = 0; i < 3; i++) {
        open_pair(&made[i]);
        items[i].channel = made[i].ours;
        put_byte(made[i].theirs);
    }
    for (int i = 0; i < 3; i++) { /* let all three arrive */
        assert_ok(brood_os_wait(&items[i], 1, brood_os_now() + SOON_MS * MS, NULL));
    }
    assert_ok(brood_os_wait(items, 3, brood_os_now() + SOON_MS * MS, NULL));
    for (int i = 0; i < 3; i++) {
        ready += items[i].ready;
    }
    assert_int_equal(ready, 3);
    for (int i = 0; i < 3; i++) {
        close_pair(&made[i]);
    }
}

static void too_many_are_refused(void **state)
{
    brood_os_wait_item items[BROOD_OS_WAIT_MAX + 1] = {{NULL, NULL, false, false}};

    (void)state;
    assert_status(brood_os_wait(items, BROOD_OS_WAIT_MAX + 1, 0, NULL), BROOD_ERR_ARGUMENT);
}

static void a_closed_end_is_ready(void **state)
{
    pair made;
    brood_os_wait_item item = {NULL, NULL, false, false};

    (void)state;
    open_pair(&made);
    item.channel = made.ours;
    brood_os_channel_close(made.theirs);
    assert_ok(brood_os_wait(&item, 1, brood_os_now() + SOON_MS * MS, NULL));
    assert_true(item.ready);
    brood_os_channel_close(made.ours);
}

/* ---- several threads ----------------------------------------------------------------------- */

typedef struct waiter {
    brood_os_channel *channel;
    intptr_t there;
    brood_status status;
} waiter;

static void wait_in_thread(void *data)
{
    waiter *self = data;
    brood_os_wait_item item = {NULL, self->channel, false, false};

    support_write(self->there, "x", 1);
    self->status = brood_os_wait(&item, 1, brood_os_now() + SOON_MS * MS, NULL);
}

static void several_threads_wait_for_one_thing(void **state)
{
    waiter waiters[4];
    support_thread *threads[4];
    intptr_t there[2];
    pair made;

    (void)state;
    open_pair(&made);
    assert_true(support_pipe(there));
    for (int i = 0; i < 4; i++) {
        waiters[i] = (waiter){made.ours, there[1], BROOD_ERR_STATE};
        threads[i] = support_thread_start(wait_in_thread, &waiters[i]);
    }
    for (int i = 0; i < 4; i++) {
        assert_byte(there[0]);
    }
    put_byte(made.theirs); /* nobody reads it, so all see it */
    for (int i = 0; i < 4; i++) {
        support_thread_join(threads[i]);
        assert_ok(waiters[i].status);
    }
    support_close(there[0]);
    support_close(there[1]);
    close_pair(&made);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_clock_goes_forward),
    cmocka_unit_test(a_deadline_ends_it),
    cmocka_unit_test(a_deadline_that_is_past_ends_it_at_once),
    cmocka_unit_test(nothing_to_wait_for_is_a_pause),
    cmocka_unit_test(each_of_many_is_found),
    cmocka_unit_test(all_that_are_ready_are_told),
    cmocka_unit_test(too_many_are_refused),
    cmocka_unit_test(a_closed_end_is_ready),
    cmocka_unit_test(several_threads_wait_for_one_thing),
};

BROOD_TEST_MAIN(tests)
