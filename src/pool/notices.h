/* A worker is interrupted for its first chunk: a cancel, or a flush. */
#ifndef BROOD_SRC_POOL_NOTICES_H
#define BROOD_SRC_POOL_NOTICES_H

#include "pool/types.h"

/* Another chunk is the worker's first: repeats a cancel or a flush of its job for the worker. */
void brood_worker_first_changed(brood_worker *worker);

/*
 * Cancels an item of the first chunk, counted from 1 (0: all of them). If that is not over after
 * the grace, the worker is killed (check_kill in timers.c).
 */
void brood_worker_announce(brood_worker *worker, uint64_t item, brood_status why);

/* Cancels the first chunk, whose job is cancelled. Repeating it does not prolong the grace. */
void brood_worker_cancel(brood_worker *worker);

/* A thread waits for single items: the worker is to report each item soon. */
void brood_worker_flush(brood_worker *worker);

#endif
