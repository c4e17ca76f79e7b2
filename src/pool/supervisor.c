#include "pool/supervisor.h"

#include "pool/balance.h"
#include "pool/failed_items.h"
#include "pool/failures.h"
#include "pool/headcount.h"
#include "pool/job.h"
#include "pool/pool_impl.h"
#include "pool/roster.h"
#include "pool/starts.h"
#include "pool/worker.h"

#define LEAVE_NS (100 * BROOD_NS_PER_MS) /* to end, where more leave than the pool has workers */

/* Bounds the number of processes, however fast workers leave: earlier ones have to end before. */
static bool may_start(const brood_pool *pool)
{
    return pool->supervisor.leaving <= pool->supervisor.most &&
           pool->roster.alive < pool->supervisor.target + pool->supervisor.most;
}

bool brood_supervisor_lacks_starter(const brood_pool *pool)
{
    return !brood_thread_is_started(&pool->threads.thread) || pool->threads.starter_refused;
}

/* Sets start_due; returns when to plan the start again. */
static int64_t plan_start(brood_pool *pool, int64_t now)
{
    bool is_wanted = pool->supervisor.serving < brood_supervisor_wanted(pool) && may_start(pool);

    if (pool->supervisor.serving >= pool->supervisor.target) {
        pool->supervisor.to_fill = 0;
    }
    pool->supervisor.start_due = is_wanted && now >= pool->supervisor.start_at;
    if (pool->supervisor.start_due) {
        /*
         * The starter's work. Without one a leader must not sleep: it starts the worker itself, or
         * is the pool's thread, and begins the starter.
         */
        bool is_leaders =
            brood_supervisor_lacks_starter(pool) ||
            (!brood_thread_is_started(&pool->threads.starter) && pool->threads.thread_leads);

        return is_leaders && !pool->supervisor.launching ? now : BROOD_NEVER;
    }
    return is_wanted ? pool->supervisor.start_at : BROOD_NEVER;
}

/*
 * Whether any worker is wanted is asked again: the pool may have come to its end since the start
 * was planned, and then nobody would end the worker.
 */
void brood_supervisor_start_one(brood_pool *pool)
{
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_status status = BROOD_OK;

    if (brood_supervisor_wanted(pool) == 0) {
        pool->supervisor.start_due = false;
        return;
    }
    status = brood_supervisor_start(pool, &error);
    if (status != BROOD_OK) {
        brood_failure why = brood_job_failure(NULL, status, error.message);

        brood_supervisor_note_failed_start(pool, &why);
        brood_agenda_supervise(pool);
        brood_agenda_notify(pool, BROOD_END(pool)); /* it was all that a join waited for, perhaps */
    }
    brood_supervisor_run(pool, brood_os_now()); /* the number of workers has changed */
}

bool brood_supervisor_start_due(brood_pool *pool)
{
    if (!brood_supervisor_lacks_starter(pool) || !pool->supervisor.start_due ||
        pool->supervisor.launching) {
        return false;
    }
    brood_supervisor_start_one(pool);
    return true;
}

/*
 * At most as many workers leave at a time as the pool has (`most`): beyond that the one that has
 * been leaving for longest is killed, after LEAVE_NS. Returns when to look again.
 */
static int64_t end_oldest(brood_pool *pool, int64_t now)
{
    int64_t exit_ns = (int64_t)pool->config.options.exit_timeout_ms * BROOD_NS_PER_MS;
    brood_worker *oldest = NULL;

    for (uint32_t i = 0; i < pool->roster.slots && pool->supervisor.leaving > pool->supervisor.most;
         i++) {
        brood_worker *worker = pool->roster.workers[i];

        if (worker != NULL && brood_worker_is_leaving(worker) &&
            (oldest == NULL || worker->life.end_by < oldest->life.end_by)) {
            oldest = worker;
        }
    }
    if (oldest == NULL) {
        return BROOD_NEVER;
    }
    if (oldest->life.end_by - exit_ns + LEAVE_NS > now) {
        return oldest->life.end_by - exit_ns + LEAVE_NS;
    }
    brood_worker_drop(oldest, BROOD_ERR_TIMEOUT);
    pool->supervisor.leaving--;
    return end_oldest(pool, now);
}

