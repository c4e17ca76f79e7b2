#include "pool/cut.h"

#include "pool/job.h"
#include "pool/pool_impl.h"
#include "pool/queue.h"

#define CHUNK_NS 100000   /* smaller chunks of a map are not worth their own way */
#define CHUNKS_A_WORKER 2 /* a worker gets at most this part of its share of a map */
#define HEADS_MAX 1024    /* what is sent before a chunk of a map, and before its values */

_Static_assert(sizeof(brood_wire_order) + sizeof(brood_wire_answer) +
                       BROOD_WIRE_EXTRA_WORDS * sizeof(uint64_t) <=
                   HEADS_MAX,
               "a head, its extra and the head of the answer have room");

/* How many items of different sizes have together at most `most` bytes; at least one. */
static uint64_t most_varying(const brood_chunk *chunk, size_t most)
{
    const brood_bytes *items = (const brood_bytes *)chunk->job->in + chunk->first;
    uint64_t count = 0;
    size_t size = 0;

    while (count < chunk->count && size <= most) {
        size += items[count].size < most ? items[count].size + BROOD_WIRE_ALIGN : most + 1;
        count++;
    }
    return count > 1 && size > most ? count - 1 : count;
}

/* A plain array goes through the ring: a chunk and its heads take at most a quarter of the ring. */
static uint64_t most_in_ring(const brood_worker *worker, const brood_chunk *chunk)
{
    const brood_result *job = chunk->job;
    size_t quarter = worker->capacity / 4 - HEADS_MAX;

    if (job->kind != BROOD_JOB_MAP || job->more->in_shared != NULL || job->in_size == 0) {
        return UINT64_MAX;
    }
    if (job->in_size == BROOD_SIZE_VARIES) {
        return most_varying(chunk, quarter);
    }
    return job->in_size >= quarter ? 1 : quarter / job->in_size;
}

/* How many items take about CHUNK_NS together; 1 while the time of an item is not known. */
static uint64_t worthwhile(const brood_result *job)
{
    const brood_job_extras *more = job->more;
    uint64_t each_ns =
        more->measured_items > 0 ? more->measured_ns / more->measured_items : CHUNK_NS;

    return CHUNK_NS / (each_ns + 1) + 1;
}

static uint64_t chunk_of(const brood_worker *worker, const brood_chunk *chunk)
{
    const brood_pool *pool = worker->pool;
    const brood_result *job = chunk->job;
    uint64_t count = job->more->chunk_size;

    if (chunk->count == 1 || chunk->deaths > 0) {
        return chunk->count; /* of those that ran when workers died, one suspect item by itself */
    }
    if (count == 0) {
        uint64_t most = most_in_ring(worker, chunk);

        count = chunk->count / ((uint64_t)CHUNKS_A_WORKER * pool->supervisor.target);
        count = count > worthwhile(job) ? count : worthwhile(job);
        count = count < most ? count : most;
    }
    if (job->kind != BROOD_JOB_RANGE && count > worker->backlog.items_left) {
        count = worker->backlog.items_left;
    }
    if (job->kind != BROOD_JOB_RANGE && count > UINT32_MAX) {
        count = UINT32_MAX; /* they are counted one by one */
    }
    if (count == 0) {
        count = 1;
    }
    return count < chunk->count ? count : chunk->count;
}

brood_chunk *brood_chunk_cut(brood_worker *worker, brood_chunk *chunk)
{
    return brood_queue_take(worker->pool, chunk, chunk_of(worker, chunk));
}
