#include "pool/pool_impl.h"

#define WAKE_NS 20000   /* about what it costs to wake a sleeping worker */
#define AHEAD_NS 400000 /* a worker is given work ahead for about so long */
#define DEPTH_MIN 2     /* one that runs, and the next */
#define DEPTH_MAX 1024
#define BALANCE_NS (200 * 1000) /* who is busy with one chunk for so long gives others away */
#define STUCK_NS (50 * BROOD_NS_PER_MS) /* so long a worker needs at most to begin */
#define CHUNK_NS 100000                 /* smaller chunks of a map are not worth their own way */
#define CHUNKS_A_WORKER 2               /* a worker gets at most this part of its share of a map */
#define HEADS_MAX 1024 /* what is sent before a chunk of a map, and before its values */
#define RETRY_NS (10 * BROOD_NS_PER_MS)   /* what could not be sent is tried again after */
#define STARVE_NS (200 * BROOD_NS_PER_MS) /* and has failed after */

/* ---- lists ------------------------------------------------------------------------------- */

static void unlink_idle(brood_worker *worker)
{
    brood_pool *pool = worker->pool;

    *(worker->previous_idle != NULL ? &worker->previous_idle->next_idle : &pool->idle_first) =
        worker->next_idle;
    *(worker->next_idle != NULL ? &worker->next_idle->previous_idle : &pool->idle_last) =
        worker->previous_idle;
}

/* ---- balance: when ----------------------------------------------------------------------- */

/* One look for all workers that may be stuck: most are not, and a look for each would wake somebody. */
static void plan_stuck(brood_pool *pool)
{
    if (pool->stuck_at == BROOD_NEVER) {
        pool->stuck_at = brood_os_now() + STUCK_NS;
        brood_agenda_at(pool, pool->stuck_at);
    }
}

/* What it was given may soon be better off with an idle worker: somebody looks then. */
static void plan_balance_of(const brood_worker *worker)
{
    if (worker->chunk_count == 0 || worker->pool->idle_first == NULL) {
        return;
    }
    if (worker->chunk_count > 1 || worker->state == BROOD_WORKER_STARTING) {
        brood_agenda_at(worker->pool, worker->first_since + BALANCE_NS);
    } else {
        plan_stuck(worker->pool);
    }
}

static void plan_balance(brood_pool *pool)
{
    for (brood_worker *worker = pool->busy_first; worker != NULL; worker = worker->next_busy) {
        plan_balance_of(worker);
    }
}

/* The same of what waits although there are idle workers. */
static void plan_push(brood_pool *pool)
{
    if (pool->idle_first != NULL) {
        brood_agenda_at(pool, pool->dispatched_at + BALANCE_NS);
    }
}

/* The crew is looked after when its time as an idle one is over. */
static void note_idle(brood_worker *worker)
{
    brood_pool *pool = worker->pool;
    int64_t due = 0;

    worker->idle_since = brood_os_now();
    due = worker->idle_since + (int64_t)pool->options.idle_timeout_ms * BROOD_NS_PER_MS;
    if (due < pool->supervise_at) {
        pool->supervise_at = due;
        brood_agenda_at(pool, due);
    }
}

/* The one used last comes first; one that has not come up yet, or is stuck, comes last. */
void brood_worker_set_idle(brood_worker *worker, bool is_idle)
{
    brood_pool *pool = worker->pool;

    if (worker->is_idle) {
        unlink_idle(worker);
    }
    worker->is_idle = is_idle;
    worker->next_idle = worker->previous_idle = NULL;
    if (!is_idle) {
        return;
    }
    if (worker->state == BROOD_WORKER_READY && !worker->stalled) {
        worker->next_idle = pool->idle_first;
        *(pool->idle_first != NULL ? &pool->idle_first->previous_idle : &pool->idle_last) = worker;
        pool->idle_first = worker;
        plan_balance(pool);
    } else {
        worker->previous_idle = pool->idle_last;
        *(pool->idle_last != NULL ? &pool->idle_last->next_idle : &pool->idle_first) = worker;
        pool->idle_last = worker;
    }
    if (pool->options.idle_timeout_ms > 0) {
        note_idle(worker);
    }
}

