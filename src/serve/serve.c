#include "serve/serve.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "ipc/shared.h"
#include "platform.h"
#include "process/function.h"
#include "process/task.h"
#include "serve/run.h"

#define KEEP_BODY_MAX (256 * 1024)  /* what a sleeping worker keeps for the next argument */
#define KEEP_NS INT64_C(1000000000) /* and for how long more than that */
#define KEEP_VALUE_MAX (1024 * 1024)
#define EXIT_INITIALIZER 119

/* A function by its number. When it could not be found, each task of it fails with `error`. */
typedef struct known_function {
    brood_os_function *function;
    brood_error *error; /* NULL: it was found */
} known_function;

/* Shared memory that the program has told of. */
typedef struct known_memory {
    brood_mapping mapping;
    size_t segment_size;
    brood_handle
        handle; /* kept while it cannot be mapped: the next task that names it tries again */
} known_memory;

typedef struct brood_server {
    brood_link link;
    brood_task *process_task;
    known_function *functions;
    size_t function_count;
    known_memory **shared;
    size_t shared_count;
    bool is_here; /* a thread: the task's shared memory is the program's own, and lies in `here` */
    brood_mapping here[BROOD_SHARED_MAX + 2];
    size_t here_count;
    brood_error refusal; /* of the task: memory that it names cannot be mapped; BROOD_OK: it can */
    brood_os_function *finalizer;

    unsigned char *body; /* of a frame that does not lie in one chunk in the ring */
    size_t body_room;
    void *value; /* the slot of values of any size, kept from task to task */
    size_t value_room;
    bool stops;
    int code; /* not 0: its initializer has failed */
} server;

/* ---- bodies ------------------------------------------------------------------------------ */

/* Without memory the worker ends: the pool gives its tasks to others. */
static bool need(server *self, const void *memory)
{
    if (memory == NULL) {
        brood_link_break(&self->link, EXIT_INITIALIZER);
    }
    return memory != NULL;
}

/*
 * Called when the worker has slept for KEEP_NS. Until then the memory of a large body is kept for
 * the next one: new memory costs more than to copy into it.
 */
static void forget_body(void *data)
{
    server *self = data;

    brood_free(self->body);
    self->body = NULL;
    self->body_room = 0;
}

/* A body that fits into the ring is used where it lies; it is released after its use. */
static const unsigned char *take_in_place(server *self, size_t padded)
{
    const unsigned char *body = NULL;

    if (padded > self->link.in.capacity / 2 || !brood_link_await(&self->link, padded)) {
        return NULL;
    }
    body = brood_ring_peek(&self->link.in, padded);
    if (body != NULL) {
        brood_ring_advance(&self->link.in, padded);
    }
    return body;
}

/* The body of a frame. NULL: out of memory, the body was passed over; or the link is broken. */
static const unsigned char *take_task_body(server *self, uint64_t size)
{
    size_t padded = (size_t)brood_wire_padded(size);
    const unsigned char *body = take_in_place(self, padded);

    if (body != NULL) {
        return body;
    }
    if (padded > self->body_room) {
        brood_free(self->body);
        self->body = brood_malloc(padded);
        self->body_room = self->body == NULL ? 0 : padded;
    }
    if (self->body == NULL) {
        brood_link_skip(&self->link, padded);
        return NULL;
    }
    return brood_link_read(&self->link, self->body, padded) ? self->body : NULL;
}

/* ---- functions, initializer and finalizer ------------------------------------------------ */

/* Adds a function of which nothing is known yet. NULL: no memory for it. */
static known_function *add_function(server *self)
{
    known_function *functions =
        brood_realloc(self->functions, (self->function_count + 1) * sizeof *functions);

    if (!need(self, functions)) {
        return NULL;
    }
    self->functions = functions;
    functions[self->function_count] = (known_function){NULL, NULL};
    return &functions[self->function_count++];
}

static void find(server *self, known_function *entry, const brood_function_ref *ref)
{
    brood_error error = {BROOD_OK, 0, "", ""};

    if (brood_function_find(ref, &entry->function, &error) == BROOD_OK) {
        return;
    }
    entry->error = brood_malloc(sizeof *entry->error);
    if (need(self, entry->error)) {
        *entry->error = error;
    }
}

static void on_function(server *self, const brood_wire_order *order)
{
    const unsigned char *body = take_task_body(self, order->size);
    known_function *entry = NULL;
    brood_function_ref ref;

    if (!need(self, body)) {
        return;
    }
    if (order->function != self->function_count ||
        brood_function_decode(&ref, body, (size_t)order->size) != BROOD_OK) {
        brood_link_fail(&self->link);
        return;
    }
    entry = add_function(self);
    if (entry != NULL) {
        find(self, entry, &ref);
    }
}

