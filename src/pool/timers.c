#include "pool/pool_impl.h"

#define STUCK_NS (1000 * BROOD_NS_PER_MS)

/* ---- telling a worker -------------------------------------------------------------------- */

/* In this order: the worker does not overlook it. */
void brood_worker_interrupt(brood_worker *worker, uint64_t item)
{
    brood_store64(&worker->page->cancel_item, item);
    brood_store64(&worker->page->cancel_id, worker->chunks.first->id);
    brood_store64(&worker->page->run_until, 0);
}

/* item: which one of its first chunk, from 1; 0: all of it. */
static void announce(brood_worker *worker, uint64_t item, brood_status why)
{
    brood_pool *pool = worker->pool;
    const brood_chunk *chunk = worker->chunks.first;
    int64_t grace = (int64_t)pool->options.grace_ms * BROOD_NS_PER_MS;

    brood_worker_interrupt(worker, item);
    worker->kill_id = chunk->id;
    worker->kill_item = item;
    worker->kill_for = why;
    brood_worker_set_alarm(worker, &worker->kill_at, brood_os_now() + grace);
}

void brood_worker_cancel(brood_worker *worker)
{
    const brood_chunk *chunk = worker->chunks.first;

    if (worker->kill_id != chunk->id || worker->kill_item != 0) {
        announce(worker, 0, chunk->job->cancel_status);
    }
}

void brood_worker_flush(brood_worker *worker)
{
    if (worker->kill_id != worker->chunks.first->id) { /* what is said of a cancel stays */
        brood_worker_interrupt(worker, BROOD_WIRE_FLUSH);
    }
    brood_worker_plan_unreported(worker);
}

void brood_worker_first_changed(brood_worker *worker)
{
    const brood_chunk *chunk = worker->chunks.first;

    if (chunk == NULL) {
        return;
    }
    if (chunk->job->cancel_status != BROOD_OK) {
        brood_worker_cancel(worker);
    } else if (chunk->job->watchers > 0) {
        brood_worker_flush(worker);
    }
    if (chunk->job->timeout_ns > 0) {
        brood_agenda_at(worker->pool, brood_os_now() + chunk->job->timeout_ns);
    }
}

void brood_job_flush(const brood_result *job)
{
    for (brood_worker *worker = job->pool->busy_first; worker != NULL; worker = worker->next_busy) {
        if (worker->chunks.first != NULL && worker->chunks.first->job == job) {
            brood_worker_flush(worker);
        }
    }
}

/* ---- cancelling a job -------------------------------------------------------------------- */

static bool has_chunks_of(const brood_worker *worker, const brood_result *job)
{
    for (const brood_chunk *chunk = worker->chunks.first; chunk != NULL; chunk = chunk->next) {
        if (chunk->job == job) {
            return true;
        }
    }
    return false;
}

static void cancel_given(brood_result *job)
{
    brood_worker *following = NULL;

    for (brood_worker *worker = job->pool->busy_first; worker != NULL; worker = following) {
        following = worker->next_busy;
        if (!has_chunks_of(worker, job)) {
            continue;
        }
        brood_worker_revoke(worker);
        if (worker->chunks.first != NULL && worker->chunks.first->job == job) {
            brood_worker_cancel(worker);
        }
    }
}

static void cancel_queued(brood_result *job)
{
    while (job->queued != NULL) {
        brood_queue_end_cancelled(job->queued);
    }
}

/* The job may be gone after this. */
static void end_cancelled_job(brood_result *job)
{
    brood_job_hold(job);
    if (job->given > 0) {
        cancel_given(job);
    }
    cancel_queued(job);
    brood_job_release(job);
}

void brood_job_cancel(brood_result *job, brood_status cancel_status)
{
    brood_pool *pool = job->pool;

    if (brood_load32(&job->finished) != 0 || job->cancel_status != BROOD_OK) {
        return;
    }
    job->cancel_status = cancel_status;
    end_cancelled_job(job);
    brood_pool_dispatch(pool);
}

/* ---- cancelling many ---------------------------------------------------------------------- */

static bool has_cancelled_chunks(const brood_worker *worker)
{
    for (const brood_chunk *chunk = worker->chunks.first; chunk != NULL; chunk = chunk->next) {
        if (chunk->job->cancel_status != BROOD_OK) {
            return true;
        }
    }
    return false;
}

static void end_cancelled_given(brood_pool *pool)
{
    brood_worker *following = NULL;

    for (brood_worker *worker = pool->busy_first; worker != NULL; worker = following) {
        following = worker->next_busy;
        if (!has_cancelled_chunks(worker)) {
            continue;
        }
        brood_worker_revoke(worker);
        if (worker->chunks.first != NULL && worker->chunks.first->job->cancel_status != BROOD_OK) {
            brood_worker_cancel(worker);
        }
    }
}

