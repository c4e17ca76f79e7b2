/*
 * F23, F24: every allocation and every call to the system fails in turn, in the parent and in the
 * child. What follows is success, or an error that fits; nothing is left, and nobody waits for ever.
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "faults.h"
#include "platform.h"
#include "process/process_impl.h"

#define CODE 5          /* of a child that did what it should */
#define CODE_NO_FAULT 6 /* the same, and the fault did not come */
#define CODE_AN_ERROR 7 /* it met an error that fits */
#define CODE_NO_INIT 3  /* brood_init failed in the child */
#define CODE_WITHOUT 1  /* the child has lost its parent */
#define LARGE 100000    /* more than goes through the channel */
#define WORDS "words for the other side"

static const char *const kind_names[] = {"allocation", "platform"};

/* Either one is what a system without memory answers: a thread needs some, too. */
static bool fits(brood_fault_kind kind, brood_status status)
{
    return kind == BROOD_FAULT_PLATFORM
               ? status == BROOD_ERR_OS
               : status == BROOD_ERR_NO_MEMORY || status == BROOD_ERR_LIMIT;
}

/* ---- what a child does --------------------------------------------------------------------- */

static int check(brood_task *task, const void *arg, size_t size)
{
    const unsigned char *bytes = arg;

    (void)task;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != i % 251) {
            return 1;
        }
    }
    return CODE;
}

/* Copies stdin to stdout up to its end, which comes also when the parent lets go. */
static int echo(void)
{
    intptr_t in = support_stdio(0);
    intptr_t out = support_stdio(1);
    char bytes[256];
    long size = 0;

    for (size = support_read(in, bytes, sizeof bytes); size > 0;
         size = support_read(in, bytes, sizeof bytes)) {
        if (support_write(out, bytes, (size_t)size) != size) {
            return 1;
        }
    }
    return CODE;
}

static int echo_all(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return echo();
}

/* ---- what is tried ------------------------------------------------------------------------- */

/* Does something with a process and gives all back; the first failure. */
typedef brood_status attempt(void);

static brood_error error;

static brood_process_options options_with_error(void)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;

    memset(&error, 0, sizeof error);
    options.error = &error;
    return options;
}

/* A start that fails says the same twice, and why. */
static brood_status started(brood_status status, brood_process *const *process)
{
    if (status == BROOD_OK) {
        assert_non_null(*process);
        return status;
    }
    assert_null(*process);
    assert_status(error.status, status);
    assert_true(error.step[0] != '\0' && error.message[0] != '\0');
    return status;
}

/* Joins, unless something has failed; an end that is told is the true one. */
static brood_status ended(brood_status status, brood_process *process, brood_exit_reason reason)
{
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    char text[300];

    if (status == BROOD_OK) {
        status = brood_process_join(process, SOON_MS);
    }
    if (status == BROOD_OK) {
        assert_ok(brood_process_exit_info(process, &info));
        brood_exit_text(&info, text, sizeof text);
        if (info.reason != reason || (reason == BROOD_EXIT_CODE && info.code != CODE)) {
            fail_msg("the process %s, not reason %d", text, (int)reason);
        }
    }
    brood_process_destroy(process);
    return status;
}

static brood_status run_check(size_t size)
{
    brood_process_options options = options_with_error();
    brood_process *process = NULL;
    unsigned char *bytes = malloc(size);

    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (unsigned char)(i % 251);
    }
    brood_status status = brood_process_start(&process, check, bytes, size, &options);
    free(bytes);
    return ended(started(status, &process), process, BROOD_EXIT_CODE);
}

static brood_status a_function(void)
{
    return run_check(10);
}

static brood_status a_large_argument(void)
{
    return run_check(LARGE);
}

