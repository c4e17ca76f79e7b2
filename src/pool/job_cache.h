/*
 * The memory of jobs that have ended, for the next ones. A program that submits many tasks and then
 * takes their results would otherwise make the heap grow and shrink each time: glibc gives memory
 * at the heap's end back to the system (M_TRIM_THRESHOLD, mallopt(3)), and the next task in each
 * page of it pays for a page fault.
 *
 * Any thread may take and put, with the pool's lock or without: jobs are made and destroyed outside
 * of it.
 */
#ifndef BROOD_SRC_POOL_JOB_CACHE_H
#define BROOD_SRC_POOL_JOB_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"

typedef struct brood_result brood_result;

typedef struct brood_job_cache {
    brood_atomic32 in_use; /* by a thread; others do without the cache meanwhile */
    brood_result *first;   /* of the jobs that are kept, by their `out` */
    uint32_t count;
} brood_job_cache;

/* A job of zeros, followed by room for `behind` bytes of any content. NULL: no memory. */
brood_result *brood_job_cache_take(brood_job_cache *cache, size_t behind);

/* Keeps or frees the memory of a job to which no reference is left. */
void brood_job_cache_put(brood_job_cache *cache, brood_result *job);

/* Frees what is kept. No other thread uses the cache any more. */
void brood_job_cache_clear(brood_job_cache *cache);

#endif
