/*
 * Items of a map that are done, but not told of. A worker tells between items, and not of each: it
 * writes values into the ring behind a head that it publishes later. When it dies, or the next item
 * takes long while somebody waits for one of those, the pool takes them from there.
 */
#include <string.h>

#include "pool/pool_impl.h"

/*
 * A look comes so long after somebody began to wait: most is told by then. The later ones are for a
 * worker that had just gone on to the next item, and had no core while it did.
 */
#define FIRST_LOOK_NS BROOD_NS_PER_MS
#define LAST_LOOK_NS (10000 * BROOD_NS_PER_MS)
#define LATER 10 /* times as long after each look */

/* Copies the values of count items that lie in the ring behind a head that was not published. */
static bool take_values(brood_worker *worker, const brood_piece *piece, uint64_t count)
{
    const brood_result *job = piece->job;
    size_t before = (size_t)piece->untold * job->out_size;
    size_t size = (size_t)count * job->out_size;
    const unsigned char *at = NULL;
    brood_wire_answer answer;

    if (before + size > worker->from.capacity - sizeof answer) {
        return false;
    }
    at = brood_ring_peek(&worker->from, sizeof answer + before + size);
    if (at == NULL) {
        return false;
    }
    memcpy(&answer, at, sizeof answer);
    if (answer.kind != BROOD_WIRE_RESULT || answer.id != piece->id ||
        answer.first != piece->first + piece->done - piece->untold) {
        return false;
    }
    if (job->doom == BROOD_OK && !job->abandoned) {
        memcpy((unsigned char *)job->out +
                   (piece->first + piece->done - job->first) * job->out_size,
               at + sizeof answer + before, size);
    }
    return true;
}

/* Whether those before that item of its first piece lie in the ring, and nothing is left to be heard. */
static bool has_untold(brood_worker *worker, const brood_piece *piece, uint64_t item)
{
    const brood_result *job = piece->job;
    size_t available = 0;

    return item > piece->done + 1 && item <= piece->count && job->kind != BROOD_JOB_RANGE &&
           job->out_size != BROOD_SIZE_VARIES && !worker->hearing.in_body &&
           brood_ring_available(&worker->from, &available) == BROOD_OK && available == 0;
}

void brood_worker_take_untold(brood_worker *worker)
{
    brood_piece *piece = worker->pieces.first;
    uint64_t item = piece != NULL ? brood_worker_item(worker, piece) : 0;
    brood_result *job = NULL;
    uint64_t count = 0;

    if (item == 0 || !has_untold(worker, piece, item)) {
        return;
    }
    job = piece->job;
    count = item - 1 - piece->done;
    if (brood_job_has_values_in_ring(job) && !take_values(worker, piece, count)) {
        return;
    }
    piece->done += count; /* less than all: one is running, or was */
    piece->untold += count;
    if (job->doom != BROOD_OK) {
        brood_job_doom(job, piece->first + piece->done - count, count);
    } else {
        brood_job_succeed(job, count);
    }
}

/* ---- of one that lives ------------------------------------------------------------------- */

static void plan_take(brood_worker *worker, int64_t at)
{
    worker->untold_at = at;
    if (at < worker->pool->untold_at) {
        worker->pool->untold_at = at;
        brood_agenda_at(worker->pool, at);
    }
}

void brood_worker_plan_untold(brood_worker *worker)
{
    const brood_piece *piece = worker->pieces.first;
    int64_t at = brood_os_now() + FIRST_LOOK_NS;

    if (piece->job->kind != BROOD_JOB_MAP || piece->count == 1) {
        return;
    }
    if (worker->untold_id == piece->id) {
        at = brood_earlier(at, worker->untold_at); /* however often somebody begins to wait */
    }
    worker->untold_id = piece->id;
    worker->untold_wait = FIRST_LOOK_NS;
    plan_take(worker, at);
}

static void take_if_due(brood_worker *worker, int64_t now)
{
    const brood_piece *piece = worker->pieces.first;

    worker->untold_at = BROOD_NEVER;
    if (piece != NULL && piece->id == worker->untold_id && worker->dropped == BROOD_OK) {
        brood_worker_take_untold(worker);
        worker->untold_wait *= LATER;
        if (worker->untold_wait <= LAST_LOOK_NS) {
            plan_take(worker, now + worker->untold_wait);
        }
    }
}

int64_t brood_pool_look_for_untold(brood_pool *pool, int64_t now)
{
    if (pool->untold_at > now) {
        return pool->untold_at;
    }
    pool->untold_at = BROOD_NEVER;
    for (brood_worker *worker = pool->busy_first; worker != NULL; worker = worker->next_busy) {
        if (worker->untold_at <= now) {
            take_if_due(worker, now);
        }
        pool->untold_at = brood_earlier(pool->untold_at, worker->untold_at);
    }
    return pool->untold_at;
}
