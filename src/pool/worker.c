#include "pool/worker.h"

#include "pool/chunks.h"
#include "pool/pool_impl.h"
#include "pool/roster.h"

/* ---- one worker -------------------------------------------------------------------------- */

void brood_worker_begin(brood_worker *worker, const brood_worker_ops *ops,
                        const brood_worker_spec *spec)
{
    worker->ops = ops;
    worker->pool = spec->pool;
    worker->slot = spec->slot;
    worker->cores = spec->cores > 0 ? spec->cores : 1;
    worker->capacity = spec->capacity;
    worker->unreported.at = BROOD_NEVER;
    brood_worker_begin_life(worker);
}

void brood_worker_enlist(brood_worker *worker, uint64_t number, uint64_t items)
{
    worker->number = number;
    worker->pool->upkeep.coming++;
    worker->backlog.items_left = items;
    brood_worker_plan_look(worker);
}

/* ---- what is sent to it ------------------------------------------------------------------ */

void brood_worker_check(brood_worker *worker)
{
    worker->pool->upkeep.moved += worker->transit.moved;
    worker->transit.moved = 0;
    if (worker->transit.fault != BROOD_OK) {
        brood_worker_drop(worker, worker->transit.fault);
    }
    if (worker->transit.must_ring &&
        worker->life.check_at > brood_os_now() + BROOD_WORKER_RETRY_NS) {
        brood_worker_plan_look(worker);
    }
}

static void note_sent(brood_worker *worker, brood_chunk *chunk)
{
    chunk->id = ++worker->backlog.last_id;
    brood_chunks_append(&worker->backlog.chunks, chunk);
    worker->backlog.count++;
    chunk->job->given++;
}

/*
 * Whether what was to precede a chunk still has to go to the worker, which has no chunk: see
 * turn_others.
 */
static bool note_unsent(brood_worker *worker)
{
    bool is =
        !brood_worker_can_send(worker) && !worker->transit.is_void && worker->backlog.count == 0;

    worker->pool->upkeep.unsent = worker->pool->upkeep.unsent || is;
    return is;
}

/* After the begin of something: what does not fit is sent by turn_others, which also arms the worker. */
static void plan_rest(brood_worker *worker)
{
    if (note_unsent(worker)) {
        brood_agenda_at(worker->pool, 0);
    }
}

bool brood_pool_take_unsent(brood_pool *pool)
{
    bool is = pool->upkeep.unsent;

    pool->upkeep.unsent = false;
    return is;
}

brood_status brood_worker_send(brood_worker *worker, brood_chunk *chunk)
{
    brood_status status = worker->ops->send(worker, chunk);

    if (status == BROOD_OK) {
        note_sent(worker, chunk);
    } else {
        plan_rest(worker);
    }
    brood_worker_check(worker);
    return status;
}

/* False: what is on its way has to go before, or the system has no memory now. */
static bool send_stop(brood_worker *worker)
{
    if (!brood_worker_can_send(worker)) {
        return false;
    }
    if (worker->ops->send_stop(worker) != BROOD_OK) {
        brood_agenda_supervise_at(worker->pool, brood_os_now() + BROOD_WORKER_RETRY_NS);
        return false;
    }
    return true;
}

void brood_worker_stop(brood_worker *worker)
{
    brood_worker_note_stop(worker, send_stop(worker));
    plan_rest(worker);
    brood_worker_check(worker);
}

void brood_worker_stop_owed(brood_worker *worker)
{
    if (worker->life.owes_stop && worker->life.fate == BROOD_FATE_STOP && send_stop(worker)) {
        brood_worker_note_stop(worker, true);
    }
}

void brood_worker_go_on(brood_worker *worker)
{
    bool was_void = worker->transit.is_void;

    worker->ops->go_on(worker);
    worker->pool->upkeep.voids -= was_void && !worker->transit.is_void;
    brood_worker_stop_owed(worker);
    note_unsent(worker);
    brood_worker_check(worker);
}

bool brood_worker_forget(brood_worker *worker)
{
    bool could = brood_worker_can_send(worker);
    bool is_told = !brood_worker_serves(worker) || worker->ops->forget(worker);

    if (could) { /* or each try would be the next one's reason */
        plan_rest(worker);
    }
    brood_worker_check(worker);
    return is_told;
}

/* ---- what it was given ------------------------------------------------------------------- */

void brood_worker_remove(brood_worker *worker, brood_chunk *chunk)
{
    brood_chunks_remove(&worker->backlog.chunks, chunk);
    worker->backlog.count--;
    chunk->job->given--;
}

static uint64_t items_of(const brood_chunk *chunk)
{
    return chunk->job->kind == BROOD_JOB_RANGE ? 1 : chunk->count;
}

void brood_worker_use_items(brood_worker *worker, const brood_chunk *chunk)
{
    uint64_t items = items_of(chunk);
    uint64_t left = worker->backlog.items_left;

    if (left != UINT64_MAX) {
        worker->backlog.items_left -= items < left ? items : left;
    }
}

void brood_worker_return_items(brood_worker *worker, const brood_chunk *chunk)
{
    if (worker->backlog.items_left != UINT64_MAX) {
        worker->backlog.items_left += items_of(chunk);
    }
}

uint64_t brood_worker_note_begun(brood_worker *worker, uint64_t id)
{
    uint64_t answered = worker->transit.answered_id;

    if (id < worker->backlog.begun || id < answered || id > worker->backlog.last_id) {
        brood_worker_note_impossible(worker);
        return UINT64_MAX;
    }
    worker->backlog.begun = id;
    return id;
}

uint64_t brood_worker_read_begun(brood_worker *worker)
{
    return brood_worker_note_begun(worker, worker->ops->position(worker).id);
}

uint64_t brood_worker_read_item(brood_worker *worker, const brood_chunk *chunk)
{
    brood_position position = worker->ops->position(worker);

    return brood_worker_note_begun(worker, position.id) == chunk->id &&
                   position.later_id == chunk->id
               ? position.item
               : 0;
}

void brood_worker_rest(brood_worker *worker)
{
    if (worker->lists.is_busy) { /* or its time to leave would begin anew */
        brood_worker_set_busy(worker, false);
        brood_worker_leave(worker);
    }
    brood_worker_set_idle(worker, brood_worker_serves(worker));
    plan_rest(worker); /* its last chunk may have been revoked meanwhile */
}

void brood_worker_discard(brood_worker *worker)
{
    worker->ops->discard(worker);
    worker->pool->upkeep.voids++;
}

void brood_worker_end_upkeep(brood_worker *worker)
{
    worker->pool->upkeep.voids -= worker->transit.is_void;
    brood_worker_end_life(worker);
}
