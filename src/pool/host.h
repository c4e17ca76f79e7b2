/* The process of a worker: its memory, its start, and what is freed of it. */
#ifndef BROOD_SRC_POOL_HOST_H
#define BROOD_SRC_POOL_HOST_H

#include "pool/pool_impl.h"

/* Starts one worker; gives up the lock meanwhile. */
brood_status brood_supervisor_start(brood_pool *pool, brood_error *error);

/*
 * What the poller calls an owner is the number of a worker's slot, for its bell and for its process:
 * the worker may be gone when the poller's answer is read.
 */
#define BROOD_OWNER_OF_BELL(slot) (2 * (uintptr_t)(slot) + 2)
#define BROOD_OWNER_OF_PROCESS(slot) (2 * (uintptr_t)(slot) + 3)
#define BROOD_SLOT_OF_OWNER(owner) ((size_t)(owner) / 2 - 1)

void brood_worker_unwatch_bell(brood_worker *worker);

void brood_worker_free(brood_worker *worker);

#endif
