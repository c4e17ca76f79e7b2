/* Waiting: the leader, its followers, and threads that spin. */
#ifndef BROOD_SRC_POOL_WAIT_H
#define BROOD_SRC_POOL_WAIT_H

#include "platform.h"
#include "pool/types.h"
#include "runtime/sleeper.h"
#include "runtime/spin.h"

/* The goal of a wait. is_over changes nothing, and is called with the lock. */
typedef struct brood_goal {
    const void *what; /* it is notified of: a job, an imap, BROOD_ROOM; NULL: anything */
    bool (*is_over)(brood_pool *pool, void *data);
    void *data;
} brood_goal;

static inline bool brood_goal_is_over(const brood_goal *goal, brood_pool *pool)
{
    return goal->is_over(pool, goal->data);
}

/* A follower: a thread that sleeps until it is woken. */
typedef struct brood_waiter {
    struct brood_waiter *next;
    brood_sleeper sleeper;
    brood_goal goal;
    int64_t deadline;
    bool is_notified;  /* it shall look again */
    bool is_signalled; /* it was woken for that */
    bool is_successor; /* it was woken to lead */
} brood_waiter;

/* A thread inside of spin (wait.c); the record lies on its stack. */
typedef struct brood_spinner {
    struct brood_spinner *next;
    uint64_t thread;
} brood_spinner;

typedef struct brood_wait {
    brood_os_poller *poller;
    bool leading;         /* a thread does what the poller says, */
    brood_goal lead_goal; /* and waits for that, */
    bool leader_notified; /* of which it was notified */
    bool sleeping;        /* it sleeps in the poller, and was not woken yet, */
    int64_t sleeps_until; /* at most until then */
    bool successor;       /* somebody was woken to lead, and has not come yet */
    brood_waiter *waiters;
    brood_waiter *spare_waiters;
    uint32_t threads;                /* inside of brood_pool_wait */
    uint32_t room_waiters;           /* of these, those that wait for BROOD_ROOM */
    uint32_t spinning;               /* threads inside of spin: workers need not ring */
    brood_spinner *spinning_threads; /* these */
    brood_spin_habit habit;
} brood_wait;

/*
 * Waits, with the lock, until is_over returns true or the deadline passes (BROOD_ERR_TIMEOUT, also
 * when the process is ending). `what` is what the thread is notified of: a job, an imap,
 * BROOD_ROOM, or NULL: anything. The lock is given up meanwhile.
 */
brood_status brood_pool_wait(brood_pool *pool, const void *what,
                             bool (*is_over)(brood_pool *pool, void *data), void *data,
                             int64_t deadline);

/* Does what is due now, without a wait; gives up the lock. False: another leads, or is about to. */
bool brood_pool_look(brood_pool *pool);

/* Leads until something happens, or the pool ends. No other thread leads. */
void brood_pool_lead_once(brood_pool *pool);

/* Whether a follower could be woken to lead: one that was not notified. */
bool brood_pool_has_followers(const brood_pool *pool);

#endif
