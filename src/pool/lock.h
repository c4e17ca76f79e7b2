/* The pool's lock. */
#ifndef BROOD_SRC_POOL_LOCK_H
#define BROOD_SRC_POOL_LOCK_H

#include "base/atomic.h"
#include "pool/types.h"
#include "runtime/sync.h"

typedef struct brood_lock {
    brood_mutex mutex;
    brood_atomic32 waiters; /* threads that wait for it */
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

/* Gives up the lock for a wait on the condition. Spurious wake-ups are possible. */
void brood_pool_sleep(brood_pool *pool, brood_condition *cond);

/*
 * Whether the calling thread is inside of spin (wait.c): workers then do not ring, so it must not
 * sleep. For assertions: defined only without NDEBUG.
 */
bool brood_pool_counts_as_spinning(const brood_pool *pool);

#endif
