/* How wide a terminal is, and what is none. */
#include "harness.h"

#include <stdio.h>

#include "platform.h"

static int width_of(unsigned short columns)
{
    FILE *file = NULL;
    intptr_t holder = 0;
    int width = 0;

    if (!support_terminal(&file, &holder, columns)) {
        harness_skip("a test can have no terminal here");
    }
    width = brood_os_terminal_width(file);
    fclose(file);
    support_close(holder);
    return width;
}

static void a_terminal_has_its_columns(void **state)
{
    (void)state;
    assert_int_equal(width_of(123), 123);
}

static void one_that_does_not_tell_has_80(void **state)
{
    (void)state;
    assert_int_equal(width_of(0), 80);
}

static void a_file_is_no_terminal(void **state)
{
    FILE *file = tmpfile();

    (void)state;
    assert_non_null(file);
    assert_int_equal(brood_os_terminal_width(file), 0);
    fclose(file);
}

/* The C runtime of Windows takes it for one. */
static void the_null_device_is_no_terminal(void **state)
{
    FILE *file = fopen(support_is_windows() ? "NUL" : "/dev/null", "w");

    (void)state;
    assert_non_null(file);
    assert_int_equal(brood_os_terminal_width(file), 0);
    fclose(file);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_terminal_has_its_columns),
    cmocka_unit_test(one_that_does_not_tell_has_80),
    cmocka_unit_test(a_file_is_no_terminal),
    cmocka_unit_test(the_null_device_is_no_terminal),
};

BROOD_TEST_MAIN(tests)
