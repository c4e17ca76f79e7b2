#include <string.h>

#include "base/memory.h"
#include "pool/peer_impl.h"

/* ---- chunks ------------------------------------------------------------------------------ */

static bool needs_extra(const brood_result *job)
{
    return job->more->tag != NULL || job->more->shared_count > 0 || job->more->in_shared != NULL ||
           job->more->out_shared != NULL;
}

static uint64_t *put_place(uint64_t *at, const brood_peer *peer, const brood_shared *shared,
                           const void *array)
{
    if (shared != NULL) {
        *at++ = brood_peer_name_of(peer, shared);
        *at++ = (uint64_t)((const char *)array - (const char *)shared->segment.base);
    }
    return at;
}

/* Fills in the extra (see wire.h). Returns its size, with padding. */
static size_t fill_extra(uint64_t words[BROOD_WIRE_EXTRA_WORDS], const brood_peer *peer,
                         const brood_result *job)
{
    uint64_t *at = words;

    *at++ = job->more->shared_count | (job->more->tag != NULL ? BROOD_WIRE_HAS_TAG : 0);
    for (size_t i = 0; i < job->more->shared_count; i++) {
        *at++ = brood_peer_name_of(peer, job->more->shared[i]);
    }
    if (job->more->tag != NULL) {
        memcpy(at, job->more->tag, BROOD_TAG_MAX);
        at += BROOD_WIRE_TAG_WORDS;
    }
    at = put_place(at, peer, job->more->in_shared, job->in);
    at = put_place(at, peer, job->more->out_shared, job->out);
    *at = 0; /* the padding */
    return (size_t)brood_wire_padded((uint64_t)(at - words) * sizeof *at);
}

/* Adds size, padded to a multiple of 16, to the sum. False: overflow. */
static bool add_padded(size_t *sum, uint64_t size)
{
    uint64_t padded = brood_wire_padded(size);

    if (padded < size || padded > SIZE_MAX - *sum) {
        return false;
    }
    *sum += (size_t)padded;
    return true;
}

/* Copies items: a table of their sizes, then each at a multiple of 16. NULL: out of memory. */
static unsigned char *gather(const brood_bytes *items, uint64_t count, size_t *size)
{
    size_t table = 0;
    unsigned char *all = NULL;
    unsigned char *at = NULL;
    bool fits =
        count <= SIZE_MAX / sizeof(uint64_t) && add_padded(&table, count * sizeof(uint64_t));

    *size = table;
    for (uint64_t i = 0; i < count && fits; i++) {
        fits = add_padded(size, items[i].size);
    }
    all = fits ? brood_calloc(1, *size) : NULL;
    if (all == NULL) {
        return NULL;
    }
    at = all + table;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t item = items[i].size;

        memcpy(all + i * sizeof item, &item, sizeof item);
        if (item > 0) {
            memcpy(at, items[i].data, items[i].size);
        }
        at += brood_wire_padded(item);
    }
    return all;
}

/* Whether the chunk is one item of a varying size, which is sent without a copy (see gather). */
static bool is_one_of_its_size(const brood_chunk *chunk)
{
    return chunk->job->kind == BROOD_JOB_MAP && chunk->job->in_size == BROOD_SIZE_VARIES &&
           chunk->count == 1;
}

/* Finds the bytes that follow the head. */
static brood_status find_data(brood_sending *sending, const brood_chunk *chunk)
{
    const brood_result *job = chunk->job;

    sending->data = job->in;
    sending->data_size = job->in_size;
    if (job->kind == BROOD_JOB_MAP && job->more->in_shared != NULL) {
        sending->data_size = 0;
    } else if (is_one_of_its_size(chunk)) {
        const brood_bytes *item = (const brood_bytes *)job->in + chunk->first;

        sending->data = item->data;
        sending->data_size = item->size;
    } else if (job->kind == BROOD_JOB_MAP && job->in_size == BROOD_SIZE_VARIES) {
        sending->own =
            gather((const brood_bytes *)job->in + chunk->first, chunk->count, &sending->data_size);
        sending->data = sending->own;
    } else if (job->kind == BROOD_JOB_MAP) {
        sending->data = (const unsigned char *)job->in + chunk->first * job->in_size;
        sending->data_size = (size_t)chunk->count * job->in_size;
    }
    return sending->data_size > 0 && sending->data == NULL ? BROOD_ERR_NO_MEMORY : BROOD_OK;
}

