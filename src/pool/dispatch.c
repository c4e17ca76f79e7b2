#include "pool/dispatch.h"

#include "pool/chunks.h"
#include "pool/cut.h"
#include "pool/ends.h"
#include "pool/failed_items.h"
#include "pool/headcount.h"
#include "pool/job.h"
#include "pool/notices.h"
#include "pool/pool_impl.h"
#include "pool/queue.h"
#include "pool/roster.h"
#include "pool/worker.h"

#define STARVE_NS (200 * BROOD_NS_PER_MS) /* and has failed after */

/* ---- dispatching ------------------------------------------------------------------------- */

/* The clock is asked at most once a dispatch, and not at all where busy workers get more. */
static int64_t now_of(brood_pool *pool)
{
    if (pool->dispatch.at == 0) {
        pool->dispatch.at = brood_os_now();
    }
    return pool->dispatch.at;
}

/* Stops a worker that has been given its last task. */
static void retire_if_used(brood_worker *worker)
{
    if (worker->backlog.items_left == 0 && worker->life.fate < BROOD_FATE_STOP) {
        brood_worker_stop(worker);
    }
}

static void note_given(brood_worker *worker, const brood_chunk *chunk)
{
    brood_pool *pool = worker->pool;

    if (worker->backlog.count == 1) {
        brood_pace_begin(&worker->pace, now_of(pool));
        brood_worker_set_idle(worker, false);
        brood_worker_set_busy(worker, true);
        brood_worker_first_changed(worker);
    }
    if (worker->backlog.items_left != UINT64_MAX) {
        brood_worker_use_items(worker, chunk);
        retire_if_used(worker);
    }
    if (!worker->lists.spins && pool->roster.spinners_max > 0) {
        brood_worker_let_spin(worker);
    }
    brood_worker_set_credit(worker);
    brood_worker_plan_balance(worker);
    if (!worker->transit.is_armed || !brood_worker_can_send(worker)) {
        brood_agenda_arm(worker);
    }
}

static bool is_starved(const brood_pool *pool, const brood_chunk *chunk)
{
    return pool->dispatch.starved_since != BROOD_NEVER &&
           pool->dispatch.starved_key == chunk->job->key &&
           pool->dispatch.starved_first == chunk->first;
}

static brood_status give(brood_worker *worker, brood_chunk *chunk)
{
    brood_status status = BROOD_OK;

    if (chunk->job->more->timeout_ns > 0) {
        chunk->given_at = now_of(worker->pool);
    }
    status = brood_worker_send(worker, chunk);
    if (status == BROOD_OK) {
        if (is_starved(worker->pool, chunk)) {
            worker->pool->dispatch.starved_since = BROOD_NEVER;
        }
        note_given(worker, chunk);
    }
    return status;
}

/* The items of a queued chunk fail without having been sent to a worker. */
static void fail_chunk(brood_pool *pool, brood_chunk *chunk, brood_status status)
{
    brood_result *job = chunk->job;
    brood_failure failure = brood_job_failure(job, status, "");
    uint64_t first = chunk->first + chunk->done;
    uint64_t count = chunk->count - chunk->done;

    brood_queue_remove(pool, chunk);
    brood_chunk_free(chunk);
    brood_job_fail(job, first, count, &failure);
}

/* A chunk could not be sent. Returns whether that has been so for STARVE_NS. */
static bool note_starved(brood_pool *pool, const brood_chunk *chunk)
{
    int64_t now = now_of(pool);

    if (!is_starved(pool, chunk)) {
        pool->dispatch.starved_since = now;
        pool->dispatch.starved_key = chunk->job->key;
        pool->dispatch.starved_first = chunk->first;
    }
    return now - pool->dispatch.starved_since >= STARVE_NS;
}

/*
 * The worker must read before it can be sent the chunk: other workers are given the chunks meanwhile.
 * False: the worker is stalled already, and was chosen because no other one is left.
 */
static bool pass_over(brood_worker *worker)
{
    if (worker->pace.stalled) {
        return false;
    }
    brood_pace_stall(&worker->pace);
    if (worker->lists.is_idle) {
        brood_worker_set_idle(worker, true); /* to the back */
    }
    brood_supervisor_need(worker->pool); /* another one may have to be started */
    return true;
}

