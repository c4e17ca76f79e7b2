/*
 * What must hold whenever nobody can run, and the clock is about to jump: whatever goes on later must
 * go on because of an item that runs, or of a time that is meant to be waited for (docs/design.md has
 * the list), and not a moment after that time. Nothing here says what a pool does; it only looks.
 */
#include "five.h"

#include "check.h"
#include "pool/peer_impl.h"
#include "pool/pool_impl.h"
#include "program.h"
#include "runtime/here.h"
#include "ipc/shared.h"
#include "sim.h"
#include "pool/roster.h"
#include "pool/supervisor.h"
#include "pool/threads.h"

#define LATE_NS (4 * SIM_MS) /* so soon what is due is done, whoever spins or talks meanwhile */

static const brood_pool *pool;
static bool was_held_up;   /* when that was looked at last */
static int64_t held_up_at; /* the last time that nobody could keep the time */

static int64_t next_key;   /* of the task with the earliest deadline ... */
static int64_t next_since; /* ... since */

void sim_check_pool(const void *now)
{
    next_key = INT64_MIN;
    pool = now;
    was_held_up = false;
    held_up_at = 0;
    sim_check_crew_begin();
}

/* ---- when somebody looks ---------------------------------------------------------------------- */

/* When somebody of the program's looks after the pool by itself. */
static int64_t next_look(void)
{
    if (pool->wait.sleeping) {
        return pool->wait.sleeps_until;
    }
    if (!pool->wait.leading && pool->loop.sleeps && pool->loop.until < SIM_NEVER - SIM_MS) {
        return pool->loop.until + SIM_MS; /* a program's loop counts whole milliseconds */
    }
    return SIM_NEVER;
}

/* A thread is in a sleep of the library's, which is on the list, and looks then. */
static bool is_in_sleep(void)
{
    for (const sim_party *at = sim.parties; at != NULL; at = at->next) {
        if (at->process->parent == 0 && at->is_in_sleep) {
            return true;
        }
    }
    return false;
}

/* It is the program's loop's turn, which does not come: the program has none. */
static bool is_left_to_loop(bool also_while_led)
{
    return pool->config.options.event_loop && (also_while_led || !pool->wait.leading) &&
           (!pool->loop.sleeps || sim_poller_calls_loop(pool->wait.poller) ||
            pool->loop.until < sim_now() - SIM_MS);
}

/* Whether the thread that keeps the time is in a call that takes long, which the header tells of. */
static bool is_held_up(void)
{
    bool is_now = (pool->supervisor.launching && brood_supervisor_lacks_starter(pool)) ||
                  (pool->wait.spinning == 0 && is_left_to_loop(false));

    if (is_now || was_held_up) {
        held_up_at = sim_now();
    }
    was_held_up = is_now;
    return is_now;
}

static void fail(const char *what, int64_t when)
{
    int64_t next = next_look();

    sim_fail("%s, which is due in %.6f ms, and nobody looks before %.6f ms have passed\n  %s", what,
             (double)(when - sim_now()) / 1e6,
             next == SIM_NEVER ? -1.0 : (double)(next - sim_now()) / 1e6,
             sim_program_description());
}

/* The time that the program's loop was told is over, and it looks within its millisecond. */
static bool is_loop_about_to_look(void)
{
    return !pool->wait.sleeping && !pool->wait.leading && pool->loop.sleeps &&
           pool->loop.until <= sim_now();
}

void sim_check_due(const char *what, int64_t when)
{
    int64_t rounding = pool->wait.sleeping ? 0 : SIM_MS;

    if (is_loop_about_to_look()) {
        return;
    }
    if (when < SIM_NEVER - rounding && when + rounding < next_look()) {
        fail(what, when);
    }
}

void sim_check_late(const char *what, int64_t when)
{
    int64_t from = when > held_up_at ? when : held_up_at;

    from = from > sim.late_until ? from : sim.late_until;
    if (sim_now() - from > LATE_NS) {
        sim_fail("%s %.3f ms ago, and nothing was done\n  %s", what,
                 (double)(sim_now() - when) / 1e6, sim_program_description());
    }
}

/* A thread joins the pool, and calls back meanwhile. */
static bool is_joined(void)
{
    const void *end = BROOD_END(pool);

    for (const brood_waiter *at = pool->wait.waiters; at != NULL; at = at->next) {
        if (at->goal.what == end) {
            return true;
        }
    }
    return pool->wait.sleeping && pool->wait.lead_goal.what == end;
}

/* ---- what is due ------------------------------------------------------------------------------- */

static void check_times(void)
{
    sim_check_due("the agenda has something", pool->agenda.due);
    sim_check_due(
        "the crew is to be looked after",
        pool->agenda.supervisor_due && pool->roster.alive > 0 ? 0 : pool->agenda.supervise_at);
    sim_check_due("what could not be sent is to be tried again", pool->dispatch.retry_at);
    sim_check_due("a worker may be stuck", pool->roster.stuck_at);
    sim_check_due("items that are done are to be looked for", pool->upkeep.unreported_at);
    if (pool->jobs.deadlines != NULL) {
        sim_check_due("a task has a deadline", pool->jobs.deadlines->more->deadline);
    }
    for (const brood_waiter *at = pool->wait.waiters; at != NULL; at = at->next) {
        sim_check_due("a follower has a time-out", at->deadline);
    }
    if (brood_callbacks_wait(&pool->callbacks) && (!is_left_to_loop(true) || is_joined())) {
        sim_check_due("there is a callback", 0);
    }
}

