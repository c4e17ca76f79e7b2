/* Processes, for the rest of the library. (Always with its folder: process.h is a header of Windows.) */
#ifndef BROOD_SRC_PROCESS_PROCESS_H
#define BROOD_SRC_PROCESS_PROCESS_H

#include <brood/process.h>

#include "platform.h"
#include "process/nesting.h"
#include "process/origin.h"

/* brood_process_start, for a worker, which has a place of its own, and an origin (or NULL). */
brood_status brood_process_start_nested(brood_process **process, brood_function *function,
                                        const void *arg, size_t size,
                                        const brood_process_options *options,
                                        const brood_nesting *nesting, const brood_origin *origin);

/* The system's process, which is the object's. */
brood_os_process *brood_process_os(const brood_process *process);

/* By when it has come to its function, or is killed. */
int64_t brood_process_handshake_deadline(const brood_process *process);

/* Reaps those that were destroyed while they ran, and have ended since. May wait: with no lock. */
void brood_process_sweep(void);

/* As brood_process_destroy, without that. */
void brood_process_free(brood_process *process);

/* Destroying it neither ends it nor waits for its end, also when it is a daemon. */
void brood_process_be_left(brood_process *process);

#endif
