/*
 * The agenda: what of a pool is due, and the one place that wakes whoever sleeps.
 *
 * The rule. A change under the lock wakes nobody. It lowers `due` (brood_agenda_at), marks waiters
 * (brood_agenda_notify), or lists a worker that must ring from now on (brood_agenda_arm). Giving up
 * the lock (brood_pool_unlock, brood_pool_sleep) compares that with what those who sleep know, and
 * wakes whom it concerns (brood_agenda_deliver). So no change can be forgotten by whoever made it,
 * and none is seen by a sleeper before it is whole. One change is under no pool's lock: shared
 * memory, which any number of pools may know, is destroyed. shared.c wakes the pollers of those
 * pools.
 *
 * Who sleeps, and what such a one knows:
 *
 *   leader     in the poller, one at a time; `sleeping`     sleeps_until, and what it waits for
 *   follower   in a place of its own, in `waiters`           what it waits for
 *   thread     the pool's own, in its place                  that somebody else leads
 *   callbacks  the thread that calls back, in its place      that no callback is due
 *   starter    the thread that starts workers, if any yet    that no start is due
 *   loop       the program's event loop, on the handle       loop_until
 *   workers    on their bells                                that nobody sleeps, unless armed
 *
 * As long as there is no starter, a start that is due wakes the thread, which begins it.
 *
 * Outside of the lock one of these is true: somebody leads; a successor was woken and is on its
 * way; the pool's thread runs, and will look; or the pool has an event loop, whose handle then
 * shows what the poller would find.
 */
#ifndef BROOD_SRC_POOL_AGENDA_H
#define BROOD_SRC_POOL_AGENDA_H

#include "pool/types.h"

/* A worker's place in the list of those that must ring. */
typedef struct brood_arming {
    brood_worker *next;
    bool is_listed;
} brood_arming;

typedef struct brood_agenda {
    int64_t due;           /* the earliest time at which something must be done */
    bool supervisor_due;   /* the supervisor looks now, */
    int64_t supervise_at;  /* or then */
    bool to_signal;        /* a waiter was notified */
    brood_worker *unarmed; /* workers that must ring from now on */
} brood_agenda;

/* The pool has something to do at that time (0: now), whoever keeps the time. */
void brood_agenda_at(brood_pool *pool, int64_t when);

/* The number of workers, or of those needed, has changed: the supervisor runs now, or at `when`. */
void brood_agenda_supervise(brood_pool *pool);
void brood_agenda_supervise_at(brood_pool *pool, int64_t when);

/*
 * Whether the supervisor must run now (the request is cleared by that); and that it has run, `next`
 * being when it must run again. Returns the time of that, which a request meanwhile may have
 * lowered.
 */
bool brood_agenda_take_supervise(brood_pool *pool, int64_t now);
int64_t brood_agenda_supervised(brood_pool *pool, int64_t next);

/* All that is due is about to be done; what becomes due meanwhile lowers the time again. */
void brood_agenda_begin_run(brood_pool *pool);

/*
 * Notifies the waiters whose deadline has passed. Returns the earliest deadline of the others, at
 * which the leader must wake up for them.
 */
int64_t brood_agenda_end_waits(brood_pool *pool, int64_t now);

/*
 * The waiters for `what` check again whether their wait is over. NULL means every waiter; a waiter
 * whose own `what` is NULL is notified of everything.
 */
void brood_agenda_notify(brood_pool *pool, const void *what);

/*
 * Lists the worker to be armed: as soon as a thread of the pool, or its loop, sleeps, the worker
 * must ring when it answers or reads. Listing a worker twice does nothing.
 */
void brood_agenda_arm(brood_worker *worker);

/* Takes a worker that is about to be destroyed out of the list of those to be armed. */
void brood_agenda_forget(brood_worker *worker);

/*
 * Arms the listed workers for the thread, or the event loop, that is about to sleep. False: one of them has answered already,
 * or has room for more of what is being sent to it; that worker stays listed.
 */
bool brood_agenda_arm_all(brood_pool *pool);

/* Whether somebody sleeps whom the workers must wake. */
bool brood_agenda_sleeps(const brood_pool *pool);

/*
 * Wakes whom the changes since the last time concern. With the lock, right before it is given up.
 */
void brood_agenda_deliver(brood_pool *pool);

#endif
