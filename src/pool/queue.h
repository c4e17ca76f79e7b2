/* Chunks wait for a worker. */
#ifndef BROOD_SRC_POOL_QUEUE_H
#define BROOD_SRC_POOL_QUEUE_H

#include "pool/pool_impl.h"

/* The place of a job in the queue: the smaller, the earlier. */
int64_t brood_queue_key(uint64_t sequence, int priority);

void brood_queue_put(brood_pool *pool, brood_chunk *chunk);
brood_chunk *brood_queue_first(brood_pool *pool);
void brood_queue_remove(brood_pool *pool, brood_chunk *chunk);
/* So many items of a chunk of the queue wait no more. */
void brood_queue_shrink(brood_pool *pool, uint64_t items);
/* Ends the items of a chunk of the queue, as its job is doomed to. */
void brood_queue_end_cancelled(brood_chunk *chunk);

#endif
