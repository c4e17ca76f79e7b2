/* What a worker may say. */
#ifndef BROOD_SRC_POOL_TRUST_H
#define BROOD_SRC_POOL_TRUST_H

#include "pool/pool_impl.h"

/* Whether its values go through the ring. */
bool brood_job_has_values_in_ring(const brood_result *job);

bool brood_answer_is_right(const brood_worker *worker, const brood_wire_answer *answer);

#endif
