#include "base/memory.h"
#include "pool/pool_impl.h"

static void free_waiters(brood_pool *pool)
{
    while (pool->wait.spare_waiters != NULL) {
        brood_waiter *next = pool->wait.spare_waiters->next;

        brood_free(pool->wait.spare_waiters);
        pool->wait.spare_waiters = next;
    }
}

void brood_pool_release(brood_pool *pool)
{
    if (brood_add32(&pool->references, (uint32_t)-1) != 0) {
        return;
    }
    free_waiters(pool);
    brood_job_cache_clear(&pool->job_cache);
    if (pool->apr != NULL) {
        apr_pool_destroy(pool->apr);
    }
    brood_free(pool);
}
