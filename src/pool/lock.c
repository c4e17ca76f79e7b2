#include "pool/lock.h"

#include <assert.h>

#include "pool/agenda.h"
#include "pool/pool_impl.h"

#define LOCK_TRIES 8 /* before a thread sleeps until the lock is free */

/*
 * The lock is held for short times only: to sleep for it, and be woken, costs more than the wait.
 */
static bool try_lock_for_a_moment(brood_pool *pool)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        brood_yield();
        if (brood_mutex_try_lock(&pool->lock.mutex)) {
            return true;
        }
    }
    return false;
}

bool brood_pool_lock(brood_pool *pool)
{
    if (brood_mutex_try_lock(&pool->lock.mutex)) {
        return true;
    }
    brood_add32(&pool->lock.waiters, 1);
    if (!try_lock_for_a_moment(pool)) {
        brood_mutex_lock(&pool->lock.mutex);
    }
    brood_add32(&pool->lock.waiters, (uint32_t)-1);
    return false;
}

bool brood_pool_lock_is_wanted(brood_pool *pool)
{
    return brood_load32(&pool->lock.waiters) > 0;
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

void brood_pool_sleep(brood_pool *pool, brood_condition *cond)
{
    assert(!brood_pool_counts_as_spinning(pool));
    brood_agenda_deliver(pool);
    brood_condition_wait(cond, &pool->lock.mutex);
}
