/* The answers of workers become the ends of items. */
#ifndef BROOD_SRC_POOL_ANSWERS_H
#define BROOD_SRC_POOL_ANSWERS_H

#include "pool/types.h"

/*
 * Receives what the worker has answered, or a bounded part of that: arming the worker then reports
 * that there is more. BROOD_ERR_PROTOCOL, _NO_MEMORY: the worker must be dropped by the caller.
 */
brood_status brood_worker_receive(brood_worker *worker);

#endif
