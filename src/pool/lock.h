/*
 * The pool's lock. A mutex of the system's is not fair: a thread that has slept for the mutex, and is
 * woken, finds that a thread which was awake has taken the mutex again. So threads that are awake give way
 * to a thread that has slept for the lock for long.
 */
#ifndef BROOD_SRC_POOL_LOCK_H
#define BROOD_SRC_POOL_LOCK_H

#include "base/atomic.h"
#include "pool/types.h"
#include "runtime/sleeper.h"
#include "runtime/sync.h"

typedef struct brood_lock {
    brood_mutex mutex;
    brood_atomic32 waiters;      /* threads that wait for it, */
    brood_atomic32 sleepers;     /* and of these, those that sleep, */
    brood_atomic64 asleep_since; /* the first of them since then; 0: nobody */
} brood_lock;

/* False: the lock was not free, and the thread has waited for it. */
bool brood_pool_lock(brood_pool *pool);
void brood_pool_unlock(brood_pool *pool);

/* Whether other threads wait for the lock. */
bool brood_pool_lock_is_wanted(brood_pool *pool);

/*
 * Locks and unlocks for a public call: from enter to leave the program's thread cannot be
 * cancelled, which would leave the lock locked, or the pool without its leader.
 */
int brood_pool_enter(brood_pool *pool);
void brood_pool_leave(brood_pool *pool, int held);

/* Gives up the lock until another thread wakes the sleeper, which it does with the lock. */
void brood_pool_sleep(brood_pool *pool, brood_sleeper *sleeper);

/*
 * Whether the calling thread is inside of spin (wait.c): workers then do not ring, so it must not
 * sleep. For assertions: defined only without NDEBUG.
 */
bool brood_pool_counts_as_spinning(const brood_pool *pool);

#endif
