/* The thread that ends processes which run for too long; there is none before the first. */
#ifndef BROOD_SRC_PROCESS_WATCHDOG_H
#define BROOD_SRC_PROCESS_WATCHDOG_H

#include "process/process_impl.h"

/* Kills the process when the deadline passes. */
brood_status brood_watchdog_add(brood_process *process, int64_t deadline, brood_error *error);

/* After the return the thread does not touch the process any more. Not added is fine. */
void brood_watchdog_remove(brood_process *process);

/* The lock; once, from brood_init. */
brood_status brood_watchdog_init(apr_pool_t *pool);

#endif
