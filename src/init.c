#include "init.h"

#include <stdio.h>
#include <string.h>

#include <apr_general.h>

#include "base/error.h"
#include "base/memory.h"
#include "ipc/shared.h"
#include "platform.h"
#include "process/child.h"
#include "process/guard.h"
#include "process/nesting.h"
#include "process/process_impl.h"
#include "process/protocol.h"
#include "process/watchdog.h"
#include "runtime/here.h"
#include "serve/serve.h"

#define FUNCTION_NAME_MAX 255
#define NOWHERE "/dev/null" /* no directory: a bare name of a worker is not looked for */
#define WORKER_VARIABLE "BROOD_WORKER"

/* Lives as long as the program, as its name does. */
typedef struct brood_registered {
    brood_function *function;
    char *name;
    struct brood_registered *next;
} registered;

static brood_status begin_once(void)
{
    if (brood_apr_begin() != APR_SUCCESS ||
        brood_apr_pool_create(&brood_here()->init.pool) != APR_SUCCESS) {
        return BROOD_ERR_NO_MEMORY;
    }
    if (brood_process_global_init(brood_here()->init.pool) != BROOD_OK ||
        brood_watchdog_init(brood_here()->init.pool) != BROOD_OK ||
        brood_guard_global_init(brood_here()->init.pool) != BROOD_OK ||
        brood_shared_global_init(brood_here()->init.pool) != BROOD_OK) {
        apr_pool_destroy(brood_here()->init.pool);
        brood_here()->init.pool = NULL;
        return BROOD_ERR_NO_MEMORY;
    }
    brood_nesting_learn();
    return BROOD_OK;
}

/* Not in every child: beginning APR is a tenth of the cost of a start. Its atomics need none. */
brood_status brood_begin(void)
{
    enum {
        NOT,
        BUSY,
        DONE
    };
    brood_status status = BROOD_OK;
    brood_atomic32 *begun = &brood_here()->init.begun;

    while (!brood_cas32(begun, NOT, BUSY)) {
        if (brood_load32(begun) == DONE) {
            return BROOD_OK;
        }
        brood_yield(); /* another thread of a child was a moment faster */
    }
    status = begin_once();
    brood_exchange32(begun, status == BROOD_OK ? DONE : NOT);
    return status;
}

/*
 * The token of a child, if there is one (one that is too long becomes one that is none), taken out
 * of the environment so that no grandchild sees it.
 */
static bool take_token(char text[BROOD_TOKEN_SIZE])
{
    size_t size = brood_os_environment_get(BROOD_TOKEN_VARIABLE, text, BROOD_TOKEN_SIZE);

    if (size == 0) {
        return false;
    }
    if (size > BROOD_TOKEN_SIZE) {
        snprintf(text, BROOD_TOKEN_SIZE, "?");
    }
    brood_os_environment_remove(BROOD_TOKEN_VARIABLE);
    return text[0] != '\0';
}

/* What names a file in it is not for a program with more rights, nor for what that starts. */
static void distrust_environment(void)
{
    if (brood_os_is_privileged()) {
        brood_os_environment_remove(WORKER_VARIABLE);
    }
}

brood_status brood_find_executable(const char *argv0, brood_error *error)
{
    return brood_os_self_find(&brood_here()->init.executable, argv0, error);
}

/* Comes back when this is no child. Whoever calls a program with more rights writes what he likes. */
static brood_status try_to_be_child(const char *token, const char *argv0)
{
    brood_status status = BROOD_OK;

    brood_here()->init.stage = BROOD_STAGE_BOOTSTRAPPING;
    status = brood_child_run(token, argv0);
    if ((status == BROOD_ERR_PROTOCOL || status == BROOD_ERR_PERMISSION) &&
        brood_os_is_privileged()) {
        return BROOD_OK;
    }
    return status;
}

static brood_status become_parent(const char *argv0)
{
    brood_status status = brood_find_executable(argv0, NULL);

    if (status == BROOD_OK) {
        status = brood_begin();
    }
    if (status != BROOD_OK) { /* it may be tried again */
        brood_free(brood_here()->init.executable);
        brood_here()->init.executable = NULL;
    }
    return status;
}

static brood_status initialize(const char *argv0)
{
    char token[BROOD_TOKEN_SIZE];
    brood_status status = BROOD_OK;

    distrust_environment();
    if (take_token(token)) {
        status = try_to_be_child(token, argv0);
    }
    if (status == BROOD_OK) {
        status = become_parent(argv0);
    }
    brood_here()->init.stage = status == BROOD_OK ? BROOD_STAGE_READY : BROOD_STAGE_NEW;
    return status;
}

