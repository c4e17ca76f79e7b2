/* P10, P16: where stdin, stdout and stderr go, and the streams of the parent. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/atomic.h"

#define PATH_ROOM 1024
#define LARGE ((size_t)10 << 20)

static bool say(int stream, const char *text)
{
    return support_write(support_stdio(stream), text, strlen(text)) == (long)strlen(text);
}

static int speak(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return say(1, "out") && say(2, "err") ? 0 : 1;
}

/* Reads stdin to its end, and tells the size through its exit code, or -1. */
static int count_input(brood_task *task, const void *arg, size_t size)
{
    char bytes[4096];
    long got = 0;
    long all = 0;

    (void)task;
    (void)arg;
    (void)size;
    while ((got = support_read(support_stdio(0), bytes, sizeof bytes)) > 0) {
        all += got;
    }
    return got < 0 ? -1 : (int)all;
}

static void run(brood_function *function, brood_process_options *options, int code)
{
    brood_process *process = NULL;

    assert_ok(brood_process_start(&process, function, NULL, 0, options));
    assert_ends(process, BROOD_EXIT_CODE, code);
    brood_process_destroy(process);
}

/* ---- P16: files, the null device ----------------------------------------------------------- */

static void expect_file(const char *path, const char *text)
{
    char bytes[256] = "";
    FILE *file = fopen(path, "rb");

    assert_non_null(file);
    assert_true(fread(bytes, 1, sizeof bytes - 1, file) == strlen(text));
    fclose(file);
    assert_string_equal(bytes, text);
}

static void p16_stdout_and_stderr_to_files(void **state)
{
    char directory[PATH_ROOM];
    char out[PATH_ROOM + 8];
    char err[PATH_ROOM + 8];
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;

    (void)state;
    support_make_directory(directory, sizeof directory);
    snprintf(out, sizeof out, "%s/out", directory);
    snprintf(err, sizeof err, "%s/err", directory);
    options.stdout_to = (brood_stdio){BROOD_STDIO_FILE, out};
    options.stderr_to = (brood_stdio){BROOD_STDIO_FILE, err};
    for (int i = 0; i < 2; i++) { /* the second time it is emptied */
        run(speak, &options, 0);
        expect_file(out, "out");
        expect_file(err, "err");
    }
    support_remove_tree(directory);
}

