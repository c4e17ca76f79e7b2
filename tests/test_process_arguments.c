/* Every call with a wrong argument answers what its comment says, and nothing else happens. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

static int nothing(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return 0;
}

/* The start is refused, and says which argument it was. */
static void expect_refused(brood_process_options *options, const char *argument)
{
    const char *argv[] = {harness_self, NULL};
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_process *process = (brood_process *)&error;

    options->error = &error;
    assert_status(brood_process_start(&process, nothing, NULL, 0, options), BROOD_ERR_ARGUMENT);
    assert_null(process);
    assert_status(error.status, BROOD_ERR_ARGUMENT);
    assert_string_equal(error.step, argument);
    assert_non_null(strstr(error.message, argument));
    memset(&error, 0, sizeof error);
    process = (brood_process *)&error;
    assert_status(brood_command_start(&process, argv, options), BROOD_ERR_ARGUMENT);
    assert_null(process);
    assert_string_equal(error.step, argument);
}

/* ---- starts ------------------------------------------------------------------------------ */

static void a_start_without_a_place_for_the_process(void **state)
{
    const char *argv[] = {harness_self, NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};

    (void)state;
    options.error = &error;
    assert_status(brood_process_start(NULL, nothing, NULL, 0, &options), BROOD_ERR_ARGUMENT);
    assert_string_equal(error.step, "process");
    memset(&error, 0, sizeof error);
    assert_status(brood_command_start(NULL, argv, &options), BROOD_ERR_ARGUMENT);
    assert_string_equal(error.step, "process");
    assert_status(brood_process_start(NULL, nothing, NULL, 0, NULL), BROOD_ERR_ARGUMENT);
}

static void a_start_without_a_function(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_process *process = NULL;

    (void)state;
    options.error = &error;
    assert_status(brood_process_start(&process, NULL, NULL, 0, &options), BROOD_ERR_ARGUMENT);
    assert_string_equal(error.step, "function");
    options.executable = harness_self; /* where it would have to be registered */
    assert_status(brood_process_start(&process, nothing, NULL, 0, &options), BROOD_ERR_ARGUMENT);
    assert_string_equal(error.step, "function");
    assert_null(process);
}

static void a_start_with_a_size_and_no_argument(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_process *process = NULL;

    (void)state;
    options.error = &error;
    assert_status(brood_process_start(&process, nothing, NULL, 1, &options), BROOD_ERR_ARGUMENT);
    assert_string_equal(error.step, "arg");
    assert_null(process);
}

/* Sizes at which sums run over, and one that no system has. */
static void an_argument_that_no_memory_holds(void **state)
{
    static const size_t sizes[] = {SIZE_MAX,        SIZE_MAX - 16, SIZE_MAX - 100,
                                   SIZE_MAX - 4096, SIZE_MAX / 2,  SIZE_MAX / 4};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    char byte = 0;

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        brood_status status = brood_process_start(&process, nothing, &byte, sizes[i], &options);

        if (status != BROOD_ERR_NO_MEMORY && status != BROOD_ERR_LIMIT) {
            assert_status(status, BROOD_ERR_ARGUMENT);
        }
        assert_null(process);
    }
}

