/* Which worker gets the next chunk: the lists of workers, and how far ahead they are given work. */
#ifndef BROOD_SRC_POOL_ROSTER_H
#define BROOD_SRC_POOL_ROSTER_H

#include "pool/pool_impl.h"

/* Behind a task that runs for so long nothing stays, also where nobody is idle: later ones pass it. */
#define BROOD_LONG_NS (100 * BROOD_NS_PER_MS)
#define BROOD_STUCK_NS (50 * BROOD_NS_PER_MS) /* so long a worker needs at most to begin */

#define BROOD_BALANCE_NS (200 * 1000) /* who is busy with one chunk for so long gives others away */

void brood_worker_set_idle(brood_worker *worker, bool is_idle);
void brood_worker_set_busy(brood_worker *worker, bool is_busy);
void brood_worker_set_credit(brood_worker *worker);

void brood_pool_plan_balance(brood_pool *pool);

brood_worker *brood_pool_next_idle(const brood_pool *pool);

/*
 * Chunks of the worker may soon be better off with an idle worker, or in the queue, where they stand
 * behind a long task: the agenda gets the time to look.
 */
void brood_worker_plan_balance(const brood_worker *worker);

/* The last spinners_max workers that got work may spin for more: see size_up in pool.c. */
void brood_worker_let_spin(brood_worker *worker);

/* What a chunk takes, lately, and so how many of them a worker is given ahead. */
void brood_pool_set_service(brood_pool *pool, uint64_t ns);

/*
 * Who gets the next chunk, or NULL. A sleeping worker is not woken when one that is awake will come
 * to the chunk sooner.
 */
brood_worker *brood_pool_choose(brood_pool *pool);

#endif
