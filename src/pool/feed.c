#include "pool/pool_impl.h"

#define WAKE_NS 20000   /* about what it costs to wake a sleeping worker */
#define AHEAD_NS 400000 /* a worker is given work ahead for about so long */
#define DEPTH_MIN 2     /* one that runs, and the next */
#define DEPTH_MAX 1024
#define BALANCE_NS (200 * 1000) /* who is busy with one piece for so long gives others away */
#define STUCK_NS (50 * BROOD_NS_PER_MS) /* so long a worker needs at most to begin */
#define CHUNK_NS 100000                 /* smaller chunks of a map are not worth their own way */
#define CHUNKS_A_WORKER 2               /* a worker gets at most this part of its share of a map */
#define HEADS_MAX 1024 /* what is sent before a piece of a map, and before its values */
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
    if (worker->piece_count == 0 || worker->pool->idle_first == NULL) {
        return;
    }
    if (worker->piece_count > 1 || worker->state == BROOD_WORKER_STARTING) {
        brood_agenda_at(worker->pool, worker->heard_at + BALANCE_NS);
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
        brood_agenda_at(pool, pool->fed_at + BALANCE_NS);
    }
}

/* The crew is looked after when its time as an idle one is over. */
static void note_idle(brood_worker *worker)
{
    brood_pool *pool = worker->pool;
    int64_t due = 0;

    worker->idle_since = brood_os_now();
    due = worker->idle_since + (int64_t)pool->options.idle_timeout_ms * BROOD_NS_PER_MS;
    if (due < pool->crew_at) {
        pool->crew_at = due;
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
    if (worker->state == BROOD_WORKER_READY && !worker->slow) {
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
    return worker->state < BROOD_WORKER_STOPPING && worker->dropped == BROOD_OK && !worker->deaf &&
           !worker
                ->is_killed; /* it may yet answer, and begin what it is given, before it is dead */
}

static bool wants_more(const brood_worker *worker)
{
    return brood_worker_serves(worker) && worker->piece_count > 0 &&
           worker->piece_count < depth(worker->pool) && brood_worker_can_send(worker) &&
           worker->items_left > 0 && !worker->slow;
}

/* In the queue of those that have work, and can be given more. */
void brood_worker_set_thirsty(brood_worker *worker)
{
    brood_pool *pool = worker->pool;

    if (worker->is_thirsty || !wants_more(worker)) {
        return;
    }
    worker->is_thirsty = true;
    worker->next_thirsty = NULL;
    *(pool->thirsty_last != NULL ? &pool->thirsty_last->next_thirsty : &pool->thirsty_first) =
        worker;
    pool->thirsty_last = worker;
}

static brood_worker *next_thirsty(brood_pool *pool)
{
    while (pool->thirsty_first != NULL) {
        brood_worker *worker = pool->thirsty_first;

        if (wants_more(worker)) {
            return worker;
        }
        pool->thirsty_first = worker->next_thirsty;
        if (pool->thirsty_first == NULL) {
            pool->thirsty_last = NULL;
        }
        worker->is_thirsty = false;
    }
    return NULL;
}

/* The first becomes the last, so that all of them get some. */
static void rotate_thirsty(brood_pool *pool)
{
    brood_worker *worker = pool->thirsty_first;

    if (worker != pool->thirsty_last) {
        pool->thirsty_first = worker->next_thirsty;
        pool->thirsty_last->next_thirsty = worker;
        pool->thirsty_last = worker;
        worker->next_thirsty = NULL;
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
 * Who gets the next piece, or NULL. A sleeping worker is not woken when one that is awake will come
 * to the piece sooner.
 */
static brood_worker *choose(brood_pool *pool)
{
    brood_worker *idle = next_idle(pool);
    brood_worker *thirsty = next_thirsty(pool);
    bool crowded = is_crowded(pool);

    if (thirsty != NULL &&
        (idle == NULL || crowded || thirsty->piece_count * pool->service_ns < WAKE_NS)) {
        rotate_thirsty(pool);
        return thirsty;
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
static uint64_t most_varying(const brood_piece *piece, size_t most)
{
    const brood_bytes *items = (const brood_bytes *)piece->job->in + piece->first;
    uint64_t count = 0;
    size_t size = 0;

    while (count < piece->count && size <= most) {
        size += items[count].size < most ? items[count].size + BROOD_WIRE_ALIGN : most + 1;
        count++;
    }
    return count > 1 && size > most ? count - 1 : count;
}

/* Plain arrays travel through the ring, a quarter of it at once with all that goes before it. */
static uint64_t most_in_ring(const brood_pool *pool, const brood_piece *piece)
{
    const brood_result *job = piece->job;
    size_t quarter = pool->capacity / 4 - HEADS_MAX;

    if (job->kind != BROOD_JOB_MAP || job->in_shared != NULL || job->in_size == 0) {
        return UINT64_MAX;
    }
    if (job->in_size == BROOD_SIZE_VARIES) {
        return most_varying(piece, quarter);
    }
    return job->in_size >= quarter ? 1 : quarter / job->in_size;
}

/* How many items take about as long as it is worth to cut for; 1 while that is not known. */
static uint64_t worthwhile(const brood_result *job)
{
    uint64_t each_ns = job->heard_items > 0 ? job->heard_ns / job->heard_items : CHUNK_NS;

    return CHUNK_NS / (each_ns + 1) + 1;
}

static uint64_t chunk_of(const brood_worker *worker, const brood_piece *piece)
{
    const brood_pool *pool = worker->pool;
    const brood_result *job = piece->job;
    uint64_t most = most_in_ring(pool, piece);
    uint64_t chunk = job->chunk_size;

    if (piece->deaths > 0) {
        return piece->count; /* one suspect item, by itself */
    }
    if (chunk == 0) {
        chunk = piece->count / ((uint64_t)CHUNKS_A_WORKER * pool->target);
        chunk = chunk > worthwhile(job) ? chunk : worthwhile(job);
        chunk = chunk < most ? chunk : most;
    }
    if (job->kind != BROOD_JOB_RANGE && chunk > worker->items_left) {
        chunk = worker->items_left;
    }
    if (chunk == 0) {
        chunk = 1;
    }
    return chunk < piece->count ? chunk : piece->count;
}

/* Takes a part off the first piece of the queue, or all of it when there is no memory to cut. */
static brood_piece *cut(brood_worker *worker, brood_piece *piece)
{
    brood_pool *pool = worker->pool;
    uint64_t chunk = chunk_of(worker, piece);
    brood_piece *part = NULL;

    if (chunk < piece->count) {
        part = brood_piece_new(piece->job, piece->first, chunk);
    }
    if (part == NULL) {
        brood_queue_remove(pool, piece);
        return piece;
    }
    part->attempt = piece->attempt;
    part->losses = piece->losses;
    piece->first += chunk;
    piece->count -= chunk;
    brood_queue_shrink(pool, chunk);
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

static void note_given(brood_worker *worker, const brood_piece *piece)
{
    brood_pool *pool = worker->pool;
    uint64_t items = piece->job->kind == BROOD_JOB_RANGE ? 1 : piece->count;

    if (worker->piece_count == 1) {
        worker->heard_at = pool->fed_at;
        brood_worker_set_idle(worker, false);
        brood_worker_set_busy(worker, true);
        brood_worker_first_changed(worker);
    }
    if (worker->items_left != UINT64_MAX) {
        worker->items_left -= items < worker->items_left ? items : worker->items_left;
        retire_if_used(worker);
    }
    let_spin(worker);
    brood_worker_set_thirsty(worker);
    plan_balance_of(worker);
    if (!worker->armed || !brood_worker_can_send(worker)) {
        brood_agenda_arm(worker);
    }
}

static brood_status give(brood_worker *worker, brood_piece *piece)
{
    brood_status status = brood_worker_send(worker, piece);

    if (status == BROOD_OK) {
        worker->pool->starved_since = BROOD_NEVER;
        note_given(worker, piece);
    }
    return status;
}

/* A piece of the queue ends without having come to a worker. */
static void fail_piece(brood_pool *pool, brood_piece *piece, brood_status status)
{
    brood_result *job = piece->job;
    brood_failure failure = brood_job_failure(job, status, "");
    uint64_t first = piece->first + piece->done;
    uint64_t count = piece->count - piece->done;

    brood_queue_remove(pool, piece);
    brood_piece_free(piece);
    brood_job_fail(job, first, count, &failure);
}

/* It could not be sent: soon again, but not for ever. Whether to go on with the next piece. */
static bool keep_back(brood_pool *pool, brood_piece *piece, brood_status status)
{
    brood_queue_put(pool, piece);
    if (status != BROOD_ERR_TIMEOUT && pool->starved_since == BROOD_NEVER) {
        pool->starved_since = pool->fed_at;
    }
    if (status != BROOD_ERR_TIMEOUT && pool->fed_at - pool->starved_since >= STARVE_NS) {
        fail_piece(pool, piece, status);
        return true;
    }
    pool->feed_at = pool->fed_at + RETRY_NS;
    brood_agenda_at(pool, pool->feed_at);
    return false;
}

/* A doomed job's pieces end here. */
static bool end_doomed(brood_piece *piece)
{
    if (piece->job->doom == BROOD_OK) {
        return false;
    }
    brood_queue_doom(piece);
    return true;
}

void brood_pool_feed(brood_pool *pool)
{
    bool goes = true;

    pool->feed_at = BROOD_NEVER;
    if (pool->queue_bits == 0) {
        return;
    }
    pool->fed_at = brood_os_now();
    while (goes) {
        brood_piece *piece = brood_queue_first(pool);
        brood_worker *worker = NULL;
        brood_status status = BROOD_OK;

        if (piece == NULL || end_doomed(piece)) {
            goes = piece != NULL;
            continue;
        }
        worker = choose(pool);
        if (worker == NULL) {
            plan_push(pool);
            break;
        }
        piece = cut(worker, piece);
        status = give(worker, piece);
        goes = status == BROOD_OK || keep_back(pool, piece, status);
    }
}

void brood_worker_remove(brood_worker *worker, brood_piece *piece)
{
    brood_pieces_remove(&worker->pieces, piece);
    worker->piece_count--;
    piece->job->given--;
}

/* ---- taking back ------------------------------------------------------------------------- */

/* Its argument may still be on the way: the worker passes over it, whatever it is. */
static void take_piece_back(brood_worker *worker, brood_piece *piece)
{
    if (worker->sending.piece == piece) {
        brood_worker_void(worker);
    }
    brood_worker_remove(worker, piece);
    if (worker->items_left != UINT64_MAX) {
        worker->items_left += piece->job->kind == BROOD_JOB_RANGE ? 1 : piece->count;
    }
    brood_queue_put(worker->pool, piece);
}

void brood_worker_take_back(brood_worker *worker)
{
    uint64_t claim = 0;
    uint64_t begun = 0;

    brood_store64(&worker->page->void_upto, worker->last_id);
    do {
        claim = brood_load64(&worker->page->claim);
    } while (!brood_cas64(&worker->page->claim, claim, brood_claim_frozen(claim)));
    begun = brood_worker_begun(worker, claim);
    for (brood_piece *piece = worker->pieces.last, *previous = NULL; piece != NULL;
         piece = previous) {
        previous = piece->previous;
        if (piece->id <= begun) {
            break; /* it has begun that one */
        }
        take_piece_back(worker, piece);
    }
    if (worker->piece_count == 0) {
        worker->slow = true;
        brood_worker_set_busy(worker, false);
        brood_worker_set_idle(worker, brood_worker_serves(worker));
    }
    brood_crew_needed(worker->pool);
}

/* When what a worker was given may be taken back; never, when it has begun all of it. */
static int64_t balance_at(brood_worker *worker)
{
    uint64_t begun = 0;

    if (worker->state == BROOD_WORKER_STARTING || worker->piece_count > 1) {
        return worker->heard_at + BALANCE_NS; /* one that has not come up keeps others waiting */
    }
    begun = brood_worker_begun(worker, brood_load64(&worker->page->claim));
    return begun >= worker->pieces.first->id ? BROOD_NEVER : worker->heard_at + STUCK_NS;
}

/* What waits although there are idle workers, and nobody comes to it: a few more are woken. */
static int64_t push(brood_pool *pool, int64_t now)
{
    if (now - pool->heard_at < BALANCE_NS) {
        return pool->heard_at + BALANCE_NS;
    }
    pool->wakes_left = pool->cores;
    brood_pool_feed(pool);
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
        size_t had = worker->piece_count;

        following = worker->next_busy;
        if (due <= now) {
            worker->slow = true;
            brood_worker_take_back(worker);
            worker->heard_at = now; /* what cannot be taken back is not tried again at once */
            /* Who gets it may be as slow. */
            next = worker->piece_count < had ? now : brood_earlier(next, now + BALANCE_NS);
        } else if (due < next) {
            next = due;
        }
    }
    brood_pool_feed(pool);
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

/* ---- the end of a piece ------------------------------------------------------------------ */

/* How long the items of a map take. */
static void note_time(brood_worker *worker, const brood_piece *piece)
{
    int64_t now = 0;

    worker->pieces_heard++;
    if (piece->job->kind == BROOD_JOB_TASK) {
        return;
    }
    now = brood_os_now();
    piece->job->heard_ns += (uint64_t)(now - worker->heard_at);
    piece->job->heard_items += piece->count;
    brood_worker_measure(worker, now);
}

void brood_worker_piece_ended(brood_worker *worker, brood_piece *piece)
{
    note_time(worker, piece);
    worker->slow = false;
    brood_worker_remove(worker, piece);
    if (worker->kill_id == piece->id) {
        brood_worker_set_alarm(worker, &worker->kill_at, BROOD_NEVER);
        worker->kill_id = 0;
    }
    brood_piece_free(piece);
    retire_if_used(worker);
    brood_worker_first_changed(worker);
    if (worker->piece_count == 0) {
        brood_worker_set_busy(worker, false);
        brood_worker_set_idle(worker, brood_worker_serves(worker));
    } else if (worker->piece_count < depth(worker->pool) / 2 + 1) {
        brood_worker_set_thirsty(worker);
    }
}
