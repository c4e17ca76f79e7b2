/* The ring between two processes: every byte arrives, and no lie of the other side does harm. */
#include "harness.h"

#include <stdlib.h>

#include "platform.h"
#include "base/ring.h"

#define CAPACITY 4096
#define STREAM_BYTES ((size_t)16 * 1024 * 1024)

typedef struct fixture {
    brood_os_segment segment;
    brood_ring writer;
    brood_ring reader;
} fixture;

static void set_up(fixture *made)
{
    assert_ok(brood_os_segment_create(&made->segment, brood_ring_size(CAPACITY), false, NULL));
    brood_ring_attach(&made->writer, made->segment.base, CAPACITY);
    brood_ring_attach(&made->reader, made->segment.base, CAPACITY);
}

static void tear_down(fixture *made)
{
    brood_os_segment_close(&made->segment);
}

static size_t room(brood_ring *ring)
{
    size_t bytes = 0;

    assert_ok(brood_ring_room(ring, &bytes));
    return bytes;
}

static size_t available(brood_ring *ring)
{
    size_t bytes = 0;

    assert_ok(brood_ring_available(ring, &bytes));
    return bytes;
}

static void bytes_are_seen_when_they_are_published(void **state)
{
    fixture f;
    char bytes[6] = "";

    (void)state;
    set_up(&f);
    brood_ring_put(&f.writer, "hello", 6);
    assert_int_equal(available(&f.reader), 0);
    assert_false(brood_ring_publish(&f.writer));
    assert_int_equal(available(&f.reader), 6);
    brood_ring_get(&f.reader, bytes, 6);
    assert_string_equal(bytes, "hello");
    assert_int_equal(room(&f.writer), CAPACITY - 6);
    assert_false(brood_ring_release(&f.reader));
    assert_int_equal(room(&f.writer), CAPACITY);
    tear_down(&f);
}

static void every_position_wraps(void **state)
{
    unsigned char out[CAPACITY];
    unsigned char in[CAPACITY];
    fixture f;

    (void)state;
    set_up(&f);
    for (size_t size = 1; size <= CAPACITY; size += 7) {
        for (size_t i = 0; i < size; i++) {
            out[i] = (unsigned char)(size * 31 + i);
        }
        assert_true(room(&f.writer) >= size);
        brood_ring_put(&f.writer, out, size);
        brood_ring_publish(&f.writer);
        brood_ring_get(&f.reader, in, size);
        brood_ring_release(&f.reader);
        assert_memory_equal(in, out, size);
    }
    tear_down(&f);
}

static void a_sleeper_is_woken_once(void **state)
{
    fixture f;
    char full[CAPACITY] = {0};

    (void)state;
    set_up(&f);
    assert_true(brood_ring_sleep_to_read(&f.reader, 0));
    brood_ring_put(&f.writer, "a", 1);
    assert_true(brood_ring_publish(&f.writer));
    brood_ring_put(&f.writer, "b", 1);
    assert_false(brood_ring_publish(&f.writer));
    assert_false(brood_ring_sleep_to_read(&f.reader, 0)); /* there is something */
    brood_ring_put(&f.writer, "c", 1);
    assert_false(brood_ring_publish(&f.writer)); /* so it did not sleep */
    brood_ring_put(&f.writer, full, CAPACITY - 3);
    brood_ring_publish(&f.writer);
    assert_true(brood_ring_sleep_to_write(&f.writer, 0));
    brood_ring_get(&f.reader, full, 1);
    assert_true(brood_ring_release(&f.reader));
    assert_false(brood_ring_sleep_to_write(&f.writer, 0));
    tear_down(&f);
}

static void a_lying_writer_is_found(void **state)
{
    static const uint64_t lies[] = {CAPACITY + 1, UINT64_MAX, UINT64_MAX / 2, (uint64_t)1 << 32};
    fixture f;
    size_t bytes = 1;

    (void)state;
    set_up(&f);
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        brood_store64(&f.writer.shared->written, lies[i]);
        assert_status(brood_ring_available(&f.reader, &bytes), BROOD_ERR_PROTOCOL);
        assert_int_equal(bytes, 0);
    }
    brood_store64(&f.writer.shared->written, 10);
    brood_ring_get(&f.reader, (char[10]){0}, 10);
    brood_store64(&f.writer.shared->written, 9); /* backwards */
    assert_status(brood_ring_available(&f.reader, &bytes), BROOD_ERR_PROTOCOL);
    tear_down(&f);
}

static void a_lying_reader_is_found(void **state)
{
    fixture f;
    size_t bytes = 1;

    (void)state;
    set_up(&f);
    brood_store64(&f.reader.shared->read, 1); /* more than was written */
    assert_status(brood_ring_room(&f.writer, &bytes), BROOD_ERR_PROTOCOL);
    assert_int_equal(bytes, 0);
    tear_down(&f);
}

/* ---- a stream between two threads --------------------------------------------------------- */

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* Writes the numbers of their positions, in pieces of random sizes. */
static void write_stream(void *data)
{
    brood_ring *ring = data;
    unsigned char piece[CAPACITY];
    uint32_t seed = 1;

    for (size_t done = 0; done < STREAM_BYTES;) {
        size_t size = next_random(&seed) % CAPACITY + 1;
        size_t free_bytes = 0;

        size = size < STREAM_BYTES - done ? size : STREAM_BYTES - done;
        while (brood_ring_room(ring, &free_bytes) == BROOD_OK && free_bytes < size) {
        }
        for (size_t i = 0; i < size; i++) {
            piece[i] = (unsigned char)((done + i) % 251);
        }
        brood_ring_put(ring, piece, size);
        brood_ring_publish(ring);
        done += size;
    }
}

static void a_stream_arrives_in_order(void **state)
{
    support_thread *thread = NULL;
    unsigned char piece[CAPACITY];
    fixture f;
    size_t done = 0;
    size_t wrong = 0;

    (void)state;
    set_up(&f);
    thread = support_thread_start(write_stream, &f.writer);
    while (done < STREAM_BYTES) {
        size_t size = available(&f.reader);

        brood_ring_get(&f.reader, piece, size);
        brood_ring_release(&f.reader);
        for (size_t i = 0; i < size; i++) {
            wrong += piece[i] != (unsigned char)((done + i) % 251);
        }
        done += size;
    }
    support_thread_join(thread);
    assert_int_equal(wrong, 0);
    tear_down(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(bytes_are_seen_when_they_are_published),
    cmocka_unit_test(every_position_wraps),
    cmocka_unit_test(a_sleeper_is_woken_once),
    cmocka_unit_test(a_lying_writer_is_found),
    cmocka_unit_test(a_lying_reader_is_found),
    cmocka_unit_test(a_stream_arrives_in_order),
};

BROOD_TEST_MAIN(tests)
