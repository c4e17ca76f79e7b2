#include "pool/starts.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "pool/lock.h"
#include "pool/peer.h"
#include "pool/roster.h"
#include "pool/worker.h"

static uint64_t draw_items(const brood_pool *pool)
{
    uint32_t jitter = pool->options.max_tasks_jitter;
    uint64_t seed = (uint64_t)brood_os_now() * UINT64_C(6364136223846793005);

    if (pool->options.max_tasks_per_worker == 0) {
        return UINT64_MAX;
    }
    return pool->options.max_tasks_per_worker - (seed >> 33) % ((uint64_t)jitter + 1);
}

static uint32_t free_slot(brood_pool *pool)
{
    for (uint32_t i = 0; i < pool->slots; i++) {
        if (pool->workers[i] == NULL) {
            return i;
        }
    }
    return pool->slots;
}

static bool grow_slots(brood_pool *pool)
{
    uint32_t slots = pool->slots == 0 ? 8 : pool->slots * 2;
    brood_worker **workers = brood_realloc((void *)pool->workers, slots * sizeof(brood_worker *));

    if (workers == NULL) {
        return false;
    }
    memset((void *)(workers + pool->slots), 0, (slots - pool->slots) * sizeof(brood_worker *));
    pool->workers = workers;
    pool->slots = slots;
    return true;
}

/*
 * It is the pool's from now on, also when it cannot be told what to do. Since the crew has changed,
 * somebody looks after it before anybody sleeps, and makes it ring when it has come up: turn_others.
 */
static void enlist(brood_pool *pool, brood_worker *worker)
{
    pool->workers[worker->slot] = worker;
    brood_agenda_supervise(pool);
    pool->alive++;
    worker->number = ++pool->stats.started;
    worker->items_left = draw_items(pool);
    brood_worker_plan_look(worker);
    if (worker->ops->send_setup(worker) != BROOD_OK || pool->terminated) {
        brood_worker_drop(worker, BROOD_ERR_NO_MEMORY);
        return;
    }
    brood_worker_set_idle(worker, true);
    brood_worker_check(worker);
}

brood_status brood_supervisor_start(brood_pool *pool, brood_error *error)
{
    uint32_t slot = free_slot(pool);
    uint32_t cores = pool->cores / pool->target;
    brood_worker *worker = NULL;
    brood_status status = BROOD_OK;

    if (slot == pool->slots && !grow_slots(pool)) {
        return brood_fail_memory(error, "workers");
    }
    pool->launching = true;
    pool->start_due = false;
    pool->to_fill -= pool->to_fill > 0;
    brood_pool_unlock(pool);
    status = brood_peer_create(&worker, pool, slot, cores, error);
    brood_pool_lock(pool);
    pool->launching = false;
    if (worker != NULL) {
        enlist(pool, worker);
    }
    return status;
}
