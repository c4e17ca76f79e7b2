/* B4, B5, B8, B11, B12: a child finds the function by its place in a module, of the same build. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "process/environment.h"
#include "platform.h"
#include "process/protocol.h"

#define PATH_BYTES 1024
#define CODE_STATUS 100 /* of helper_self: and the status behind it */
#define NS_PER_MS INT64_C(1000000)

static int64_t run_program(const char *const *argv, const char *const *environment)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;

    options.environment = environment;
    assert_ok(brood_command_start(&process, argv, &options));
    assert_ok(brood_process_join(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, &info));
    assert_int_equal(info.reason, BROOD_EXIT_CODE);
    brood_process_destroy(process);
    return info.code;
}

static int add_two(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)size;
    return *(const int *)arg + 2;
}

/* ---- B4: what the library itself would never send ----------------------------------------- */

static void send_start(brood_os_channel *channel, const brood_os_code *code)
{
    brood_start start = {.name = "", .function = {"", *code}, .arg_size = sizeof(int)};
    brood_buffer body = BROOD_BUFFER_INIT;
    brood_buffer frame = BROOD_BUFFER_INIT;
    int number = 40;
    size_t put = 0;

    brood_start_encode(&body, &start);
    brood_buffer_append(&body, &number, sizeof number);
    brood_frame_put(&frame, BROOD_FRAME_START, body.data, body.size);
    assert_ok(brood_os_channel_write(channel, frame.data, frame.size, &put, NULL));
    assert_int_equal(put, frame.size);
    brood_buffer_free(&body);
    brood_buffer_free(&frame);
}

static void spawn_child(brood_os_process **process, const char *program, brood_handle child)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    const char *argv[] = {program, NULL};
    brood_os_spawn spawn = {.file = program, .argv = argv, .handles = &child, .handle_count = 1};
    brood_token token = {brood_os_handle_in_child(&child, 0), support_pid(), 0};
    char text[BROOD_TOKEN_SIZE];
    char **environment = NULL;

    brood_token_format(text, &token);
    assert_ok(brood_environment_build(&environment, NULL, &options, text, NULL));
    spawn.environment = (const char *const *)environment;
    for (int i = 0; i < 3; i++) {
        spawn.stdio[i] = BROOD_HANDLE_NONE;
    }
    assert_ok(brood_os_spawn_process(process, &spawn, NULL));
    free((void *)environment);
}

/* The first frame of the child; its body is behind the head. */
static void receive(brood_os_channel *channel, char *frame, size_t size, brood_frame_head *head)
{
    int64_t deadline = brood_os_now() + SOON_MS * NS_PER_MS;
    size_t have = 0;

    while (brood_frame_peek(frame, have, size, head) == BROOD_ERR_TIMEOUT) {
        brood_os_wait_item item = {NULL, channel, false, false};
        size_t got = 0;
        brood_status status = brood_os_channel_read(channel, frame + have, size - have, &got, NULL);

        if (status == BROOD_ERR_TIMEOUT) {
            status = brood_os_wait(&item, 1, deadline, NULL);
        }
        assert_ok(status);
        have += got;
    }
}

static void reap(brood_os_process *process)
{
    brood_os_wait_item item = {process, NULL, false, false};
    brood_os_exit result;

    while (brood_os_process_reap(process, &result, NULL) == BROOD_ERR_TIMEOUT) {
        assert_ok(brood_os_wait(&item, 1, brood_os_now() + SOON_MS * NS_PER_MS, NULL));
    }
    brood_os_process_free(process);
}

/* Asks program for a piece of code; BROOD_OK when it says hello, else what it refuses with. */
static brood_status answer_of(const char *program, const brood_os_code *code)
{
    brood_os_channel *channel = NULL;
    brood_handle child = BROOD_HANDLE_NONE;
    brood_os_process *process = NULL;
    char frame[sizeof(brood_frame_head) + 4096];
    brood_frame_head head = {0};
    brood_error refusal = {BROOD_OK, 0, "", ""};

    assert_ok(brood_os_channel_pair(&channel, &child, NULL));
    send_start(channel, code);
    spawn_child(&process, program, child);
    brood_os_handle_close(child);
    receive(channel, frame, sizeof frame, &head);
    if (head.type != BROOD_FRAME_HELLO) {
        assert_int_equal(head.type, BROOD_FRAME_REFUSED);
        memcpy(&refusal, frame + sizeof head, sizeof refusal);
    }
    reap(process);
    brood_os_channel_close(channel);
    return refusal.status;
}

