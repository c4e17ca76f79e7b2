#include "pool/agenda.h"

#include <assert.h>

#include "pool/pool_impl.h"

/* ---- what is changed ---------------------------------------------------------------------- */

void brood_agenda_at(brood_pool *pool, int64_t when)
{
    if (when < pool->agenda.due) {
        pool->agenda.due = when;
    }
}

static bool concerns(const void *what, const void *waits_for)
{
    return what == NULL || waits_for == NULL || what == waits_for;
}

void brood_agenda_supervise(brood_pool *pool)
{
    pool->agenda.supervisor_due = true;
    brood_agenda_at(pool, 0);
}

void brood_agenda_supervise_at(brood_pool *pool, int64_t when)
{
    if (when < pool->agenda.supervise_at) {
        pool->agenda.supervise_at = when;
        brood_agenda_at(pool, when);
    }
}

bool brood_agenda_take_supervise(brood_pool *pool, int64_t now)
{
    if (!pool->agenda.supervisor_due && now < pool->agenda.supervise_at) {
        return false;
    }
    pool->agenda.supervisor_due = false;
    pool->agenda.supervise_at = BROOD_NEVER;
    return true;
}

int64_t brood_agenda_supervised(brood_pool *pool, int64_t next)
{
    pool->agenda.supervise_at = brood_earlier(pool->agenda.supervise_at, next);
    pool->agenda.supervisor_due = false; /* by the supervisor's own steps, which it has counted */
    return pool->agenda.supervise_at;
}

void brood_agenda_begin_run(brood_pool *pool)
{
    pool->agenda.due = BROOD_NEVER;
}

int64_t brood_agenda_end_waits(brood_pool *pool, int64_t now)
{
    int64_t deadline = BROOD_NEVER;

    for (brood_waiter *at = pool->wait.waiters; at != NULL; at = at->next) {
        if (at->deadline <= now) {
            at->is_notified = pool->agenda.to_signal = true;
        } else {
            deadline = brood_earlier(deadline, at->deadline);
        }
    }
    return deadline;
}

void brood_agenda_notify(brood_pool *pool, const void *what)
{
    if (pool->wait.leading && !pool->threads.thread_leads &&
        concerns(what, pool->wait.lead_goal.what)) {
        pool->wait.leader_notified = true;
    }
    for (brood_waiter *at = pool->wait.waiters; at != NULL; at = at->next) {
        if (!at->is_notified && concerns(what, at->goal.what)) {
            at->is_notified = true;
            pool->agenda.to_signal = true;
        }
    }
}

void brood_agenda_arm(brood_worker *worker)
{
    if (!worker->arming.is_listed) {
        worker->arming.is_listed = true;
        worker->arming.next = worker->pool->agenda.unarmed;
        worker->pool->agenda.unarmed = worker;
    }
}

void brood_agenda_forget(brood_worker *worker)
{
    brood_worker **at = &worker->pool->agenda.unarmed;

    if (!worker->arming.is_listed) {
        return;
    }
    while (*at != worker) {
        at = &(*at)->arming.next;
    }
    *at = worker->arming.next;
    worker->arming.is_listed = false;
}

/* ---- workers that must ring --------------------------------------------------------------- */

bool brood_agenda_sleeps(const brood_pool *pool)
{
    return (pool->wait.sleeping || (pool->loop.sleeps && !pool->wait.leading)) &&
           pool->wait.spinning == 0;
}

/*
 * Whether the worker need not be armed. A worker that has come up, has no chunk and is not being
 * sent anything answers nothing; its next chunk lists it again. A dropped worker is not received
 * from before its end, which the poller reports.
 */
static bool is_silent(const brood_worker *worker)
{
    return worker->life.fate >= BROOD_FATE_DROP ||
           (worker->reports.is_up && worker->backlog.count == 0 && brood_worker_can_send(worker));
}

bool brood_agenda_arm_all(brood_pool *pool)
{
    while (pool->agenda.unarmed != NULL) {
        brood_worker *worker = pool->agenda.unarmed;

        if (!is_silent(worker) && !worker->ops->arm(worker)) {
            return false;
        }
        pool->agenda.unarmed = worker->arming.next;
        worker->arming.is_listed = false;
    }
    return true;
}

/* ---- who is woken ------------------------------------------------------------------------- */

/* The leader counts as awake from here on: the leader finds by itself what comes later. */
static void wake_leader(brood_pool *pool)
{
    if (pool->wait.sleeping &&
        (pool->wait.leader_notified || pool->agenda.due < pool->wait.sleeps_until)) {
        pool->wait.sleeping = false;
        brood_os_poller_wake(pool->wait.poller);
    }
}

static void signal_waiters(brood_pool *pool)
{
    if (!pool->agenda.to_signal) {
        return;
    }
    pool->agenda.to_signal = false;
    for (brood_waiter *at = pool->wait.waiters; at != NULL; at = at->next) {
        if (at->is_notified && !at->is_signalled) {
            at->is_signalled = true;
            brood_sleeper_wake(&at->sleeper);
        }
    }
}