/* NULL: the worker does not know the function that the order names, and the link is broken. */
static known_function *function_of(server *self, const brood_wire_order *order)
{
    if (order->function >= self->function_count) {
        brood_link_fail(&self->link);
        return NULL;
    }
    return &self->functions[order->function];
}

static void say(server *self, brood_wire_kind kind, brood_status status, int code,
                const char *message)
{
    brood_wire_answer answer = {
        .kind = (uint32_t)kind, .code = code, .status = (uint32_t)status, .size = strlen(message)};

    brood_link_send(&self->link, &answer, message);
}

/* Returns the code that the worker ends with; 0: it goes on. */
static int initialize(server *self, const known_function *entry, const void *arg, size_t size)
{
    brood_task task = *self->process_task;
    int code = EXIT_INITIALIZER;

    if (entry->error != NULL) {
        say(self, BROOD_WIRE_FAILED, entry->error->status, 0, entry->error->message);
        return code;
    }
    code = ((brood_function *)entry->function)(&task, size > 0 ? arg : NULL, size);
    if (code != 0) {
        say(self, BROOD_WIRE_FAILED, BROOD_ERR_TASK, code, brood_task_message(&task));
    }
    return code;
}

/* A worker whose initializer fails says why, and ends. */
static void on_initialize(server *self, const brood_wire_order *order)
{
    const unsigned char *body = take_task_body(self, order->size);
    const known_function *entry = need(self, body) ? function_of(self, order) : NULL;

    if (entry != NULL) {
        self->code = initialize(self, entry, body, (size_t)order->size);
        self->stops = self->code != 0;
    }
}

static void on_finalize(server *self, const brood_wire_order *order)
{
    const known_function *entry = function_of(self, order);

    self->finalizer = entry != NULL ? entry->function : NULL;
}

/* ---- shared memory ----------------------------------------------------------------------- */

static known_memory **memory_of(server *self, uint64_t id)
{
    for (size_t i = 0; i < self->shared_count; i++) {
        if (self->shared[i]->mapping.id == id) {
            return &self->shared[i];
        }
    }
    return NULL;
}

/* Adds an entry of zeros. NULL: no memory for it. */
static known_memory *add_memory(server *self)
{
    known_memory **shared = (known_memory **)brood_realloc(
        (void *)self->shared, (self->shared_count + 1) * sizeof(known_memory *));
    known_memory *memory = NULL;

    if (!need(self, (const void *)shared)) {
        return NULL;
    }
    self->shared = shared;
    memory = brood_calloc(1, sizeof *memory);
    if (need(self, memory)) {
        memory->handle = BROOD_HANDLE_NONE;
        self->shared[self->shared_count++] = memory;
    }
    return memory;
}

/* A shortage may pass; a handle that is no such memory does not. */
static bool map_now(server *self, known_memory *memory)
{
    brood_os_segment *segment = &memory->mapping.segment;
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_status status = BROOD_OK;

    status = brood_os_segment_adopt(segment, memory->handle, memory->segment_size, &error);
    if (status == BROOD_OK) {
        brood_os_handle_close(memory->handle); /* the memory stays; a descriptor less */
        memory->handle = segment->handle = BROOD_HANDLE_NONE;
    } else if (status != BROOD_ERR_NO_MEMORY && status != BROOD_ERR_LIMIT) {
        brood_link_fail(&self->link);
    } else {
        self->refusal = error;
    }
    return status == BROOD_OK;
}

/* Whether the memory is there now. */
static bool map(server *self, known_memory *memory)
{
    return memory->handle == BROOD_HANDLE_NONE || map_now(self, memory);
}

/* order: id; first: its handle's number; count: the segment's size; in_size: the program's. */
static void on_shared(server *self, const brood_wire_order *order)
{
    known_memory *memory = add_memory(self);

    if (memory == NULL) {
        return;
    }
    memory->mapping.id = order->id;
    memory->mapping.size = (size_t)order->in_size;
    memory->segment_size = (size_t)order->count;
    if (brood_os_handle_take(self->link.bell, (brood_handle)order->first, BROOD_OS_NO_DEADLINE,
                             &memory->handle, NULL) != BROOD_OK) {
        brood_link_fail(&self->link); /* it would be taken for the next one's */
        return;
    }
    map(self, memory);
}

