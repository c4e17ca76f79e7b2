/* The functions of a pool, by number. */
#ifndef BROOD_SRC_POOL_FUNCTIONS_H
#define BROOD_SRC_POOL_FUNCTIONS_H

#include "pool/pool_impl.h"

/* The number of a function; it is told to workers when they need it. */
brood_status brood_pool_function(brood_pool *pool, uint32_t *number, brood_os_function *function,
                                 const char *name, const char *argument, brood_error *error);

#endif