static void p16_append_to_a_file(void **state)
{
    char directory[PATH_ROOM];
    char path[PATH_ROOM + 8];
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;

    (void)state;
    support_make_directory(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/log", directory);
    options.stdout_to = (brood_stdio){BROOD_STDIO_APPEND, path};
    options.stderr_to = (brood_stdio){BROOD_STDIO_APPEND, path};
    run(speak, &options, 0);
    run(speak, &options, 0);
    expect_file(path, "outerrouterr");
    support_remove_tree(directory);
}

static void p16_stdin_from_a_file(void **state)
{
    char directory[PATH_ROOM];
    char path[PATH_ROOM + 8];
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    FILE *file = NULL;

    (void)state;
    support_make_directory(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/in", directory);
    file = fopen(path, "wb");
    assert_non_null(file);
    fputs("seven b", file);
    fclose(file);
    options.stdin_to = (brood_stdio){BROOD_STDIO_FILE, path};
    run(count_input, &options, 7);
    support_remove_tree(directory);
}

static void p16_a_file_that_cannot_be_opened(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_process *process = NULL;

    (void)state;
    options.error = &error;
    options.stdin_to.mode = BROOD_STDIO_PIPE; /* what is open by then is closed again */
    options.stdout_to = (brood_stdio){BROOD_STDIO_FILE, "/no/such/directory/out"};
    assert_status(brood_process_start(&process, speak, NULL, 0, &options), BROOD_ERR_NOT_FOUND);
    assert_null(process);
    assert_true(error.os_code != 0 && error.step[0] != '\0');
}

static void p16_the_null_device(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;

    (void)state;
    options.stdin_to.mode = BROOD_STDIO_NULL;
    options.stdout_to.mode = BROOD_STDIO_NULL;
    options.stderr_to.mode = BROOD_STDIO_NULL;
    run(speak, &options, 0);
    run(count_input, &options, 0);
}

/* ---- P16: pipes ---------------------------------------------------------------------------- */

static void p16_two_pipes_are_two_streams(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    brood_output out = {NULL, 0};
    brood_output err = {NULL, 0};

    (void)state;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    options.stderr_to.mode = BROOD_STDIO_PIPE;
    assert_ok(brood_process_start(&process, speak, NULL, 0, &options));
    assert_ok(brood_process_communicate(process, NULL, 0, &out, &err, SOON_MS));
    assert_string_equal(out.data, "out");
    assert_string_equal(err.data, "err");
    brood_free(out.data);
    brood_free(err.data);
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
}

static void p16_stderr_goes_where_stdout_goes(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    brood_output out = {NULL, 0};

    (void)state;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    options.stderr_to.mode = BROOD_STDIO_STDOUT;
    assert_ok(brood_process_start(&process, speak, NULL, 0, &options));
    assert_ok(brood_process_communicate(process, NULL, 0, &out, NULL, SOON_MS));
    assert_string_equal(out.data, "outerr");
    brood_free(out.data);
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
}

static void p16_stderr_to_an_inherited_stdout(void **state)
{
    const char *argv[] = {harness_self, "--pass-on", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    brood_output out = {NULL, 0};
    brood_output err = {NULL, 0};

    (void)state;
    options.stdin_to.mode = BROOD_STDIO_PIPE;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    options.stderr_to.mode = BROOD_STDIO_PIPE;
    argv[1] = "--pass-on-to-stdout";
    assert_ok(brood_command_start(&process, argv, &options));
    assert_ok(brood_process_communicate(process, NULL, 0, &out, &err, SOON_MS));
    assert_ends(process, BROOD_EXIT_CODE, 0);
    assert_string_equal(out.data, "outerr");
    assert_string_equal(err.data, "");
    brood_free(out.data);
    brood_free(err.data);
    brood_process_destroy(process);
}

/* A child of our child has the child's own three. */
static void p16_inherited_by_default(void **state)
{
    const char *argv[] = {harness_self, "--pass-on", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    brood_output out = {NULL, 0};
    brood_output err = {NULL, 0};

    (void)state;
    options.stdin_to.mode = BROOD_STDIO_PIPE;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    options.stderr_to.mode = BROOD_STDIO_PIPE;
    assert_ok(brood_command_start(&process, argv, &options));
    assert_ok(brood_process_communicate(process, NULL, 0, &out, &err, SOON_MS));
    assert_ends(process, BROOD_EXIT_CODE, 0);
    assert_string_equal(out.data, "out");
    assert_string_equal(err.data, "err");
    brood_free(out.data);
    brood_free(err.data);
    brood_process_destroy(process);
}

/* ---- P10 --------------------------------------------------------------------------------- */

/* Numbers 0 to 2 are free now: what is opened for a child gets them, and must not be mixed up. */
static int start_without_stdio(brood_task *task, const void *arg, size_t size)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_process *process = NULL;
    char text[8] = "";
    size_t got = 0;

    (void)arg;
    (void)size;
    (void)task;
    support_close_stdio();
    if (brood_process_start(&process, speak, NULL, 0, NULL) != BROOD_OK ||
        brood_process_join(process, SOON_MS) != BROOD_OK) {
        return 1;
    }
    brood_process_exit_info(process, &info);
    brood_process_destroy(process);
    if (info.reason != BROOD_EXIT_CODE || info.code != 0) {
        return 2;
    }
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    if (brood_process_start(&process, speak, NULL, 0, &options) != BROOD_OK ||
        brood_process_read(process, BROOD_STDOUT, text, 3, &got, SOON_MS) != BROOD_OK ||
        brood_process_join(process, SOON_MS) != BROOD_OK) {
        return 3;
    }
    brood_process_destroy(process);
    return memcmp(text, "out", 3) == 0 ? 0 : 4;
}

static void p10_a_parent_without_stdio(void **state)
{
    (void)state;
    run(start_without_stdio, NULL, 0);
}

static int count_without_stdio(brood_task *task, const void *arg, size_t size)
{
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_process *process = NULL;

    (void)task;
    (void)arg;
    (void)size;
    support_close_stdio();
    if (brood_process_start(&process, count_input, NULL, 0, NULL) != BROOD_OK ||
        brood_process_join(process, SOON_MS) != BROOD_OK) {
        return 1;
    }
    brood_process_exit_info(process, &info);
    brood_process_destroy(process);
    return (int)info.code;
}

static void p10_its_child_reads_the_null_device(void **state)
{
    (void)state;
    run(count_without_stdio, NULL, 0);
}

/* Passed handles and large arguments use the same numbers. */
static int pass_without_stdio(brood_task *task, const void *arg, size_t size)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_process *process = NULL;
    char *large = calloc(1, LARGE);
    intptr_t ends[2];

    (void)task;
    (void)arg;
    (void)size;
    support_close_stdio();
    if (large == NULL || !support_pipe(ends)) {
        free(large);
        return 1;
    }
    options.handles = ends; /* on POSIX they are 0 and 1 */
    options.handle_count = 2;
    if (brood_process_start(&process, speak, large, LARGE, &options) == BROOD_OK) {
        brood_process_join(process, SOON_MS);
    }
    free(large);
    brood_process_exit_info(process, &info);
    brood_process_destroy(process);
    return info.reason == BROOD_EXIT_CODE ? (int)info.code : 3;
}

static void p10_handles_of_a_parent_without_stdio(void **state)
{
    (void)state;
    run(pass_without_stdio, NULL, 0);
}

/* ---- H8: descriptors of ours and the numbers of the streams -------------------------------- */

#define CHILDREN 30

/* Its streams are the null device; it ends when its gate does. */
static int has_null_streams(brood_task *task, const void *arg, size_t size)
{
    char byte = 0;

    (void)arg;
    (void)size;
    if (support_read(support_stdio(0), &byte, 1) != 0) {
        return 1;
    }
    for (int i = 1; i < 3; i++) {
        if (support_write(support_stdio(i), "x", 1) != 1) {
            return 1 + i;
        }
    }
    return support_read(brood_task_handle(task, 0), &byte, 1) == 0 ? 0 : 4;
}

/* Opens files for a moment, all the time. */
static void read_files(void *ends)
{
    while (brood_load32(ends) == 0) {
        brood_cpu_usable();
    }
}

/* What is open here for each child must not become a stream of the next. */
static int start_many_without_stdio(brood_task *task, const void *arg, size_t size)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *processes[CHILDREN] = {NULL};
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_atomic32 ends = 0;
    support_thread *thread = NULL;
    intptr_t gate[2];
    int wrong = 0;

    (void)task;
    (void)arg;
    (void)size;
    if (!support_pipe(gate)) {
        return 99;
    }
    support_close_stdio();
    thread = support_thread_start(read_files, (void *)&ends);
    options.handles = &gate[0];
    options.handle_count = 1;
    for (int i = 0; i < CHILDREN; i++) {
        wrong +=
            brood_process_start(&processes[i], has_null_streams, NULL, 0, &options) != BROOD_OK;
    }
    support_close(gate[1]);
    for (int i = 0; i < CHILDREN; i++) {
        if (brood_process_join(processes[i], SOON_MS) != BROOD_OK ||
            brood_process_exit_info(processes[i], &info) != BROOD_OK ||
            info.reason != BROOD_EXIT_CODE || info.code != 0) {
            wrong++;
        }
        brood_process_destroy(processes[i]);
    }
    brood_exchange32(&ends, 1);
    support_thread_join(thread);
    support_close(gate[0]);
    return wrong;
}

static void h8_nothing_of_ours_becomes_a_stream(void **state)
{
    (void)state;
    run(start_many_without_stdio, NULL, 0);
}

/* What a pool and shared memory have. */
static int streams_of_a_pool(bool event_loop)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options shares = BROOD_TASK_OPTIONS_INIT;
    brood_shared *shared = NULL;
    brood_pool *pool = NULL;
    int found = 0;

    options.workers = 1;
    options.event_loop = event_loop;
    shares.shared = &shared;
    shares.shared_count = 1;
    if (brood_pool_create(&pool, &options) != BROOD_OK ||
        brood_shared_create(&shared, 1000, NULL) != BROOD_OK ||
        brood_pool_apply(pool, speak, NULL, 0, NULL, 0, &shares) != BROOD_OK) {
        return 100;
    }
    found = support_count_stdio();
    brood_shared_destroy(shared);
    if (brood_pool_close(pool) != BROOD_OK || brood_pool_join(pool, SOON_MS) != BROOD_OK) {
        return 101;
    }
    brood_pool_destroy(pool);
    return found;
}

