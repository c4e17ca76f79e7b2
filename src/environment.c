#include "environment.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "memory.h"
#include "platform.h"
#include "protocol.h"

/* The length of "NAME" in "NAME=value" or "NAME"; a leading '=' belongs to the name (Windows). */
static size_t name_length(const char *variable)
{
    return variable[0] == '\0' ? 0 : 1 + strcspn(variable + 1, "=");
}

static bool same_name(const char *a, const char *b)
{
    size_t length = name_length(a);

    return length == name_length(b) && brood_os_environment_same(a, b, length);
}

static size_t count(const char *const *list)
{
    size_t n = 0;

    while (list != NULL && list[n] != NULL) {
        n++;
    }
    return n;
}

/* Sets, replaces or (without '=') removes a variable in list, which has room; the new length. */
static size_t apply(const char **list, size_t n, const char *variable)
{
    size_t at = 0;

    while (at < n && !same_name(list[at], variable)) {
        at++;
    }
    if (strchr(variable + 1, '=') != NULL) {
        list[at] = variable;
        return at == n ? n + 1 : n;
    }
    if (at < n) {
        list[at] = list[n - 1];
        return n - 1;
    }
    return n;
}

/* Copies a list of n strings into one block. */
static char **flatten(const char **list, size_t n)
{
    size_t size = (n + 1) * sizeof(char *);
    char **block = NULL;
    char *at = NULL;

    for (size_t i = 0; i < n; i++) {
        size += strlen(list[i]) + 1;
    }
    block = brood_malloc(size);
    if (block == NULL) {
        return NULL;
    }
    at = (char *)(block + n + 1);
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(list[i]) + 1;

        memcpy(at, list[i], length);
        block[i] = at;
        at += length;
    }
    block[n] = NULL;
    return block;
}

static brood_status build(char ***environment, char *const *inherited,
                          const brood_process_options *options, const char *token,
                          brood_error *error)
{
    const char **list = NULL;
    size_t n = 0;

    list = brood_malloc((count((const char *const *)inherited) + count(options->environment) + 1) *
                        sizeof *list);
    if (list != NULL) {
        for (; inherited != NULL && inherited[n] != NULL; n++) {
            list[n] = inherited[n];
        }
        for (size_t i = 0; options->environment != NULL && options->environment[i] != NULL; i++) {
            n = apply(list, n, options->environment[i]);
        }
        n = apply(list, n, token != NULL ? token : BROOD_TOKEN_VARIABLE);
        *environment = flatten(list, n);
    }
    free((void *)list);
    return *environment != NULL ? BROOD_OK : brood_fail_memory(error, "environment");
}

brood_status brood_environment_build(char ***environment, char *const *inherited,
                                     const brood_process_options *options, const char *token,
                                     brood_error *error)
{
    char **now = NULL;
    brood_status status = BROOD_OK;

    *environment = NULL;
    if (options->environment_mode != BROOD_ENVIRONMENT_ADD) {
        return build(environment, NULL, options, token, error);
    }
    if (inherited == NULL) {
        status = brood_os_environment_copy(&now, error);
    }
    if (status == BROOD_OK) {
        status = build(environment, inherited != NULL ? inherited : now, options, token, error);
    }
    brood_os_environment_free(now);
    return status;
}

char *brood_environment_get(char *const *environment, const char *name)
{
    size_t length = strlen(name);

    for (; *environment != NULL; environment++) {
        if (name_length(*environment) == length && (*environment)[length] == '=' &&
            brood_os_environment_same(*environment, name, length)) {
            return *environment + length + 1;
        }
    }
    return NULL;
}
