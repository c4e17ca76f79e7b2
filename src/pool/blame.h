/* What the end of a worker is to blame for. */
#ifndef BROOD_SRC_POOL_BLAME_H
#define BROOD_SRC_POOL_BLAME_H

#include "pool/types.h"

typedef struct brood_blame {
    uint64_t begun; /* items after those that are done which may have run; the others did not */
    uint64_t
        ran; /* the last of these: they ran when the worker ended; those before ended unreported */
    bool is_death;       /* they ended the worker, perhaps */
    brood_status status; /* with which they fail, if they are not tried again */
} brood_blame;

/*
 * Reads the id of the last chunk that the worker may have begun. A worker that names an impossible chunk
 * is dropped for it, and its first chunk counts as begun.
 */
uint64_t brood_worker_read_last_begun(brood_worker *worker);

/*
 * What the end is to blame for in one chunk, after the last answers were received; last as above.
 */
brood_blame brood_worker_blame(const brood_worker *worker, const brood_chunk *chunk, uint64_t last);

#endif
