#include "pool/timers.h"

#include "pool/answers.h"
#include "pool/balance.h"
#include "pool/cancel.h"
#include "pool/dispatch.h"
#include "pool/ends.h"
#include "pool/exits.h"
#include "pool/job.h"
#include "pool/notices.h"
#include "pool/pool_impl.h"
#include "pool/unreported.h"
#include "pool/worker.h"

#define STUCK_NS (1000 * BROOD_NS_PER_MS)

/* ---- time-outs --------------------------------------------------------------------------- */

/*
 * Whether the worker can be at that item: within its chunk, and never before an item that it was
 * seen at. 0 is what a worker writes before it begins another chunk.
 */
static bool is_possible_item(const brood_worker *worker, const brood_chunk *chunk, uint64_t item)
{
    return item == 0 || (item <= chunk->count &&
                         (worker->late.seen_id != chunk->id || item >= worker->late.seen_item));
}

/*
 * When the item that runs began. The time that the worker gives is used when the item is seen for
 * the first time, and only if it is possible: with another clock (a child may be in another time
 * namespace, time_namespaces(7)) or a lie, the item counts from now on.
 */
static int64_t begin_of(brood_worker *worker, const brood_chunk *chunk, uint64_t item, int64_t now)
{
    int64_t started = worker->ops->position(worker).started;

    if (worker->late.seen_id != chunk->id || worker->late.seen_item != item) {
        worker->late.seen_id = chunk->id;
        worker->late.seen_item = item;
        worker->late.seen_at = started < chunk->given_at || started > now ? now : started;
    }
    return worker->late.seen_at;
}

/* As brood_worker_read_item, but drops a worker that names an impossible item, and returns 0 then. */
static uint64_t read_running_item(brood_worker *worker, const brood_chunk *chunk)
{
    uint64_t item = brood_worker_read_item(worker, chunk);

    if (!is_possible_item(worker, chunk, item)) {
        brood_worker_drop(worker, BROOD_ERR_PROTOCOL);
        return 0;
    }
    return item;
}

/*
 * The time-out of an item does not run before it begins. But a worker that was sent all of its
 * chunk, or reads nothing of it, and does not begin the next item for the time-out and the grace
 * (at least STUCK_NS), is stuck: it is killed, and other workers get what it had not begun.
 */
static int64_t check_begin(brood_worker *worker, int64_t now)
{
    const brood_chunk *chunk = worker->backlog.chunks.first;
    int64_t grace = (int64_t)worker->pool->config.options.grace_ms * BROOD_NS_PER_MS;
    int64_t due = 0;

    if (!worker->reports.is_up) {
        return BROOD_NEVER; /* its initializer has no time limit; READY makes the time-out due */
    }
    if (worker->late.id != chunk->id || worker->late.item != chunk->done + 1 ||
        (worker->transit.chunk == chunk && worker->ops->sent(worker) != worker->late.sent)) {
        worker->late.id = chunk->id;
        worker->late.item = chunk->done + 1;
        worker->late.since = now;
        worker->late.sent = worker->ops->sent(worker);
    }
    due = worker->late.since + chunk->job->more->timeout_ns + (grace > STUCK_NS ? grace : STUCK_NS);
    if (due > now) {
        return brood_earlier(due, now + chunk->job->more->timeout_ns); /* it may begin at once */
    }
    brood_worker_note_overdue(worker, chunk->done + 1); /* if it had begun to read it */
    brood_worker_end(worker);
    return BROOD_NEVER;
}

static int64_t check_timeout(brood_worker *worker, int64_t now)
{
    const brood_chunk *chunk = worker->backlog.chunks.first;
    uint64_t item = 0;
    int64_t due = 0;

    if (chunk == NULL || chunk->job->more->timeout_ns == 0 ||
        chunk->job->cancel_status != BROOD_OK) {
        return BROOD_NEVER;
    }
    item = read_running_item(worker, chunk);
    if (item <= chunk->done) {
        return worker->life.fate < BROOD_FATE_DROP ? check_begin(worker, now) : BROOD_NEVER;
    }
    due = begin_of(worker, chunk, item, now) + chunk->job->more->timeout_ns;
    if (due > now) {
        return due;
    }
    if (worker->notice.id != chunk->id || worker->notice.item != item) {
        brood_worker_announce(worker, item, BROOD_ERR_TASK_TIMEOUT);
    }
    return now + chunk->job->more->timeout_ns; /* not before that for the item behind it */
}

