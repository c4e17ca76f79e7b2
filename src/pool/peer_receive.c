#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "pool/peer_impl.h"

/* ---- where it goes ----------------------------------------------------------------------- */

/* Makes room for a value of any size, with a zero byte after it. False: out of memory. */
static bool make_own(brood_receiving *receiving)
{
    uint64_t size = receiving->answer.size;

    receiving->own = size < SIZE_MAX - BROOD_WIRE_ALIGN ? brood_malloc((size_t)size + 1) : NULL;
    if (receiving->own != NULL) {
        receiving->own[size] = '\0';
    }
    receiving->into = receiving->own;
    return receiving->own != NULL;
}

/*
 * Makes room where values of a fixed size wait until all their bytes have come. The stage is kept
 * as long as the worker's first chunk is of the same job: new memory costs more than to copy into
 * it.
 */
static bool make_stage(brood_receiving *receiving, const brood_result *job)
{
    size_t size = (size_t)receiving->answer.size;

    if (size > receiving->stage_room) {
        brood_free(receiving->stage);
        receiving->stage = brood_malloc(size);
        receiving->stage_room = receiving->stage == NULL ? 0 : size;
    }
    receiving->stage_job = job;
    receiving->into = receiving->stage;
    return receiving->stage != NULL;
}

/* Whether all bytes of the answer's body are in the ring. */
static bool is_there(brood_peer *peer)
{
    uint64_t size = brood_wire_padded(peer->receiving.answer.size);
    size_t available = (size_t)(peer->from.other - peer->from.own);

    return size <= available ||
           (brood_ring_available(&peer->from, &available) == BROOD_OK && size <= available);
}

/*
 * A value is written into the caller's array, or over the argument, when all of its bytes have come:
 * an answer that breaks off has touched neither. False: there is no memory for the value; its bytes
 * are passed over, and its item fails.
 */
static bool find_value_room(brood_peer *peer, const brood_result *job)
{
    brood_receiving *receiving = &peer->receiving;
    bool is_whole = is_there(peer);

    if (job->out_size == BROOD_SIZE_VARIES) {
        receiving->into = is_whole ? brood_job_value_place(job, receiving->answer.size) : NULL;
        receiving->is_direct = receiving->into != NULL;
        return receiving->is_direct || make_own(receiving);
    }
    receiving->is_staged = !is_whole;
    if (receiving->is_staged) {
        return make_stage(receiving, job);
    }
    receiving->into = brood_job_item_place(job, receiving->answer.first);
    receiving->is_direct = true;
    return true;
}

/* A value that comes after the job was abandoned is passed over. */
static bool find_place(brood_peer *peer)
{
    brood_receiving *receiving = &peer->receiving;
    const brood_wire_answer *answer = &receiving->answer;
    const brood_chunk *chunk = peer->base.backlog.chunks.first;

    receiving->into = NULL;
    receiving->is_staged = receiving->is_direct = false;
    if (answer->kind == BROOD_WIRE_FAILED) {
        receiving->into = (unsigned char *)receiving->message;
        receiving->message[answer->size] = '\0';
    } else if (answer->kind == BROOD_WIRE_RESULT && answer->size > 0 &&
               chunk->job->cancel_status == BROOD_OK && !chunk->job->abandoned) {
        return find_value_room(peer, chunk->job);
    }
    return true;
}

/*
 * Values that were taken before they were reported are not taken again: the caller may have changed
 * them since. The answer reports those items together with later ones. False: the bytes of those
 * values are not in the ring, which is impossible for a correct worker.
 */
static bool pass_over_taken(brood_peer *peer)
{
    brood_receiving *receiving = &peer->receiving;
    const brood_chunk *chunk = peer->base.backlog.chunks.first;
    size_t available = 0;
    uint64_t size = 0;

    if (receiving->answer.kind != BROOD_WIRE_RESULT || chunk == NULL || chunk->unreported == 0) {
        return true;
    }
    size = brood_job_has_values_in_ring(chunk->job) ? chunk->unreported * chunk->job->out_size : 0;
    if (brood_ring_available(&peer->from, &available) != BROOD_OK || available < size) {
        return false;
    }
    brood_ring_advance(&peer->from, (size_t)size);
    receiving->answer.first += chunk->unreported;
    receiving->answer.count -= chunk->unreported;
    receiving->answer.size -= size;
    receiving->left -= size;
    return true;
}

static brood_status take_head(brood_peer *peer)
{
    brood_receiving *receiving = &peer->receiving;
    const brood_wire_answer *answer = &receiving->answer;

    brood_ring_get(&peer->from, &receiving->answer, sizeof receiving->answer);
    if (!brood_peer_may_answer(peer, answer)) {
        return BROOD_ERR_PROTOCOL;
    }
    receiving->is_padded = answer->kind == BROOD_WIRE_PAD;
    if (!receiving->is_padded && answer->id > peer->base.transit.answered_id) {
        peer->base.transit.answered_id = answer->id;
    }
    receiving->in_body = true;
    receiving->left = brood_wire_padded(answer->size);
    if (!pass_over_taken(peer)) {
        return BROOD_ERR_PROTOCOL;
    }
    receiving->wanted = answer->size;
    receiving->is_lost = !find_place(peer);
    return BROOD_OK;
}

/* ---- receiving --------------------------------------------------------------------------- */

