#include "process/environment.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "platform.h"
#include "process/nesting.h"
#include "process/protocol.h"

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

/*
 * What is set or removed, by name: an open table of places in lists of variables, the last place of
 * each name. So building costs no more than reading, however many variables there are.
 */
typedef struct changes {
    const char *const **places;
    size_t mask;
    bool folds; /* upper and lower case are the same */
} changes;

static brood_status changes_open(changes *made, size_t most)
{
    size_t size = 4;

    while (size < 2 * most) {
        size *= 2;
    }
    made->places = brood_calloc(size, sizeof(void *));
    made->mask = size - 1;
    made->folds = brood_os_environment_same("a", "A", 1);
    return made->places != NULL ? BROOD_OK : BROOD_ERR_NO_MEMORY;
}

/* The same for all names that are the same: what is not ASCII may differ by case in any byte. */
static size_t hash(const changes *made, const char *variable)
{
    uint32_t sum = 2166136261U; /* FNV-1a */

    for (size_t i = 0, length = name_length(variable); i < length; i++) {
        unsigned char byte = (unsigned char)variable[i];

        if (made->folds) {
            byte = byte >= 0x80 ? 0x80 : (unsigned char)(byte | 0x20);
        }
        sum = (sum ^ byte) * 16777619U;
    }
    return sum;
}

/* Where the last variable of that name is, or would be put. */
static const char *const **find(const changes *made, const char *variable)
{
    size_t at = hash(made, variable) & made->mask;

    while (made->places[at] != NULL && !same_name(*made->places[at], variable)) {
        at = (at + 1) & made->mask;
    }
    return &made->places[at];
}

static void changes_add(changes *made, const char *const *list)
{
    for (; list != NULL && *list != NULL; list++) {
        *find(made, *list) = list;
    }
}

/* Of list, what no change takes the place of, or what is the last word itself; the new length. */
static size_t keep(const char **kept, size_t n, const changes *made, const char *const *list)
{
    for (; list != NULL && *list != NULL; list++) {
        const char *const *last = *find(made, *list);

        if (last == NULL || (last == list && strchr(*list + 1, '=') != NULL)) {
            kept[n] = *list;
            n++;
        }
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

/* The lists one after the other; of the first, all is kept that the others do not change. */
static char **merge(const char *const *const lists[3])
{
    size_t all = count(lists[0]) + count(lists[1]) + count(lists[2]);
    const char **kept = brood_malloc((all + 1) * sizeof *kept);
    changes made = {NULL, 0, false};
    char **merged = NULL;
    size_t n = 0;

    if (kept != NULL && changes_open(&made, count(lists[1]) + count(lists[2])) == BROOD_OK) {
        changes_add(&made, lists[1]);
        changes_add(&made, lists[2]);
        for (size_t i = 0; i < 3; i++) {
            n = keep(kept, n, &made, lists[i]);
        }
        merged = flatten(kept, n);
    }
    brood_free((void *)made.places);
    brood_free((void *)kept);
    return merged;
}

static brood_status build(char ***environment, char *const *inherited,
                          const brood_process_options *options, const char *token,
                          brood_error *error)
{
    const char *own[] = {token != NULL ? token : BROOD_TOKEN_VARIABLE, BROOD_NESTING_VARIABLE,
                         NULL};

    *environment = merge(
        (const char *const *const[]){(const char *const *)inherited, options->environment, own});
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
