#include "pool/agenda.h"

#include <assert.h>

#include "pool/pool_impl.h"

/* ---- what is changed ---------------------------------------------------------------------- */

void brood_agenda_at(brood_pool *pool, int64_t when)
{
    if (when < pool->due) {
        pool->due = when;
    }
}

static bool concerns(const void *what, const void *waits_for)
{
    return what == NULL || waits_for == NULL || what == waits_for;
}

void brood_agenda_supervise(brood_pool *pool)
{
    pool->supervisor_due = true;
    brood_agenda_at(pool, 0);
}

void brood_agenda_supervise_at(brood_pool *pool, int64_t when)
{
    if (when < pool->supervise_at) {
        pool->supervise_at = when;
        brood_agenda_at(pool, when);
    }
}

void brood_agenda_notify(brood_pool *pool, const void *what)
{
    if (pool->leading && !pool->thread_leads && concerns(what, pool->lead_goal.what)) {
        pool->leader_notified = true;
    }
    for (brood_waiter *at = pool->waiters; at != NULL; at = at->next) {
        if (!at->is_notified && concerns(what, at->goal.what)) {
            at->is_notified = true;
            pool->to_signal = true;
        }
    }
}

void brood_agenda_arm(brood_worker *worker)
{
    if (!worker->is_unarmed) {
        worker->is_unarmed = true;
        worker->next_unarmed = worker->pool->unarmed;
        worker->pool->unarmed = worker;
    }
}

void brood_agenda_forget(brood_worker *worker)
{
    brood_worker **at = &worker->pool->unarmed;

    if (!worker->is_unarmed) {
        return;
    }
    while (*at != worker) {
        at = &(*at)->next_unarmed;
    }
    *at = worker->next_unarmed;
    worker->is_unarmed = false;
}

/* ---- workers that must ring --------------------------------------------------------------- */

bool brood_agenda_sleeps(const brood_pool *pool)
{
    return (pool->sleeping || (pool->loop_sleeps && !pool->leading)) && pool->spinning == 0;
}

/* A worker that has come up, and has no task, says nothing; its next task lists it again. */
static bool is_silent(const brood_worker *worker)
{
    return worker->is_up && worker->chunk_count == 0 && brood_worker_can_send(worker);
}

bool brood_agenda_arm_all(brood_pool *pool)
{
    while (pool->unarmed != NULL) {
        brood_worker *worker = pool->unarmed;

        if (!is_silent(worker) && !worker->ops->arm(worker)) {
            return false;
        }
        pool->unarmed = worker->next_unarmed;
        worker->is_unarmed = false;
    }
    return true;
}

/* ---- who is woken ------------------------------------------------------------------------- */

/* The leader counts as awake from here on: the leader finds by itself what comes later. */
static void wake_leader(brood_pool *pool)
{
    if (pool->sleeping && (pool->leader_notified || pool->due < pool->sleeps_until)) {
        pool->sleeping = false;
        brood_os_poller_wake(pool->poller);
    }
}

static void signal_waiters(brood_pool *pool)
{
    if (!pool->to_signal) {
        return;
    }
    pool->to_signal = false;
    for (brood_waiter *at = pool->waiters; at != NULL; at = at->next) {
        if (at->is_notified && !at->is_signalled) {
            at->is_signalled = true;
            brood_condition_signal(&at->cond);
        }
    }
}

/* When nobody leads, one that waits for something else may; or else the pool's thread. */
static void appoint_successor(brood_pool *pool)
{
    if (pool->leading || pool->successor) {
        return;
    }
    for (brood_waiter *at = pool->waiters; at != NULL; at = at->next) {
        if (!at->is_notified) {
            at->is_successor = pool->successor = true;
            brood_condition_signal(&at->cond);
            return;
        }
    }
    if (pool->thread_waits) {
        pool->thread_waits = false;
        pool->successor = true;
        brood_condition_signal(&pool->thread_cond);
    }
}

/* A thread that waits in the poller takes what comes; the loop is only called for callbacks then. */
static void notify_loop(brood_pool *pool)
{
    bool shows = !pool->leading && !pool->successor;
    bool calls = pool->due_first != NULL || (shows && pool->due < pool->loop_until);

    if (!pool->loop_sleeps) {
        return;
    }
    if (shows != pool->loop_shows) {
        pool->loop_shows = shows;
        brood_os_poller_show(pool->poller, shows);
    }
    if (calls && !pool->loop_called) {
        pool->loop_called = true;
        brood_os_poller_call(pool->poller);
    }
}

/*
 * The threads of the pool: those that do what takes long, also when it ends. (The one that leads does
 * not wait then: there is nobody else to lead.)
 */
static void wake_threads(brood_pool *pool)
{
    bool wants_starter = pool->start_due && !brood_thread_is_started(&pool->starter);

    if (pool->caller_waits && (pool->due_first != NULL || pool->ends)) {
        pool->caller_waits = false;
        brood_condition_signal(&pool->caller_cond);
    }
    if (pool->thread_waits && wants_starter) {
        brood_condition_signal(&pool->thread_cond); /* it begins the starter, or does without */
    }
    if (pool->starter_waits && (pool->start_due || pool->ends)) {
        pool->starter_waits = false;
        brood_condition_signal(&pool->starter_cond);
    }
}

/* ---- the invariants ----------------------------------------------------------------------- */

#if defined(NDEBUG)
static void check(const brood_pool *pool)
{
    (void)pool;
}
#else
/* Whoever sleeps until something has happened that has, was told. */
static void check_waits(brood_pool *pool)
{
    assert(!pool->sleeping || pool->thread_leads || !brood_goal_is_over(&pool->lead_goal, pool));
    for (const brood_waiter *at = pool->waiters; at != NULL; at = at->next) {
        assert(at->is_notified || at->is_successor || !brood_goal_is_over(&at->goal, pool));
    }
}

/* Whether there is a worker that what waits could go to. */
static bool has_room_for_more(const brood_pool *pool)
{
    const brood_worker *idle = pool->idle_first;

    while (idle != NULL && !brood_worker_can_send(idle)) {
        idle = idle->next_idle;
    }
    return idle != NULL;
}

/* What must be true whenever the lock is free. */
static void check(brood_pool *pool)
{
    check_waits(pool);
    /* Nobody sleeps longer than the next thing due. */
    assert(!pool->sleeping || pool->due >= pool->sleeps_until);
    /* Who sleeps is rung by every worker that has a task, unless somebody spins. */
    assert(!pool->sleeping || pool->spinning > 0 || pool->unarmed == NULL);
    /* A chunk that waits, and a worker that has room: somebody will look. */
    assert(!pool->sleeping || pool->queue_bits == 0 || pool->due != BROOD_NEVER ||
           !has_room_for_more(pool));
    /* Somebody keeps the time. */
    assert(pool->leading || pool->successor || !pool->thread_waits);
}
#endif

void brood_agenda_deliver(brood_pool *pool)
{
    if (pool->unarmed != NULL && brood_agenda_sleeps(pool) && !brood_agenda_arm_all(pool)) {
        brood_agenda_at(pool, 0);
    }
    wake_leader(pool);
    signal_waiters(pool);
    appoint_successor(pool);
    wake_threads(pool);
    if (pool->options.event_loop) {
        notify_loop(pool);
    }
    check(pool);
}
