#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "memory.h"
#include "pool_impl.h"

#define BACKOFF_MOST 100 /* times the first one */
#define LOSSES_MAX 8
#define END_SLOWLY_NS (1000 * BROOD_NS_PER_MS) /* between the end of the bell and of the process */
#define RETRY_NS (10 * BROOD_NS_PER_MS)        /* what could not be done is tried again after */

/* ---- one worker -------------------------------------------------------------------------- */

void brood_worker_set_alarm(brood_worker *worker, int64_t *alarm, int64_t at)
{
    bool before = worker->look_at != BROOD_NEVER || worker->kill_at != BROOD_NEVER;

    *alarm = at;
    if (!before && at != BROOD_NEVER) {
        worker->pool->alarms++;
    } else if (before && worker->look_at == BROOD_NEVER && worker->kill_at == BROOD_NEVER) {
        worker->pool->alarms--;
    }
}

static void watch(brood_worker *worker)
{
    brood_os_poller *poller = worker->pool->poller;
    uintptr_t bell = BROOD_OWNER_OF_BELL(worker->slot);

    worker->watched_bell =
        brood_os_poller_add(poller, worker->bell, (void *)bell, NULL) == BROOD_OK;
    worker->watched_process =
        brood_os_poller_add_process(poller, worker->process->os,
                                    (void *)BROOD_OWNER_OF_PROCESS(worker->slot), NULL) == BROOD_OK;
}

static void unwatch_bell(brood_worker *worker)
{
    if (worker->watched_bell) {
        brood_os_poller_remove(worker->pool->poller, worker->bell);
        worker->watched_bell = false;
    }
}

static void free_worker(brood_worker *worker)
{
    brood_pool *pool = worker->pool;

    if (worker->watched_process) {
        brood_os_poller_remove_process(pool->poller, worker->process->os);
    }
    unwatch_bell(worker);
    brood_os_channel_close(worker->bell);
    brood_process_destroy(worker->process);
    brood_os_segment_close(&worker->segment);
    brood_sending_free(&worker->sending);
    free(worker->hearing.own);
    free(worker->shared);
    free(worker);
}

/* Memory and the bell. */
static brood_status equip(brood_worker *worker, brood_handle *bell, brood_error *error)
{
    size_t capacity = worker->pool->capacity;
    brood_status status =
        brood_os_segment_create(&worker->segment, brood_wire_segment_size(capacity), true, error);
    unsigned char *base = worker->segment.base;

    if (status == BROOD_OK) {
        status = brood_os_channel_pair(&worker->bell, bell, error);
    }
    if (status != BROOD_OK) {
        return status;
    }
    worker->page = (brood_wire_page *)(void *)base;
    base += sizeof(brood_wire_page);
    brood_ring_attach(&worker->to, base, capacity);
    base += brood_ring_size(capacity);
    brood_ring_attach(&worker->from, base, capacity);
    return BROOD_OK;
}

static brood_status launch(brood_worker *worker, brood_handle bell, brood_error *error)
{
    brood_pool *pool = worker->pool;
    brood_nesting nesting = {brood_nesting_here()->depth + 1, worker->cores};
    brood_wire_start start = {pool->capacity, worker->segment.size,
                              pool->options.spin == BROOD_SPIN_NEVER ? 0
                                                                     : (uint64_t)pool->spin_ns / 4};
    brood_handle handles[BROOD_WIRE_HANDLES + BROOD_HANDLES_MAX];
    brood_process_options options = pool->process;
    char name[256];

    handles[BROOD_WIRE_HANDLE_SEGMENT] = worker->segment.handle;
    handles[BROOD_WIRE_HANDLE_BELL] = bell;
    for (size_t i = 0; i < options.handle_count; i++) {
        handles[BROOD_WIRE_HANDLES + i] = options.handles[i];
    }
    snprintf(name, sizeof name, "%s-%u", pool->options.name, (unsigned)worker->slot + 1);
    options.error = error;
    options.name = name;
    options.function_name = BROOD_WORKER_NAME;
    options.handles = handles;
    options.handle_count += BROOD_WIRE_HANDLES;
    options.daemon = true;
    return brood_process_start_nested(&worker->process, NULL, &start, sizeof start, &options,
                                      &nesting);
}

