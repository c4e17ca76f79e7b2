/* A pool's options: checked, and filled with defaults. */
#ifndef BROOD_SRC_POOL_CONFIG_H
#define BROOD_SRC_POOL_CONFIG_H

#include "pool/types.h"
#include "process/origin.h"

/* The options, and what follows from them. Written only while the pool is made. */
typedef struct brood_config {
    brood_pool_options options; /* its strings are ours; the error is the caller's during create */
    brood_process_options process;
    brood_origin origin;       /* what workers inherit: that of the thread which created the pool */
    struct brood_copy *copies; /* what the options point to */
    void *initializer_arg;
    uint32_t base_workers; /* as in the options */
    uint32_t cores;        /* for all of the pool */
    uint32_t depth; /* of the thread that created it; a worker may be started by another one */
    int64_t spin_ns;
} brood_config;

#define BROOD_WORKERS_MAX 4096

brood_status brood_config_check_process(const brood_process_options *process);

brood_status brood_config_check(const brood_pool_options *options);

void brood_config_fill(brood_pool_options *options);

uint32_t brood_config_or_default(uint32_t value, uint32_t otherwise);

brood_status brood_config_take(brood_pool_options *taken, const brood_pool_options *given);

#endif
