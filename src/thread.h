/* Threads of the library's own. */
#ifndef BROOD_SRC_THREAD_H
#define BROOD_SRC_THREAD_H

#include <apr_thread_proc.h>

#include <brood/status.h>

/*
 * Starts a detached thread. On it no signal handler of the program runs, and it takes no signal that
 * the program waits for. The library stays loaded from now on. BROOD_ERR_LIMIT: the system refuses.
 */
brood_status brood_thread_start(apr_thread_start_t function, apr_pool_t *pool, brood_error *error);

/* The same with data, but the caller joins the thread, and the library may be unloaded after that. */
brood_status brood_thread_start_joinable(apr_thread_t **thread, apr_thread_start_t function,
                                         void *data, apr_pool_t *pool, brood_error *error);

#endif
