/* Threads of the library's own. */
#ifndef BROOD_SRC_THREAD_H
#define BROOD_SRC_THREAD_H

#include <apr_thread_proc.h>

#include <brood/status.h>

/*
 * Starts a detached thread, for which the library stays loaded from now on, and on which no signal handler of the program will run, and which takes
 * no signal that the program waits for.
 */
brood_status brood_thread_start(apr_thread_start_t function, apr_pool_t *pool, brood_error *error);

/* The same, with data; the caller joins it. */
brood_status brood_thread_start_joinable(apr_thread_t **thread, apr_thread_start_t function,
                                         void *data, apr_pool_t *pool, brood_error *error);

#endif