/* A worker with its process, but not yet one of the pool's. Without the lock. */
static brood_status make_worker(brood_worker **worker, brood_pool *pool, uint32_t slot,
                                uint32_t cores, brood_error *error)
{
    brood_worker *made = brood_calloc(1, sizeof *made);
    brood_handle bell = BROOD_HANDLE_NONE;
    brood_status status = BROOD_OK;

    *worker = NULL;
    if (made == NULL) {
        return brood_fail_memory(error, "worker");
    }
    made->pool = pool;
    made->slot = slot;
    made->cores = cores > 0 ? cores : 1;
    made->look_at = made->kill_at = BROOD_NEVER;
    made->segment.handle = BROOD_HANDLE_NONE;
    status = equip(made, &bell, error);
    if (status == BROOD_OK) {
        status = launch(made, bell, error);
    }
    brood_os_handle_close(bell);
    brood_os_handle_close(made->segment.handle); /* the memory stays; a descriptor less */
    made->segment.handle = BROOD_HANDLE_NONE;
    if (status != BROOD_OK) {
        free_worker(made);
        return status;
    }
    *worker = made;
    return BROOD_OK;
}

static uint64_t draw_items(const brood_pool *pool)
{
    uint32_t jitter = pool->options.max_tasks_jitter;
    uint64_t seed = (uint64_t)brood_os_now() * UINT64_C(6364136223846793005);

    if (pool->options.max_tasks_per_worker == 0) {
        return UINT64_MAX;
    }
    return pool->options.max_tasks_per_worker - (seed >> 33) % ((uint64_t)jitter + 1);
}

static uint32_t free_slot(brood_pool *pool)
{
    for (uint32_t i = 0; i < pool->slots; i++) {
        if (pool->workers[i] == NULL) {
            return i;
        }
    }
    return pool->slots;
}

static bool grow_slots(brood_pool *pool)
{
    uint32_t slots = pool->slots == 0 ? 8 : pool->slots * 2;
    brood_worker **workers = brood_realloc((void *)pool->workers, slots * sizeof(brood_worker *));

    if (workers == NULL) {
        return false;
    }
    memset((void *)(workers + pool->slots), 0, (slots - pool->slots) * sizeof(brood_worker *));
    pool->workers = workers;
    pool->slots = slots;
    return true;
}

/* It is the pool's from now on, also when it cannot be told what to do. */
static void enlist(brood_pool *pool, brood_worker *worker)
{
    pool->workers[worker->slot] = worker;
    pool->crew_changed = true;
    pool->alive++;
    pool->stats.started++;
    worker->items_left = draw_items(pool);
    worker->forgotten = brood_shared_forgotten();
    brood_worker_set_alarm(worker, &worker->look_at, worker->process->handshake_deadline);
    watch(worker);
    if (!worker->watched_bell || !worker->watched_process ||
        brood_worker_send_setup(worker) != BROOD_OK || pool->terminated) {
        brood_worker_drop(worker, BROOD_ERR_NO_MEMORY);
        return;
    }
    brood_worker_set_idle(worker, true);
    if (brood_pool_sleeps(pool) && !brood_worker_arm(worker)) {
        brood_pool_rouse(pool);
    }
}

brood_status brood_crew_start(brood_pool *pool, brood_error *error)
{
    uint32_t slot = free_slot(pool);
    uint32_t cores = pool->cores / pool->target;
    brood_worker *worker = NULL;
    brood_status status = BROOD_OK;

    if (slot == pool->slots && !grow_slots(pool)) {
        return brood_fail_memory(error, "workers");
    }
    pool->launching = true;
    brood_pool_unlock(pool);
    status = make_worker(&worker, pool, slot, cores, error);
    brood_pool_lock(pool);
    pool->launching = false;
    if (worker != NULL) {
        enlist(pool, worker);
    }
    return status;
}

/* ---- how a worker ends ------------------------------------------------------------------- */

/* Looked after until its end is seen: the system may fail to kill, or to tell of the end. */
void brood_worker_kill(brood_worker *worker)
{
    bool done = brood_process_kill(worker->process) == BROOD_OK;
    bool again = worker->is_killed;

    worker->is_killed = true;
    brood_worker_set_alarm(worker, &worker->look_at,
                           brood_os_now() + (done ? END_SLOWLY_NS : RETRY_NS));
    if (!again) {
        brood_pool_rouse(worker->pool);
    }
}

void brood_worker_ring(brood_worker *worker)
{
    int64_t again = brood_os_now() + RETRY_NS;
    size_t put = 0;
    brood_status status = brood_os_channel_write(worker->bell, "", 1, &put, NULL);

    /* No room: enough are under way. Closed: it has ended, which the poller tells. */
    worker->must_ring =
        status != BROOD_OK && status != BROOD_ERR_TIMEOUT && status != BROOD_ERR_CLOSED;
    if (worker->must_ring && worker->look_at > again) {
        brood_worker_set_alarm(worker, &worker->look_at, again);
        brood_pool_rouse(worker->pool);
    }
}

