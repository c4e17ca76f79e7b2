/* Cancelling: what of a job ends at once, and what its workers are told. */
#ifndef BROOD_SRC_POOL_CANCEL_H
#define BROOD_SRC_POOL_CANCEL_H

#include "pool/pool_impl.h"

/* Another chunk is the worker's first: what is said of its job is said to the worker. */
void brood_worker_first_changed(brood_worker *worker);

/* Ends the items of the job that are left with that status; those that run after the grace. */
void brood_job_cancel(brood_result *job, brood_status cancel_status);

/* Cancels all jobs of the pool. */
void brood_jobs_cancel_all(brood_pool *pool, brood_status cancel_status);

/* Tells the worker that an item of its first chunk is cancelled, from 1 (0: all), or hurried. */
void brood_worker_interrupt(brood_worker *worker, uint64_t item);
/* Tells the worker that its first chunk is cancelled; it is killed after the grace. */
void brood_worker_cancel(brood_worker *worker);
/* Somebody waits for single items: workers are to tell of each soon. */
void brood_worker_flush(brood_worker *worker);
void brood_job_flush(const brood_result *job);

/* The job may be gone after this. */
void brood_job_end(brood_result *job);

/* item: which one of its first chunk, from 1; 0: all of it. */
void brood_worker_announce(brood_worker *worker, uint64_t item, brood_status why);

#endif
