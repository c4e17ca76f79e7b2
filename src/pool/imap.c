#include "base/memory.h"
#include "pool/callbacks.h"
#include "pool/failed_items.h"
#include "pool/imap_impl.h"
#include "pool/lock.h"
#include "pool/submit.h"
#include "pool/threads.h"
#include "pool/wait.h"

static void on_item_finish(brood_result *result, void *finish_data)
{
    imap_item *item = finish_data;
    brood_imap *imap = item->imap;

    (void)result;
    item->is_done = true;
    if (!imap->ordered) {
        *(imap->first_done != NULL ? &imap->last_done->next_done : &imap->first_done) = item;
        imap->last_done = item;
    }
    brood_agenda_notify(imap->pool, imap);
}

#define WINDOW_A_WORKER 4

/* ---- input ------------------------------------------------------------------------------- */

brood_status brood_array_next(void *user, const void **data, size_t *size)
{
    brood_array *array = user;
    const brood_bytes *items = array->items;

    if (array->next >= array->count) {
        return BROOD_ERR_CLOSED;
    }
    if (array->size == BROOD_SIZE_VARIES) {
        *data = items[array->next].data;
        *size = items[array->next].size;
    } else {
        *data = (const unsigned char *)array->items + array->next * array->size;
        *size = array->size;
    }
    array->next++;
    return BROOD_OK;
}

/* 0: for ever. */
static uint32_t timeout_of_submit(int64_t timeout_ms)
{
    return timeout_ms == BROOD_FOREVER ? 0
           : timeout_ms < UINT32_MAX   ? (uint32_t)timeout_ms
                                       : UINT32_MAX;
}

/* The pool may finish the item before item->result is set, which on_item_finish does not look at. */
static brood_status submit_item(brood_imap *imap, int64_t timeout_ms)
{
    imap_item *item = brood_calloc(1, sizeof *item);
    brood_status status = BROOD_ERR_NO_MEMORY;

    if (item == NULL) {
        return status;
    }
    item->imap = imap;
    item->index = imap->next_index;
    imap->options.failure = &imap->failure;
    imap->options.try_submit = timeout_ms == 0;
    imap->options.submit_timeout_ms = timeout_of_submit(timeout_ms);
    status = brood_pool_submit_item(imap->pool, &item->result, imap->function, imap->data,
                                    imap->size, &imap->options, on_item_finish, item);
    if (status != BROOD_OK) {
        brood_free(item);
        return status;
    }
    *(imap->last != NULL ? &imap->last->next : &imap->first) = item;
    imap->last = item;
    imap->count++;
    imap->next_index++;
    return BROOD_OK;
}

/* An item for which the queue has no room is kept. */
static void take_one(brood_imap *imap, int64_t timeout_ms)
{
    if (!imap->is_kept) {
        imap->is_inside = true;
        imap->ended = imap->input(imap->user, &imap->data, &imap->size);
        imap->is_inside = false;
        imap->is_kept = imap->ended == BROOD_OK;
    }
    if (imap->is_kept) {
        imap->ended = submit_item(imap, timeout_ms);
        imap->is_kept = imap->ended == BROOD_ERR_FULL;
    }
}

/* The pool may have been resized since the last time. */
static size_t window_of(const brood_imap *imap)
{
    int held = 0;
    uint32_t workers = 0;

    if (imap->options.window != 0) {
        return imap->options.window;
    }
    held = brood_pool_enter(imap->pool);
    workers = imap->pool->supervisor.target;
    brood_pool_leave(imap->pool, held);
    return (size_t)workers * WINDOW_A_WORKER;
}

void brood_imap_fill(brood_imap *imap, int64_t timeout_ms)
{
    size_t window = imap->ended == BROOD_OK ? window_of(imap) : 0;

    while (imap->ended == BROOD_OK && imap->count < window) {
        take_one(imap, imap->count == 0 ? timeout_ms : 0);
    }
    if (imap->is_kept) {
        imap->ended = BROOD_OK;
    }
}

/* ---- taking ------------------------------------------------------------------------------ */

/*
 * The item that the caller gets next, or NULL when it is not done; unordered: the first one done.
 */
static imap_item *find_done(const brood_imap *imap)
{
    imap_item *item = imap->ordered ? imap->first : imap->first_done;

    return item != NULL && item->is_done ? item : NULL;
}

/* Once it is out of the list of those that are done, no other thread changes the item. */
static imap_item *take_done(brood_imap *imap)
{
    imap_item *item = find_done(imap);

    if (!imap->ordered && item != NULL) {
        imap->first_done = item->next_done;
    }
    return item;
}

static bool is_any_done(brood_pool *pool, void *data)
{
    (void)pool;
    return find_done(data) != NULL;
}