static brood_status read_all(brood_process *process, char *text, size_t size)
{
    brood_status status = BROOD_OK;
    size_t used = 0;

    while (status == BROOD_OK && used < size) {
        size_t got = 0;

        status = brood_process_read(process, BROOD_STDOUT, text + used, size - used, &got, SOON_MS);
        used += got;
    }
    text[used < size ? used : size - 1] = '\0';
    return status == BROOD_ERR_CLOSED ? BROOD_OK : status;
}

/* With all that a start can open. */
static brood_status streams(void)
{
    brood_process_options options = options_with_error();
    brood_process *process = NULL;
    brood_handle handle = support_stdio(2);
    brood_status status = BROOD_OK;
    char text[64] = "";

    options.name = "streams";
    options.stdin_to.mode = BROOD_STDIO_PIPE;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    options.stderr_to.mode = BROOD_STDIO_NULL;
    options.handles = &handle;
    options.handle_count = 1;
    options.timeout_ms = SOON_MS;
    status = started(brood_process_start(&process, echo_all, NULL, 0, &options), &process);
    if (status == BROOD_OK) {
        status = brood_process_write(process, WORDS, strlen(WORDS), NULL, SOON_MS);
    }
    if (status == BROOD_OK) {
        brood_process_close_stdin(process);
        status = read_all(process, text, sizeof text);
    }
    if (status == BROOD_OK) {
        assert_string_equal(text, WORDS);
    }
    return ended(status, process, BROOD_EXIT_CODE);
}

/* options: what is to be different. */
static brood_status run_command(const char *name, brood_process_options options)
{
    const char *argv[] = {name, "--echo", NULL};
    brood_process *process = NULL;
    brood_output out = {NULL, 0};
    brood_status status = BROOD_OK;

    options.stdin_to.mode = BROOD_STDIO_PIPE;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    status = started(brood_command_start(&process, argv, &options), &process);
    if (status == BROOD_OK) {
        status = brood_process_communicate(process, WORDS, strlen(WORDS), &out, NULL, SOON_MS);
    }
    if (status == BROOD_OK) {
        assert_string_equal(out.data, WORDS);
    }
    brood_free(out.data);
    return ended(status, process, BROOD_EXIT_CODE);
}

static brood_status a_command(void)
{
    return run_command(harness_self, options_with_error());
}

static brood_status a_daemon_command(void)
{
    brood_process_options options = options_with_error();

    options.daemon = true;
    return run_command(harness_self, options);
}

static char path_variable[3000]; /* this program's directory, and one that has another program */
static char own_name[200];

/* What cannot be looked for in the first directory is not taken from the second. */
static brood_status a_command_by_its_name(void)
{
    const char *environment[] = {path_variable, NULL};
    brood_process_options options = options_with_error();

    options.environment = environment;
    return run_command(own_name, options);
}

/* Starts one that would not end by itself while we hold its stdin. */
static brood_status start_waiting(brood_process **process, uint32_t timeout_ms)
{
    brood_process_options options = options_with_error();

    options.stdin_to.mode = BROOD_STDIO_PIPE;
    options.timeout_ms = timeout_ms;
    return started(brood_process_start(process, echo_all, NULL, 0, &options), process);
}

/* Asked or killed, whichever could be done. */
static brood_status a_question(void)
{
    brood_process *process = NULL;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_status status = start_waiting(&process, 0);

    if (status == BROOD_OK) {
        status = brood_process_terminate(process, SOON_MS);
    }
    if (status == BROOD_OK) {
        assert_ok(brood_process_exit_info(process, &info));
        assert_true(info.reason == BROOD_EXIT_TERMINATED || info.reason == BROOD_EXIT_KILLED);
    }
    brood_process_destroy(process);
    return status;
}

static brood_status a_timeout(void)
{
    brood_process *process = NULL;
    brood_status status = start_waiting(&process, 50);

    return ended(status, process, BROOD_EXIT_TIMEOUT);
}

static brood_process *over; /* one that has ended, and was not looked at since */

