/* Chunks go to workers. */
#ifndef BROOD_SRC_POOL_DISPATCH_H
#define BROOD_SRC_POOL_DISPATCH_H

#include "pool/types.h"

typedef struct brood_dispatch {
    int64_t at;            /* the last time */
    int64_t answered_at;   /* when a worker has answered last, about */
    int64_t retry_at;      /* what could not be sent is tried again then; BROOD_NEVER */
    int64_t starved_since; /* nothing could be sent for want of memory; BROOD_NEVER: it could */
} brood_dispatch;

/* Gives the chunks of the queue to workers that can be given more. */
void brood_pool_dispatch(brood_pool *pool);

/* A chunk is with the worker no more. */
void brood_worker_remove(brood_worker *worker, brood_chunk *chunk);

/* A chunk of it has ended. */
void brood_worker_chunk_ended(brood_worker *worker, brood_chunk *chunk);

/* Takes down how long the chunks took that were heard of since; there is at least one. */
void brood_worker_measure(brood_worker *worker, int64_t now);

#endif