/* The worker's chunks, or none. */
static const brood_chunk *chunks_of(uint32_t i)
{
    return pool->roster.workers[i] != NULL ? pool->roster.workers[i]->backlog.chunks.first : NULL;
}

/* Whether no chunk that is with a worker comes before this one and is of the same job. */
static bool is_first_given(const brood_chunk *chunk)
{
    for (uint32_t i = 0; i < pool->roster.slots; i++) {
        for (const brood_chunk *at = chunks_of(i); at != NULL; at = at->next) {
            if (at->job == chunk->job) {
                return at == chunk;
            }
        }
    }
    return false;
}

/* The jobs that have chunks which wait, or are with workers. */
static uint64_t count_jobs(void)
{
    uint64_t count = 0;

    for (size_t i = 0; i < sizeof pool->queue.lanes / sizeof pool->queue.lanes[0]; i++) {
        for (const brood_chunk *at = pool->queue.lanes[i].first; at != NULL; at = at->next) {
            count += at->job->queued == at;
        }
    }
    for (uint32_t i = 0; i < pool->roster.slots; i++) {
        for (const brood_chunk *at = chunks_of(i); at != NULL; at = at->next) {
            count += at->job->queued == NULL && is_first_given(at);
        }
    }
    return count;
}

/* Each task that is not finished waits, or is with a worker. */
static void check_jobs(void)
{
    if (count_jobs() != pool->jobs.unfinished) {
        sim_fail("a task is nowhere\n  %s", sim_program_description());
    }
    if (brood_queue_has_chunks(&pool->queue) && brood_pool_next_idle(pool) != NULL) {
        sim_check_due("a chunk waits, and a worker has room", pool->dispatch.retry_at != SIM_NEVER
                                                                  ? pool->dispatch.retry_at
                                                                  : sim_now() + BALANCE_NS);
    }
}

static bool is_shared(const sim_process *program, uint64_t id)
{
    const brood_shared *at = program->here->shared.first;

    while (at != NULL && at->id != id) {
        at = at->next;
    }
    return at != NULL;
}

/* A worker that still gets something long is told behind it. */
static void check_forgets(const sim_process *program, const brood_worker *worker)
{
    if (!brood_worker_serves(worker) || !brood_worker_can_send(worker)) {
        return;
    }
    for (size_t i = 0; i < brood_peer_of_const(worker)->shared_count; i++) {
        if (!is_shared(program, brood_peer_of_const(worker)->shared[i])) {
            sim_check_due("a worker is to give back shared memory", 0);
        }
    }
}

static void check_shared(const sim_process *program)
{
    bool is_known = pool->engine.watch.poller != NULL && program->here->shared.lock.owner == NULL;

    for (uint32_t i = 0; i < pool->roster.slots && is_known; i++) {
        if (pool->roster.workers[i] != NULL) {
            check_forgets(program, pool->roster.workers[i]);
        }
    }
}

/* What a thread waits for does not wake the program's loop, too. */
static void check_loop(void)
{
    if (pool->config.options.event_loop && pool->wait.leading && pool->loop.sleeps &&
        sim_poller_shows(pool->wait.poller)) {
        sim_fail("the handle shows what a thread waits for\n  %s", sim_program_description());
    }
}

static const sim_process *program(void)
{
    const sim_process *at = sim.processes;

    while (at->parent != 0) {
        at = at->next;
    }
    return at;
}

void sim_check(void)
{
    sim_program_check();
    if (pool == NULL || pool->lock.mutex.owner != NULL || is_held_up() || is_in_sleep()) {
        return;
    }
    check_times();
    check_jobs();
    check_shared(program());
    check_loop();
    sim_check_crew(pool);
}

void sim_check_still(void)
{
    if (pool != NULL && pool->lock.mutex.owner == NULL) {
        sim_check_crew_still(pool);
    }
}

/* A task that has waited for room may come to the pool when its deadline has passed. */
static void check_deadline(void)
{
    const brood_result *job = pool->jobs.deadlines;

    if (job == NULL) {
        return;
    }
    if (job->key != next_key) {
        next_key = job->key;
        next_since = sim_now();
    }
    sim_check_late("a task's deadline has passed",
                   next_since > job->more->deadline ? next_since : job->more->deadline);
}

void sim_check_times(void)
{
    if (pool == NULL || pool->lock.mutex.owner != NULL) {
        return;
    }
    if (is_held_up()) {
        return;
    }
    check_deadline();
    for (const brood_waiter *at = pool->wait.waiters; at != NULL; at = at->next) {
        sim_check_late("a follower's time was over", at->deadline);
    }
    sim_check_crew_times(pool);
}
