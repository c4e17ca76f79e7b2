/* Jobs begin, their items end, and with the last of these the job. */
#ifndef BROOD_SRC_POOL_ENDS_H
#define BROOD_SRC_POOL_ENDS_H

#include "pool/types.h"

/* The jobs that are not finished. */
typedef struct brood_jobs {
    brood_result *first;
    brood_result *deadlines; /* the job with the earliest one */
    uint32_t timed;          /* jobs with a time-out */
} brood_jobs;

/* The job is one of the pool's, until its last item has ended. */
void brood_job_begin(brood_result *job);

/*
 * All jobs whose deadline has passed, cancelled before anything of them could still be given to a
 * worker, and held; linked by next_expired.
 */
brood_result *brood_jobs_take_expired(brood_pool *pool, int64_t now);

/* So many items of the job have succeeded. */
void brood_job_succeed(brood_result *job, uint64_t count);

/* Items first to first + count have failed, all in the way that failure says. */
void brood_job_fail(brood_result *job, uint64_t first, uint64_t count,
                    const brood_failure *failure);

/* They end as the job's cancel_status says. */
void brood_job_end_cancelled(brood_result *job, uint64_t first, uint64_t count);

#endif
