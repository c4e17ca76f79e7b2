/* The seam's contract for channels, on whatever system. */
#include "harness.h"

#include <stdlib.h>

#include "base/atomic.h"
#include "platform.h"

/* Both ends of a duplex channel, in one process. */
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

/* Ours last: on Windows a write that waits for room is ended later, when its reader stays. */
static void close_pair(pair *made)
{
    brood_os_channel_close(made->theirs);
    brood_os_channel_close(made->ours);
}

static int64_t soon(void)
{
    return brood_os_now() + SOON_MS * INT64_C(1000000);
}

/* Reads as many bytes, waiting for them. */
static void read_bytes(brood_os_channel *channel, char *bytes, size_t size)
{
    size_t have = 0;

    while (have < size) {
        brood_os_wait_item item = {NULL, channel, false, false};
        size_t got = 0;
        brood_status status = brood_os_channel_read(channel, bytes + have, size - have, &got, NULL);

        if (status == BROOD_ERR_TIMEOUT) {
            status = brood_os_wait(&item, 1, soon(), NULL);
        }
        assert_ok(status);
        have += got;
    }
}

/* Waits until a read tells something else than that there is nothing. */
static brood_status read_status(brood_os_channel *channel)
{
    char byte = 0;
    size_t got = 5;
    brood_status status = brood_os_channel_read(channel, &byte, 1, &got, NULL);

    while (status == BROOD_ERR_TIMEOUT) {
        brood_os_wait_item item = {NULL, channel, false, false};

        assert_int_equal(got, 0);
        assert_ok(brood_os_wait(&item, 1, soon(), NULL));
        status = brood_os_channel_read(channel, &byte, 1, &got, NULL);
    }
    return status;
}

static void an_empty_channel_has_nothing_now(void **state)
{
    pair made;
    char byte = 0;
    size_t got = 5;

    (void)state;
    open_pair(&made);
    assert_status(brood_os_channel_read(made.ours, &byte, 1, &got, NULL), BROOD_ERR_TIMEOUT);
    assert_int_equal(got, 0);
    assert_status(brood_os_channel_read(made.theirs, &byte, 1, &got, NULL), BROOD_ERR_TIMEOUT);
    close_pair(&made);
}

static void bytes_go_both_ways(void **state)
{
    pair made;
    char bytes[6] = "";
    size_t put = 0;

    (void)state;
    open_pair(&made);
    assert_ok(brood_os_channel_write(made.ours, "there", 5, &put, NULL));
    assert_int_equal(put, 5);
    assert_ok(brood_os_channel_write(made.theirs, "backs", 5, &put, NULL));
    read_bytes(made.theirs, bytes, 5);
    assert_string_equal(bytes, "there");
    read_bytes(made.ours, bytes, 5);
    assert_string_equal(bytes, "backs");
    close_pair(&made);
}

/* In small pieces: what was not asked for stays. */
static void a_read_takes_no_more_than_asked(void **state)
{
    pair made;
    char bytes[3] = "";
    size_t put = 0;

    (void)state;
    open_pair(&made);
    assert_ok(brood_os_channel_write(made.ours, "abcd", 4, &put, NULL));
    read_bytes(made.theirs, bytes, 2);
    assert_string_equal(bytes, "ab");
    read_bytes(made.theirs, bytes, 2);
    assert_string_equal(bytes, "cd");
    close_pair(&made);
}

static size_t fill(brood_os_channel *channel, const char *block, size_t size)
{
    brood_status status = BROOD_OK;
    size_t all = 0;

    for (int i = 0; i < 10000 && status == BROOD_OK; i++) {
        size_t put = 0;

        status = brood_os_channel_write(channel, block, size, &put, NULL);
        all += put;
        assert_true(status == BROOD_OK ? put > 0 : put == 0);
    }
    assert_status(status, BROOD_ERR_TIMEOUT);
    return all;
}