void brood_worker_set_busy(brood_worker *worker, bool is_busy)
{
    brood_pool *pool = worker->pool;

    if (worker->is_busy == is_busy) {
        return;
    }
    worker->is_busy = is_busy;
    if (is_busy) {
        pool->busy++;
        worker->previous_busy = NULL;
        worker->next_busy = pool->busy_first;
        if (pool->busy_first != NULL) {
            pool->busy_first->previous_busy = worker;
        }
        pool->busy_first = worker;
        return;
    }
    pool->busy--;
    *(worker->previous_busy != NULL ? &worker->previous_busy->next_busy : &pool->busy_first) =
        worker->next_busy;
    if (worker->next_busy != NULL) {
        worker->next_busy->previous_busy = worker->previous_busy;
    }
    brood_worker_leaves(worker);
}

/* ---- how far ahead ----------------------------------------------------------------------- */

static size_t depth(const brood_pool *pool)
{
    uint64_t deep = AHEAD_NS / (pool->service_ns + 1);

    return deep < DEPTH_MIN ? DEPTH_MIN : deep > DEPTH_MAX ? DEPTH_MAX : (size_t)deep;
}

/* Whether it can be given anything at all. */
bool brood_worker_serves(const brood_worker *worker)
{
    return worker->state < BROOD_WORKER_STOPPING && worker->dropped == BROOD_OK &&
           !worker->bell_closed &&
           !worker
                ->is_killed; /* it may yet answer, and begin what it is given, before it is dead */
}

static bool wants_more(const brood_worker *worker)
{
    return brood_worker_serves(worker) && worker->chunk_count > 0 &&
           worker->chunk_count < depth(worker->pool) && brood_worker_can_send(worker) &&
           worker->items_left > 0 && !worker->stalled;
}

/* In the queue of those that have work, and can be given more. */
void brood_worker_set_credit(brood_worker *worker)
{
    brood_pool *pool = worker->pool;

    if (worker->has_credit || !wants_more(worker)) {
        return;
    }
    worker->has_credit = true;
    worker->next_with_credit = NULL;
    *(pool->credit_last != NULL ? &pool->credit_last->next_with_credit : &pool->credit_first) =
        worker;
    pool->credit_last = worker;
}

static brood_worker *next_with_credit(brood_pool *pool)
{
    while (pool->credit_first != NULL) {
        brood_worker *worker = pool->credit_first;

        if (wants_more(worker)) {
            return worker;
        }
        pool->credit_first = worker->next_with_credit;
        if (pool->credit_first == NULL) {
            pool->credit_last = NULL;
        }
        worker->has_credit = false;
    }
    return NULL;
}

/* The first becomes the last, so that all of them get some. */
static void rotate_credit(brood_pool *pool)
{
    brood_worker *worker = pool->credit_first;

    if (worker != pool->credit_last) {
        pool->credit_first = worker->next_with_credit;
        pool->credit_last->next_with_credit = worker;
        pool->credit_last = worker;
        worker->next_with_credit = NULL;
    }
}

static brood_worker *next_idle(const brood_pool *pool)
{
    brood_worker *idle = pool->idle_first;

    while (idle != NULL && !brood_worker_can_send(idle)) {
        idle = idle->next_idle; /* it still gets what its initializer needs */
    }
    return idle;
}

/*
 * Whether to wake nobody for what waits: tasks are short, and there is a busy worker for each core.
 * More of them would only keep each other from running. (When it then lies too long, balance lets
 * more be woken.)
 */
static bool is_crowded(const brood_pool *pool)
{
    return pool->busy >= pool->cores && pool->service_ns < WAKE_NS && pool->wakes_left == 0;
}

/*
 * Who gets the next chunk, or NULL. A sleeping worker is not woken when one that is awake will come
 * to the chunk sooner.
 */
static brood_worker *choose(brood_pool *pool)
{
    brood_worker *idle = next_idle(pool);
    brood_worker *with_credit = next_with_credit(pool);
    bool crowded = is_crowded(pool);

    if (with_credit != NULL &&
        (idle == NULL || crowded || with_credit->chunk_count * pool->service_ns < WAKE_NS)) {
        rotate_credit(pool);
        return with_credit;
    }
    if (crowded) {
        return NULL;
    }
    pool->wakes_left -= idle != NULL && pool->wakes_left > 0;
    return idle;
}

/* ---- spinning ---------------------------------------------------------------------------- */