static brood_wire_order order_of(const brood_peer *peer, const brood_chunk *chunk)
{
    const brood_result *job = chunk->job;
    brood_wire_order order = {.kind = BROOD_WIRE_TASK,
                              .flags = job->flags,
                              .id = peer->base.backlog.last_id + 1,
                              .function = job->function,
                              .attempt = chunk->attempt,
                              .first = chunk->first,
                              .count = chunk->count,
                              .in_size = job->in_size,
                              .out_size = job->out_size};

    if (job->watchers > 0) {
        order.flags |= BROOD_WIRE_FLUSHED;
    }
    if (job->in_size == BROOD_SIZE_VARIES) {
        order.in_size = BROOD_WIRE_VARIES;
    }
    if (job->out_size == BROOD_SIZE_VARIES) {
        order.out_size = BROOD_WIRE_VARIES;
    }
    return order;
}

static bool knows_or_needs_not(const brood_peer *peer, const brood_shared *shared)
{
    return shared == NULL || brood_peer_knows(peer, shared->id);
}

/* Whether no frame must precede the task: the worker knows its function and its shared memory. */
static bool knows_all(const brood_peer *peer, const brood_result *job)
{
    if (peer->functions <= job->function || brood_peer_has_to_forget(peer) ||
        !knows_or_needs_not(peer, job->more->in_shared) ||
        !knows_or_needs_not(peer, job->more->out_shared)) {
        return false;
    }
    for (size_t i = 0; i < job->more->shared_count; i++) {
        if (!brood_peer_knows(peer, job->more->shared[i]->id)) {
            return false;
        }
    }
    return true;
}

/* The items of a chunk, which lie side by side in the caller's array; returns their size. */
static size_t find_plain(const brood_chunk *chunk, const void **data)
{
    const brood_result *job = chunk->job;

    *data = job->in;
    if (job->kind != BROOD_JOB_MAP) {
        return job->in_size;
    }
    if (job->more->in_shared != NULL) {
        return 0;
    }
    *data = (const unsigned char *)job->in + chunk->first * job->in_size;
    return job->in_size * (size_t)chunk->count;
}

static void put_in_pieces(brood_peer *peer, const brood_wire_order *order, const void *extra,
                          size_t extra_size, const void *data, size_t size)
{
    brood_ring_put(&peer->to, order, sizeof *order);
    brood_ring_put(&peer->to, extra, extra_size);
    if (size > 0) {
        brood_ring_put(&peer->to, data, size);
        brood_ring_put(&peer->to, brood_peer_zeros, (size_t)brood_wire_padded(size) - size);
    }
}

/* A small task mostly lies in one piece. */
static void put_short(brood_peer *peer, const brood_wire_order *order, const void *extra,
                      size_t extra_size, const void *data, size_t size)
{
    size_t padded = (size_t)brood_wire_padded(size);
    size_t whole = sizeof *order + extra_size + padded;
    unsigned char *place = brood_ring_place(&peer->to, whole);

    if (place == NULL || size == 0) {
        put_in_pieces(peer, order, extra, extra_size, data, size);
        return;
    }
    brood_point(place, whole);
    memcpy(place, order, sizeof *order);
    place += sizeof *order;
    if (extra_size > 0) {
        memcpy(place, extra, extra_size);
        place += extra_size;
    }
    memcpy(place, data, size);
    memset(place + size, 0, padded - size);
    brood_ring_advance(&peer->to, whole);
}

