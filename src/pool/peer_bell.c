#include "pool/peer_impl.h"
#include "process/process.h"

#define IDLE_RINGS_MAX 16

bool brood_peer_watch_end(brood_worker *worker, bool watches)
{
    brood_peer *peer = brood_peer_of(worker);
    brood_os_poller *poller = worker->pool->wait.poller;
    void *owner = (void *)BROOD_OWNER_OF_PROCESS(worker->slot);

    if (peer->watches_process == watches) {
        return true;
    }
    if (watches) {
        peer->watches_process = brood_os_poller_add_process(poller, brood_process_os(peer->process),
                                                            owner, NULL) == BROOD_OK;
        return peer->watches_process;
    }
    brood_os_poller_remove_process(poller, brood_process_os(peer->process));
    peer->watches_process = false;
    return true;
}

bool brood_peer_watch_bell(brood_peer *peer)
{
    brood_os_poller *poller = peer->base.pool->wait.poller;
    uint32_t slot = peer->base.slot;

    peer->watches_bell = brood_os_poller_add(poller, peer->bell, (void *)BROOD_OWNER_OF_BELL(slot),
                                             NULL) == BROOD_OK;
    return peer->watches_bell;
}

void brood_peer_unwatch_bell(brood_peer *peer)
{
    if (peer->watches_bell) {
        brood_os_poller_remove(peer->base.pool->wait.poller, peer->bell);
        peer->watches_bell = false;
    }
}

void brood_peer_ring(brood_worker *worker)
{
    size_t put = 0;
    brood_status status = brood_os_channel_write(brood_peer_of(worker)->bell, "", 1, &put, NULL);

    /* TIMEOUT, no room: enough rings are under way. CLOSED: the poller reports the end. */
    worker->transit.must_ring =
        status != BROOD_OK && status != BROOD_ERR_TIMEOUT && status != BROOD_ERR_CLOSED;
}

bool brood_peer_arm(brood_worker *worker)
{
    brood_peer *peer = brood_peer_of(worker);
    size_t room = 0;

    /* Counted also when arming fails below: the worker may have seen the word, and have rung. */
    peer->rings_due += !worker->transit.is_armed;
    if (!worker->transit.is_armed && !brood_ring_sleep_to_read(&peer->from, 0)) {
        return false;
    }
    worker->transit.is_armed = true;
    if (brood_worker_can_send(worker) || brood_ring_room(&peer->to, &room) != BROOD_OK) {
        return true;
    }
    if (room > 0) {
        return false;
    }
    peer->rings_due++;
    return brood_ring_sleep_to_write(&peer->to, 0);
}

void brood_peer_disarm(brood_worker *worker)
{
    worker->transit.is_armed = false;
    brood_ring_wake_to_read(&brood_peer_of(worker)->from);
}

/* False: the worker has rung more often than it was armed; it could keep the leader awake. */
static bool note_rings(brood_peer *peer, size_t rings)
{
    bool is_right = rings <= peer->rings_due;

    peer->rings_due -= is_right ? rings : peer->rings_due;
    return is_right;
}

/*
 * False: it rings although it has neither answered nor read anything, again and again. One that rings
 * behind another ring may find that all was seen before; there is at most one for each ring.
 */
static bool note_progress(brood_peer *peer)
{
    uint64_t at = brood_load64(&peer->from.shared->written) + brood_load64(&peer->to.shared->read);

    peer->idle_rings = at == peer->rung_at ? peer->idle_rings + 1 : 0;
    peer->rung_at = at;
    return peer->idle_rings < IDLE_RINGS_MAX;
}

brood_status brood_peer_listen(brood_worker *worker)
{
    brood_peer *peer = brood_peer_of(worker);
    char bytes[64];
    size_t got = 0;
    brood_status status = brood_os_channel_read(peer->bell, bytes, sizeof bytes, &got, NULL);

    worker->transit.is_armed = false;
    if (!note_rings(peer, got) || (got > 0 && !note_progress(peer))) {
        return BROOD_ERR_PROTOCOL;
    }
    if (status == BROOD_ERR_CLOSED) {
        brood_peer_unwatch_bell(peer);
    }
    /* Nothing was there, or the system had no memory to look: the poller says so again. */
    return status == BROOD_ERR_TIMEOUT || status == BROOD_ERR_LIMIT || status == BROOD_ERR_NO_MEMORY
               ? BROOD_OK
               : status;
}
