#include "pool/notices.h"

#include "pool/agenda.h"
#include "pool/pool_impl.h"
#include "pool/unreported.h"
#include "pool/worker.h"

void brood_worker_announce(brood_worker *worker, uint64_t item, brood_status why)
{
    brood_pool *pool = worker->pool;
    const brood_chunk *chunk = worker->backlog.chunks.first;
    int64_t grace = (int64_t)pool->config.options.grace_ms * BROOD_NS_PER_MS;

    worker->ops->interrupt(worker, item);
    worker->notice.id = chunk->id;
    worker->notice.item = item;
    worker->notice.why = why;
    worker->notice.is_held = false;
    brood_worker_set_kill(worker, brood_os_now() + grace);
}

void brood_worker_note_overdue(brood_worker *worker, uint64_t item)
{
    worker->notice.id = worker->backlog.chunks.first->id;
    worker->notice.item = item;
    worker->notice.why = BROOD_ERR_TASK_TIMEOUT;
    worker->notice.is_held = false;
}

void brood_worker_end_notice(brood_worker *worker)
{
    brood_worker_set_kill(worker, BROOD_NEVER);
    worker->notice.id = 0;
}

bool brood_worker_hold(brood_worker *worker)
{
    uint64_t item = worker->notice.item;

    worker->notice.is_held = item != 0 && worker->ops->hold(worker, item);
    return worker->notice.is_held || item == 0;
}

void brood_worker_cancel(brood_worker *worker)
{
    const brood_chunk *chunk = worker->backlog.chunks.first;

    if (worker->notice.id != chunk->id || worker->notice.item != 0) {
        brood_worker_announce(worker, 0, chunk->job->cancel_status);
    }
}

void brood_worker_flush(brood_worker *worker)
{
    if (worker->notice.id !=
        worker->backlog.chunks.first->id) { /* what is said of a cancel stays */
        worker->ops->interrupt(worker, BROOD_WORKER_FLUSH);
    }
    brood_worker_plan_unreported(worker);
}

void brood_worker_first_changed(brood_worker *worker)
{
    const brood_chunk *chunk = worker->backlog.chunks.first;

    if (chunk == NULL) {
        return;
    }
    if (chunk->job->cancel_status != BROOD_OK) {
        brood_worker_cancel(worker);
    } else if (chunk->job->watchers > 0) {
        brood_worker_flush(worker);
    }
    if (chunk->job->more->timeout_ns > 0) {
        brood_agenda_at(worker->pool, brood_os_now() + chunk->job->more->timeout_ns);
    }
}
