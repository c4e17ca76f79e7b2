#include <string.h>

#include "base/memory.h"
#include "pool/pool_impl.h"
#include "process/options.h"

#define WINDOW_A_WORKER 4

/* An item under way, or done and not taken yet. */
typedef struct imap_item {
    struct imap_item *next;
    brood_imap *imap;
    brood_result *result;
    uint64_t index;
    bool is_done; /* under the pool's lock, as all that on_finish changes */
} imap_item;

struct brood_imap {
    brood_pool *pool; /* with a reference */
    brood_function *function;
    char *function_name;
    brood_input_function *input;
    void *user;
    brood_task_options options; /* for each item */
    char *tag;
    brood_shared **shared;
    bool ordered;
    size_t window;

    imap_item *first, *last; /* those that were submitted and not taken, in their order */
    size_t count;
    uint64_t next_index;
    brood_status ended; /* why no more come: BROOD_ERR_CLOSED, or what input said */
    const void *data;   /* an item that input gave, and there was no room for */
    size_t size;
    bool is_kept;
    brood_result *current; /* its value is the caller's until the next call */
    brood_failure failure; /* of a submit that failed */
    brood_meter meter;     /* of what was taken */
    uint64_t taken, failed;
};

static void on_finish(brood_result *result, void *owner)
{
    imap_item *item = owner;

    (void)result;
    item->is_done = true;
    brood_agenda_notify(item->imap->pool, item->imap);
}

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

/* The result belongs to the item before the pool may finish it: hence the lock in on_finish. */
static brood_status submit(brood_imap *imap, int64_t timeout_ms)
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
                                    imap->size, &imap->options, on_finish, item);
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
        imap->ended = imap->input(imap->user, &imap->data, &imap->size);
        imap->is_kept = imap->ended == BROOD_OK;
    }
    if (imap->is_kept) {
        imap->ended = submit(imap, timeout_ms);
        imap->is_kept = imap->ended == BROOD_ERR_FULL;
    }
}

/*
 * Keeps the window full, as far as the queue has room; waits for room only when nothing is under
 * way that makes some by ending.
 */
static void fill(brood_imap *imap, int64_t timeout_ms)
{
    while (imap->ended == BROOD_OK && imap->count < imap->window) {
        take_one(imap, imap->count == 0 ? timeout_ms : 0);
    }
    if (imap->is_kept) {
        imap->ended = BROOD_OK;
    }
}

/* ---- making ------------------------------------------------------------------------------ */

static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = brood_malloc(size);

    if (copy != NULL) {
        memcpy(copy, text, size);
    }
    return copy;
}

static bool copy_shared(brood_imap *imap)
{
    brood_task_options *options = &imap->options;
    size_t count = options->shared_count;

    if (count == 0) {
        return true;
    }
    imap->shared = (brood_shared **)brood_malloc(count * sizeof(brood_shared *));
    for (size_t i = 0; imap->shared != NULL && i < count; i++) {
        imap->shared[i] = options->shared[i];
        brood_shared_hold(imap->shared[i]);
    }
    options->shared = imap->shared;
    return imap->shared != NULL;
}

/* Strings and lists of the options live as long as the imap. */
static bool copy_options(brood_imap *imap)
{
    brood_task_options *options = &imap->options;
    bool copied = copy_shared(imap);

    if (copied && options->tag != NULL) {
        options->tag = imap->tag = copy_text(options->tag);
        copied = imap->tag != NULL;
    }
    if (copied && options->function_name != NULL) {
        options->function_name = imap->function_name = copy_text(options->function_name);
        copied = imap->function_name != NULL;
    }
    return copied;
}

static size_t window_of(const brood_imap *imap)
{
    int held = 0;
    uint32_t workers = 0;

    if (imap->options.window != 0) {
        return imap->options.window;
    }
    held = brood_pool_enter(imap->pool); /* it may be resized meanwhile */
    workers = imap->pool->target;
    brood_pool_leave(imap->pool, held);
    return (size_t)workers * WINDOW_A_WORKER;
}

static brood_status take_options(brood_task_options *taken, const brood_task_options *options)
{
    brood_status status =
        brood_struct_take(taken, sizeof *taken, options, offsetof(brood_task_options, tag));

    if (status == BROOD_ERR_NOT_SUPPORTED) {
        brood_task_refuse(taken, status,
                          "options has a field that this version of brood does not know");
    }
    return status == BROOD_OK ? brood_task_options_check(taken) : status;
}

