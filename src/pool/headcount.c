#include "pool/headcount.h"

#include "pool/agenda.h"
#include "pool/pool_impl.h"
#include "pool/worker.h"

/* ---- how many there are ------------------------------------------------------------------- */

bool brood_worker_counts(const brood_worker *worker)
{
    return worker->life.fate < BROOD_FATE_DROP && !worker->life.bell_closed &&
           !brood_worker_is_leaving(worker);
}

uint32_t brood_supervisor_count(const brood_pool *pool, bool (*is_such)(const brood_worker *))
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < pool->roster.slots; i++) {
        count += pool->roster.workers[i] != NULL && is_such(pool->roster.workers[i]);
    }
    return count;
}

/* ---- how many there should be -------------------------------------------------------------- */

uint32_t brood_supervisor_leaving(const brood_pool *pool)
{
    return brood_supervisor_count(pool, brood_worker_is_leaving);
}

bool brood_supervisor_is_as_needed(const brood_pool *pool)
{
    return pool->config.options.lazy || pool->config.options.idle_timeout_ms > 0;
}

/*
 * Each waiting item, and each chunk that a worker was given, could have a worker of its own, which is
 * none of the idle ones that let chunks wait: those may be stopped.
 */
static uint64_t count_needed(const brood_pool *pool)
{
    uint64_t needed =
        pool->queue.items < pool->supervisor.target ? pool->queue.items : pool->supervisor.target;

    for (const brood_worker *worker = pool->roster.busy_first; worker != NULL;
         worker = worker->lists.next_busy) {
        needed += worker->backlog.count;
    }
    for (const brood_worker *worker = pool->roster.idle_first; worker != NULL;
         worker = worker->lists.next_idle) {
        needed += worker->pace.stalled;
    }
    /* The number of items may have overflowed: a range can have SIZE_MAX. */
    return needed == 0 && brood_queue_has_chunks(&pool->queue) ? 1 : needed;
}

uint32_t brood_supervisor_wanted(const brood_pool *pool)
{
    bool is_as_needed = brood_supervisor_is_as_needed(pool) || pool->closed;
    uint64_t needed = is_as_needed ? count_needed(pool) : pool->supervisor.target;

    if (pool->terminated || pool->broken || (pool->closed && pool->jobs.unfinished == 0)) {
        return 0;
    }
    needed = needed > pool->supervisor.serving + pool->supervisor.to_fill
                 ? needed
                 : pool->supervisor.serving + pool->supervisor.to_fill;
    return needed > pool->supervisor.target ? pool->supervisor.target : (uint32_t)needed;
}

void brood_supervisor_need(brood_pool *pool)
{
    bool is_as_needed = brood_supervisor_is_as_needed(pool) || pool->closed;

    if (is_as_needed && pool->supervisor.serving < pool->supervisor.target &&
        brood_supervisor_wanted(pool) > pool->supervisor.serving) {
        brood_agenda_supervise(pool);
    }
}