/* What a process with pipes and a time-out has. */
static int streams_of_a_process(void)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    int found = 0;

    options.stdin_to.mode = BROOD_STDIO_PIPE;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    options.stderr_to.mode = BROOD_STDIO_PIPE;
    options.timeout_ms = SOON_MS;
    if (brood_process_start(&process, count_input, NULL, 0, &options) != BROOD_OK) {
        return 102;
    }
    brood_process_join(process, 1);
    found = support_count_stdio();
    brood_process_close_stdin(process);
    brood_process_join(process, SOON_MS);
    brood_process_destroy(process);
    return found;
}

/* The exit code is how many streams there are that were not there, or more when something failed. */
static int use_all_without_stdio(brood_task *task, const void *arg, size_t size)
{
    int found = 0;

    (void)task;
    (void)arg;
    (void)size;
    support_close_stdio();
    found = streams_of_a_process();
    if (found == 0) {
        found = streams_of_a_pool(false);
    }
    return found == 0 ? streams_of_a_pool(true) : found;
}

static void h8_descriptors_of_ours_have_no_numbers_of_streams(void **state)
{
    (void)state;
    if (support_is_windows()) {
        harness_skip("streams have no numbers that a handle could get on Windows");
    }
    run(use_all_without_stdio, NULL, 0);
}