static void on_forget(server *self, const brood_wire_order *order)
{
    known_memory **found = memory_of(self, order->id);

    if (found != NULL) {
        brood_os_segment_close(&(*found)->mapping.segment);
        brood_os_handle_close((*found)->handle);
        brood_free(*found);
        *found = self->shared[--self->shared_count];
    }
}

/* ---- tasks ------------------------------------------------------------------------------- */

/*
 * Begins the task, so that the pool cannot revoke it any more. False: it was revoked. `item` is set
 * to 0 before the claim: the pool, which reads them the other way round, never sees the new claim
 * with the item of the task before.
 */
static bool claim(server *self, uint64_t id)
{
    brood_wire_page *page = self->link.page;

    brood_release64(&page->item, 0);
    for (;;) {
        uint64_t before = brood_load64(&page->claim);

        if (brood_claim_is_frozen(before) && id <= brood_load64(&page->revoked_upto)) {
            return false;
        }
        if (brood_cas64(&page->claim, before, brood_claim_of(id))) {
            return true;
        }
    }
}

static void set_value(server *self, brood_task *task, const brood_wire_order *order)
{
    bool is_range = (order->flags & BROOD_WIRE_RANGE) != 0;

    task->slot = self->value;
    task->slot_size = self->value_room;
    if (order->out_size == BROOD_WIRE_VARIES) {
        task->value_kind = BROOD_VALUE_ANY;
    } else if (order->out_size > self->link.out.capacity / 8 &&
               (order->flags & BROOD_WIRE_OUT_SHARED) == 0) {
        task->value_kind = BROOD_VALUE_ANY;
        task->exact_size = (size_t)order->out_size;
    } else if (order->out_size > 0) {
        task->value_kind = BROOD_VALUE_FIXED;
        task->slot = NULL;
        task->slot_size = (size_t)order->out_size;
    } else {
        task->value_kind = is_range ? BROOD_VALUE_REFUSED : BROOD_VALUE_DROPPED;
    }
}

/* Keeps the slot for the next task, unless it is large. */
static void keep_slot(server *self, const brood_task *task)
{
    if (task->value_kind == BROOD_VALUE_FIXED) {
        return; /* it was in the ring, or in shared memory */
    }
    self->value = task->slot;
    self->value_room = task->slot_size;
    if (self->value_room > KEEP_VALUE_MAX) {
        brood_free(self->value);
        self->value = NULL;
        self->value_room = 0;
    }
}

static const brood_mapping *mapping_here(server *self, const brood_shared *shared)
{
    brood_mapping *mapping = &self->here[self->here_count++];

    *mapping = (brood_mapping){shared->id, shared->size, shared->segment};
    return mapping;
}

/*
 * NULL: the memory could not be mapped, which is noted; or the worker does not know any of that
 * number, and the link is broken.
 */
static const brood_mapping *known_mapping(server *self, uint64_t id)
{
    known_memory **found = NULL;

    if (self->is_here) {
        return mapping_here(self, (const brood_shared *)(uintptr_t)id);
    }
    found = memory_of(self, id);
    if (found == NULL) {
        brood_link_fail(&self->link);
        return NULL;
    }
    return map(self, *found) ? &(*found)->mapping : NULL;
}

/*
 * Where something lies that has `before` bytes of its array before it; `at`: two words of the
 * extra.
 */
static unsigned char *place_at(server *self, const uint64_t *at, uint64_t before)
{
    const brood_mapping *mapping = known_mapping(self, at[0]);
    uint64_t offset = at[1] + before;

    if (mapping != NULL && offset > mapping->segment.size) {
        brood_link_fail(&self->link);
        return NULL;
    }
    return mapping == NULL ? NULL : (unsigned char *)mapping->segment.base + offset;
}

/* Reads the extra (see wire.h); returns where the items lie. */
static const unsigned char *take_extra(server *self, brood_run *run, const unsigned char *body,
                                       const brood_mapping *shared[BROOD_SHARED_MAX])
{
    const uint64_t *words = (const uint64_t *)(const void *)body;
    const uint64_t *at = words + 1;
    const brood_wire_order *order = run->order;
    const unsigned char *in = NULL;
    size_t count = (size_t)(words[0] & BROOD_WIRE_IDS);

    for (size_t i = 0; i < count; i++) {
        shared[i] = known_mapping(self, *at++);
    }
    run->task->shared = shared;
    run->task->shared_count = count;
    if ((words[0] & BROOD_WIRE_HAS_TAG) != 0) {
        run->task->tag = (const char *)at;
        at += BROOD_WIRE_TAG_WORDS;
    }
    if ((order->flags & BROOD_WIRE_IN_SHARED) != 0) {
        in = place_at(self, at, order->first * order->in_size);
        at += 2;
    }
    if ((order->flags & BROOD_WIRE_OUT_SHARED) != 0) {
        run->out = place_at(self, at, order->first * order->out_size);
        at += 2;
    }
    return in != NULL ? in : body + brood_wire_padded((uint64_t)(at - words) * sizeof *at);
}

