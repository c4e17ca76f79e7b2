/* The pool's own threads. */
#ifndef BROOD_SRC_POOL_THREADS_H
#define BROOD_SRC_POOL_THREADS_H

#include "platform.h"
#include "pool/types.h"
#include "runtime/sleeper.h"
#include "runtime/sync.h"

typedef struct brood_threads {
    brood_thread thread, starter, caller;
    brood_sleeper thread_sleeper, starter_sleeper, caller_sleeper;
    bool thread_waits, starter_waits, caller_waits; /* there, and was not woken yet */
    bool thread_leads;
    uint64_t submits_seen; /* by the thread */
    bool starter_refused;  /* by the system: whoever keeps the time starts workers */
} brood_threads;

brood_status brood_pool_threads_start(brood_pool *pool, brood_error *error);

/* With the lock, which it gives up meanwhile. The threads have ended when it returns. */
void brood_pool_threads_end(brood_pool *pool);

/* Starts the thread that calls back, if needed: before the first task that has a callback. */
brood_status brood_pool_prepare_callbacks(brood_pool *pool, brood_error *error);

#endif
