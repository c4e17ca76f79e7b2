#include "pool/receive.h"

#include <string.h>

#include "base/memory.h"
#include "pool/dispatch.h"
#include "pool/job.h"
#include "pool/trust.h"
#include "pool/worker.h"

/* ---- where it goes ----------------------------------------------------------------------- */

/* Values of any size; a zero byte behind them is not counted. False: out of memory. */
static bool make_own(brood_receiving *receiving, const brood_result *job)
{
    uint64_t size = receiving->answer.size;

    if (job->kind == BROOD_JOB_TASK && size < sizeof job->small_value) {
        receiving->into = ((brood_result *)(uintptr_t)job)->small_value;
        receiving->into[size] = '\0';
        return true;
    }
    receiving->own = size < SIZE_MAX - BROOD_WIRE_ALIGN ? brood_malloc((size_t)size + 1) : NULL;
    if (receiving->own != NULL) {
        receiving->own[size] = '\0';
    }
    receiving->into = receiving->own;
    return receiving->own != NULL;
}

/*
 * Where a value of fixed size waits until all of it has come. Kept as long as the worker has more of
 * the same job: memory that is new costs more than to copy into it.
 */
static bool make_stage(brood_receiving *receiving)
{
    size_t size = (size_t)receiving->answer.size;

    if (size > receiving->stage_room) {
        brood_free(receiving->stage);
        receiving->stage = brood_malloc(size);
        receiving->stage_room = receiving->stage == NULL ? 0 : size;
    }
    receiving->into = receiving->stage;
    return receiving->stage != NULL;
}

static unsigned char *place_of(const brood_receiving *receiving, const brood_result *job)
{
    return (unsigned char *)job->out + (receiving->answer.first - job->first) * job->out_size;
}

/* Whether the body of the answer is all there. */
static bool is_there(brood_worker *worker)
{
    uint64_t size = brood_wire_padded(worker->receiving.answer.size);
    size_t available = (size_t)(worker->from.other - worker->from.own);

    return size <= available ||
           (brood_ring_available(&worker->from, &available) == BROOD_OK && size <= available);
}

/*
 * The place of a value in the caller's array is written when all of the value has come: what fails
 * midway has not touched it, and nor has what comes after the array was given up. False: there is no
 * memory for it; the value is passed over, and its item fails.
 */
static bool find_place(brood_worker *worker)
{
    brood_receiving *receiving = &worker->receiving;
    const brood_wire_answer *answer = &receiving->answer;
    const brood_chunk *chunk = worker->chunks.first;

    receiving->into = NULL;
    receiving->is_staged = false;
    if (answer->kind == BROOD_WIRE_FAILED) {
        receiving->into = (unsigned char *)receiving->message;
        receiving->message[answer->size] = '\0';
    } else if (answer->kind == BROOD_WIRE_RESULT && answer->size > 0 &&
               chunk->job->cancel_status == BROOD_OK && !chunk->job->abandoned) {
        if (chunk->job->out_size == BROOD_SIZE_VARIES) {
            return make_own(receiving, chunk->job);
        }
        receiving->is_staged = !is_there(worker);
        if (receiving->is_staged) {
            return make_stage(receiving);
        }
        receiving->into = place_of(receiving, chunk->job);
    }
    return true;
}

/*
 * What was taken before it was told of is not taken again: the caller may have changed it since. It is
 * told together with all behind it. False: its bytes have not come, which cannot be.
 */
static bool pass_over_taken(brood_worker *worker)
{
    brood_receiving *receiving = &worker->receiving;
    brood_chunk *chunk = worker->chunks.first;
    size_t available = 0;
    uint64_t size = 0;

    if (receiving->answer.kind != BROOD_WIRE_RESULT || chunk == NULL || chunk->unreported == 0) {
        return true;
    }
    size = brood_job_has_values_in_ring(chunk->job) ? chunk->unreported * chunk->job->out_size : 0;
    if (brood_ring_available(&worker->from, &available) != BROOD_OK || available < size) {
        return false;
    }
    brood_ring_advance(&worker->from, (size_t)size);
    receiving->answer.first += chunk->unreported;
    receiving->answer.count -= chunk->unreported;
    receiving->answer.size -= size;
    receiving->left -= size;
    chunk->unreported = 0;
    return true;
}