/* A worker without a chunk that does not read what is on its way to it is stuck. */
static int64_t check_void(brood_worker *worker, int64_t now)
{
    if (brood_worker_can_send(worker) || !worker->reports.is_up || worker->backlog.count > 0 ||
        worker->life.fate >= BROOD_FATE_KILL) {
        return BROOD_NEVER;
    }
    if (worker->late.id != 0 || worker->ops->sent(worker) != worker->late.sent) {
        worker->late.id = 0;
        worker->late.sent = worker->ops->sent(worker);
        worker->late.since = now;
    }
    if (worker->late.since + STUCK_NS > now) {
        return worker->late.since + STUCK_NS;
    }
    brood_worker_end(worker);
    return BROOD_NEVER;
}

static int64_t check_voids(brood_pool *pool, int64_t now)
{
    int64_t next = BROOD_NEVER;

    if (pool->upkeep.voids == 0 && !pool->upkeep.unsent) {
        return BROOD_NEVER;
    }
    for (uint32_t i = 0; i < pool->roster.slots; i++) {
        if (pool->roster.workers[i] != NULL) {
            next = brood_earlier(next, check_void(pool->roster.workers[i], now));
        }
    }
    return next;
}

static int64_t check_timeouts(brood_pool *pool, int64_t now)
{
    int64_t next = BROOD_NEVER;

    for (brood_worker *worker = pool->roster.busy_first; worker != NULL;
         worker = worker->lists.next_busy) {
        next = brood_earlier(next, check_timeout(worker, now));
    }
    return next;
}

static int64_t check_deadlines(brood_pool *pool, int64_t now)
{
    brood_result *expired = brood_jobs_take_expired(pool, now);
    bool any = expired != NULL;

    while (expired != NULL) {
        brood_result *job = expired;

        expired = job->more->by_deadline.next;
        brood_job_end(job);
        brood_job_release(job);
    }
    if (any) {
        brood_pool_dispatch(pool);
    }
    return pool->jobs.deadlines == NULL ? BROOD_NEVER : pool->jobs.deadlines->more->deadline;
}

/* ---- alarms ------------------------------------------------------------------------------ */

/* A worker writes what it has to say of a chunk before it begins the next one. */
static void check_later_chunk(brood_worker *worker, uint64_t id)
{
    brood_status status = brood_worker_receive(worker);
    const brood_chunk *first = worker->backlog.chunks.first;

    if (status == BROOD_OK && first != NULL && first->id == id) {
        status = BROOD_ERR_PROTOCOL;
    }
    if (status != BROOD_OK) {
        brood_worker_drop(worker, status);
    }
}

/*
 * The grace is over. A worker that has begun another item meanwhile stays alive. Otherwise it is
 * held before the kill, so that it begins no other item, which would die with it.
 */
static void check_kill(brood_worker *worker)
{
    uint64_t id = worker->notice.id;
    uint64_t begun = 0;

    brood_worker_set_kill(worker, BROOD_NEVER);
    brood_worker_revoke(worker);
    begun = brood_worker_read_begun(worker);
    if (begun == id && brood_worker_hold(worker)) {
        brood_worker_end(worker);
    } else if (begun > id && worker->life.fate < BROOD_FATE_DROP) {
        check_later_chunk(worker, id);
    }
}

static int64_t check_alarms(brood_pool *pool, int64_t now)
{
    int64_t next = BROOD_NEVER;

    for (uint32_t i = 0; i < pool->roster.slots && pool->upkeep.alarms > 0; i++) {
        if (pool->roster.workers[i] != NULL && pool->roster.workers[i]->life.kill_at <= now) {
            check_kill(pool->roster.workers[i]);
        }
        if (pool->roster.workers[i] != NULL && pool->roster.workers[i]->life.check_at <= now) {
            brood_supervisor_look(pool, BROOD_OWNER_OF_PROCESS(i)); /* it may be gone after this */
        }
        if (pool->roster.workers[i] != NULL) {
            next = brood_earlier(next, brood_earlier(pool->roster.workers[i]->life.kill_at,
                                                     pool->roster.workers[i]->life.check_at));
        }
    }
    return next;
}

int64_t brood_pool_run_timers(brood_pool *pool, int64_t now)
{
    int64_t next = check_deadlines(pool, now);

    next = brood_earlier(next, brood_pool_look_for_unreported(pool, now));
    if (pool->jobs.timed > 0) {
        next = brood_earlier(next, check_timeouts(pool, now));
    }
    next = brood_earlier(next, check_voids(pool, now));
    return pool->upkeep.alarms > 0 ? brood_earlier(next, check_alarms(pool, now)) : next;
}
