/* Handles that are given to a running process: each arrives, in order, and none is left behind. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "launch.h"
#include "platform.h"

#define SOME 5
#define MANY 100

static int64_t soon(void)
{
    return brood_os_now() + SOON_MS * INT64_C(1000000);
}

/* ---- a child that takes ------------------------------------------------------------------- */

/* The parent's side; numbers go to the child by its stdin. */
typedef struct taker {
    brood_os_process *process;
    brood_os_channel *channel;
    intptr_t numbers;
    intptr_t told; /* what the child writes through the handles that it is given */
    intptr_t gift;
} taker;

static void start(taker *made, const char *mode)
{
    launch run;
    brood_handle end = BROOD_HANDLE_NONE;
    intptr_t numbers[2];
    intptr_t gift[2];
    char number[32];

    assert_true(support_pipe(numbers));
    assert_true(support_pipe(gift));
    assert_ok(brood_os_channel_pair(&made->channel, &end, NULL));
    snprintf(number, sizeof number, "%lld", (long long)brood_os_handle_in_child(&end, 0));
    launch_prepare(&run, mode, number);
    run.spawn.handles = &end;
    run.spawn.handle_count = 1;
    run.spawn.stdio[0] = numbers[0];
    made->process = launch_start(&run);
    brood_os_handle_close(end);
    support_close(numbers[0]);
    made->numbers = numbers[1];
    made->told = gift[0];
    made->gift = gift[1];
}

static void give(taker *to)
{
    brood_handle number = BROOD_HANDLE_NONE;

    assert_ok(brood_os_handle_give(to->channel, to->process, to->gift, &number, NULL));
    assert_true(number != BROOD_HANDLE_NONE);
    assert_int_equal(support_write(to->numbers, &number, sizeof number), sizeof number);
}

static void put(const taker *to, const char *bytes)
{
    size_t done = 0;

    assert_ok(brood_os_channel_write(to->channel, bytes, strlen(bytes), &done, NULL));
    assert_int_equal(done, strlen(bytes));
}

/* Once the child has ended, nobody else has what it was given. */
static void finish(taker *made, const char *expected)
{
    brood_os_exit result;
    char text[32] = "";

    support_close(made->gift);
    support_close(made->numbers);
    launch_reap(made->process, &result);
    assert_int_equal(result.code, 0);
    for (size_t i = 0; i < strlen(expected); i++) {
        assert_int_equal(support_read(made->told, &text[i], 1), 1);
    }
    assert_string_equal(text, expected);
    assert_end(made->told);
    support_close(made->told);
    brood_os_channel_close(made->channel);
    brood_os_process_free(made->process);
}

static void each_arrives_and_is_not_inherited(void **state)
{
    taker child;

    (void)state;
    start(&child, "--take");
    for (int i = 0; i < SOME; i++) {
        give(&child);
    }
    finish(&child, "abcde");
}

static void a_read_keeps_what_comes_with_the_bytes(void **state)
{
    taker child;

    (void)state;
    start(&child, "--read-first");
    give(&child);
    put(&child, "xy");
    give(&child);
    give(&child);
    put(&child, "E");
    finish(&child, "abc");
}

static void a_take_passes_over_bytes(void **state)
{
    taker child;

    (void)state;
    start(&child, "--take-then-read");
    put(&child, "xyz");
    give(&child);
    put(&child, "E");
    finish(&child, "a");
}

static void a_child_that_has_ended_gets_none(void **state)
{
    brood_os_wait_item item = {NULL, NULL, false, false};
    brood_handle number = 5;
    brood_error error = {BROOD_OK, 0, "", ""};
    taker child;

    (void)state;
    start(&child, "--exit");
    item.process = child.process;
    assert_ok(brood_os_wait(&item, 1, soon(), NULL));
    assert_status(brood_os_handle_give(child.channel, child.process, child.gift, &number, &error),
                  BROOD_ERR_CLOSED);
    assert_int_equal(number, BROOD_HANDLE_NONE);
    assert_true(error.step[0] != '\0');
    finish(&child, "");
}

static void a_child_that_dies_takes_what_was_on_its_way_along(void **state)
{
    brood_os_exit result;
    taker child;

    (void)state;
    start(&child, "--hang");
    for (int i = 0; i < SOME; i++) {
        give(&child);
    }
    assert_ok(brood_os_process_kill(child.process, NULL));
    launch_reap(child.process, &result);
    brood_os_channel_close(child.channel);
    support_close(child.gift);
    assert_end(child.told);
    support_close(child.told);
    support_close(child.numbers);
    brood_os_process_free(child.process);
}

static void one_that_is_not_open_is_refused(void **state)
{
    static const brood_handle numbers[] = {BROOD_HANDLE_NONE, -2, 40000, INTPTR_MAX};
    taker child;

    (void)state;
    start(&child, "--take");
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        brood_handle number = 5;
        brood_error error = {BROOD_OK, 0, "", ""};

        assert_status(
            brood_os_handle_give(child.channel, child.process, numbers[i], &number, &error),
            BROOD_ERR_ARGUMENT);
        assert_int_equal(number, BROOD_HANDLE_NONE);
        assert_status(error.status, BROOD_ERR_ARGUMENT);
    }
    finish(&child, "");
}

