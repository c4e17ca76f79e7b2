/* How much of a job one worker gets. */
#ifndef BROOD_SRC_POOL_CUT_H
#define BROOD_SRC_POOL_CUT_H

#include "pool/types.h"

/* Takes a part of the first chunk off the queue; the whole chunk when there is no memory to cut. */
brood_chunk *brood_chunk_cut(brood_worker *worker, brood_chunk *chunk);

#endif