static void start_and_end(void)
{
    assert_ok(brood_process_start(&over, check, NULL, 0, NULL));
    assert_true(support_wait_gone(brood_process_pid(over), SOON_MS));
}

/* What cannot be reaped now is left to the next start. */
static brood_status left_alone(void)
{
    over = brood_process_destroy(over);
    brood_process_sweep();
    return BROOD_OK;
}

/* ---- F23 ----------------------------------------------------------------------------------- */

/* What was left alone has no descriptor, and is a child until it is reaped. */
static bool is_anything_left(size_t handles)
{
    return brood_os_handle_count() != handles || support_has_children();
}

/* What was left alone under a fault ends by itself, and a later start reaps it. */
static void await_nobody(size_t handles)
{
    int64_t deadline = brood_os_now() + SOON_MS * INT64_C(1000000);

    while (is_anything_left(handles)) {
        assert_true(brood_os_now() < deadline);
        assert_ok(a_function());
    }
}

/* prepare, if there is one, goes before each attempt, without a fault. */
static void fail_each(void (*prepare)(void), attempt *run, brood_fault_kind kind, bool once)
{
    uint64_t nth = 0;
    uint64_t count = 0;

    do {
        size_t handles = brood_os_handle_count();
        brood_status status = BROOD_OK;

        nth++;
        if (prepare != NULL) {
            prepare();
        }
        brood_faults_arm(kind, nth, once);
        status = run();
        count = brood_faults_count(kind);
        brood_faults_disarm();
        if (status != BROOD_OK && (count < nth || !fits(kind, status))) {
            fail_msg("%s %d, %s: %s", kind_names[kind], (int)nth, once ? "once" : "from then on",
                     brood_status_name(status));
        }
        await_nobody(handles);
    } while (count >= nth);
    print_message("%s, %s: %d\n", kind_names[kind], once ? "once" : "from then on", (int)nth - 1);
    assert_true(nth > 1);
}

static void fail_all(attempt *run)
{
    fail_each(NULL, run, BROOD_FAULT_ALLOCATION, true);
    fail_each(NULL, run, BROOD_FAULT_ALLOCATION, false);
    fail_each(NULL, run, BROOD_FAULT_PLATFORM, true);
    fail_each(NULL, run, BROOD_FAULT_PLATFORM, false);
}

static void f23_a_function(void **state)
{
    (void)state;
    fail_all(a_function);
}

static void f23_a_large_argument(void **state)
{
    (void)state;
    fail_all(a_large_argument);
}

static void f23_streams(void **state)
{
    (void)state;
    fail_all(streams);
}

static void f23_a_command(void **state)
{
    (void)state;
    fail_all(a_command);
}

/* The last slash or backslash. */
static const char *end_of_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *backslash = strrchr(path, '\\');

    return slash == NULL || (backslash != NULL && backslash > slash) ? backslash : slash;
}

static void f23_a_command_by_its_name(void **state)
{
    char directory[1000];
    char other[1300];
    const char *end = end_of_directory(harness_self);

    (void)state;
    assert_non_null(end);
    snprintf(own_name, sizeof own_name, "%s", end + 1);
    support_make_directory(directory, sizeof directory);
    snprintf(other, sizeof other, "%s/%s", directory, own_name);
    assert_true(support_copy_program(HELPER_NO_INIT, other));
    snprintf(path_variable, sizeof path_variable, "PATH=%.*s%c%s", (int)(end - harness_self),
             harness_self, support_is_windows() ? ';' : ':', directory);
    fail_all(a_command_by_its_name);
    support_remove_tree(directory);
}

static void f23_a_daemon_command(void **state)
{
    (void)state;
    harness_warm_up_guard();
    fail_all(a_daemon_command);
}

static void f23_a_question(void **state)
{
    (void)state;
    fail_all(a_question);
}

static void f23_left_alone(void **state)
{
    (void)state;
    fail_each(start_and_end, left_alone, BROOD_FAULT_PLATFORM, true);
    fail_each(start_and_end, left_alone, BROOD_FAULT_PLATFORM, false);
}