static brood_status take_head(brood_worker *worker)
{
    brood_receiving *receiving = &worker->receiving;
    const brood_wire_answer *answer = &receiving->answer;

    brood_ring_get(&worker->from, &receiving->answer, sizeof receiving->answer);
    if (!brood_answer_is_right(worker, answer)) {
        return BROOD_ERR_PROTOCOL;
    }
    receiving->is_padded = answer->kind == BROOD_WIRE_PAD;
    if (!receiving->is_padded && answer->id > worker->begun) {
        worker->begun = answer->id;
    }
    receiving->in_body = true;
    receiving->left = brood_wire_padded(answer->size);
    if (!pass_over_taken(worker)) {
        return BROOD_ERR_PROTOCOL;
    }
    receiving->wanted = answer->size;
    receiving->is_lost = !find_place(worker);
    return BROOD_OK;
}

/* ---- what it means ----------------------------------------------------------------------- */

static void give_varying(brood_receiving *receiving, brood_result *job)
{
    brood_output *output = (brood_output *)job->out + (receiving->answer.first - job->first);

    if (job->cancel_status != BROOD_OK || job->abandoned) {
        brood_free(receiving->own);
    } else if (job->kind == BROOD_JOB_TASK) {
        job->value = receiving->own != NULL ? receiving->own : job->small_value;
        job->value_size = (size_t)receiving->answer.size;
    } else {
        output->data = (char *)receiving->own;
        output->size = (size_t)receiving->answer.size;
    }
    receiving->own = NULL;
}

static void give_value(brood_worker *worker, brood_result *job)
{
    brood_receiving *receiving = &worker->receiving;

    if (job->out_size == BROOD_SIZE_VARIES) {
        give_varying(receiving, job);
    } else if (receiving->is_staged && job->cancel_status == BROOD_OK && !job->abandoned) {
        memcpy(place_of(receiving, job), receiving->stage, (size_t)receiving->answer.size);
    }
    if (worker->chunks.first == NULL || worker->chunks.first->job != job) {
        brood_free(receiving->stage);
        receiving->stage = NULL;
        receiving->stage_room = 0;
    }
}

/* cancelled_for: as what a task counts that says it was cancelled. */
static void on_failed(brood_worker *worker, brood_result *job, uint32_t attempt,
                      brood_status cancelled_for)
{
    const brood_wire_answer *answer = &worker->receiving.answer;
    brood_status status = (brood_status)answer->status;
    brood_failure failure;

    if (status == BROOD_ERR_CANCELLED) {
        status = cancelled_for;
    }
    failure = brood_job_failure(job, status, worker->receiving.message);
    failure.task_code = answer->code;
    failure.pid = brood_process_pid(worker->process);
    failure.attempt = attempt;
    brood_job_fail(job, answer->first, answer->count, &failure);
}

/* It has run, and is not run again. */
static void on_lost(brood_worker *worker, brood_result *job, uint32_t attempt)
{
    const brood_wire_answer *answer = &worker->receiving.answer;
    brood_failure failure =
        brood_job_failure(job, BROOD_ERR_NO_MEMORY, "the program has no memory for the value");

    failure.pid = brood_process_pid(worker->process);
    failure.attempt = attempt;
    brood_job_fail(job, answer->first, answer->count, &failure);
}

