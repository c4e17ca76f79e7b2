#include "pool/notices.h"

#include "pool/agenda.h"
#include "pool/pool_impl.h"
#include "pool/unreported.h"
#include "pool/worker.h"

void brood_worker_announce(brood_worker *worker, uint64_t item, brood_status why)
{
    brood_pool *pool = worker->pool;
    const brood_chunk *chunk = worker->chunks.first;
    int64_t grace = (int64_t)pool->config.options.grace_ms * BROOD_NS_PER_MS;

    worker->ops->interrupt(worker, item);
    worker->kill_id = chunk->id;
    worker->kill_item = item;
    worker->kill_for = why;
    brood_worker_set_alarm(worker, &worker->kill_at, brood_os_now() + grace);
}

void brood_worker_cancel(brood_worker *worker)
{
    const brood_chunk *chunk = worker->chunks.first;

    if (worker->kill_id != chunk->id || worker->kill_item != 0) {
        brood_worker_announce(worker, 0, chunk->job->cancel_status);
    }
}

void brood_worker_flush(brood_worker *worker)
{
    if (worker->kill_id != worker->chunks.first->id) { /* what is said of a cancel stays */
        worker->ops->interrupt(worker, BROOD_WORKER_FLUSH);
    }
    brood_worker_plan_unreported(worker);
}

void brood_worker_first_changed(brood_worker *worker)
{
    const brood_chunk *chunk = worker->chunks.first;

    if (chunk == NULL) {
        return;
    }
    if (chunk->job->cancel_status != BROOD_OK) {
        brood_worker_cancel(worker);
    } else if (chunk->job->watchers > 0) {
        brood_worker_flush(worker);
    }
    if (chunk->job->timeout_ns > 0) {
        brood_agenda_at(worker->pool, brood_os_now() + chunk->job->timeout_ns);
    }
}
