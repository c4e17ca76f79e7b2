/* Chunks are revoked from busy workers: for idle ones, and for jobs that are more urgent. */
#ifndef BROOD_SRC_POOL_BALANCE_H
#define BROOD_SRC_POOL_BALANCE_H

#include "pool/types.h"

/* Revokes the chunks that the worker has not begun: they go back into the queue. */
void brood_worker_revoke(brood_worker *worker);

/*
 * For a job that comes now: what came later in the order of the queue does not stand before it because
 * workers were given that ahead.
 */
void brood_pool_revoke_for(const brood_result *job);

/* Revokes chunks of busy workers for idle ones, and dispatches; returns when to balance again. */
int64_t brood_pool_balance(brood_pool *pool, int64_t now);

#endif
