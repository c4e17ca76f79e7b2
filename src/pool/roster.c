#include "pool/roster.h"

#include <string.h>

#include "base/memory.h"
#include "pool/pool_impl.h"
#include "pool/worker.h"

#define WAKE_NS 20000   /* about what it costs to wake a sleeping worker */
#define AHEAD_NS 400000 /* a worker is given work ahead for about so long */
#define DEPTH_MIN 2     /* one that runs, and the next */
#define DEPTH_MAX 1024

/* ---- lists ------------------------------------------------------------------------------- */

static void unlink_idle(brood_worker *worker)
{
    brood_pool *pool = worker->pool;

    *(worker->lists.previous_idle != NULL ? &worker->lists.previous_idle->lists.next_idle
                                          : &pool->roster.idle_first) = worker->lists.next_idle;
    *(worker->lists.next_idle != NULL ? &worker->lists.next_idle->lists.previous_idle
                                      : &pool->roster.idle_last) = worker->lists.previous_idle;
}

/* ---- balance: when ----------------------------------------------------------------------- */

/*
 * One look serves all workers that may be stuck: a look for each would wake the leader each time.
 */
static void plan_stuck(brood_pool *pool)
{
    if (pool->roster.stuck_at == BROOD_NEVER) {
        pool->roster.stuck_at = brood_os_now() + BROOD_STUCK_NS;
        brood_agenda_at(pool, pool->roster.stuck_at);
    }
}

void brood_worker_plan_balance(const brood_worker *worker)
{
    if (worker->backlog.count == 0) {
        return;
    }
    if (worker->pool->roster.idle_first == NULL) {
        if (worker->backlog.count > 1) {
            brood_agenda_at(worker->pool, worker->pace.first_since + BROOD_LONG_NS);
        }
    } else if (worker->backlog.count > 1 || worker->life.fate == BROOD_FATE_START) {
        brood_agenda_at(worker->pool, worker->pace.first_since + BROOD_BALANCE_NS);
    } else {
        plan_stuck(worker->pool);
    }
}

void brood_pool_plan_balance(brood_pool *pool)
{
    for (brood_worker *worker = pool->roster.busy_first; worker != NULL;
         worker = worker->lists.next_busy) {
        brood_worker_plan_balance(worker);
    }
}

/* The supervisor runs when the worker's idle time-out is over. */
static void note_idle(brood_worker *worker)
{
    brood_pool *pool = worker->pool;
    int64_t due = 0;

    worker->lists.idle_since = brood_os_now();
    due =
        worker->lists.idle_since + (int64_t)pool->config.options.idle_timeout_ms * BROOD_NS_PER_MS;
    brood_agenda_supervise_at(pool, due);
}

/*
 * The worker that was used last is the first idle one; one that has not come up, or is stalled, is
 * the last. Setting an idle worker idle moves it to its new place.
 */
void brood_worker_set_idle(brood_worker *worker, bool is_idle)
{
    brood_pool *pool = worker->pool;

    if (worker->lists.is_idle) {
        unlink_idle(worker);
    }
    worker->lists.is_idle = is_idle;
    worker->lists.next_idle = worker->lists.previous_idle = NULL;
    if (!is_idle) {
        return;
    }
    if (worker->life.fate == BROOD_FATE_SERVE && !worker->pace.stalled) {
        worker->lists.next_idle = pool->roster.idle_first;
        *(pool->roster.idle_first != NULL ? &pool->roster.idle_first->lists.previous_idle
                                          : &pool->roster.idle_last) = worker;
        pool->roster.idle_first = worker;
        brood_pool_plan_balance(pool);
    } else {
        worker->lists.previous_idle = pool->roster.idle_last;
        *(pool->roster.idle_last != NULL ? &pool->roster.idle_last->lists.next_idle
                                         : &pool->roster.idle_first) = worker;
        pool->roster.idle_last = worker;
    }
    if (pool->config.options.idle_timeout_ms > 0) {
        note_idle(worker);
    }
}

