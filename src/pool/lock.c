#include "pool/lock.h"

#include <assert.h>

#include "pool/agenda.h"
#include "pool/pool_impl.h"

#define LOCK_TRIES 8                   /* before a thread sleeps until the lock is free */
#define PATIENCE_NS BROOD_NS_PER_MS    /* how long a thread may sleep for the lock */
#define COURTESY_NS (10 * PATIENCE_NS) /* how long others give way to it then: it needs a core */

/* Whether a thread has slept for the lock for too long. The clock is asked only if one sleeps. */
static bool is_overdue(brood_lock *lock)
{
    int64_t since = (int64_t)brood_hint64(&lock->asleep_since);

    return since != 0 && brood_os_now() - since > PATIENCE_NS;
}

/*
 * The lock is held for short times only: to sleep for it, and be woken, costs more than the wait.
 */
static bool try_lock_for_a_moment(brood_lock *lock)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        brood_yield();
        if (!is_overdue(lock) && brood_mutex_try_lock(&lock->mutex)) {
            return true;
        }
    }
    return false;
}

/*
 * A thread that sleeps may get no core beside all that are awake, for its priority: this has an end, after which
 * nobody gives way for ten times as long.
 */
static void give_way(brood_lock *lock)
{
    uint64_t since = brood_hint64(&lock->asleep_since);
    int64_t end = brood_os_now() + COURTESY_NS;
    int64_t now = 0;

    while (is_overdue(lock) && (now = brood_os_now()) < end) {
        brood_yield();
    }
    if (now >= end && since != 0) {
        brood_cas64(&lock->asleep_since, since, (uint64_t)(now + 10 * COURTESY_NS));
    }
}

/* The others that sleep still have the whole of PATIENCE_NS before them. */
static void lock_asleep(brood_lock *lock)
{
    brood_add32(&lock->sleepers, 1);
    brood_cas64(&lock->asleep_since, 0, (uint64_t)brood_os_now());
    brood_mutex_lock(&lock->mutex);
    brood_store64(&lock->asleep_since, 0);
    if (brood_add32(&lock->sleepers, (uint32_t)-1) > 0) {
        brood_cas64(&lock->asleep_since, 0, (uint64_t)brood_os_now());
    }
}

bool brood_pool_lock(brood_pool *pool)
{
    if (!is_overdue(&pool->lock) && brood_mutex_try_lock(&pool->lock.mutex)) {
        return true;
    }
    brood_add32(&pool->lock.waiters, 1);
    if (!try_lock_for_a_moment(&pool->lock)) {
        give_way(&pool->lock);
        lock_asleep(&pool->lock);
    }
    brood_add32(&pool->lock.waiters, (uint32_t)-1);
    return false;
}

bool brood_pool_lock_is_wanted(brood_pool *pool)
{
    return brood_hint32(&pool->lock.waiters) > 0;
}

void brood_pool_unlock(brood_pool *pool)
{
    brood_agenda_deliver(pool);
    brood_mutex_unlock(&pool->lock.mutex);
}

int brood_pool_enter(brood_pool *pool)
{
    int held = brood_os_cancel_hold();

    brood_pool_lock(pool);
    return held;
}

void brood_pool_leave(brood_pool *pool, int held)
{
    brood_pool_unlock(pool);
    brood_os_cancel_release(held);
}

#if !defined(NDEBUG)
bool brood_pool_counts_as_spinning(const brood_pool *pool)
{
    const brood_spinner *at = pool->wait.spinning_threads;

    while (at != NULL && at->thread != brood_thread_id()) {
        at = at->next;
    }
    return at != NULL;
}
#endif

void brood_pool_sleep(brood_pool *pool, brood_sleeper *sleeper)
{
    assert(!brood_pool_counts_as_spinning(pool));
    brood_sleeper_prepare(sleeper);
    brood_pool_unlock(pool);
    brood_sleeper_sleep(sleeper);
    /* The woken thread is not counted in `waiters`: for it spinners need not be slower. */
    if (!brood_mutex_try_lock(&pool->lock.mutex) && !try_lock_for_a_moment(&pool->lock)) {
        lock_asleep(&pool->lock);
    }
}