static void locate(brood_os_code *code, brood_function *function)
{
    assert_ok(brood_os_code_locate(code, (brood_os_function *)function, NULL));
}

/* That what follows is refused for the right reason. */
static void b4_the_same_build_is_accepted(void **state)
{
    brood_os_code code;

    (void)state;
    locate(&code, add_two);
    assert_ok(answer_of(TEST_BOOTSTRAP_CODE, &code));
    free(code.module);
}

/* A copy of the file is the same build. */
static void b4_a_copy_is_accepted(void **state)
{
    char directory[PATH_BYTES];
    char copy[PATH_BYTES * 2];
    brood_os_code code;

    (void)state;
    support_make_directory(directory, sizeof directory);
    snprintf(copy, sizeof copy, "%s/copy.exe", directory);
    assert_true(support_copy_program(TEST_BOOTSTRAP_CODE, copy));
    locate(&code, add_two);
    assert_ok(answer_of(copy, &code));
    free(code.module);
    support_remove_tree(directory);
}

static void b4_another_build_is_refused(void **state)
{
    brood_os_code code;

    (void)state;
    locate(&code, add_two);
    assert_status(answer_of(HELPER_SELF, &code), BROOD_ERR_OTHER_BUILD);
    code.build_id[0] ^= 1;
    assert_status(answer_of(TEST_BOOTSTRAP_CODE, &code), BROOD_ERR_OTHER_BUILD);
    code.build_id_size = 0;
    assert_status(answer_of(TEST_BOOTSTRAP_CODE, &code), BROOD_ERR_OTHER_BUILD);
    free(code.module);
}

static void b4_a_place_without_code_is_refused(void **state)
{
    static const uint64_t offsets[] = {UINT64_MAX, UINT64_C(1) << 40, UINT64_C(1) << 63};
    brood_os_code code;

    (void)state;
    locate(&code, add_two);
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        code.offset = offsets[i];
        assert_status(answer_of(TEST_BOOTSTRAP_CODE, &code), BROOD_ERR_NO_FUNCTION);
    }
    free(code.module);
}

static void b4_a_missing_library_is_refused(void **state)
{
    brood_os_code code;
    char missing[] = "/no/such/library.so";

    (void)state;
    locate(&code, add_two);
    free(code.module);
    code.module = missing;
    assert_status(answer_of(TEST_BOOTSTRAP_CODE, &code), BROOD_ERR_NOT_FOUND);
}

/* ---- B5 ---------------------------------------------------------------------------------- */

/* Two builds of one source in a directory of their own. */
typedef struct place {
    char directory[PATH_BYTES];
    char self[PATH_BYTES * 2];
    char other[PATH_BYTES * 2];
    char away[PATH_BYTES * 2];
} place;

static void make_place(place *made)
{
    support_make_directory(made->directory, sizeof made->directory);
    snprintf(made->self, sizeof made->self, "%s/self.exe", made->directory);
    snprintf(made->other, sizeof made->other, "%s/other.exe", made->directory);
    snprintf(made->away, sizeof made->away, "%s/away.exe", made->directory);
    assert_true(support_copy_program(HELPER_SELF, made->self));
    assert_true(support_copy_program(HELPER_SELF_OTHER, made->other));
}

/* Linux runs the file that was there; others take what is at the path now. */
static int64_t expected(brood_status elsewhere)
{
#if defined(__linux__) && !defined(BROOD_GENERIC_POSIX)
    (void)elsewhere;
    return 0;
#else
    return CODE_STATUS + (int64_t)elsewhere;
#endif
}

static void b5_an_executable_that_is_deleted(void **state)
{
    place at;

    (void)state;
#if defined(_WIN32)
    harness_skip("Windows does not delete the file of a program that runs");
#endif
    make_place(&at);
    const char *argv[] = {at.self, at.self, "", NULL};
    assert_int_equal(run_program(argv, NULL), expected(BROOD_ERR_NOT_FOUND));
    support_remove_tree(at.directory);
}

static void b5_an_executable_that_is_moved(void **state)
{
    place at;

    (void)state;
    make_place(&at);
    const char *argv[] = {at.self, at.self, at.away, NULL};
    assert_int_equal(run_program(argv, NULL), expected(BROOD_ERR_NOT_FOUND));
    support_remove_tree(at.directory);
}

