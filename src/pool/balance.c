#include "pool/balance.h"

#include "pool/dispatch.h"
#include "pool/headcount.h"
#include "pool/pool_impl.h"
#include "pool/queue.h"
#include "pool/roster.h"
#include "pool/worker.h"

/*
 * The argument of the chunk may still be on its way: what is left of it becomes void, and the
 * worker passes over those bytes. The item count that the chunk had used of max_tasks_per_worker is
 * undone.
 */
static void revoke_chunk(brood_worker *worker, brood_chunk *chunk)
{
    if (worker->transit.chunk == chunk) {
        brood_worker_discard(worker);
    }
    brood_worker_remove(worker, chunk);
    brood_worker_return_items(worker, chunk);
    brood_queue_put(worker->pool, chunk);
}

void brood_worker_revoke(brood_worker *worker)
{
    uint64_t begun = brood_worker_note_begun(worker, worker->ops->revoke(worker));

    for (brood_chunk *chunk = worker->backlog.chunks.last, *previous = NULL; chunk != NULL;
         chunk = previous) {
        previous = chunk->previous;
        if (chunk->id <= begun) {
            break; /* the worker has begun this chunk, and all before it */
        }
        revoke_chunk(worker, chunk);
    }
    if (worker->backlog.count == 0) {
        brood_pace_stall(&worker->pace);
        brood_worker_rest(worker);
    }
    brood_supervisor_need(worker->pool);
}

void brood_pool_revoke_for(const brood_result *job)
{
    brood_worker *following = NULL;

    for (brood_worker *worker = job->pool->roster.busy_first; worker != NULL; worker = following) {
        following = worker->lists.next_busy;
        if (worker->backlog.count > 1 && worker->backlog.chunks.last->job->key > job->key) {
            brood_worker_revoke(worker);
        }
    }
}

/* When chunks of the worker may be revoked for an idle one; never, when all of them have begun. */
static int64_t find_balance_time(brood_worker *worker)
{
    uint64_t begun = 0;

    if (worker->life.fate == BROOD_FATE_START || worker->backlog.count > 1) {
        return worker->pace.first_since +
               BROOD_BALANCE_NS; /* one that has not come up keeps others waiting */
    }
    begun = brood_worker_read_begun(worker);
    return begun >= worker->backlog.chunks.first->id ? BROOD_NEVER
                                                     : worker->pace.first_since + BROOD_STUCK_NS;
}

/* When chunks after a task that runs for long are revoked although no worker is idle. */
static int64_t find_long_time(brood_worker *worker, int64_t now)
{
    uint64_t begun = 0;

    if (worker->backlog.count < 2) {
        return BROOD_NEVER;
    }
    begun = brood_worker_read_begun(worker);
    return (begun >= worker->backlog.chunks.first->id ? worker->pace.first_since : now) +
           BROOD_LONG_NS;
}

/*
 * Chunks wait although workers are idle (see is_crowded in roster.c), and no worker has answered
 * for BROOD_BALANCE_NS: up to as many idle workers as there are cores are woken.
 */
static int64_t push(brood_pool *pool, int64_t now)
{
    if (now - pool->dispatch.answered_at < BROOD_BALANCE_NS) {
        return pool->dispatch.answered_at + BROOD_BALANCE_NS;
    }
    brood_roster_allow_wakes(pool, pool->config.cores);
    brood_pool_dispatch(pool);
    brood_roster_allow_wakes(pool, 0);
    return pool->dispatch.retry_at != BROOD_NEVER ? pool->dispatch.retry_at
                                                  : now + BROOD_BALANCE_NS;
}

/*
 * Whether an idle worker has come up and can be sent to. The walk cannot stop at the first worker
 * that has not come up: a stalled one that has may come after it in the list.
 */
static bool has_ready_idle(const brood_pool *pool)
{
    const brood_worker *idle = pool->roster.idle_first;

    while (idle != NULL && (idle->life.fate != BROOD_FATE_SERVE || !brood_worker_can_send(idle))) {
        idle = idle->lists.next_idle;
    }
    return idle != NULL;
}

static int64_t balance(brood_pool *pool, int64_t now)
{
    int64_t next = BROOD_NEVER;
    brood_worker *following = NULL;
    bool is_any_idle = has_ready_idle(pool);

    if (is_any_idle && brood_queue_has_chunks(&pool->queue)) {
        return push(pool, now);
    }
    for (brood_worker *worker = pool->roster.busy_first; worker != NULL; worker = following) {
        int64_t due = is_any_idle ? find_balance_time(worker) : find_long_time(worker, now);
        size_t had = worker->backlog.count;

        following = worker->lists.next_busy;
        if (due <= now) {
            brood_pace_stall(&worker->pace);
            brood_worker_revoke(worker);
            brood_pace_begin(&worker->pace,
                             now); /* what cannot be taken back is not tried again at once */
            /* The worker that gets the chunk may be as slow: balance again at once. */
            next = worker->backlog.count < had ? now : brood_earlier(next, now + BROOD_BALANCE_NS);
        } else if (due < next) {
            next = due;
        }
    }
    brood_pool_dispatch(pool);
    return next;
}

int64_t brood_pool_balance(brood_pool *pool, int64_t now)
{
    brood_roster_take_stuck(pool, now);
    return brood_earlier(balance(pool, now), pool->roster.stuck_at);
}