void brood_worker_set_busy(brood_worker *worker, bool is_busy)
{
    brood_pool *pool = worker->pool;

    if (worker->lists.is_busy == is_busy) {
        return;
    }
    worker->lists.is_busy = is_busy;
    if (is_busy) {
        pool->roster.busy++;
        worker->lists.previous_busy = NULL;
        worker->lists.next_busy = pool->roster.busy_first;
        if (pool->roster.busy_first != NULL) {
            pool->roster.busy_first->lists.previous_busy = worker;
        }
        pool->roster.busy_first = worker;
        return;
    }
    pool->roster.busy--;
    *(worker->lists.previous_busy != NULL ? &worker->lists.previous_busy->lists.next_busy
                                          : &pool->roster.busy_first) = worker->lists.next_busy;
    if (worker->lists.next_busy != NULL) {
        worker->lists.next_busy->lists.previous_busy = worker->lists.previous_busy;
    }
}

/* ---- how far ahead ----------------------------------------------------------------------- */

void brood_pool_set_service(brood_pool *pool, uint64_t ns)
{
    uint64_t deep = AHEAD_NS / (ns + 1);

    pool->roster.service_ns = ns;
    pool->roster.depth = deep < DEPTH_MIN ? DEPTH_MIN : deep > DEPTH_MAX ? DEPTH_MAX : (size_t)deep;
}

static bool wants_more(const brood_worker *worker)
{
    return brood_worker_serves(worker) && worker->backlog.count > 0 &&
           worker->backlog.count < worker->pool->roster.depth && brood_worker_can_send(worker) &&
           worker->backlog.items_left > 0 && !worker->pace.stalled;
}

/*
 * Appends the worker to those with credit, if it can be given more. A worker that cannot be given
 * more stays in the list until next_with_credit comes to it.
 */
void brood_worker_set_credit(brood_worker *worker)
{
    brood_pool *pool = worker->pool;

    if (worker->lists.has_credit || !wants_more(worker)) {
        return;
    }
    worker->lists.has_credit = true;
    worker->lists.next_with_credit = NULL;
    *(pool->roster.credit_last != NULL ? &pool->roster.credit_last->lists.next_with_credit
                                       : &pool->roster.credit_first) = worker;
    pool->roster.credit_last = worker;
}

static brood_worker *next_with_credit(brood_pool *pool)
{
    while (pool->roster.credit_first != NULL) {
        brood_worker *worker = pool->roster.credit_first;

        if (wants_more(worker)) {
            return worker;
        }
        pool->roster.credit_first = worker->lists.next_with_credit;
        if (pool->roster.credit_first == NULL) {
            pool->roster.credit_last = NULL;
        }
        worker->lists.has_credit = false;
    }
    return NULL;
}

/* The first worker with credit becomes the last, so that all of them are given chunks. */
static void rotate_credit(brood_pool *pool)
{
    brood_worker *worker = pool->roster.credit_first;

    if (worker != pool->roster.credit_last) {
        pool->roster.credit_first = worker->lists.next_with_credit;
        pool->roster.credit_last->lists.next_with_credit = worker;
        pool->roster.credit_last = worker;
        worker->lists.next_with_credit = NULL;
    }
}

brood_worker *brood_pool_next_idle(const brood_pool *pool)
{
    brood_worker *idle = pool->roster.idle_first;

    while (idle != NULL && !brood_worker_can_send(idle)) {
        idle = idle->lists.next_idle; /* it still gets what its initializer needs */
    }
    return idle;
}

/*
 * Whether to wake no worker for a waiting chunk: tasks are short, and there is a busy worker for
 * each core. More workers would only keep each other from running. (When chunks then wait too long,
 * push in balance.c allows more to be woken.)
 */
static bool is_crowded(const brood_pool *pool)
{
    return pool->roster.busy >= pool->config.cores && pool->roster.service_ns < WAKE_NS &&
           pool->roster.wakes_left == 0;
}

