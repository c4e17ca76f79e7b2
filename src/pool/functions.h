/* The functions of a pool, by number. */
#ifndef BROOD_SRC_POOL_FUNCTIONS_H
#define BROOD_SRC_POOL_FUNCTIONS_H

#include "base/buffer.h"
#include "platform.h"
#include "pool/types.h"

typedef struct brood_known_function {
    brood_os_function *function;
    char *name; /* of function_name, or NULL */
    brood_buffer encoded;
} brood_known_function;

typedef struct brood_function_table {
    brood_known_function *known;
    uint32_t count;
    uint32_t initializer, finalizer; /* their numbers */
    bool has_initializer, has_finalizer;
} brood_function_table;

/*
 * The number of a function, which is learned the first time. A worker is sent the function before
 * the first task that needs it. After a failure *number is not valid.
 */
brood_status brood_pool_function(brood_pool *pool, uint32_t *number, brood_os_function *function,
                                 const char *name, const char *argument, brood_error *error);

/* Learns the initializer and the finalizer of the options. */
brood_status brood_functions_learn(brood_pool *pool);

void brood_functions_free(brood_pool *pool);

#endif
