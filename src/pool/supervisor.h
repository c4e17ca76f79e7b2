/* Workers are started and ended, so that there are as many as there should be. */
#ifndef BROOD_SRC_POOL_SUPERVISOR_H
#define BROOD_SRC_POOL_SUPERVISOR_H

#include "pool/types.h"

typedef struct brood_supervisor {
    uint32_t target;                  /* how many workers the pool has */
    uint32_t most;                    /* may leave at a time: see lower_most */
    uint32_t to_fill;                 /* starts that are due without a need, as at the beginning */
    uint32_t serving, leaving;        /* workers, when brood_supervisor_run last counted them */
    bool start_due;                   /* a worker is to be started now */
    bool launching;                   /* one is being started */
    int64_t start_at;                 /* the next one, not before */
    uint32_t start_failures;          /* in a row */
    uint32_t idle_ends;               /* in a row, of workers that were given nothing */
    uint64_t started_before_failures; /* workers, when the first of the row failed */
    uint32_t
        crash_streak; /* workers in a row that came up and were lost without having begun anything */
    brood_failure last_start; /* why */
} brood_supervisor;

/* Stops workers that are too many, sets start_due; returns when to run again. */
int64_t brood_supervisor_run(brood_pool *pool, int64_t now);

/*
 * Starts a worker, if any is still wanted; a failed start is tried again later. Gives up the lock.
 */
void brood_supervisor_start_one(brood_pool *pool);

/*
 * Whether whoever keeps the time starts workers: the pool has no threads, or the system has refused
 * the starter.
 */
bool brood_supervisor_lacks_starter(const brood_pool *pool);

/* Starts a worker that is due, in a pool whose starter does not. False: there is none. */
bool brood_supervisor_start_due(brood_pool *pool);

/* Sets the number of workers; also when the pool is made. */
void brood_supervisor_resize(brood_pool *pool, uint32_t workers);

void brood_supervisor_kill_all(brood_pool *pool);

#endif