static void report_all_failed(brood_run *run, brood_status status, const char *message)
{
    while (run->reported < run->order->count && !run->link->is_broken) {
        brood_run_report_failure(run, status, 0, message);
    }
}

static void run_known(const server *self, const known_function *entry, brood_run *run)
{
    run->function = entry->function;
    if (run->in == NULL) {
        report_all_failed(run, BROOD_ERR_NO_MEMORY, "out of memory for the argument");
    } else if (entry->error != NULL) {
        report_all_failed(run, entry->error->status, entry->error->message);
    } else if (self->refusal.status != BROOD_OK) {
        report_all_failed(run, self->refusal.status, self->refusal.message);
    } else {
        brood_run_all(run);
    }
}

static void run_task(server *self, const brood_wire_order *order, const unsigned char *body)
{
    const brood_mapping *shared[BROOD_SHARED_MAX];
    brood_task task = *self->process_task;
    brood_run run = {.link = &self->link, .task = &task, .order = order, .in = body};
    const known_function *entry = function_of(self, order);

    task.page = self->link.page;
    task.id = order->id;
    task.first = order->first;
    task.attempt = order->attempt;
    self->refusal.status = BROOD_OK;
    self->here_count = 0;
    set_value(self, &task, order);
    if (body != NULL && (order->flags & BROOD_WIRE_EXTRA) != 0) {
        run.in = take_extra(self, &run, body, shared);
    }
    if (!self->link.is_broken) {
        run_known(self, entry, &run);
    }
    keep_slot(self, &task);
}

/* The task is claimed before its argument is read: it is to blame for whatever goes wrong then. */
static void on_task(server *self, const brood_wire_order *order)
{
    if (!claim(self, order->id)) {
        brood_link_skip(&self->link, (size_t)brood_wire_padded(order->size));
        return;
    }
    run_task(self, order, take_task_body(self, order->size));
}

/* ---- the loop ---------------------------------------------------------------------------- */

static void obey(server *self, const brood_wire_order *order)
{
    switch (order->kind) {
    case BROOD_WIRE_FUNCTION:
        on_function(self, order);
        break;
    case BROOD_WIRE_INITIALIZE:
        on_initialize(self, order);
        break;
    case BROOD_WIRE_FINALIZE:
        on_finalize(self, order);
        break;
    case BROOD_WIRE_READY:
        say(self, BROOD_WIRE_READY, BROOD_OK, 0, "");
        break;
    case BROOD_WIRE_SHARED:
        on_shared(self, order);
        break;
    case BROOD_WIRE_FORGET:
        on_forget(self, order);
        break;
    case BROOD_WIRE_TASK:
        on_task(self, order);
        break;
    case BROOD_WIRE_STOP:
        self->stops = true;
        break;
    default:
        brood_link_fail(&self->link);
    }
}

/* Room is given back in large steps: each one costs the other side a look. */
static void release_some(brood_link *link)
{
    if (link->in.own - brood_load64(&link->in.shared->read) >= link->in.capacity / 4) {
        brood_link_release(link);
    }
}

static void attach_memory(server *self, unsigned char *base, size_t capacity)
{
    brood_link *link = &self->link;

    link->page = (brood_wire_page *)(void *)base;
    base += sizeof(brood_wire_page);
    brood_ring_attach(&link->in, base, capacity);
    base += brood_ring_size(capacity);
    brood_ring_attach(&link->out, base, capacity);
    link->idle = forget_body;
    link->data = self;
}

static brood_status attach(server *self, const brood_wire_start *start)
{
    const brood_start *process = self->process_task->start;
    brood_link *link = &self->link;
    brood_status status =
        brood_os_segment_adopt(&link->segment, process->handles[BROOD_WIRE_HANDLE_SEGMENT],
                               (size_t)start->segment_size, NULL);

    if (status == BROOD_OK) {
        status =
            brood_os_channel_adopt(&link->bell, process->handles[BROOD_WIRE_HANDLE_BELL], NULL);
    }
    if (status != BROOD_OK) {
        brood_os_segment_close(&link->segment);
        return status;
    }
    attach_memory(self, link->segment.base, (size_t)start->capacity);
    link->spin_ns = (int64_t)start->spin_ns;
    return BROOD_OK;
}