/* Writes a small task straight into the ring. False, nothing written: send_long must send it. */
static bool send_short(brood_peer *peer, const brood_chunk *chunk)
{
    const brood_result *job = chunk->job;
    const void *data = NULL;
    size_t size = 0;
    size_t extra_size = 0;
    uint64_t extra[BROOD_WIRE_EXTRA_WORDS];
    brood_wire_order order;

    if (!knows_all(peer, job) ||
        (job->kind == BROOD_JOB_MAP && job->in_size == BROOD_SIZE_VARIES)) {
        return false;
    }
    size = find_plain(chunk, &data);
    extra_size = needs_extra(job) ? fill_extra(extra, peer, job) : 0;
    if (size > peer->to.capacity / 2 ||
        !brood_ring_fits(&peer->to, sizeof order + extra_size + (size_t)brood_wire_padded(size))) {
        return false;
    }
    order = order_of(peer, chunk);
    order.size = extra_size + size;
    order.flags |= extra_size > 0 ? BROOD_WIRE_EXTRA : 0u;
    put_short(peer, &order, extra, extra_size, data, size);
    brood_peer_publish(peer);
    return true;
}

/* Makes room for all that may precede the data, so that appending it cannot fail half way. */
static brood_status reserve(brood_peer *peer, const brood_result *job)
{
    size_t shared = job->more->shared_count + 2;
    size_t size = brood_peer_size_of_functions(peer, job->function + 1) +
                  (shared + peer->shared_count + 2) * sizeof(brood_wire_order) +
                  (BROOD_WIRE_EXTRA_WORDS + 1) * sizeof(uint64_t) + BROOD_WIRE_ALIGN;

    return brood_peer_grow_known(peer, shared) && brood_peer_make_room(peer, size)
               ? BROOD_OK
               : BROOD_ERR_NO_MEMORY;
}

/* Appends the head of the task, with what precedes its data. */
static void append_task(brood_peer *peer, const brood_chunk *chunk, brood_wire_order *order)
{
    brood_sending *sending = &peer->sending;
    const brood_result *job = chunk->job;
    uint64_t size[BROOD_WIRE_ALIGN / sizeof(uint64_t)] = {sending->data_size, 0};
    uint64_t extra[BROOD_WIRE_EXTRA_WORDS];
    size_t extra_size = needs_extra(job) ? fill_extra(extra, peer, job) : 0;
    bool has_table = is_one_of_its_size(chunk);

    sending->padding = (size_t)brood_wire_padded(sending->data_size) - sending->data_size;
    peer->base.transit.chunk = chunk;
    order->size = extra_size + sending->data_size + (has_table ? sizeof size : 0);
    order->flags |= extra_size > 0 ? BROOD_WIRE_EXTRA : 0u;
    brood_buffer_append(&sending->head, order, sizeof *order);
    brood_buffer_append(&sending->head, extra, extra_size);
    if (has_table) {
        brood_buffer_append(&sending->head, size, sizeof size);
    }
}

static brood_status send_long(brood_peer *peer, const brood_chunk *chunk)
{
    brood_sending *sending = &peer->sending;
    const brood_result *job = chunk->job;
    brood_wire_order order = order_of(peer, chunk);
    brood_status status = reserve(peer, job);

    if (status == BROOD_OK) {
        status = find_data(sending, chunk);
    }
    if (status == BROOD_OK) {
        brood_peer_append_forgotten(peer, SIZE_MAX);
        brood_peer_append_functions(peer, job->function + 1);
        status = brood_peer_append_shared(peer, job);
    }
    if (status != BROOD_OK) {
        brood_free(sending->own);
        sending->own = NULL;
        sending->data = NULL;
        sending->data_size = 0;
        brood_peer_go_on(&peer->base); /* what was put into the head already */
        return status;
    }
    append_task(peer, chunk, &order);
    brood_peer_go_on(&peer->base);
    return BROOD_OK;
}

brood_status brood_peer_send(brood_worker *worker, const brood_chunk *chunk)
{
    brood_peer *peer = brood_peer_of(worker);

    return send_short(peer, chunk) ? BROOD_OK : send_long(peer, chunk);
}
