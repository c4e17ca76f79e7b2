/* What workers answer becomes the ends of items. */
#ifndef BROOD_SRC_POOL_ANSWERS_H
#define BROOD_SRC_POOL_ANSWERS_H

#include "pool/types.h"

/*
 * Takes what the worker has answered, or a part of it that is bounded: arming it tells that
 * there is more. BROOD_ERR_PROTOCOL, _NO_MEMORY: it is to be dropped.
 */
brood_status brood_worker_receive(brood_worker *worker);

#endif
