/* What the end of a worker means for its chunks. */
#ifndef BROOD_SRC_POOL_SETTLE_H
#define BROOD_SRC_POOL_SETTLE_H

#include "pool/types.h"

void brood_worker_describe_end(const brood_worker *worker, brood_failure *failure);

/* The last task that it may have begun: the first one, when it says what cannot be. */
uint64_t brood_worker_last_begun(brood_worker *worker);

/*
 * How many items behind those that are done may have run: the one that ran when it died, and, where
 * its answers were not read to the end, all that it has begun since.
 */
uint64_t brood_worker_count_begun(brood_worker *worker, const brood_chunk *chunk, uint64_t begun);

/* From the last to the first, so that each finds its place in the queue at once. */
void brood_worker_settle(brood_worker *worker);

#endif
