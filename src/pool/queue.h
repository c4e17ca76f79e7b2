/* Chunks wait for a worker. */
#ifndef BROOD_SRC_POOL_QUEUE_H
#define BROOD_SRC_POOL_QUEUE_H

#include "pool/job.h"
#include "pool/types.h"

#define BROOD_PRIORITY_MAX 10
#define BROOD_LANES (2 * BROOD_PRIORITY_MAX + 1)

typedef struct brood_queue {
    brood_chunk_list lanes[BROOD_LANES]; /* one for each priority */
    uint32_t bits;                       /* which of them have chunks */
    uint64_t items;
    uint64_t sequence; /* of the last job */
} brood_queue;

/* The place in the queue of a job that comes now: the smaller, the earlier. */
int64_t brood_queue_next_key(brood_pool *pool, int priority);

void brood_queue_put(brood_pool *pool, brood_chunk *chunk);
brood_chunk *brood_queue_first(brood_pool *pool);
void brood_queue_remove(brood_pool *pool, brood_chunk *chunk);
/* So many items of a chunk of the queue wait no more. */
void brood_queue_shrink(brood_pool *pool, uint64_t items);
/* Ends the items of a chunk of the queue, as its job is doomed to. */
void brood_queue_end_cancelled(brood_chunk *chunk);

/* Of all jobs that are cancelled. */
void brood_queue_end_all_cancelled(brood_pool *pool);

#endif