static void b5_an_executable_that_is_replaced(void **state)
{
    place at;

    (void)state;
    make_place(&at);
    const char *argv[] = {at.self, at.self, at.away, at.other, at.self, NULL};
    assert_int_equal(run_program(argv, NULL), expected(BROOD_ERR_OTHER_BUILD));
    support_remove_tree(at.directory);
}

/* As an update does it: the old file has no name any more. */
static void b5_an_executable_that_is_overwritten_by_rename(void **state)
{
    place at;

    (void)state;
#if defined(_WIN32)
    harness_skip("Windows does not rename over the file of a program that runs");
#endif
    make_place(&at);
    const char *argv[] = {at.self, at.other, at.self, NULL};
    assert_int_equal(run_program(argv, NULL), expected(BROOD_ERR_OTHER_BUILD));
    support_remove_tree(at.directory);
}

/* ---- B8 ---------------------------------------------------------------------------------- */

#if defined(PLUGIN)

#include "helpers/plugin.h"

static void expect_answer(brood_function *function)
{
    brood_process *process = NULL;
    int number = 40;

    assert_non_null(function);
    assert_ok(brood_process_start(&process, function, &number, sizeof number, NULL));
    assert_ends(process, BROOD_EXIT_CODE, 42);
    brood_process_destroy(process);
}

static void b8_a_function_of_a_library_that_is_loaded_later(void **state)
{
    (void)state;
    expect_answer((brood_function *)support_library_function(PLUGIN, "plugin_answer"));
}

static void b8_a_function_of_a_library_that_is_linked(void **state)
{
    (void)state;
    expect_answer(plugin_answer);
    expect_answer((brood_function *)support_library_function(PLUGIN_LINKED, "plugin_answer"));
}

static void b8_a_library_that_is_loaded_by_a_link(void **state)
{
    char directory[PATH_BYTES];
    char link[PATH_BYTES * 2];

    (void)state;
    support_make_directory(directory, sizeof directory);
    snprintf(link, sizeof link, "%s/plugin-link", directory);
    if (!support_link(PLUGIN, link)) {
        support_remove_tree(directory);
        harness_skip("no symbolic links here");
    }
    expect_answer((brood_function *)support_library_function(link, "plugin_answer"));
    support_remove_tree(directory);
}

/* B6: the library ends the child while its function is looked for. */
static void b8_a_library_that_exits_at_load(void **state)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    const char *environment[] = {"PLUGIN_EXITS=1", NULL};
    brood_function *function = (brood_function *)support_library_function(PLUGIN, "plugin_answer");
    brood_process *process = NULL;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;

    (void)state;
    options.environment = environment;
    assert_non_null(function);
    assert_ok(brood_process_start(&process, function, NULL, 0, &options));
    assert_ok(brood_process_join(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, &info));
    assert_int_equal(info.reason, BROOD_EXIT_START);
    assert_status(info.error.status, BROOD_ERR_NO_HELLO);
    brood_process_destroy(process);
}

/* ---- B12 --------------------------------------------------------------------------------- */

static void b12_a_plugin_in_a_host_that_knows_nothing(void **state)
{
    const char *argv[] = {HELPER_HOST, PLUGIN_HOST, BROOD_WORKER_FILE, NULL};

    (void)state;
    assert_int_equal(run_program(argv, NULL), 0);
}

static void b12_the_worker_of_the_environment(void **state)
{
    const char *argv[] = {HELPER_HOST, PLUGIN_HOST, NULL};
    const char *environment[] = {"BROOD_WORKER=" BROOD_WORKER_FILE, NULL};
    const char *wrong[] = {"BROOD_WORKER=/no/such/worker", NULL};

    (void)state;
    assert_int_equal(run_program(argv, environment), 0);
    assert_int_equal(run_program(argv, wrong), 3);
}

/* Nobody shall get there what happens to lie in the current directory, or in PATH. */
static void b12_a_worker_without_a_directory_is_not_looked_for(void **state)
{
    const char *argv[] = {HELPER_HOST, PLUGIN_HOST, "brood-worker", NULL};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;
    char directory[512];
    char file[600];

    (void)state;
    support_make_directory(directory, sizeof directory);
    snprintf(file, sizeof file, "%s/brood-worker", directory);
    assert_true(support_copy_program(BROOD_WORKER_FILE, file));
    options.working_directory = directory;
    assert_ok(brood_command_start(&process, argv, &options));
    assert_ends(process, BROOD_EXIT_CODE, 3);
    brood_process_destroy(process);
    support_remove_tree(directory);
}

