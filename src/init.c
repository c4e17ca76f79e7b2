#include "init.h"

#include <stdlib.h>
#include <string.h>

#include <apr_env.h>
#include <apr_general.h>
#include <apr_hash.h>
#include <apr_strings.h>

#include "child.h"
#include "error.h"
#include "guard.h"
#include "platform.h"
#include "process_impl.h"
#include "protocol.h"
#include "watchdog.h"

#define FUNCTION_NAME_MAX 255

/* Written before the first start only: brood_init and brood_register are for one thread. */
static struct {
    apr_pool_t *pool; /* lives as long as the program */
    apr_hash_t *functions;
    char *executable;
    bool hosted;
    enum { NEW, BOOTSTRAPPING, READY } state;
} self;

/* Allocated, so that a function pointer need not pass for a data pointer. */
typedef struct registered {
    brood_function *function;
} registered;

static brood_status begin(void)
{
    if (self.pool != NULL) {
        return BROOD_OK;
    }
    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&self.pool, NULL) != APR_SUCCESS) {
        return BROOD_ERR_NO_MEMORY;
    }
    self.functions = apr_hash_make(self.pool);
    if (brood_process_global_init(self.pool) != BROOD_OK) {
        return BROOD_ERR_NO_MEMORY;
    }
    if (brood_watchdog_init(self.pool) != BROOD_OK) {
        return BROOD_ERR_NO_MEMORY;
    }
    return brood_register(BROOD_GUARD_NAME, brood_guard_run);
}

/* The token of a child, taken out of the environment so that no grandchild sees it. */
static char *take_token(void)
{
    char *token = NULL;

    if (apr_env_get(&token, BROOD_TOKEN_VARIABLE, self.pool) != APR_SUCCESS) {
        return NULL;
    }
    apr_env_delete(BROOD_TOKEN_VARIABLE, self.pool);
    return token;
}

static brood_status initialize(const char *argv0)
{
    brood_status status = begin();
    char *token = NULL;

    if (status != BROOD_OK || self.state == READY) {
        return status;
    }
    token = take_token();
    status = brood_os_self_find(&self.executable, argv0, NULL);
    if (status != BROOD_OK) {
        return status;
    }
    if (token != NULL) {
        self.state = BOOTSTRAPPING;
        status = brood_child_run(token); /* comes back only when the token is not for us */
        self.state = NEW;
        free(self.executable);
        self.executable = NULL;
        return status;
    }
    self.state = READY;
    return BROOD_OK;
}

brood_status brood_init(int argc, char **argv)
{
    if (argc < 0 || (argc > 0 && argv == NULL)) {
        return BROOD_ERR_ARGUMENT;
    }
    if (self.state == BOOTSTRAPPING) {
        return BROOD_ERR_BOOTSTRAPPING;
    }
    return initialize(argc > 0 ? argv[0] : NULL);
}

/* The path of brood-worker: given, or from the environment, or where it was installed. */
static brood_status find_worker(char **path, const char *worker)
{
    char *from_environment = NULL;

    if (worker == NULL &&
        apr_env_get(&from_environment, "BROOD_WORKER", self.pool) == APR_SUCCESS) {
        worker = from_environment;
    }
    if (worker == NULL) {
        return brood_os_worker_find(path, NULL);
    }
    /* An empty search list: a bare name is not looked for anywhere. */
    return brood_os_program_find(path, worker, "", NULL);
}

brood_status brood_init_hosted(const char *worker)
{
    brood_status status = begin();
    char *path = NULL;

    if (status != BROOD_OK || self.state == READY) {
        return status;
    }
    if (self.state == BOOTSTRAPPING) {
        return BROOD_ERR_BOOTSTRAPPING;
    }
    status = find_worker(&path, worker);
    if (status != BROOD_OK) {
        return status;
    }
    self.executable = path;
    self.hosted = true;
    self.state = READY;
    return BROOD_OK;
}

brood_status brood_register(const char *name, brood_function *function)
{
    brood_function *known = NULL;
    registered *entry = NULL;

    if (name == NULL || function == NULL || name[0] == '\0' || strlen(name) > FUNCTION_NAME_MAX ||
        begin() != BROOD_OK) {
        return BROOD_ERR_ARGUMENT;
    }
    known = brood_registry_find(name);
    if (known != NULL) {
        return known == function ? BROOD_OK : BROOD_ERR_ARGUMENT;
    }
    entry = apr_palloc(self.pool, sizeof *entry);
    entry->function = function;
    apr_hash_set(self.functions, apr_pstrdup(self.pool, name), APR_HASH_KEY_STRING, entry);
    return BROOD_OK;
}

brood_function *brood_registry_find(const char *name)
{
    registered *entry =
        self.functions == NULL ? NULL : apr_hash_get(self.functions, name, APR_HASH_KEY_STRING);

    return entry == NULL ? NULL : entry->function;
}

typedef struct name_search {
    brood_function *function;
    const char *name;
} name_search;

static int compare_function(void *data, const void *key, apr_ssize_t length, const void *value)
{
    name_search *search = data;
    const registered *entry = value;

    (void)length;
    if (entry->function != search->function) {
        return 1;
    }
    search->name = key;
    return 0;
}

const char *brood_registry_name(brood_function *function)
{
    name_search search = {function, NULL};

    if (function != NULL && self.functions != NULL) {
        apr_hash_do(compare_function, &search, self.functions);
    }
    return search.name;
}

brood_status brood_require_ready(brood_error *error)
{
    if (self.state == READY) {
        return BROOD_OK;
    }
    if (self.state == BOOTSTRAPPING) {
        return brood_fail(error, BROOD_ERR_BOOTSTRAPPING, 0, "brood_init",
                          "this child has not yet come to its function");
    }
    return brood_fail(error, BROOD_ERR_NOT_INITIALIZED, 0, "brood_init",
                      "call brood_init(argc, argv) in the first line of main");
}

void brood_become_ready(void)
{
    self.state = READY;
}

const char *brood_child_executable(void)
{
    return self.hosted ? self.executable : brood_os_self_path(self.executable);
}

bool brood_is_hosted(void)
{
    return self.hosted;
}
