/* What check.c looks at, of a pool's workers: whether one sleeps that should not, and their number. */
#include "five.h"

#include <string.h>

#include "check.h"
#include "pool/peer_impl.h"
#include "pool/headcount.h"
#include "pool/pool_impl.h"
#include "program.h"
#include "sim.h"
#include "pool/roster.h"

#define SEEN_MAX 16
#define HEAR_NS SIM_MS /* so soon an answer is heard by who has a core */

static void fail(const brood_worker *worker, const char *what)
{
    sim_fail("worker %u, process %lld, %s\n  %s", (unsigned)worker->slot,
             (long long)brood_process_pid(brood_peer_of_const(worker)->process), what,
             sim_program_description());
}

/* ---- one worker --------------------------------------------------------------------------------- */

/* It can do nothing more by itself now. */
static bool is_still(const sim_process *process)
{
    if (process == NULL || process->state != SIM_RUNS) {
        return false;
    }
    for (const sim_party *at = sim.parties; at != NULL; at = at->next) {
        if (at->process == process && sim_party_moves(at)) {
            return false;
        }
    }
    return true;
}

/* It is in a function of the program's, or in a sleep of the library's. */
static bool goes_on(const sim_process *process)
{
    for (const sim_party *at = sim.parties; at != NULL; at = at->next) {
        if (at->process == process && (at->in_user_code || at->is_in_sleep)) {
            return true;
        }
    }
    return false;
}

static bool is_heard(const brood_worker *worker)
{
    return worker->life.fate < BROOD_FATE_KILL && !worker->life.bell_closed;
}

static bool is_leaving(const brood_worker *worker)
{
    return worker->life.fate == BROOD_FATE_STOP && worker->backlog.count == 0 && is_heard(worker);
}

/* It sleeps: then there is nothing that it could do. */
static void check_asleep(const brood_worker *worker)
{
    const brood_ring_shared *to = brood_peer_of_const(worker)->to.shared;

    if (worker->backlog.count > 0 && brood_worker_can_send(worker)) {
        fail(worker, "has a task, and sleeps");
    }
    if (to->written != to->read && brood_worker_can_send(worker)) {
        fail(worker, "has bytes to read, and sleeps");
    }
}

/* The same, and nobody of the program's is about to do something. */
static void check_unsent(const brood_worker *worker)
{
    const brood_ring_shared *to = brood_peer_of_const(worker)->to.shared;

    if (!brood_worker_can_send(worker) &&
        to->written - to->read < brood_peer_of_const(worker)->to.capacity) {
        fail(worker, "could be sent more, and sleeps");
    }
}

/* What it runs is the first of what it was given; it was not taken back, nor was it cancelled before. */
static void check_claim(const brood_worker *worker, const sim_process *process)
{
    uint64_t claimed = brood_claim_id(brood_peer_of_const(worker)->page->claim);
    const brood_chunk *first = worker->backlog.chunks.first;
    bool runs = process != NULL && process->main != NULL && process->main->in_user_code;

    if (runs && worker->reports.is_up && (first != NULL || worker->life.fate == BROOD_FATE_SERVE) &&
        (first == NULL || first->id != claimed)) {
        fail(worker, "runs a task that it has not");
    }
    for (const brood_chunk *at = first; at != NULL; at = at->next) {
        if (at->job->cancel_status != BROOD_OK && at->id > claimed) {
            fail(worker, "may begin a task that has ended");
        }
    }
}

static struct seen {
    const brood_result *job;
    int64_t pid;
    uint64_t id, item;
} seen[SEEN_MAX];

void sim_check_crew_begin(void)
{
    memset(seen, 0, sizeof seen);
}

/* An item that somebody waits for, and that was seen to run, is told before the next one ends. */
static void check_told(const brood_worker *worker)
{
    struct seen *at = NULL;
    int64_t pid = brood_process_pid(brood_peer_of_const(worker)->process);
    const brood_chunk *chunk = worker->backlog.chunks.first;

    at = &seen[worker->slot % SEEN_MAX];
    if (chunk == NULL || chunk->job->watchers == 0 || chunk->job->kind != BROOD_JOB_MAP ||
        brood_claim_id(brood_peer_of_const(worker)->page->claim) != chunk->id) {
        at->job = NULL;
        return;
    }
    if (at->job == chunk->job && at->pid == pid && at->id == chunk->id &&
        brood_peer_of_const(worker)->page->item > at->item && chunk->done < at->item) {
        fail(worker, "keeps a value back that somebody waits for");
    }
    at->job = chunk->job;
    at->pid = pid;
    at->id = chunk->id;
    at->item = brood_peer_of_const(worker)->page->item;
}

