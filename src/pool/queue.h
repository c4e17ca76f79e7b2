/*
 * Chunks wait for a worker, in one order: by their job's key (the smaller, the earlier), and within
 * a job by their first item. A lane for each priority makes it cheap to put a chunk into its place;
 * the first chunk of all is the earliest of the lanes' first ones.
 *
 * What also follows from the order: cut.c, how much of a job its worker gets at a time; roster.c, how
 * far ahead workers are given chunks; balance.c, for which jobs these are taken back.
 */
#ifndef BROOD_SRC_POOL_QUEUE_H
#define BROOD_SRC_POOL_QUEUE_H

#include "pool/job.h"
#include "pool/types.h"

#define BROOD_PRIORITY_MAX 10
#define BROOD_LANES (2 * BROOD_PRIORITY_MAX + 1)

/* How many later tasks of a priority may overtake a task of the next lower priority. */
#define BROOD_PRIORITY_STEP 1000

typedef struct brood_queue {
    brood_chunk_list lanes[BROOD_LANES]; /* one for each priority */
    uint32_t bits;                       /* which of them have chunks */
    uint64_t items;    /* that wait: bounded by queue_size; those of stats.queued and lazy starts */
    uint64_t sequence; /* of the last job */
} brood_queue;

/* Whether a chunk waits. Each that does can be given to a worker. */
static inline bool brood_queue_has_chunks(const brood_queue *queue)
{
    return queue->bits != 0;
}

/* The place in the queue of a job that comes now: the smaller, the earlier. */
int64_t brood_queue_next_key(brood_pool *pool, int priority);

void brood_queue_put(brood_pool *pool, brood_chunk *chunk);
brood_chunk *brood_queue_first(brood_pool *pool);
void brood_queue_remove(brood_pool *pool, brood_chunk *chunk);

/*
 * Takes the first `count` items of a queued chunk off the queue, as a chunk of their own; the rest stays
 * queued. Without memory for another chunk, the whole queued chunk is taken and returned.
 */
brood_chunk *brood_queue_take(brood_pool *pool, brood_chunk *chunk, uint64_t count);

/* `items` items of the queue do not wait any more: notifies threads that wait for room. */
void brood_queue_shrink(brood_pool *pool, uint64_t items);

/* Ends the items of a queued chunk by its job's cancel_status. The job may be gone after this. */
void brood_queue_end_cancelled(brood_chunk *chunk);

/* All jobs with chunks that wait are to end so, but for those that are to end already. */
void brood_queue_mark_all(brood_pool *pool, brood_status cancel_status);

/* Ends the queued chunks of all jobs that are cancelled. */
void brood_queue_end_all_cancelled(brood_pool *pool);

#endif
