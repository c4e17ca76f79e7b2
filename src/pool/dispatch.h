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

/* Takes the chunk out of the worker's list; the chunk itself stays. */
void brood_worker_remove(brood_worker *worker, brood_chunk *chunk);

/*
 * All items of a chunk have ended: frees the chunk. The caller counts the items in the job after
 * this.
 */
void brood_worker_chunk_ended(brood_worker *worker, brood_chunk *chunk);

/*
 * Takes the time of the chunks that ended since it was last measured into the mean time of a chunk.
 * There is at least one such chunk (chunks_received > 0).
 */
void brood_worker_measure(brood_worker *worker, int64_t now);

#endif
