/* One turn: what workers have said is read, and what is due is done. */
#ifndef BROOD_SRC_POOL_ENGINE_H
#define BROOD_SRC_POOL_ENGINE_H

#include "pool/pool_impl.h"

/* Hears and feeds the workers, without waiting. */
void brood_pool_turn(brood_pool *pool);

/* Does all else that is due; pool->due says when to do it again. */
void brood_pool_run_due(brood_pool *pool);

/* Tells workers what shared memory they are to unmap, those that can be told now. */
void brood_pool_forget(brood_pool *pool);

#endif
