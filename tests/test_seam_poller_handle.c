/*
 * A poller in a program that waits for the poller's handle alone: whatever comes, whenever it comes,
 * makes it ready. A wake-up that is lost shows as a test that waits in vain.
 */
#include "harness.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "launch.h"
#include "platform.h"

#define ROUNDS 2000
#define MANY 150
#define QUIET_MS 20

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

static int64_t soon(void)
{
    return brood_os_now() + SOON_MS * INT64_C(1000000);
}

/* For any thread. On Windows the last write may be under way still, when it has been read. */
static brood_status put_byte(brood_os_channel *channel)
{
    brood_os_wait_item item = {NULL, channel, true, false};
    size_t put = 0;
    brood_status status = brood_os_channel_write(channel, "!", 1, &put, NULL);

    while (status == BROOD_ERR_TIMEOUT && brood_os_wait(&item, 1, soon(), NULL) == BROOD_OK) {
        status = brood_os_channel_write(channel, "!", 1, &put, NULL);
    }
    return status;
}

static void write_byte(brood_os_channel *channel)
{
    assert_ok(put_byte(channel));
}

static bool try_read(brood_os_channel *channel)
{
    char byte = 0;
    size_t got = 0;
    brood_status status = brood_os_channel_read(channel, &byte, 1, &got, NULL);

    assert_true(status == BROOD_OK || status == BROOD_ERR_TIMEOUT);
    return status == BROOD_OK;
}

/* A poller and its handle. */
typedef struct loop {
    brood_os_poller *poller;
    brood_handle handle;
} loop;

static void open_loop(loop *made)
{
    assert_ok(brood_os_poller_create(&made->poller, NULL));
    assert_ok(brood_os_poller_handle(made->poller, &made->handle, NULL));
    assert_true(made->handle != BROOD_HANDLE_NONE);
}

/* What a program does that has found the handle ready. */
static size_t look(const loop *at, void **owners, size_t most)
{
    size_t count = 0;
    brood_status status = brood_os_poller_wait(at->poller, owners, most, &count, 0, NULL);

    assert_true(status == BROOD_OK || (status == BROOD_ERR_TIMEOUT && count == 0));
    return count;
}

static size_t turn(const loop *at, void **owners, size_t most)
{
    assert_true(support_wait_handle(at->handle, SOON_MS));
    return look(at, owners, most);
}

static void *next_owner(const loop *at)
{
    void *owner = NULL;

    while (turn(at, &owner, 1) == 0) {
    }
    return owner;
}

/* It may be ready for nothing, and tell an owner for nothing, but then it comes to rest. */
static void assert_quiet(const loop *at)
{
    void *owner = NULL;

    for (int i = 0; support_wait_handle(at->handle, QUIET_MS); i++) {
        look(at, &owner, 1);
        assert_true(i < 20);
    }
}

static void nothing_is_quiet(void **state)
{
    loop at;
    pair one;

    (void)state;
    open_loop(&at);
    assert_quiet(&at);
    open_pair(&one);
    assert_ok(brood_os_poller_add(at.poller, one.near, &one, NULL));
    assert_quiet(&at);
    brood_os_poller_remove(at.poller, one.near);
    close_pair(&one);
    brood_os_poller_free(at.poller);
}

static void bytes_are_told_until_they_are_read(void **state)
{
    loop at;
    pair one;

    (void)state;
    open_loop(&at);
    open_pair(&one);
    write_byte(one.far); /* before it is added */
    assert_ok(brood_os_poller_add(at.poller, one.near, &one, NULL));
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++) {
            assert_ptr_equal(next_owner(&at), &one);
        }
        assert_true(try_read(one.near));
        assert_false(try_read(one.near));
        assert_quiet(&at);
        write_byte(one.far);
    }
    brood_os_poller_remove(at.poller, one.near);
    assert_quiet(&at);
    close_pair(&one);
    brood_os_poller_free(at.poller);
}

static void a_wake_is_told(void **state)
{
    loop at;

    (void)state;
    open_loop(&at);
    for (int i = 0; i < 100; i++) {
        void *owner = NULL;

        brood_os_poller_wake(at.poller);
        assert_int_equal(turn(&at, &owner, 1), 0);
    }
    assert_quiet(&at);
    brood_os_poller_free(at.poller);
}

