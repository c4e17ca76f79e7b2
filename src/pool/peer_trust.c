#include "base/error.h"
#include "pool/peer_impl.h"

/* No process has a value that is longer: user space ends at 2^47 or 2^56 (Linux, Windows, macOS). */
#define LONGEST ((uint64_t)SIZE_MAX >> (sizeof(size_t) == 8 ? 8 : 1))

/*
 * Statuses that the program's own side gives, and on which callers act: TIMEOUT is for what has not ended,
 * CLOSED for an imap without further items, FULL and STATE for what was not submitted.
 */
static bool is_of_this_side(brood_status status)
{
    static const brood_status own[] = {BROOD_OK,
                                       BROOD_ERR_TIMEOUT,
                                       BROOD_ERR_CLOSED,
                                       BROOD_ERR_ARGUMENT,
                                       BROOD_ERR_FULL,
                                       BROOD_ERR_STATE,
                                       BROOD_ERR_BROKEN,
                                       BROOD_ERR_DIED,
                                       BROOD_ERR_QUARANTINED,
                                       BROOD_ERR_TASK_TIMEOUT,
                                       BROOD_ERR_DEADLINE,
                                       BROOD_ERR_PROTOCOL,
                                       BROOD_ERR_NO_HELLO,
                                       BROOD_ERR_NOT_INITIALIZED,
                                       BROOD_ERR_BOOTSTRAPPING};

    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        if (own[i] == status) {
            return true;
        }
    }
    return false;
}

static bool is_failure_of_worker(uint32_t status)
{
    return brood_is_status(status) && !is_of_this_side((brood_status)status);
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

/* Whether the answer is about the next items of the chunk, and covers those that were taken. */
static bool is_next(const brood_chunk *chunk, const brood_wire_answer *answer)
{
    uint64_t reported = chunk->done - chunk->unreported;

    return answer->id == chunk->id && answer->first == chunk->first + reported &&
           answer->count > 0 && answer->count <= chunk->count - reported &&
           answer->count >= chunk->unreported &&
           (answer->kind == BROOD_WIRE_RESULT || chunk->unreported == 0);
}

/* Whether an answer about a chunk is possible: a worker answers in the order of its chunks. */
static bool is_possible(const brood_peer *peer, const brood_wire_answer *answer)
{
    const brood_chunk *chunk = peer->base.backlog.chunks.first;
    bool is_range = chunk != NULL && chunk->job->kind == BROOD_JOB_RANGE;

    if (chunk == NULL || chunk == peer->base.transit.chunk || !is_next(chunk, answer) ||
        (is_range && answer->count != chunk->count)) {
        return false;
    }
    switch (answer->kind) {
    case BROOD_WIRE_RESULT:
        return is_right_size(chunk->job, answer);
    case BROOD_WIRE_FAILED:
        return answer->size < BROOD_MESSAGE_MAX && is_failure_of_worker(answer->status) &&
               (answer->count == 1 || is_range) &&
               (answer->status != BROOD_ERR_CANCELLED || chunk->job->cancel_status != BROOD_OK ||
                peer->base.notice.id == chunk->id);
    default: /* SKIPPED */
        return answer->size == 0 && chunk->job->cancel_status != BROOD_OK;
    }
}

/* READY, or the failure of the initializer: at most once, and never after READY. */
static bool is_about_setup(const brood_peer *peer, const brood_wire_answer *answer)
{
    return !peer->base.reports.is_up && peer->base.reports.setup.status == BROOD_OK &&
           answer->id == 0 && answer->size < BROOD_MESSAGE_MAX &&
           (answer->kind == BROOD_WIRE_READY ||
            (answer->kind == BROOD_WIRE_FAILED && is_failure_of_worker(answer->status)));
}

/*
 * A pad fills the ring up to its end, before an answer that must lie in one piece. Any other pad is
 * refused: a worker could otherwise send pads for ever, without reporting an item.
 */
static bool is_right_pad(const brood_peer *peer, const brood_wire_answer *answer)
{
    size_t head = sizeof *answer;
    size_t begun = (size_t)((peer->from.own - head) & (peer->from.capacity - 1));
    size_t to_end = peer->from.capacity - begun;

    return answer->size == (to_end > head ? to_end - head : 0) &&
           peer->base.backlog.chunks.first != NULL && !peer->receiving.is_padded;
}

bool brood_peer_may_answer(const brood_peer *peer, const brood_wire_answer *answer)
{
    switch (answer->kind) {
    case BROOD_WIRE_PAD:
        return is_right_pad(peer, answer);
    case BROOD_WIRE_RESULT:
    case BROOD_WIRE_FAILED:
    case BROOD_WIRE_SKIPPED:
        return is_possible(peer, answer) || is_about_setup(peer, answer);
    default:
        return is_about_setup(peer, answer);
    }
}