void brood_worker_end(brood_worker *worker)
{
    const brood_piece *streaming = worker->sending.piece;

    worker->spared_id = streaming != NULL && streaming != worker->pieces.first ? streaming->id : 0;
    brood_worker_kill(worker);
}

void brood_worker_drop(brood_worker *worker, brood_status status)
{
    if (worker->dropped == BROOD_OK) {
        worker->dropped = status;
        brood_worker_set_idle(worker, false);
        brood_worker_kill(worker);
    }
}

static void look_after_crew_at(brood_pool *pool, int64_t at)
{
    if (at < pool->crew_at) {
        pool->crew_at = at;
        brood_pool_rouse_sleeper(pool);
    }
}

uint64_t brood_worker_begun(brood_worker *worker, uint64_t claim)
{
    uint64_t id = brood_claim_id(claim);

    if (id < worker->begun || id > worker->last_id) {
        brood_worker_drop(worker, BROOD_ERR_PROTOCOL);
        return UINT64_MAX;
    }
    worker->begun = id;
    return id;
}

void brood_worker_stop(brood_worker *worker)
{
    if (brood_worker_send_stop(worker) == BROOD_OK) {
        worker->state = BROOD_WORKER_STOPPING;
        brood_worker_set_idle(worker, false);
    } else {
        look_after_crew_at(worker->pool, brood_os_now() + RETRY_NS);
    }
}

static void describe_end(const brood_worker *worker, brood_failure *failure)
{
    char text[160];

    failure->pid = brood_process_pid(worker->process);
    failure->exit.struct_size = sizeof failure->exit;
    brood_process_exit_info(worker->process, &failure->exit);
    brood_exit_text(&failure->exit, text, sizeof text);
    if (worker->dropped == BROOD_ERR_PROTOCOL) {
        snprintf(text, sizeof text, "%s", brood_status_text(worker->dropped));
    }
    snprintf(failure->message, sizeof failure->message, "the worker was lost: %s", text);
}

/* Whether the item that follows those that are done was begun. */
static bool was_running(brood_worker *worker, const brood_piece *piece)
{
    uint64_t item = brood_load64(&worker->page->item);

    if (worker->halted && worker->kill_id == piece->id && item > worker->kill_item) {
        return false; /* the one that it was killed for had just ended */
    }
    return piece->id != worker->spared_id &&
           brood_worker_begun(worker, brood_load64(&worker->page->claim)) == piece->id &&
           (item > piece->done || (item == 0 && piece->done == 0));
}

static brood_status status_of_end(const brood_worker *worker, const brood_piece *piece)
{
    if (piece->job->doom != BROOD_OK) {
        return piece->job->doom;
    }
    if (worker->kill_id == piece->id &&
        (worker->kill_item == 0 || worker->kill_item == piece->done + 1)) {
        return worker->kill_for;
    }
    return worker->dropped == BROOD_ERR_NO_MEMORY ? BROOD_ERR_NO_MEMORY : BROOD_ERR_DIED;
}

/* The item that ran when its worker died: again, or its failure. */
static void settle_item(brood_worker *worker, brood_result *job, uint64_t first, uint64_t count,
                        uint32_t attempt, uint32_t deaths, brood_status status)
{
    brood_pool *pool = worker->pool;
    bool again = status == BROOD_ERR_DIED && attempt <= job->retries;
    bool quarantined = again && deaths >= pool->options.quarantine;
    brood_piece *piece = again && !quarantined ? brood_piece_new(job, first, count) : NULL;
    brood_failure failure;

    if (piece != NULL) {
        piece->attempt = attempt + 1;
        piece->deaths = deaths;
        pool->stats.retried += count;
        brood_queue_put(pool, piece);
        return;
    }
    failure = brood_job_failure(job, quarantined ? BROOD_ERR_QUARANTINED : status, "");
    failure.attempt = attempt;
    describe_end(worker, &failure);
    if (status != BROOD_ERR_DIED) {
        snprintf(failure.message, sizeof failure.message, "%s", brood_status_text(status));
    }
    brood_job_fail(job, first, count, &failure);
}