static void end_cancelled_in(const brood_chunk_list *lane)
{
    brood_chunk *following = NULL;

    for (brood_chunk *chunk = lane->first; chunk != NULL; chunk = following) {
        following = chunk->next;
        if (chunk->job->cancel_status != BROOD_OK) {
            brood_queue_end_cancelled(chunk);
        }
    }
}

static void end_cancelled_jobs(brood_pool *pool)
{
    end_cancelled_given(pool);
    for (size_t i = 0; i < sizeof pool->queue / sizeof pool->queue[0]; i++) {
        end_cancelled_in(&pool->queue[i]);
    }
    brood_pool_dispatch(pool);
}

void brood_jobs_cancel_all(brood_pool *pool, brood_status cancel_status)
{
    for (brood_result *job = pool->jobs; job != NULL; job = job->next) {
        if (job->cancel_status == BROOD_OK) {
            job->cancel_status = cancel_status;
        }
    }
    end_cancelled_jobs(pool);
}

/* ---- time-outs --------------------------------------------------------------------------- */

/* Whether it can run that item; 0 is what it writes before it goes on to another chunk. */
static bool is_possible(const brood_worker *worker, const brood_chunk *chunk, uint64_t item)
{
    return item == 0 ||
           (item <= chunk->count && (worker->seen_id != chunk->id || item >= worker->seen_item));
}

/*
 * When the item that runs began. The worker's time counts when the item is seen for the first time,
 * and if it can be: another clock (a child may be in another time namespace, time_namespaces(7)) or
 * a lie makes it now.
 */
static int64_t begin_of(brood_worker *worker, const brood_chunk *chunk, uint64_t item, int64_t now)
{
    int64_t started = (int64_t)brood_load64(&worker->page->started);

    if (worker->seen_id != chunk->id || worker->seen_item != item) {
        worker->seen_id = chunk->id;
        worker->seen_item = item;
        worker->seen_at = started < chunk->given_at || started > now ? now : started;
    }
    return worker->seen_at;
}

uint64_t brood_worker_item(brood_worker *worker, const brood_chunk *chunk)
{
    uint64_t claim = brood_load64(&worker->page->claim);
    uint64_t item = brood_load64(&worker->page->item); /* behind the claim, which it belongs to */

    return brood_worker_begun(worker, claim) == chunk->id &&
                   brood_claim_id(brood_load64(&worker->page->claim)) == chunk->id
               ? item
               : 0;
}

/* As brood_worker_item, of a chunk with a time-out; ends a worker that names an item that cannot be. */
static uint64_t running_item(brood_worker *worker, const brood_chunk *chunk)
{
    uint64_t item = brood_worker_item(worker, chunk);

    if (!is_possible(worker, chunk, item)) {
        brood_worker_drop(worker, BROOD_ERR_PROTOCOL);
        return 0;
    }
    return item;
}

/*
 * An item that the worker does not come to has no time-out. But a worker that has all of it, or
 * takes none of it, and does not come to it for that long, is stuck, and is replaced; others do what
 * it had not begun.
 */
static int64_t check_begin(brood_worker *worker, int64_t now)
{
    const brood_chunk *chunk = worker->chunks.first;
    int64_t grace = (int64_t)worker->pool->options.grace_ms * BROOD_NS_PER_MS;
    int64_t due = 0;

    if (worker->late_id != chunk->id || worker->late_item != chunk->done + 1 || !worker->is_up ||
        (worker->sending.chunk == chunk && worker->to.own != worker->late_sent)) {
        worker->late_id = chunk->id;
        worker->late_item = chunk->done + 1;
        worker->late_since = now;
        worker->late_sent = worker->to.own;
    }
    due = worker->late_since + chunk->job->timeout_ns + (grace > STUCK_NS ? grace : STUCK_NS);
    if (due > now) {
        return brood_earlier(due, now + chunk->job->timeout_ns); /* it may begin at once */
    }
    worker->kill_id = chunk->id;
    worker->kill_item = chunk->done + 1;
    worker->kill_for = BROOD_ERR_TASK_TIMEOUT; /* if it had begun to read it */
    brood_worker_end(worker);
    return BROOD_NEVER;
}

static int64_t check_timeout(brood_worker *worker, int64_t now)
{
    const brood_chunk *chunk = worker->chunks.first;
    uint64_t item = 0;
    int64_t due = 0;

    if (chunk == NULL || chunk->job->timeout_ns == 0 || chunk->job->cancel_status != BROOD_OK) {
        return BROOD_NEVER;
    }
    item = running_item(worker, chunk);
    if (item <= chunk->done) {
        return worker->dropped == BROOD_OK ? check_begin(worker, now) : BROOD_NEVER;
    }
    due = begin_of(worker, chunk, item, now) + chunk->job->timeout_ns;
    if (due > now) {
        return due;
    }
    if (worker->kill_id != chunk->id || worker->kill_item != item) {
        announce(worker, item, BROOD_ERR_TASK_TIMEOUT);
    }
    return now + chunk->job->timeout_ns; /* not before that for the item behind it */
}

