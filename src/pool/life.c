#include "pool/life.h"

#include "pool/pool_impl.h"
#include "pool/roster.h"
#include "pool/worker.h"

#define END_AT_ONCE_NS                                                                             \
    (100 * BROOD_NS_PER_MS) /* most workers whose initializer failed have ended then */
#define PAUSES_MAX 4

/* ---- when it is looked at ---------------------------------------------------------------- */

/* Sets check_at or kill_at, the alarm, to that time; BROOD_NEVER: takes it back. */
static void set_alarm(brood_worker *worker, int64_t *alarm, int64_t at)
{
    bool before = worker->life.check_at != BROOD_NEVER || worker->life.kill_at != BROOD_NEVER;

    *alarm = at;
    brood_agenda_at(worker->pool, at);
    if (!before && at != BROOD_NEVER) {
        worker->pool->upkeep.alarms++;
    } else if (before && worker->life.check_at == BROOD_NEVER &&
               worker->life.kill_at == BROOD_NEVER) {
        worker->pool->upkeep.alarms--;
    }
}

void brood_worker_set_kill(brood_worker *worker, int64_t at)
{
    set_alarm(worker, &worker->life.kill_at, at);
}

/* The time limits that a look checks: to come up, to end, to try a ring, a kill or a watch again. */
void brood_worker_plan_look(brood_worker *worker)
{
    int64_t now = brood_os_now();
    int64_t at = BROOD_NEVER;

    if (brood_worker_is_ending(worker)) {
        at = worker->life.end_by;
    } else if (!worker->reports.is_up) {
        at = worker->ops->up_by(worker);
        at = at > now ? at : BROOD_NEVER; /* its function, and its initializer, may take long */
    }
    if (worker->transit.must_ring || worker->life.kill_refused) {
        at = brood_earlier(at, now + BROOD_WORKER_RETRY_NS);
    }
    if (worker->life.is_unwatched) {
        at = brood_earlier(at, now + (BROOD_NS_PER_MS << (worker->life.pauses - 1)));
    }
    set_alarm(worker, &worker->life.check_at, at);
}

void brood_worker_pause_watch(brood_worker *worker)
{
    if (worker->life.is_unwatched) {
        return; /* a poller that fails reports everything: the next look stays when it is */
    }
    worker->life.is_unwatched = worker->ops->watch_end(worker, false);
    worker->life.pauses += worker->life.pauses < PAUSES_MAX;
    brood_worker_plan_look(worker);
}

void brood_worker_resume_watch(brood_worker *worker)
{
    worker->life.is_unwatched = !worker->ops->watch_end(worker, true);
}

void brood_worker_watch_later(brood_worker *worker)
{
    worker->life.is_unwatched = true;
    worker->life.pauses = 1;
    brood_worker_plan_look(worker);
}

void brood_worker_begin_life(brood_worker *worker)
{
    worker->life.begun_at = brood_os_now();
    worker->life.check_at = worker->life.kill_at = BROOD_NEVER;
}

void brood_worker_end_life(brood_worker *worker)
{
    worker->pool->upkeep.coming -= !worker->reports.is_up;
    set_alarm(worker, &worker->life.check_at, BROOD_NEVER);
    set_alarm(worker, &worker->life.kill_at, BROOD_NEVER);
}

/* ---- its fate ------------------------------------------------------------------------------- */

static void raise_to(brood_worker *worker, brood_fate fate)
{
    worker->life.fate = fate > worker->life.fate ? fate : worker->life.fate;
}

void brood_worker_note_ready(brood_worker *worker)
{
    worker->pool->upkeep.coming--;
    brood_worker_plan_look(worker);
    raise_to(worker, BROOD_FATE_SERVE);
}

void brood_worker_note_failed_setup(brood_worker *worker)
{
    worker->life.setup_failed = true;
    if (worker->life.fate < BROOD_FATE_KILL && !brood_worker_is_leaving(worker)) {
        worker->life.end_by = brood_os_now() + END_AT_ONCE_NS;
    }
    brood_worker_plan_look(worker);
}

void brood_worker_note_failure(brood_worker *worker)
{
    worker->life.failure_noted = true;
}

void brood_worker_leave(brood_worker *worker)
{
    int64_t exit_ms = worker->pool->config.options.exit_timeout_ms;

    if (brood_worker_is_leaving(worker)) {
        worker->life.end_by = brood_os_now() + exit_ms * BROOD_NS_PER_MS;
        brood_worker_plan_look(worker);
        brood_agenda_supervise(worker->pool);
    }
}

void brood_worker_note_stop(brood_worker *worker, bool is_sent)
{
    worker->life.owes_stop = !is_sent;
    if (worker->life.fate < BROOD_FATE_STOP) {
        raise_to(worker, BROOD_FATE_STOP);
        brood_worker_set_idle(worker, false);
        brood_worker_leave(worker);
    }
}

void brood_worker_kill(brood_worker *worker)
{
    worker->life.kill_refused = worker->ops->kill(worker) != BROOD_OK;
    if (worker->life.fate < BROOD_FATE_KILL) {
        raise_to(worker, BROOD_FATE_KILL);
        brood_worker_set_idle(worker, false);
        worker->life.end_by = brood_os_now() + worker->ops->dies_within_ns;
    }
    brood_worker_plan_look(worker);
}

void brood_worker_end(brood_worker *worker)
{
    const brood_chunk *streaming = worker->transit.chunk;

    worker->life.partly_sent_id =
        streaming != NULL && streaming != worker->backlog.chunks.first ? streaming->id : 0;
    brood_worker_kill(worker);
}

void brood_worker_distrust(brood_worker *worker, brood_status status)
{
    if (worker->life.fate < BROOD_FATE_DROP) {
        raise_to(worker, BROOD_FATE_DROP);
        worker->life.dropped = status;
    }
}

void brood_worker_drop(brood_worker *worker, brood_status status)
{
    if (worker->life.fate < BROOD_FATE_DROP) {
        brood_worker_kill(worker);
        brood_worker_distrust(worker, status);
        brood_agenda_supervise(worker->pool);
    }
}

void brood_worker_close_bell(brood_worker *worker)
{
    worker->life.bell_closed = true;
    if (worker->life.fate >= BROOD_FATE_KILL) {
        return;
    }
    worker->life.is_deaf = true;
    if (!worker->life.setup_failed && !brood_worker_is_leaving(worker)) {
        worker->life.end_by = brood_os_now() + BROOD_WORKER_END_SLOWLY_NS;
    }
}

void brood_worker_lose(brood_worker *worker)
{
    raise_to(worker, BROOD_FATE_LOSE);
}

void brood_worker_note_impossible(brood_worker *worker)
{
    worker->life.denies = worker->life.denies || worker->life.fate < BROOD_FATE_DROP;
    brood_worker_drop(worker, BROOD_ERR_PROTOCOL);
}
