#include "pool/job.h"

#include <string.h>

#include "base/memory.h"
#include "pool/failed_items.h"
#include "pool/pool_impl.h"

/* ---- chunks ------------------------------------------------------------------------------ */

brood_chunk *brood_chunk_new(brood_result *job, uint64_t first, uint64_t count)
{
    brood_chunk *chunk = job->chunk_is_free ? &job->chunk : brood_malloc(sizeof *chunk);

    if (chunk == &job->chunk) {
        job->chunk_is_free = false;
    }
    if (chunk != NULL) {
        memset(chunk, 0, sizeof *chunk);
        chunk->job = job;
        chunk->first = first;
        chunk->count = count;
        chunk->attempt = 1;
    }
    return chunk;
}

void brood_chunk_free(brood_chunk *chunk)
{
    if (chunk == &chunk->job->chunk) {
        chunk->job->chunk_is_free = true;
    } else {
        brood_free(chunk);
    }
}

/* ---- lifetime ---------------------------------------------------------------------------- */

void brood_job_hold(brood_result *job)
{
    brood_add32(&job->references, 1);
}

void brood_job_release(brood_result *job)
{
    brood_pool *pool = job->pool;

    /* Nobody else reaches a job of which this is the only reference. */
    if (brood_load32(&job->references) != 1 && brood_add32(&job->references, (uint32_t)-1) != 0) {
        return;
    }
    brood_failed_items_free(job->failures);
    if (job->kind == BROOD_JOB_TASK && job->out_size == BROOD_SIZE_VARIES && job->out != job->in) {
        brood_free(job->out);
    }
    brood_job_cache_put(&pool->job_cache, job);
    brood_pool_release(pool);
}

bool brood_job_is_over(brood_pool *pool, void *job)
{
    (void)pool;
    return brood_load32(&((brood_result *)job)->finished) != 0;
}

void brood_job_give_back_shared(brood_result *job)
{
    brood_job_extras *more = job->more;

    if (more->shared_count == 0 && more->in_shared == NULL && more->out_shared == NULL) {
        return;
    }
    for (size_t i = 0; i < more->shared_count; i++) {
        brood_shared_release(more->shared[i]);
    }
    brood_shared_release(more->in_shared);
    brood_shared_release(more->out_shared);
    more->shared_count = 0;
    more->in_shared = more->out_shared = NULL;
}
