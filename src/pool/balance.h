/* Taking chunks back from busy workers for idle ones. */
#ifndef BROOD_SRC_POOL_BALANCE_H
#define BROOD_SRC_POOL_BALANCE_H

#include "pool/types.h"

/* The worker takes back what it has not begun. */
void brood_worker_revoke(brood_worker *worker);

/* Takes chunks from busy workers for idle ones; when to look again. */
int64_t brood_pool_balance(brood_pool *pool, int64_t now);

#endif
