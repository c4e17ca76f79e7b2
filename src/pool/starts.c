#include "pool/starts.h"

#include "base/error.h"
#include "pool/left.h"
#include "pool/lock.h"
#include "pool/peer.h"
#include "pool/pool_impl.h"
#include "pool/roster.h"
#include "pool/worker.h"

#if !defined(BROOD_RING_LARGE) /* the simulator has smaller ones */
#define BROOD_RING_LARGE (1024 * 1024)
#endif
#define RING_SMALL (64 * 1024)
#define FEW_WORKERS 16

/* The capacity of a ring for a worker that is started now: large where there are to be few. */
static size_t ring_bytes(const brood_pool *pool)
{
    return pool->supervisor.target <= FEW_WORKERS ? BROOD_RING_LARGE : RING_SMALL;
}

static uint64_t draw_items(const brood_pool *pool)
{
    uint32_t jitter = pool->config.options.max_tasks_jitter;
    uint64_t seed = (uint64_t)brood_os_now() * UINT64_C(6364136223846793005);

    if (pool->config.options.max_tasks_per_worker == 0) {
        return UINT64_MAX;
    }
    return pool->config.options.max_tasks_per_worker - (seed >> 33) % ((uint64_t)jitter + 1);
}

/*
 * The worker is the pool's from now on, even if its setup cannot be sent. The supervisor is made
 * due, so that a turn (turn_others) comes before a leader sleeps, and arms the worker to ring when
 * it has come up.
 */
static void enlist(brood_pool *pool, brood_worker *worker)
{
    brood_roster_add(worker);
    brood_agenda_supervise(pool);
    brood_worker_enlist(worker, ++pool->stats.started, draw_items(pool));
    if (worker->ops->send_setup(worker) != BROOD_OK || pool->terminated) {
        brood_worker_drop(worker, BROOD_ERR_NO_MEMORY);
        brood_worker_watch_later(worker);
        return;
    }
    brood_worker_set_idle(worker, true);
    brood_worker_check(worker);
}

/* The one place that knows of kinds. */
static const struct {
    brood_status (*create)(brood_worker **worker, const brood_worker_spec *spec,
                           brood_error *error);
    bool needs_callers;
} kinds[] = {
    [BROOD_POOL_PROCESSES] = {brood_peer_create, false},
    [BROOD_POOL_THREADS] = {brood_peer_create_thread, false},
    [BROOD_POOL_INLINE] = {brood_peer_create_here, true},
};

bool brood_supervisor_needs_callers(brood_pool_kind kind)
{
    return kinds[kind].needs_callers;
}

brood_status brood_supervisor_start(brood_pool *pool, brood_error *error)
{
    brood_worker_spec spec = {pool, brood_roster_slot(pool),
                              pool->config.cores / pool->supervisor.target, ring_bytes(pool)};
    brood_worker *worker = NULL;
    brood_status status = BROOD_OK;

    if (spec.slot == UINT32_MAX) {
        return brood_fail_memory(error, "workers");
    }
    brood_left_collect(pool);
    pool->supervisor.launching = true;
    pool->supervisor.start_due = false;
    pool->supervisor.to_fill -= pool->supervisor.to_fill > 0;
    brood_pool_unlock(pool);
    status = kinds[pool->config.options.kind].create(&worker, &spec, error);
    brood_pool_lock(pool);
    pool->supervisor.launching = false;
    if (worker != NULL) {
        enlist(pool, worker);
    }
    return status;
}