static void a_closed_end_is_told(void **state)
{
    loop at;
    pair one;

    (void)state;
    open_loop(&at);
    open_pair(&one);
    assert_ok(brood_os_poller_add(at.poller, one.near, &one, NULL));
    brood_os_channel_close(one.far);
    assert_ptr_equal(next_owner(&at), &one);
    brood_os_poller_remove(at.poller, one.near);
    brood_os_channel_close(one.near);
    brood_os_poller_free(at.poller);
}

static void the_end_of_a_process_is_told(void **state)
{
    brood_os_process *process = NULL;
    brood_os_exit result;
    launch run;
    loop at;

    (void)state;
    open_loop(&at);
    launch_prepare(&run, "--exit", "7");
    process = launch_start(&run);
    assert_ok(brood_os_poller_add_process(at.poller, process, process, NULL));
    assert_ptr_equal(next_owner(&at), process);
    assert_ptr_equal(next_owner(&at), process);
    brood_os_poller_remove_process(at.poller, process);
    launch_reap(process, &result);
    assert_int_equal(result.code, 7);
    brood_os_process_free(process);
    brood_os_poller_free(at.poller);
}

/* More than one wait takes: the rest makes it ready again. */
static void none_of_many_is_missed(void **state)
{
    pair *pairs = calloc(MANY, sizeof *pairs);
    size_t told = 0;
    loop at;

    (void)state;
    assert_non_null(pairs);
    open_loop(&at);
    for (size_t i = 0; i < MANY; i++) {
        open_pair(&pairs[i]);
        assert_ok(brood_os_poller_add(at.poller, pairs[i].near, &pairs[i], NULL));
    }
    for (size_t i = 0; i < MANY; i++) {
        write_byte(pairs[i].far);
    }
    while (told < MANY) {
        void *owners[7];
        size_t count = turn(&at, owners, 7);

        for (size_t i = 0; i < count; i++) {
            told += try_read(((pair *)owners[i])->near);
        }
    }
    for (size_t i = 0; i < MANY; i++) {
        brood_os_poller_remove(at.poller, pairs[i].near);
        close_pair(&pairs[i]);
    }
    brood_os_poller_free(at.poller);
    free(pairs);
}

/* ---- nothing is lost, whenever it comes ---------------------------------------------------- */

/* A little time, which is another one in each round. */
static void dally(unsigned round)
{
    static atomic_uint spun;

    for (unsigned i = round * 7919 % 5000; i > 0; i--) {
        atomic_fetch_add_explicit(&spun, 1, memory_order_relaxed);
    }
}

/* Waits for the byte that says that it is the turn of the other thread. */
static bool await_byte(brood_os_channel *channel)
{
    brood_os_wait_item item = {NULL, channel, false, false};
    char byte = 0;
    size_t got = 0;
    brood_status status = BROOD_ERR_TIMEOUT;

    while (status == BROOD_ERR_TIMEOUT && brood_os_wait(&item, 1, soon(), NULL) == BROOD_OK) {
        status = brood_os_channel_read(channel, &byte, 1, &got, NULL);
    }
    return status == BROOD_OK;
}

static void answer_each(void *data)
{
    brood_os_channel *channel = data;

    for (unsigned i = 0; i < ROUNDS && await_byte(channel); i++) {
        dally(i);
        put_byte(channel);
    }
}

static void no_answer_is_lost(void **state)
{
    support_thread *thread = NULL;
    void *owners[4];
    pair one;
    loop at;

    (void)state;
    open_loop(&at);
    open_pair(&one);
    assert_ok(brood_os_poller_add(at.poller, one.near, &one, NULL));
    thread = support_thread_start(answer_each, one.far);
    for (unsigned i = 0; i < ROUNDS; i++) {
        bool came = false;

        write_byte(one.near);
        dally(i / 3);
        while (!came) {
            came = turn(&at, owners, 4) > 0 && try_read(one.near);
        }
    }
    support_thread_join(thread);
    brood_os_poller_remove(at.poller, one.near);
    close_pair(&one);
    brood_os_poller_free(at.poller);
}

