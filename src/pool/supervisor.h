/* Workers are started and ended, so that there are as many as there should be. */
#ifndef BROOD_SRC_POOL_SUPERVISOR_H
#define BROOD_SRC_POOL_SUPERVISOR_H

#include "pool/pool_impl.h"

/* Ends what is too many, says whether a start is due; when to look again. */
int64_t brood_supervisor_run(brood_pool *pool, int64_t now);

/* Starts a worker, if one is still wanted; what fails is tried again later. Gives up the lock. */
void brood_supervisor_start_one(brood_pool *pool);

/*
 * Whether whoever keeps the time starts workers: the pool has no threads, or the system has refused
 * the starter.
 */
bool brood_supervisor_lacks_starter(const brood_pool *pool);

/* Starts a worker that is due, in a pool whose starter does not. False: there is none. */
bool brood_supervisor_start_due(brood_pool *pool);

void brood_supervisor_kill_all(brood_pool *pool);

#endif
