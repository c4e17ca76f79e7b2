/* What a caller sees of a task. */
#ifndef BROOD_SRC_POOL_RESULT_H
#define BROOD_SRC_POOL_RESULT_H

#include "pool/pool_impl.h"

/* Copies failure into the caller's, whose size is its own. BROOD_ERR_ARGUMENT: that cannot be. */
brood_status brood_failure_give(brood_failure *given, const brood_failure *failure);

#endif
