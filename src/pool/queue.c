#include "pool/queue.h"

#include "pool/chunks.h"
#include "pool/ends.h"
#include "pool/job.h"
#include "pool/pool_impl.h"

/* Priority 0, that of most tasks, has lane 0, so that the walk over `bits` ends at once. */
static unsigned lane_of(int priority)
{
    return (unsigned)(priority < 0 ? priority + BROOD_LANES : priority);
}

int64_t brood_queue_next_key(brood_pool *pool, int priority)
{
    return (int64_t)++pool->queue.sequence - (int64_t)priority * BROOD_PRIORITY_STEP;
}

static void insert_before(brood_chunk_list *list, brood_chunk *at, brood_chunk *chunk)
{
    if (at == NULL) {
        brood_chunks_append(list, chunk);
        return;
    }
    chunk->next = at;
    chunk->previous = at->previous;
    if (at->previous != NULL) {
        at->previous->next = chunk;
    } else {
        list->first = chunk;
    }
    at->previous = chunk;
}

static bool comes_before(const brood_chunk *a, const brood_chunk *b)
{
    return a->job->key != b->job->key ? a->job->key < b->job->key : a->first < b->first;
}

/* Cancelling a job finds its chunks in this list, without a walk through those of other jobs. */
static void link_to_job(brood_chunk *chunk)
{
    brood_result *job = chunk->job;

    chunk->previous_of_job = NULL;
    chunk->next_of_job = job->queued;
    if (job->queued != NULL) {
        job->queued->previous_of_job = chunk;
    }
    job->queued = chunk;
}

static void unlink_from_job(brood_chunk *chunk)
{
    *(chunk->previous_of_job != NULL ? &chunk->previous_of_job->next_of_job : &chunk->job->queued) =
        chunk->next_of_job;
    if (chunk->next_of_job != NULL) {
        chunk->next_of_job->previous_of_job = chunk->previous_of_job;
    }
}

/* In order of the keys. A new chunk is appended at once; one that comes back is near the front. */
void brood_queue_put(brood_pool *pool, brood_chunk *chunk)
{
    unsigned lane = lane_of(chunk->job->priority);
    brood_chunk_list *list = &pool->queue.lanes[lane];
    brood_chunk *at = list->first;

    if (list->last == NULL || !comes_before(chunk, list->last)) {
        at = NULL;
    }
    while (at != NULL && !comes_before(chunk, at)) {
        at = at->next;
    }
    insert_before(list, at, chunk);
    link_to_job(chunk);
    pool->queue.bits |= 1u << lane;
    pool->queue.items += chunk->count - chunk->done;
}

brood_chunk *brood_queue_first(brood_pool *pool)
{
    brood_chunk *best = NULL;

    for (uint32_t bits = pool->queue.bits, lane = 0; bits != 0; bits >>= 1, lane++) {
        brood_chunk *first = (bits & 1) != 0 ? pool->queue.lanes[lane].first : NULL;

        if (first != NULL && (best == NULL || comes_before(first, best))) {
            best = first;
        }
    }
    return best;
}

void brood_queue_shrink(brood_pool *pool, uint64_t items)
{
    pool->queue.items -= items;
    if (pool->wait.room_waiters > 0 && pool->queue.items < pool->config.options.queue_size) {
        brood_agenda_notify(pool, BROOD_ROOM(pool));
    }
}

void brood_queue_remove(brood_pool *pool, brood_chunk *chunk)
{
    unsigned lane = lane_of(chunk->job->priority);

    brood_chunks_remove(&pool->queue.lanes[lane], chunk);
    unlink_from_job(chunk);
    if (pool->queue.lanes[lane].first == NULL) {
        pool->queue.bits &= ~(1u << lane);
    }
    brood_queue_shrink(pool, chunk->count - chunk->done);
}

brood_chunk *brood_queue_take(brood_pool *pool, brood_chunk *chunk, uint64_t count)
{
    brood_chunk *part = NULL;

    if (count < chunk->count) {
        part = brood_chunk_new(chunk->job, chunk->first, count);
    }
    if (part == NULL) {
        brood_queue_remove(pool, chunk);
        return chunk;
    }
    part->attempt = chunk->attempt;
    part->unclaimed_deaths = chunk->unclaimed_deaths;
    chunk->first += count;
    chunk->count -= count;
    brood_queue_shrink(pool, count);
    return part;
}

void brood_queue_end_cancelled(brood_chunk *chunk)
{
    brood_result *job = chunk->job;
    uint64_t first = chunk->first + chunk->done;
    uint64_t count = chunk->count - chunk->done;

    brood_queue_remove(job->pool, chunk);
    brood_chunk_free(chunk);
    brood_job_end_cancelled(job, first, count);
}

static void end_cancelled_in(const brood_chunk_list *lane)
{
    brood_chunk *following = NULL;

    for (brood_chunk *chunk = lane->first; chunk != NULL; chunk = following) {
        following = chunk->next;
        if (chunk->job->cancel_status != BROOD_OK) {
            brood_queue_end_cancelled(chunk);
        }
    }
}

void brood_queue_mark_all(brood_pool *pool, brood_status cancel_status)
{
    for (size_t i = 0; i < sizeof pool->queue.lanes / sizeof pool->queue.lanes[0]; i++) {
        brood_chunks_mark(&pool->queue.lanes[i], cancel_status);
    }
}

void brood_queue_end_all_cancelled(brood_pool *pool)
{
    for (size_t i = 0; i < sizeof pool->queue.lanes / sizeof pool->queue.lanes[0]; i++) {
        end_cancelled_in(&pool->queue.lanes[i]);
    }
}
