/* Jobs begin, their items end, and with the last of these the job. */
#ifndef BROOD_SRC_POOL_ENDS_H
#define BROOD_SRC_POOL_ENDS_H

#include "pool/job.h"

/*
 * The jobs that are not finished: each item of theirs that has not ended is in a chunk that waits, or
 * is with a worker.
 */
typedef struct brood_jobs {
    uint64_t unfinished;
    brood_result *deadlines; /* the job with the earliest one */
    uint32_t timed;          /* jobs with a time-out */
    brood_job_extras plain;  /* of all jobs without extras of their own; never changed */
} brood_jobs;

/* Counts the job among those of the pool, until its last item has ended. */
void brood_job_begin(brood_result *job);

/*
 * Takes all jobs whose deadline has passed, linked by by_deadline.next, each with a reference for the
 * caller. Their cancel_status is set before any of them ends, so that ending one cannot dispatch
 * chunks of another.
 */
brood_result *brood_jobs_take_expired(brood_pool *pool, int64_t now);

/* `count` items of the job have succeeded. The job may be gone after this. */
void brood_job_succeed(brood_result *job, uint64_t count);

/* `count` items, from first on, have failed as `failure` says. The job may be gone after this. */
void brood_job_fail(brood_result *job, uint64_t first, uint64_t count,
                    const brood_failure *failure);

/* `count` items, from first on, end as the job's cancel_status says. */
void brood_job_end_cancelled(brood_result *job, uint64_t first, uint64_t count);

#endif
