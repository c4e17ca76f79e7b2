/* Reading a variable, and an end of the process with what is to be called at it. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#include "platform.h"

#define NAME "BROOD_TEST_VARIABLE"
#define LONG_LENGTH 5000
#define CODE 7

static void no_variable_has_no_size(void **state)
{
    char value[8] = "before";

    (void)state;
    brood_os_environment_remove(NAME);
    assert_int_equal(brood_os_environment_get(NAME, value, sizeof value), 0);
    assert_string_equal(value, "before");
}

static void a_value_that_fits_is_copied(void **state)
{
    char value[4] = "";

    (void)state;
    brood_os_environment_set(NAME, "abc");
    assert_int_equal(brood_os_environment_get(NAME, value, sizeof value), 4);
    assert_string_equal(value, "abc");
}

static void one_that_does_not_fit_is_not(void **state)
{
    char value[4] = "xyz";

    (void)state;
    brood_os_environment_set(NAME, "abcd");
    assert_int_equal(brood_os_environment_get(NAME, value, sizeof value), 5);
    assert_string_equal(value, "xyz");
    assert_int_equal(brood_os_environment_get(NAME, NULL, 0), 5);
}

static void a_long_one_is_copied_whole(void **state)
{
    char text[LONG_LENGTH + 1];
    char value[LONG_LENGTH + 1] = "";

    (void)state;
    memset(text, 'l', LONG_LENGTH);
    text[LONG_LENGTH] = '\0';
    brood_os_environment_set(NAME, text);
    assert_int_equal(brood_os_environment_get(NAME, NULL, 0), sizeof value);
    assert_int_equal(brood_os_environment_get(NAME, value, sizeof value), sizeof value);
    assert_string_equal(value, text);
}

static brood_os_channel *told;

static void tell_first(void)
{
    size_t put = 0;

    brood_os_channel_write(told, "1", 1, &put, NULL);
}

static void tell_second(void)
{
    size_t put = 0;

    brood_os_channel_write(told, "2", 1, &put, NULL);
}

/* Its argument is the end of a channel, which is passed as a handle. */
static int leave(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    if (brood_os_channel_adopt(&told, brood_task_handle(task, 0), NULL) != BROOD_OK ||
        !brood_os_at_exit(tell_first) || !brood_os_at_exit(tell_second)) {
        return 1;
    }
    brood_os_exit_process(CODE);
}

static void an_end_in_order_calls_the_last_one_first(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_process *process = NULL;
    brood_os_channel *channel = NULL;
    brood_handle end = BROOD_HANDLE_NONE;
    char said[4] = "";
    size_t got = 0;

    (void)state;
    assert_ok(brood_os_channel_pair(&channel, &end, NULL));
    options.handles = &end;
    options.handle_count = 1;
    assert_ok(brood_process_start(&process, leave, NULL, 0, &options));
    brood_os_handle_close(end);
    assert_ok(brood_process_join(process, 20000));
    assert_ok(brood_process_exit_info(process, &info));
    assert_int_equal(info.code, CODE);
    assert_ok(brood_os_channel_read(channel, said, sizeof said - 1, &got, NULL));
    assert_string_equal(said, "21");
    brood_os_channel_close(channel);
    brood_process_destroy(process);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(no_variable_has_no_size),
    cmocka_unit_test(a_value_that_fits_is_copied),
    cmocka_unit_test(one_that_does_not_fit_is_not),
    cmocka_unit_test(a_long_one_is_copied_whole),
    cmocka_unit_test(an_end_in_order_calls_the_last_one_first),
};

BROOD_TEST_MAIN(tests)
