#include "process/function.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "process/registry.h"
#include "process/self.h"
#include "runtime/begin.h"

static brood_status by_registry(brood_function_ref *ref, brood_os_function *function,
                                const char *name, const char *argument, brood_error *error)
{
    ref->name = name != NULL ? name : brood_registry_name((brood_function *)function);
    if (name != NULL && strlen(name) > BROOD_FUNCTION_NAME_MAX) {
        return brood_fail_argument(error, "function_name", "must be at most 255 bytes long");
    }
    if (ref->name == NULL || ref->name[0] == '\0') {
        return brood_fail_argument(error, argument,
                                   function == NULL
                                       ? "is NULL, and function_name does not name one"
                                       : "must be registered to run in another executable");
    }
    ref->code.module = brood_calloc(1, 1);
    return ref->code.module != NULL ? BROOD_OK : brood_fail_memory(error, argument);
}

brood_status brood_function_locate(brood_function_ref *ref, brood_os_function *function,
                                   const char *name, bool by_name, const char *argument,
                                   brood_error *error)
{
    brood_status status = BROOD_OK;

    memset(ref, 0, sizeof *ref);
    ref->name = "";
    if (function != NULL && name != NULL) {
        return brood_fail_argument(error, "function_name", "must be NULL when a function is given");
    }
    if (by_name || function == NULL) {
        return by_registry(ref, function, name, argument, error);
    }
    status = brood_os_code_locate(&ref->code, function, error);
    if (status == BROOD_OK && ref->code.module[0] == '\0' && brood_is_hosted()) {
        brood_function_forget(ref);
        return brood_fail_argument(error, argument,
                                   "must be in a library: the host's own main is not ours");
    }
    return status;
}

void brood_function_forget(brood_function_ref *ref)
{
    brood_free(ref->code.module);
    ref->code.module = NULL;
}

brood_status brood_function_find(const brood_function_ref *ref, brood_os_function **function,
                                 brood_error *error)
{
    *function = NULL;
    if (ref->name[0] != '\0') {
        *function = (brood_os_function *)brood_registry_find(ref->name);
        return *function != NULL
                   ? BROOD_OK
                   : brood_fail(error, BROOD_ERR_NO_FUNCTION, 0, "function_name",
                                "the executable has not registered a function \"%.150s\"",
                                ref->name);
    }
    if (ref->code.module[0] != '\0' && brood_begin() != BROOD_OK) { /* to load it */
        return brood_fail_memory(error, "apr_initialize");
    }
    return brood_os_code_resolve(&ref->code, function, error);
}
