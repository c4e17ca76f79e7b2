#include "pool/send_bytes.h"

#include <string.h>

#include "base/memory.h"
#include "pool/send_shared.h"
#include "pool/worker.h"

/* ---- bytes into the ring ----------------------------------------------------------------- */

void brood_send_publish(brood_worker *worker)
{
    if (brood_ring_publish(&worker->to)) {
        brood_worker_ring(worker);
    }
}

bool brood_worker_can_send(const brood_worker *worker)
{
    const brood_sending *sending = &worker->sending;

    return sending->head_at == sending->head.size && sending->data_at == sending->data_size &&
           sending->padding == 0;
}

void brood_sending_free(brood_sending *sending)
{
    brood_buffer_free(&sending->head);
    brood_free(sending->own);
    memset(sending, 0, sizeof *sending);
}

/* As much of the bytes (NULL: of nothing) as there is room for; the rest is not yet sent. */
static size_t put_some(brood_worker *worker, const void *data, size_t size)
{
    size_t room = worker->to.capacity - (size_t)(worker->to.own - worker->to.other);
    size_t part = 0;

    if (room < size && brood_ring_room(&worker->to, &room) != BROOD_OK) {
        brood_worker_drop(worker, BROOD_ERR_PROTOCOL);
        return 0;
    }
    part = size < room ? size : room;
    if (part > 0 && data != NULL) {
        brood_ring_put(&worker->to, data, part);
    } else {
        brood_ring_advance(&worker->to, part);
    }
    worker->pool->moved += part > 0;
    return part;
}

void brood_worker_go_on(brood_worker *worker)
{
    brood_sending *sending = &worker->sending;
    uint64_t before = worker->to.own;

    sending->head_at += put_some(worker, sending->head.data + sending->head_at,
                                 sending->head.size - sending->head_at);
    if (sending->head_at == sending->head.size) {
        /* Not all of it at once: the worker begins to read while we still write. */
        size_t left = sending->data_size - sending->data_at;
        size_t most = worker->to.capacity / 4;

        while (left > 0) {
            const unsigned char *at = sending->is_void ? NULL : sending->data + sending->data_at;
            size_t part = put_some(worker, at, left < most ? left : most);

            if (part == 0) {
                break;
            }
            sending->data_at += part;
            left -= part;
            brood_send_publish(worker);
        }
    }
    if (sending->head_at == sending->head.size && sending->data_at == sending->data_size) {
        sending->padding -= put_some(worker, brood_send_zeros, sending->padding);
    }
    if (worker->to.own != before) {
        brood_send_publish(worker);
    }
    if (brood_worker_can_send(worker)) {
        brood_free(sending->own);
        sending->own = NULL;
        sending->chunk = NULL;
        sending->data = NULL;
        sending->data_size = sending->data_at = 0;
        sending->head.size = sending->head_at = 0;
        worker->pool->voids -= sending->is_void;
        sending->is_void = false;
        if (brood_send_has_to_forget(worker)) {
            brood_agenda_at(worker->pool, 0); /* it could not be told of that meanwhile */
        }
    }
}

/* It rings for room, or is listed for that, as any worker to which something is being sent. */
void brood_worker_void(brood_worker *worker)
{
    brood_sending *sending = &worker->sending;

    brood_free(sending->own);
    sending->own = NULL;
    sending->chunk = NULL;
    sending->data = NULL;
    sending->is_void = true;
    worker->pool->voids++;
}

/* ---- heads ------------------------------------------------------------------------------- */

bool brood_send_make_room(brood_buffer *buffer, size_t size)
{
    bool made = brood_buffer_reserve(buffer, size);

    buffer->failed = false;
    return made;
}

static void append_padded(brood_buffer *buffer, const void *data, size_t size)
{
    brood_buffer_append(buffer, data, size);
    brood_buffer_append(buffer, brood_send_zeros, (size_t)brood_wire_padded(size) - size);
}

void brood_send_append_order(brood_buffer *buffer, brood_wire_kind kind, uint32_t function,
                             const void *body, size_t size)
{
    brood_wire_order order = {.kind = (uint32_t)kind, .function = function, .size = size};

    brood_buffer_append(buffer, &order, sizeof order);
    append_padded(buffer, body, size);
}

void brood_send_append_functions(brood_worker *worker, uint32_t count)
{
    while (worker->functions < count) {
        const brood_buffer *encoded = &worker->pool->functions[worker->functions].encoded;

        brood_send_append_order(&worker->sending.head, BROOD_WIRE_FUNCTION, worker->functions,
                                encoded->data, encoded->size);
        worker->functions++;
    }
}

size_t brood_send_size_of_functions(const brood_worker *worker, uint32_t count)
{
    size_t size = 0;

    for (uint32_t i = worker->functions; i < count; i++) {
        size += sizeof(brood_wire_order) +
                (size_t)brood_wire_padded(worker->pool->functions[i].encoded.size);
    }
    return size;
}

/* ---- around it --------------------------------------------------------------------------- */

bool brood_worker_arm(brood_worker *worker)
{
    size_t room = 0;

    if (worker->dropped != BROOD_OK) {
        return true; /* only its end is waited for */
    }
    /* Also where it is not armed after all: it may have rung by then. */
    worker->rings_due += !worker->armed;
    if (!worker->armed && !brood_ring_sleep_to_read(&worker->from, 0)) {
        return false;
    }
    worker->armed = true;
    if (brood_worker_can_send(worker) || brood_ring_room(&worker->to, &room) != BROOD_OK) {
        return true;
    }
    worker->rings_due++;
    return room == 0 && brood_ring_sleep_to_write(&worker->to, 0);
}

void brood_worker_detach(brood_worker *worker, const brood_result *job)
{
    brood_sending *sending = &worker->sending;
    size_t left = sending->data_size - sending->data_at;

    if (sending->chunk == NULL || sending->chunk->job != job || sending->own != NULL || left == 0) {
        return;
    }
    sending->own = brood_malloc(left);
    if (sending->own == NULL) {
        brood_worker_drop(worker, BROOD_ERR_NO_MEMORY);
        sending->data_size = sending->data_at = 0;
        return;
    }
    memcpy(sending->own, sending->data + sending->data_at, left);
    sending->data = sending->own;
    sending->data_size = left;
    sending->data_at = 0;
}
