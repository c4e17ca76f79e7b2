#include "pool/left.h"

#include "pool/pool_impl.h"
#include "pool/roster.h"
#include "pool/worker.h"

void brood_left_part_with(brood_worker *worker)
{
    if (worker->life.fate == BROOD_FATE_LOSE && worker->ops->is_left_to_run) {
        brood_roster_link(worker, worker->pool->left.first);
        worker->pool->left.first = worker;
    } else {
        worker->ops->destroy(worker);
    }
}

/* Destroys the worker; returns the one that follows it in the list. */
static brood_worker *destroy_worker(brood_worker *worker)
{
    brood_worker *following = worker->lists.next_idle;

    worker->ops->destroy(worker);
    return following;
}

void brood_left_collect(brood_pool *pool)
{
    brood_worker *kept = NULL;
    brood_worker *following = NULL;

    for (brood_worker *at = pool->left.first; at != NULL; at = following) {
        following = at->lists.next_idle;
        if (at->ops->is_alive(at)) {
            brood_roster_link(at, kept);
            kept = at;
        } else {
            destroy_worker(at);
        }
    }
    pool->left.first = kept;
}

void brood_left_await(brood_pool *pool)
{
    while (pool->left.first != NULL) {
        pool->left.first = destroy_worker(pool->left.first);
    }
}