brood_worker *brood_pool_choose(brood_pool *pool)
{
    brood_worker *idle = brood_pool_next_idle(pool);
    brood_worker *with_credit = next_with_credit(pool);
    bool crowded = is_crowded(pool);

    if (with_credit != NULL && (idle == NULL || crowded ||
                                with_credit->backlog.count * pool->roster.service_ns < WAKE_NS)) {
        rotate_credit(pool);
        return with_credit;
    }
    if (crowded) {
        return NULL;
    }
    pool->roster.wakes_left -= idle != NULL && pool->roster.wakes_left > 0;
    return idle;
}

/* ---- spinning ---------------------------------------------------------------------------- */

void brood_worker_let_spin(brood_worker *worker)
{
    brood_pool *pool = worker->pool;
    brood_worker **place = NULL;

    place = &pool->roster.spinners[pool->roster.spinners_next++ % pool->roster.spinners_max];
    if (*place != NULL) {
        (*place)->lists.spins = false;
        (*place)->ops->let_spin(*place, false);
    }
    *place = worker;
    worker->lists.spins = true;
    worker->ops->let_spin(worker, true);
}

/* ---- which there are --------------------------------------------------------------------- */

static uint32_t free_slot(const brood_pool *pool)
{
    for (uint32_t i = 0; i < pool->roster.slots; i++) {
        if (pool->roster.workers[i] == NULL) {
            return i;
        }
    }
    return pool->roster.slots;
}

static bool grow_slots(brood_pool *pool)
{
    uint32_t slots = pool->roster.slots == 0 ? 8 : pool->roster.slots * 2;
    brood_worker **workers =
        brood_realloc((void *)pool->roster.workers, slots * sizeof(brood_worker *));

    if (workers == NULL) {
        return false;
    }
    memset((void *)(workers + pool->roster.slots), 0,
           (slots - pool->roster.slots) * sizeof(brood_worker *));
    pool->roster.workers = workers;
    pool->roster.slots = slots;
    return true;
}

uint32_t brood_roster_slot(brood_pool *pool)
{
    uint32_t slot = free_slot(pool);

    return slot < pool->roster.slots || grow_slots(pool) ? slot : UINT32_MAX;
}

void brood_roster_add(brood_worker *worker)
{
    worker->pool->roster.workers[worker->slot] = worker;
    worker->pool->roster.alive++;
}

void brood_roster_remove(brood_worker *worker)
{
    worker->pool->roster.workers[worker->slot] = NULL;
    worker->pool->roster.alive--;
}

static void leave_credit(brood_worker *worker)
{
    brood_pool *pool = worker->pool;

    for (brood_worker **at = &pool->roster.credit_first, *last = NULL; *at != NULL;) {
        if (*at == worker) {
            *at = worker->lists.next_with_credit;
            if (pool->roster.credit_last == worker) {
                pool->roster.credit_last = last;
            }
            break;
        }
        last = *at;
        at = &(*at)->lists.next_with_credit;
    }
}

void brood_roster_leave_lists(brood_worker *worker)
{
    brood_pool *pool = worker->pool;

    brood_worker_set_idle(worker, false);
    brood_worker_set_busy(worker, false);
    leave_credit(worker);
    for (uint32_t i = 0; i < BROOD_SPINNERS_MAX; i++) {
        if (pool->roster.spinners[i] == worker) {
            pool->roster.spinners[i] = NULL;
        }
    }
}

void brood_roster_link(brood_worker *worker, brood_worker *following)
{
    worker->lists.next_idle = following;
}

void brood_roster_allow_wakes(brood_pool *pool, uint32_t count)
{
    pool->roster.wakes_left = count;
}

void brood_roster_take_stuck(brood_pool *pool, int64_t now)
{
    if (pool->roster.stuck_at <= now) {
        pool->roster.stuck_at = BROOD_NEVER;
    }
}