static void a_full_channel_has_no_room_until_it_is_read(void **state)
{
    static char block[4096];
    brood_os_wait_item item = {NULL, NULL, true, false};
    pair made;
    size_t all = 0;
    char *bytes = NULL;

    (void)state;
    open_pair(&made);
    all = fill(made.ours, block, sizeof block);
    assert_true(all >= 4096); /* what a start frame needs */
    item.channel = made.ours;
    assert_status(brood_os_wait(&item, 1, brood_os_now() + 1000000, NULL), BROOD_ERR_TIMEOUT);
    bytes = malloc(all + 1);
    assert_non_null(bytes);
    read_bytes(made.theirs, bytes, all);
    free(bytes);
    assert_ok(brood_os_wait(&item, 1, soon(), NULL));
    assert_true(item.ready);
    assert_true(fill(made.ours, block, sizeof block) > 0);
    close_pair(&made);
}

/* Tries again after every few bytes that the other end takes. */
static void write_whole(brood_os_channel *channel, brood_handle end, brood_os_channel *other,
                        size_t size)
{
    static char block[BROOD_OS_WHOLE_MAX];
    size_t put = 0;

    while (brood_os_channel_write(channel, block, size, &put, NULL) == BROOD_ERR_TIMEOUT) {
        char bytes[7];

        assert_int_equal(put, 0);
        if (other != NULL) {
            read_bytes(other, bytes, sizeof bytes);
        } else {
            assert_int_equal(support_read(end, bytes, sizeof bytes), sizeof bytes);
        }
    }
    assert_int_equal(put, size);
}

static void fill_whole(brood_os_channel *channel, size_t size)
{
    static char block[BROOD_OS_WHOLE_MAX];
    brood_status status = BROOD_OK;

    while (status == BROOD_OK) {
        size_t put = 0;

        status = brood_os_channel_write(channel, block, size, &put, NULL);
        assert_int_equal(put, status == BROOD_OK ? size : 0);
    }
    assert_status(status, BROOD_ERR_TIMEOUT);
}

static const size_t small_sizes[] = {16, 24, 272, 500, BROOD_OS_WHOLE_MAX};

static void a_small_write_to_a_full_pair_goes_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof small_sizes / sizeof small_sizes[0]; i++) {
        pair made;

        open_pair(&made);
        fill_whole(made.ours, small_sizes[i]);
        for (int round = 0; round < 20; round++) {
            write_whole(made.ours, BROOD_HANDLE_NONE, made.theirs, small_sizes[i]);
        }
        close_pair(&made);
    }
}

static void a_small_write_to_a_full_pipe_goes_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof small_sizes / sizeof small_sizes[0]; i++) {
        brood_os_channel *channel = NULL;
        brood_handle end = BROOD_HANDLE_NONE;

        assert_ok(brood_os_channel_pipe(&channel, &end, false, NULL));
        fill_whole(channel, small_sizes[i]);
        for (int round = 0; round < 20; round++) {
            write_whole(channel, end, NULL, small_sizes[i]);
        }
        brood_os_handle_close(end);
        brood_os_channel_close(channel);
    }
}

static void a_new_pair_has_room_for_the_first_bytes(void **state)
{
    static const size_t sizes[] = {24, BROOD_OS_WHOLE_MAX, BROOD_OS_FIRST_MAX};
    static char block[BROOD_OS_FIRST_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        pair made;
        size_t put = 0;

        open_pair(&made);
        for (size_t all = 0; all + sizes[i] <= BROOD_OS_FIRST_MAX; all += sizes[i]) {
            assert_ok(brood_os_channel_write(made.ours, block, sizes[i], &put, NULL));
            assert_int_equal(put, sizes[i]);
        }
        assert_ok(brood_os_channel_write(made.theirs, block, BROOD_OS_FIRST_MAX, &put, NULL));
        assert_int_equal(put, BROOD_OS_FIRST_MAX);
        close_pair(&made);
    }
}

static void what_was_written_is_read_after_the_end(void **state)
{
    pair made;
    char bytes[6] = "";
    size_t put = 0;

    (void)state;
    open_pair(&made);
    assert_ok(brood_os_channel_write(made.ours, "there", 5, &put, NULL));
    brood_os_channel_close(made.ours);
    read_bytes(made.theirs, bytes, 5);
    assert_string_equal(bytes, "there");
    assert_status(read_status(made.theirs), BROOD_ERR_CLOSED);
    assert_status(read_status(made.theirs), BROOD_ERR_CLOSED);
    brood_os_channel_close(made.theirs);
}

/* The harness would see SIGPIPE. */
/* Waits for what comes, and does not read it, until told to end. */
typedef struct other_reader {
    brood_os_channel *channel;
    brood_atomic32 ends;
} other_reader;

