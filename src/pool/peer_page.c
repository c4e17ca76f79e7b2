#include "pool/peer_impl.h"

brood_position brood_peer_position(const brood_worker *worker)
{
    brood_wire_page *page = brood_peer_of_const(worker)->page;
    brood_position position = {brood_claim_id(brood_load64(&page->claim)), 0, 0, 0};

    position.item = brood_load64(&page->item); /* behind the claim, which it belongs to */
    position.started = (int64_t)brood_load64(&page->started);
    position.later_id = brood_claim_id(brood_load64(&page->claim));
    return position;
}

/* A worker changes the claim once for each chunk: one that does so more often is not to be believed. */
uint64_t brood_peer_revoke(brood_worker *worker)
{
    brood_wire_page *page = brood_peer_of(worker)->page;

    brood_store64(&page->revoked_upto, worker->backlog.last_id);
    for (uint64_t tries = 0; tries <= worker->backlog.count + 1; tries++) {
        uint64_t claim = brood_load64(&page->claim);

        if (brood_cas64(&page->claim, claim, brood_claim_frozen(claim))) {
            return brood_claim_id(claim);
        }
    }
    return UINT64_MAX;
}

/*
 * cancel_item is stored before cancel_id, which makes it valid, and run_until last: a worker that
 * stores run_until afterwards checks cancel_id after that (run_in_places), so it sees the
 * interrupt.
 */
void brood_peer_interrupt_chunk(brood_peer *peer, uint64_t id, uint64_t item)
{
    brood_store64(&peer->page->cancel_item, item);
    brood_store64(&peer->page->cancel_id, id);
    brood_store64(&peer->page->run_until, 0);
}

void brood_peer_interrupt(brood_worker *worker, uint64_t item)
{
    brood_peer_interrupt_chunk(brood_peer_of(worker), worker->backlog.chunks.first->id, item);
}

bool brood_peer_hold(brood_worker *worker, uint64_t item)
{
    brood_wire_page *page = brood_peer_of(worker)->page;
    bool is_held = false;

    brood_exchange32(&page->halts, 1);
    is_held = brood_load64(&page->item) == item;
    if (!is_held) {
        brood_exchange32(&page->halts, 0);
    }
    return is_held;
}

void brood_peer_let_spin(brood_worker *worker, bool may)
{
    brood_exchange32(&brood_peer_of(worker)->page->may_spin, may ? 1 : 0);
}
