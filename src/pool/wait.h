/* Waiting: the leader, its followers, and those who spin. */
#ifndef BROOD_SRC_POOL_WAIT_H
#define BROOD_SRC_POOL_WAIT_H

#include "pool/pool_impl.h"

/*
 * Waits, with the lock, until is_over says so or the deadline passes (BROOD_ERR_TIMEOUT). what is
 * what it is notified of: a job, an imap, BROOD_ROOM, or NULL: anything. The lock is given up
 * meanwhile.
 */
brood_status brood_pool_wait(brood_pool *pool, const void *what,
                             bool (*is_over)(brood_pool *pool, void *data), void *data,
                             int64_t deadline);

/* Does what is due now, without a wait; gives up the lock. False: another thread leads. */
bool brood_pool_look(brood_pool *pool);

/* Leads until something happens. Nobody else leads. */
void brood_pool_lead_once(brood_pool *pool);

/* Whether a thread that follows would lead. */
bool brood_pool_has_followers(const brood_pool *pool);

#endif
