/* A job is made of what a caller asks for. */
#ifndef BROOD_SRC_POOL_MAKE_JOB_H
#define BROOD_SRC_POOL_MAKE_JOB_H

#include "pool/request.h"

/* Frees a job that was never submitted. */
void brood_job_unmake(brood_result *job);

/* Behind the job lie the list of its shared memory, and a copy of its argument. NULL: no memory. */
brood_result *brood_job_make(const brood_request *asked);

#endif
