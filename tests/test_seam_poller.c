/* Waiting for many channels: none is missed, none is told after it was removed, a wake is kept. */
#include "harness.h"

#include <stdlib.h>

#include "base/atomic.h"
#include "platform.h"

#define MANY 200

typedef struct pair {
    brood_os_channel *near;
    brood_os_channel *far;
} pair;

static void open_pair(pair *made)
{
    brood_handle end = BROOD_HANDLE_NONE;

    assert_ok(brood_os_channel_pair(&made->near, &end, NULL));
    assert_ok(brood_os_channel_adopt(&made->far, end, NULL));
}

static void close_pair(pair *made)
{
    brood_os_channel_close(made->near);
    brood_os_channel_close(made->far);
}

static void write_byte(brood_os_channel *channel)
{
    size_t put = 0;

    assert_ok(brood_os_channel_write(channel, "!", 1, &put, NULL));
}

static void read_byte(brood_os_channel *channel)
{
    char byte = 0;
    size_t got = 0;

    assert_ok(brood_os_channel_read(channel, &byte, 1, &got, NULL));
}

static int64_t soon(void)
{
    return brood_os_now() + SOON_MS * INT64_C(1000000);
}

/* The next owner that is told; wakes and false alarms are passed over. */
static void *next_owner(brood_os_poller *poller)
{
    void *owner = NULL;
    size_t count = 0;

    while (count == 0) {
        assert_ok(brood_os_poller_wait(poller, &owner, 1, &count, soon(), NULL));
    }
    return owner;
}

static void the_one_with_bytes_is_told(void **state)
{
    brood_os_poller *poller = NULL;
    pair pairs[3];

    (void)state;
    assert_ok(brood_os_poller_create(&poller, NULL));
    for (size_t i = 0; i < 3; i++) {
        open_pair(&pairs[i]);
        assert_ok(brood_os_poller_add(poller, pairs[i].near, &pairs[i], NULL));
    }
    for (size_t i = 0; i < 3; i++) {
        write_byte(pairs[i].far);
        assert_ptr_equal(next_owner(poller), &pairs[i]);
        assert_ptr_equal(next_owner(poller), &pairs[i]); /* until it is read */
        read_byte(pairs[i].near);
    }
    for (size_t i = 0; i < 3; i++) {
        brood_os_poller_remove(poller, pairs[i].near);
        close_pair(&pairs[i]);
    }
    brood_os_poller_free(poller);
}

static void a_closed_end_is_told(void **state)
{
    brood_os_poller *poller = NULL;
    pair one;

    (void)state;
    open_pair(&one);
    assert_ok(brood_os_poller_create(&poller, NULL));
    assert_ok(brood_os_poller_add(poller, one.near, &one, NULL));
    brood_os_channel_close(one.far);
    assert_ptr_equal(next_owner(poller), &one);
    brood_os_poller_remove(poller, one.near);
    brood_os_channel_close(one.near);
    brood_os_poller_free(poller);
}

static void the_deadline_ends_a_wait(void **state)
{
    brood_os_poller *poller = NULL;
    void *owner = NULL;
    size_t count = 1;
    int64_t begin = brood_os_now();

    (void)state;
    assert_ok(brood_os_poller_create(&poller, NULL));
    assert_status(brood_os_poller_wait(poller, &owner, 1, &count, begin + 20000000, NULL),
                  BROOD_ERR_TIMEOUT);
    assert_true(brood_os_now() - begin >= 20000000);
    assert_int_equal(count, 0);
    assert_status(brood_os_poller_wait(poller, &owner, 1, &count, begin, NULL), BROOD_ERR_TIMEOUT);
    brood_os_poller_free(poller);
}

static void a_wake_before_the_wait_is_kept(void **state)
{
    brood_os_poller *poller = NULL;
    void *owner = NULL;
    size_t count = 1;

    (void)state;
    assert_ok(brood_os_poller_create(&poller, NULL));
    brood_os_poller_wake(poller);
    assert_ok(brood_os_poller_wait(poller, &owner, 1, &count, soon(), NULL));
    assert_int_equal(count, 0);
    brood_os_poller_free(poller);
}

static void wake_it(void *data)
{
    brood_os_poller_wake(data);
}

static void a_wake_ends_a_wait(void **state)
{
    brood_os_poller *poller = NULL;
    support_thread *thread = NULL;
    void *owner = NULL;
    size_t count = 0;

    (void)state;
    assert_ok(brood_os_poller_create(&poller, NULL));
    thread = support_thread_start(wake_it, poller);
    assert_ok(brood_os_poller_wait(poller, &owner, 1, &count, soon(), NULL));
    support_thread_join(thread);
    brood_os_poller_free(poller);
}

/* A thread that has waited once, and then computes until it is told to end. */
typedef struct burner {
    brood_os_poller *poller;
    brood_atomic32 burns, ends;
} burner;

