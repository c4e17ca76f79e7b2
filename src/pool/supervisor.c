#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "pool/pool_impl.h"

#define BACKOFF_MOST 100 /* times the first one */
#define UNCLAIMED_DEATHS_MAX 8
#define END_SLOWLY_NS (1000 * BROOD_NS_PER_MS) /* between the end of the bell and of the process */
#define LOST_NS (1000 * BROOD_NS_PER_MS)       /* a worker that was killed has ended after */
#define LEAVE_NS (100 * BROOD_NS_PER_MS) /* to end, where more leave than the pool has workers */
#define RETRY_NS (10 * BROOD_NS_PER_MS)  /* what could not be done is tried again after */

/* ---- one worker -------------------------------------------------------------------------- */

void brood_worker_set_alarm(brood_worker *worker, int64_t *alarm, int64_t at)
{
    bool before = worker->check_at != BROOD_NEVER || worker->kill_at != BROOD_NEVER;

    *alarm = at;
    brood_agenda_at(worker->pool, at);
    if (!before && at != BROOD_NEVER) {
        worker->pool->alarms++;
    } else if (before && worker->check_at == BROOD_NEVER && worker->kill_at == BROOD_NEVER) {
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
        brood_os_poller_add_process(poller, brood_process_os(worker->process),
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
        brood_os_poller_remove_process(pool->poller, brood_process_os(worker->process));
    }
    unwatch_bell(worker);
    brood_os_channel_close(worker->bell);
    brood_process_destroy(worker->process);
    brood_os_segment_close(&worker->segment);
    brood_sending_free(&worker->sending);
    brood_free(worker->receiving.own);
    brood_free(worker->receiving.stage);
    brood_free(worker->shared);
    brood_free(worker);
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
    brood_nesting nesting = {brood_nesting_here().depth + 1, worker->cores};
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
                                      &nesting, &pool->origin);
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
    made->check_at = made->kill_at = made->unreported_at = BROOD_NEVER;
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

/*
 * It is the pool's from now on, also when it cannot be told what to do. Since the crew has changed,
 * somebody looks after it before anybody sleeps, and makes it ring when it has come up: turn_others.
 */
static void enlist(brood_pool *pool, brood_worker *worker)
{
    pool->workers[worker->slot] = worker;
    brood_supervisor_wake(pool);
    pool->alive++;
    worker->number = ++pool->stats.started;
    worker->items_left = draw_items(pool);
    worker->forgotten = brood_shared_forgotten();
    brood_worker_plan_look(worker);
    watch(worker);
    if (!worker->watched_bell || !worker->watched_process ||
        brood_worker_send_setup(worker) != BROOD_OK || pool->terminated) {
        brood_worker_drop(worker, BROOD_ERR_NO_MEMORY);
        return;
    }
    brood_worker_set_idle(worker, true);
}

brood_status brood_supervisor_start(brood_pool *pool, brood_error *error)
{
    uint32_t slot = free_slot(pool);
    uint32_t cores = pool->cores / pool->target;
    brood_worker *worker = NULL;
    brood_status status = BROOD_OK;

    if (slot == pool->slots && !grow_slots(pool)) {
        return brood_fail_memory(error, "workers");
    }
    pool->launching = true;
    pool->start_due = false;
    pool->to_fill -= pool->to_fill > 0;
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

/* The worker has done its last task, and only has to end. */
static bool is_leaving(const brood_worker *worker)
{
    return worker->state == BROOD_WORKER_STOPPING && worker->chunk_count == 0 &&
           worker->dropped == BROOD_OK && !worker->is_killed;
}

/* When it is looked at, whatever else happens: time counts for what it does not do. */
void brood_worker_plan_look(brood_worker *worker)
{
    int64_t now = brood_os_now();
    int64_t at = BROOD_NEVER;

    if (worker->is_killed || worker->bell_closed || is_leaving(worker)) {
        at = worker->end_by;
    } else if (!worker->is_up) {
        at = brood_process_handshake_deadline(worker->process);
        at = at > now ? at : now + END_SLOWLY_NS; /* its function may take long to begin */
    }
    if (worker->must_ring || worker->kill_refused) {
        at = brood_earlier(at, now + RETRY_NS);
    }
    brood_worker_set_alarm(worker, &worker->check_at, at);
}

void brood_worker_kill(brood_worker *worker)
{
    worker->kill_refused = brood_process_kill(worker->process) != BROOD_OK;
    if (!worker->is_killed) {
        worker->is_killed = true;
        brood_worker_set_idle(worker, false);
        worker->end_by = brood_os_now() + LOST_NS;
    }
    brood_worker_plan_look(worker);
}

void brood_worker_leaves(brood_worker *worker)
{
    if (is_leaving(worker)) {
        worker->end_by =
            brood_os_now() + (int64_t)worker->pool->options.exit_timeout_ms * BROOD_NS_PER_MS;
        brood_worker_plan_look(worker);
        brood_supervisor_wake(worker->pool);
    }
}

void brood_worker_ring(brood_worker *worker)
{
    size_t put = 0;
    brood_status status = brood_os_channel_write(worker->bell, "", 1, &put, NULL);

    /* No room: enough are under way. Closed: it has ended, which the poller tells. */
    worker->must_ring =
        status != BROOD_OK && status != BROOD_ERR_TIMEOUT && status != BROOD_ERR_CLOSED;
    if (worker->must_ring) {
        brood_worker_plan_look(worker);
    }
}

void brood_worker_end(brood_worker *worker)
{
    const brood_chunk *streaming = worker->sending.chunk;

    worker->partly_sent_id =
        streaming != NULL && streaming != worker->chunks.first ? streaming->id : 0;
    brood_worker_kill(worker);
}

void brood_worker_drop(brood_worker *worker, brood_status status)
{
    if (worker->dropped == BROOD_OK) {
        worker->dropped = status;
        brood_worker_set_idle(worker, false);
        brood_worker_kill(worker);
        brood_supervisor_wake(worker->pool);
    }
}

void brood_supervisor_wake(brood_pool *pool)
{
    pool->supervisor_due = true;
    brood_agenda_at(pool, 0);
}

void brood_supervisor_need(brood_pool *pool)
{
    bool is_as_needed = brood_supervisor_is_as_needed(pool) || pool->closed;

    if (is_as_needed && pool->serving < pool->target &&
        (pool->queue_bits != 0 || pool->idle_first == NULL)) {
        brood_supervisor_wake(pool);
    }
}

static void supervise_at_latest(brood_pool *pool, int64_t at)
{
    if (at < pool->supervise_at) {
        pool->supervise_at = at;
        brood_agenda_at(pool, at);
    }
}

uint64_t brood_worker_begun(brood_worker *worker, uint64_t claim)
{
    uint64_t id = brood_claim_id(claim);

    if (id < worker->begun || id > worker->last_id) {
        worker->denies = worker->denies || worker->dropped == BROOD_OK;
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
        brood_worker_leaves(worker);
    } else {
        supervise_at_latest(worker->pool, brood_os_now() + RETRY_NS);
    }
}

static void describe_end(const brood_worker *worker, brood_failure *failure)
{
    char text[160];

    failure->pid = brood_process_pid(worker->process);
    failure->exit.struct_size = sizeof failure->exit;
    if (worker->is_lost) {
        snprintf(text, sizeof text, "it was killed, and does not end");
    } else {
        brood_process_exit_info(worker->process, &failure->exit);
        brood_exit_text(&failure->exit, text, sizeof text);
    }
    if (worker->dropped == BROOD_ERR_PROTOCOL) {
        snprintf(text, sizeof text, "%s", brood_status_text(worker->dropped));
    }
    snprintf(failure->message, sizeof failure->message, "the worker was lost: %s", text);
}

/* The last task that it may have begun: the first one, when it says what cannot be. */
static uint64_t last_begun(brood_worker *worker)
{
    uint64_t begun = brood_worker_begun(worker, brood_load64(&worker->page->claim));

    return begun == UINT64_MAX && worker->chunks.first != NULL ? worker->chunks.first->id : begun;
}

/*
 * How many items behind those that are done may have run: the one that ran when it died, and, where
 * its answers were not read to the end, all that it has begun since.
 */
static uint64_t count_begun(brood_worker *worker, const brood_chunk *chunk, uint64_t begun)
{
    uint64_t item = worker->last_item;
    uint64_t left = chunk->count - chunk->done;

    if (chunk->id == worker->partly_sent_id || chunk->id > begun) {
        return 0;
    }
    if (chunk->id < begun) {
        return left;
    }
    if (worker->halted && worker->kill_id == chunk->id && item > worker->kill_item) {
        return 0; /* the one that it was killed for had just ended */
    }
    if (worker->is_lost) {
        item++; /* the next one, too, if it had looked for a cancel just before */
    }
    if (item <= chunk->done) {
        return !worker->has_received_rest || (item == 0 && chunk->done == 0) ? 1 : 0;
    }
    return item - chunk->done < left ? item - chunk->done : left;
}

static brood_status status_of_end(const brood_worker *worker, const brood_chunk *chunk)
{
    if (chunk->job->cancel_status != BROOD_OK) {
        return chunk->job->cancel_status;
    }
    if (worker->is_lost) {
        return BROOD_ERR_DIED; /* whatever it was killed for: it may run still */
    }
    if (worker->kill_id == chunk->id &&
        (worker->kill_item == 0 || worker->kill_item == chunk->done + 1)) {
        return worker->kill_for;
    }
    return worker->dropped == BROOD_ERR_NO_MEMORY ? BROOD_ERR_NO_MEMORY : BROOD_ERR_DIED;
}

/* Items that ran when their worker died: again, or their failure. */
static void settle_items(brood_worker *worker, brood_result *job, uint64_t first, uint64_t count,
                         uint32_t attempt, uint32_t deaths, brood_status status)
{
    brood_pool *pool = worker->pool;
    bool again = status == BROOD_ERR_DIED && attempt <= job->retries && !worker->is_lost;
    bool quarantined = again && deaths >= pool->options.quarantine;
    brood_chunk *chunk = again && !quarantined ? brood_chunk_new(job, first, count) : NULL;
    brood_failure failure;

    if (chunk != NULL) {
        chunk->attempt = attempt + 1;
        chunk->deaths = deaths;
        pool->stats.retried += count;
        brood_queue_put(pool, chunk);
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

/* What of a chunk has not ended, and was not begun, goes to others; of a job that is doomed it ends. */
static void give_back(brood_pool *pool, brood_chunk *chunk, uint64_t begun)
{
    chunk->first += chunk->done + begun;
    chunk->count -= chunk->done + begun;
    chunk->done = chunk->unreported = 0;
    if (begun > 0) {
        chunk->deaths = chunk->unclaimed_deaths = 0;
        chunk->attempt = 1;
    }
    if (chunk->count == 0) {
        brood_chunk_free(chunk);
        return;
    }
    brood_queue_put(pool, chunk);
    if (chunk->job->cancel_status != BROOD_OK) {
        brood_queue_end_cancelled(chunk); /* in the queue it would wait for what stands before it */
    }
}

/* The last of the items that were begun ran: it is to blame. Those before it only ended unheard. */
static void settle_chunk(brood_worker *worker, brood_chunk *chunk, uint64_t begun, bool is_to_blame)
{
    brood_result *job = chunk->job;
    bool is_range = job->kind == BROOD_JOB_RANGE;
    uint64_t first = chunk->first + chunk->done;
    uint64_t unreceived = is_range || !is_to_blame ? 0 : begun - 1;
    uint32_t attempt = chunk->attempt;
    uint32_t deaths = chunk->deaths + is_to_blame;
    brood_status status = status_of_end(worker, chunk);

    if (is_range) {
        begun = chunk->count - chunk->done;
    }
    brood_job_hold(job);
    give_back(worker->pool, chunk, begun);
    if (unreceived > 0) {
        settle_items(worker, job, first, unreceived, attempt, 0, status);
    }
    settle_items(worker, job, first + unreceived, begun - unreceived, attempt, deaths, status);
    brood_job_release(job);
}

/*
 * A worker that lies about what it had begun does not make its task immortal. Only losses in a row
 * count in which no item has ended: a kill may come just behind the item that it is for.
 */
static bool is_suspect(const brood_worker *worker, brood_chunk *first)
{
    first->unclaimed_deaths = first->done > 0 ? 0 : first->unclaimed_deaths + worker->is_up;
    return first->unclaimed_deaths >= UNCLAIMED_DEATHS_MAX;
}

/* From the last to the first, so that each finds its place in the queue at once. */
static void give_back_chunks(brood_worker *worker)
{
    brood_chunk *first = worker->chunks.first;
    uint64_t last = last_begun(worker);

    while (worker->chunks.last != NULL) {
        brood_chunk *chunk = worker->chunks.last;
        uint64_t begun = count_begun(worker, chunk, last);

        if (begun == 0 && chunk == first && is_suspect(worker, chunk)) {
            begun = 1;
        }
        brood_worker_remove(worker, chunk);
        if (begun > 0) {
            settle_chunk(worker, chunk, begun, chunk->id >= last);
        } else {
            give_back(worker->pool, chunk, 0);
        }
    }
}

/* Counts for the number of workers: not one that only has to end. */
static bool is_serving(const brood_worker *worker)
{
    return worker->dropped == BROOD_OK && !worker->bell_closed &&
           !(worker->state == BROOD_WORKER_STOPPING && worker->chunk_count == 0);
}

static uint32_t count_workers(const brood_pool *pool, bool (*is_such)(const brood_worker *))
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < pool->slots; i++) {
        count += pool->workers[i] != NULL && is_such(pool->workers[i]);
    }
    return count;
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

/*
 * A pool with this worker does not break: the worker has begun a task, waits for its first one, or was
 * started before starts failed. What was started since would fail as well; and where starts overlap,
 * some worker is always alive.
 */
static bool is_relied_on(const brood_worker *worker)
{
    bool has_begun = brood_claim_id(brood_load64(&worker->page->claim)) != 0;

    return is_serving(worker) && ((worker->is_up && (worker->chunk_count == 0 || has_begun)) ||
                                  worker->number <= worker->pool->started_before_failures);
}

static void note_failed_start(brood_pool *pool, const brood_failure *why)
{
    if (pool->start_failures == 0) {
        pool->started_before_failures = pool->stats.started;
    }
    pool->last_start = *why;
    pool->start_failures++;
    pool->start_at = brood_os_now() + backoff(pool);
    if (pool->start_failures >= pool->options.crash_limit &&
        count_workers(pool, is_relied_on) == 0) {
        brood_supervisor_give_up(pool);
    }
}

/* It came up, got chunks, and was lost before it had begun any; it was not told to end. */
static bool is_of_crash_streak(brood_worker *worker)
{
    return worker->is_up && !worker->has_answered && worker->last_id > 0 && !is_leaving(worker) &&
           worker->dropped == BROOD_OK && !worker->is_killed &&
           (worker->chunks.first == NULL ||
            count_begun(worker, worker->chunks.first, last_begun(worker)) == 0);
}

/* A worker that ended before it was of any use: why, as far as it could say. */
static void note_early_end(brood_worker *worker, bool crash_streak)
{
    brood_failure why = brood_job_failure(NULL, BROOD_ERR_BROKEN, "");

    if ((worker->is_up && !crash_streak) || worker->pool->terminated) {
        return;
    }
    worker->pool->crash_streak += crash_streak;
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

    pool->voids -= worker->sending.is_void;
    worker->sending.is_void = false;
    brood_worker_set_idle(worker, false);
    brood_worker_set_busy(worker, false);
    brood_agenda_forget(worker);
    brood_worker_set_alarm(worker, &worker->check_at, BROOD_NEVER);
    brood_worker_set_alarm(worker, &worker->kill_at, BROOD_NEVER);
    for (brood_worker **at = &pool->credit_first, *last = NULL; *at != NULL;) {
        if (*at == worker) {
            *at = worker->next_with_credit;
            if (pool->credit_last == worker) {
                pool->credit_last = last;
            }
            break;
        }
        last = *at;
        at = &(*at)->next_with_credit;
    }
    for (uint32_t i = 0; i < BROOD_SPINNERS_MAX; i++) {
        if (pool->spinners[i] == worker) {
            pool->spinners[i] = NULL;
        }
    }
}

/* The worker is not one of the pool's any more. What it had not begun goes to others. */
static void dismiss(brood_worker *worker, uint64_t *counter)
{
    brood_pool *pool = worker->pool;
    bool crash_streak = is_of_crash_streak(worker);

    pool->workers[worker->slot] = NULL;
    pool->alive--;
    ++*counter;
    give_back_chunks(worker);
    note_early_end(worker, crash_streak);
    leave_lists(worker);
    free_worker(worker);
    brood_supervisor_wake(pool);
    brood_agenda_notify(pool, BROOD_END(pool));
}

/*
 * The last answers, which a worker may have given before it did what it was dropped for. How far it was
 * is read before: a lost worker that still runs sets that word to 0 behind its last answer, and what
 * has ended would be run again.
 */
static void receive_rest(brood_worker *worker)
{
    brood_status status = BROOD_ERR_PROTOCOL;

    worker->last_item = brood_load64(&worker->page->item);
    if (worker->dropped != BROOD_ERR_PROTOCOL || worker->denies) {
        status = brood_worker_receive(worker);
    }
    if (worker->dropped == BROOD_OK) {
        worker->dropped = status; /* it has ended, or was given up: there is nobody to be killed */
    }
    worker->has_received_rest = status == BROOD_OK && worker->dropped != BROOD_ERR_PROTOCOL;
}

/* The process has ended. */
static void on_worker_exit(brood_worker *worker)
{
    brood_pool *pool = worker->pool;
    bool expected = false;

    receive_rest(worker);
    if (worker->has_received_rest) {
        brood_worker_take_unreported(worker);
    }
    expected = worker->dropped == BROOD_OK && is_leaving(worker) && worker->is_up;
    dismiss(worker, expected || pool->terminated ? &pool->stats.ended : &pool->stats.died);
}

/*
 * The worker was killed and does not end: it may not be signalled, waits in the kernel, or its control
 * group is frozen. Nobody waits for it any more; what it still runs is not run again.
 */
static void lose(brood_worker *worker)
{
    worker->is_lost = true;
    brood_worker_revoke(worker);
    if (worker->chunks.first != NULL) {
        /* The worker goes on to no other item, but for one: see count_begun. */
        brood_worker_interrupt(worker, 0);
    }
    receive_rest(worker);
    brood_process_be_left(worker->process);
    dismiss(worker, &worker->pool->stats.lost);
}

/* Takes down that it has rung. False: more often than it was armed, which would keep us awake. */
static bool note_rings(brood_worker *worker, size_t rings)
{
    bool is_right = rings <= worker->rings_due;

    worker->rings_due -= is_right ? rings : worker->rings_due;
    return is_right;
}

/* The worker ends, or has closed all that it had: then it is of no use any more. */
static void on_bell_closed(brood_worker *worker)
{
    unwatch_bell(worker);
    worker->bell_closed = true;
    if (!is_leaving(worker) && !worker->is_killed) {
        worker->end_by = brood_os_now() + END_SLOWLY_NS;
    }
    brood_worker_revoke(worker);
    brood_worker_set_idle(worker, false);
    brood_worker_plan_look(worker);
    brood_supervisor_wake(worker->pool);
}

static void empty_bell(brood_worker *worker)
{
    char bytes[64];
    size_t got = 0;
    brood_status status = brood_os_channel_read(worker->bell, bytes, sizeof bytes, &got, NULL);

    worker->armed = false;
    brood_agenda_arm(worker);
    if (!note_rings(worker, got)) {
        status = BROOD_ERR_PROTOCOL;
    }
    if (status == BROOD_ERR_CLOSED) {
        on_bell_closed(worker);
    } else if (status != BROOD_OK && status != BROOD_ERR_TIMEOUT) {
        brood_worker_drop(worker, status); /* nobody knows any more when it answers */
    }
}

/* It is time to look at one that lives; is_alive has ended one that came up too late. */
static void look_again(brood_worker *worker)
{
    bool is_ending = worker->is_killed || worker->bell_closed || is_leaving(worker);
    bool is_late = is_ending && brood_os_now() >= worker->end_by;

    if (worker->is_killed && is_late) {
        lose(worker);
        return;
    }
    if (worker->kill_refused || is_late) {
        brood_worker_kill(worker);
        brood_supervisor_wake(worker->pool); /* there is one less that leaves */
    }
    if (worker->must_ring) {
        brood_worker_ring(worker);
    }
    brood_worker_plan_look(worker);
}

static void look_at_process(brood_worker *worker)
{
    if (!brood_process_is_alive(worker->process)) {
        on_worker_exit(worker);
    } else if (brood_os_now() >= worker->check_at) {
        look_again(worker);
    }
}

void brood_supervisor_look(brood_pool *pool, uintptr_t owner)
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

uint32_t brood_supervisor_leaving(const brood_pool *pool)
{
    return count_workers(pool, is_leaving);
}

bool brood_supervisor_is_as_needed(const brood_pool *pool)
{
    return pool->options.lazy || pool->options.idle_timeout_ms > 0;
}

/* What waits, also behind another task in a worker, could have a worker of its own. */
static uint64_t count_needed(const brood_pool *pool)
{
    uint64_t needed = pool->queued < pool->target ? pool->queued : pool->target;

    for (const brood_worker *worker = pool->busy_first; worker != NULL;
         worker = worker->next_busy) {
        needed += worker->chunk_count;
    }
    return needed;
}

/* How many workers there should be now. */
static uint32_t wanted(const brood_pool *pool)
{
    bool is_as_needed = brood_supervisor_is_as_needed(pool) || pool->closed;
    uint64_t needed = is_as_needed ? count_needed(pool) : pool->target;

    if (pool->terminated || pool->broken || (pool->closed && pool->jobs == NULL)) {
        return 0;
    }
    needed = needed > pool->serving + pool->to_fill ? needed : pool->serving + pool->to_fill;
    return needed > pool->target ? pool->target : (uint32_t)needed;
}

/* Starts are bounded, however fast workers leave: their last ones have to end before. */
static bool may_start(const brood_pool *pool)
{
    return pool->leaving <= pool->most && pool->alive < pool->target + pool->most;
}

/* Whether a start is due; when to look again for that. */
static int64_t plan_start(brood_pool *pool, int64_t now)
{
    bool is_wanted = pool->serving < wanted(pool) && may_start(pool);

    if (pool->serving >= pool->target) {
        pool->to_fill = 0;
    }
    pool->start_due = is_wanted && now >= pool->start_at;
    if (pool->start_due) {
        /* The starter's work. Without one a leader must not sleep: it starts the worker itself, or is
         * the pool's thread, and begins the starter. */
        bool is_leaders = brood_pool_lacks_starter(pool) ||
                          (!brood_thread_is_started(&pool->starter) && pool->thread_leads);

        return is_leaders && !pool->launching ? now : BROOD_NEVER;
    }
    return is_wanted ? pool->start_at : BROOD_NEVER;
}

/* The pool may have come to its end since the start was planned: then nobody would end the worker. */
void brood_supervisor_start_one(brood_pool *pool)
{
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_status status = BROOD_OK;

    if (wanted(pool) == 0) {
        pool->start_due = false;
        return;
    }
    status = brood_supervisor_start(pool, &error);
    if (status != BROOD_OK) {
        brood_failure why = brood_job_failure(NULL, status, error.message);

        note_failed_start(pool, &why);
        brood_supervisor_wake(pool);
        brood_agenda_notify(pool, BROOD_END(pool)); /* it was all that a join waited for, perhaps */
    }
    brood_supervisor_run(pool,
                         brood_os_now()); /* the crew has changed: somebody looks at once, too */
}

/*
 * Of those that leave there are no more than the pool has workers: beyond that the oldest is killed,
 * when it had a moment to end by itself. When to look again for that.
 */
static int64_t end_oldest(brood_pool *pool, int64_t now)
{
    int64_t exit_ns = (int64_t)pool->options.exit_timeout_ms * BROOD_NS_PER_MS;
    brood_worker *oldest = NULL;

    for (uint32_t i = 0; i < pool->slots && pool->leaving > pool->most; i++) {
        brood_worker *worker = pool->workers[i];

        if (worker != NULL && is_leaving(worker) &&
            (oldest == NULL || worker->end_by < oldest->end_by)) {
            oldest = worker;
        }
    }
    if (oldest == NULL) {
        return BROOD_NEVER;
    }
    if (oldest->end_by - exit_ns + LEAVE_NS > now) {
        return oldest->end_by - exit_ns + LEAVE_NS;
    }
    brood_worker_kill(oldest);
    pool->leaving--;
    return end_oldest(pool, now);
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

    for (uint32_t i = 0; i < pool->slots && (best == NULL || best->chunk_count > 0); i++) {
        brood_worker *worker = pool->workers[i];

        if (worker != NULL && brood_worker_serves(worker) && brood_worker_can_send(worker) &&
            (best == NULL || worker->chunk_count < best->chunk_count)) {
            best = worker;
        }
    }
    return best;
}

static void stop_superfluous(brood_pool *pool)
{
    uint32_t count = count_workers(pool, brood_worker_serves);
    uint32_t most = pool->closed && pool->jobs == NULL ? 0 : pool->target;

    while (count > most) {
        brood_worker *worker = superfluous(pool);

        if (worker != NULL && worker->chunk_count > 1) {
            brood_worker_revoke(worker);
        }
        if (worker == NULL || !stop(worker)) {
            supervise_at_latest(pool, brood_os_now() + RETRY_NS); /* nobody can be told now */
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

/* The one that has had no task for longest; one that has not come up yet was not idle. */
static brood_worker *longest_idle(const brood_pool *pool)
{
    brood_worker *worker = pool->idle_last;

    while (worker != NULL && worker->state != BROOD_WORKER_READY) {
        worker = worker->previous_idle;
    }
    return worker;
}

/* The next end of an idle worker. */
static int64_t stop_idle(brood_pool *pool, int64_t now)
{
    int64_t after = (int64_t)pool->options.idle_timeout_ms * BROOD_NS_PER_MS;
    brood_worker *worker = after > 0 ? longest_idle(pool) : NULL;

    while (worker != NULL && worker->idle_since + after <= now) {
        if (!stop(worker)) {
            return now + RETRY_NS;
        }
        worker = longest_idle(pool);
    }
    return worker == NULL ? BROOD_NEVER : worker->idle_since + after;
}

int64_t brood_supervisor_run(brood_pool *pool, int64_t now)
{
    int64_t next = BROOD_NEVER;

    if (!pool->supervisor_due && now < pool->supervise_at) {
        return pool->supervise_at;
    }
    pool->supervisor_due = false;
    pool->supervise_at = BROOD_NEVER;
    next = stop_idle(pool, now);
    stop_used(pool);
    stop_superfluous(pool);
    pool->serving = count_workers(pool, is_serving);
    pool->leaving = count_workers(pool, is_leaving);
    next = brood_earlier(next, end_oldest(pool, now));
    next = brood_earlier(next, plan_start(pool, now));
    pool->supervise_at = brood_earlier(pool->supervise_at, next);
    pool->supervisor_due = false; /* by the steps above, which were counted */
    return pool->supervise_at;
}

void brood_supervisor_kill_all(brood_pool *pool)
{
    for (uint32_t i = 0; i < pool->slots; i++) {
        if (pool->workers[i] != NULL) {
            brood_worker_drop(pool->workers[i], BROOD_ERR_CANCELLED);
        }
    }
}

void brood_supervisor_give_up(brood_pool *pool)
{
    pool->broken = true;
    brood_jobs_cancel_all(pool, BROOD_ERR_BROKEN);
}
