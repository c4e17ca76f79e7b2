/* Which handles a child has, under which numbers, and what it does with those of brood. */
#include "harness.h"

#define COUNT 6

/* ---- refused ------------------------------------------------------------------------------- */

static void expect_refusal(brood_handle handle)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_handle handles[2] = {support_stdio(2), handle};
    const char *argv[] = {harness_self, NULL};
    brood_process *process = NULL;

    options.error = &error;
    options.handles = handles;
    options.handle_count = 2;
    assert_status(brood_command_start(&process, argv, &options), BROOD_ERR_ARGUMENT);
    assert_null(process);
    assert_status(error.status, BROOD_ERR_ARGUMENT);
    assert_string_equal(error.step, "handles");
}

/* A descriptor is an int; this one would be stdout. */
static void a_number_beyond_those_of_descriptors_is_refused(void **state)
{
    (void)state;
    if (support_is_windows() || sizeof(brood_handle) < sizeof(int64_t)) {
        harness_skip("a handle can have any number here");
    }
    expect_refusal((brood_handle)INT64_C(0x100000001));
}

static void a_handle_that_is_not_open_is_refused(void **state)
{
    (void)state;
    expect_refusal(30000);
}

/* ---- their places -------------------------------------------------------------------------- */

/* Writes "a" to the first handle, "b" to the second...; none of them is inherited further. */
static int say_indexes(brood_task *task, const void *arg, size_t size)
{
    size_t count = brood_task_handle_count(task);

    (void)arg;
    (void)size;
    for (size_t i = 0; i < count; i++) {
        char text = (char)('a' + i);

        if (support_is_inheritable(brood_task_handle(task, i))) {
            return 1;
        }
        if (support_write(brood_task_handle(task, i), &text, 1) != 1) {
            return 2;
        }
    }
    return count == COUNT ? 0 : 3;
}

/* 0, or the number of what went wrong. */
static int pass_in_order(const size_t order[COUNT])
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_process *process = NULL;
    intptr_t pipes[COUNT][2];
    brood_handle handles[COUNT];
    int result = 0;

    for (size_t i = 0; i < COUNT; i++) {
        if (!support_pipe(pipes[i])) {
            return 10;
        }
    }
    for (size_t i = 0; i < COUNT; i++) {
        handles[i] = pipes[order[i]][1];
    }
    options.handles = handles;
    options.handle_count = COUNT;
    if (brood_process_start(&process, say_indexes, NULL, 0, &options) != BROOD_OK ||
        brood_process_join(process, SOON_MS) != BROOD_OK ||
        brood_process_exit_info(process, &info) != BROOD_OK) {
        return 11;
    }
    brood_process_destroy(process);
    result = info.reason == BROOD_EXIT_CODE ? (int)info.code : 12;
    for (size_t i = 0; i < COUNT; i++) {
        char text[2] = "";

        support_close(handles[i]);
        if (support_read(pipes[order[i]][0], text, 2) != 1 || text[0] != (char)('a' + i)) {
            result = 20 + (int)i;
        }
        support_close(pipes[order[i]][0]);
    }
    return result;
}

static const size_t orders[][COUNT] = {{0, 1, 2, 3, 4, 5}, {5, 4, 3, 2, 1, 0}, {1, 2, 3, 4, 5, 0},
                                       {5, 0, 1, 2, 3, 4}, {1, 0, 3, 2, 5, 4}, {3, 5, 1, 0, 4, 2}};

static int pass_in_every_order(void)
{
    int result = 0;

    for (size_t i = 0; i < sizeof orders / sizeof orders[0] && result == 0; i++) {
        result = pass_in_order(orders[i]);
    }
    return result;
}

static void handles_arrive_in_any_order_of_their_numbers(void **state)
{
    (void)state;
    assert_int_equal(pass_in_every_order(), 0);
}

static int pass_without_stdio(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    support_close_stdio();
    return pass_in_every_order();
}

/* On POSIX the numbers of stdio are among them then. */
static void handles_of_a_parent_without_stdio_arrive(void **state)
{
    brood_process *process = NULL;

    (void)state;
    assert_ok(brood_process_start(&process, pass_without_stdio, NULL, 0, NULL));
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
}

/* ---- those of brood ------------------------------------------------------------------------ */

static int replace_all(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    support_replace_handles(brood_task_handle(task, 0));
    return 7;
}

/* A function that closes what it does not know, as daemons do, and then opens its own. */
static void nothing_is_written_where_the_channel_was(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    intptr_t ends[2];

    (void)state;
    if (!support_socket_pair(ends)) {
        harness_skip("handles do not come again at once on Windows");
    }
    options.handles = &ends[1];
    options.handle_count = 1;
    assert_ok(brood_process_start(&process, replace_all, NULL, 0, &options));
    support_close(ends[1]);
    assert_end(ends[0]);
    assert_ends(process, BROOD_EXIT_CODE, 7);
    support_close(ends[0]);
    brood_process_destroy(process);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_number_beyond_those_of_descriptors_is_refused),
    cmocka_unit_test(a_handle_that_is_not_open_is_refused),
    cmocka_unit_test(handles_arrive_in_any_order_of_their_numbers),
    cmocka_unit_test(handles_of_a_parent_without_stdio_arrive),
    cmocka_unit_test(nothing_is_written_where_the_channel_was),
};

BROOD_TEST_MAIN(tests)
