/* One turn: what workers have said is read, and what is due is done. */
#ifndef BROOD_SRC_POOL_ENGINE_H
#define BROOD_SRC_POOL_ENGINE_H

#include "ipc/shared.h"
#include "pool/types.h"

/* What workers know of shared memory. */
typedef struct brood_known_shared {
    brood_shared_watch watch; /* since a worker was told of one */
    uint64_t forgotten;       /* as far as all workers were told */
} brood_known_shared;

/* Hears and feeds the workers, without waiting. */
void brood_pool_turn(brood_pool *pool);

/* Does all else that is due; pool->agenda.due says when to do it again. */
void brood_pool_run_due(brood_pool *pool);

/* Tells workers what shared memory they are to unmap, those that can be told now. */
void brood_pool_forget(brood_pool *pool);

#endif
