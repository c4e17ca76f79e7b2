/* Time-outs, deadlines and alarms. */
#ifndef BROOD_SRC_POOL_TIMERS_H
#define BROOD_SRC_POOL_TIMERS_H

#include "pool/types.h"

/* Does what is due; when to look again. */
int64_t brood_pool_run_timers(brood_pool *pool, int64_t now);

#endif
