#include "pool/callbacks.h"
#include "base/structs.h"
#include "pool/cancel.h"
#include "pool/engine.h"
#include "pool/failed_items.h"
#include "pool/job.h"
#include "pool/lock.h"
#include "pool/pool_impl.h"
#include "pool/submit.h"
#include "pool/threads.h"
#include "pool/wait.h"

static bool is_finished(brood_result *result)
{
    return brood_load32(&result->finished) != 0;
}

/* Of a single task whose caller gave no place for the value. */
static const void *value_of(const brood_result *result)
{
    return result->kind == BROOD_JOB_TASK && result->out_size == BROOD_SIZE_VARIES ? result->out
                                                                                   : NULL;
}

brood_status brood_result_wait(brood_result *result, int64_t timeout_ms)
{
    int held = 0;
    brood_status status = BROOD_OK;

    if (result == NULL || !brood_is_timeout(timeout_ms)) {
        return BROOD_ERR_ARGUMENT;
    }
    if (is_finished(result)) {
        return BROOD_OK;
    }
    held = brood_pool_enter(result->pool);
    if (timeout_ms != 0 && brood_pool_in_callback(result->pool) && !is_finished(result)) {
        status = BROOD_ERR_STATE;
    } else {
        status = brood_pool_wait(result->pool, result, brood_job_is_over, result,
                                 brood_deadline(timeout_ms));
    }
    brood_pool_leave(result->pool, held);
    return status;
}

brood_status brood_result_get(brood_result *result, const void **data, size_t *size,
                              int64_t timeout_ms)
{
    brood_status status = brood_result_wait(result, timeout_ms);

    if (status == BROOD_OK) {
        status = result->status;
    }
    if (data != NULL) {
        *data = status == BROOD_OK ? value_of(result) : NULL;
    }
    if (size != NULL) {
        *size = status == BROOD_OK ? result->value_size : 0;
    }
    return status;
}

bool brood_result_ready(brood_result *result)
{
    return result != NULL && is_finished(result);
}

bool brood_result_successful(brood_result *result)
{
    return result != NULL && is_finished(result) && brood_job_failures(result) == 0;
}

brood_status brood_result_failure(brood_result *result, brood_failure *failure)
{
    brood_failure full;

    if (result == NULL || failure == NULL) {
        return BROOD_ERR_ARGUMENT;
    }
    if (!is_finished(result) || brood_job_failures(result) == 0) {
        return BROOD_ERR_STATE;
    }
    if (result->failures == NULL) {
        full = brood_job_failure(result, result->status, "");
    } else {
        brood_failed_items_explain(result, result->failures, result->failures->first, &full);
    }
    return brood_failure_give(failure, &full);
}

uint64_t brood_result_failed_count(brood_result *result)
{
    int held = 0;
    uint64_t count = 0;

    if (result == NULL) {
        return 0;
    }
    held = brood_pool_enter(result->pool);
    count = brood_job_failures(result);
    brood_pool_leave(result->pool, held);
    return count;
}

/* ---- one item ---------------------------------------------------------------------------- */

typedef struct item_wait {
    brood_result *result;
    uint64_t item;
} item_wait;

static bool has(const brood_chunk *chunk, const item_wait *wait)
{
    uint64_t first = chunk->first + chunk->done;

    return chunk->job == wait->result && wait->item >= first &&
           wait->item < chunk->first + chunk->count;
}

static bool is_queued(const item_wait *wait)
{
    for (const brood_chunk *chunk = wait->result->queued; chunk != NULL;
         chunk = chunk->next_of_job) {
        if (has(chunk, wait)) {
            return true;
        }
    }
    return false;
}

static bool is_with(const brood_worker *worker, const item_wait *wait)
{
    for (const brood_chunk *chunk = worker->backlog.chunks.first; chunk != NULL;
         chunk = chunk->next) {
        if (has(chunk, wait)) {
            return true;
        }
    }
    return false;
}

/* An item that no chunk has any more has ended. */
static bool is_item_over(brood_pool *pool, void *data)
{
    const item_wait *wait = data;

    if (is_finished(wait->result)) {
        return true;
    }
    if (is_queued(wait)) {
        return false;
    }
    for (const brood_worker *worker = pool->roster.busy_first; worker != NULL;
         worker = worker->lists.next_busy) {
        if (is_with(worker, wait)) {
            return false;
        }
    }
    return true;
}

