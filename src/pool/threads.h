/* The pool's own threads, and the program's event loop. */
#ifndef BROOD_SRC_POOL_THREADS_H
#define BROOD_SRC_POOL_THREADS_H

#include "pool/pool_impl.h"

brood_status brood_pool_threads_start(brood_pool *pool, brood_error *error);

/* With the lock; the threads have ended when it returns. */
void brood_pool_threads_end(brood_pool *pool);

/* Before the first task that has a callback. */
brood_status brood_pool_prepare_callbacks(brood_pool *pool, brood_error *error);

/* What is due, for a program's event loop. */
void brood_pool_run_loop(brood_pool *pool);

#endif