/*
 * The chunk could not be sent: it goes back into the queue, and fails when that has been so
 * for STARVE_NS. BROOD_ERR_TIMEOUT, the worker must read before, does not count for that. Returns
 * whether to go on with the next chunk, or with this one for another worker.
 */
static bool keep_back(brood_worker *worker, brood_chunk *chunk, brood_status status)
{
    brood_pool *pool = worker->pool;

    brood_queue_put(pool, chunk);
    if (status == BROOD_ERR_TIMEOUT) {
        if (pass_over(worker)) {
            return true;
        }
    } else if (note_starved(pool, chunk)) {
        fail_chunk(pool, chunk, status);
        return true;
    }
    pool->dispatch.retry_at = now_of(pool) + BROOD_WORKER_RETRY_NS;
    brood_agenda_at(pool, pool->dispatch.retry_at);
    return false;
}

/* A cancelled job's chunks end here. */
static bool end_cancelled(brood_chunk *chunk)
{
    if (chunk->job->cancel_status == BROOD_OK) {
        return false;
    }
    brood_queue_end_cancelled(chunk);
    return true;
}

/*
 * Chunks wait although workers are idle: the agenda gets the time at which more of those are woken.
 */
static void plan_push(brood_pool *pool)
{
    if (brood_pool_next_idle(pool) != NULL) {
        brood_agenda_at(pool, now_of(pool) + BROOD_BALANCE_NS);
    }
}

void brood_pool_dispatch(brood_pool *pool)
{
    bool goes = true;

    pool->dispatch.retry_at = BROOD_NEVER;
    if (!brood_queue_has_chunks(&pool->queue)) {
        return;
    }
    pool->dispatch.at = 0;
    while (goes) {
        brood_chunk *chunk = brood_queue_first(pool);
        brood_worker *worker = NULL;
        brood_status status = BROOD_OK;

        if (chunk == NULL || end_cancelled(chunk)) {
            goes = chunk != NULL;
            continue;
        }
        worker = brood_pool_choose(pool);
        if (worker == NULL) {
            plan_push(pool);
            break;
        }
        chunk = brood_chunk_cut(worker, chunk);
        status = give(worker, chunk);
        goes = status == BROOD_OK || keep_back(worker, chunk, status);
    }
}

/* ---- the end of a chunk ------------------------------------------------------------------ */

/* service_ns is a moving mean, in which the new time has a weight of an eighth. */
void brood_worker_measure(brood_worker *worker, int64_t now)
{
    brood_pool *pool = worker->pool;
    uint64_t each = (uint64_t)(now - worker->pace.first_since) / worker->pace.received;

    brood_pool_set_service(pool, pool->roster.service_ns - pool->roster.service_ns / 8 + each / 8);
    worker->pace.first_since = pool->dispatch.answered_at = now;
    worker->pace.received = 0;
}

/* Notes the time of a map's or range's chunk, from which later chunks get their size (cut.c). */
static void note_time(brood_worker *worker, const brood_chunk *chunk)
{
    int64_t now = 0;

    worker->pace.received++;
    if (chunk->job->kind == BROOD_JOB_TASK) {
        return;
    }
    now = brood_os_now();
    chunk->job->more->measured_ns += (uint64_t)(now - worker->pace.first_since);
    chunk->job->more->measured_items += chunk->count;
    brood_worker_measure(worker, now);
}

void brood_worker_chunk_ended(brood_worker *worker, brood_chunk *chunk)
{
    note_time(worker, chunk);
    worker->pace.stalled = false;
    brood_worker_remove(worker, chunk);
    if (worker->notice.id == chunk->id) {
        brood_worker_end_notice(worker);
    }
    brood_chunk_free(chunk);
    retire_if_used(worker);
    brood_worker_first_changed(worker);
    if (worker->backlog.count == 0) {
        brood_worker_rest(worker);
    } else if (worker->backlog.count < worker->pool->roster.depth / 2 + 1) {
        brood_worker_set_credit(worker);
    }
}
