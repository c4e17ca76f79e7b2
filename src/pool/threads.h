/* The pool's own threads, and the program's event loop. */
#ifndef BROOD_SRC_POOL_THREADS_H
#define BROOD_SRC_POOL_THREADS_H

#include "platform.h"
#include "pool/types.h"
#include "runtime/sync.h"

typedef struct brood_threads {
    brood_thread thread, starter, caller;
    brood_condition thread_cond, starter_cond, caller_cond;
    bool thread_waits, starter_waits, caller_waits; /* on these, and was not woken yet */
    bool thread_leads;
    bool starter_refused; /* by the system: whoever keeps the time starts workers */
} brood_threads;

typedef struct brood_loop {
    brood_handle handle;
    bool sleeps;    /* the program waits for the handle, */
    bool shows;     /* which shows what the poller would find, */
    bool is_called; /* and is ready in any case */
    int64_t until;  /* when the program runs the loop again by itself */
} brood_loop;

brood_status brood_pool_threads_start(brood_pool *pool, brood_error *error);

/* With the lock; the threads have ended when it returns. */
void brood_pool_threads_end(brood_pool *pool);

/* Before the first task that has a callback. */
brood_status brood_pool_prepare_callbacks(brood_pool *pool, brood_error *error);

/* What is due, for a program's event loop. */
void brood_pool_run_loop(brood_pool *pool);

#endif
