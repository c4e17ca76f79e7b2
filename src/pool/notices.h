/* A worker is interrupted for its first chunk: a cancel, or a flush. */
#ifndef BROOD_SRC_POOL_NOTICES_H
#define BROOD_SRC_POOL_NOTICES_H

#include "pool/types.h"

/* The item for which a worker is to be killed, unless it is over by life.kill_at. */
typedef struct brood_notice {
    uint64_t id, item; /* of that chunk, 0: all; id 0: there is no such item */
    brood_status why;
    bool is_held; /* the worker begins no other item after it, and has begun none */
} brood_notice;

/* Another chunk is the worker's first: repeats a cancel or a flush of its job for the worker. */
void brood_worker_first_changed(brood_worker *worker);

/*
 * Cancels an item of the first chunk, counted from 1 (0: all of them). If that is not over after
 * the grace, the worker is killed (check_kill in timers.c).
 */
void brood_worker_announce(brood_worker *worker, uint64_t item, brood_status why);

/* Cancels the first chunk, whose job is cancelled. Repeating it does not prolong the grace. */
void brood_worker_cancel(brood_worker *worker);

/* The worker is killed for that item of its first chunk if it does begin it: it is too late. */
void brood_worker_note_overdue(brood_worker *worker, uint64_t item);

/* The chunk of the notice has ended: the worker is not killed for it any more. */
void brood_worker_end_notice(brood_worker *worker);

/*
 * Before the kill: the worker begins nothing after the item of the notice (for all items of a chunk
 * nothing need be held). False: it has begun another one, and is not to be killed.
 */
bool brood_worker_hold(brood_worker *worker);

/* A thread waits for single items: the worker is to report each item soon. */
void brood_worker_flush(brood_worker *worker);

#endif
