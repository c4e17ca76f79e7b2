/*
 * Which worker gets the next chunk: the lists of workers, and how far ahead they are given chunks.
 */
#ifndef BROOD_SRC_POOL_ROSTER_H
#define BROOD_SRC_POOL_ROSTER_H

#include "pool/types.h"
#include "runtime/time.h"

#define BROOD_SPINNERS_MAX 64

/* A worker's places in the lists. */
typedef struct brood_places {
    brood_worker *next_idle, *previous_idle; /* the one used last first */
    bool is_idle;
    int64_t idle_since;
    brood_worker *next_busy, *previous_busy;
    bool is_busy;
    brood_worker *next_with_credit;
    bool has_credit;
    bool spins; /* it may */
} brood_places;

typedef struct brood_roster {
    brood_worker **workers; /* alive, in no order but for their slots */
    uint32_t slots;         /* of the array */
    uint32_t alive;
    uint32_t busy; /* workers that have a chunk */
    brood_worker *busy_first;
    brood_worker *idle_first, *idle_last;
    brood_worker *credit_first, *credit_last;   /* busy ones that can be given more */
    brood_worker *spinners[BROOD_SPINNERS_MAX]; /* that may spin: those used last */
    uint32_t spinners_next, spinners_max;
    uint64_t service_ns; /* what a chunk takes, lately */
    size_t depth;        /* how many chunks a worker is given ahead */
    uint32_t wakes_left; /* idle workers that may be woken although tasks are short */
    int64_t stuck_at;    /* the next look for workers that do not begin; BROOD_NEVER: none is due */
} brood_roster;

/* Chunks after a task that runs for so long are revoked, even if no worker is idle. */
#define BROOD_LONG_NS (100 * BROOD_NS_PER_MS)
#define BROOD_STUCK_NS (50 * BROOD_NS_PER_MS) /* so long a worker needs at most to begin */

#define BROOD_BALANCE_NS (200 * 1000) /* who is busy with one chunk for so long gives others away */

/* A free slot, which brood_roster_add takes; UINT32_MAX: out of memory. */
uint32_t brood_roster_slot(brood_pool *pool);

/* Puts the worker into its slot; frees the slot; takes the worker out of all lists. */
void brood_roster_add(brood_worker *worker);
void brood_roster_remove(brood_worker *worker);
void brood_roster_leave_lists(brood_worker *worker);

/* Links a worker that is in no list of the roster any more into another one. */
void brood_roster_link(brood_worker *worker, brood_worker *following);

/* Up to `count` idle workers may be woken although tasks are short: see is_crowded. */
void brood_roster_allow_wakes(brood_pool *pool, uint32_t count);

/* If the look for stuck workers is due, clears its time: the caller is about to look. */
void brood_roster_take_stuck(brood_pool *pool, int64_t now);

void brood_worker_set_idle(brood_worker *worker, bool is_idle);
void brood_worker_set_busy(brood_worker *worker, bool is_busy);
void brood_worker_set_credit(brood_worker *worker);

void brood_pool_plan_balance(brood_pool *pool);

brood_worker *brood_pool_next_idle(const brood_pool *pool);

/*
 * Chunks of the worker may have to be revoked, for an idle worker, or because they come after a
 * long task: the agenda gets the time to balance.
 */
void brood_worker_plan_balance(const brood_worker *worker);

/*
 * The last spinners_max workers that were given chunks may spin: see size_up in create.c. For a
 * worker that may not spin yet, where any may.
 */
void brood_worker_let_spin(brood_worker *worker);

/* Sets the mean time of a chunk, and with it how many chunks a worker is given ahead. */
void brood_pool_set_service(brood_pool *pool, uint64_t ns);

/*
 * The worker that gets the next chunk, or NULL. A sleeping worker is not woken when one that is
 * awake will come to the chunk sooner.
 */
brood_worker *brood_pool_choose(brood_pool *pool);

#endif