/* The last idle worker, or else the one with the fewest chunks. */
static brood_worker *superfluous(const brood_pool *pool)
{
    brood_worker *best = pool->roster.idle_last;

    for (uint32_t i = 0; i < pool->roster.slots && (best == NULL || best->backlog.count > 0); i++) {
        brood_worker *worker = pool->roster.workers[i];

        if (worker != NULL && brood_worker_serves(worker) &&
            (best == NULL || worker->backlog.count < best->backlog.count)) {
            best = worker;
        }
    }
    return best;
}

static void stop_superfluous(brood_pool *pool)
{
    uint32_t count = brood_supervisor_count(pool, brood_worker_serves);
    uint32_t most = pool->closed && pool->jobs.unfinished == 0 ? 0 : pool->supervisor.target;

    while (count > most) {
        brood_worker *worker = superfluous(pool);

        if (worker != NULL && worker->backlog.count > 1) {
            brood_worker_revoke(worker);
        }
        if (worker == NULL) {
            return;
        }
        brood_worker_stop(worker);
        count--;
    }
}

/* There may have been no memory for a STOP. */
static void stop_owed(brood_pool *pool)
{
    for (uint32_t i = 0; i < pool->roster.slots; i++) {
        if (pool->roster.workers[i] != NULL) {
            brood_worker_stop_owed(pool->roster.workers[i]);
        }
    }
}

/* Stops an idle worker whose idle time-out is over; returns when to look again. */
static int64_t stop_idle(brood_worker *worker, int64_t now)
{
    int64_t over = worker->lists.idle_since +
                   (int64_t)worker->pool->config.options.idle_timeout_ms * BROOD_NS_PER_MS;

    if (over > now) {
        return over;
    }
    brood_worker_stop(worker);
    return BROOD_NEVER;
}

/*
 * Looks at all idle workers, since their list is in no order of time: one that was stalled is at
 * the end of the list, after others that have been idle for longer. A worker that has not come up
 * yet is in the list, but its time as an idle one has not begun.
 */
static int64_t stop_all_idle(brood_pool *pool, int64_t now)
{
    int64_t next = BROOD_NEVER;
    brood_worker *before = NULL;

    for (brood_worker *at = pool->roster.idle_last;
         at != NULL && pool->config.options.idle_timeout_ms > 0; at = before) {
        before = at->lists.previous_idle;
        if (at->life.fate == BROOD_FATE_SERVE) {
            next = brood_earlier(next, stop_idle(at, now));
        }
    }
    return next;
}

/*
 * A pool that was made smaller had a larger bound, so that the workers that are too many end in
 * peace: from 4 to 1, three may leave at a time. The bound follows the number of workers down to the
 * target. Those that do not leave yet, because they still have a task, count as well.
 */
static void lower_most(brood_supervisor *supervisor, uint32_t alive)
{
    supervisor->most = supervisor->most < alive ? supervisor->most : alive;
    supervisor->most =
        supervisor->most > supervisor->target ? supervisor->most : supervisor->target;
}

int64_t brood_supervisor_run(brood_pool *pool, int64_t now)
{
    int64_t next = BROOD_NEVER;

    if (!brood_agenda_take_supervise(pool, now)) {
        return pool->agenda.supervise_at;
    }
    next = stop_all_idle(pool, now);
    stop_owed(pool);
    stop_superfluous(pool);
    pool->supervisor.serving = brood_supervisor_count(pool, brood_worker_counts);
    pool->supervisor.leaving = brood_supervisor_count(pool, brood_worker_is_leaving);
    lower_most(&pool->supervisor, pool->roster.alive);
    next = brood_earlier(next, end_oldest(pool, now));
    next = brood_earlier(next, plan_start(pool, now));
    return brood_agenda_supervised(pool, next);
}

void brood_supervisor_kill_all(brood_pool *pool)
{
    for (uint32_t i = 0; i < pool->roster.slots; i++) {
        if (pool->roster.workers[i] != NULL) {
            brood_worker_drop(pool->roster.workers[i], BROOD_ERR_CANCELLED);
        }
    }
}

void brood_supervisor_resize(brood_pool *pool, uint32_t workers)
{
    brood_supervisor *supervisor = &pool->supervisor;

    supervisor->target = workers;
    supervisor->most = supervisor->most > workers ? supervisor->most : workers;
    supervisor->to_fill = pool->config.options.lazy ? 0 : workers;
}