static void unlink_item(brood_imap *imap, const imap_item *item)
{
    imap_item *before = NULL;

    for (imap_item *at = imap->first; at != item; at = at->next) {
        before = at;
    }
    *(before != NULL ? &before->next : &imap->first) = item->next;
    if (imap->last == item) {
        imap->last = before;
    }
    imap->count--;
}

/* Waits until the deadline; within a callback only with timeout_ms 0, else BROOD_ERR_STATE. */
static brood_status wait_for_item(brood_imap *imap, int64_t timeout_ms, int64_t deadline,
                                  imap_item **item)
{
    int held = 0;
    brood_pool *pool = imap->pool;
    brood_status status = BROOD_ERR_STATE;

    held = brood_pool_enter(pool);
    if (timeout_ms == 0 || !brood_pool_in_callback(pool)) {
        status = brood_pool_wait(pool, imap, is_any_done, imap, deadline);
    }
    *item = status == BROOD_OK ? take_done(imap) : NULL;
    brood_pool_leave(pool, held);
    return status;
}

static brood_status no_more(const brood_imap *imap, brood_failure *failure)
{
    if (failure != NULL && imap->failure.status == imap->ended) {
        brood_failure_give(failure, &imap->failure);
    }
    return imap->ended;
}

/* The total is known only when the input has ended: the last report, which has it, is made once. */
static void report_progress(brood_imap *imap, bool is_end)
{
    if (is_end ? imap->meter.function != NULL : brood_meter_is_due(&imap->meter)) {
        brood_progress progress =
            brood_meter_take(&imap->meter, imap->taken, is_end ? imap->taken : 0, imap->failed);

        imap->is_inside = true;
        imap->meter.function(&progress, imap->meter.user);
        imap->is_inside = false;
    }
    if (is_end) {
        imap->meter.function = NULL;
    }
}

/* An item is kept for which there was no room in time; in a callback nobody waits for that. */
static brood_status has_no_room(const brood_imap *imap, int64_t timeout_ms)
{
    int held = brood_pool_enter(imap->pool);
    bool must_not_wait = timeout_ms != 0 && brood_pool_in_callback(imap->pool);

    brood_pool_leave(imap->pool, held);
    return must_not_wait ? BROOD_ERR_STATE : BROOD_ERR_TIMEOUT;
}

brood_status brood_imap_next(brood_imap *imap, const void **data, size_t *size, uint64_t *index,
                             brood_failure *failure, int64_t timeout_ms)
{
    brood_status status = BROOD_OK;
    imap_item *item = NULL;
    int64_t deadline = 0;

    if (imap == NULL || !brood_is_timeout(timeout_ms)) {
        return BROOD_ERR_ARGUMENT;
    }
    if (imap->is_inside) {
        return BROOD_ERR_STATE;
    }
    deadline = brood_deadline(timeout_ms); /* of both waits: for room, and for the item */
    imap->current = brood_result_destroy(imap->current);
    brood_imap_fill(imap, timeout_ms);
    if (imap->first == NULL && imap->is_kept) {
        return has_no_room(imap, timeout_ms);
    }
    if (imap->first == NULL) {
        report_progress(imap, true);
        return no_more(imap, failure);
    }
    status = wait_for_item(imap, timeout_ms, deadline, &item);
    if (status != BROOD_OK) {
        return status;
    }
    unlink_item(imap, item);
    imap->current = item->result;
    if (index != NULL) {
        *index = item->index;
    }
    brood_free(item);
    brood_imap_fill(imap, 0); /* workers go on while the caller looks at this one */
    status = brood_result_get(imap->current, data, size, 0);
    if (status != BROOD_OK && failure != NULL) {
        brood_result_failure(imap->current, failure);
    }
    imap->taken++;
    imap->failed += status != BROOD_OK;
    report_progress(imap, false);
    return status;
}

/* The pool may finish items at any time: on_item_finish is removed from all before the first one is freed. */
static void let_go(brood_imap *imap)
{
    int held = brood_pool_enter(imap->pool);

    for (imap_item *item = imap->first; item != NULL; item = item->next) {
        item->result->more->on_finish = NULL;
    }
    brood_pool_leave(imap->pool, held);
    while (imap->first != NULL) {
        imap_item *item = imap->first;

        imap->first = item->next;
        brood_result_cancel(item->result);
        brood_result_destroy(item->result);
        brood_free(item);
    }
}

brood_imap *brood_imap_destroy(brood_imap *imap)
{
    if (imap == NULL) {
        return NULL;
    }
    let_go(imap);
    brood_result_destroy(imap->current);
    for (size_t i = 0; imap->shared != NULL && i < imap->options.shared_count; i++) {
        brood_shared_release(imap->shared[i]);
    }
    brood_free((void *)imap->shared);
    brood_free(imap->tag);
    brood_free(imap->function_name);
    brood_pool_release(imap->pool);
    brood_free(imap);
    return NULL;
}