static void wait_again(void *data)
{
    other_reader *self = data;
    brood_os_wait_item item = {NULL, self->channel, false, false};

    while (brood_load32(&self->ends) == 0) {
        brood_os_wait(&item, 1, brood_os_now() + 1000000, NULL);
    }
}

static void what_another_thread_waits_for_is_read_once_it_is_settled(void **state)
{
    pair made;
    other_reader other = {NULL, 0};
    support_thread *thread = NULL;

    (void)state;
    open_pair(&made);
    other.channel = made.ours;
    thread = support_thread_start(wait_again, &other);
    for (int i = 0; i < 2000; i++) {
        char byte = 0;
        size_t done = 0;

        assert_ok(brood_os_channel_write(made.theirs, "x", 1, &done, NULL));
        brood_os_channel_settle(made.ours);
        assert_ok(brood_os_channel_read(made.ours, &byte, 1, &done, NULL));
    }
    brood_exchange32(&other.ends, 1);
    support_thread_join(thread);
    close_pair(&made);
}

static void a_write_to_a_closed_end(void **state)
{
    pair made;
    size_t put = 5;
    brood_error error = {BROOD_OK, 0, "", ""};

    (void)state;
    open_pair(&made);
    brood_os_channel_close(made.theirs);
    assert_status(brood_os_channel_write(made.ours, "x", 1, &put, &error), BROOD_ERR_CLOSED);
    assert_int_equal(put, 0);
    assert_true(error.step[0] != '\0');
    assert_status(read_status(made.ours), BROOD_ERR_CLOSED);
    brood_os_channel_close(made.ours);
}

static void the_end_of_a_pair_that_no_child_took(void **state)
{
    brood_os_channel *channel = NULL;
    brood_handle end = BROOD_HANDLE_NONE;

    (void)state;
    assert_ok(brood_os_channel_pair(&channel, &end, NULL));
    brood_os_handle_close(end);
    assert_status(read_status(channel), BROOD_ERR_CLOSED);
    brood_os_channel_close(channel);
}

static void what_is_no_end_of_a_channel_is_refused(void **state)
{
    static const brood_handle numbers[] = {BROOD_HANDLE_NONE, -2, 0, 1, 2, 4000, INTPTR_MAX};
    brood_os_channel *channel = NULL;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_handle null = BROOD_HANDLE_NONE;
    intptr_t ends[2];

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        assert_status(brood_os_channel_adopt(&channel, numbers[i], &error), BROOD_ERR_PROTOCOL);
        assert_null(channel);
        assert_status(error.status, BROOD_ERR_PROTOCOL);
    }
    assert_ok(brood_os_null_open(&null, NULL));
    assert_status(brood_os_channel_adopt(&channel, null, &error), BROOD_ERR_PROTOCOL);
    brood_os_handle_close(null);
    assert_true(support_pipe(ends));
    assert_status(brood_os_channel_adopt(&channel, ends[0], &error), BROOD_ERR_PROTOCOL);
    support_close(ends[0]);
    support_close(ends[1]);
}

static void h13_the_other_end_is_of_this_user(void **state)
{
    pair made;
    brood_handle end = BROOD_HANDLE_NONE;

    (void)state;
    assert_ok(brood_os_channel_pair(&made.ours, &end, NULL));
    assert_ok(brood_os_channel_check_peer(end, NULL));
    assert_ok(brood_os_channel_adopt(&made.theirs, end, NULL));
    close_pair(&made);
}

static void h13_the_other_end_is_of_another_user(void **state)
{
    brood_error error = {BROOD_OK, 0, "", ""};
    intptr_t ends[2];

    (void)state;
    if (!support_foreign_pair(ends)) {
        harness_skip("this user cannot make a channel in the name of another");
    }
    assert_status(brood_os_channel_check_peer(ends[1], &error), BROOD_ERR_PERMISSION);
    assert_status(error.status, BROOD_ERR_PERMISSION);
    assert_status(brood_os_channel_check_peer(BROOD_HANDLE_NONE, NULL), BROOD_ERR_PERMISSION);
    support_close(ends[0]);
    support_close(ends[1]);
}

/* ---- one-way channels: the other end is an ordinary, blocking pipe ------------------------- */