static void f23_a_timeout(void **state)
{
    (void)state;
    fail_each(NULL, a_timeout, BROOD_FAULT_ALLOCATION, true);
    fail_each(NULL, a_timeout, BROOD_FAULT_ALLOCATION, false);
    fail_each(NULL, a_timeout, BROOD_FAULT_PLATFORM,
              true); /* one that is not can never be killed */
}

/* ---- F23: the beginning, which a process has once ------------------------------------------- */

static brood_status begin(const char *how, int argc, char **argv)
{
    if (strcmp(how, "--init") == 0) {
        return brood_init(argc, argv);
    }
    return strcmp(how, "--register") == 0 ? brood_register("echo", echo_all)
                                          : brood_init_hosted(harness_self); /* as the worker */
}

/* One that fails changes nothing, so that it can be tried again. */
static int begin_under_faults(brood_fault_kind kind, int argc, char **argv)
{
    brood_status status = BROOD_OK;
    uint64_t nth = 0;

    do {
        nth++;
        brood_faults_arm(kind, nth, nth % 2 == 0);
        status = begin(argv[1], argc, argv);
        if (status != BROOD_OK && (brood_faults_count(kind) < nth || !fits(kind, status))) {
            fprintf(stderr, "%d: %s\n", (int)nth, brood_status_name(status));
            return 1;
        }
        if (status == BROOD_OK && brood_faults_count(kind) >= nth) {
            fprintf(stderr, "%d: no error\n", (int)nth);
            return 2;
        }
        brood_faults_disarm();
    } while (status != BROOD_OK);
    return nth > 1 && begin(argv[1], argc, argv) == BROOD_OK ? CODE : 4;
}

static void expect_begin(const char *how, brood_fault_kind kind)
{
    const char *argv[] = {harness_self, how, kind_names[kind], NULL};
    brood_process *process = NULL;

    assert_ok(brood_command_start(&process, argv, NULL));
    assert_ends(process, BROOD_EXIT_CODE, CODE);
    brood_process_destroy(process);
}

static void f23_brood_init(void **state)
{
    (void)state;
    expect_begin("--init", BROOD_FAULT_ALLOCATION);
    expect_begin("--init", BROOD_FAULT_PLATFORM);
}

static void f23_brood_init_hosted(void **state)
{
    (void)state;
    expect_begin("--hosted", BROOD_FAULT_ALLOCATION);
    expect_begin("--hosted", BROOD_FAULT_PLATFORM);
}

static void f23_brood_register(void **state)
{
    (void)state;
    expect_begin("--register", BROOD_FAULT_ALLOCATION); /* it calls nothing of the system */
}

/* ---- F24: in the child ---------------------------------------------------------------------- */

typedef struct fault {
    brood_fault_kind kind;
    uint64_t nth;
} fault;

/* A child that has a fault, and is a parent itself: of one that has none. */
static int be_parent(brood_task *task, const void *arg, size_t size)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    static const char *const none[] = {BROOD_FAULT_VARIABLE, NULL};
    brood_process *process = NULL;
    brood_status status = BROOD_OK;
    fault mine;

    (void)task;
    memcpy(&mine, arg, size);
    options.environment = none;
    status = brood_process_start(&process, check, NULL, 0, &options);
    status = ended(status, process, BROOD_EXIT_CODE);
    if (status != BROOD_OK) {
        return fits(mine.kind, status) ? CODE_AN_ERROR : 1;
    }
    return brood_faults_count(mine.kind) < mine.nth ? CODE_NO_FAULT : CODE;
}

static bool is_clear_start(const brood_exit_info *info, brood_fault_kind kind)
{
    return info->error.message[0] != '\0' &&
           (fits(kind, info->error.status) || info->error.status == BROOD_ERR_NO_HELLO);
}