static void b12_the_worker_beside_the_library(void **state)
{
    const char *argv[] = {HELPER_HOST, PLUGIN_HOST, NULL};

    (void)state;
    assert_int_equal(run_program(argv, NULL), 0);
}

/* Each copy of the library that a process has knows how deep the process is. */
static void r27_a_copy_of_the_library_in_a_plugin(void **state)
{
    const char *argv[] = {HELPER_HOST, PLUGIN_NESTED, NULL};
    const char *environment[] = {"BROOD_WORKER=" BROOD_WORKER_FILE, NULL};

    (void)state;
    assert_int_equal(run_program(argv, environment), 4);
}

static void r27_a_pool_in_a_constructor(void **state)
{
    const char *argv[] = {HELPER_HOST, PLUGIN_NESTED, NULL};
    const char *environment[] = {"BROOD_WORKER=" BROOD_WORKER_FILE, "PLUGIN_AT_LOAD=0", NULL};

    (void)state;
    if (support_is_windows()) {
        harness_skip(
            "no pool can be made while Windows loads a library: its threads wait for that");
    }
    assert_int_equal(run_program(argv, environment), 4);
}

#else
#define NO_LIBRARIES(name)                                                                         \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        harness_skip("this build has no shared libraries");                                        \
    }
NO_LIBRARIES(b8_a_function_of_a_library_that_is_loaded_later)
NO_LIBRARIES(b8_a_function_of_a_library_that_is_linked)
NO_LIBRARIES(b8_a_library_that_is_loaded_by_a_link)
NO_LIBRARIES(b8_a_library_that_exits_at_load)
NO_LIBRARIES(b12_a_plugin_in_a_host_that_knows_nothing)
NO_LIBRARIES(b12_the_worker_of_the_environment)
NO_LIBRARIES(b12_a_worker_without_a_directory_is_not_looked_for)
NO_LIBRARIES(b12_the_worker_beside_the_library)
NO_LIBRARIES(r27_a_copy_of_the_library_in_a_plugin)
NO_LIBRARIES(r27_a_pool_in_a_constructor)
#endif

/* ---- R24 ---------------------------------------------------------------------------------- */

#if defined(HELPER_SELF_EARLY)

/* Between the look at which file the program is, and that at what is there. */
static void r24_an_executable_that_is_replaced_while_it_begins(void **state)
{
    char variable[PATH_BYTES * 2 + 16];
    const char *environment[] = {variable, NULL};
    place at;

    (void)state;
    make_place(&at);
    assert_true(support_copy_program(HELPER_SELF_EARLY, at.self));
    snprintf(variable, sizeof variable, "REPLACE_BY=%s", at.other);
    const char *argv[] = {at.self, NULL};
    assert_int_equal(run_program(argv, environment), expected(BROOD_ERR_OTHER_BUILD));
    assert_false(support_file_exists(at.other));
    support_remove_tree(at.directory);
}

#else

static void r24_an_executable_that_is_replaced_while_it_begins(void **state)
{
    (void)state;
    harness_skip("only on Linux, without sanitizers, a program here has a stat of its own");
}

#endif

/* ---- R24, R6 ------------------------------------------------------------------------------ */

/* Each start gets one of the two builds whole, and says so when it is the other one. */
static void r24_an_executable_that_is_replaced_while_starts_go_on(void **state)
{
    static const char *const builds[] = {HELPER_SELF, HELPER_SELF_OTHER};
    char directory[512];
    char program[600];
    char next[600];
    const char *argv[] = {program, "again", NULL};
    brood_process *process = NULL;

    (void)state;
    if (support_is_windows()) {
        harness_skip("a program that runs cannot be replaced");
    }
    support_make_directory(directory, sizeof directory);
    snprintf(program, sizeof program, "%s/program", directory);
    snprintf(next, sizeof next, "%s/next", directory);
    assert_true(support_copy_program(HELPER_SELF, program));
    assert_ok(brood_command_start(&process, argv, NULL));
    for (size_t i = 1; brood_process_is_alive(process); i++) {
        assert_true(support_copy_program(builds[i % 2], next));
        assert_int_equal(rename(next, program), 0);
    }
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
    support_remove_tree(directory);
}

