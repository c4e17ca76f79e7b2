/* Chunks go to workers. */
#ifndef BROOD_SRC_POOL_DISPATCH_H
#define BROOD_SRC_POOL_DISPATCH_H

#include "pool/types.h"

typedef struct brood_dispatch {
    int64_t at;          /* the time of this dispatch; 0: not asked for yet */
    int64_t answered_at; /* when a worker has answered last, about */
    int64_t retry_at;    /* what could not be sent is tried again then; BROOD_NEVER */
    /* The chunk that could not be sent for want of memory: since when, its job's key and first item. */
    int64_t starved_since; /* BROOD_NEVER: there is none */
    int64_t starved_key;
    uint64_t starved_first;
} brood_dispatch;

/* How fast a worker does its chunks, as far as its answers tell. */
typedef struct brood_pace {
    int64_t first_since; /* when its first chunk became the first */
    uint32_t received;   /* chunks that ended since the pace was last measured */
    bool stalled;        /* since it last answered it has let tasks wait that were revoked */
} brood_pace;

/* The worker's first chunk counts as the first since `at`: before, the worker was not at it. */
static inline void brood_pace_begin(brood_pace *pace, int64_t at)
{
    pace->first_since = at;
}

/* The worker lets tasks wait: it is given no others until it has answered. */
static inline void brood_pace_stall(brood_pace *pace)
{
    pace->stalled = true;
}

/* Gives the chunks of the queue to workers that can be given more. */
void brood_pool_dispatch(brood_pool *pool);

/*
 * All items of a chunk have ended: frees the chunk. The caller counts the items in the job after
 * this.
 */
void brood_worker_chunk_ended(brood_worker *worker, brood_chunk *chunk);

/*
 * Takes the time of the chunks that ended since it was last measured into the mean time of a chunk.
 * There is at least one such chunk (pace.received > 0).
 */
void brood_worker_measure(brood_worker *worker, int64_t now);

#endif