static bool is_asleep(const brood_worker *worker, const sim_process *process)
{
    return !goes_on(process) && !worker->transit.must_ring;
}

static void check_rings(const brood_worker *worker)
{
    const sim_process *process =
        sim_process_find(brood_process_pid(brood_peer_of_const(worker)->process));

    if (!is_still(process)) {
        return;
    }
    if (brood_peer_of_const(worker)->from.shared->written !=
        brood_peer_of_const(worker)->from.own) {
        sim_check_due("a worker has answered", 0);
    }
    if (is_asleep(worker, process)) {
        check_asleep(worker);
        check_unsent(worker);
    }
    check_claim(worker, process);
    check_told(worker);
}

/* The item that it runs has a time-out, from when the one before was heard of at the latest. */
static void check_timed(const brood_worker *worker)
{
    const brood_chunk *chunk = worker->backlog.chunks.first;
    const brood_wire_page *page = brood_peer_of_const(worker)->page;

    if (chunk == NULL || chunk->job->more->timeout_ns == 0 ||
        chunk->job->cancel_status != BROOD_OK || brood_claim_id(page->claim) != chunk->id ||
        page->item <= chunk->done ||
        (worker->notice.id == chunk->id && worker->notice.item == page->item)) {
        return;
    }
    sim_check_due("an item has a time-out", sim_now() + chunk->job->more->timeout_ns);
    sim_check_due("an item's time is over",
                  (int64_t)page->started + chunk->job->more->timeout_ns + HEAR_NS + sim.lateness);
}

/* What it is waited for, but not for ever. */
static void check_alarms(const brood_worker *worker)
{
    sim_check_due("a worker is to be killed", worker->life.kill_at);
    sim_check_due("a worker is to be looked at", worker->life.check_at);
    if (worker->life.fate >= BROOD_FATE_KILL || worker->life.bell_closed || is_leaving(worker)) {
        sim_check_due("a worker is to end", worker->life.end_by);
        if (worker->life.check_at == SIM_NEVER) {
            fail(worker, "ends, and nobody looks whether it does");
        }
    }
    if (!worker->reports.is_up && worker->life.check_at == SIM_NEVER) {
        fail(worker, "comes up, and nobody looks whether it does");
    }
    if (worker->transit.must_ring || worker->life.kill_refused) {
        sim_check_due("something was refused", sim_now() + RETRY_NS);
    }
}

/* One that is idle is told to end in time, and so is one that has done all its tasks. */
static void check_end(const brood_worker *worker)
{
    const brood_pool_options *options = &worker->pool->config.options;
    bool can_be_told = brood_worker_serves(worker) && brood_worker_can_send(worker);

    if (can_be_told && worker->lists.is_idle && worker->life.fate == BROOD_FATE_SERVE &&
        options->idle_timeout_ms > 0) {
        sim_check_due("an idle worker's time is over",
                      worker->lists.idle_since + options->idle_timeout_ms * SIM_MS + RETRY_NS);
    }
    if (can_be_told && worker->backlog.items_left == 0 && worker->backlog.count == 0) {
        sim_check_due("a worker has done all its tasks", sim_now() + RETRY_NS);
    }
}

/* ---- how many ------------------------------------------------------------------------------------ */

typedef struct counts {
    uint32_t serving; /* that can be given tasks */
    uint32_t counted; /* that count for the number of workers */
    uint64_t needed;  /* what waits, also behind another task in a worker */
} counts;