static bool is_clear(const brood_exit_info *info, brood_fault_kind kind, bool daemon)
{
    if (info->reason == BROOD_EXIT_START) {
        return is_clear_start(info, kind);
    }
    return info->reason == BROOD_EXIT_CODE &&
           (info->code == CODE || info->code == CODE_NO_FAULT || info->code == CODE_AN_ERROR ||
            (daemon && info->code == CODE_WITHOUT));
}

/* How a child with the fault ended. */
static void run_with_fault(brood_exit_info *info, const fault *given, bool daemon)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    char variable[64];
    const char *environment[] = {variable, NULL};
    brood_process *process = NULL;

    snprintf(variable, sizeof variable, BROOD_FAULT_VARIABLE "=%s:%d", kind_names[given->kind],
             (int)given->nth);
    options.environment = environment;
    options.daemon = daemon;
    assert_ok(brood_process_start(&process, be_parent, given, sizeof *given, &options));
    assert_ok(brood_process_join(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, info));
    brood_process_destroy(process);
}

static void fail_each_in_child(brood_fault_kind kind, bool daemon)
{
    fault given = {kind, 0};
    brood_exit_info info = BROOD_EXIT_INFO_INIT;

    do {
        char text[300];

        given.nth++;
        run_with_fault(&info, &given, daemon);
        brood_exit_text(&info, text, sizeof text);
        if (!is_clear(&info, kind, daemon)) {
            fail_msg("%s %d: the child %s", kind_names[kind], (int)given.nth, text);
        }
    } while (info.reason != BROOD_EXIT_CODE || info.code != CODE_NO_FAULT);
    print_message("%s: %d\n", kind_names[kind], (int)given.nth - 1);
    assert_true(given.nth > 1);
}

static void f24_a_child(void **state)
{
    (void)state;
    fail_each_in_child(BROOD_FAULT_ALLOCATION, false);
    fail_each_in_child(BROOD_FAULT_PLATFORM, false);
}

static void f24_a_daemon(void **state)
{
    (void)state;
    fail_each_in_child(BROOD_FAULT_ALLOCATION, true);
    fail_each_in_child(BROOD_FAULT_PLATFORM, true);
}

/* A parent whose first daemon command, which starts a guard, has a fault. */
static int be_guarding(brood_task *task, const void *arg, size_t size)
{
    fault mine;
    const char *argv[] = {(const char *)arg + sizeof mine, "--echo", NULL};
    brood_process_options options = options_with_error();
    brood_process *process = NULL;
    brood_status status = BROOD_OK;
    uint64_t count = 0;

    (void)task;
    (void)size;
    memcpy(&mine, arg, sizeof mine);
    options.stdin_to.mode = BROOD_STDIO_NULL;
    options.daemon = true;
    brood_faults_arm(mine.kind, mine.nth, true);
    status = brood_command_start(&process, argv, &options);
    count = brood_faults_count(mine.kind);
    brood_faults_disarm();
    if (status != BROOD_OK) {
        return fits(mine.kind, status) && error.status == status ? CODE_AN_ERROR : 1;
    }
    brood_process_join(process, SOON_MS);
    brood_process_destroy(process);
    return count < mine.nth ? CODE_NO_FAULT : CODE;
}

static int64_t run_guarding(const fault *given)
{
    char arg[1200];
    brood_process *process = NULL;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;

    memcpy(arg, given, sizeof *given);
    snprintf(arg + sizeof *given, sizeof arg - sizeof *given, "%s", harness_self);
    assert_ok(brood_process_start(&process, be_guarding, arg, sizeof arg, NULL));
    assert_ok(brood_process_join(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, &info));
    assert_int_equal(info.reason, BROOD_EXIT_CODE);
    brood_process_destroy(process);
    return info.code;
}

