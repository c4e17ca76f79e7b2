/* Copies of what the options point to, which live as long as the pool. */
#ifndef BROOD_SRC_POOL_COPIES_H
#define BROOD_SRC_POOL_COPIES_H

#include "pool/types.h"

brood_status brood_config_copy(brood_pool *pool, const brood_pool_options *given,
                               bool is_variables);

void brood_config_free_copies(brood_pool *pool);

#endif