/* ---- time-outs and ends -------------------------------------------------------------------- */

/* Waits for the end of its handle, and touches no stream before. */
static int wait_at_gate(brood_task *task, const void *arg, size_t size)
{
    char byte = 0;

    (void)arg;
    (void)size;
    return support_read(brood_task_handle(task, 0), &byte, 1) == 0 ? 0 : 1;
}

/* Has both pipes, and uses none. */
static void start_idle(brood_process **process, intptr_t gate[2])
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;

    assert_true(support_pipe(gate));
    options.handles = &gate[0];
    options.handle_count = 1;
    options.stdin_to.mode = BROOD_STDIO_PIPE;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    assert_ok(brood_process_start(process, wait_at_gate, NULL, 0, &options));
    support_close(gate[0]);
}

static void a_read_ends_after_its_time(void **state)
{
    brood_process *process = NULL;
    intptr_t gate[2];
    char byte = 0;
    size_t got = 5;

    (void)state;
    start_idle(&process, gate);
    assert_status(brood_process_read(process, BROOD_STDOUT, &byte, 1, &got, 0), BROOD_ERR_TIMEOUT);
    assert_int_equal(got, 0);
    assert_status(brood_process_read(process, BROOD_STDOUT, &byte, 1, &got, 50), BROOD_ERR_TIMEOUT);
    support_close(gate[1]);
    assert_status(brood_process_read(process, BROOD_STDOUT, &byte, 1, &got, SOON_MS),
                  BROOD_ERR_CLOSED);
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
}

