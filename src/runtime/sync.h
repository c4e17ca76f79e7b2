/*
 * Threads of the library's own and how they wait for each other: APR's, in this one place. No other
 * file of the core includes a header of APR's threads, sleeps or yields by a call of its own
 * (tests/seam.cmake).
 *
 * The objects take their memory from a pool of APR's, and go with that pool.
 */
#ifndef BROOD_SRC_RUNTIME_SYNC_H
#define BROOD_SRC_RUNTIME_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include <apr_pools.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

#if defined(_MSC_VER) && !defined(__clang__)
#include <windows.h>
#endif

#include <brood/status.h>

#include "platform.h"

/* ---- mutexes: a thread that has one does not take it again ------------------------------- */

typedef struct brood_mutex {
    apr_thread_mutex_t *apr;
} brood_mutex;

/* BROOD_ERR_NO_MEMORY, and then the mutex is as one of zeros: it was not created. */
brood_status brood_mutex_create(brood_mutex *mutex, apr_pool_t *pool);

static inline bool brood_mutex_was_created(const brood_mutex *mutex)
{
    return mutex->apr != NULL;
}

static inline void brood_mutex_lock(brood_mutex *mutex)
{
    apr_thread_mutex_lock(mutex->apr);
}

/* Never blocks. False: another thread has the mutex. */
static inline bool brood_mutex_try_lock(brood_mutex *mutex)
{
    return apr_thread_mutex_trylock(mutex->apr) == APR_SUCCESS;
}

static inline void brood_mutex_unlock(brood_mutex *mutex)
{
    apr_thread_mutex_unlock(mutex->apr);
}

/* ---- conditions: without time-outs, which would be of the wall clock --------------------- */

typedef struct brood_condition {
    apr_thread_cond_t *apr;
} brood_condition;

/* As brood_mutex_create. */
brood_status brood_condition_create(brood_condition *condition, apr_pool_t *pool);

/* Gives up the mutex for the wait, and has it again afterwards. May come back for nothing. */
static inline void brood_condition_wait(brood_condition *condition, brood_mutex *mutex)
{
    apr_thread_cond_wait(condition->apr, mutex->apr);
}

/* Wakes one thread that waits, if there is one. */
static inline void brood_condition_signal(brood_condition *condition)
{
    apr_thread_cond_signal(condition->apr);
}

/* ---- threads ----------------------------------------------------------------------------- */

typedef void brood_thread_function(void *data);

/* Stays where it is until the thread has ended. Zeros: no thread. */
typedef struct brood_thread {
    apr_thread_t *apr;
    brood_thread_function *function;
    void *data;
} brood_thread;

/*
 * Starts a thread, on which no signal handler of the program will run, and which takes no signal
 * that the program waits for. The caller joins it. BROOD_ERR_LIMIT: the system refuses.
 */
brood_status brood_thread_start(brood_thread *thread, brood_thread_function *function, void *data,
                                apr_pool_t *pool, brood_error *error);

/* As brood_thread_start; `stack`: the bytes of the stack, rounded as the system wants; 0: the usual one. */
brood_status brood_thread_start_with(brood_thread *thread, brood_thread_function *function,
                                     void *data, size_t stack, apr_pool_t *pool,
                                     brood_error *error);

/* The same for a thread that nobody joins, for which the library stays loaded from now on. */
brood_status brood_thread_start_detached(brood_thread *thread, brood_thread_function *function,
                                         void *data, apr_pool_t *pool, brood_error *error);

/* Waits for its end. No thread is fine. */
void brood_thread_join(brood_thread *thread);

/* Whether it was started to be joined, and was not joined yet. */
static inline bool brood_thread_is_started(const brood_thread *thread)
{
    return thread->apr != NULL;
}

/* ---- the calling thread ------------------------------------------------------------------ */

/* A number of it, which no other thread has at the same time. */
static inline uint64_t brood_thread_id(void)
{
    return brood_os_thread_id();
}

/*
 * What belongs to the calling thread, and to no other; NULL at first. One thing in all of the library:
 * whoever sets it also clears it.
 */
const void *brood_thread_own(void);
void brood_thread_set_own(const void *own);

/* At least that many nanoseconds, see brood_os_sleep. */
static inline void brood_sleep(int64_t duration)
{
    brood_os_sleep(duration);
}

/* Lets another thread run that waits for a core. */
static inline void brood_yield(void)
{
    apr_thread_yield();
}

/* For a thread that looks again and again: a moment of the core for whoever shares it. */
static inline void brood_pause(void)
{
#if defined(_MSC_VER) && !defined(__clang__)
    YieldProcessor();
#elif defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

#endif