/* Then the file that runs is the loader's. */
static void r6_a_program_that_is_started_by_its_loader(void **state)
{
    static const char *const loaders[] = {"/lib64/ld-linux-x86-64.so.2",
                                          "/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-x86_64.so.1"};

    (void)state;
#if !defined(PLUGIN)
    harness_skip("a static program has no loader");
#endif
    if (support_is_windows()) {
        harness_skip("Windows has no loader that is a program");
    }
    if (support_is_sanitized()) {
        harness_skip("a sanitizer executes /proc/self/exe, as if it were the program");
    }
    for (size_t i = 0; i < sizeof loaders / sizeof loaders[0]; i++) {
        const char *argv[] = {loaders[i], HELPER_SELF, NULL};
        const char *with_options[] = {loaders[i], "--library-path", "/usr/lib", HELPER_SELF, NULL};

        if (support_file_exists(loaders[i])) {
            assert_int_equal(run_program(argv, NULL), 0);
            assert_int_equal(run_program(with_options, NULL), 0);
            return;
        }
    }
    harness_skip("no loader is known here that can be executed");
}

/* ---- B11 --------------------------------------------------------------------------------- */

static void b11_a_position_independent_executable(void **state)
{
    (void)state;
#if defined(HELPER_SELF_PIE)
    const char *argv[] = {HELPER_SELF_PIE, NULL};

    assert_int_equal(run_program(argv, NULL), 0);
#else
    harness_skip("the toolchain does not link with -pie");
#endif
}

static void b11_an_executable_at_a_fixed_place(void **state)
{
    (void)state;
#if defined(HELPER_SELF_NO_PIE)
    const char *argv[] = {HELPER_SELF_NO_PIE, NULL};

    assert_int_equal(run_program(argv, NULL), 0);
#else
    harness_skip("the toolchain does not link with -no-pie");
#endif
}

static void b11_a_static_executable(void **state)
{
    (void)state;
#if defined(HELPER_SELF_STATIC)
    const char *argv[] = {HELPER_SELF_STATIC, NULL};

    assert_int_equal(run_program(argv, NULL), 0);
#else
    harness_skip("no static program here: a sanitizer, or no libapr-1.a");
#endif
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(b4_the_same_build_is_accepted),
    cmocka_unit_test(b4_a_copy_is_accepted),
    cmocka_unit_test(b4_another_build_is_refused),
    cmocka_unit_test(b4_a_place_without_code_is_refused),
    cmocka_unit_test(b4_a_missing_library_is_refused),
    cmocka_unit_test(b5_an_executable_that_is_deleted),
    cmocka_unit_test(b5_an_executable_that_is_moved),
    cmocka_unit_test(b5_an_executable_that_is_replaced),
    cmocka_unit_test(b5_an_executable_that_is_overwritten_by_rename),
    cmocka_unit_test(b8_a_function_of_a_library_that_is_loaded_later),
    cmocka_unit_test(b8_a_function_of_a_library_that_is_linked),
    cmocka_unit_test(b8_a_library_that_is_loaded_by_a_link),
    cmocka_unit_test(b8_a_library_that_exits_at_load),
    cmocka_unit_test(r24_an_executable_that_is_replaced_while_starts_go_on),
    cmocka_unit_test(r24_an_executable_that_is_replaced_while_it_begins),
    cmocka_unit_test(r6_a_program_that_is_started_by_its_loader),
    cmocka_unit_test(b11_a_position_independent_executable),
    cmocka_unit_test(b11_an_executable_at_a_fixed_place),
    cmocka_unit_test(b11_a_static_executable),
    cmocka_unit_test(b12_a_plugin_in_a_host_that_knows_nothing),
    cmocka_unit_test(b12_the_worker_of_the_environment),
    cmocka_unit_test(b12_a_worker_without_a_directory_is_not_looked_for),
    cmocka_unit_test(b12_the_worker_beside_the_library),
    cmocka_unit_test(r27_a_copy_of_the_library_in_a_plugin),
    cmocka_unit_test(r27_a_pool_in_a_constructor),
};

BROOD_TEST_MAIN(tests)
