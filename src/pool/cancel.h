/* Cancelling: what of a job ends at once, and what its workers are told. */
#ifndef BROOD_SRC_POOL_CANCEL_H
#define BROOD_SRC_POOL_CANCEL_H

#include "pool/types.h"

/* Ends the items of the job that are left with that status; those that run after the grace. */
void brood_job_cancel(brood_result *job, brood_status cancel_status);

/* Cancels all jobs of the pool. */
void brood_jobs_cancel_all(brood_pool *pool, brood_status cancel_status);

/* Somebody waits for single items of the job: its workers are to tell of each soon. */
void brood_job_flush(const brood_result *job);

/* The items that are left end as the job's cancel_status says. The job may be gone after this. */
void brood_job_end(brood_result *job);

#endif
