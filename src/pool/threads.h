/* The pool's own threads, and the program's event loop. */
#ifndef BROOD_SRC_POOL_THREADS_H
#define BROOD_SRC_POOL_THREADS_H

#include "pool/pool_impl.h"

brood_status brood_pool_threads_start(brood_pool *pool, brood_error *error);

/* With the lock; the threads have ended when it returns. */
void brood_pool_threads_end(brood_pool *pool);

/* Before the first task that has a callback. */
brood_status brood_pool_prepare_callbacks(brood_pool *pool, brood_error *error);

/* Whether the calling thread is in a callback of the pool. */
bool brood_pool_in_callback(const brood_pool *pool);

/*
 * Whether whoever keeps the time starts workers: the pool has no threads, or the system has refused
 * the starter.
 */
bool brood_pool_lacks_starter(const brood_pool *pool);

/* Starts a worker that is due, in such a pool. False: there is none. */
bool brood_supervisor_start_due(brood_pool *pool);

/* What is due, for a program's event loop. */
void brood_pool_run_loop(brood_pool *pool);

#endif
