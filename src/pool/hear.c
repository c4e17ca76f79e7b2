#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "pool/pool_impl.h"

/* No process has a value that is longer: user space ends at 2^47 or 2^56 (Linux, Windows, macOS). */
#define LONGEST ((uint64_t)SIZE_MAX >> (sizeof(size_t) == 8 ? 8 : 1))

/* ---- what may be said -------------------------------------------------------------------- */

static bool is_known_failure(uint32_t status)
{
    switch (status) {
#define KNOWN_STATUS(name, number, text)                                                           \
    case (uint32_t)(name):                                                                         \
        return (name) != BROOD_OK;
        BROOD_STATUS_TABLE(KNOWN_STATUS)
#undef KNOWN_STATUS
    default:
        return false;
    }
}

bool brood_job_has_values_in_ring(const brood_result *job)
{
    return job->out_size > 0 && job->out_shared == NULL;
}

static bool is_right_size(const brood_result *job, const brood_wire_answer *answer)
{
    if (!brood_job_has_values_in_ring(job)) {
        return answer->size == 0;
    }
    if (job->out_size == BROOD_SIZE_VARIES) {
        return answer->count == 1 && answer->size <= LONGEST;
    }
    return answer->size == answer->count * job->out_size;
}

/* Whether it is about the next items of the piece, and first of all about those that were taken. */
static bool is_next(const brood_piece *piece, const brood_wire_answer *answer)
{
    uint64_t told = piece->done - piece->untold;

    return answer->id == piece->id && answer->first == piece->first + told && answer->count > 0 &&
           answer->count <= piece->count - told && answer->count >= piece->untold &&
           (answer->kind == BROOD_WIRE_RESULT || piece->untold == 0);
}

/* Whether an answer about a piece can be; each worker answers in the order of its pieces. */
static bool is_possible(const brood_worker *worker, const brood_wire_answer *answer)
{
    const brood_piece *piece = worker->pieces.first;
    bool is_range = piece != NULL && piece->job->kind == BROOD_JOB_RANGE;

    if (piece == NULL || !is_next(piece, answer) || (is_range && answer->count != piece->count)) {
        return false;
    }
    switch (answer->kind) {
    case BROOD_WIRE_RESULT:
        return is_right_size(piece->job, answer);
    case BROOD_WIRE_FAILED:
        return answer->size < BROOD_MESSAGE_MAX && is_known_failure(answer->status) &&
               (answer->count == 1 || is_range) &&
               (answer->status != BROOD_ERR_CANCELLED || piece->job->doom != BROOD_OK ||
                worker->kill_id == piece->id);
    default: /* SKIPPED */
        return answer->size == 0 && piece->job->doom != BROOD_OK;
    }
}

/* It has failed once only, and ends. */
static bool is_about_setup(const brood_worker *worker, const brood_wire_answer *answer)
{
    return !worker->is_up && worker->setup.status == BROOD_OK && answer->id == 0 &&
           answer->size < BROOD_MESSAGE_MAX &&
           (answer->kind == BROOD_WIRE_READY ||
            (answer->kind == BROOD_WIRE_FAILED && is_known_failure(answer->status)));
}

/*
 * What fills the ring up to its end, before an answer that shall lie in one piece: nothing else, so
 * that whatever a worker says without end is about ever more of what it was given.
 */
static bool is_right_pad(const brood_worker *worker, const brood_wire_answer *answer)
{
    size_t head = sizeof *answer;
    size_t begun = (size_t)((worker->from.own - head) & (worker->from.capacity - 1));
    size_t to_end = worker->from.capacity - begun;

    return answer->size == (to_end > head ? to_end - head : 0) && worker->pieces.first != NULL &&
           !worker->hearing.is_padded;
}

static bool is_right(const brood_worker *worker, const brood_wire_answer *answer)
{
    switch (answer->kind) {
    case BROOD_WIRE_PAD:
        return is_right_pad(worker, answer);
    case BROOD_WIRE_RESULT:
    case BROOD_WIRE_FAILED:
    case BROOD_WIRE_SKIPPED:
        return is_possible(worker, answer) || is_about_setup(worker, answer);
    default:
        return is_about_setup(worker, answer);
    }
}

/* ---- where it goes ----------------------------------------------------------------------- */

/* Values of any size; a zero byte behind them is not counted. False: out of memory. */
static bool make_own(brood_hearing *hearing, const brood_result *job)
{
    uint64_t size = hearing->answer.size;

    if (job->kind == BROOD_JOB_TASK && size < sizeof job->small_value) {
        hearing->into = ((brood_result *)(uintptr_t)job)->small_value;
        hearing->into[size] = '\0';
        return true;
    }
    hearing->own = size < SIZE_MAX - BROOD_WIRE_ALIGN ? brood_malloc((size_t)size + 1) : NULL;
    if (hearing->own != NULL) {
        hearing->own[size] = '\0';
    }
    hearing->into = hearing->own;
    return hearing->own != NULL;
}

/*
 * Where a value of fixed size waits until all of it has come. Kept as long as the worker has more of
 * the same job: memory that is new costs more than to copy into it.
 */
