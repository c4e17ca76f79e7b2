#include <string.h>

#include "base/memory.h"
#include "pool/peer_impl.h"

#define KEEP_HEAD_MAX ((size_t)64 * 1024)

/* ---- bytes into the ring ----------------------------------------------------------------- */

void brood_peer_publish(brood_peer *peer)
{
    if (brood_ring_publish(&peer->to)) {
        brood_peer_ring(&peer->base);
    }
}

static bool has_gone(const brood_sending *sending)
{
    return sending->head_at == sending->head.size && sending->data_at == sending->data_size &&
           sending->padding == 0;
}

void brood_sending_free(brood_sending *sending)
{
    brood_buffer_free(&sending->head);
    brood_free(sending->own);
    memset(sending, 0, sizeof *sending);
}

/* Puts as many of the bytes as there is room for (NULL: as void bytes); returns how many. */
static size_t put_some(brood_peer *peer, const void *data, size_t size)
{
    size_t room = peer->to.capacity - (size_t)(peer->to.own - peer->to.other);
    size_t part = 0;

    if (room < size && brood_ring_room(&peer->to, &room) != BROOD_OK) {
        peer->base.transit.fault = BROOD_ERR_PROTOCOL;
        return 0;
    }
    part = size < room ? size : room;
    if (part > 0 && data != NULL) {
        brood_ring_put(&peer->to, data, part);
    } else {
        brood_ring_advance(&peer->to, part);
    }
    peer->base.transit.moved += part > 0;
    return part;
}

/*
 * Writes a quarter of the ring at a time, so that the worker begins to read meanwhile; and at most
 * one ring in all: a worker that reads as fast would make the caller keep the lock for a whole
 * large argument.
 */
static void put_data(brood_peer *peer)
{
    brood_sending *sending = &peer->sending;
    size_t quarter = peer->to.capacity / 4;
    size_t left = sending->data_size - sending->data_at;
    size_t part = 1;

    left = left < peer->to.capacity ? left : peer->to.capacity;
    while (left > 0 && part > 0) {
        const unsigned char *at =
            peer->base.transit.is_void ? NULL : sending->data + sending->data_at;

        part = put_some(peer, at, left < quarter ? left : quarter);
        sending->data_at += part;
        left -= part;
        if (part > 0) {
            brood_peer_publish(peer);
        }
    }
}

static void end_sending(brood_peer *peer)
{
    brood_sending *sending = &peer->sending;
    brood_transit *transit = &peer->base.transit;

    brood_free(sending->own);
    sending->own = NULL;
    sending->data = NULL;
    sending->data_size = sending->data_at = 0;
    sending->head.size = sending->head_at = 0;
    if (sending->head.capacity > KEEP_HEAD_MAX) {
        brood_buffer_free(&sending->head); /* it had the initializer's argument */
    }
    transit->chunk = NULL;
    transit->is_void = transit->is_sending = false;
    if (brood_peer_has_to_forget(peer)) {
        brood_agenda_at(peer->base.pool, 0); /* FORGET could not be sent meanwhile */
    }
}

void brood_peer_go_on(brood_worker *worker)
{
    brood_peer *peer = brood_peer_of(worker);
    brood_sending *sending = &peer->sending;
    uint64_t before = peer->to.own;

    worker->transit.is_sending = true;
    sending->head_at += put_some(peer, sending->head.data + sending->head_at,
                                 sending->head.size - sending->head_at);
    if (sending->head_at == sending->head.size) {
        put_data(peer);
    }
    if (sending->head_at == sending->head.size && sending->data_at == sending->data_size) {
        sending->padding -= put_some(peer, brood_peer_zeros, sending->padding);
    }
    if (peer->to.own != before) {
        brood_peer_publish(peer);
    }
    if (has_gone(sending)) {
        end_sending(peer);
    }
}

/*
 * The worker is still owed the bytes: is_sending stays set, so it rings for room, or is listed for
 * that, as any worker to which something is being sent.
 */
void brood_peer_discard(brood_worker *worker)
{
    brood_sending *sending = &brood_peer_of(worker)->sending;

    brood_free(sending->own);
    sending->own = NULL;
    sending->data = NULL;
    worker->transit.chunk = NULL;
    worker->transit.is_void = true;
}

void brood_peer_detach(brood_worker *worker, const brood_result *job)
{
    brood_sending *sending = &brood_peer_of(worker)->sending;
    size_t left = sending->data_size - sending->data_at;
    const brood_chunk *chunk = worker->transit.chunk;

    if (chunk == NULL || chunk->job != job || sending->own != NULL || left == 0) {
        return;
    }
    sending->own = brood_malloc(left);
    if (sending->own == NULL) {
        worker->transit.fault = BROOD_ERR_NO_MEMORY;
        sending->data_size = sending->data_at = 0;
        return;
    }
    memcpy(sending->own, sending->data + sending->data_at, left);
    sending->data = sending->own;
    sending->data_size = left;
    sending->data_at = 0;
}

/* ---- heads ------------------------------------------------------------------------------- */

bool brood_peer_make_room(brood_peer *peer, size_t size)
{
    bool made = brood_buffer_reserve(&peer->sending.head, size);

    peer->sending.head.failed = false;
    return made;
}

static void append_padded(brood_buffer *buffer, const void *data, size_t size)
{
    brood_buffer_append(buffer, data, size);
    brood_buffer_append(buffer, brood_peer_zeros, (size_t)brood_wire_padded(size) - size);
}

void brood_peer_append_order(brood_peer *peer, brood_wire_kind kind, uint32_t function,
                             const void *body, size_t size)
{
    brood_buffer *buffer = &peer->sending.head;
    brood_wire_order order = {.kind = (uint32_t)kind, .function = function, .size = size};

    brood_buffer_append(buffer, &order, sizeof order);
    append_padded(buffer, body, size);
}

void brood_peer_append_functions(brood_peer *peer, uint32_t count)
{
    while (peer->functions < count) {
        const brood_buffer *encoded = &peer->base.pool->functions.known[peer->functions].encoded;

        brood_peer_append_order(peer, BROOD_WIRE_FUNCTION, peer->functions, encoded->data,
                                encoded->size);
        peer->functions++;
    }
}

size_t brood_peer_size_of_functions(const brood_peer *peer, uint32_t count)
{
    size_t size = 0;

    for (uint32_t i = peer->functions; i < count; i++) {
        size += sizeof(brood_wire_order) +
                (size_t)brood_wire_padded(peer->base.pool->functions.known[i].encoded.size);
    }
    return size;
}