static void a_pipe_from_a_child(void **state)
{
    brood_os_channel *channel = NULL;
    brood_handle end = BROOD_HANDLE_NONE;
    char bytes[6] = "";

    (void)state;
    assert_ok(brood_os_channel_pipe(&channel, &end, true, NULL));
    assert_int_equal(support_write(end, "words", 5), 5);
    read_bytes(channel, bytes, 5);
    assert_string_equal(bytes, "words");
    brood_os_handle_close(end);
    assert_status(read_status(channel), BROOD_ERR_CLOSED);
    brood_os_channel_close(channel);
}

static void a_pipe_to_a_child(void **state)
{
    brood_os_channel *channel = NULL;
    brood_handle end = BROOD_HANDLE_NONE;
    char bytes[6] = "";
    size_t put = 0;

    (void)state;
    assert_ok(brood_os_channel_pipe(&channel, &end, false, NULL));
    assert_ok(brood_os_channel_write(channel, "words", 5, &put, NULL));
    assert_int_equal(put, 5);
    assert_int_equal(support_read(end, bytes, 5), 5);
    assert_string_equal(bytes, "words");
    brood_os_channel_close(channel);
    assert_end(end);
    brood_os_handle_close(end);
}

/* ---- two threads --------------------------------------------------------------------------- */

#define MANY ((size_t)2 << 20)

static void write_many(void *data)
{
    brood_os_channel *channel = data;
    size_t done = 0;

    while (done < MANY) {
        char bytes[1000];
        size_t put = 0;
        brood_os_wait_item item = {NULL, channel, true, false};
        size_t size = MANY - done < sizeof bytes ? MANY - done : sizeof bytes;

        for (size_t i = 0; i < size; i++) {
            bytes[i] = (char)((done + i) % 251);
        }
        if (brood_os_channel_write(channel, bytes, size, &put, NULL) == BROOD_ERR_TIMEOUT &&
            brood_os_wait(&item, 1, soon(), NULL) != BROOD_OK) {
            return;
        }
        done += put;
    }
}

static void read_many(brood_os_channel *channel)
{
    size_t done = 0;

    while (done < MANY) {
        char bytes[777];
        size_t size = MANY - done < sizeof bytes ? MANY - done : sizeof bytes;

        read_bytes(channel, bytes, size);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(bytes[i], (char)((done + i) % 251));
        }
        done += size;
    }
}

/* Each end is read by one thread and written by another, at once. */
static void reading_and_writing_at_once(void **state)
{
    support_thread *threads[2];
    pair made;

    (void)state;
    open_pair(&made);
    threads[0] = support_thread_start(write_many, made.ours);
    threads[1] = support_thread_start(write_many, made.theirs);
    read_many(made.theirs);
    read_many(made.ours);
    support_thread_join(threads[0]);
    support_thread_join(threads[1]);
    close_pair(&made);
}

static void closing_nothing_is_fine(void **state)
{
    (void)state;
    brood_os_channel_close(NULL);
    brood_os_handle_close(BROOD_HANDLE_NONE);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_empty_channel_has_nothing_now),
    cmocka_unit_test(bytes_go_both_ways),
    cmocka_unit_test(a_read_takes_no_more_than_asked),
    cmocka_unit_test(a_full_channel_has_no_room_until_it_is_read),
    cmocka_unit_test(a_small_write_to_a_full_pair_goes_whole),
    cmocka_unit_test(a_small_write_to_a_full_pipe_goes_whole),
    cmocka_unit_test(a_new_pair_has_room_for_the_first_bytes),
    cmocka_unit_test(what_was_written_is_read_after_the_end),
    cmocka_unit_test(what_another_thread_waits_for_is_read_once_it_is_settled),
    cmocka_unit_test(a_write_to_a_closed_end),
    cmocka_unit_test(the_end_of_a_pair_that_no_child_took),
    cmocka_unit_test(what_is_no_end_of_a_channel_is_refused),
    cmocka_unit_test(h13_the_other_end_is_of_this_user),
    cmocka_unit_test(h13_the_other_end_is_of_another_user),
    cmocka_unit_test(a_pipe_from_a_child),
    cmocka_unit_test(a_pipe_to_a_child),
    cmocka_unit_test(reading_and_writing_at_once),
    cmocka_unit_test(closing_nothing_is_fine),
};

BROOD_TEST_MAIN(tests)
