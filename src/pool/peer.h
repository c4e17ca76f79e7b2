/*
 * Workers with a ring for each way, in a shared segment, and a bell: one that is a process of its own,
 * and one that is a thread of this process.
 */
#ifndef BROOD_SRC_POOL_PEER_H
#define BROOD_SRC_POOL_PEER_H

#include "pool/types.h"

/*
 * Starts a worker for that slot: `cores` is its share for pools of its own, `capacity` the bytes of
 * each ring. Without the lock; the worker is not yet one of the pool's.
 */
brood_status brood_peer_create(brood_worker **worker, brood_pool *pool, uint32_t slot,
                               uint32_t cores, size_t capacity, brood_error *error);
brood_status brood_peer_create_thread(brood_worker **worker, brood_pool *pool, uint32_t slot,
                                      uint32_t cores, size_t capacity, brood_error *error);

#endif
