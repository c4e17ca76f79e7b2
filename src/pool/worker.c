#include "pool/worker.h"

#include "pool/chunks.h"
#include "pool/pool_impl.h"
#include "pool/roster.h"

#define LOST_NS (1000 * BROOD_NS_PER_MS) /* a worker that was killed has ended after */

/* ---- one worker -------------------------------------------------------------------------- */

void brood_worker_set_alarm(brood_worker *worker, int64_t *alarm, int64_t at)
{
    bool before = worker->check_at != BROOD_NEVER || worker->kill_at != BROOD_NEVER;

    *alarm = at;
    brood_agenda_at(worker->pool, at);
    if (!before && at != BROOD_NEVER) {
        worker->pool->upkeep.alarms++;
    } else if (before && worker->check_at == BROOD_NEVER && worker->kill_at == BROOD_NEVER) {
        worker->pool->upkeep.alarms--;
    }
}

/* ---- how a worker ends ------------------------------------------------------------------- */

/* The time limits that a look checks: to come up, to end, to try a ring or a kill again. */
void brood_worker_plan_look(brood_worker *worker)
{
    int64_t now = brood_os_now();
    int64_t at = BROOD_NEVER;

    if (brood_worker_is_ending(worker)) {
        at = worker->end_by;
    } else if (!worker->is_up) {
        at = worker->ops->up_by(worker);
        at = at > now ? at
                      : now + BROOD_WORKER_END_SLOWLY_NS; /* its function may take long to begin */
    }
    if (worker->transit.must_ring || worker->kill_refused) {
        at = brood_earlier(at, now + BROOD_WORKER_RETRY_NS);
    }
    brood_worker_set_alarm(worker, &worker->check_at, at);
}

void brood_worker_kill(brood_worker *worker)
{
    worker->kill_refused = worker->ops->kill(worker) != BROOD_OK;
    if (worker->fate < BROOD_FATE_KILL) {
        worker->fate = BROOD_FATE_KILL;
        brood_worker_set_idle(worker, false);
        worker->end_by = brood_os_now() + LOST_NS;
    }
    brood_worker_plan_look(worker);
}

/* If the worker's last task has ended, its finalizer and at-exit functions have exit_timeout_ms. */
static void leaves(brood_worker *worker)
{
    if (brood_worker_is_leaving(worker)) {
        worker->end_by = brood_os_now() +
                         (int64_t)worker->pool->config.options.exit_timeout_ms * BROOD_NS_PER_MS;
        brood_worker_plan_look(worker);
        brood_agenda_supervise(worker->pool);
    }
}

void brood_worker_end(brood_worker *worker)
{
    const brood_chunk *streaming = worker->transit.chunk;

    worker->partly_sent_id =
        streaming != NULL && streaming != worker->chunks.first ? streaming->id : 0;
    brood_worker_kill(worker);
}

void brood_worker_drop(brood_worker *worker, brood_status status)
{
    if (worker->fate < BROOD_FATE_DROP) {
        brood_worker_kill(worker);
        brood_worker_distrust(worker, status);
        brood_agenda_supervise(worker->pool);
    }
}

void brood_worker_distrust(brood_worker *worker, brood_status status)
{
    if (worker->fate < BROOD_FATE_DROP) {
        worker->fate = BROOD_FATE_DROP;
        worker->dropped = status;
    }
}

/* ---- what is sent to it ------------------------------------------------------------------ */

void brood_worker_check(brood_worker *worker)
{
    worker->pool->upkeep.moved += worker->transit.moved;
    worker->transit.moved = 0;
    if (worker->transit.fault != BROOD_OK) {
        brood_worker_drop(worker, worker->transit.fault);
    }
    if (worker->transit.must_ring && worker->check_at > brood_os_now() + BROOD_WORKER_RETRY_NS) {
        brood_worker_plan_look(worker);
    }
}

static void note_sent(brood_worker *worker, brood_chunk *chunk)
{
    chunk->id = ++worker->last_id;
    chunk->given_at = worker->pool->dispatch.at;
    brood_chunks_append(&worker->chunks, chunk);
    worker->chunk_count++;
    chunk->job->given++;
}

brood_status brood_worker_send(brood_worker *worker, brood_chunk *chunk)
{
    brood_status status = worker->ops->send(worker, chunk);

    if (status == BROOD_OK) {
        note_sent(worker, chunk);
    }
    brood_worker_check(worker);
    return status;
}

void brood_worker_go_on(brood_worker *worker)
{
    bool was_void = worker->transit.is_void;

    worker->ops->go_on(worker);
    worker->pool->upkeep.voids -= was_void && !worker->transit.is_void;
    brood_worker_check(worker);
}

bool brood_worker_forget(brood_worker *worker)
{
    bool is_told = !brood_worker_serves(worker) || worker->ops->forget(worker);

    brood_worker_check(worker);
    return is_told;
}

void brood_worker_stop(brood_worker *worker)
{
    if (worker->ops->send_stop(worker) == BROOD_OK) {
        worker->fate = BROOD_FATE_STOP;
        brood_worker_set_idle(worker, false);
        leaves(worker);
    } else {
        brood_agenda_supervise_at(worker->pool, brood_os_now() + BROOD_WORKER_RETRY_NS);
    }
    brood_worker_check(worker);
}

/* ---- what it has begun ------------------------------------------------------------------- */

uint64_t brood_worker_note_begun(brood_worker *worker, uint64_t id)
{
    uint64_t answered = worker->transit.answered_id;

    if (id < worker->begun || id < answered || id > worker->last_id) {
        worker->denies = worker->denies || worker->fate < BROOD_FATE_DROP;
        brood_worker_drop(worker, BROOD_ERR_PROTOCOL);
        return UINT64_MAX;
    }
    worker->begun = id;
    return id;
}

uint64_t brood_worker_begun(brood_worker *worker)
{
    return brood_worker_note_begun(worker, worker->ops->position(worker).id);
}

uint64_t brood_worker_item(brood_worker *worker, const brood_chunk *chunk)
{
    brood_position position = worker->ops->position(worker);

    return brood_worker_note_begun(worker, position.id) == chunk->id &&
                   position.later_id == chunk->id
               ? position.item
               : 0;
}

void brood_worker_rest(brood_worker *worker)
{
    if (worker->is_busy) { /* or its time to leave would begin anew */
        brood_worker_set_busy(worker, false);
        leaves(worker);
    }
    brood_worker_set_idle(worker, brood_worker_serves(worker));
}

void brood_worker_discard(brood_worker *worker)
{
    worker->ops->discard(worker);
    worker->pool->upkeep.voids++;
}

void brood_worker_end_upkeep(brood_worker *worker)
{
    worker->pool->upkeep.voids -= worker->transit.is_void;
    brood_worker_set_alarm(worker, &worker->check_at, BROOD_NEVER);
    brood_worker_set_alarm(worker, &worker->kill_at, BROOD_NEVER);
}