/* The last spinners_max workers that got work may spin for more: see size_up in pool.c. */
static void let_spin(brood_worker *worker)
{
    brood_pool *pool = worker->pool;
    brood_worker **place = NULL;

    if (worker->spins || pool->spinners_max == 0) {
        return;
    }
    place = &pool->spinners[pool->spinners_next++ % pool->spinners_max];
    if (*place != NULL) {
        (*place)->spins = false;
        brood_exchange32(&(*place)->page->may_spin, 0);
    }
    *place = worker;
    worker->spins = true;
    brood_exchange32(&worker->page->may_spin, 1);
}

/* ---- cutting ----------------------------------------------------------------------------- */

/* How many items of different sizes have together no more than that; at least one. */
static uint64_t most_varying(const brood_chunk *chunk, size_t most)
{
    const brood_bytes *items = (const brood_bytes *)chunk->job->in + chunk->first;
    uint64_t count = 0;
    size_t size = 0;

    while (count < chunk->count && size <= most) {
        size += items[count].size < most ? items[count].size + BROOD_WIRE_ALIGN : most + 1;
        count++;
    }
    return count > 1 && size > most ? count - 1 : count;
}

/* Plain arrays travel through the ring, a quarter of it at once with all that goes before it. */
static uint64_t most_in_ring(const brood_pool *pool, const brood_chunk *chunk)
{
    const brood_result *job = chunk->job;
    size_t quarter = pool->capacity / 4 - HEADS_MAX;

    if (job->kind != BROOD_JOB_MAP || job->in_shared != NULL || job->in_size == 0) {
        return UINT64_MAX;
    }
    if (job->in_size == BROOD_SIZE_VARIES) {
        return most_varying(chunk, quarter);
    }
    return job->in_size >= quarter ? 1 : quarter / job->in_size;
}

/* How many items take about as long as it is worth to cut for; 1 while that is not known. */
static uint64_t worthwhile(const brood_result *job)
{
    uint64_t each_ns = job->measured_items > 0 ? job->measured_ns / job->measured_items : CHUNK_NS;

    return CHUNK_NS / (each_ns + 1) + 1;
}

static uint64_t chunk_of(const brood_worker *worker, const brood_chunk *chunk)
{
    const brood_pool *pool = worker->pool;
    const brood_result *job = chunk->job;
    uint64_t most = most_in_ring(pool, chunk);
    uint64_t count = job->chunk_size;

    if (chunk->deaths > 0) {
        return chunk->count; /* one suspect item, by itself */
    }
    if (count == 0) {
        count = chunk->count / ((uint64_t)CHUNKS_A_WORKER * pool->target);
        count = count > worthwhile(job) ? count : worthwhile(job);
        count = count < most ? count : most;
    }
    if (job->kind != BROOD_JOB_RANGE && count > worker->items_left) {
        count = worker->items_left;
    }
    if (count == 0) {
        count = 1;
    }
    return count < chunk->count ? count : chunk->count;
}

/* Takes a part off the first chunk of the queue, or all of it when there is no memory to cut. */
static brood_chunk *cut(brood_worker *worker, brood_chunk *chunk)
{
    brood_pool *pool = worker->pool;
    uint64_t count = chunk_of(worker, chunk);
    brood_chunk *part = NULL;

    if (count < chunk->count) {
        part = brood_chunk_new(chunk->job, chunk->first, count);
    }
    if (part == NULL) {
        brood_queue_remove(pool, chunk);
        return chunk;
    }
    part->attempt = chunk->attempt;
    part->unclaimed_deaths = chunk->unclaimed_deaths;
    chunk->first += count;
    chunk->count -= count;
    brood_queue_shrink(pool, count);
    return part;
}

/* ---- feeding ----------------------------------------------------------------------------- */

/* Behind its last task. */
static void retire_if_used(brood_worker *worker)
{
    if (worker->items_left == 0 && worker->state < BROOD_WORKER_STOPPING) {
        brood_worker_stop(worker);
    }
}

