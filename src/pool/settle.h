/* What the end of a worker means for its chunks. */
#ifndef BROOD_SRC_POOL_SETTLE_H
#define BROOD_SRC_POOL_SETTLE_H

#include "pool/types.h"

void brood_worker_describe_end(const brood_worker *worker, brood_failure *failure);

/*
 * Settles the chunks from the last to the first, so that each finds its place in the queue at once.
 * `last`: the last one that the worker may have begun (brood_worker_read_last_begun).
 */
void brood_worker_settle(brood_worker *worker, uint64_t last);

#endif