brood_status brood_init(int argc, char **argv)
{
    if (argc < 0 || (argc > 0 && argv == NULL)) {
        return BROOD_ERR_ARGUMENT;
    }
    if (brood_here()->init.stage == BROOD_STAGE_BOOTSTRAPPING) {
        return BROOD_ERR_BOOTSTRAPPING;
    }
    return brood_here()->init.stage == BROOD_STAGE_READY ? BROOD_OK
                                                         : initialize(argc > 0 ? argv[0] : NULL);
}

static brood_status find_worker_by_environment(char **path)
{
    size_t size = brood_os_environment_get(WORKER_VARIABLE, NULL, 0);
    char *worker = NULL;
    brood_status status = BROOD_ERR_NO_MEMORY;

    if (size == 0) {
        return brood_os_worker_find(path, NULL);
    }
    worker = brood_calloc(size, 1);
    if (worker != NULL && brood_os_environment_get(WORKER_VARIABLE, worker, size) <= size) {
        status = brood_os_program_find(path, worker, NOWHERE, NULL);
    }
    brood_free(worker);
    return status;
}

/* The path of brood-worker: given, or from the environment, or where it was installed. */
static brood_status find_worker(char **path, const char *worker)
{
    distrust_environment();
    return worker != NULL ? brood_os_program_find(path, worker, NOWHERE, NULL)
                          : find_worker_by_environment(path);
}

brood_status brood_init_hosted(const char *worker)
{
    brood_status status = brood_begin();
    char *path = NULL;

    if (status != BROOD_OK || brood_here()->init.stage == BROOD_STAGE_READY) {
        return status;
    }
    if (brood_here()->init.stage == BROOD_STAGE_BOOTSTRAPPING) {
        return BROOD_ERR_BOOTSTRAPPING;
    }
    status = find_worker(&path, worker);
    if (status != BROOD_OK) {
        return status;
    }
    brood_here()->init.executable = path;
    brood_here()->init.hosted = true;
    brood_here()->init.stage = BROOD_STAGE_READY;
    return BROOD_OK;
}

static brood_status add_function(const char *name, brood_function *function)
{
    registered *entry = brood_malloc(sizeof *entry);
    char *copy = brood_strdup(name);

    if (entry == NULL || copy == NULL) {
        brood_free(entry);
        brood_free(copy);
        return BROOD_ERR_NO_MEMORY;
    }
    *entry = (registered){function, copy, brood_here()->init.functions};
    brood_here()->init.functions = entry;
    return BROOD_OK;
}

brood_status brood_register(const char *name, brood_function *function)
{
    brood_function *known = NULL;

    if (name == NULL || function == NULL || name[0] == '\0' || strlen(name) > FUNCTION_NAME_MAX) {
        return BROOD_ERR_ARGUMENT;
    }
    known = brood_registry_find(name);
    if (known != NULL) {
        return known == function ? BROOD_OK : BROOD_ERR_ARGUMENT;
    }
    return add_function(name, function);
}

brood_function *brood_registry_find(const char *name)
{
    if (strcmp(name, BROOD_GUARD_NAME) == 0) {
        return brood_guard_run;
    }
    if (strcmp(name, BROOD_WORKER_NAME) == 0) {
        return brood_serve_process;
    }
    for (const registered *entry = brood_here()->init.functions; entry != NULL;
         entry = entry->next) {
        if (strcmp(entry->name, name) == 0) {
            return entry->function;
        }
    }
    return NULL;
}

const char *brood_registry_name(brood_function *function)
{
    for (const registered *entry = brood_here()->init.functions; function != NULL && entry != NULL;
         entry = entry->next) {
        if (entry->function == function) {
            return entry->name;
        }
    }
    return NULL;
}

brood_status brood_require_ready(brood_error *error)
{
    if (brood_here()->init.stage == BROOD_STAGE_READY) {
        return brood_begin() == BROOD_OK ? BROOD_OK : brood_fail_memory(error, "brood_init");
    }
    if (brood_here()->init.stage == BROOD_STAGE_BOOTSTRAPPING) {
        return brood_fail(error, BROOD_ERR_BOOTSTRAPPING, 0, "brood_init",
                          "this child has not yet come to its function");
    }
    return brood_fail(error, BROOD_ERR_NOT_INITIALIZED, 0, "brood_init",
                      "call brood_init(argc, argv) in the first line of main");
}

void brood_become_ready(void)
{
    brood_here()->init.stage = BROOD_STAGE_READY;
}

const char *brood_child_executable(void)
{
    return brood_here()->init.hosted ? brood_here()->init.executable
                                     : brood_os_self_path(brood_here()->init.executable);
}

bool brood_is_hosted(void)
{
    return brood_here()->init.hosted;
}
