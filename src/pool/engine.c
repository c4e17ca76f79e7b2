#include "pool/engine.h"

#include "pool/agenda.h"
#include "pool/answers.h"
#include "pool/balance.h"
#include "pool/dispatch.h"
#include "pool/pool_impl.h"
#include "pool/roster.h"
#include "pool/supervisor.h"
#include "pool/timers.h"
#include "pool/worker.h"

#define RECEIVE_EVERY 16 /* submits */

static void turn_worker(brood_worker *worker)
{
    brood_status status = BROOD_OK;

    if (worker->life.fate >= BROOD_FATE_DROP) {
        return;
    }
    status = brood_worker_receive(worker);
    if (status != BROOD_OK) {
        brood_worker_drop(worker, status);
        return;
    }
    if (worker->transit.is_armed && !brood_agenda_sleeps(worker->pool)) {
        worker->ops->disarm(worker);
    }
    if (!brood_worker_can_send(worker)) {
        brood_worker_go_on(worker);
        brood_worker_set_credit(worker);
    }
    if (!worker->transit.is_armed || !brood_worker_can_send(worker)) {
        brood_agenda_arm(worker);
    }
    if (worker->pace.received > 0) {
        brood_worker_measure(worker, brood_os_now());
    }
    brood_worker_check(worker);
}

void brood_pool_turn(brood_pool *pool)
{
    brood_worker *following = NULL;

    pool->engine.unreceived = 0;
    for (brood_worker *worker = pool->roster.busy_first; worker != NULL; worker = following) {
        following = worker->lists.next_busy;
        turn_worker(worker);
    }
    brood_pool_dispatch(pool);
}

void brood_pool_take_submit(brood_pool *pool)
{
    pool->engine.submits++;
    if (++pool->engine.unreceived >= RECEIVE_EVERY) {
        brood_pool_turn(pool);
    } else {
        brood_pool_dispatch(pool);
    }
}

/*
 * A turn for workers that are not busy: those that have not come up yet will answer READY; those
 * from which a chunk was revoked while it was being sent get the rest of its bytes, which are void;
 * and others get what was to precede a chunk that could not be sent then.
 */
static void turn_others(brood_pool *pool)
{
    bool unsent = brood_pool_take_unsent(pool);

    if (pool->upkeep.coming == 0 && pool->upkeep.voids == 0 && !unsent) {
        return;
    }
    for (uint32_t i = 0; i < pool->roster.slots; i++) {
        brood_worker *worker = pool->roster.workers[i];

        if (worker != NULL && !worker->lists.is_busy &&
            (!worker->reports.is_up || !brood_worker_can_send(worker))) {
            turn_worker(worker);
            if (worker->life.fate == BROOD_FATE_SERVE && worker->lists.is_idle) {
                brood_worker_set_idle(worker, true); /* to the front */
            }
        }
    }
}

void brood_pool_forget(brood_pool *pool)
{
    uint64_t forgotten =
        pool->engine.watch.poller != NULL ? brood_shared_forgotten() : pool->engine.forgotten;
    bool all = true;

    if (forgotten == pool->engine.forgotten) {
        return;
    }
    for (uint32_t i = 0; i < pool->roster.slots; i++) {
        all = (pool->roster.workers[i] == NULL || brood_worker_forget(pool->roster.workers[i])) &&
              all;
    }
    if (all) {
        pool->engine.forgotten = forgotten;
    }
}

void brood_pool_run_due(brood_pool *pool)
{
    int64_t now = brood_os_now();

    brood_agenda_begin_run(pool);
    turn_others(pool);
    brood_pool_forget(pool);
    brood_agenda_at(pool, brood_pool_run_timers(pool, now));
    brood_agenda_at(pool, brood_supervisor_run(pool, now));
    brood_pool_dispatch(pool);
    brood_agenda_at(pool, brood_pool_balance(pool, now));
    brood_agenda_at(pool, brood_agenda_end_waits(pool, now));
}
