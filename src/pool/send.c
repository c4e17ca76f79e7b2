#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "pool/pool_impl.h"

static const char zeros[BROOD_WIRE_ALIGN];

/* ---- bytes into the ring ----------------------------------------------------------------- */

static void publish(brood_worker *worker)
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

/* Whether the program has unmapped something since that the worker may know. */
static bool has_to_forget(const brood_worker *worker)
{
    return worker->shared_count > 0 && worker->forgotten != brood_shared_forgotten();
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
            publish(worker);
        }
    }
    if (sending->head_at == sending->head.size && sending->data_at == sending->data_size) {
        sending->padding -= put_some(worker, zeros, sending->padding);
    }
    if (worker->to.own != before) {
        publish(worker);
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
        if (has_to_forget(worker)) {
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

/* Room for size bytes more. One that failed may have memory the next time. */
static bool make_room(brood_buffer *buffer, size_t size)
{
    bool made = brood_buffer_reserve(buffer, size);

    buffer->failed = false;
    return made;
}

static void append_padded(brood_buffer *buffer, const void *data, size_t size)
{
    brood_buffer_append(buffer, data, size);
    brood_buffer_append(buffer, zeros, (size_t)brood_wire_padded(size) - size);
}

static void append_order(brood_buffer *buffer, brood_wire_kind kind, uint32_t function,
                         const void *body, size_t size)
{
    brood_wire_order order = {.kind = (uint32_t)kind, .function = function, .size = size};

    brood_buffer_append(buffer, &order, sizeof order);
    append_padded(buffer, body, size);
}

/* The functions that the worker does not know yet, up to, but not with, that number. */
static void append_functions(brood_worker *worker, uint32_t count)
{
    while (worker->functions < count) {
        const brood_buffer *encoded = &worker->pool->functions[worker->functions].encoded;

        append_order(&worker->sending.head, BROOD_WIRE_FUNCTION, worker->functions, encoded->data,
                     encoded->size);
        worker->functions++;
    }
}

static size_t size_of_functions(const brood_worker *worker, uint32_t count)
{
    size_t size = 0;

    for (uint32_t i = worker->functions; i < count; i++) {
        size += sizeof(brood_wire_order) +
                (size_t)brood_wire_padded(worker->pool->functions[i].encoded.size);
    }
    return size;
}

/* ---- shared memory ----------------------------------------------------------------------- */

static bool knows(const brood_worker *worker, uint64_t id)
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

    if (shared == NULL || knows(worker, shared->id)) {
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

static brood_status append_all_shared(brood_worker *worker, const brood_result *job)
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

static bool grow_known(brood_worker *worker, size_t more)
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

/* What the program has unmapped since, the worker unmaps, too. Room was made before. */
static void append_forgotten(brood_worker *worker)
{
    uint64_t forgotten = brood_shared_forgotten();

    if (!has_to_forget(worker)) {
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
    if (worker == NULL || !brood_worker_serves(worker) || !has_to_forget(worker)) {
        return true;
    }
    if (!brood_worker_can_send(worker) ||
        !make_room(&worker->sending.head, worker->shared_count * sizeof(brood_wire_order))) {
        return false;
    }
    append_forgotten(worker);
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

/* ---- chunks ------------------------------------------------------------------------------ */

static bool needs_extra(const brood_result *job)
{
    return job->tag[0] != '\0' || job->shared_count > 0 || job->in_shared != NULL ||
           job->out_shared != NULL;
}

static uint64_t *put_place(uint64_t *at, const brood_shared *shared, const void *array)
{
    if (shared != NULL) {
        *at++ = shared->id;
        *at++ = (uint64_t)((const char *)array - (const char *)shared->segment.base);
    }
    return at;
}

/* See wire.h. Returns its size. */
static size_t fill_extra(uint64_t words[BROOD_WIRE_EXTRA_WORDS], const brood_result *job)
{
    uint64_t *at = words;

    *at++ = job->shared_count | (job->tag[0] != '\0' ? BROOD_WIRE_HAS_TAG : 0);
    for (size_t i = 0; i < job->shared_count; i++) {
        *at++ = job->shared[i]->id;
    }
    if (job->tag[0] != '\0') {
        memcpy(at, job->tag, sizeof job->tag);
        at += BROOD_WIRE_TAG_WORDS;
    }
    at = put_place(at, job->in_shared, job->in);
    at = put_place(at, job->out_shared, job->out);
    *at = 0; /* the padding */
    return (size_t)brood_wire_padded((uint64_t)(at - words) * sizeof *at);
}

/* Adds what size takes at a multiple of 16; false: no memory is so large. */
static bool add_padded(size_t *sum, uint64_t size)
{
    uint64_t padded = brood_wire_padded(size);

    if (padded < size || padded > SIZE_MAX - *sum) {
        return false;
    }
    *sum += (size_t)padded;
    return true;
}

/* A table of sizes, and each item at a multiple of 16. NULL: out of memory. */
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

/* One item of a size of its own: it goes from where it lies, with its size before it. */
static bool is_one_of_its_size(const brood_chunk *chunk)
{
    return chunk->job->kind == BROOD_JOB_MAP && chunk->job->in_size == BROOD_SIZE_VARIES &&
           chunk->count == 1;
}

/* The bytes behind the head. */
static brood_status find_data(brood_sending *sending, const brood_chunk *chunk)
{
    const brood_result *job = chunk->job;

    sending->data = job->in;
    sending->data_size = job->in_size;
    if (job->kind == BROOD_JOB_MAP && job->in_shared != NULL) {
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

static brood_wire_order order_of(const brood_worker *worker, const brood_chunk *chunk)
{
    const brood_result *job = chunk->job;
    brood_wire_order order = {.kind = BROOD_WIRE_TASK,
                              .flags = job->flags,
                              .id = worker->last_id + 1,
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

static void note_sent(brood_worker *worker, brood_chunk *chunk)
{
    chunk->id = ++worker->last_id;
    chunk->given_at = worker->pool->dispatched_at;
    brood_chunks_append(&worker->chunks, chunk);
    worker->chunk_count++;
    chunk->job->given++;
}

static bool knows_or_needs_not(const brood_worker *worker, const brood_shared *shared)
{
    return shared == NULL || knows(worker, shared->id);
}

/* Whether nothing has to stand before the task: the worker knows all that it is about. */
static bool knows_all(const brood_worker *worker, const brood_result *job)
{
    if (worker->functions <= job->function || has_to_forget(worker) ||
        !knows_or_needs_not(worker, job->in_shared) ||
        !knows_or_needs_not(worker, job->out_shared)) {
        return false;
    }
    for (size_t i = 0; i < job->shared_count; i++) {
        if (!knows(worker, job->shared[i]->id)) {
            return false;
        }
    }
    return true;
}

/* The items of a chunk that lie side by side in the caller's array. */
static size_t find_plain(const brood_chunk *chunk, const void **data)
{
    const brood_result *job = chunk->job;

    *data = job->in;
    if (job->kind != BROOD_JOB_MAP) {
        return job->in_size;
    }
    if (job->in_shared != NULL) {
        return 0;
    }
    *data = (const unsigned char *)job->in + chunk->first * job->in_size;
    return job->in_size * (size_t)chunk->count;
}

/* What stands before the data of a task. */
typedef struct task_head {
    brood_wire_order order;
    uint64_t extra[BROOD_WIRE_EXTRA_WORDS];
} task_head;

static void put_short(brood_worker *worker, const task_head *head, size_t head_size,
                      const void *data, size_t size)
{
    brood_ring_put(&worker->to, head, head_size);
    if (size > 0) {
        brood_ring_put(&worker->to, data, size);
        brood_ring_put(&worker->to, zeros, (size_t)brood_wire_padded(size) - size);
    }
}

/* A small task goes straight into the ring when its worker knows all that it is about. */
static bool send_short(brood_worker *worker, brood_chunk *chunk)
{
    const brood_result *job = chunk->job;
    const void *data = NULL;
    size_t size = 0;
    size_t extra_size = 0;
    task_head head;

    if (!knows_all(worker, job) ||
        (job->kind == BROOD_JOB_MAP && job->in_size == BROOD_SIZE_VARIES)) {
        return false;
    }
    size = find_plain(chunk, &data);
    extra_size = needs_extra(job) ? fill_extra(head.extra, job) : 0;
    if (size > worker->to.capacity / 2 ||
        !brood_ring_fits(&worker->to,
                         sizeof head.order + extra_size + (size_t)brood_wire_padded(size))) {
        return false;
    }
    head.order = order_of(worker, chunk);
    head.order.size = extra_size + size;
    head.order.flags |= extra_size > 0 ? BROOD_WIRE_EXTRA : 0u;
    put_short(worker, &head, sizeof head.order + extra_size, data, size);
    note_sent(worker, chunk);
    publish(worker);
    return true;
}

/* Room for all that may stand before the data, so that nothing can fail half way. */
static brood_status reserve(brood_worker *worker, const brood_result *job)
{
    size_t shared = job->shared_count + 2;
    size_t size = size_of_functions(worker, job->function + 1) +
                  (shared + worker->shared_count + 2) * sizeof(brood_wire_order) +
                  (BROOD_WIRE_EXTRA_WORDS + 1) * sizeof(uint64_t) + BROOD_WIRE_ALIGN;

    return grow_known(worker, shared) && make_room(&worker->sending.head, size)
               ? BROOD_OK
               : BROOD_ERR_NO_MEMORY;
}

/* The head of the task, and what stands before its data. */
static void append_task(brood_sending *sending, brood_chunk *chunk, brood_wire_order *order)
{
    const brood_result *job = chunk->job;
    uint64_t size[BROOD_WIRE_ALIGN / sizeof(uint64_t)] = {sending->data_size, 0};
    uint64_t extra[BROOD_WIRE_EXTRA_WORDS];
    size_t extra_size = needs_extra(job) ? fill_extra(extra, job) : 0;
    bool has_table = is_one_of_its_size(chunk);

    sending->padding = (size_t)brood_wire_padded(sending->data_size) - sending->data_size;
    sending->chunk = chunk;
    order->size = extra_size + sending->data_size + (has_table ? sizeof size : 0);
    order->flags |= extra_size > 0 ? BROOD_WIRE_EXTRA : 0u;
    brood_buffer_append(&sending->head, order, sizeof *order);
    brood_buffer_append(&sending->head, extra, extra_size);
    if (has_table) {
        brood_buffer_append(&sending->head, size, sizeof size);
    }
}

static brood_status send_long(brood_worker *worker, brood_chunk *chunk)
{
    brood_sending *sending = &worker->sending;
    const brood_result *job = chunk->job;
    brood_wire_order order = order_of(worker, chunk);
    brood_status status = reserve(worker, job);

    if (status == BROOD_OK) {
        status = find_data(sending, chunk);
    }
    if (status == BROOD_OK) {
        append_forgotten(worker);
        append_functions(worker, job->function + 1);
        status = append_all_shared(worker, job);
    }
    if (status != BROOD_OK) {
        brood_free(sending->own);
        sending->own = NULL;
        sending->data = NULL;
        sending->data_size = 0;
        brood_worker_go_on(worker); /* what was put into the head already */
        return status;
    }
    append_task(sending, chunk, &order);
    note_sent(worker, chunk);
    brood_worker_go_on(worker);
    return BROOD_OK;
}

brood_status brood_worker_send(brood_worker *worker, brood_chunk *chunk)
{
    return send_short(worker, chunk) ? BROOD_OK : send_long(worker, chunk);
}

/* ---- the beginning and the end of a worker ------------------------------------------------ */

brood_status brood_worker_send_setup(brood_worker *worker)
{
    brood_pool *pool = worker->pool;
    brood_buffer *head = &worker->sending.head;
    uint32_t count = pool->has_finalizer ? pool->finalizer + 1 : 0;

    if (pool->has_initializer && pool->initializer >= count) {
        count = pool->initializer + 1;
    }
    if (!make_room(head, size_of_functions(worker, count) + 4 * sizeof(brood_wire_order) +
                             (size_t)brood_wire_padded(pool->options.initializer_size))) {
        return BROOD_ERR_NO_MEMORY;
    }
    append_functions(worker, count);
    if (pool->has_initializer) {
        append_order(head, BROOD_WIRE_INITIALIZE, pool->initializer, pool->initializer_arg,
                     pool->options.initializer_size);
    }
    if (pool->has_finalizer) {
        append_order(head, BROOD_WIRE_FINALIZE, pool->finalizer, NULL, 0);
    }
    append_order(head, BROOD_WIRE_READY, 0, NULL, 0);
    brood_worker_go_on(worker);
    return BROOD_OK;
}

/* Behind all that is on its way to it. */
brood_status brood_worker_send_stop(brood_worker *worker)
{
    if (!brood_worker_can_send(worker) ||
        !make_room(&worker->sending.head, sizeof(brood_wire_order))) {
        return BROOD_ERR_NO_MEMORY;
    }
    append_order(&worker->sending.head, BROOD_WIRE_STOP, 0, NULL, 0);
    brood_worker_go_on(worker);
    return BROOD_OK;
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
