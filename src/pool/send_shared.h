/* What shared memory a worker knows. */
#ifndef BROOD_SRC_POOL_SEND_SHARED_H
#define BROOD_SRC_POOL_SEND_SHARED_H

#include "pool/pool_impl.h"

/* Tells workers what shared memory they are to unmap, those that can be told now. */
void brood_pool_forget(brood_pool *pool);

/* Whether the program has unmapped something since that the worker may know. */
bool brood_send_has_to_forget(const brood_worker *worker);

brood_status brood_send_append_shared(brood_worker *worker, const brood_result *job);

bool brood_send_knows(const brood_worker *worker, uint64_t id);

/* What the program has unmapped since, the worker unmaps, too. Room was made before. */
void brood_send_append_forgotten(brood_worker *worker);

bool brood_send_grow_known(brood_worker *worker, size_t more);

#endif