static counts count(const brood_pool *pool)
{
    counts all = {0, 0,
                  pool->queue.items < pool->supervisor.target ? pool->queue.items
                                                              : pool->supervisor.target};

    for (uint32_t i = 0; i < pool->roster.slots; i++) {
        const brood_worker *worker = pool->roster.workers[i];

        if (worker != NULL) {
            all.serving += brood_worker_serves(worker);
            all.counted += worker->life.fate < BROOD_FATE_DROP && !worker->life.bell_closed &&
                           !is_leaving(worker);
            all.needed += worker->backlog.count;
        }
    }
    if (!(brood_supervisor_is_as_needed(pool) || pool->closed) ||
        all.needed > pool->supervisor.target) {
        all.needed = pool->supervisor.target;
    }
    return all;
}

static bool may_start(const brood_pool *pool)
{
    return !pool->terminated && !pool->broken && !pool->supervisor.launching &&
           brood_supervisor_leaving(pool) <= pool->supervisor.most &&
           pool->roster.alive < pool->supervisor.target + pool->supervisor.most;
}

static void check_number(const brood_pool *pool)
{
    counts all = count(pool);
    bool is_done = pool->closed && pool->jobs.unfinished == 0;

    if (all.serving > (is_done ? 0 : pool->supervisor.target)) {
        sim_check_due("there are more workers than asked for", sim_now() + RETRY_NS);
    }
    if (all.counted < all.needed && brood_queue_has_chunks(&pool->queue) && may_start(pool)) {
        sim_check_due("a worker is to be started", pool->supervisor.start_at);
    }
}

/* Not one that has let tasks wait since it last answered. */
static bool has_idle(const brood_pool *pool)
{
    for (const brood_worker *idle = pool->roster.idle_first; idle != NULL;
         idle = idle->lists.next_idle) {
        if (idle->life.fate == BROOD_FATE_SERVE && !idle->pace.stalled &&
            brood_worker_can_send(idle)) {
            return true;
        }
    }
    return false;
}

/* What lies behind a task, or with a worker that has not come up, is taken over soon. */
static void check_balance(const brood_pool *pool)
{
    for (const brood_worker *at = pool->roster.busy_first; at != NULL; at = at->lists.next_busy) {
        if (at->life.fate == BROOD_FATE_START ||
            (at->life.fate == BROOD_FATE_SERVE && at->backlog.count > 1)) {
            sim_check_due("an idle worker could take a task over", sim_now() + BALANCE_NS);
        }
    }
}

void sim_check_crew(const brood_pool *pool)
{
    for (uint32_t i = 0; i < pool->roster.slots; i++) {
        const brood_worker *worker = pool->roster.workers[i];

        if (worker != NULL) {
            check_alarms(worker);
            check_end(worker);
        }
        if (worker != NULL && is_heard(worker)) {
            check_timed(worker);
            check_rings(worker);
        }
    }
    check_number(pool);
    if (!brood_queue_has_chunks(&pool->queue) && has_idle(pool)) {
        check_balance(pool);
    }
}

void sim_check_crew_still(const brood_pool *pool)
{
    for (uint32_t i = 0; i < pool->roster.slots; i++) {
        const brood_worker *worker = pool->roster.workers[i];
        const sim_process *process =
            worker != NULL
                ? sim_process_find(brood_process_pid(brood_peer_of_const(worker)->process))
                : NULL;

        if (is_still(process) && is_heard(worker) &&
            brood_peer_of_const(worker)->from.shared->written ==
                brood_peer_of_const(worker)->from.own) {
            check_claim(worker, process);
            if (is_asleep(worker, process)) {
                check_asleep(worker);
            }
        }
    }
}

void sim_check_crew_times(const brood_pool *pool)
{
    for (uint32_t i = 0; i < pool->roster.slots; i++) {
        const brood_worker *worker = pool->roster.workers[i];
        const sim_process *process =
            worker != NULL
                ? sim_process_find(brood_process_pid(brood_peer_of_const(worker)->process))
                : NULL;

        if (worker != NULL) {
            sim_check_late("a worker was to be killed", worker->life.kill_at);
            sim_check_late("a worker was to be looked at", worker->life.check_at);
        }
        if (process != NULL && process->state == SIM_DEAD &&
            brood_peer_of_const(worker)->watches_process) {
            sim_check_late("a worker has ended", process->known_at);
        }
    }
}