/* One that has nothing to do, and takes nothing of what is void for it, is stuck. */
static int64_t check_void(brood_worker *worker, int64_t now)
{
    if (!worker->sending.is_void || !worker->is_up || worker->chunk_count > 0 ||
        worker->is_killed) {
        return BROOD_NEVER;
    }
    if (worker->late_id != 0 || worker->to.own != worker->late_sent) {
        worker->late_id = 0;
        worker->late_sent = worker->to.own;
        worker->late_since = now;
    }
    if (worker->late_since + STUCK_NS > now) {
        return worker->late_since + STUCK_NS;
    }
    brood_worker_end(worker);
    return BROOD_NEVER;
}

static int64_t check_voids(brood_pool *pool, int64_t now)
{
    int64_t next = BROOD_NEVER;

    for (uint32_t i = 0; i < pool->slots && pool->voids > 0; i++) {
        if (pool->workers[i] != NULL) {
            next = brood_earlier(next, check_void(pool->workers[i], now));
        }
    }
    return next;
}

static int64_t check_timeouts(brood_pool *pool, int64_t now)
{
    int64_t next = BROOD_NEVER;

    for (brood_worker *worker = pool->busy_first; worker != NULL; worker = worker->next_busy) {
        next = brood_earlier(next, check_timeout(worker, now));
    }
    return next;
}

/* All whose deadline has passed, doomed, before anything of them could still be given to a worker. */
static brood_result *take_expired(brood_pool *pool, int64_t now)
{
    brood_result *expired = NULL;

    while (pool->deadlines != NULL && pool->deadlines->deadline <= now) {
        brood_result *job = pool->deadlines;

        brood_deadlines_remove(&pool->deadlines, job);
        if (job->cancel_status == BROOD_OK) {
            job->cancel_status = BROOD_ERR_DEADLINE;
            brood_job_hold(job);
            job->next_expired = expired;
            expired = job;
        }
    }
    return expired;
}

static int64_t check_deadlines(brood_pool *pool, int64_t now)
{
    brood_result *expired = take_expired(pool, now);
    bool any = expired != NULL;

    while (expired != NULL) {
        brood_result *job = expired;

        expired = job->next_expired;
        end_cancelled_job(job);
        brood_job_release(job);
    }
    if (any) {
        brood_pool_dispatch(pool);
    }
    return pool->deadlines == NULL ? BROOD_NEVER : pool->deadlines->deadline;
}

/* ---- alarms ------------------------------------------------------------------------------ */

/* Whether the worker is still at the item that it shall be killed for, and goes on to no other. */
static bool halt(brood_worker *worker)
{
    if (worker->kill_item == 0) {
        return true;
    }
    brood_exchange32(&worker->page->halts, 1);
    worker->halted = brood_load64(&worker->page->item) == worker->kill_item;
    if (!worker->halted) {
        brood_exchange32(&worker->page->halts, 0);
    }
    return worker->halted;
}

/*
 * The grace is over. A worker that has gone on to another item meanwhile may live; and from here on
 * it goes on to no other, which would die with it.
 */
static void check_kill(brood_worker *worker)
{
    brood_worker_set_alarm(worker, &worker->kill_at, BROOD_NEVER);
    brood_worker_revoke(worker);
    if (brood_worker_begun(worker, brood_load64(&worker->page->claim)) == worker->kill_id &&
        halt(worker)) {
        brood_worker_end(worker);
    }
}

static int64_t check_alarms(brood_pool *pool, int64_t now)
{
    int64_t next = BROOD_NEVER;

    for (uint32_t i = 0; i < pool->slots && pool->alarms > 0; i++) {
        if (pool->workers[i] != NULL && pool->workers[i]->kill_at <= now) {
            check_kill(pool->workers[i]);
        }
        if (pool->workers[i] != NULL && pool->workers[i]->check_at <= now) {
            brood_supervisor_look(pool, BROOD_OWNER_OF_PROCESS(i)); /* it may be gone after this */
        }
        if (pool->workers[i] != NULL) {
            next = brood_earlier(
                next, brood_earlier(pool->workers[i]->kill_at, pool->workers[i]->check_at));
        }
    }
    return next;
}

int64_t brood_pool_run_timers(brood_pool *pool, int64_t now)
{
    int64_t next = check_deadlines(pool, now);

    next = brood_earlier(next, brood_pool_look_for_unreported(pool, now));
    if (pool->timed > 0) {
        next = brood_earlier(next, check_timeouts(pool, now));
    }
    next = brood_earlier(next, check_voids(pool, now));
    return pool->alarms > 0 ? brood_earlier(next, check_alarms(pool, now)) : next;
}
