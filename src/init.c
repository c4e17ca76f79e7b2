#include <brood/init.h>

#include <stdio.h>

#include "base/memory.h"
#include "platform.h"
#include "process/child.h"
#include "process/guard.h"
#include "process/nesting.h"
#include "process/protocol.h"
#include "process/registry.h"
#include "process/self.h"
#include "runtime/begin.h"
#include "serve/serve.h"
#include "wire/wire.h"

#define NOWHERE "/dev/null" /* no directory: a bare name of a worker is not looked for */
#define WORKER_VARIABLE "BROOD_WORKER"

/* What children of every program may be started to run. */
static const brood_builtin builtins[] = {
    {BROOD_GUARD_NAME, brood_guard_run},
    {BROOD_WORKER_NAME, brood_serve_process},
    {NULL, NULL},
};

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

/*
 * What names a file in it, or says how many pools there may be, is not for a program with more
 * rights, nor for what that starts.
 */
static void distrust_environment(void)
{
    if (brood_os_is_privileged()) {
        brood_os_environment_remove(WORKER_VARIABLE);
        brood_os_environment_remove(BROOD_NESTING_VARIABLE);
    }
}

/* Comes back when this is no child. Whoever calls a program with more rights writes what he likes. */
static brood_status try_to_be_child(const char *token, const char *argv0)
{
    brood_status status = BROOD_OK;

    brood_self_enter(BROOD_STAGE_BOOTSTRAPPING);
    status = brood_child_run(token, argv0);
    if ((status == BROOD_ERR_PROTOCOL || status == BROOD_ERR_PERMISSION) &&
        brood_os_is_privileged()) {
        return BROOD_OK;
    }
    return status;
}

static brood_status become_parent(const char *argv0)
{
    brood_status status = brood_self_find(argv0, NULL);

    if (status == BROOD_OK) {
        status = brood_begin();
    }
    if (status == BROOD_OK) {
        brood_nesting_learn();
    } else {
        brood_self_forget(); /* it may be tried again */
    }
    return status;
}

static brood_status initialize(const char *argv0)
{
    char token[BROOD_TOKEN_SIZE];
    brood_status status = BROOD_OK;

    brood_registry_begin(builtins);
    distrust_environment();
    if (take_token(token)) {
        status = try_to_be_child(token, argv0);
    }
    if (status == BROOD_OK) {
        status = become_parent(argv0);
    }
    brood_self_enter(status == BROOD_OK ? BROOD_STAGE_READY : BROOD_STAGE_NEW);
    return status;
}

brood_status brood_init(int argc, char **argv)
{
    if (argc < 0 || (argc > 0 && argv == NULL)) {
        return BROOD_ERR_ARGUMENT;
    }
    if (brood_self_stage() == BROOD_STAGE_BOOTSTRAPPING) {
        return BROOD_ERR_BOOTSTRAPPING;
    }
    return brood_self_stage() == BROOD_STAGE_READY ? BROOD_OK
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

    if (status != BROOD_OK || brood_self_stage() == BROOD_STAGE_READY) {
        return status;
    }
    if (brood_self_stage() == BROOD_STAGE_BOOTSTRAPPING) {
        return BROOD_ERR_BOOTSTRAPPING;
    }
    status = find_worker(&path, worker);
    if (status != BROOD_OK) {
        return status;
    }
    brood_registry_begin(builtins);
    brood_nesting_learn();
    brood_self_be_hosted(path);
    brood_self_enter(BROOD_STAGE_READY);
    return BROOD_OK;
}