/* It reads when the handle is ready, and does not look at what the wait tells. */
static void no_answer_is_lost_on_a_busy_poller(void **state)
{
    support_thread *threads[3];
    void *owners[4];
    pair pairs[3];
    unsigned answers[3] = {0};
    loop at;

    (void)state;
    open_loop(&at);
    for (size_t i = 0; i < 3; i++) {
        open_pair(&pairs[i]);
        assert_ok(brood_os_poller_add(at.poller, pairs[i].near, &pairs[i], NULL));
        threads[i] = support_thread_start(answer_each, pairs[i].far);
        write_byte(pairs[i].near);
    }
    while (answers[0] + answers[1] + answers[2] < 3 * ROUNDS) {
        turn(&at, owners, 4);
        for (size_t i = 0; i < 3; i++) {
            if (answers[i] < ROUNDS && try_read(pairs[i].near) && ++answers[i] < ROUNDS) {
                write_byte(pairs[i].near);
            }
        }
    }
    for (size_t i = 0; i < 3; i++) {
        support_thread_join(threads[i]);
        brood_os_poller_remove(at.poller, pairs[i].near);
        close_pair(&pairs[i]);
    }
    brood_os_poller_free(at.poller);
}

typedef struct waker {
    loop at;
    pair one;
    atomic_uint wakes;
} waker;

static void wake_each(void *data)
{
    waker *self = data;

    for (unsigned i = 0; i < ROUNDS && await_byte(self->one.far); i++) {
        dally(i);
        atomic_fetch_add(&self->wakes, 1);
        brood_os_poller_wake(self->at.poller);
    }
}

static void no_wake_is_lost(void **state)
{
    support_thread *thread = NULL;
    void *owner = NULL;
    waker self;

    (void)state;
    open_loop(&self.at);
    open_pair(&self.one);
    atomic_init(&self.wakes, 0);
    thread = support_thread_start(wake_each, &self);
    for (unsigned i = 0; i < ROUNDS; i++) {
        write_byte(self.one.near);
        dally(i / 3);
        while (atomic_load(&self.wakes) <= i) {
            turn(&self.at, &owner, 1);
        }
    }
    support_thread_join(thread);
    close_pair(&self.one);
    brood_os_poller_free(self.at.poller);
}

typedef struct adder {
    loop at;
    pair one;
    pair signal;
} adder;

static void add_each(void *data)
{
    adder *self = data;

    for (unsigned i = 0; i < ROUNDS && await_byte(self->signal.far); i++) {
        dally(i);
        brood_os_poller_add(self->at.poller, self->one.near, self, NULL);
    }
}

/* What another thread adds while the program looks, or waits for the handle, is told, too. */
static void none_that_is_added_is_lost(void **state)
{
    support_thread *thread = NULL;
    void *owner = NULL;
    adder self;

    (void)state;
    open_loop(&self.at);
    open_pair(&self.one);
    open_pair(&self.signal);
    write_byte(self.one.far);
    thread = support_thread_start(add_each, &self);
    for (unsigned i = 0; i < ROUNDS; i++) {
        write_byte(self.signal.near);
        for (unsigned k = i % 3; k > 0; k--) {
            look(&self.at, &owner, 1);
        }
        assert_ptr_equal(next_owner(&self.at), &self);
        brood_os_poller_remove(self.at.poller, self.one.near);
    }
    support_thread_join(thread);
    close_pair(&self.one);
    close_pair(&self.signal);
    brood_os_poller_free(self.at.poller);
}

static int as_command(int argc, char **argv)
{
    return argc == 3 && strcmp(argv[1], "--exit") == 0 ? atoi(argv[2]) : -1;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(nothing_is_quiet),
    cmocka_unit_test(bytes_are_told_until_they_are_read),
    cmocka_unit_test(a_wake_is_told),
    cmocka_unit_test(a_closed_end_is_told),
    cmocka_unit_test(the_end_of_a_process_is_told),
    cmocka_unit_test(none_of_many_is_missed),
    cmocka_unit_test(no_answer_is_lost),
    cmocka_unit_test(no_answer_is_lost_on_a_busy_poller),
    cmocka_unit_test(no_wake_is_lost),
    cmocka_unit_test(none_that_is_added_is_lost),
};

BROOD_TEST_MAIN_WITH_COMMANDS(tests, as_command)
