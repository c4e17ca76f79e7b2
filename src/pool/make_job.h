/* A job is made of a checked request. */
#ifndef BROOD_SRC_POOL_MAKE_JOB_H
#define BROOD_SRC_POOL_MAKE_JOB_H

#include "pool/request.h"

/* Frees a job that was never submitted. */
void brood_job_unmake(brood_result *job);

/*
 * A job with two references: the caller's and the pool's. Its extras, if any, and a copy of its
 * argument follow it in the same allocation. NULL: no memory.
 */
brood_result *brood_job_make(const brood_request *asked);

#endif