static bool make_stage(brood_hearing *hearing)
{
    size_t size = (size_t)hearing->answer.size;

    if (size > hearing->stage_room) {
        brood_free(hearing->stage);
        hearing->stage = brood_malloc(size);
        hearing->stage_room = hearing->stage == NULL ? 0 : size;
    }
    hearing->into = hearing->stage;
    return hearing->stage != NULL;
}

static unsigned char *place_of(const brood_hearing *hearing, const brood_result *job)
{
    return (unsigned char *)job->out + (hearing->answer.first - job->first) * job->out_size;
}

/* Whether the body of the answer is all there. */
static bool is_there(brood_worker *worker)
{
    uint64_t size = brood_wire_padded(worker->hearing.answer.size);
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
    brood_hearing *hearing = &worker->hearing;
    const brood_wire_answer *answer = &hearing->answer;
    const brood_piece *piece = worker->pieces.first;

    hearing->into = NULL;
    hearing->is_staged = false;
    if (answer->kind == BROOD_WIRE_FAILED) {
        hearing->into = (unsigned char *)hearing->message;
        hearing->message[answer->size] = '\0';
    } else if (answer->kind == BROOD_WIRE_RESULT && answer->size > 0 &&
               piece->job->doom == BROOD_OK && !piece->job->abandoned) {
        if (piece->job->out_size == BROOD_SIZE_VARIES) {
            return make_own(hearing, piece->job);
        }
        hearing->is_staged = !is_there(worker);
        if (hearing->is_staged) {
            return make_stage(hearing);
        }
        hearing->into = place_of(hearing, piece->job);
    }
    return true;
}

/*
 * What was taken before it was told of is not taken again: the caller may have changed it since. It is
 * told together with all behind it. False: its bytes have not come, which cannot be.
 */
static bool pass_over_taken(brood_worker *worker)
{
    brood_hearing *hearing = &worker->hearing;
    brood_piece *piece = worker->pieces.first;
    size_t available = 0;
    uint64_t size = 0;

    if (hearing->answer.kind != BROOD_WIRE_RESULT || piece == NULL || piece->untold == 0) {
        return true;
    }
    size = brood_job_has_values_in_ring(piece->job) ? piece->untold * piece->job->out_size : 0;
    if (brood_ring_available(&worker->from, &available) != BROOD_OK || available < size) {
        return false;
    }
    brood_ring_advance(&worker->from, (size_t)size);
    hearing->answer.first += piece->untold;
    hearing->answer.count -= piece->untold;
    hearing->answer.size -= size;
    hearing->left -= size;
    piece->untold = 0;
    return true;
}

static brood_status take_head(brood_worker *worker)
{
    brood_hearing *hearing = &worker->hearing;
    const brood_wire_answer *answer = &hearing->answer;

    brood_ring_get(&worker->from, &hearing->answer, sizeof hearing->answer);
    if (!is_right(worker, answer)) {
        return BROOD_ERR_PROTOCOL;
    }
    hearing->is_padded = answer->kind == BROOD_WIRE_PAD;
    if (!hearing->is_padded && answer->id > worker->begun) {
        worker->begun = answer->id;
    }
    hearing->in_body = true;
    hearing->left = brood_wire_padded(answer->size);
    if (!pass_over_taken(worker)) {
        return BROOD_ERR_PROTOCOL;
    }
    hearing->wanted = answer->size;
    hearing->is_lost = !find_place(worker);
    return BROOD_OK;
}

/* ---- what it means ----------------------------------------------------------------------- */

static void give_varying(brood_hearing *hearing, brood_result *job)
{
    brood_output *output = (brood_output *)job->out + (hearing->answer.first - job->first);

    if (job->doom != BROOD_OK || job->abandoned) {
        brood_free(hearing->own);
    } else if (job->kind == BROOD_JOB_TASK) {
        job->value = hearing->own != NULL ? hearing->own : job->small_value;
        job->value_size = (size_t)hearing->answer.size;
    } else {
        output->data = (char *)hearing->own;
        output->size = (size_t)hearing->answer.size;
    }
    hearing->own = NULL;
}

static void give_value(brood_worker *worker, brood_result *job)
{
    brood_hearing *hearing = &worker->hearing;

    if (job->out_size == BROOD_SIZE_VARIES) {
        give_varying(hearing, job);
    } else if (hearing->is_staged && job->doom == BROOD_OK && !job->abandoned) {
        memcpy(place_of(hearing, job), hearing->stage, (size_t)hearing->answer.size);
    }
    if (worker->pieces.first == NULL || worker->pieces.first->job != job) {
        brood_free(hearing->stage);
        hearing->stage = NULL;
        hearing->stage_room = 0;
    }
}

