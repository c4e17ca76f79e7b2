/* Starts that fail: how long the next one waits, and when the pool is broken. */
#ifndef BROOD_SRC_POOL_FAILURES_H
#define BROOD_SRC_POOL_FAILURES_H

#include "pool/types.h"

/* It came up, got chunks, and was lost before it had begun any; it was not told to end. */
bool brood_worker_is_of_crash_streak(brood_worker *worker);

/* A worker that ended before it was of any use: why, as far as it could say. */
void brood_worker_note_early_end(brood_worker *worker, bool crash_streak);

void brood_supervisor_note_failed_start(brood_pool *pool, const brood_failure *why);

/* A worker has come up: starts do not fail any more, but for those that were lost before they began. */
void brood_supervisor_note_start(brood_pool *pool);

/* A worker has answered about a chunk. */
void brood_supervisor_end_crash_streak(brood_pool *pool);

#endif