/* The piece that was the first: what ran costs one item, the rest goes to others. */
static void settle_first(brood_worker *worker, brood_piece *piece)
{
    brood_pool *pool = worker->pool;
    brood_result *job = piece->job;
    bool is_range = job->kind == BROOD_JOB_RANGE;
    uint64_t item = piece->first + piece->done;
    uint64_t count = is_range ? piece->count : 1;
    uint64_t left = piece->count - piece->done;
    uint32_t attempt = piece->attempt;
    uint32_t deaths = piece->deaths + 1;
    brood_status status = status_of_end(worker, piece);

    piece->first = item + count;
    piece->count = left - count;
    piece->done = 0;
    piece->deaths = 0;
    piece->losses = 0;
    piece->attempt = 1;
    if (piece->count > 0) {
        brood_queue_put(pool, piece);
    } else {
        brood_piece_free(piece);
    }
    settle_item(worker, job, item, count, attempt, deaths, status);
}

/* What it answered could not be taken: that was about the first one, if it had begun it. */
static bool is_to_blame(brood_worker *worker, const brood_piece *first)
{
    return (worker->dropped == BROOD_ERR_PROTOCOL || worker->dropped == BROOD_ERR_NO_MEMORY) &&
           brood_worker_begun(worker, brood_load64(&worker->page->claim)) >= first->id;
}

/* A worker that lies about what it had begun does not make its task immortal. */
static bool is_suspect(const brood_worker *worker, brood_piece *first)
{
    return worker->is_up && ++first->losses >= LOSSES_MAX;
}

static void give_back_pieces(brood_worker *worker)
{
    brood_pool *pool = worker->pool;
    brood_piece *first = worker->pieces.first;

    if (first != NULL &&
        (was_running(worker, first) || is_to_blame(worker, first) || is_suspect(worker, first))) {
        brood_pieces_remove(&worker->pieces, first);
        settle_first(worker, first);
    }
    while (worker->pieces.last != NULL) {
        brood_piece *piece = worker->pieces.last;

        brood_pieces_remove(&worker->pieces, piece);
        piece->first += piece->done;
        piece->count -= piece->done;
        piece->done = 0;
        brood_queue_put(pool, piece);
    }
    worker->piece_count = 0;
}

static int64_t backoff(const brood_pool *pool)
{
    int64_t delay = (int64_t)pool->options.backoff_ms * BROOD_NS_PER_MS;
    int64_t most = delay * BACKOFF_MOST;

    for (uint32_t i = 1; i < pool->start_failures && delay < most; i++) {
        delay *= 2;
    }
    return delay < most ? delay : most;
}

static void note_failed_start(brood_pool *pool, const brood_failure *why)
{
    pool->last_start = *why;
    pool->start_failures++;
    pool->start_at = brood_os_now() + backoff(pool);
    if (pool->start_failures >= pool->options.crash_limit && pool->alive == 0) {
        brood_crew_give_up(pool);
    }
}

/* It came up, got pieces, and was lost before it had begun any. */
static bool is_barren(brood_worker *worker)
{
    return worker->is_up && !worker->has_answered && worker->last_id > 0 &&
           worker->dropped == BROOD_OK && !worker->is_killed &&
           (worker->pieces.first == NULL || !was_running(worker, worker->pieces.first));
}

/* A worker that ended before it was of any use: why, as far as it could say. */
static void note_early_end(brood_worker *worker, bool barren)
{
    brood_failure why = brood_job_failure(NULL, BROOD_ERR_BROKEN, "");

    if ((worker->is_up && !barren) || worker->pool->terminated) {
        return;
    }
    worker->pool->barren += barren;
    describe_end(worker, &why);
    if (worker->setup.status != BROOD_OK) {
        why.task_code = worker->setup.task_code;
        snprintf(why.message, sizeof why.message, "the initializer failed: %.150s",
                 worker->setup.message);
    } else if (why.exit.reason == BROOD_EXIT_START) {
        snprintf(why.message, sizeof why.message, "%.200s", why.exit.error.message);
    }
    note_failed_start(worker->pool, &why);
}

static void leave_lists(brood_worker *worker)
{
    brood_pool *pool = worker->pool;

    brood_worker_set_idle(worker, false);
    brood_worker_set_busy(worker, false);
    brood_worker_set_alarm(worker, &worker->look_at, BROOD_NEVER);
    brood_worker_set_alarm(worker, &worker->kill_at, BROOD_NEVER);
    for (brood_worker **at = &pool->thirsty_first, *last = NULL; *at != NULL;) {
        if (*at == worker) {
            *at = worker->next_thirsty;
            if (pool->thirsty_last == worker) {
                pool->thirsty_last = last;
            }
            break;
        }
        last = *at;
        at = &(*at)->next_thirsty;
    }
    for (uint32_t i = 0; i < BROOD_SPINNERS_MAX; i++) {
        if (pool->spinners[i] == worker) {
            pool->spinners[i] = NULL;
        }
    }
}

