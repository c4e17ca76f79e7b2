#include "pool/pool_impl.h"

/* So many later tasks may overtake one of the next lower priority: nobody waits for ever. */
#define OVERTAKERS 1000

int64_t brood_queue_key(uint64_t sequence, int priority)
{
    return (int64_t)sequence - (int64_t)priority * OVERTAKERS;
}

void brood_pieces_append(brood_piece_list *list, brood_piece *piece)
{
    piece->next = NULL;
    piece->previous = list->last;
    if (list->last != NULL) {
        list->last->next = piece;
    } else {
        list->first = piece;
    }
    list->last = piece;
}

void brood_pieces_remove(brood_piece_list *list, brood_piece *piece)
{
    if (piece->previous != NULL) {
        piece->previous->next = piece->next;
    } else {
        list->first = piece->next;
    }
    if (piece->next != NULL) {
        piece->next->previous = piece->previous;
    } else {
        list->last = piece->previous;
    }
    piece->next = piece->previous = NULL;
}

static void insert_before(brood_piece_list *list, brood_piece *at, brood_piece *piece)
{
    if (at == NULL) {
        brood_pieces_append(list, piece);
        return;
    }
    piece->next = at;
    piece->previous = at->previous;
    if (at->previous != NULL) {
        at->previous->next = piece;
    } else {
        list->first = piece;
    }
    at->previous = piece;
}

static bool comes_before(const brood_piece *a, const brood_piece *b)
{
    return a->job->key != b->job->key ? a->job->key < b->job->key : a->first < b->first;
}

/* What ends a job finds its pieces without a walk through those of others. */
static void link_to_job(brood_piece *piece)
{
    brood_result *job = piece->job;

    piece->previous_of_job = NULL;
    piece->next_of_job = job->queued;
    if (job->queued != NULL) {
        job->queued->previous_of_job = piece;
    }
    job->queued = piece;
}

static void unlink_from_job(brood_piece *piece)
{
    *(piece->previous_of_job != NULL ? &piece->previous_of_job->next_of_job : &piece->job->queued) =
        piece->next_of_job;
    if (piece->next_of_job != NULL) {
        piece->next_of_job->previous_of_job = piece->previous_of_job;
    }
}

/* In the order of the keys: new pieces come at the end, those that come back near the front. */
void brood_queue_put(brood_pool *pool, brood_piece *piece)
{
    int lane = piece->job->priority + BROOD_PRIORITY_MAX;
    brood_piece_list *list = &pool->queue[lane];
    brood_piece *at = list->first;

    if (list->last == NULL || !comes_before(piece, list->last)) {
        at = NULL;
    }
    while (at != NULL && !comes_before(piece, at)) {
        at = at->next;
    }
    insert_before(list, at, piece);
    link_to_job(piece);
    piece->is_queued = true;
    pool->queue_bits |= 1u << lane;
    pool->queued += piece->count - piece->done;
}

brood_piece *brood_queue_first(brood_pool *pool)
{
    brood_piece *best = NULL;

    for (uint32_t bits = pool->queue_bits, lane = 0; bits != 0; bits >>= 1, lane++) {
        brood_piece *first = (bits & 1) != 0 ? pool->queue[lane].first : NULL;

        if (first != NULL && (best == NULL || comes_before(first, best))) {
            best = first;
        }
    }
    return best;
}

void brood_queue_shrink(brood_pool *pool, uint64_t items)
{
    pool->queued -= items;
    if (pool->room_waiters > 0 && pool->queued < pool->options.queue_size) {
        brood_agenda_notify(pool, BROOD_ROOM(pool));
    }
}

void brood_queue_remove(brood_pool *pool, brood_piece *piece)
{
    int lane = piece->job->priority + BROOD_PRIORITY_MAX;

    brood_pieces_remove(&pool->queue[lane], piece);
    unlink_from_job(piece);
    piece->is_queued = false;
    if (pool->queue[lane].first == NULL) {
        pool->queue_bits &= ~(1u << lane);
    }
    brood_queue_shrink(pool, piece->count - piece->done);
}

void brood_queue_doom(brood_piece *piece)
{
    brood_result *job = piece->job;
    uint64_t first = piece->first + piece->done;
    uint64_t count = piece->count - piece->done;

    brood_queue_remove(job->pool, piece);
    brood_piece_free(piece);
    brood_job_doom(job, first, count);
}