/* ---- both ends here, where handles travel in the channel ----------------------------------- */

typedef struct pair {
    brood_os_channel *ours;
    brood_os_channel *theirs;
    intptr_t ends[2]; /* a pipe to be given */
} pair;

static void open_pair(pair *made)
{
    brood_handle end = BROOD_HANDLE_NONE;

    if (support_is_windows()) {
        harness_skip("nothing travels in the channel");
    }
    assert_ok(brood_os_channel_pair(&made->ours, &end, NULL));
    assert_ok(brood_os_channel_adopt(&made->theirs, end, NULL));
    assert_true(support_pipe(made->ends));
}

static void close_pair(pair *made)
{
    brood_os_channel_close(made->theirs);
    brood_os_channel_close(made->ours);
    support_close(made->ends[1]);
    assert_end(made->ends[0]); /* no copy is left anywhere */
    support_close(made->ends[0]);
}

static brood_status give_here(const pair *made)
{
    brood_handle number = 5;
    brood_status status = brood_os_handle_give(made->ours, NULL, made->ends[1], &number, NULL);

    assert_int_equal(number, status == BROOD_OK ? 0 : BROOD_HANDLE_NONE);
    return status;
}

static brood_status take_here(const pair *made, int64_t deadline)
{
    brood_handle handle = 5;
    brood_status status = brood_os_handle_take(made->theirs, 0, deadline, &handle, NULL);

    if (status == BROOD_OK) {
        assert_false(support_is_inheritable(handle));
        assert_int_equal(support_write(handle, "!", 1), 1);
        assert_byte(made->ends[0]);
    }
    assert_true((status == BROOD_OK) == (handle != BROOD_HANDLE_NONE));
    brood_os_handle_close(handle);
    return status;
}

static size_t read_all(const pair *made)
{
    size_t all = 0;
    size_t got = 0;
    char bytes[3];

    while (brood_os_channel_read(made->theirs, bytes, sizeof bytes, &got, NULL) == BROOD_OK) {
        all += got;
    }
    return all;
}

static void a_take_ends_at_its_deadline(void **state)
{
    int64_t before = brood_os_now();
    pair made;

    (void)state;
    open_pair(&made);
    assert_status(take_here(&made, before + 20000000), BROOD_ERR_TIMEOUT);
    assert_true(brood_os_now() - before >= 20000000);
    assert_status(take_here(&made, 0), BROOD_ERR_TIMEOUT);
    assert_ok(give_here(&made));
    assert_ok(take_here(&made, 0));
    close_pair(&made);
}

static void a_take_ends_with_the_other_end(void **state)
{
    pair made;

    (void)state;
    open_pair(&made);
    assert_ok(give_here(&made));
    brood_os_channel_close(made.ours);
    made.ours = NULL;
    assert_ok(take_here(&made, soon()));
    assert_status(take_here(&made, soon()), BROOD_ERR_CLOSED);
    close_pair(&made);
}

static void give_later(void *data)
{
    const pair *made = data;
    size_t done = 0;
    brood_handle number = 0;

    brood_os_channel_write(made->ours, "xyz", 3, &done, NULL);
    brood_os_handle_give(made->ours, NULL, made->ends[1], &number, NULL);
}

static void a_take_waits_for_its_handle(void **state)
{
    support_thread *thread = NULL;
    pair made;

    (void)state;
    open_pair(&made);
    thread = support_thread_start(give_later, &made);
    assert_ok(take_here(&made, soon()));
    support_thread_join(thread);
    close_pair(&made);
}

static void a_full_channel_has_no_room_until_handles_are_taken(void **state)
{
    brood_status status = BROOD_OK;
    int given = 0;
    pair made;

    (void)state;
    open_pair(&made);
    for (; given < 100000 && status == BROOD_OK; given += status == BROOD_OK) {
        status = give_here(&made);
    }
    assert_status(status, BROOD_ERR_TIMEOUT);
    for (int i = 0; i < given; i++) {
        assert_ok(take_here(&made, 0));
    }
    assert_ok(give_here(&made));
    assert_ok(give_here(&made)); /* is left in the channel */
    assert_ok(take_here(&made, 0));
    close_pair(&made);
}

/* Whoever reads it would close it, for as long as that takes. */
static void h2_the_other_way_nothing_is_taken(void **state)
{
    brood_handle number = 5;
    pair made;

    (void)state;
    open_pair(&made);
    if (!support_can_refuse_handles()) {
        close_pair(&made);
        harness_skip("this system lets everybody pass handles");
    }
    assert_status(brood_os_handle_give(made.theirs, NULL, made.ends[1], &number, NULL),
                  BROOD_ERR_PERMISSION);
    assert_int_equal(number, BROOD_HANDLE_NONE);
    close_pair(&made);
}

