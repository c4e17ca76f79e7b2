/* What the end of a worker means for its chunks. */
#ifndef BROOD_SRC_POOL_SETTLE_H
#define BROOD_SRC_POOL_SETTLE_H

#include "pool/types.h"

void brood_worker_describe_end(const brood_worker *worker, brood_failure *failure);

/*
 * Settles the chunks from the last to the first, so that each finds its place in the queue at once.
 */
void brood_worker_settle(brood_worker *worker);

#endif
