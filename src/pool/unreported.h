/* Items that are done, but of which their worker has not told. */
#ifndef BROOD_SRC_POOL_UNREPORTED_H
#define BROOD_SRC_POOL_UNREPORTED_H

#include "pool/types.h"

/* Takes the items of its first chunk that are done, but not told of. */
void brood_worker_take_unreported(brood_worker *worker);

/* Somebody waits for items of its first chunk: plans to take them, should the next one be long. */
void brood_worker_plan_unreported(brood_worker *worker);

/* Takes them where a look is due; returns when the next one is. */
int64_t brood_pool_look_for_unreported(brood_pool *pool, int64_t now);

#endif