static void f23_the_first_daemon_command(void **state)
{
    static const brood_fault_kind kinds[] = {BROOD_FAULT_ALLOCATION, BROOD_FAULT_PLATFORM};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        fault given = {kinds[i], 0};
        int64_t code = CODE;

        while (code == CODE || code == CODE_AN_ERROR) {
            given.nth++;
            code = run_guarding(&given);
        }
        assert_int_equal(code, CODE_NO_FAULT);
        assert_true(given.nth > 1);
    }
}

/* A parent of a command; its guard, which inherits the variable, has a fault. */
static int be_guarded(brood_task *task, const void *arg, size_t size)
{
    const char *argv[] = {arg, "--echo", NULL};
    static const char *const none[] = {BROOD_FAULT_VARIABLE, NULL};
    brood_process_options options = options_with_error();
    brood_process *process = NULL;
    brood_status status = BROOD_OK;

    (void)task;
    support_set_environment(BROOD_FAULT_VARIABLE, (const char *)arg + strlen(arg) + 1);
    (void)size;
    options.environment = none;
    options.stdin_to.mode = BROOD_STDIO_NULL;
    options.daemon = true;
    status = brood_command_start(&process, argv, &options);
    status = ended(status, process, BROOD_EXIT_CODE);
    if (status != BROOD_OK) {
        return error.status == status ? CODE_AN_ERROR : 1;
    }
    return CODE;
}

static void run_guarded(brood_fault_kind kind, int nth)
{
    char text[1200];
    brood_process *process = NULL;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;

    snprintf(text, sizeof text, "%s%c%s:%d", harness_self, 0, kind_names[kind], nth);
    assert_ok(brood_process_start(&process, be_guarded, text, sizeof text, NULL));
    assert_ok(brood_process_join(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, &info));
    assert_int_equal(info.reason, BROOD_EXIT_CODE);
    assert_true(info.code == CODE || info.code == CODE_AN_ERROR);
    brood_process_destroy(process);
}

#define GUARD_CALLS 20 /* more than a guard makes */

static void f24_a_guarded_command(void **state)
{
    (void)state;
    for (int nth = 1; nth <= GUARD_CALLS; nth++) {
        run_guarded(BROOD_FAULT_ALLOCATION, nth);
        run_guarded(BROOD_FAULT_PLATFORM, nth);
    }
}

static int as_command(int argc, char **argv)
{
    return argc == 2 && strcmp(argv[1], "--echo") == 0 ? echo() : -1;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(f23_a_function),
    cmocka_unit_test(f23_a_large_argument),
    cmocka_unit_test(f23_streams),
    cmocka_unit_test(f23_a_command),
    cmocka_unit_test(f23_a_command_by_its_name),
    cmocka_unit_test(f23_a_daemon_command),
    cmocka_unit_test(f23_the_first_daemon_command),
    cmocka_unit_test(f23_a_question),
    cmocka_unit_test(f23_left_alone),
    cmocka_unit_test(f23_a_timeout),
    cmocka_unit_test(f23_brood_init),
    cmocka_unit_test(f23_brood_init_hosted),
    cmocka_unit_test(f23_brood_register),
    cmocka_unit_test(f24_a_child),
    cmocka_unit_test(f24_a_daemon),
    cmocka_unit_test(f24_a_guarded_command),
};

/* Some of it comes before brood_init. */
int main(int argc, char **argv)
{
    int code = -1;

    harness_self = argv[0];
    if (argc == 3 && (strcmp(argv[1], "--init") == 0 || strcmp(argv[1], "--hosted") == 0 ||
                      strcmp(argv[1], "--register") == 0)) {
        return begin_under_faults(strcmp(argv[2], kind_names[1]) == 0 ? BROOD_FAULT_PLATFORM
                                                                      : BROOD_FAULT_ALLOCATION,
                                  argc, argv);
    }
    code = brood_init(argc, argv) == BROOD_OK ? as_command(argc, argv) : CODE_NO_INIT;
    return code >= 0 ? code : harness_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
