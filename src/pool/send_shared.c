#include "pool/send_shared.h"

#include "base/memory.h"
#include "pool/roster.h"
#include "pool/send_bytes.h"

bool brood_send_has_to_forget(const brood_worker *worker)
{
    return worker->shared_count > 0 && worker->forgotten != brood_shared_forgotten();
}

bool brood_send_knows(const brood_worker *worker, uint64_t id)
{
    for (size_t i = 0; i < worker->shared_count; i++) {
        if (worker->shared[i] == id) {
            return true;
        }
    }
    return false;
}

/* Room in the worker's list was made before. */
static brood_status append_shared(brood_worker *worker, const brood_shared *shared)
{
    brood_wire_order order = {.kind = BROOD_WIRE_SHARED};
    brood_handle number = BROOD_HANDLE_NONE;
    brood_status status = BROOD_OK;

    if (shared == NULL || brood_send_knows(worker, shared->id)) {
        return BROOD_OK;
    }
    status = brood_os_handle_give(worker->bell, brood_process_os(worker->process),
                                  shared->segment.handle, &number, NULL);
    if (status != BROOD_OK) {
        return status == BROOD_ERR_CLOSED ? BROOD_OK : status; /* its end is told elsewhere */
    }
    order.id = shared->id;
    order.first = (uint64_t)number;
    order.count = shared->segment.size;
    order.in_size = shared->size;
    brood_buffer_append(&worker->sending.head, &order, sizeof order);
    worker->shared[worker->shared_count++] = shared->id;
    brood_shared_watch_begin(&worker->pool->watch, worker->pool->poller);
    return BROOD_OK;
}

brood_status brood_send_append_shared(brood_worker *worker, const brood_result *job)
{
    brood_status status = append_shared(worker, job->in_shared);

    if (status == BROOD_OK) {
        status = append_shared(worker, job->out_shared);
    }
    for (size_t i = 0; i < job->shared_count && status == BROOD_OK; i++) {
        status = append_shared(worker, job->shared[i]);
    }
    return status;
}

bool brood_send_grow_known(brood_worker *worker, size_t more)
{
    uint64_t *known = NULL;

    if (more == 0) {
        return true;
    }
    known = brood_realloc(worker->shared, (worker->shared_count + more) * sizeof *known);
    if (known == NULL) {
        return false;
    }
    worker->shared = known;
    return true;
}

void brood_send_append_forgotten(brood_worker *worker)
{
    uint64_t forgotten = brood_shared_forgotten();

    if (!brood_send_has_to_forget(worker)) {
        return;
    }
    for (size_t i = 0; i < worker->shared_count;) {
        brood_wire_order order = {.kind = BROOD_WIRE_FORGET, .id = worker->shared[i]};

        if (brood_shared_lives(order.id)) {
            i++;
        } else {
            brood_buffer_append(&worker->sending.head, &order, sizeof order);
            worker->shared[i] = worker->shared[--worker->shared_count];
        }
    }
    worker->forgotten = forgotten;
}

/* False: it must be told later. */
static bool forget(brood_worker *worker)
{
    if (worker == NULL || !brood_worker_serves(worker) || !brood_send_has_to_forget(worker)) {
        return true;
    }
    if (!brood_worker_can_send(worker) ||
        !brood_send_make_room(&worker->sending.head,
                              worker->shared_count * sizeof(brood_wire_order))) {
        return false;
    }
    brood_send_append_forgotten(worker);
    brood_worker_go_on(worker);
    return true;
}

void brood_pool_forget(brood_pool *pool)
{
    uint64_t forgotten = pool->watch.poller != NULL ? brood_shared_forgotten() : pool->forgotten;
    bool all = true;

    if (forgotten == pool->forgotten) {
        return;
    }
    for (uint32_t i = 0; i < pool->slots; i++) {
        all = forget(pool->workers[i]) && all;
    }
    if (all) {
        pool->forgotten = forgotten;
    }
}
