/* What a worker is sent at its beginning and at its end. */
#include "pool/peer_impl.h"

brood_status brood_peer_send_setup(brood_worker *worker)
{
    brood_peer *peer = brood_peer_of(worker);
    const brood_pool *pool = worker->pool;
    uint32_t count = pool->functions.has_finalizer ? pool->functions.finalizer + 1 : 0;

    if (pool->functions.has_initializer && pool->functions.initializer >= count) {
        count = pool->functions.initializer + 1;
    }
    if (!brood_peer_make_room(
            peer, brood_peer_size_of_functions(peer, count) + 4 * sizeof(brood_wire_order) +
                      (size_t)brood_wire_padded(pool->config.options.initializer_size))) {
        return BROOD_ERR_NO_MEMORY;
    }
    brood_peer_append_functions(peer, count);
    if (pool->functions.has_initializer) {
        brood_peer_append_order(peer, BROOD_WIRE_INITIALIZE, pool->functions.initializer,
                                pool->config.initializer_arg,
                                pool->config.options.initializer_size);
    }
    if (pool->functions.has_finalizer) {
        brood_peer_append_order(peer, BROOD_WIRE_FINALIZE, pool->functions.finalizer, NULL, 0);
    }
    brood_peer_append_order(peer, BROOD_WIRE_READY, 0, NULL, 0);
    brood_peer_go_on(&peer->base);
    return BROOD_OK;
}

/* STOP follows all that was sent. While something is being sent it cannot be appended. */
brood_status brood_peer_send_stop(brood_worker *worker)
{
    brood_peer *peer = brood_peer_of(worker);

    if (!brood_worker_can_send(worker) || !brood_peer_make_room(peer, sizeof(brood_wire_order))) {
        return BROOD_ERR_NO_MEMORY;
    }
    brood_peer_append_order(peer, BROOD_WIRE_STOP, 0, NULL, 0);
    brood_peer_go_on(&peer->base);
    return BROOD_OK;
}
