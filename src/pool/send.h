/* A chunk becomes bytes in a ring. */
#ifndef BROOD_SRC_POOL_SEND_H
#define BROOD_SRC_POOL_SEND_H

#include "pool/pool_impl.h"

/*
 * Sends as much as goes now; the rest follows. On failure nothing was sent, and it may go later:
 * BROOD_ERR_TIMEOUT: the worker must take something before.
 */
brood_status brood_worker_send(brood_worker *worker, brood_chunk *chunk);

brood_status brood_worker_send_setup(brood_worker *worker);
/* Behind all that it was given. BROOD_ERR_NO_MEMORY: not now. */
brood_status brood_worker_send_stop(brood_worker *worker);

#endif