static void note_given(brood_worker *worker, const brood_chunk *chunk)
{
    brood_pool *pool = worker->pool;
    uint64_t items = chunk->job->kind == BROOD_JOB_RANGE ? 1 : chunk->count;

    if (worker->chunk_count == 1) {
        worker->first_since = pool->dispatched_at;
        brood_worker_set_idle(worker, false);
        brood_worker_set_busy(worker, true);
        brood_worker_first_changed(worker);
    }
    if (worker->items_left != UINT64_MAX) {
        worker->items_left -= items < worker->items_left ? items : worker->items_left;
        retire_if_used(worker);
    }
    let_spin(worker);
    brood_worker_set_credit(worker);
    plan_balance_of(worker);
    if (!worker->armed || !brood_worker_can_send(worker)) {
        brood_agenda_arm(worker);
    }
}

static brood_status give(brood_worker *worker, brood_chunk *chunk)
{
    brood_status status = brood_worker_send(worker, chunk);

    if (status == BROOD_OK) {
        worker->pool->starved_since = BROOD_NEVER;
        note_given(worker, chunk);
    }
    return status;
}

/* A chunk of the queue ends without having come to a worker. */
static void fail_chunk(brood_pool *pool, brood_chunk *chunk, brood_status status)
{
    brood_result *job = chunk->job;
    brood_failure failure = brood_job_failure(job, status, "");
    uint64_t first = chunk->first + chunk->done;
    uint64_t count = chunk->count - chunk->done;

    brood_queue_remove(pool, chunk);
    brood_chunk_free(chunk);
    brood_job_fail(job, first, count, &failure);
}

/* It could not be sent: soon again, but not for ever. Whether to go on with the next chunk. */
static bool keep_back(brood_pool *pool, brood_chunk *chunk, brood_status status)
{
    brood_queue_put(pool, chunk);
    if (status != BROOD_ERR_TIMEOUT && pool->starved_since == BROOD_NEVER) {
        pool->starved_since = pool->dispatched_at;
    }
    if (status != BROOD_ERR_TIMEOUT && pool->dispatched_at - pool->starved_since >= STARVE_NS) {
        fail_chunk(pool, chunk, status);
        return true;
    }
    pool->dispatch_at = pool->dispatched_at + RETRY_NS;
    brood_agenda_at(pool, pool->dispatch_at);
    return false;
}

/* A cancelled job's chunks end here. */
static bool end_cancelled(brood_chunk *chunk)
{
    if (chunk->job->cancel_status == BROOD_OK) {
        return false;
    }
    brood_queue_end_cancelled(chunk);
    return true;
}

void brood_pool_dispatch(brood_pool *pool)
{
    bool goes = true;

    pool->dispatch_at = BROOD_NEVER;
    if (pool->queue_bits == 0) {
        return;
    }
    pool->dispatched_at = brood_os_now();
    while (goes) {
        brood_chunk *chunk = brood_queue_first(pool);
        brood_worker *worker = NULL;
        brood_status status = BROOD_OK;

        if (chunk == NULL || end_cancelled(chunk)) {
            goes = chunk != NULL;
            continue;
        }
        worker = choose(pool);
        if (worker == NULL) {
            plan_push(pool);
            break;
        }
        chunk = cut(worker, chunk);
        status = give(worker, chunk);
        goes = status == BROOD_OK || keep_back(pool, chunk, status);
    }
}

void brood_worker_remove(brood_worker *worker, brood_chunk *chunk)
{
    brood_chunks_remove(&worker->chunks, chunk);
    worker->chunk_count--;
    chunk->job->given--;
}

/* ---- taking back ------------------------------------------------------------------------- */

/* Its argument may still be on the way: the worker passes over it, whatever it is. */
static void revoke_chunk(brood_worker *worker, brood_chunk *chunk)
{
    if (worker->sending.chunk == chunk) {
        brood_worker_void(worker);
    }
    brood_worker_remove(worker, chunk);
    if (worker->items_left != UINT64_MAX) {
        worker->items_left += chunk->job->kind == BROOD_JOB_RANGE ? 1 : chunk->count;
    }
    brood_queue_put(worker->pool, chunk);
}

void brood_worker_revoke(brood_worker *worker)
{
    uint64_t claim = 0;
    uint64_t begun = 0;

    brood_store64(&worker->page->revoked_upto, worker->last_id);
    do {
        claim = brood_load64(&worker->page->claim);
    } while (!brood_cas64(&worker->page->claim, claim, brood_claim_frozen(claim)));
    begun = brood_worker_begun(worker, claim);
    for (brood_chunk *chunk = worker->chunks.last, *previous = NULL; chunk != NULL;
         chunk = previous) {
        previous = chunk->previous;
        if (chunk->id <= begun) {
            break; /* it has begun that one */
        }
        revoke_chunk(worker, chunk);
    }
    if (worker->chunk_count == 0) {
        worker->stalled = true;
        brood_worker_set_busy(worker, false);
        brood_worker_set_idle(worker, brood_worker_serves(worker));
    }
    brood_supervisor_need(worker->pool);
}

