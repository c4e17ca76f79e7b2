#include "pool/functions.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "pool/pool_impl.h"
#include "process/function.h"
#include "process/protocol.h"

static bool is_same_function(const brood_known_function *known, brood_os_function *function,
                             const char *name)
{
    return function != NULL ? known->function == function
                            : known->name != NULL && name != NULL && strcmp(known->name, name) == 0;
}

static brood_status learn_function(brood_pool *pool, brood_os_function *function, const char *name,
                                   const char *argument, brood_error *error)
{
    brood_known_function *grown = NULL;
    brood_known_function *entry = NULL;
    brood_function_ref ref;
    brood_status status = brood_function_locate(
        &ref, function, name, pool->config.process.executable != NULL, argument, error);

    if (status != BROOD_OK) {
        return status;
    }
    grown = brood_realloc(pool->functions.known, (pool->functions.count + 1) * sizeof *grown);
    if (grown != NULL) {
        pool->functions.known = grown;
        entry = &grown[pool->functions.count];
        memset(entry, 0, sizeof *entry);
        entry->function = function;
        brood_function_encode(&entry->encoded, &ref);
        if (function == NULL) {
            entry->name = brood_malloc(strlen(name) + 1);
        }
    }
    brood_function_forget(&ref);
    if (entry == NULL || entry->encoded.failed || (function == NULL && entry->name == NULL)) {
        if (entry != NULL) {
            brood_buffer_free(&entry->encoded);
            brood_free(entry->name);
        }
        return brood_fail_memory(error, argument);
    }
    if (function == NULL) {
        memcpy(entry->name, name, strlen(name) + 1);
    }
    pool->functions.count++;
    return BROOD_OK;
}

brood_status brood_pool_function(brood_pool *pool, uint32_t *number, brood_os_function *function,
                                 const char *name, const char *argument, brood_error *error)
{
    brood_status status = BROOD_OK;

    if (function != NULL && name != NULL) {
        return brood_fail_argument(error, "function_name", "must be NULL when a function is given");
    }
    for (uint32_t i = 0; i < pool->functions.count; i++) {
        if (is_same_function(&pool->functions.known[i], function, name)) {
            *number = i;
            return BROOD_OK;
        }
    }
    status = learn_function(pool, function, name, argument, error);
    *number = pool->functions.count - 1;
    return status;
}

brood_status brood_functions_learn(brood_pool *pool)
{
    brood_error *error = pool->config.options.error;
    brood_status status = BROOD_OK;

    pool->functions.has_initializer = pool->config.options.initializer != NULL;
    pool->functions.has_finalizer = pool->config.options.finalizer != NULL;
    if (pool->functions.has_initializer) {
        status = brood_pool_function(pool, &pool->functions.initializer,
                                     (brood_os_function *)pool->config.options.initializer, NULL,
                                     "initializer", error);
    }
    if (status == BROOD_OK && pool->functions.has_finalizer) {
        status = brood_pool_function(pool, &pool->functions.finalizer,
                                     (brood_os_function *)pool->config.options.finalizer, NULL,
                                     "finalizer", error);
    }
    return status;
}

void brood_functions_free(brood_pool *pool)
{
    for (uint32_t i = 0; i < pool->functions.count; i++) {
        brood_buffer_free(&pool->functions.known[i].encoded);
        brood_free(pool->functions.known[i].name);
    }
    brood_free(pool->functions.known);
}