/* The chunk may end here, and its job with it. */
static void on_answer(brood_worker *worker)
{
    brood_receiving *receiving = &worker->receiving;
    const brood_wire_answer *answer = &receiving->answer;
    brood_chunk *chunk = worker->chunks.first;
    brood_result *job = chunk->job;
    uint32_t attempt = chunk->attempt;
    bool is_timed_out = worker->kill_id == chunk->id && job->cancel_status == BROOD_OK;
    brood_status cancelled_for = is_timed_out ? worker->kill_for : job->cancel_status;

    worker->has_answered = true;
    worker->pool->crash_streak = 0;
    if (answer->count == 0) {
        return; /* all of it was taken before */
    }
    if (answer->awake_ns != 0 && answer->count == chunk->count) {
        worker->first_since = brood_os_now() - answer->awake_ns; /* before, it was only waking up */
    }
    chunk->done += answer->count;
    if (chunk->done == chunk->count) {
        brood_worker_chunk_ended(worker, chunk); /* from now on it may be told of the next one */
    }
    if (answer->kind == BROOD_WIRE_FAILED) {
        on_failed(worker, job, attempt, cancelled_for);
    } else if (receiving->is_lost && job->cancel_status == BROOD_OK) {
        on_lost(worker, job, attempt);
    } else if (job->cancel_status != BROOD_OK) {
        give_value(worker, job);
        brood_job_end_cancelled(job, answer->first, answer->count);
    } else {
        give_value(worker, job);
        brood_job_succeed(job, answer->count);
    }
}

static void on_setup(brood_worker *worker)
{
    const brood_wire_answer *answer = &worker->receiving.answer;

    if (answer->kind == BROOD_WIRE_READY) {
        worker->is_up = true;
        brood_worker_plan_look(worker);
        if (worker->state == BROOD_WORKER_STARTING) {
            worker->state = BROOD_WORKER_READY;
        }
        worker->pool->start_failures = worker->pool->crash_streak;
        worker->first_since = brood_os_now();
        return;
    }
    worker->setup =
        brood_job_failure(NULL, (brood_status)answer->status, worker->receiving.message);
    worker->setup.task_code = answer->code;
}

static void on_whole(brood_worker *worker)
{
    const brood_wire_answer *answer = &worker->receiving.answer;

    worker->receiving.in_body = false;
    if (answer->kind == BROOD_WIRE_PAD) {
        return;
    }
    if (answer->id == 0) {
        on_setup(worker);
    } else {
        on_answer(worker);
    }
}

/* ---- receiving --------------------------------------------------------------------------- */

/* Takes what there is of a body. */
static void take_body(brood_worker *worker, size_t available)
{
    brood_receiving *receiving = &worker->receiving;
    size_t part = available < receiving->left ? available : (size_t)receiving->left;
    size_t wanted = part < receiving->wanted ? part : (size_t)receiving->wanted;

    if (receiving->into != NULL && wanted > 0) {
        brood_ring_get(&worker->from, receiving->into, wanted);
        receiving->into += wanted;
        brood_ring_advance(&worker->from, part - wanted);
    } else {
        brood_ring_advance(&worker->from, part);
    }
    receiving->wanted -= wanted;
    receiving->left -= part;
}

/* One step; false when there is nothing more to take. */
static bool take_step(brood_worker *worker, brood_status *status)
{
    brood_receiving *receiving = &worker->receiving;
    size_t available = (size_t)(worker->from.other - worker->from.own);
    size_t needed = receiving->in_body ? 1 : sizeof receiving->answer;

    if (available < needed) {
        *status = brood_ring_available(&worker->from, &available);
        if (*status == BROOD_OK && available > 0 && available < needed) {
            *status = BROOD_ERR_PROTOCOL; /* a head is published as a whole */
        }
        if (*status != BROOD_OK || available < needed) {
            return false;
        }
    }
    if (receiving->in_body) {
        take_body(worker, available);
    } else {
        *status = take_head(worker);
        if (*status != BROOD_OK) {
            return false;
        }
    }
    if (receiving->left == 0) {
        on_whole(worker);
    }
    return true;
}

/* No worker holds up the program: once around the ring, at most twice; arming sees what is left. */
brood_status brood_worker_receive(brood_worker *worker)
{
    brood_status status = BROOD_OK;
    uint64_t begun = worker->from.own;
    uint64_t released = begun;

    while (worker->from.own - begun < worker->from.capacity && take_step(worker, &status)) {
        worker->pool->moved++;
        if (worker->from.own - released >= worker->from.capacity / 4) {
            released = worker->from.own;
            if (brood_ring_release(&worker->from)) {
                brood_worker_ring(worker);
            }
        }
    }
    if (worker->from.own != released && brood_ring_release(&worker->from)) {
        brood_worker_ring(worker);
    }
    return status;
}