/* However slow it is to take them. */
static void any_number_is_kept(void **state)
{
    pair made;

    (void)state;
    open_pair(&made);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++) {
            assert_ok(give_here(&made));
        }
        assert_int_equal(read_all(&made), MANY);
        for (int i = 0; i < MANY - round; i++) {
            assert_ok(take_here(&made, 0));
        }
    }
    for (int i = 0; i < 1 + 2; i++) { /* of the second and the third round */
        assert_ok(take_here(&made, 0));
    }
    assert_status(take_here(&made, 0), BROOD_ERR_TIMEOUT);
    close_pair(&made);
}

/* The next is not taken for the one that is lost. */
static void one_that_comes_when_too_many_are_open_is_lost(void **state)
{
    brood_handle filler[256];
    size_t count = 0;
    pair made;

    (void)state;
    open_pair(&made);
    assert_ok(give_here(&made));
    assert_ok(give_here(&made));
    assert_true(support_limit_handles(64));
    while (count < 256 && brood_os_null_open(&filler[count], NULL) == BROOD_OK) {
        count++;
    }
    assert_true(count < 256);
    assert_status(take_here(&made, soon()), BROOD_ERR_LIMIT);
    while (count > 0) {
        brood_os_handle_close(filler[--count]);
    }
    assert_ok(take_here(&made, soon()));
    assert_status(take_here(&made, 0), BROOD_ERR_TIMEOUT);
    close_pair(&made);
}

static void those_that_were_read_and_not_taken_are_closed(void **state)
{
    pair made;

    (void)state;
    open_pair(&made);
    for (int i = 0; i < SOME; i++) {
        assert_ok(give_here(&made));
    }
    assert_int_equal(read_all(&made), SOME);
    close_pair(&made);
}

/* ---- the child ----------------------------------------------------------------------------- */

/* Takes a handle for each number on stdin, and says a letter through it: its count, or -1. */
static int take_all(brood_os_channel *channel)
{
    brood_handle number = BROOD_HANDLE_NONE;
    brood_handle handle = BROOD_HANDLE_NONE;
    char letter = 'a';

    for (; support_read(support_stdio(0), &number, sizeof number) == sizeof number; letter++) {
        if (brood_os_handle_take(channel, number, soon(), &handle, NULL) != BROOD_OK ||
            support_is_inheritable(handle) || support_write(handle, &letter, 1) != 1) {
            return 1;
        }
        brood_os_handle_close(handle);
    }
    return 0;
}

/* Reads until an E. */
static int read_to_end(brood_os_channel *channel)
{
    brood_os_wait_item item = {NULL, channel, false, false};
    char bytes[4];
    size_t got = 0;

    for (;;) {
        brood_status status = brood_os_channel_read(channel, bytes, sizeof bytes, &got, NULL);

        if (status == BROOD_ERR_TIMEOUT) {
            status = brood_os_wait(&item, 1, soon(), NULL);
        }
        if (status != BROOD_OK) {
            return 2;
        }
        if (got > 0 && bytes[got - 1] == 'E') {
            return 0;
        }
    }
}

static int as_command(int argc, char **argv)
{
    brood_os_channel *channel = NULL;
    brood_status status = BROOD_OK;
    int code = -1;

    if (argc != 3 || strcmp(argv[1], "--inside") == 0) {
        return -1;
    }
    status = brood_os_channel_adopt(&channel, (brood_handle)strtoll(argv[2], NULL, 10), NULL);
    if (status != BROOD_OK) {
        return 3;
    }
    if (strcmp(argv[1], "--take") == 0) {
        code = take_all(channel);
    } else if (strcmp(argv[1], "--read-first") == 0) {
        code = read_to_end(channel) + take_all(channel);
    } else if (strcmp(argv[1], "--take-then-read") == 0) {
        code = take_all(channel) + read_to_end(channel);
    } else if (strcmp(argv[1], "--exit") == 0) {
        code = 0;
    } else if (strcmp(argv[1], "--hang") == 0) {
        support_hang();
    }
    brood_os_channel_close(channel);
    return code;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_arrives_and_is_not_inherited),
    cmocka_unit_test(a_read_keeps_what_comes_with_the_bytes),
    cmocka_unit_test(a_take_passes_over_bytes),
    cmocka_unit_test(a_child_that_has_ended_gets_none),
    cmocka_unit_test(a_child_that_dies_takes_what_was_on_its_way_along),
    cmocka_unit_test(one_that_is_not_open_is_refused),
    cmocka_unit_test(a_take_ends_at_its_deadline),
    cmocka_unit_test(a_take_ends_with_the_other_end),
    cmocka_unit_test(a_take_waits_for_its_handle),
    cmocka_unit_test(a_full_channel_has_no_room_until_handles_are_taken),
    cmocka_unit_test(h2_the_other_way_nothing_is_taken),
    cmocka_unit_test(any_number_is_kept),
    cmocka_unit_test(one_that_comes_when_too_many_are_open_is_lost),
    cmocka_unit_test(those_that_were_read_and_not_taken_are_closed),
};

BROOD_TEST_MAIN_WITH_COMMANDS(tests, as_command)