/* When what a worker was given may be taken back; never, when it has begun all of it. */
static int64_t balance_at(brood_worker *worker)
{
    uint64_t begun = 0;

    if (worker->state == BROOD_WORKER_STARTING || worker->chunk_count > 1) {
        return worker->first_since + BALANCE_NS; /* one that has not come up keeps others waiting */
    }
    begun = brood_worker_begun(worker, brood_load64(&worker->page->claim));
    return begun >= worker->chunks.first->id ? BROOD_NEVER : worker->first_since + STUCK_NS;
}

/* What waits although there are idle workers, and nobody comes to it: a few more are woken. */
static int64_t push(brood_pool *pool, int64_t now)
{
    if (now - pool->answered_at < BALANCE_NS) {
        return pool->answered_at + BALANCE_NS;
    }
    pool->wakes_left = pool->cores;
    brood_pool_dispatch(pool);
    pool->wakes_left = 0;
    return now + BALANCE_NS;
}

/* One that is slow stands behind those that have not come up yet. */
static bool has_ready_idle(const brood_pool *pool)
{
    const brood_worker *idle = pool->idle_first;

    while (idle != NULL && (idle->state != BROOD_WORKER_READY || !brood_worker_can_send(idle))) {
        idle = idle->next_idle;
    }
    return idle != NULL;
}

static int64_t balance(brood_pool *pool, int64_t now)
{
    int64_t next = BROOD_NEVER;
    brood_worker *following = NULL;

    if (!has_ready_idle(pool)) {
        return BROOD_NEVER;
    }
    if (pool->queue_bits != 0) {
        return push(pool, now);
    }
    for (brood_worker *worker = pool->busy_first; worker != NULL; worker = following) {
        int64_t due = balance_at(worker);
        size_t had = worker->chunk_count;

        following = worker->next_busy;
        if (due <= now) {
            worker->stalled = true;
            brood_worker_revoke(worker);
            worker->first_since = now; /* what cannot be taken back is not tried again at once */
            /* Who gets it may be as slow. */
            next = worker->chunk_count < had ? now : brood_earlier(next, now + BALANCE_NS);
        } else if (due < next) {
            next = due;
        }
    }
    brood_pool_dispatch(pool);
    return next;
}

int64_t brood_pool_balance(brood_pool *pool, int64_t now)
{
    if (pool->stuck_at <= now) {
        pool->stuck_at = BROOD_NEVER;
    }
    return brood_earlier(balance(pool, now), pool->stuck_at);
}

bool brood_pool_has_room_for_more(const brood_pool *pool)
{
    return next_idle(pool) != NULL;
}

/* ---- the end of a chunk ------------------------------------------------------------------ */

/* How long the items of a map take. */
static void note_time(brood_worker *worker, const brood_chunk *chunk)
{
    int64_t now = 0;

    worker->chunks_received++;
    if (chunk->job->kind == BROOD_JOB_TASK) {
        return;
    }
    now = brood_os_now();
    chunk->job->measured_ns += (uint64_t)(now - worker->first_since);
    chunk->job->measured_items += chunk->count;
    brood_worker_measure(worker, now);
}

void brood_worker_chunk_ended(brood_worker *worker, brood_chunk *chunk)
{
    note_time(worker, chunk);
    worker->stalled = false;
    brood_worker_remove(worker, chunk);
    if (worker->kill_id == chunk->id) {
        brood_worker_set_alarm(worker, &worker->kill_at, BROOD_NEVER);
        worker->kill_id = 0;
    }
    brood_chunk_free(chunk);
    retire_if_used(worker);
    brood_worker_first_changed(worker);
    if (worker->chunk_count == 0) {
        brood_worker_set_busy(worker, false);
        brood_worker_set_idle(worker, brood_worker_serves(worker));
    } else if (worker->chunk_count < depth(worker->pool) / 2 + 1) {
        brood_worker_set_credit(worker);
    }
}
