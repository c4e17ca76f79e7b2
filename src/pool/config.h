/* A pool's options: checked, and filled with defaults. */
#ifndef BROOD_SRC_POOL_CONFIG_H
#define BROOD_SRC_POOL_CONFIG_H

#include "pool/pool_impl.h"

#define BROOD_WORKERS_MAX 4096

#define BROOD_RING_LARGE (1024 * 1024) /* of each ring, where there are few workers */

brood_status brood_config_check_process(const brood_process_options *process);

brood_status brood_config_check(const brood_pool_options *options);

void brood_config_fill(brood_pool_options *options);

uint32_t brood_config_or_default(uint32_t value, uint32_t otherwise);

brood_status brood_config_take(brood_pool_options *taken, const brood_pool_options *given);

#endif
