/* Time-outs, deadlines and alarms. */
#ifndef BROOD_SRC_POOL_TIMERS_H
#define BROOD_SRC_POOL_TIMERS_H

#include "pool/pool_impl.h"

/* The item of its first chunk that it runs; 0: it does not run that chunk, or not any more. */
uint64_t brood_worker_item(brood_worker *worker, const brood_chunk *chunk);

/* Does what is due; when to look again. */
int64_t brood_pool_run_timers(brood_pool *pool, int64_t now);

#endif
