/* Cancelling: which items of a job end at once, and how its workers are interrupted. */
#ifndef BROOD_SRC_POOL_CANCEL_H
#define BROOD_SRC_POOL_CANCEL_H

#include "pool/types.h"

/*
 * Ends the items of the job that are left, with that status: at once what was not begun; what runs
 * is interrupted, and its worker is killed after the grace. Does nothing to a finished or cancelled
 * job: the first cancel_status counts.
 */
void brood_job_cancel(brood_result *job, brood_status cancel_status);

/* Cancels all jobs of the pool. */
void brood_jobs_cancel_all(brood_pool *pool, brood_status cancel_status);

/* A thread waits for single items of the job: workers that run it are to report each item soon. */
void brood_job_flush(const brood_result *job);

/* The items that are left end as the job's cancel_status says. The job may be gone after this. */
void brood_job_end(brood_result *job);

#endif