/* cancelled_for: as what a task counts that says it was cancelled. */
static void on_failed(brood_worker *worker, brood_result *job, uint32_t attempt,
                      brood_status cancelled_for)
{
    const brood_wire_answer *answer = &worker->hearing.answer;
    brood_status status = (brood_status)answer->status;
    brood_failure failure;

    if (status == BROOD_ERR_CANCELLED) {
        status = cancelled_for;
    }
    failure = brood_job_failure(job, status, worker->hearing.message);
    failure.task_code = answer->code;
    failure.pid = brood_process_pid(worker->process);
    failure.attempt = attempt;
    brood_job_fail(job, answer->first, answer->count, &failure);
}

/* It has run, and is not run again. */
static void on_lost(brood_worker *worker, brood_result *job, uint32_t attempt)
{
    const brood_wire_answer *answer = &worker->hearing.answer;
    brood_failure failure =
        brood_job_failure(job, BROOD_ERR_NO_MEMORY, "the program has no memory for the value");

    failure.pid = brood_process_pid(worker->process);
    failure.attempt = attempt;
    brood_job_fail(job, answer->first, answer->count, &failure);
}

/* The piece may end here, and its job with it. */
static void on_answer(brood_worker *worker)
{
    brood_hearing *hearing = &worker->hearing;
    const brood_wire_answer *answer = &hearing->answer;
    brood_piece *piece = worker->pieces.first;
    brood_result *job = piece->job;
    uint32_t attempt = piece->attempt;
    bool is_timed_out = worker->kill_id == piece->id && job->doom == BROOD_OK;
    brood_status cancelled_for = is_timed_out ? worker->kill_for : job->doom;

    worker->has_answered = true;
    worker->pool->barren = 0;
    if (answer->count == 0) {
        return; /* all of it was taken before */
    }
    if (answer->awake_ns != 0 && answer->count == piece->count) {
        worker->heard_at = brood_os_now() - answer->awake_ns; /* before, it was only waking up */
    }
    piece->done += answer->count;
    if (piece->done == piece->count) {
        brood_worker_piece_ended(worker, piece); /* from now on it may be told of the next one */
    }
    if (answer->kind == BROOD_WIRE_FAILED) {
        on_failed(worker, job, attempt, cancelled_for);
    } else if (hearing->is_lost && job->doom == BROOD_OK) {
        on_lost(worker, job, attempt);
    } else if (job->doom != BROOD_OK) {
        give_value(worker, job);
        brood_job_doom(job, answer->first, answer->count);
    } else {
        give_value(worker, job);
        brood_job_succeed(job, answer->count);
    }
}

static void on_setup(brood_worker *worker)
{
    const brood_wire_answer *answer = &worker->hearing.answer;

    if (answer->kind == BROOD_WIRE_READY) {
        worker->is_up = true;
        brood_worker_plan_look(worker);
        if (worker->state == BROOD_WORKER_STARTING) {
            worker->state = BROOD_WORKER_READY;
        }
        worker->pool->start_failures = worker->pool->barren;
        worker->heard_at = brood_os_now();
        return;
    }
    worker->setup = brood_job_failure(NULL, (brood_status)answer->status, worker->hearing.message);
    worker->setup.task_code = answer->code;
}

static void on_whole(brood_worker *worker)
{
    const brood_wire_answer *answer = &worker->hearing.answer;

    worker->hearing.in_body = false;
    if (answer->kind == BROOD_WIRE_PAD) {
        return;
    }
    if (answer->id == 0) {
        on_setup(worker);
    } else {
        on_answer(worker);
    }
}

/* ---- hearing ----------------------------------------------------------------------------- */

/* Takes what there is of a body. */
static void take_body(brood_worker *worker, size_t available)
{
    brood_hearing *hearing = &worker->hearing;
    size_t part = available < hearing->left ? available : (size_t)hearing->left;
    size_t wanted = part < hearing->wanted ? part : (size_t)hearing->wanted;

    if (hearing->into != NULL && wanted > 0) {
        brood_ring_get(&worker->from, hearing->into, wanted);
        hearing->into += wanted;
        brood_ring_advance(&worker->from, part - wanted);
    } else {
        brood_ring_advance(&worker->from, part);
    }
    hearing->wanted -= wanted;
    hearing->left -= part;
}

/* One step; false when there is nothing more to take. */
static bool take_step(brood_worker *worker, brood_status *status)
{
    brood_hearing *hearing = &worker->hearing;
    size_t available = (size_t)(worker->from.other - worker->from.own);
    size_t needed = hearing->in_body ? 1 : sizeof hearing->answer;

    if (available < needed) {
        *status = brood_ring_available(&worker->from, &available);
        if (*status == BROOD_OK && available > 0 && available < needed) {
            *status = BROOD_ERR_PROTOCOL; /* a head is published as a whole */
        }
        if (*status != BROOD_OK || available < needed) {
            return false;
        }
    }
    if (hearing->in_body) {
        take_body(worker, available);
    } else {
        *status = take_head(worker);
        if (*status != BROOD_OK) {
            return false;
        }
    }
    if (hearing->left == 0) {
        on_whole(worker);
    }
    return true;
}

/* No worker holds up the program: once around the ring, at most twice; arming sees what is left. */
brood_status brood_worker_hear(brood_worker *worker)
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
