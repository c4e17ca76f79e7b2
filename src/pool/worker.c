#include "pool/worker.h"

#include "pool/roster.h"
#include "pool/send.h"
#include "pool/supervisor.h"

#define LOST_NS (1000 * BROOD_NS_PER_MS) /* a worker that was killed has ended after */

/* ---- one worker -------------------------------------------------------------------------- */

void brood_worker_set_alarm(brood_worker *worker, int64_t *alarm, int64_t at)
{
    bool before = worker->check_at != BROOD_NEVER || worker->kill_at != BROOD_NEVER;

    *alarm = at;
    brood_agenda_at(worker->pool, at);
    if (!before && at != BROOD_NEVER) {
        worker->pool->alarms++;
    } else if (before && worker->check_at == BROOD_NEVER && worker->kill_at == BROOD_NEVER) {
        worker->pool->alarms--;
    }
}

/* ---- how a worker ends ------------------------------------------------------------------- */

bool brood_worker_is_leaving(const brood_worker *worker)
{
    return worker->state == BROOD_WORKER_STOPPING && worker->chunk_count == 0 &&
           worker->dropped == BROOD_OK && !worker->is_killed;
}

/* When it is looked at, whatever else happens: time counts for what it does not do. */
void brood_worker_plan_look(brood_worker *worker)
{
    int64_t now = brood_os_now();
    int64_t at = BROOD_NEVER;

    if (worker->is_killed || worker->bell_closed || brood_worker_is_leaving(worker)) {
        at = worker->end_by;
    } else if (!worker->is_up) {
        at = brood_process_handshake_deadline(worker->process);
        at = at > now ? at
                      : now + BROOD_WORKER_END_SLOWLY_NS; /* its function may take long to begin */
    }
    if (worker->must_ring || worker->kill_refused) {
        at = brood_earlier(at, now + BROOD_WORKER_RETRY_NS);
    }
    brood_worker_set_alarm(worker, &worker->check_at, at);
}

void brood_worker_kill(brood_worker *worker)
{
    worker->kill_refused = brood_process_kill(worker->process) != BROOD_OK;
    if (!worker->is_killed) {
        worker->is_killed = true;
        brood_worker_set_idle(worker, false);
        worker->end_by = brood_os_now() + LOST_NS;
    }
    brood_worker_plan_look(worker);
}

void brood_worker_leaves(brood_worker *worker)
{
    if (brood_worker_is_leaving(worker)) {
        worker->end_by =
            brood_os_now() + (int64_t)worker->pool->options.exit_timeout_ms * BROOD_NS_PER_MS;
        brood_worker_plan_look(worker);
        brood_supervisor_wake(worker->pool);
    }
}

void brood_worker_ring(brood_worker *worker)
{
    size_t put = 0;
    brood_status status = brood_os_channel_write(worker->bell, "", 1, &put, NULL);

    /* No room: enough are under way. Closed: it has ended, which the poller tells. */
    worker->must_ring =
        status != BROOD_OK && status != BROOD_ERR_TIMEOUT && status != BROOD_ERR_CLOSED;
    if (worker->must_ring) {
        brood_worker_plan_look(worker);
    }
}

void brood_worker_end(brood_worker *worker)
{
    const brood_chunk *streaming = worker->sending.chunk;

    worker->partly_sent_id =
        streaming != NULL && streaming != worker->chunks.first ? streaming->id : 0;
    brood_worker_kill(worker);
}

void brood_worker_drop(brood_worker *worker, brood_status status)
{
    if (worker->dropped == BROOD_OK) {
        worker->dropped = status;
        brood_worker_set_idle(worker, false);
        brood_worker_kill(worker);
        brood_supervisor_wake(worker->pool);
    }
}

uint64_t brood_worker_begun(brood_worker *worker, uint64_t claim)
{
    uint64_t id = brood_claim_id(claim);

    if (id < worker->begun || id > worker->last_id) {
        worker->denies = worker->denies || worker->dropped == BROOD_OK;
        brood_worker_drop(worker, BROOD_ERR_PROTOCOL);
        return UINT64_MAX;
    }
    worker->begun = id;
    return id;
}

void brood_worker_stop(brood_worker *worker)
{
    if (brood_worker_send_stop(worker) == BROOD_OK) {
        worker->state = BROOD_WORKER_STOPPING;
        brood_worker_set_idle(worker, false);
        brood_worker_leaves(worker);
    } else {
        brood_supervisor_run_at(worker->pool, brood_os_now() + BROOD_WORKER_RETRY_NS);
    }
}