static brood_status check_arguments(const brood_imap *given, brood_imap **imap)
{
    const brood_task_options *options = &given->options;

    if (imap == NULL) {
        return brood_task_refuse(options, BROOD_ERR_ARGUMENT, "imap must not be NULL");
    }
    if (given->pool == NULL) {
        return brood_task_refuse(options, BROOD_ERR_ARGUMENT, "pool must not be NULL");
    }
    if (given->input == NULL) {
        return brood_task_refuse(options, BROOD_ERR_ARGUMENT, "input must not be NULL");
    }
    if (options->try_submit || options->submit_timeout_ms != 0) {
        return brood_task_refuse(options, BROOD_ERR_ARGUMENT,
                                 "try_submit and submit_timeout_ms are not for an imap");
    }
    if ((given->function == NULL) == (options->function_name == NULL)) {
        return brood_task_refuse(options, BROOD_ERR_ARGUMENT,
                                 "function_name or a function must be given, not both");
    }
    return BROOD_OK;
}

static brood_status create(brood_imap **imap, brood_imap given, const brood_task_options *options)
{
    brood_status status = take_options(&given.options, options);
    brood_imap *made = NULL;

    if (imap != NULL) {
        *imap = NULL;
    }
    if (status == BROOD_OK) {
        status = check_arguments(&given, imap);
    }
    if (status != BROOD_OK || imap == NULL) {
        return status;
    }
    made = brood_malloc(sizeof *made);
    if (made == NULL) {
        return brood_task_refuse(&given.options, BROOD_ERR_NO_MEMORY, "");
    }
    *made = given;
    brood_add32(&made->pool->references, 1);
    made->failure.struct_size = sizeof made->failure;
    made->meter = brood_meter_begin(made->options.progress, made->options.progress_user);
    made->options.progress = NULL; /* the items have none of their own */
    if (!copy_options(made)) {
        brood_imap_destroy(made);
        return brood_task_refuse(&given.options, BROOD_ERR_NO_MEMORY, "");
    }
    made->window = window_of(made);
    fill(made, 0);
    *imap = made;
    return BROOD_OK;
}

brood_status brood_pool_imap(brood_pool *pool, brood_imap **imap, brood_function *function,
                             brood_input_function *input, void *user,
                             const brood_task_options *options)
{
    const brood_imap given = {
        .pool = pool, .function = function, .input = input, .user = user, .ordered = true};

    return create(imap, given, options);
}

brood_status brood_pool_imap_unordered(brood_pool *pool, brood_imap **imap,
                                       brood_function *function, brood_input_function *input,
                                       void *user, const brood_task_options *options)
{
    const brood_imap given = {
        .pool = pool, .function = function, .input = input, .user = user, .ordered = false};

    return create(imap, given, options);
}

/* ---- taking ------------------------------------------------------------------------------ */

/* The next one to be taken, or NULL when it is not done. */
static imap_item *find_done(const brood_imap *imap)
{
    imap_item *item = imap->first;

    while (item != NULL && !item->is_done && !imap->ordered) {
        item = item->next;
    }
    return item != NULL && item->is_done ? item : NULL;
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

/* timeout_ms says whether it may wait at all; until the deadline. */
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
    *item = status == BROOD_OK ? find_done(imap) : NULL;
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

/* How many there will be is known when there are no more; that is told once. */
static void report_progress(brood_imap *imap, bool is_end)
{
    if (is_end ? imap->meter.function != NULL : brood_meter_is_due(&imap->meter)) {
        brood_meter_report(&imap->meter, imap->taken, is_end ? imap->taken : 0, imap->failed);
    }
    if (is_end) {
        imap->meter.function = NULL;
    }
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
    deadline = brood_deadline(timeout_ms); /* of both waits: for room, and for the item */
    imap->current = brood_result_destroy(imap->current);
    fill(imap, timeout_ms);
    if (imap->first == NULL && imap->is_kept) {
        return BROOD_ERR_TIMEOUT;
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
    fill(imap, 0); /* workers go on while the caller looks at this one */
    status = brood_result_get(imap->current, data, size, 0);
    if (status != BROOD_OK && failure != NULL) {
        brood_result_failure(imap->current, failure);
    }
    imap->taken++;
    imap->failed += status != BROOD_OK;
    report_progress(imap, false);
    return status;
}

/* The pool may finish an item at any time: from now on it does not tell us. */
static void let_go(imap_item *item)
{
    int held = 0;
    brood_pool *pool = item->imap->pool;

    held = brood_pool_enter(pool);
    item->result->on_finish = NULL;
    brood_pool_leave(pool, held);
    brood_result_cancel(item->result);
    brood_result_destroy(item->result);
    brood_free(item);
}

brood_imap *brood_imap_destroy(brood_imap *imap)
{
    if (imap == NULL) {
        return NULL;
    }
    while (imap->first != NULL) {
        imap_item *next = imap->first->next;

        let_go(imap->first);
        imap->first = next;
    }
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