/* The process has ended. */
static void bury(brood_worker *worker)
{
    brood_pool *pool = worker->pool;
    bool expected = false;
    bool barren = false;

    if (worker->dropped == BROOD_OK) {
        worker->dropped = brood_worker_hear(worker); /* there is nobody left to be killed */
    }
    if (worker->dropped == BROOD_OK) {
        brood_worker_salvage(worker);
        expected =
            worker->state == BROOD_WORKER_STOPPING && worker->is_up && worker->piece_count == 0;
    }
    barren = is_barren(worker);
    pool->workers[worker->slot] = NULL;
    pool->alive--;
    *(expected || pool->terminated ? &pool->stats.ended : &pool->stats.died) += 1;
    leave_lists(worker);
    give_back_pieces(worker);
    note_early_end(worker, barren);
    free_worker(worker);
    pool->crew_changed = true;
    brood_pool_wake(pool, NULL);
}

static void empty_bell(brood_worker *worker)
{
    char bytes[64];
    size_t got = 0;
    brood_status status = brood_os_channel_read(worker->bell, bytes, sizeof bytes, &got, NULL);

    worker->armed = false;
    if (status == BROOD_ERR_CLOSED) {
        /* It ends, or has closed all that it had: then it is of no use any more. */
        unwatch_bell(worker);
        brood_worker_set_alarm(worker, &worker->look_at, brood_os_now() + END_SLOWLY_NS);
        worker->deaf = true;
        brood_worker_take_back(worker);
        brood_worker_set_idle(worker, false);
    } else if (status != BROOD_OK && status != BROOD_ERR_TIMEOUT) {
        brood_worker_drop(worker, status); /* nobody knows any more when it answers */
    }
}

/* It is time to look at one that lives. */
static void look_again(brood_worker *worker)
{
    bool starts = worker->state == BROOD_WORKER_STARTING;

    if (worker->deaf || worker->is_killed) {
        brood_worker_kill(worker);
        return;
    }
    /* is_alive has ended one that did not come to its function in time */
    brood_worker_set_alarm(worker, &worker->look_at,
                           starts ? brood_os_now() + END_SLOWLY_NS : BROOD_NEVER);
    if (worker->must_ring) {
        brood_worker_ring(worker);
    }
}

static void look_at_process(brood_worker *worker)
{
    if (!brood_process_is_alive(worker->process)) {
        bury(worker);
    } else if (brood_os_now() >= worker->look_at) {
        look_again(worker);
    }
}

void brood_crew_look(brood_pool *pool, uintptr_t owner)
{
    size_t slot = BROOD_SLOT_OF_OWNER(owner);
    brood_worker *worker = slot < pool->slots ? pool->workers[slot] : NULL;

    if (worker == NULL) {
        return; /* it was buried meanwhile */
    }
    if (owner != BROOD_OWNER_OF_BELL(slot)) {
        look_at_process(worker);
    } else if (worker->watched_bell) {
        empty_bell(worker);
    }
}

/* ---- all of them ------------------------------------------------------------------------- */

/* Those that count for the number of workers: not one that only has to end. */
static uint32_t serving(const brood_pool *pool)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < pool->slots; i++) {
        const brood_worker *worker = pool->workers[i];

        count += worker != NULL && worker->dropped == BROOD_OK && !worker->deaf &&
                 !(worker->state == BROOD_WORKER_STOPPING && worker->piece_count == 0);
    }
    return count;
}

/* What waits, also behind another task in a worker, could have a worker of its own. */
static uint64_t count_needed(const brood_pool *pool)
{
    uint64_t needed = pool->queued < pool->target ? pool->queued : pool->target;

    for (const brood_worker *worker = pool->busy_first; worker != NULL;
         worker = worker->next_busy) {
        needed += worker->piece_count;
    }
    return needed;
}

/* How many workers there should be now. */
static uint32_t wanted(const brood_pool *pool)
{
    bool as_needed = pool->options.lazy || pool->options.idle_timeout_ms > 0;
    uint64_t needed = as_needed ? count_needed(pool) : pool->target;

    if (pool->terminated || pool->broken) {
        return 0;
    }
    if (pool->closed && pool->queue_bits == 0) {
        return 0;
    }
    return pool->fills || needed > pool->target ? pool->target : (uint32_t)needed;
}

