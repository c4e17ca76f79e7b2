/* Chunks go to workers. */
#ifndef BROOD_SRC_POOL_DISPATCH_H
#define BROOD_SRC_POOL_DISPATCH_H

#include "pool/pool_impl.h"

/* Gives the chunks of the queue to workers that can be given more. */
void brood_pool_dispatch(brood_pool *pool);

/* A chunk is with the worker no more. */
void brood_worker_remove(brood_worker *worker, brood_chunk *chunk);

/* A chunk of it has ended. */
void brood_worker_chunk_ended(brood_worker *worker, brood_chunk *chunk);

/* Takes down how long the chunks took that were heard of since; there is at least one. */
void brood_worker_measure(brood_worker *worker, int64_t now);

#endif