static void a_command_without_a_name(void **state)
{
    const char *none[] = {NULL};
    const char *empty[] = {"", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_process *process = NULL;

    (void)state;
    options.error = &error;
    assert_status(brood_command_start(&process, NULL, &options), BROOD_ERR_ARGUMENT);
    assert_string_equal(error.step, "argv");
    assert_status(brood_command_start(&process, none, &options), BROOD_ERR_ARGUMENT);
    assert_status(brood_command_start(&process, empty, &options), BROOD_ERR_ARGUMENT);
    assert_null(process);
}

static void a_command_with_options_of_a_function(void **state)
{
    const char *argv[] = {harness_self, NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    (void)state;
    options.function_name = "any";
    assert_status(brood_command_start(&process, argv, &options), BROOD_ERR_ARGUMENT);
    options.function_name = NULL;
    options.handshake_timeout_ms = 1;
    assert_status(brood_command_start(&process, argv, &options), BROOD_ERR_ARGUMENT);
    assert_null(process);
}

/* ---- options ----------------------------------------------------------------------------- */

static void options_of_no_size(void **state)
{
    static const size_t sizes[] = {1, sizeof(size_t), 65537, SIZE_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
        brood_process *process = NULL;

        options.struct_size = sizes[i];
        options.error = (brood_error *)(uintptr_t)8; /* must not be believed */
        assert_status(brood_process_start(&process, nothing, NULL, 0, &options),
                      BROOD_ERR_ARGUMENT);
        assert_null(process);
    }
}

static void names_that_are_wrong(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    char name[257];

    (void)state;
    memset(name, 'n', 256);
    name[256] = '\0';
    options.name = name;
    expect_refused(&options, "name");
    options.name = NULL;
    options.executable = "";
    expect_refused(&options, "executable");
    options.executable = NULL;
    options.working_directory = "";
    expect_refused(&options, "working_directory");
}

static void function_names_that_are_wrong(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    char name[257];

    (void)state;
    memset(name, 'n', 256);
    name[256] = '\0';
    options.function_name = name;
    assert_status(brood_process_start(&process, NULL, NULL, 0, &options), BROOD_ERR_ARGUMENT);
    options.function_name = "";
    assert_status(brood_process_start(&process, NULL, NULL, 0, &options), BROOD_ERR_ARGUMENT);
    assert_null(process);
}

static void environments_that_are_wrong(void **state)
{
    static const char *const nameless[] = {"=x", NULL};
    static const char *const empty[] = {"", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;

    (void)state;
    options.environment = nameless;
    expect_refused(&options, "environment");
    options.environment = empty;
    expect_refused(&options, "environment");
    options.environment = NULL;
    options.environment_mode = (brood_environment_mode)2;
    expect_refused(&options, "environment_mode");
}

static void stdio_that_is_wrong(void **state)
{
    static const struct {
        int stream;
        brood_stdio to;
    } wrong[] = {{0, {(brood_stdio_mode)6, NULL}},   {1, {(brood_stdio_mode)-1, NULL}},
                 {2, {(brood_stdio_mode)100, NULL}}, {0, {BROOD_STDIO_STDOUT, NULL}},
                 {1, {BROOD_STDIO_STDOUT, NULL}},    {0, {BROOD_STDIO_APPEND, "x"}},
                 {0, {BROOD_STDIO_FILE, NULL}},      {1, {BROOD_STDIO_APPEND, NULL}},
                 {2, {BROOD_STDIO_NULL, "x"}},       {0, {BROOD_STDIO_PIPE, "x"}},
                 {1, {BROOD_STDIO_INHERIT, "x"}}};
    static const char *const names[] = {"stdin_to", "stdout_to", "stderr_to"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
        brood_stdio *streams[] = {&options.stdin_to, &options.stdout_to, &options.stderr_to};

        *streams[wrong[i].stream] = wrong[i].to;
        expect_refused(&options, names[wrong[i].stream]);
    }
}

static void handles_that_are_wrong(void **state)
{
    static const brood_handle negative[] = {BROOD_HANDLE_NONE};
    static brood_handle many[257];
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;

    (void)state;
    options.handle_count = 1;
    expect_refused(&options, "handles");
    options.handles = negative;
    expect_refused(&options, "handles");
    options.handles = many;
    options.handle_count = 257;
    expect_refused(&options, "handle_count");
}

/* It looks right, and nothing is behind it. */
static void a_handle_that_is_closed(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_process *process = NULL;
    brood_handle closed = 4000;

    (void)state;
    options.error = &error;
    options.handles = &closed;
    options.handle_count = 1;
    assert_true(brood_process_start(&process, nothing, NULL, 0, &options) != BROOD_OK);
    assert_null(process);
    assert_true(error.step[0] != '\0');
}

static void numbers_that_are_wrong(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    unsigned cpu = 0;

    (void)state;
    options.nice = -21;
    expect_refused(&options, "nice");
    options.nice = 20;
    expect_refused(&options, "nice");
    options.nice = 0;
    options.cpu_count = 1;
    expect_refused(&options, "cpus");
    options.cpu_count = 0;
    options.cpus = &cpu;
    expect_refused(&options, "cpus");
}

/* ---- calls on a process ------------------------------------------------------------------ */

static void calls_without_a_process(void **state)
{
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    char byte = 0;
    size_t count = 0;

    (void)state;
    assert_status(brood_process_join(NULL, 0), BROOD_ERR_ARGUMENT);
    assert_status(brood_process_terminate(NULL, 0), BROOD_ERR_ARGUMENT);
    assert_status(brood_process_kill(NULL), BROOD_ERR_ARGUMENT);
    assert_status(brood_process_exit_info(NULL, &info), BROOD_ERR_ARGUMENT);
    assert_status(brood_process_read(NULL, BROOD_STDOUT, &byte, 1, &count, 0), BROOD_ERR_ARGUMENT);
    assert_status(brood_process_write(NULL, &byte, 1, &count, 0), BROOD_ERR_ARGUMENT);
    assert_status(brood_process_close_stdin(NULL), BROOD_ERR_ARGUMENT);
    assert_status(brood_process_communicate(NULL, NULL, 0, NULL, NULL, 0), BROOD_ERR_ARGUMENT);
    assert_false(brood_process_is_alive(NULL));
    assert_int_equal(brood_process_pid(NULL), -1);
    assert_string_equal(brood_process_name(NULL), "");
    assert_null(brood_process_destroy(NULL));
    brood_free(NULL);
}

static void calls_with_wrong_times(void **state)
{
    brood_process *process = NULL;
    char byte = 0;
    size_t count = 0;

    (void)state;
    assert_ok(brood_process_start(&process, nothing, NULL, 0, NULL));
    assert_status(brood_process_join(process, -2), BROOD_ERR_ARGUMENT);
    assert_status(brood_process_join(process, INT64_MIN), BROOD_ERR_ARGUMENT);
    assert_status(brood_process_terminate(process, BROOD_FOREVER), BROOD_ERR_ARGUMENT);
    assert_status(brood_process_read(process, BROOD_STDOUT, &byte, 1, &count, -2),
                  BROOD_ERR_ARGUMENT);
    assert_status(brood_process_write(process, &byte, 1, &count, -2), BROOD_ERR_ARGUMENT);
    assert_status(brood_process_communicate(process, NULL, 0, NULL, NULL, -2), BROOD_ERR_ARGUMENT);
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
}

static void calls_with_wrong_buffers(void **state)
{
    brood_process *process = NULL;
    char byte = 0;
    size_t count = 0;

    (void)state;
    assert_ok(brood_process_start(&process, nothing, NULL, 0, NULL));
    assert_status(brood_process_read(process, BROOD_STDIN, &byte, 1, &count, 0),
                  BROOD_ERR_ARGUMENT);
    assert_status(brood_process_read(process, (brood_stream)3, &byte, 1, &count, 0),
                  BROOD_ERR_ARGUMENT);
    assert_status(brood_process_read(process, BROOD_STDOUT, NULL, 1, &count, 0),
                  BROOD_ERR_ARGUMENT);
    assert_status(brood_process_read(process, BROOD_STDOUT, &byte, 0, &count, 0),
                  BROOD_ERR_ARGUMENT);
    assert_status(brood_process_read(process, BROOD_STDOUT, &byte, 1, NULL, 0), BROOD_ERR_ARGUMENT);
    assert_status(brood_process_write(process, NULL, 1, &count, 0), BROOD_ERR_ARGUMENT);
    assert_status(brood_process_communicate(process, NULL, 1, NULL, NULL, 0), BROOD_ERR_ARGUMENT);
    assert_status(brood_process_exit_info(process, NULL), BROOD_ERR_ARGUMENT);
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
}

static void calls_on_streams_that_are_no_pipes(void **state)
{
    brood_process *process = NULL;
    char byte = 0;
    size_t count = 5;

    (void)state;
    assert_ok(brood_process_start(&process, nothing, NULL, 0, NULL));
    assert_status(brood_process_read(process, BROOD_STDOUT, &byte, 1, &count, 0), BROOD_ERR_STATE);
    assert_int_equal(count, 0);
    count = 5;
    assert_status(brood_process_write(process, &byte, 1, &count, 0), BROOD_ERR_STATE);
    assert_int_equal(count, 0);
    assert_ok(brood_process_close_stdin(process));
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
}

/* ---- the rest ---------------------------------------------------------------------------- */

static void texts_of_numbers_that_are_no_status(void **state)
{
    (void)state;
    assert_string_equal(brood_status_text((brood_status)-1), "unknown status");
    assert_string_equal(brood_status_name((brood_status)9999), "unknown status");
    assert_string_equal(brood_status_text(BROOD_ERR_TIMEOUT), "the time-out passed");
}

static void the_text_of_an_end_is_cut(void **state)
{
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    char whole[200];
    char cut[6] = "-----";
    size_t length = 0;

    (void)state;
    info.reason = BROOD_EXIT_CODE;
    length = brood_exit_text(&info, whole, sizeof whole);
    assert_int_equal(length, strlen(whole));
    assert_int_equal(brood_exit_text(&info, cut, sizeof cut), length);
    assert_memory_equal(cut, whole, sizeof cut - 1);
    assert_int_equal(cut[5], '\0');
    assert_int_equal(brood_exit_text(&info, NULL, 0), length);
    assert_int_equal(brood_exit_text(NULL, cut, sizeof cut), 0);
    info.reason = (brood_exit_reason)77;
    assert_true(brood_exit_text(&info, whole, sizeof whole) > 0);
}

static void questions_about_no_task(void **state)
{
    (void)state;
    assert_string_equal(brood_task_name(NULL), "");
    assert_int_equal(brood_task_handle_count(NULL), 0);
    assert_true(brood_task_handle(NULL, 0) == BROOD_HANDLE_NONE);
}

static void an_init_with_wrong_arguments(void **state)
{
    (void)state;
    assert_status(brood_init(-1, NULL), BROOD_ERR_ARGUMENT);
    assert_status(brood_init(1, NULL), BROOD_ERR_ARGUMENT);
    assert_ok(brood_init(0, NULL));
}

/* ---- before brood_init ------------------------------------------------------------------- */

static int start_too_early(void)
{
    const char *argv[] = {"x", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_process *process = NULL;

    options.error = &error;
    if (brood_process_start(&process, nothing, NULL, 0, &options) != BROOD_ERR_NOT_INITIALIZED ||
        process != NULL || error.status != BROOD_ERR_NOT_INITIALIZED ||
        strcmp(error.step, "brood_init") != 0) {
        return 11;
    }
    if (brood_command_start(&process, argv, NULL) != BROOD_ERR_NOT_INITIALIZED) {
        return 12;
    }
    return 10;
}

static void starts_before_brood_init(void **state)
{
    const char *argv[] = {harness_self, "--too-early", NULL};
    brood_process *process = NULL;

    (void)state;
    assert_ok(brood_command_start(&process, argv, NULL));
    assert_ends(process, BROOD_EXIT_CODE, 10);
    brood_process_destroy(process);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_start_without_a_place_for_the_process),
    cmocka_unit_test(a_start_without_a_function),
    cmocka_unit_test(a_start_with_a_size_and_no_argument),
    cmocka_unit_test(an_argument_that_no_memory_holds),
    cmocka_unit_test(a_command_without_a_name),
    cmocka_unit_test(a_command_with_options_of_a_function),
    cmocka_unit_test(options_of_no_size),
    cmocka_unit_test(names_that_are_wrong),
    cmocka_unit_test(function_names_that_are_wrong),
    cmocka_unit_test(environments_that_are_wrong),
    cmocka_unit_test(stdio_that_is_wrong),
    cmocka_unit_test(handles_that_are_wrong),
    cmocka_unit_test(a_handle_that_is_closed),
    cmocka_unit_test(numbers_that_are_wrong),
    cmocka_unit_test(calls_without_a_process),
    cmocka_unit_test(calls_with_wrong_times),
    cmocka_unit_test(calls_with_wrong_buffers),
    cmocka_unit_test(calls_on_streams_that_are_no_pipes),
    cmocka_unit_test(texts_of_numbers_that_are_no_status),
    cmocka_unit_test(the_text_of_an_end_is_cut),
    cmocka_unit_test(questions_about_no_task),
    cmocka_unit_test(an_init_with_wrong_arguments),
    cmocka_unit_test(starts_before_brood_init),
};

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--too-early") == 0) {
        return start_too_early();
    }
    if (brood_init(argc, argv) != BROOD_OK) {
        return 3;
    }
    return harness_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
