/* Items that are done, but not reported. */
#include <string.h>

#include "pool/peer_impl.h"

/* Whether all that the worker has published was received. */
static bool is_empty(brood_peer *peer)
{
    size_t available = 0;

    return !peer->receiving.in_body && brood_ring_available(&peer->from, &available) == BROOD_OK &&
           available == 0;
}

/*
 * Copies the values of count items, which lie in the ring after the place of a head that was not
 * published: a worker begins an item only when there is room for its value there. The head itself
 * is not read: a worker that was killed while it wrote the head has left only a part of it.
 */
static bool take_values(brood_peer *peer, const brood_chunk *chunk, uint64_t count)
{
    const brood_result *job = chunk->job;
    size_t before = sizeof(brood_wire_answer) + (size_t)chunk->unreported * job->out_size;
    size_t size = (size_t)count * job->out_size;
    const unsigned char *at = NULL;

    if (before + size <= peer->from.capacity) {
        at = brood_ring_peek(&peer->from, before + size);
    }
    if (at != NULL && job->cancel_status == BROOD_OK && !job->abandoned) {
        memcpy(brood_job_item_place(job, chunk->first + chunk->done), at + before, size);
    }
    return at != NULL;
}

bool brood_peer_take(brood_worker *worker, const brood_chunk *chunk, uint64_t count)
{
    brood_peer *peer = brood_peer_of(worker);

    return is_empty(peer) &&
           (!brood_job_has_values_in_ring(chunk->job) || take_values(peer, chunk, count));
}
