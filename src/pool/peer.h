/*
 * Workers with a ring for each way, in a shared segment, and a bell: one that is a process of its own,
 * one that is a thread of this process, and one that runs on the threads of the pool's callers.
 */
#ifndef BROOD_SRC_POOL_PEER_H
#define BROOD_SRC_POOL_PEER_H

#include "pool/worker.h"

/* Start a worker for that place. Without the lock; the worker is not yet one of the pool's. */
brood_status brood_peer_create(brood_worker **worker, const brood_worker_spec *spec,
                               brood_error *error);
brood_status brood_peer_create_thread(brood_worker **worker, const brood_worker_spec *spec,
                                      brood_error *error);
brood_status brood_peer_create_here(brood_worker **worker, const brood_worker_spec *spec,
                                    brood_error *error);

#endif