static void wait_once_and_burn(void *data)
{
    burner *self = data;
    void *owner = NULL;
    size_t count = 0;

    brood_os_poller_wait(self->poller, &owner, 1, &count, soon(), NULL);
    brood_exchange32(&self->burns, 1);
    while (brood_load32(&self->ends) == 0) {
    }
}

/* A completion port with a bound on its running threads would give the second nothing. */
static void one_who_waited_and_computes_holds_up_nobody(void **state)
{
    burner self = {.poller = NULL};
    support_thread *thread = NULL;
    pair one;

    (void)state;
    open_pair(&one);
    assert_ok(brood_os_poller_create(&self.poller, NULL));
    brood_os_poller_wake(self.poller);
    thread = support_thread_start(wait_once_and_burn, &self);
    while (brood_load32(&self.burns) == 0) {
        support_yield();
    }
    assert_ok(brood_os_poller_add(self.poller, one.near, &one, NULL));
    write_byte(one.far);
    assert_ptr_equal(next_owner(self.poller), &one);
    brood_exchange32(&self.ends, 1);
    support_thread_join(thread);
    brood_os_poller_remove(self.poller, one.near);
    close_pair(&one);
    brood_os_poller_free(self.poller);
}

/* A pair that a thread adds while another waits. */
typedef struct late {
    brood_os_poller *poller;
    pair added;
} late;

static void add_it(void *data)
{
    late *self = data;

    brood_os_poller_add(self->poller, self->added.near, self, NULL);
}

static void one_that_is_added_during_a_wait_is_told(void **state)
{
    late self;
    support_thread *thread = NULL;

    (void)state;
    open_pair(&self.added);
    write_byte(self.added.far);
    assert_ok(brood_os_poller_create(&self.poller, NULL));
    thread = support_thread_start(add_it, &self);
    assert_ptr_equal(next_owner(self.poller), &self);
    support_thread_join(thread);
    brood_os_poller_remove(self.poller, self.added.near);
    close_pair(&self.added);
    brood_os_poller_free(self.poller);
}

static void a_removed_one_is_not_told(void **state)
{
    brood_os_poller *poller = NULL;
    pair pairs[2];

    (void)state;
    assert_ok(brood_os_poller_create(&poller, NULL));
    for (size_t i = 0; i < 2; i++) {
        open_pair(&pairs[i]);
        assert_ok(brood_os_poller_add(poller, pairs[i].near, &pairs[i], NULL));
        write_byte(pairs[i].far);
    }
    next_owner(poller); /* both are known to be ready */
    brood_os_poller_remove(poller, pairs[0].near);
    for (int i = 0; i < 20; i++) {
        assert_ptr_equal(next_owner(poller), &pairs[1]);
    }
    brood_os_poller_remove(poller, pairs[1].near);
    close_pair(&pairs[0]);
    close_pair(&pairs[1]);
    brood_os_poller_free(poller);
}

/* More than WaitForMultipleObjects takes. */
static void none_of_many_is_missed(void **state)
{
    pair *pairs = calloc(MANY, sizeof *pairs);
    brood_os_poller *poller = NULL;
    bool told[MANY] = {false};
    size_t total = 0;

    (void)state;
    assert_ok(brood_os_poller_create(&poller, NULL));
    for (size_t i = 0; i < MANY; i++) {
        open_pair(&pairs[i]);
        assert_ok(brood_os_poller_add(poller, pairs[i].near, &pairs[i], NULL));
    }
    for (size_t i = 0; i < MANY; i++) {
        write_byte(pairs[i].far);
    }
    while (total < MANY) {
        void *owners[7];
        size_t count = 0;

        assert_ok(brood_os_poller_wait(poller, owners, 7, &count, soon(), NULL));
        for (size_t i = 0; i < count; i++) {
            size_t which = (size_t)((pair *)owners[i] - pairs);

            assert_false(told[which]);
            told[which] = true;
            total++;
            read_byte(pairs[which].near);
        }
    }
    for (size_t i = 0; i < MANY; i++) {
        brood_os_poller_remove(poller, pairs[i].near);
        close_pair(&pairs[i]);
    }
    brood_os_poller_free(poller);
    free(pairs);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_one_with_bytes_is_told),
    cmocka_unit_test(a_closed_end_is_told),
    cmocka_unit_test(the_deadline_ends_a_wait),
    cmocka_unit_test(a_wake_before_the_wait_is_kept),
    cmocka_unit_test(a_wake_ends_a_wait),
    cmocka_unit_test(one_who_waited_and_computes_holds_up_nobody),
    cmocka_unit_test(one_that_is_added_during_a_wait_is_told),
    cmocka_unit_test(a_removed_one_is_not_told),
    cmocka_unit_test(none_of_many_is_missed),
};

BROOD_TEST_MAIN(tests)