static void a_write_ends_after_its_time(void **state)
{
    brood_process *process = NULL;
    char *large = calloc(1, LARGE);
    intptr_t gate[2];
    size_t put = 0;

    (void)state;
    assert_non_null(large);
    start_idle(&process, gate);
    assert_status(brood_process_write(process, large, LARGE, &put, 50), BROOD_ERR_TIMEOUT);
    assert_true(put > 0 && put < LARGE);
    assert_status(brood_process_write(process, large, LARGE, &put, 0), BROOD_ERR_TIMEOUT);
    assert_int_equal(put, 0);
    support_close(gate[1]);
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
    free(large);
}

static int close_stdin_and_wait(brood_task *task, const void *arg, size_t size)
{
    support_close(support_stdio(0));
    say(1, "x");
    return wait_at_gate(task, arg, size);
}

/* The harness would see SIGPIPE. */
static void a_write_to_a_child_that_closed_its_stdin(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    intptr_t gate[2];
    char byte = 0;
    size_t count = 0;

    (void)state;
    assert_true(support_pipe(gate));
    options.handles = &gate[0];
    options.handle_count = 1;
    options.stdin_to.mode = BROOD_STDIO_PIPE;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    assert_ok(brood_process_start(&process, close_stdin_and_wait, NULL, 0, &options));
    assert_ok(brood_process_read(process, BROOD_STDOUT, &byte, 1, &count, SOON_MS));
    assert_status(brood_process_write(process, "words", 5, &count, SOON_MS), BROOD_ERR_CLOSED);
    assert_int_equal(count, 0);
    support_close(gate[0]);
    support_close(gate[1]);
    assert_ends(process, BROOD_EXIT_CODE, 0);
    assert_status(brood_process_write(process, "words", 5, &count, SOON_MS), BROOD_ERR_CLOSED);
    brood_process_destroy(process);
}

/* The reader leaves while we wait for room. */
static int read_a_little(brood_task *task, const void *arg, size_t size)
{
    char bytes[10];

    (void)task;
    (void)arg;
    (void)size;
    return support_read(support_stdio(0), bytes, sizeof bytes) > 0 ? 4 : 1;
}

static void a_write_to_a_child_that_leaves(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    char *large = calloc(1, LARGE);
    size_t put = 0;

    (void)state;
    assert_non_null(large);
    options.stdin_to.mode = BROOD_STDIO_PIPE;
    assert_ok(brood_process_start(&process, read_a_little, NULL, 0, &options));
    assert_status(brood_process_write(process, large, LARGE, &put, SOON_MS), BROOD_ERR_CLOSED);
    assert_true(put < LARGE);
    assert_ends(process, BROOD_EXIT_CODE, 4);
    brood_process_destroy(process);
    free(large);
}

static void closing_stdin_is_the_end_for_the_child(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    size_t put = 0;

    (void)state;
    options.stdin_to.mode = BROOD_STDIO_PIPE;
    assert_ok(brood_process_start(&process, count_input, NULL, 0, &options));
    assert_ok(brood_process_write(process, "12345", 5, &put, SOON_MS));
    assert_int_equal(put, 5);
    assert_status(brood_process_join(process, 50), BROOD_ERR_TIMEOUT);
    assert_ok(brood_process_close_stdin(process));
    assert_ok(brood_process_close_stdin(process));
    assert_status(brood_process_write(process, "6", 1, NULL, SOON_MS), BROOD_ERR_STATE);
    assert_ends(process, BROOD_EXIT_CODE, 5);
    brood_process_destroy(process);
}

static void what_was_written_before_the_end_is_read_after_it(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    char text[16] = "";
    size_t got = 0;

    (void)state;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    assert_ok(brood_process_start(&process, speak, NULL, 0, &options));
    assert_ends(process, BROOD_EXIT_CODE, 0);
    assert_ok(brood_process_read(process, BROOD_STDOUT, text, sizeof text, &got, SOON_MS));
    assert_int_equal(got, 3);
    assert_memory_equal(text, "out", 3);
    assert_status(brood_process_read(process, BROOD_STDOUT, text, sizeof text, &got, SOON_MS),
                  BROOD_ERR_CLOSED);
    assert_status(brood_process_read(process, BROOD_STDERR, text, sizeof text, &got, SOON_MS),
                  BROOD_ERR_STATE);
    brood_process_destroy(process);
}

