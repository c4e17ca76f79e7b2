#include "pool/unreported.h"

#include "pool/ends.h"
#include "pool/job.h"
#include "pool/pool_impl.h"
#include "pool/worker.h"

/*
 * Items of a map that are done, but not reported. A worker reports between items, and several at a
 * time: it writes values into the ring, after the place of a head that it publishes later. When the
 * worker dies, or its next item takes long while a thread waits for one of those, the pool takes
 * the values from there.
 */

/*
 * The first look comes so long after a thread began to wait: most items are reported by then. The
 * later looks are for a worker that had no core while it began the next item.
 */
#define FIRST_LOOK_NS BROOD_NS_PER_MS
#define LAST_LOOK_NS (10000 * BROOD_NS_PER_MS)
#define LATER 10 /* times as long after each look */

/* Whether items before `item` are done, not reported, and have values that can be taken. */
static bool has_unreported(const brood_chunk *chunk, uint64_t item)
{
    const brood_result *job = chunk->job;

    return item > chunk->done + 1 && item <= chunk->count && job->kind != BROOD_JOB_RANGE &&
           job->out_size != BROOD_SIZE_VARIES;
}

void brood_worker_take_unreported(brood_worker *worker)
{
    brood_chunk *chunk = worker->backlog.chunks.first;
    uint64_t item = chunk != NULL ? brood_worker_read_item(worker, chunk) : 0;
    brood_result *job = NULL;
    uint64_t count = 0;

    if (item == 0 || !has_unreported(chunk, item)) {
        return;
    }
    job = chunk->job;
    count = item - 1 - chunk->done;
    if (count > UINT32_MAX - chunk->unreported) {
        count = UINT32_MAX - chunk->unreported;
    }
    if (!worker->ops->take(worker, chunk, count)) {
        return;
    }
    chunk->done += count; /* less than all: one is running, or was */
    chunk->unreported += (uint32_t)count;
    if (job->cancel_status != BROOD_OK) {
        brood_job_end_cancelled(job, chunk->first + chunk->done - count, count);
    } else {
        brood_job_succeed(job, count);
    }
}

/* ---- of one that lives ------------------------------------------------------------------- */

static void plan_take(brood_worker *worker, int64_t at)
{
    worker->unreported.at = at;
    if (at < worker->pool->upkeep.unreported_at) {
        worker->pool->upkeep.unreported_at = at;
        brood_agenda_at(worker->pool, at);
    }
}

void brood_worker_plan_unreported(brood_worker *worker)
{
    const brood_chunk *chunk = worker->backlog.chunks.first;
    int64_t at = brood_os_now() + FIRST_LOOK_NS;

    if (chunk->job->kind != BROOD_JOB_MAP || chunk->count == 1) {
        return;
    }
    if (worker->unreported.id == chunk->id) {
        at = brood_earlier(at, worker->unreported.at); /* however often somebody begins to wait */
    }
    worker->unreported.id = chunk->id;
    worker->unreported.wait = FIRST_LOOK_NS;
    plan_take(worker, at);
}

static void take_if_due(brood_worker *worker, int64_t now)
{
    const brood_chunk *chunk = worker->backlog.chunks.first;

    worker->unreported.at = BROOD_NEVER;
    if (chunk != NULL && chunk->id == worker->unreported.id &&
        worker->life.fate < BROOD_FATE_DROP) {
        brood_worker_take_unreported(worker);
        worker->unreported.wait *= LATER;
        if (worker->unreported.wait <= LAST_LOOK_NS) {
            plan_take(worker, now + worker->unreported.wait);
        }
    }
}

int64_t brood_pool_look_for_unreported(brood_pool *pool, int64_t now)
{
    if (pool->upkeep.unreported_at > now) {
        return pool->upkeep.unreported_at;
    }
    pool->upkeep.unreported_at = BROOD_NEVER;
    for (brood_worker *worker = pool->roster.busy_first; worker != NULL;
         worker = worker->lists.next_busy) {
        if (worker->unreported.at <= now) {
            take_if_due(worker, now);
        }
        pool->upkeep.unreported_at =
            brood_earlier(pool->upkeep.unreported_at, worker->unreported.at);
    }
    return pool->upkeep.unreported_at;
}
