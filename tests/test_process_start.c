/* P3, P9: starts that fail, say why and leave nothing; directories; arguments of any size. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "platform.h"
#include "process/protocol.h"

#define PATH_ROOM 1024

static int nothing(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return 5;
}

/* ---- P3 ---------------------------------------------------------------------------------- */

/* Both kinds of start fail alike; the harness sees a zombie or a handle that is left. */
static void expect_failure(const char *file, const char *directory, brood_status status,
                           const char *step)
{
    const char *argv[] = {file, NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_process *process = (brood_process *)&error;

    options.error = &error;
    options.working_directory = directory;
    assert_status(brood_command_start(&process, argv, &options), status);
    assert_null(process);
    assert_status(error.status, status);
    assert_true(error.os_code != 0);
    assert_true(error.step[0] != '\0' && error.message[0] != '\0');
    if (step != NULL) {
        assert_string_equal(error.step, step);
    }
    options.executable = file;
    options.function_name = "any";
    memset(&error, 0, sizeof error);
    assert_status(brood_process_start(&process, NULL, NULL, 0, &options), status);
    assert_null(process);
    assert_status(error.status, status);
    assert_true(error.os_code != 0);
    assert_true(error.step[0] != '\0' && error.message[0] != '\0');
}

static void p3_a_missing_file(void **state)
{
    (void)state;
    expect_failure("/no/such/directory/program", NULL, BROOD_ERR_NOT_FOUND, NULL);
    expect_failure("./no-such-program", NULL, BROOD_ERR_NOT_FOUND, NULL);
    expect_failure("no-such-program-in-the-path", NULL, BROOD_ERR_NOT_FOUND, NULL);
}

static void p3_a_directory_is_no_program(void **state)
{
    char directory[PATH_ROOM];

    (void)state;
    support_make_directory(directory, sizeof directory);
    expect_failure(directory, NULL, BROOD_ERR_PERMISSION, NULL);
    support_remove_tree(directory);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void p3_a_file_without_permission(void **state)
{
    char directory[PATH_ROOM];
    char path[PATH_ROOM + 32];

    (void)state;
    if (support_is_windows()) {
        harness_skip("Windows has no permission to execute that a file could lack");
    }
    support_make_directory(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/plain.exe", directory);
    write_file(path, "words");
    expect_failure(path, NULL, BROOD_ERR_PERMISSION, NULL);
    support_remove_tree(directory);
}

/* Only the exec itself can tell; what it tells comes from the child that failed to become it. */
static void p3_a_file_that_is_no_program(void **state)
{
    char directory[PATH_ROOM];
    char path[PATH_ROOM + 32];

    (void)state;
    support_make_directory(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/noise.exe", directory);
    assert_true(support_copy_program(harness_self, path)); /* for its permissions */
    write_file(path, "these are words and no program");
    expect_failure(path, NULL, BROOD_ERR_OS, support_is_windows() ? "CreateProcessW" : "execve");
    support_remove_tree(directory);
}

static void p3_a_missing_working_directory(void **state)
{
    (void)state;
    expect_failure(harness_self, "/no/such/directory", BROOD_ERR_NOT_FOUND, "working_directory");
}

static void p3_an_argument_that_no_system_takes(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_process *process = NULL;
    size_t size = (size_t)8 << 20;
    char *longest = malloc(size + 1);
    const char *argv[] = {harness_self, longest, NULL};

    (void)state;
    assert_non_null(longest);
    memset(longest, 'a', size);
    longest[size] = '\0';
    options.error = &error;
    assert_status(brood_command_start(&process, argv, &options), BROOD_ERR_TOO_LARGE);
    assert_null(process);
    assert_true(error.step[0] != '\0');
    free(longest);
}

/* What a failing start has opened before it fails. */
static void p3_a_failing_start_with_pipes_and_handles(void **state)
{
    const char *argv[] = {"/no/such/directory/program", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    intptr_t ends[2];

    (void)state;
    assert_true(support_pipe(ends));
    options.stdin_to.mode = BROOD_STDIO_PIPE;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    options.stderr_to.mode = BROOD_STDIO_NULL;
    options.handles = ends;
    options.handle_count = 2;
    options.daemon = true;
    options.kill_tree = true;
    for (int i = 0; i < 10; i++) {
        assert_status(brood_command_start(&process, argv, &options), BROOD_ERR_NOT_FOUND);
        assert_null(process);
    }
    options.executable = argv[0];
    options.function_name = "any";
    for (int i = 0; i < 10; i++) {
        assert_status(brood_process_start(&process, NULL, NULL, 0, &options), BROOD_ERR_NOT_FOUND);
        assert_null(process);
    }
    support_close(ends[1]);
    assert_end(ends[0]);
    support_close(ends[0]);
}

/* ---- P9 ---------------------------------------------------------------------------------- */

/* The directory of this program, and its name. */
static void split_self(char *directory, size_t size, const char **name)
{
    const char *slash = strrchr(harness_self, '/');
    const char *backslash = strrchr(harness_self, '\\');

    slash = slash == NULL || (backslash != NULL && backslash > slash) ? backslash : slash;
    assert_non_null(slash);
    snprintf(directory, size, "%.*s", (int)(slash - harness_self), harness_self);
    *name = slash + 1;
}

/* What a start answered, and how what it started ends. */
static void expect_exit(brood_status status, brood_process **process, int code)
{
    assert_ok(status);
    assert_ends(*process, BROOD_EXIT_CODE, code);
    *process = brood_process_destroy(*process);
}

/* A program that was itself called by a relative name goes elsewhere, and starts a function. */
static void p9_relative_argv0_and_a_changed_directory(void **state)
{
    char directory[PATH_ROOM];
    char relative[PATH_ROOM];
    const char *name = NULL;
    const char *argv[] = {relative, "--go-elsewhere", NULL};
    brood_process *process = NULL;

    (void)state;
    split_self(directory, sizeof directory, &name);
    snprintf(relative, sizeof relative, "./%s", name);
    support_change_directory(directory);
    expect_exit(brood_command_start(&process, argv, NULL), &process, 5);
}

/* A relative name is the parent's, wherever the child is to work. */
static void p9_a_relative_name_is_not_of_the_working_directory(void **state)
{
    char directory[PATH_ROOM];
    char relative[PATH_ROOM];
    char elsewhere[PATH_ROOM];
    const char *name = NULL;
    const char *argv[] = {relative, "--exit-if-in", elsewhere, NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    (void)state;
    split_self(directory, sizeof directory, &name);
    snprintf(relative, sizeof relative, "./%s", name);
    support_make_directory(elsewhere, sizeof elsewhere);
    support_change_directory(directory);
    options.working_directory = elsewhere;
    options.executable = relative;
    argv[0] = harness_self;
    expect_exit(brood_command_start(&process, argv, &options), &process, 6);
    support_remove_tree(elsewhere);
}

static int is_in_directory(brood_task *task, const void *arg, size_t size)
{
    char here[PATH_ROOM];

    (void)task;
    (void)size;
    support_current_directory(here, sizeof here);
    return support_same_directory(here, arg) ? 6 : 7;
}

static void the_working_directory_is_as_chosen(void **state)
{
    char directory[PATH_ROOM];
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    (void)state;
    support_make_directory(directory, sizeof directory);
    options.working_directory = directory;
    expect_exit(
        brood_process_start(&process, is_in_directory, directory, strlen(directory) + 1, &options),
        &process, 6);
    support_remove_tree(directory);
}

static void the_working_directory_is_the_parents_by_default(void **state)
{
    char directory[PATH_ROOM];
    char before[PATH_ROOM];
    brood_process *process = NULL;

    (void)state;
    support_current_directory(before, sizeof before);
    support_make_directory(directory, sizeof directory);
    support_change_directory(directory);
    expect_exit(
        brood_process_start(&process, is_in_directory, directory, strlen(directory) + 1, NULL),
        &process, 6);
    support_change_directory(before);
    support_remove_tree(directory);
}

/* ---- arguments --------------------------------------------------------------------------- */

static unsigned char pattern(size_t i)
{
    return (unsigned char)(i * 7 + i / 251);
}

/* 0: all is as sent; the size itself is told through the exit code's check in the parent. */
static int check_pattern(brood_task *task, const void *arg, size_t size)
{
    const unsigned char *bytes = arg;

    (void)task;
    if (size == 0) {
        return arg == NULL ? 0 : 1;
    }
    if ((uintptr_t)arg % 16 != 0) {
        return 2;
    }
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != pattern(i)) {
            return 3;
        }
    }
    return (int)(size % 100) + 10;
}

static void send_pattern(size_t size)
{
    unsigned char *bytes = malloc(size + 1);
    brood_process *process = NULL;

    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = pattern(i);
    }
    expect_exit(brood_process_start(&process, check_pattern, bytes, size, NULL), &process,
                size == 0 ? 0 : (int)(size % 100) + 10);
    free(bytes);
}

static void an_argument_of_no_bytes_is_null(void **state)
{
    brood_process *process = NULL;

    (void)state;
    send_pattern(0);
    expect_exit(brood_process_start(&process, check_pattern, NULL, 0, NULL), &process, 0);
}

static void an_argument_arrives_whole_and_aligned(void **state)
{
    static const size_t sizes[] = {1, 15, 16, 17, 1000, 65535, 65536, 65537, (size_t)1 << 20};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        send_pattern(sizes[i]);
    }
}

/* Where the argument no longer fits into the channel and goes to shared memory. */
static void an_argument_at_the_border_of_the_channel(void **state)
{
    (void)state;
    for (size_t size = BROOD_START_MAX - 320; size <= BROOD_START_MAX + 16; size += 7) {
        send_pattern(size);
    }
}

static void large_arguments_with_handles_and_a_long_name(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    brood_handle handles[256];
    char name[256];
    intptr_t ends[2];
    unsigned char byte = pattern(0);

    (void)state;
    assert_true(support_pipe(ends));
    for (size_t i = 0; i < 256; i++) {
        handles[i] = ends[i % 2];
    }
    memset(name, 'n', sizeof name - 1);
    name[255] = '\0';
    options.name = name;
    options.handles = handles;
    options.handle_count = 256;
    expect_exit(brood_process_start(&process, check_pattern, &byte, 1, &options), &process, 11);
    support_close(ends[0]);
    support_close(ends[1]);
}

/* ---- as a command ------------------------------------------------------------------------ */

static int go_elsewhere(void)
{
    brood_process *process = NULL;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;

    support_change_directory("/");
    if (brood_process_start(&process, nothing, NULL, 0, NULL) != BROOD_OK ||
        brood_process_join(process, SOON_MS) != BROOD_OK) {
        return 100;
    }
    brood_process_exit_info(process, &info);
    brood_process_destroy(process);
    return info.reason == BROOD_EXIT_CODE ? (int)info.code : 101;
}

static int as_command(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--go-elsewhere") == 0) {
        return go_elsewhere();
    }
    if (argc == 3 && strcmp(argv[1], "--exit-if-in") == 0) {
        return is_in_directory(NULL, argv[2], 0);
    }
    return -1;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(p3_a_missing_file),
    cmocka_unit_test(p3_a_directory_is_no_program),
    cmocka_unit_test(p3_a_file_without_permission),
    cmocka_unit_test(p3_a_file_that_is_no_program),
    cmocka_unit_test(p3_a_missing_working_directory),
    cmocka_unit_test(p3_an_argument_that_no_system_takes),
    cmocka_unit_test(p3_a_failing_start_with_pipes_and_handles),
    cmocka_unit_test(p9_relative_argv0_and_a_changed_directory),
    cmocka_unit_test(p9_a_relative_name_is_not_of_the_working_directory),
    cmocka_unit_test(the_working_directory_is_as_chosen),
    cmocka_unit_test(the_working_directory_is_the_parents_by_default),
    cmocka_unit_test(an_argument_of_no_bytes_is_null),
    cmocka_unit_test(an_argument_arrives_whole_and_aligned),
    cmocka_unit_test(an_argument_at_the_border_of_the_channel),
    cmocka_unit_test(large_arguments_with_handles_and_a_long_name),
};

BROOD_TEST_MAIN_WITH_COMMANDS(tests, as_command)
