/* Functions by name. */
#ifndef BROOD_SRC_PROCESS_REGISTRY_H
#define BROOD_SRC_PROCESS_REGISTRY_H

#include <brood/init.h>

/* One of the library's own. */
typedef struct brood_builtin {
    const char *name; /* NULL: the end of a table of them */
    brood_function *function;
} brood_builtin;

#define BROOD_FUNCTION_NAME_MAX 255 /* bytes */

/* The table lives as long as the program. Its names are nobody else's. */
void brood_registry_begin(const brood_builtin *builtins);

/* The function of this name; NULL when there is none. */
brood_function *brood_registry_find(const char *name);

/* The name under which the program has registered it, or NULL. */
const char *brood_registry_name(brood_function *function);

#endif