/*
 * When nobody leads, a waiter that was not notified is woken to lead (a notified one is about to
 * end its wait); without such a waiter, the pool's thread is.
 */
static void appoint_successor(brood_pool *pool)
{
    if (pool->wait.leading || pool->wait.successor) {
        return;
    }
    for (brood_waiter *at = pool->wait.waiters; at != NULL; at = at->next) {
        if (!at->is_notified) {
            at->is_successor = pool->wait.successor = true;
            brood_sleeper_wake(&at->sleeper);
            return;
        }
    }
    if (pool->threads.thread_waits) {
        pool->threads.thread_waits = false;
        pool->wait.successor = true;
        brood_sleeper_wake(&pool->threads.thread_sleeper);
    }
}

/*
 * The handle shows what the poller would find only while no thread leads: a leader takes those
 * events itself, and the loop is then called for callbacks only.
 */
static void notify_loop(brood_pool *pool)
{
    bool shows = !pool->wait.leading && !pool->wait.successor;
    bool calls =
        brood_callbacks_wait(&pool->callbacks) || (shows && pool->agenda.due < pool->loop.until);

    if (!pool->loop.sleeps) {
        return;
    }
    if (shows != pool->loop.shows) {
        pool->loop.shows = shows;
        brood_os_poller_show(pool->wait.poller, shows);
    }
    if (calls && !pool->loop.is_called) {
        pool->loop.is_called = true;
        brood_os_poller_call(pool->wait.poller);
    }
}

/*
 * Wakes the starter and the thread that calls back, which do what takes long, and both also when
 * the pool ends. (The pool's leading thread does not wait on its condition then: nobody else
 * leads.)
 */
static void wake_threads(brood_pool *pool)
{
    bool wants_starter = pool->supervisor.start_due && !pool->supervisor.launching &&
                         !brood_thread_is_started(&pool->threads.starter);

    if (pool->threads.caller_waits && (pool->callbacks.first != NULL || pool->ends)) {
        pool->threads.caller_waits = false;
        brood_sleeper_wake(&pool->threads.caller_sleeper);
    }
    if (pool->threads.thread_waits && wants_starter) {
        /* It begins the starter, or does without. */
        brood_sleeper_wake(&pool->threads.thread_sleeper);
    }
    if (pool->threads.starter_waits && (pool->supervisor.start_due || pool->ends)) {
        pool->threads.starter_waits = false;
        brood_sleeper_wake(&pool->threads.starter_sleeper);
    }
}

/* ---- the invariants ----------------------------------------------------------------------- */

#if defined(NDEBUG)
static void check(const brood_pool *pool)
{
    (void)pool;
}
#else
/* A thread whose wait is over does not sleep, unless it was notified or woken to lead. */
static void check_waits(brood_pool *pool)
{
    assert(!pool->wait.sleeping || pool->threads.thread_leads ||
           !brood_goal_is_over(&pool->wait.lead_goal, pool));
    for (const brood_waiter *at = pool->wait.waiters; at != NULL; at = at->next) {
        assert(at->is_notified || at->is_successor || !brood_goal_is_over(&at->goal, pool));
    }
}

/* Whether a chunk of the queue could be sent to an idle worker. */
static bool has_room_for_more(const brood_pool *pool)
{
    const brood_worker *idle = pool->roster.idle_first;

    while (idle != NULL && !brood_worker_can_send(idle)) {
        idle = idle->lists.next_idle;
    }
    return idle != NULL;
}

/* What must be true whenever the lock is free. */
static void check(brood_pool *pool)
{
    check_waits(pool);
    /* Nobody sleeps longer than the next thing due. */
    assert(!pool->wait.sleeping || pool->agenda.due >= pool->wait.sleeps_until);
    /* A sleeping leader is rung by every worker that has a task, unless a thread spins. */
    assert(!pool->wait.sleeping || pool->wait.spinning > 0 || pool->agenda.unarmed == NULL);
    /* While a chunk waits and an idle worker can be sent to, the agenda has a time to dispatch. */
    assert(!pool->wait.sleeping || !brood_queue_has_chunks(&pool->queue) ||
           pool->agenda.due != BROOD_NEVER || !has_room_for_more(pool));
    /* The pool's thread waits only while another thread leads, or was woken to lead. */
    assert(pool->wait.leading || pool->wait.successor || !pool->threads.thread_waits);
}
#endif

void brood_agenda_deliver(brood_pool *pool)
{
    if (pool->agenda.unarmed != NULL && brood_agenda_sleeps(pool) && !brood_agenda_arm_all(pool)) {
        brood_agenda_at(pool, 0);
    }
    wake_leader(pool);
    signal_waiters(pool);
    appoint_successor(pool);
    wake_threads(pool);
    if (pool->config.options.event_loop) {
        notify_loop(pool);
    }
    check(pool);
}
