/* Starts that fail: how long the next one waits, and when the pool is broken. */
#ifndef BROOD_SRC_POOL_FAILURES_H
#define BROOD_SRC_POOL_FAILURES_H

#include "pool/types.h"

/*
 * Whether the worker came up, was sent chunks, and ended by itself before it had begun any of them:
 * it was neither stopped, dropped nor killed by the pool. To be asked before its chunks are
 * settled; `last`: brood_worker_read_last_begun.
 */
bool brood_worker_is_of_crash_streak(const brood_worker *worker, uint64_t last);

/*
 * A worker has ended. When it had not come up, or is of the crash streak, that counts as a failed
 * start, with the reason as far as it is known; not in a pool that was terminated.
 */
void brood_worker_note_early_end(brood_worker *worker, bool crash_streak);

void brood_supervisor_note_failed_start(brood_pool *pool, const brood_failure *why);

/*
 * A worker has come up: of the failed starts in a row only those of the crash streak still count.
 */
void brood_supervisor_note_start(brood_pool *pool);

/* A worker has answered about a chunk: the crash streak is over. */
void brood_supervisor_end_crash_streak(brood_pool *pool);

#endif