/* The status of an item that has ended. With the lock. */
static brood_status explain_item(brood_result *result, uint64_t item, brood_failure *failure)
{
    const brood_failed_items *items = brood_failed_items_find(result, item);
    brood_failure full;
    brood_status status = BROOD_OK;

    if (items != NULL) {
        brood_failed_items_explain(result, items, item, &full);
        status = items->status;
    } else if (result->unrecorded) {
        full = brood_job_failure(result, BROOD_ERR_NO_MEMORY, "");
        full.index = item;
        status = BROOD_ERR_NO_MEMORY;
    }
    if (status != BROOD_OK && failure != NULL) {
        brood_failure_give(failure, &full);
    }
    return status;
}

static void find_value(const brood_result *result, uint64_t index, const void **data, size_t *size)
{
    const brood_output *outputs = result->out;

    *data = value_of(result);
    *size = result->value_size;
    if (result->kind == BROOD_JOB_MAP && result->out_size == BROOD_SIZE_VARIES) {
        *data = outputs[index].data;
        *size = outputs[index].size;
    } else if (result->kind == BROOD_JOB_MAP && result->out != NULL) {
        *data = (const unsigned char *)result->out + index * result->out_size;
        *size = result->out_size;
    }
}

brood_status brood_result_item(brood_result *result, uint64_t index, const void **data,
                               size_t *size, brood_failure *failure, int64_t timeout_ms)
{
    int held = 0;
    bool waits = false;
    item_wait wait = {result, index};
    brood_status status = BROOD_OK;
    const void *found = NULL;
    size_t found_size = 0;

    if (result == NULL || !brood_is_timeout(timeout_ms) || index >= result->more->count ||
        (failure != NULL && brood_struct_check(failure, BROOD_FAILURE_SIZE_MIN) != BROOD_OK)) {
        return BROOD_ERR_ARGUMENT;
    }
    wait.item = result->more->first + index;
    held = brood_pool_enter(result->pool);
    waits = timeout_ms != 0 && !is_item_over(result->pool, &wait);
    if (waits && brood_pool_in_callback(result->pool)) {
        status = BROOD_ERR_STATE;
    } else {
        result->watchers++;
        if (waits) {
            brood_job_flush(result);
        }
        status =
            brood_pool_wait(result->pool, result, is_item_over, &wait, brood_deadline(timeout_ms));
        result->watchers--;
    }
    if (status == BROOD_OK) {
        status = explain_item(result, wait.item, failure);
    }
    if (status == BROOD_OK) {
        find_value(result, index, &found, &found_size);
    }
    brood_pool_leave(result->pool, held);
    if (data != NULL) {
        *data = found;
    }
    if (size != NULL) {
        *size = found_size;
    }
    return status;
}

/* ---- the end ----------------------------------------------------------------------------- */

brood_status brood_result_cancel(brood_result *result)
{
    int held = 0;
    brood_status status = BROOD_OK;

    if (result == NULL) {
        return BROOD_ERR_ARGUMENT;
    }
    held = brood_pool_enter(result->pool);
    brood_pool_turn(result->pool);
    status = is_finished(result) ? BROOD_ERR_STATE : BROOD_OK;
    brood_job_cancel(result, BROOD_ERR_CANCELLED);
    brood_pool_leave(result->pool, held);
    return status;
}

/* The job's arrays are the caller's own again: the pool neither reads nor writes them any more. */
static void abandon_job(brood_result *result)
{
    brood_pool *pool = result->pool;

    result->abandoned = true;
    brood_job_cancel(result, BROOD_ERR_CANCELLED);
    for (brood_worker *worker = pool->roster.busy_first; worker != NULL;
         worker = worker->lists.next_busy) {
        worker->ops->detach(worker, result);
        brood_worker_check(worker);
    }
}

brood_result *brood_result_destroy(brood_result *result)
{
    int held = 0;
    brood_pool *pool = NULL;

    if (result == NULL) {
        return NULL;
    }
    pool = result->pool;
    if (!is_finished(result)) {
        held = brood_pool_enter(pool);
        if (!is_finished(result) && result->kind != BROOD_JOB_TASK) {
            brood_job_hold(result);
            abandon_job(result);
            brood_job_release(result);
        }
        brood_pool_leave(pool, held);
    }
    brood_job_release(result);
    return NULL;
}
