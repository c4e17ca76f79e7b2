/* What a worker is told of its first chunk while it runs. */
#ifndef BROOD_SRC_POOL_NOTICES_H
#define BROOD_SRC_POOL_NOTICES_H

#include "pool/types.h"

/* Another chunk is the worker's first: what is said of its job is said to the worker. */
void brood_worker_first_changed(brood_worker *worker);

/* An item of the first chunk, from 1 (0: all of them), is cancelled; it is killed after the grace. */
void brood_worker_announce(brood_worker *worker, uint64_t item, brood_status why);

/* The first chunk is cancelled; it is killed after the grace. */
void brood_worker_cancel(brood_worker *worker);

/* Somebody waits for single items: the worker is to tell of each soon. */
void brood_worker_flush(brood_worker *worker);

#endif
