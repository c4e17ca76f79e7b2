/* One turn: the answers of workers are received, chunks are dispatched; and what is due is done. */
#ifndef BROOD_SRC_POOL_ENGINE_H
#define BROOD_SRC_POOL_ENGINE_H

#include "ipc/shared.h"
#include "pool/types.h"

typedef struct brood_engine {
    uint64_t submits;
    uint32_t unreceived;      /* submits since the last turn */
    brood_shared_watch watch; /* begun when a worker was first sent shared memory */
    uint64_t forgotten;       /* up to this change of shared memory all workers were sent FORGET */
} brood_engine;

/* Receives from all busy workers, sends more to them, and dispatches, without waiting. */
void brood_pool_turn(brood_pool *pool);

/* A job has come into the queue: dispatches; after 16 submits without a turn, takes one. */
void brood_pool_take_submit(brood_pool *pool);

/* Does what the agenda says is due; pool->agenda.due then says when to do it again. */
void brood_pool_run_due(brood_pool *pool);

/* Sends FORGET for destroyed shared memory to all workers that can be sent to now. */
void brood_pool_forget(brood_pool *pool);

#endif
