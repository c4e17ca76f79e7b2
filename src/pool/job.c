#include "pool/job.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "pool/lock.h"
#include "pool/supervisor.h"

/* ---- chunks ------------------------------------------------------------------------------ */

brood_chunk *brood_chunk_new(brood_result *job, uint64_t first, uint64_t count)
{
    brood_chunk *chunk = job->spare;

    if (chunk != NULL) {
        job->spare = NULL;
    } else {
        chunk = brood_malloc(sizeof *chunk);
    }
    if (chunk != NULL) {
        memset(chunk, 0, sizeof *chunk);
        chunk->job = job;
        chunk->first = first;
        chunk->count = count;
        chunk->attempt = 1;
    }
    return chunk;
}

void brood_chunk_free(brood_chunk *chunk)
{
    if (chunk == &chunk->job->chunk) {
        chunk->job->spare = chunk;
    } else {
        brood_free(chunk);
    }
}

/* ---- lifetime ---------------------------------------------------------------------------- */

void brood_job_hold(brood_result *job)
{
    brood_add32(&job->references, 1);
}

static void free_failures(brood_result *job)
{
    brood_failed_items *next = NULL;

    for (brood_failed_items *at = job->failures; at != NULL; at = next) {
        next = at->next;
        brood_free(at->exit);
        brood_free(at);
    }
}

void brood_job_release(brood_result *job)
{
    brood_pool *pool = job->pool;

    if (brood_add32(&job->references, (uint32_t)-1) != 0) {
        return;
    }
    free_failures(job);
    if (job->value != job->small_value) {
        brood_free(job->value);
    }
    brood_job_cache_put(&pool->job_cache, job);
    brood_pool_release(pool);
}

void brood_job_give_back_shared(brood_result *job)
{
    for (size_t i = 0; i < job->shared_count; i++) {
        brood_shared_release(job->shared[i]);
    }
    brood_shared_release(job->in_shared);
    brood_shared_release(job->out_shared);
    job->shared_count = 0;
    job->in_shared = job->out_shared = NULL;
}

/* ---- what is due ------------------------------------------------------------------------- */

static void make_due(brood_result *job)
{
    brood_pool *pool = job->pool;

    if (job->is_due) {
        return;
    }
    job->is_due = true;
    job->next_due = NULL;
    if (pool->due_last != NULL) {
        pool->due_last->next_due = job;
    } else {
        pool->due_first = job;
    }
    pool->due_last = job;
    brood_job_hold(job);
}

static void call_progress(brood_result *job)
{
    uint64_t done = job->count - job->left;
    uint64_t failed = job->failed;

    brood_pool_unlock(job->pool);
    brood_meter_report(&job->meter, done, job->count, failed);
    brood_pool_lock(job->pool);
}

static void call_one(brood_result *job)
{
    bool is_finished = brood_load32(&job->finished) != 0;
    brood_result_function *function = job->status == BROOD_OK ? job->on_done : job->on_failed;

    if (job->meter.function != NULL) {
        call_progress(job);
    }
    if (is_finished && function != NULL) {
        brood_pool_unlock(job->pool);
        function(job, job->user);
        brood_pool_lock(job->pool);
    }
}

bool brood_pool_call_next(brood_pool *pool)
{
    brood_result *job = pool->due_first;

    if (job == NULL || pool->calls_back) {
        return false;
    }
    pool->due_first = job->next_due;
    if (pool->due_first == NULL) {
        pool->due_last = NULL;
    }
    job->is_due = false;
    pool->calls_back = true;
    pool->caller_id = brood_thread_id();
    call_one(job);
    pool->calls_back = false;
    brood_job_release(job); /* the pool itself has a reference more */
    brood_agenda_notify(pool, BROOD_END(pool));
    return true;
}

/* ---- ends -------------------------------------------------------------------------------- */

static void unlink_job(brood_result *job)
{
    if (job->previous != NULL) {
        job->previous->next = job->next;
    } else {
        job->pool->jobs = job->next;
    }
    if (job->next != NULL) {
        job->next->previous = job->previous;
    }
}

static void finish(brood_result *job)
{
    brood_pool *pool = job->pool;
    bool calls = job->meter.function != NULL ||
                 (job->status == BROOD_OK ? job->on_done : job->on_failed) != NULL;

    unlink_job(job);
    if (pool->closed && pool->jobs == NULL) {
        brood_supervisor_wake(pool); /* its workers are told to end */
    }
    pool->timed -= job->timeout_ns > 0;
    brood_deadlines_remove(&pool->deadlines, job);
    brood_job_give_back_shared(job);
    brood_exchange32(&job->finished, 1);
    if (calls) {
        make_due(job);
    }
    if (job->on_finish != NULL) {
        job->on_finish(job, job->owner);
    }
    brood_agenda_notify(pool, job);
    brood_job_release(job);
}

