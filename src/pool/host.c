#include "pool/host.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "pool/lock.h"
#include "pool/roster.h"
#include "pool/send.h"
#include "pool/send_bytes.h"
#include "pool/supervisor.h"
#include "pool/worker.h"

static void watch(brood_worker *worker)
{
    brood_os_poller *poller = worker->pool->poller;
    uintptr_t bell = BROOD_OWNER_OF_BELL(worker->slot);

    worker->watched_bell =
        brood_os_poller_add(poller, worker->bell, (void *)bell, NULL) == BROOD_OK;
    worker->watched_process =
        brood_os_poller_add_process(poller, brood_process_os(worker->process),
                                    (void *)BROOD_OWNER_OF_PROCESS(worker->slot), NULL) == BROOD_OK;
}

void brood_worker_unwatch_bell(brood_worker *worker)
{
    if (worker->watched_bell) {
        brood_os_poller_remove(worker->pool->poller, worker->bell);
        worker->watched_bell = false;
    }
}

void brood_worker_free(brood_worker *worker)
{
    brood_pool *pool = worker->pool;

    if (worker->watched_process) {
        brood_os_poller_remove_process(pool->poller, brood_process_os(worker->process));
    }
    brood_worker_unwatch_bell(worker);
    brood_os_channel_close(worker->bell);
    brood_process_destroy(worker->process);
    brood_os_segment_close(&worker->segment);
    brood_sending_free(&worker->sending);
    brood_free(worker->receiving.own);
    brood_free(worker->receiving.stage);
    brood_free(worker->shared);
    brood_free(worker);
}

/* Memory and the bell. */
static brood_status equip(brood_worker *worker, brood_handle *bell, brood_error *error)
{
    size_t capacity = worker->pool->capacity;
    brood_status status =
        brood_os_segment_create(&worker->segment, brood_wire_segment_size(capacity), true, error);
    unsigned char *base = worker->segment.base;

    if (status == BROOD_OK) {
        status = brood_os_channel_pair(&worker->bell, bell, error);
    }
    if (status != BROOD_OK) {
        return status;
    }
    worker->page = (brood_wire_page *)(void *)base;
    base += sizeof(brood_wire_page);
    brood_ring_attach(&worker->to, base, capacity);
    base += brood_ring_size(capacity);
    brood_ring_attach(&worker->from, base, capacity);
    return BROOD_OK;
}

static brood_status launch(brood_worker *worker, brood_handle bell, brood_error *error)
{
    brood_pool *pool = worker->pool;
    brood_nesting nesting = {brood_nesting_here().depth + 1, worker->cores};
    brood_wire_start start = {pool->capacity, worker->segment.size,
                              pool->options.spin == BROOD_SPIN_NEVER ? 0
                                                                     : (uint64_t)pool->spin_ns / 4};
    brood_handle handles[BROOD_WIRE_HANDLES + BROOD_HANDLES_MAX];
    brood_process_options options = pool->process;
    char name[256];

    handles[BROOD_WIRE_HANDLE_SEGMENT] = worker->segment.handle;
    handles[BROOD_WIRE_HANDLE_BELL] = bell;
    for (size_t i = 0; i < options.handle_count; i++) {
        handles[BROOD_WIRE_HANDLES + i] = options.handles[i];
    }
    snprintf(name, sizeof name, "%s-%u", pool->options.name, (unsigned)worker->slot + 1);
    options.error = error;
    options.name = name;
    options.function_name = BROOD_WORKER_NAME;
    options.handles = handles;
    options.handle_count += BROOD_WIRE_HANDLES;
    options.daemon = true;
    return brood_process_start_nested(&worker->process, NULL, &start, sizeof start, &options,
                                      &nesting, &pool->origin);
}

/* A worker with its process, but not yet one of the pool's. Without the lock. */
static brood_status make_worker(brood_worker **worker, brood_pool *pool, uint32_t slot,
                                uint32_t cores, brood_error *error)
{
    brood_worker *made = brood_calloc(1, sizeof *made);
    brood_handle bell = BROOD_HANDLE_NONE;
    brood_status status = BROOD_OK;

    *worker = NULL;
    if (made == NULL) {
        return brood_fail_memory(error, "worker");
    }
    made->pool = pool;
    made->slot = slot;
    made->cores = cores > 0 ? cores : 1;
    made->check_at = made->kill_at = made->unreported_at = BROOD_NEVER;
    made->segment.handle = BROOD_HANDLE_NONE;
    status = equip(made, &bell, error);
    if (status == BROOD_OK) {
        status = launch(made, bell, error);
    }
    brood_os_handle_close(bell);
    brood_os_handle_close(made->segment.handle); /* the memory stays; a descriptor less */
    made->segment.handle = BROOD_HANDLE_NONE;
    if (status != BROOD_OK) {
        brood_worker_free(made);
        return status;
    }
    *worker = made;
    return BROOD_OK;
}

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
    brood_supervisor_wake(pool);
    pool->alive++;
    worker->number = ++pool->stats.started;
    worker->items_left = draw_items(pool);
    worker->forgotten = brood_shared_forgotten();
    brood_worker_plan_look(worker);
    watch(worker);
    if (!worker->watched_bell || !worker->watched_process ||
        brood_worker_send_setup(worker) != BROOD_OK || pool->terminated) {
        brood_worker_drop(worker, BROOD_ERR_NO_MEMORY);
        return;
    }
    brood_worker_set_idle(worker, true);
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
    status = make_worker(&worker, pool, slot, cores, error);
    brood_pool_lock(pool);
    pool->launching = false;
    if (worker != NULL) {
        enlist(pool, worker);
    }
    return status;
}