/* Takes the bytes of a body that have come. */
static void receive_body(brood_peer *peer, size_t available)
{
    brood_receiving *receiving = &peer->receiving;
    size_t part = available < receiving->left ? available : (size_t)receiving->left;
    size_t wanted = part < receiving->wanted ? part : (size_t)receiving->wanted;

    if (receiving->into != NULL && wanted > 0) {
        brood_ring_get(&peer->from, receiving->into, wanted);
        receiving->into += wanted;
        brood_ring_advance(&peer->from, part - wanted);
    } else {
        brood_ring_advance(&peer->from, part);
    }
    receiving->wanted -= wanted;
    receiving->left -= part;
}

/* ---- events ------------------------------------------------------------------------------ */

static brood_event_kind kind_of(const brood_wire_answer *answer)
{
    switch (answer->kind) {
    case BROOD_WIRE_READY:
        return BROOD_EVENT_READY;
    case BROOD_WIRE_RESULT:
        return BROOD_EVENT_DONE;
    case BROOD_WIRE_SKIPPED:
        return BROOD_EVENT_SKIPPED;
    default:
        return answer->id == 0 ? BROOD_EVENT_SETUP_FAILED : BROOD_EVENT_FAILED;
    }
}

/* The whole answer has come. A pad makes no event. */
static void on_whole(brood_peer *peer, brood_event *event)
{
    brood_receiving *receiving = &peer->receiving;
    const brood_wire_answer *answer = &receiving->answer;

    receiving->in_body = false;
    if (answer->kind == BROOD_WIRE_PAD) {
        return;
    }
    *event = (brood_event){.kind = kind_of(answer),
                           .status = (brood_status)answer->status,
                           .code = answer->code,
                           .message = receiving->message,
                           .first = answer->first,
                           .count = answer->count,
                           .awake_ns = answer->awake_ns,
                           .staged = receiving->is_staged ? receiving->stage : NULL,
                           .own = receiving->own,
                           .size = (size_t)answer->size,
                           .is_lost = receiving->is_lost};
    receiving->own = NULL;
}

/* One step; false when there is nothing more to take. */
static bool take_step(brood_peer *peer, brood_event *event, brood_status *status)
{
    brood_receiving *receiving = &peer->receiving;
    size_t available = (size_t)(peer->from.other - peer->from.own);
    size_t needed = receiving->in_body ? 1 : sizeof receiving->answer;

    if (available < needed) {
        *status = brood_ring_available(&peer->from, &available);
        if (*status == BROOD_OK && available > 0 && available < needed) {
            *status = BROOD_ERR_PROTOCOL; /* a head is published as a whole */
        }
        if (*status != BROOD_OK || available < needed) {
            return false;
        }
    }
    if (receiving->in_body) {
        receive_body(peer, available);
    } else {
        *status = take_head(peer);
        if (*status != BROOD_OK) {
            return false;
        }
    }
    if (receiving->left == 0) {
        on_whole(peer, event);
    }
    return true;
}

/* ---- a turn ------------------------------------------------------------------------------ */

static void release(brood_peer *peer)
{
    peer->receiving.released_at = peer->from.own;
    if (brood_ring_release(&peer->from)) {
        brood_peer_ring(&peer->base);
    }
}

/* The stage is kept while more of the same job may come. */
static void free_stage(brood_peer *peer)
{
    brood_receiving *receiving = &peer->receiving;
    const brood_chunk *first = peer->base.backlog.chunks.first;

    if (receiving->stage != NULL && !receiving->in_body &&
        (first == NULL || first->job != receiving->stage_job)) {
        brood_free(receiving->stage);
        receiving->stage = NULL;
        receiving->stage_room = 0;
    }
}

static void begin_turn(brood_receiving *receiving, uint64_t at)
{
    if (!receiving->in_turn) {
        receiving->in_turn = true;
        receiving->turn_at = receiving->released_at = at;
    }
}

static void end_turn(brood_peer *peer)
{
    assert(!peer->receiving.in_body || !peer->receiving.is_direct);
    peer->receiving.in_turn = false;
    if (peer->from.own != peer->receiving.released_at) {
        release(peer);
    }
}

/*
 * Whether the turn goes on. It is bounded, so that no worker holds up the program: it ends when a
 * ring's capacity was received, which the last step may exceed. But a value on its direct way to
 * where it stays, all of which is there, is not left for another turn: that place may be gone by then.
 */
static bool goes_on(const brood_peer *peer)
{
    const brood_receiving *receiving = &peer->receiving;

    return peer->from.own - receiving->turn_at < peer->from.capacity ||
           (receiving->in_body && receiving->is_direct);
}

/* What is left after a turn is seen when the worker is armed. */
brood_status brood_peer_receive(brood_worker *worker, brood_event *event)
{
    brood_peer *peer = brood_peer_of(worker);
    brood_receiving *receiving = &peer->receiving;
    brood_status status = BROOD_OK;

    event->kind = BROOD_EVENT_NONE;
    free_stage(peer);
    begin_turn(receiving, peer->from.own);
    while (event->kind == BROOD_EVENT_NONE && goes_on(peer) && take_step(peer, event, &status)) {
        worker->transit.moved++;
        if (peer->from.own - receiving->released_at >= peer->from.capacity / 4) {
            release(peer);
        }
    }
    if (event->kind == BROOD_EVENT_NONE) {
        end_turn(peer);
    }
    return status;
}