/* Obeys orders until STOP, or until the worker cannot go on; with a host, as long as there are any. */
static void serve(server *self)
{
    brood_wire_order order;

    while (!self->link.is_broken &&
           (self->link.host == NULL || brood_link_has(&self->link, sizeof order))) {
        self->link.keep_ns = self->body_room > KEEP_BODY_MAX ? KEEP_NS : 0;
        if (!brood_link_await(&self->link, sizeof order)) {
            return;
        }
        self->link.keep_ns = 0; /* from here on the body is in use */
        brood_ring_get(&self->link.in, &order, sizeof order);
        obey(self, &order);
        if (self->stops) {
            return;
        }
        release_some(&self->link);
    }
}

static void finalize(const server *self)
{
    brood_task task = *self->process_task;

    if (self->finalizer != NULL) {
        ((brood_function *)self->finalizer)(&task, NULL, 0);
    }
}

/* Not called where the process ends at once: threads of the program may still use the memory. */
static void close_shared(server *self)
{
    for (size_t i = 0; i < self->shared_count; i++) {
        brood_os_segment_close(&self->shared[i]->mapping.segment);
        brood_os_handle_close(self->shared[i]->handle);
    }
}

static void close_link(server *self)
{
    if (!self->is_here) {
        brood_os_channel_close(self->link.bell);
        brood_os_segment_close(&self->link.segment);
    }
}

static void free_memory(server *self)
{
    for (size_t i = 0; i < self->function_count; i++) {
        brood_free(self->functions[i].error);
    }
    for (size_t i = 0; i < self->shared_count; i++) {
        brood_free(self->shared[i]);
    }
    brood_free(self->functions);
    brood_free((void *)self->shared);
    brood_free(self->body);
    brood_free(self->value);
}

/* Decides how the process ends, and closes what it can; the end of the process closes the rest. */
static brood_served end_service(server *self)
{
    brood_served served = {BROOD_SERVE_RETURNS, self->code, NULL};

    if (self->link.is_broken) {
        served.end = BROOD_SERVE_BREAKS;
        served.code = self->link.code;
    } else if (self->code != 0) {
        served.end = BROOD_SERVE_EXITS;
        served.bell = self->link.bell;
        self->link.bell = NULL;
    } else {
        finalize(self);
        close_shared(self);
    }
    close_link(self);
    free_memory(self);
    return served;
}

brood_served brood_serve(brood_task *task, const void *arg, size_t size)
{
    static const brood_served unable = {BROOD_SERVE_RETURNS, EXIT_INITIALIZER, NULL};
    server self = {.process_task = task};
    brood_wire_start start;

    if (size != sizeof start || task->start->handle_count < BROOD_WIRE_HANDLES) {
        return unable;
    }
    memcpy(&start, arg, sizeof start);
    task->own_handles = BROOD_WIRE_HANDLES;
    if (attach(&self, &start) != BROOD_OK) {
        return unable;
    }
    brood_os_child_ignore_interrupt();
    serve(&self);
    return end_service(&self);
}

static void equip(server *self, const brood_equipment *equipment)
{
    self->is_here = true;
    attach_memory(self, equipment->base, equipment->capacity);
    self->link.bell = equipment->bell;
    self->link.spin_ns = equipment->spin_ns;
    self->link.host = equipment->host;
}

static brood_served finish_here(server *self)
{
    brood_served served = end_service(self);

    served.bell = NULL;
    return served;
}

brood_served brood_serve_here(brood_task *task, const brood_equipment *equipment)
{
    server self = {.process_task = task};

    equip(&self, equipment);
    serve(&self);
    return finish_here(&self);
}

brood_server *brood_server_open(brood_task *task, const brood_equipment *equipment)
{
    server *self = brood_calloc(1, sizeof *self);

    if (self != NULL) {
        self->process_task = task;
        task->host = equipment->host;
        equip(self, equipment);
    }
    return self;
}

bool brood_server_run(brood_server *self, brood_served *served)
{
    serve(self);
    if (!self->link.is_broken && !self->stops) {
        brood_link_release(&self->link);
        if (self->body_room > KEEP_BODY_MAX) {
            forget_body(self);
        }
    }
    if (!self->link.is_broken && !self->stops) {
        return false;
    }
    *served = finish_here(self);
    brood_free(self);
    return true;
}
