#include "process/registry.h"

#include <string.h>

#include "base/memory.h"
#include "runtime/here.h"

/* Lives as long as the program, as its name does. */
typedef struct brood_registered {
    brood_function *function;
    char *name;
    struct brood_registered *next;
} registered;

void brood_registry_begin(const brood_builtin *builtins)
{
    brood_here()->registry.builtins = builtins;
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
    *entry = (registered){function, copy, brood_here()->registry.functions};
    brood_here()->registry.functions = entry;
    return BROOD_OK;
}

brood_status brood_register(const char *name, brood_function *function)
{
    brood_function *known = NULL;

    if (name == NULL || function == NULL || name[0] == '\0' ||
        strlen(name) > BROOD_FUNCTION_NAME_MAX) {
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
    for (const brood_builtin *at = brood_here()->registry.builtins; at != NULL && at->name != NULL;
         at++) {
        if (strcmp(at->name, name) == 0) {
            return at->function;
        }
    }
    for (const registered *entry = brood_here()->registry.functions; entry != NULL;
         entry = entry->next) {
        if (strcmp(entry->name, name) == 0) {
            return entry->function;
        }
    }
    return NULL;
}

const char *brood_registry_name(brood_function *function)
{
    for (const registered *entry = brood_here()->registry.functions;
         function != NULL && entry != NULL; entry = entry->next) {
        if (entry->function == function) {
            return entry->name;
        }
    }
    return NULL;
}
