/* One turn: what workers have said is read, and what is due is done. */
#ifndef BROOD_SRC_POOL_ENGINE_H
#define BROOD_SRC_POOL_ENGINE_H

#include "ipc/shared.h"
#include "pool/types.h"

typedef struct brood_engine {
    uint64_t submits;
    uint32_t unreceived;      /* submits since the workers were listened to */
    brood_shared_watch watch; /* since a worker was told of shared memory */
    uint64_t forgotten;       /* of it: as far as all workers were told */
} brood_engine;

/* Hears and feeds the workers, without waiting. */
void brood_pool_turn(brood_pool *pool);

/* A job has come into the queue: dispatches, and listens to the workers now and then. */
void brood_pool_take_submit(brood_pool *pool);

/* Does all else that is due; pool->agenda.due says when to do it again. */
void brood_pool_run_due(brood_pool *pool);

/* Tells workers what shared memory they are to unmap, those that can be told now. */
void brood_pool_forget(brood_pool *pool);

#endif
