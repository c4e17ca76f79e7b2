/*
 * The memory of jobs that have ended, for the next ones. A program that submits many tasks and then
 * takes their results would otherwise make the heap grow and shrink each time: glibc gives memory at
 * the heap's end back to the system (M_TRIM_THRESHOLD, mallopt(3)), and each page of it then costs a
 * page fault more than the task that lay in it.
 */
#ifndef BROOD_SRC_JOB_CACHE_H
#define BROOD_SRC_JOB_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "atomic.h"

typedef struct brood_result brood_result;

typedef struct brood_job_cache {
    brood_atomic32 in_use; /* by a thread; others do without it meanwhile */
    brood_result *first;
    uint32_t count;
} brood_job_cache;

/* Room for a job and so many bytes behind it, with any content. NULL: out of memory. */
brood_result *brood_job_cache_take(brood_job_cache *cache, size_t behind);

/* The job has ended, and nobody knows it any more. */
void brood_job_cache_put(brood_job_cache *cache, brood_result *job);

/* Frees what is in there. */
void brood_job_cache_clear(brood_job_cache *cache);

#endif
