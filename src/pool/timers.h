/* Time-outs, deadlines and alarms. */
#ifndef BROOD_SRC_POOL_TIMERS_H
#define BROOD_SRC_POOL_TIMERS_H

#include "pool/types.h"

/* The first item of a worker that has a time-out: since when it is late, or was seen to run. */
typedef struct brood_lateness {
    uint64_t id, item;           /* that the worker has not begun; id 0: void bytes, not read ... */
    int64_t since;               /* ... since */
    uint64_t sent;               /* how many bytes were sent to the worker then */
    uint64_t seen_id, seen_item; /* that the worker was seen to run ... */
    int64_t seen_at;             /* ... since */
} brood_lateness;

/* Does what is due; when to look again. */
int64_t brood_pool_run_timers(brood_pool *pool, int64_t now);

#endif
