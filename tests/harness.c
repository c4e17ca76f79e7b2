#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "platform.h"

/* No program ends with these by accident. */
#define CODE_PASSED 111
#define CODE_SKIPPED 112
#define CODE_FAILED 113

#define WATCHDOG_SECONDS 60

const char *harness_self;

static bool skipped;
static size_t handles_before;

void harness_skip(const char *reason)
{
    skipped = true;
    printf("skipped: %s\n", reason);
    fflush(stdout);
    skip();
}

void assert_ends(brood_process *process, brood_exit_reason reason, int64_t code)
{
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    char text[300];

    assert_ok(brood_process_join(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, &info));
    brood_exit_text(&info, text, sizeof text);
    if (info.reason != reason || info.code != code) {
        fail_msg("the process %s (code %lld), not reason %d and code %lld", text,
                 (long long)info.code, (int)reason, (long long)code);
    }
}

void assert_ends_by(brood_process *process, brood_exit_reason reason)
{
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    char text[300];

    assert_ok(brood_process_join(process, SOON_MS));
    assert_ok(brood_process_exit_info(process, &info));
    brood_exit_text(&info, text, sizeof text);
    if (info.reason != reason) {
        fail_msg("the process %s (code %lld), not reason %d", text, (long long)info.code,
                 (int)reason);
    }
}

void assert_byte(intptr_t handle)
{
    char byte = 0;

    assert_int_equal(support_read(handle, &byte, 1), 1);
}

void assert_end(intptr_t handle)
{
    char byte = 0;

    assert_int_equal(support_read(handle, &byte, 1), 0);
}

static int nothing(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return 0;
}

/* What the library opens once and keeps (the thread that watches time-outs) is not a leak. */
static void warm_up(void)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    options.timeout_ms = WATCHDOG_SECONDS * 1000;
    if (brood_process_start(&process, nothing, NULL, 0, &options) == BROOD_OK) {
        brood_process_join(process, BROOD_FOREVER);
    }
    brood_process_destroy(process);
}

void harness_warm_up_guard(void)
{
    const char *argv[] = {harness_self, NULL}; /* lists its tests */
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_process *process = NULL;

    options.daemon = true;
    options.stdout_to.mode = BROOD_STDIO_NULL;
    assert_ok(brood_command_start(&process, argv, &options));
    assert_ends(process, BROOD_EXIT_CODE, 0);
    brood_process_destroy(process);
    handles_before = brood_os_handle_count();
}

static int run_inside(const struct CMUnitTest *test)
{
    size_t after = 0;
    int failures = 0;

    warm_up();
    handles_before = brood_os_handle_count();
    failures = _cmocka_run_group_tests(test->name, test, 1, NULL, NULL);
    after = brood_os_handle_count();
    fflush(NULL);
    if (skipped) {
        return CODE_SKIPPED;
    }
    if (handles_before != after) {
        fprintf(stderr, "open handles: %zu before, %zu after\n", handles_before, after);
        return CODE_FAILED;
    }
    if (support_has_children()) {
        fprintf(stderr, "a child is left that was not reaped\n");
        return CODE_FAILED;
    }
    return failures == 0 ? CODE_PASSED : CODE_FAILED;
}

static int run_guarded(const char *program, const char *name)
{
    int code = support_run_guarded(program, name, WATCHDOG_SECONDS);

    fflush(NULL);
    if (code == CODE_PASSED) {
        printf("brood-test passed: %s\n", name);
    } else if (code == CODE_SKIPPED) {
        printf("brood-test skipped: %s\n", name);
    } else {
        printf("brood-test failed: %s (code %d)\n", name, code);
    }
    return code == CODE_PASSED || code == CODE_SKIPPED ? 0 : 1;
}

static const struct CMUnitTest *find(const struct CMUnitTest *tests, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(tests[i].name, name) == 0) {
            return &tests[i];
        }
    }
    return NULL;
}

int harness_main(int argc, char **argv, const struct CMUnitTest *tests, size_t count)
{
    bool inside = argc == 3 && strcmp(argv[1], "--inside") == 0;
    const struct CMUnitTest *test = argc >= 2 ? find(tests, count, argv[argc - 1]) : NULL;

    harness_self = argv[0];
    setvbuf(stdout, NULL, _IONBF, 0);
    if (test == NULL) {
        for (size_t i = 0; i < count; i++) {
            printf("%s\n", tests[i].name);
        }
        return argc == 1 ? 0 : 2;
    }
    return inside ? run_inside(test) : run_guarded(argv[0], test->name);
}
