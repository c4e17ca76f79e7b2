/* Workers start. */
#ifndef BROOD_SRC_POOL_STARTS_H
#define BROOD_SRC_POOL_STARTS_H

#include "pool/types.h"

/*
 * Starts one worker; gives up the lock meanwhile. supervisor.launching is set for that time, so
 * that no second start takes the same slot.
 */
brood_status brood_supervisor_start(brood_pool *pool, brood_error *error);

/* Whether workers of that kind run only when the pool's callers run them. */
bool brood_supervisor_needs_callers(brood_pool_kind kind);

#endif
