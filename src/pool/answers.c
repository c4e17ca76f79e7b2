#include "pool/answers.h"

#include <string.h>

#include "base/memory.h"
#include "pool/dispatch.h"
#include "pool/ends.h"
#include "pool/failures.h"
#include "pool/failed_items.h"
#include "pool/job.h"
#include "pool/notices.h"
#include "pool/pool_impl.h"
#include "pool/worker.h"

/* ---- values ------------------------------------------------------------------------------ */

static void give_varying(const brood_event *event, brood_result *job)
{
    brood_output *output = (brood_output *)job->out + (event->first - job->more->first);

    if (job->cancel_status != BROOD_OK || job->abandoned) {
        brood_free(event->own);
    } else if (job->kind == BROOD_JOB_TASK) {
        job->out = event->own != NULL ? event->own : brood_job_value_place(job, event->size);
        job->value_size = event->size;
        ((unsigned char *)job->out)[event->size] = '\0';
    } else {
        output->data = (char *)event->own;
        output->size = event->size;
    }
}

static void give_value(const brood_event *event, brood_result *job)
{
    if (job->out_size == BROOD_SIZE_VARIES) {
        give_varying(event, job);
    } else if (event->staged != NULL && job->cancel_status == BROOD_OK && !job->abandoned) {
        memcpy(brood_job_item_place(job, event->first), event->staged, event->size);
    }
}

/* ---- failures ---------------------------------------------------------------------------- */

/* cancelled_for: the status of an item that the worker reports as cancelled. */
static void on_failed(const brood_worker *worker, const brood_event *event, brood_result *job,
                      uint32_t attempt, brood_status cancelled_for)
{
    brood_status status = event->status == BROOD_ERR_CANCELLED ? cancelled_for : event->status;
    brood_failure failure = brood_job_failure(job, status, event->message);

    if (job->cancel_status != BROOD_OK) {
        brood_job_end_cancelled(job, event->first, event->count);
        return;
    }
    failure.task_code = event->code;
    failure.pid = worker->ops->pid(worker);
    failure.attempt = attempt;
    brood_job_fail(job, event->first, event->count, &failure);
}

/*
 * The items have run, but the pool has no memory for the value: they fail, and are not run again.
 */
static void on_lost(const brood_worker *worker, const brood_event *event, brood_result *job,
                    uint32_t attempt)
{
    brood_failure failure =
        brood_job_failure(job, BROOD_ERR_NO_MEMORY, "the program has no memory for the value");

    failure.pid = worker->ops->pid(worker);
    failure.attempt = attempt;
    brood_job_fail(job, event->first, event->count, &failure);
}

/* ---- events ------------------------------------------------------------------------------ */

/* The end of items that have succeeded, were skipped, or have a value that could not be stored. */
static void on_ended(const brood_worker *worker, const brood_event *event, brood_result *job,
                     uint32_t attempt)
{
    if (event->is_lost && job->cancel_status == BROOD_OK) {
        on_lost(worker, event, job, attempt);
        return;
    }
    give_value(event, job);
    if (job->cancel_status != BROOD_OK) {
        brood_job_end_cancelled(job, event->first, event->count);
    } else {
        brood_job_succeed(job, event->count);
    }
}

/*
 * An answer about the worker's first chunk. The chunk may be freed here: after
 * brood_worker_chunk_ended neither `chunk` nor worker->backlog.chunks.first is what it was.
 */
static void on_answer(brood_worker *worker, const brood_event *event)
{
    brood_chunk *chunk = worker->backlog.chunks.first;
    brood_result *job = chunk->job;
    uint32_t attempt = chunk->attempt;
    bool is_timed_out = worker->notice.id == chunk->id && job->cancel_status == BROOD_OK;
    brood_status cancelled_for = is_timed_out ? worker->notice.why : job->cancel_status;

    worker->reports.has_answered = true;
    if (worker->pool->supervisor.crash_streak > 0) {
        brood_supervisor_end_crash_streak(worker->pool);
    }
    chunk->unreported = 0;
    if (event->count == 0) {
        return; /* all of it was taken before */
    }
    if (event->awake_ns != 0 && event->count == chunk->count) {
        brood_pace_begin(&worker->pace, brood_os_now() - event->awake_ns); /* it woke up before */
    }
    chunk->done += event->count;
    if (chunk->done == chunk->count) {
        brood_worker_chunk_ended(worker, chunk); /* from now on notices are about the next one */
    }
    if (event->kind == BROOD_EVENT_FAILED) {
        on_failed(worker, event, job, attempt, cancelled_for);
    } else {
        on_ended(worker, event, job, attempt);
    }
}

static void on_ready(brood_worker *worker)
{
    worker->reports.is_up = true;
    brood_worker_note_ready(worker);
    brood_supervisor_note_start(worker->pool);
    brood_pace_begin(&worker->pace, brood_os_now());
    brood_worker_first_changed(worker); /* it can begin its first chunk from now on */
}

static void on_event(brood_worker *worker, const brood_event *event)
{
    switch (event->kind) {
    case BROOD_EVENT_READY:
        on_ready(worker);
        break;
    case BROOD_EVENT_SETUP_FAILED:
        worker->reports.setup = brood_job_failure(NULL, event->status, event->message);
        worker->reports.setup.task_code = event->code;
        brood_worker_note_failed_setup(worker);
        break;
    default:
        on_answer(worker, event);
        break;
    }
}

brood_status brood_worker_receive(brood_worker *worker)
{
    brood_event event = {.kind = BROOD_EVENT_NONE};
    brood_status status = worker->ops->receive(worker, &event);

    while (event.kind != BROOD_EVENT_NONE) {
        on_event(worker, &event);
        status = worker->ops->receive(worker, &event);
    }
    return status;
}
