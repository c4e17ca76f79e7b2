/* The seam's contract for shared memory, on whatever system. */
#include "harness.h"

#include <errno.h>
#include <stdlib.h>

#include "platform.h"

static void it_begins_with_zeros_and_keeps_what_is_written(void **state)
{
    static const size_t sizes[] = {1, 4095, 4096, 4097, (size_t)1 << 20};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        brood_os_segment segment;
        unsigned char *bytes = NULL;

        assert_ok(brood_os_segment_create(&segment, sizes[i], false, NULL));
        assert_int_equal(segment.size, sizes[i]);
        bytes = segment.base;
        for (size_t j = 0; j < sizes[i]; j++) {
            assert_int_equal(bytes[j], 0);
        }
        memset(bytes, 0xa5, sizes[i]);
        assert_int_equal(bytes[sizes[i] - 1], 0xa5);
        brood_os_segment_close(&segment);
        assert_null(segment.base);
    }
}

/* Two views of one memory; each closes its own handle. */
static void one_that_is_adopted_is_the_same_memory(void **state)
{
    brood_os_segment first;
    brood_os_segment second;
    brood_handle copy = BROOD_HANDLE_NONE;

    (void)state;
    assert_ok(brood_os_segment_create(&first, 10000, false, NULL));
    assert_ok(brood_os_handle_duplicate(&copy, first.handle, NULL));
    assert_ok(brood_os_segment_adopt(&second, copy, 10000, NULL));
    assert_true(first.base != second.base);
    strcpy(first.base, "words");
    assert_string_equal(second.base, "words");
    brood_os_segment_close(&first);
    assert_string_equal(second.base, "words");
    brood_os_segment_close(&second);
}

static void a_wrong_size_is_refused(void **state)
{
    static const size_t sizes[] = {0, 4 * 10000, SIZE_MAX / 4, SIZE_MAX};
    brood_os_segment first;
    brood_os_segment second;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_handle copy = BROOD_HANDLE_NONE;

    (void)state;
    assert_ok(brood_os_segment_create(&first, 10000, false, NULL));
    assert_ok(brood_os_handle_duplicate(&copy, first.handle, NULL));
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_status(brood_os_segment_adopt(&second, copy, sizes[i], &error), BROOD_ERR_PROTOCOL);
        assert_null(second.base);
        assert_status(error.status, BROOD_ERR_PROTOCOL);
    }
    assert_ok(brood_os_segment_adopt(&second, copy, 10000, &error)); /* it was left alone */
    brood_os_segment_close(&second);
    brood_os_segment_close(&first);
}

static void what_is_no_segment_is_refused(void **state)
{
    static const brood_handle numbers[] = {BROOD_HANDLE_NONE, -2, 4000, INTPTR_MAX};
    brood_os_segment segment;
    brood_handle null = BROOD_HANDLE_NONE;

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        assert_status(brood_os_segment_adopt(&segment, numbers[i], 100, NULL), BROOD_ERR_PROTOCOL);
        assert_null(segment.base);
    }
    assert_ok(brood_os_null_open(&null, NULL));
    assert_status(brood_os_segment_adopt(&segment, null, 100, NULL), BROOD_ERR_PROTOCOL);
    brood_os_handle_close(null);
}

static void room_that_cannot_be_had(void **state)
{
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 4, SIZE_MAX / 1024};
    brood_os_segment segment;
    brood_error error = {BROOD_OK, 0, "", ""};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        brood_status status = brood_os_segment_create(&segment, sizes[i], false, &error);

        if (status != BROOD_ERR_LIMIT) {
            assert_status(status, BROOD_ERR_NO_MEMORY);
        }
        assert_null(segment.base);
        assert_true(segment.handle == BROOD_HANDLE_NONE);
        assert_status(error.status, status);
        assert_true(error.step[0] != '\0');
    }
}

static void expect_segment(bool is_lazy)
{
    brood_os_segment segment;

    assert_ok(brood_os_segment_create(&segment, 100000, is_lazy, NULL));
    memset(segment.base, 7, 100000);
    brood_os_segment_close(&segment);
}

/* As in the App Sandbox of macOS. */
static void mac6_memory_without_a_name(void **state)
{
    (void)state;
    if (!support_hide_shared_memory()) {
        harness_skip("only root on Linux can hide /dev/shm");
    }
    if (!support_refuse_call("memfd_create", ENOSYS)) {
        harness_skip("there is no seccomp here");
    }
    expect_segment(false);
    expect_segment(true);
}

/* What FreeBSD, NetBSD and others say of shared memory, and ZFS of a file. */
static void posix3_room_that_cannot_be_taken_before(void **state)
{
    (void)state;
    if (!support_refuse_call("fallocate", ENODEV)) {
        harness_skip("there is no seccomp here");
    }
    expect_segment(false);
    expect_segment(true);
}

static void closing_nothing_is_fine(void **state)
{
    brood_os_segment segment = {0, NULL, 0};

    (void)state;
    brood_os_segment_close(&segment);
    brood_os_segment_close(&segment);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(it_begins_with_zeros_and_keeps_what_is_written),
    cmocka_unit_test(one_that_is_adopted_is_the_same_memory),
    cmocka_unit_test(a_wrong_size_is_refused),
    cmocka_unit_test(what_is_no_segment_is_refused),
    cmocka_unit_test(room_that_cannot_be_had),
    cmocka_unit_test(mac6_memory_without_a_name),
    cmocka_unit_test(posix3_room_that_cannot_be_taken_before),
    cmocka_unit_test(closing_nothing_is_fine),
};

BROOD_TEST_MAIN(tests)
