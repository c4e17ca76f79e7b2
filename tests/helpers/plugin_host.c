/* B12: a plugin that uses brood in a program that is not its own. */
#include "plugin.h"

#include <stdio.h>
#include <string.h>

#define JOIN_MS 20000
#define CODE_FAILED 98

static brood_status at_load = BROOD_ERR_NOT_INITIALIZED;

static int run(brood_function *function, int number, brood_status *status)
{
    brood_process *process = NULL;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;

    *status = brood_process_start(&process, function, &number, sizeof number, NULL);
    if (*status == BROOD_OK) {
        *status = brood_process_join(process, JOIN_MS);
        brood_process_exit_info(process, &info);
    }
    brood_process_destroy(process);
    if (info.reason == BROOD_EXIT_START) {
        fprintf(stderr, "%s\n", info.error.message);
    }
    return info.reason == BROOD_EXIT_CODE ? (int)info.code : CODE_FAILED;
}

static int answer(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)size;
    return *(const int *)arg + 2;
}

/* In the worker this runs while the function is looked for. */
#if defined(__GNUC__)
__attribute__((constructor)) static void before_main(void)
{
    run(answer, 0, &at_load);
}
#define STATUS_AT_LOAD_IN_CHILD BROOD_ERR_BOOTSTRAPPING
#else
#define STATUS_AT_LOAD_IN_CHILD BROOD_ERR_NOT_INITIALIZED
#endif

static int tell_status_at_load(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return (int)at_load;
}

/* A child in brood-worker can have children itself. */
static int ask(brood_task *task, const void *arg, size_t size)
{
    brood_status status = BROOD_OK;

    (void)task;
    (void)size;
    return run(answer, *(const int *)arg, &status);
}

static int expect_code(brood_function *function, int code)
{
    brood_status status = BROOD_OK;

    return run(function, 40, &status) == code && status == BROOD_OK;
}

static int is_refused(brood_function *function)
{
    brood_process *process = NULL;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;

    options.error = &error;
    return brood_process_start(&process, function, NULL, 0, &options) == BROOD_ERR_ARGUMENT &&
           process == NULL && strcmp(error.step, "function") == 0;
}

static int expect_early(void)
{
    brood_status status = BROOD_OK;

    run(answer, 0, &status);
    return at_load == BROOD_ERR_NOT_INITIALIZED && status == BROOD_ERR_NOT_INITIALIZED;
}

int plugin_entry(const char *worker, brood_function *of_host)
{
    if (!expect_early()) {
        return 1;
    }
    if (brood_init_hosted("/no/such/brood-worker") != BROOD_ERR_NOT_FOUND || !expect_early()) {
        return 2;
    }
    for (int i = 0; i < 2; i++) { /* once more does no harm */
        if (brood_init_hosted(worker) != BROOD_OK) {
            return 3;
        }
    }
    if (!is_refused(of_host)) {
        return 4;
    }
    if (!expect_code(answer, 42)) {
        return 5;
    }
    if (!expect_code(tell_status_at_load, STATUS_AT_LOAD_IN_CHILD)) {
        return 6;
    }
    return expect_code(ask, 42) ? 0 : 7;
}