static void count_down(brood_result *job, uint64_t count)
{
    job->left -= count;
    if (job->left == 0) {
        finish(job);
        return;
    }
    if (job->watchers > 0) {
        brood_agenda_notify(job->pool, job);
    }
    if (brood_meter_is_due(&job->meter)) {
        make_due(job);
    }
}

void brood_job_succeed(brood_result *job, uint64_t count)
{
    job->pool->stats.succeeded += count;
    count_down(job, count);
}

/* ---- failures ---------------------------------------------------------------------------- */

brood_failure brood_job_failure(const brood_result *job, brood_status status, const char *message)
{
    brood_failure failure = BROOD_FAILURE_INIT;

    failure.status = status;
    failure.pid = -1;
    failure.exit.struct_size = sizeof failure.exit;
    snprintf(failure.tag, sizeof failure.tag, "%s", job == NULL ? "" : job->tag);
    snprintf(failure.message, sizeof failure.message, "%s",
             message[0] != '\0' ? message : brood_status_text(status));
    brood_text_clean(failure.message);
    return failure;
}

static bool is_same_way(const brood_failed_items *items, const brood_failure *failure)
{
    return items->status == failure->status && items->code == failure->task_code &&
           items->exit == NULL && failure->exit.reason == BROOD_EXIT_NONE &&
           items->pid == failure->pid && items->attempt == failure->attempt &&
           strcmp(items->message, failure->message) == 0;
}

static brood_failed_items *new_items(const brood_failure *failure, uint64_t first, uint64_t count)
{
    size_t length = strlen(failure->message);
    brood_failed_items *items = brood_calloc(1, sizeof *items + length + 1);

    if (items == NULL) {
        return NULL;
    }
    items->first = first;
    items->count = count;
    items->status = failure->status;
    items->code = failure->task_code;
    items->pid = failure->pid;
    items->attempt = failure->attempt;
    memcpy(items->message, failure->message, length + 1);
    if (failure->exit.reason != BROOD_EXIT_NONE) {
        items->exit = brood_malloc(sizeof *items->exit);
        if (items->exit != NULL) {
            *items->exit = failure->exit;
        }
    }
    return items;
}

/* Where in the list items from first on belong: behind which. NULL: at the front. */
static brood_failed_items *place_of(const brood_result *job, uint64_t first)
{
    brood_failed_items *at = job->last_failure;

    if (at == NULL || at->first > first) {
        at = job->failures;
    }
    if (at == NULL || at->first > first) {
        return NULL;
    }
    while (at->next != NULL && at->next->first <= first) {
        at = at->next;
    }
    return at;
}

static void record(brood_result *job, uint64_t first, uint64_t count, const brood_failure *failure)
{
    brood_failed_items *before = place_of(job, first);
    brood_failed_items *items = NULL;

    if (before != NULL && before->first + before->count == first && is_same_way(before, failure)) {
        before->count += count;
        return;
    }
    items = new_items(failure, first, count);
    if (items == NULL) {
        job->unrecorded += count;
        return;
    }
    items->next = before != NULL ? before->next : job->failures;
    if (before != NULL) {
        before->next = items;
    } else {
        job->failures = items;
    }
    job->last_failure = items;
}

const brood_failed_items *brood_job_find(const brood_result *job, uint64_t index)
{
    for (const brood_failed_items *at = job->failures; at != NULL && at->first <= index;
         at = at->next) {
        if (index - at->first < at->count) {
            return at;
        }
    }
    return NULL;
}

void brood_job_explain(const brood_result *job, const brood_failed_items *items, uint64_t index,
                       brood_failure *failure)
{
    *failure = brood_job_failure(job, items->status, items->message);
    failure->task_code = items->code;
    failure->pid = items->pid;
    failure->index = index;
    failure->attempt = items->attempt;
    if (items->exit != NULL) {
        failure->exit = *items->exit;
    }
}

void brood_job_fail(brood_result *job, uint64_t first, uint64_t count, const brood_failure *failure)
{
    brood_pool_stats *stats = &job->pool->stats;

    *(failure->status == BROOD_ERR_CANCELLED ? &stats->cancelled : &stats->failed) += count;
    job->failed += count;
    record(job, first, count, failure);
    job->status = job->failures != NULL ? job->failures->status : failure->status;
    count_down(job, count);
}

void brood_job_end_cancelled(brood_result *job, uint64_t first, uint64_t count)
{
    brood_failure failure = brood_job_failure(job, job->cancel_status, "");

    if (job->cancel_status == BROOD_ERR_BROKEN) {
        failure.exit = job->pool->last_start.exit;
        failure.pid = job->pool->last_start.pid;
        failure.task_code = job->pool->last_start.task_code;
        snprintf(failure.message, sizeof failure.message, "%.*s", (int)sizeof failure.message - 1,
                 job->pool->last_start.message);
    }
    brood_job_fail(job, first, count, &failure);
}