/* ---- communicate --------------------------------------------------------------------------- */

static bool write_all(int stream, const char *bytes, long size)
{
    while (size > 0) {
        long put = support_write(support_stdio(stream), bytes, (size_t)size);

        if (put <= 0) {
            return false;
        }
        bytes += put;
        size -= put;
    }
    return true;
}

/* What comes goes to both; who does not read both while he writes is stuck. */
static int echo_twice(brood_task *task, const void *arg, size_t size)
{
    char bytes[8192];
    long got = 0;

    (void)task;
    (void)arg;
    (void)size;
    while ((got = support_read(support_stdio(0), bytes, sizeof bytes)) > 0) {
        if (!write_all(1, bytes, got) || !write_all(2, bytes, got)) {
            return 1;
        }
    }
    return got < 0;
}

static void communicate_ten_mebibytes_both_ways(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    brood_output out = {NULL, 0};
    brood_output err = {NULL, 0};
    char *large = malloc(LARGE);

    (void)state;
    assert_non_null(large);
    for (size_t i = 0; i < LARGE; i++) {
        large[i] = (char)(i * 7 + i / 1001);
    }
    options.stdin_to.mode = BROOD_STDIO_PIPE;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    options.stderr_to.mode = BROOD_STDIO_PIPE;
    assert_ok(brood_process_start(&process, echo_twice, NULL, 0, &options));
    assert_ok(brood_process_communicate(process, large, LARGE, &out, &err, SOON_MS * 2));
    assert_int_equal(out.size, LARGE);
    assert_int_equal(err.size, LARGE);
    assert_true(memcmp(out.data, large, LARGE) == 0);
    assert_true(memcmp(err.data, large, LARGE) == 0);
    assert_int_equal(out.data[LARGE], 0);
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_free(out.data);
    brood_free(err.data);
    brood_process_destroy(process);
    free(large);
}

static int speak_and_wait(brood_task *task, const void *arg, size_t size)
{
    say(1, "so far");
    return wait_at_gate(task, arg, size);
}

static void communicate_gives_what_came_so_far(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    brood_output out = {NULL, 0};
    intptr_t gate[2];
    char first = 0;
    size_t got = 0;

    (void)state;
    assert_true(support_pipe(gate));
    options.handles = &gate[0];
    options.handle_count = 1;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    assert_ok(brood_process_start(&process, speak_and_wait, NULL, 0, &options));
    support_close(gate[0]);
    assert_ok(brood_process_read(process, BROOD_STDOUT, &first, 1, &got, SOON_MS));
    assert_status(brood_process_communicate(process, NULL, 0, &out, NULL, 50), BROOD_ERR_TIMEOUT);
    assert_string_equal(out.data, "o far");
    brood_free(out.data);
    assert_true(brood_process_is_alive(process));
    support_close(gate[1]);
    assert_ok(brood_process_communicate(process, NULL, 0, &out, NULL, SOON_MS));
    assert_int_equal(out.size, 0);
    brood_free(out.data);
    assert_status(brood_process_read(process, BROOD_STDOUT, &first, 1, &got, 0), BROOD_ERR_CLOSED);
    assert_status(brood_process_read(process, BROOD_STDERR, &first, 1, &got, 0), BROOD_ERR_STATE);
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
}

/* Input that nobody reads is dropped, and the output still comes. */
static void communicate_with_a_child_that_does_not_read(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    brood_output out = {NULL, 0};
    char *large = calloc(1, LARGE);

    (void)state;
    assert_non_null(large);
    options.stdin_to.mode = BROOD_STDIO_PIPE;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    assert_ok(brood_process_start(&process, speak, NULL, 0, &options));
    assert_ok(brood_process_communicate(process, large, LARGE, &out, NULL, SOON_MS));
    assert_string_equal(out.data, "out");
    brood_free(out.data);
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
    free(large);
}

