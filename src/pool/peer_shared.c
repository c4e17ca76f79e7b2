#include "base/memory.h"
#include "pool/peer_impl.h"
#include "process/process.h"

/* A thread has the program's own mappings. */
bool brood_peer_knows(const brood_peer *peer, uint64_t id)
{
    if (peer->thread != NULL) {
        return true;
    }
    for (size_t i = 0; i < peer->shared_count; i++) {
        if (peer->shared[i] == id) {
            return true;
        }
    }
    return false;
}

/* brood_peer_grow_known has made room in the list of known ids before. */
static brood_status append_shared(brood_peer *peer, const brood_shared *shared)
{
    brood_wire_order order = {.kind = BROOD_WIRE_SHARED};
    brood_handle number = BROOD_HANDLE_NONE;
    brood_status status = BROOD_OK;

    if (shared == NULL || brood_peer_knows(peer, shared->id)) {
        return BROOD_OK;
    }
    status = brood_os_handle_give(peer->bell, brood_process_os(peer->process),
                                  shared->segment.handle, &number, NULL);
    if (status != BROOD_OK) {
        return status == BROOD_ERR_CLOSED ? BROOD_OK : status; /* the poller reports its end */
    }
    order.id = shared->id;
    order.first = (uint64_t)number;
    order.count = shared->segment.size;
    order.in_size = shared->size;
    brood_buffer_append(&peer->sending.head, &order, sizeof order);
    peer->shared[peer->shared_count++] = shared->id;
    brood_shared_watch_begin(&peer->base.pool->engine.watch, peer->base.pool->wait.poller);
    return BROOD_OK;
}

brood_status brood_peer_append_shared(brood_peer *peer, const brood_result *job)
{
    brood_status status = append_shared(peer, job->more->in_shared);

    if (status == BROOD_OK) {
        status = append_shared(peer, job->more->out_shared);
    }
    for (size_t i = 0; i < job->more->shared_count && status == BROOD_OK; i++) {
        status = append_shared(peer, job->more->shared[i]);
    }
    return status;
}

bool brood_peer_grow_known(brood_peer *peer, size_t more)
{
    uint64_t *known = NULL;

    if (more == 0) {
        return true;
    }
    known = brood_realloc(peer->shared, (peer->shared_count + more) * sizeof *known);
    if (known == NULL) {
        return false;
    }
    peer->shared = known;
    return true;
}

void brood_peer_append_forgotten(brood_peer *peer, size_t most)
{
    uint64_t forgotten = brood_shared_forgotten();
    size_t left = most;

    if (!brood_peer_has_to_forget(peer)) {
        return;
    }
    for (size_t i = 0; i < peer->shared_count;) {
        brood_wire_order order = {.kind = BROOD_WIRE_FORGET, .id = peer->shared[i]};

        if (brood_shared_lives(order.id)) {
            i++;
        } else if (left-- == 0) {
            return;
        } else {
            brood_buffer_append(&peer->sending.head, &order, sizeof order);
            peer->shared[i] = peer->shared[--peer->shared_count];
        }
    }
    peer->forgotten = forgotten;
}

bool brood_peer_forget(brood_worker *worker)
{
    brood_peer *peer = brood_peer_of(worker);
    size_t room = 0;

    if (!brood_peer_has_to_forget(peer)) {
        return true;
    }
    if (!brood_worker_can_send(worker)) {
        return false; /* the end of what is being sent makes it due */
    }
    if (brood_ring_room(&peer->to, &room) != BROOD_OK || room < sizeof(brood_wire_order) ||
        !brood_peer_make_room(peer, peer->shared_count * sizeof(brood_wire_order))) {
        brood_agenda_at(worker->pool, brood_os_now() + BROOD_WORKER_RETRY_NS);
        return false;
    }
    brood_peer_append_forgotten(peer, room / sizeof(brood_wire_order));
    brood_peer_go_on(worker);
    if (brood_peer_has_to_forget(peer)) {
        brood_agenda_at(worker->pool, brood_os_now() + BROOD_WORKER_RETRY_NS);
    }
    return !brood_peer_has_to_forget(peer);
}