static void start_missing(brood_pool *pool)
{
    brood_failure why;
    brood_error error = {BROOD_OK, 0, "", ""};

    while (!pool->launching && serving(pool) < wanted(pool) && brood_os_now() >= pool->start_at) {
        brood_status status = brood_crew_start(pool, &error);

        if (status != BROOD_OK) {
            why = brood_job_failure(NULL, status, error.message);
            note_failed_start(pool, &why);
        }
    }
    if (serving(pool) >= pool->target) {
        pool->fills = false;
    }
}

static bool stop(brood_worker *worker)
{
    brood_worker_stop(worker);
    return worker->state == BROOD_WORKER_STOPPING;
}

/* A worker that can be told to end now: an idle one, or else the one with the least to do. */
static brood_worker *superfluous(const brood_pool *pool)
{
    brood_worker *best = pool->idle_last;

    for (uint32_t i = 0; i < pool->slots && (best == NULL || best->piece_count > 0); i++) {
        brood_worker *worker = pool->workers[i];

        if (worker != NULL && worker->state < BROOD_WORKER_STOPPING &&
            worker->dropped == BROOD_OK && !worker->deaf && brood_worker_can_send(worker) &&
            (best == NULL || worker->piece_count < best->piece_count)) {
            best = worker;
        }
    }
    return best;
}

/* Those that are to stay, as far as they know. */
static uint32_t staying(const brood_pool *pool)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < pool->slots; i++) {
        const brood_worker *worker = pool->workers[i];

        count += worker != NULL && worker->state < BROOD_WORKER_STOPPING &&
                 worker->dropped == BROOD_OK && !worker->deaf;
    }
    return count;
}

static void stop_superfluous(brood_pool *pool)
{
    uint32_t count = staying(pool);
    uint32_t most = pool->closed && pool->jobs == NULL ? 0 : pool->target;

    while (count > most) {
        brood_worker *worker = superfluous(pool);

        if (worker != NULL && worker->piece_count > 1) {
            brood_worker_take_back(worker);
        }
        if (worker == NULL || !stop(worker)) {
            look_after_crew_at(pool, brood_os_now() + RETRY_NS); /* nobody can be told now */
            return;
        }
        count--;
    }
}

/* Those that have done all their tasks, but could not be told to end then. */
static void stop_used(brood_pool *pool)
{
    for (uint32_t i = 0; i < pool->slots && pool->options.max_tasks_per_worker > 0; i++) {
        brood_worker *worker = pool->workers[i];

        if (worker != NULL && worker->items_left == 0 && worker->state < BROOD_WORKER_STOPPING &&
            worker->dropped == BROOD_OK && brood_worker_can_send(worker)) {
            brood_worker_stop(worker);
        }
    }
}

/* The next end of an idle worker. */
static int64_t stop_idle(brood_pool *pool, int64_t now)
{
    int64_t after = (int64_t)pool->options.idle_timeout_ms * BROOD_NS_PER_MS;

    if (after == 0) {
        return BROOD_NEVER;
    }
    while (pool->idle_last != NULL && pool->idle_last->idle_since + after <= now) {
        if (!stop(pool->idle_last)) {
            return now + RETRY_NS;
        }
    }
    return pool->idle_last == NULL ? BROOD_NEVER : pool->idle_last->idle_since + after;
}

int64_t brood_crew_keep(brood_pool *pool, int64_t now)
{
    int64_t next = BROOD_NEVER;

    if (!pool->crew_changed && now < pool->crew_at) {
        return pool->crew_at;
    }
    pool->crew_changed = false;
    pool->crew_at = BROOD_NEVER;
    next = stop_idle(pool, now);
    stop_used(pool);
    stop_superfluous(pool);
    start_missing(pool);
    if (serving(pool) < wanted(pool) && pool->start_at < next) {
        next = pool->start_at;
    }
    if (next < pool->crew_at) {
        pool->crew_at = next;
    }
    return pool->crew_at;
}

void brood_crew_kill_all(brood_pool *pool)
{
    for (uint32_t i = 0; i < pool->slots; i++) {
        if (pool->workers[i] != NULL) {
            brood_worker_drop(pool->workers[i], BROOD_ERR_CANCELLED);
        }
    }
}

void brood_crew_give_up(brood_pool *pool)
{
    pool->broken = true;
    brood_jobs_cancel_all(pool, BROOD_ERR_BROKEN);
}