static void communicate_without_pipes_joins(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    brood_output out = {NULL, 0};

    (void)state;
    options.stdout_to.mode = BROOD_STDIO_NULL;
    options.stderr_to.mode = BROOD_STDIO_NULL;
    assert_ok(brood_process_start(&process, speak, NULL, 0, &options));
    assert_ok(brood_process_communicate(process, NULL, 0, &out, NULL, SOON_MS));
    assert_int_equal(out.size, 0);
    assert_string_equal(out.data, "");
    brood_free(out.data);
    assert_false(brood_process_is_alive(process));
    brood_process_destroy(process);
}

/* ---- as a command -------------------------------------------------------------------------- */

static int pass_on(brood_process_options *options)
{
    brood_process *process = NULL;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;

    if (brood_process_start(&process, speak, NULL, 0, options) != BROOD_OK ||
        brood_process_join(process, SOON_MS) != BROOD_OK) {
        return 1;
    }
    brood_process_exit_info(process, &info);
    brood_process_destroy(process);
    return (int)info.code;
}

static int as_command(int argc, char **argv)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;

    if (argc == 2 && strcmp(argv[1], "--pass-on") == 0) {
        return pass_on(NULL);
    }
    if (argc == 2 && strcmp(argv[1], "--pass-on-to-stdout") == 0) {
        options.stderr_to.mode = BROOD_STDIO_STDOUT;
        return pass_on(&options);
    }
    return -1;
}

/* What is freed after every call must be there after every call. */
static void communicate_that_fails_gives_nothing(void **state)
{
    brood_process *process = NULL;
    intptr_t gate[2];

    (void)state;
    start_idle(&process, gate);
    for (int i = 0; i < 3; i++) {
        char old[] = "old";
        brood_output out = {old, 3};
        brood_output err = {old, 3};

        assert_status(brood_process_communicate(i == 0 ? NULL : process, NULL, i == 1 ? 1 : 0, &out,
                                                &err, i == 2 ? -2 : SOON_MS),
                      BROOD_ERR_ARGUMENT);
        assert_null(out.data);
        assert_int_equal(out.size, 0);
        assert_null(err.data);
        assert_int_equal(err.size, 0);
    }
    support_close(gate[1]);
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(p16_stdout_and_stderr_to_files),
    cmocka_unit_test(p16_append_to_a_file),
    cmocka_unit_test(p16_stdin_from_a_file),
    cmocka_unit_test(p16_a_file_that_cannot_be_opened),
    cmocka_unit_test(p16_the_null_device),
    cmocka_unit_test(p16_two_pipes_are_two_streams),
    cmocka_unit_test(p16_stderr_goes_where_stdout_goes),
    cmocka_unit_test(p16_stderr_to_an_inherited_stdout),
    cmocka_unit_test(p16_inherited_by_default),
    cmocka_unit_test(p10_a_parent_without_stdio),
    cmocka_unit_test(p10_its_child_reads_the_null_device),
    cmocka_unit_test(p10_handles_of_a_parent_without_stdio),
    cmocka_unit_test(h8_nothing_of_ours_becomes_a_stream),
    cmocka_unit_test(h8_descriptors_of_ours_have_no_numbers_of_streams),
    cmocka_unit_test(a_read_ends_after_its_time),
    cmocka_unit_test(a_write_ends_after_its_time),
    cmocka_unit_test(a_write_to_a_child_that_closed_its_stdin),
    cmocka_unit_test(a_write_to_a_child_that_leaves),
    cmocka_unit_test(closing_stdin_is_the_end_for_the_child),
    cmocka_unit_test(what_was_written_before_the_end_is_read_after_it),
    cmocka_unit_test(communicate_ten_mebibytes_both_ways),
    cmocka_unit_test(communicate_gives_what_came_so_far),
    cmocka_unit_test(communicate_with_a_child_that_does_not_read),
    cmocka_unit_test(communicate_without_pipes_joins),
    cmocka_unit_test(communicate_that_fails_gives_nothing),
};

BROOD_TEST_MAIN_WITH_COMMANDS(tests, as_command)
