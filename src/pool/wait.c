#include "pool/wait.h"

#include <assert.h>

#include "base/memory.h"
#include "pool/agenda.h"
#include "pool/caller_runs.h"
#include "pool/engine.h"
#include "pool/exits.h"
#include "pool/lock.h"
#include "pool/pool_impl.h"
#include "pool/supervisor.h"

#define OWNERS_MAX 64
#define LOOKS_A_CLOCK 16
#define SPINNERS_A_CORE 2                /* they give way to each other, and to workers */
#define WAIT_PROBE_EVERY 16              /* waits, whether spinning pays again */
#define POLL_EVERY_NS INT64_C(1000000)   /* how long a thread spins without a look at the poller */
#define POLLER_RETRY_NS INT64_C(1000000) /* what the system has refused is tried again after */

/* ---- spinning ---------------------------------------------------------------------------- */

static bool may_spin(brood_pool *pool)
{
    bool pays = brood_spin_try(&pool->wait.habit, WAIT_PROBE_EVERY) ||
                pool->config.options.spin == BROOD_SPIN_ALWAYS;

    return pool->config.spin_ns > 0 && pays && pool->roster.busy < pool->config.cores &&
           pool->wait.spinning < SPINNERS_A_CORE * pool->config.cores;
}

/* Gives up the lock for a moment. False: other threads want it; the next look may take long. */
static bool look_away(brood_pool *pool)
{
    bool is_wanted = false;

    brood_pool_unlock(pool);
    for (int i = 0; i < BROOD_SPIN_PAUSES; i++) {
        brood_pause();
    }
    is_wanted = brood_pool_lock_is_wanted(pool);
    if (is_wanted) {
        brood_yield();
    }
    return brood_pool_lock(pool) && !is_wanted;
}

static void yield(brood_pool *pool)
{
    brood_pool_unlock(pool);
    brood_yield();
    brood_pool_lock(pool);
}

/* Takes LOOKS_A_CLOCK turns without a look at the clock; only one when others want the lock. */
static bool take_turns(brood_pool *pool, const brood_goal *goal)
{
    bool is_alone = true;

    for (int i = 0; i < LOOKS_A_CLOCK && is_alone; i++) {
        is_alone = look_away(pool);
        brood_pool_turn(pool);
        if (brood_goal_is_over(goal, pool)) {
            return true;
        }
    }
    if (is_alone) {
        yield(pool);
    }
    return brood_goal_is_over(goal, pool);
}

/*
 * In a pool with an event loop, which has no thread of its own, a caller that spins keeps the time
 * and asks the poller. False: a worker is to be started, and the caller must stop spinning for
 * that.
 */
static bool keep_time(brood_pool *pool, int64_t now, int64_t *next)
{
    if (!pool->config.options.event_loop || (now < pool->agenda.due && now < *next)) {
        return true;
    }
    *next = now + POLL_EVERY_NS;
    brood_pool_look(pool);
    return !pool->supervisor.start_due || pool->supervisor.launching;
}

static void begin_spin(brood_pool *pool, brood_spinner *self)
{
    *self = (brood_spinner){pool->wait.spinning_threads, brood_thread_id()};
    pool->wait.spinning_threads = self;
    pool->wait.spinning++;
}

static void end_spin(brood_pool *pool, const brood_spinner *self)
{
    brood_spinner **at = &pool->wait.spinning_threads;

    while (*at != self) {
        at = &(*at)->next;
    }
    *at = self->next;
    pool->wait.spinning--;
}

/*
 * Spins for spin_ns, which begin anew whenever bytes have moved. Workers need not ring from
 * begin_spin to end_spin, and nowhere else.
 */
static bool spin(brood_pool *pool, const brood_goal *goal, int64_t now, int64_t deadline)
{
    int64_t end = now + pool->config.spin_ns;
    int64_t next = now + POLL_EVERY_NS;
    uint64_t moved = pool->upkeep.moved;
    bool over = false;
    bool may_go_on = true;
    brood_spinner self;

    begin_spin(pool, &self);
    while (!over && may_go_on && now < end && now < deadline &&
           pool->roster.busy < pool->config.cores) {
        may_go_on = keep_time(pool, now, &next);
        over = take_turns(pool, goal);
        now = over ? now : brood_os_now();
        if (pool->upkeep.moved != moved) {
            moved = pool->upkeep.moved;
            end = now + pool->config.spin_ns;
        }
    }
    end_spin(pool, &self);
    brood_spin_note(&pool->wait.habit, over);
    return over;
}

/* ---- the leader --------------------------------------------------------------------------- */

/*
 * Waits in the poller until the deadline (0: only asks it), and does what it reports. Only the
 * leader calls this: brood_os_poller_wake wakes one thread.
 */
static void ask_poller(brood_pool *pool, int64_t deadline)
{
    void *owners[OWNERS_MAX];
    size_t count = 0;
    brood_status status = BROOD_OK;

    assert(pool->wait.leading && (deadline == 0 || !brood_pool_counts_as_spinning(pool)));
    brood_pool_unlock(pool);
    status = brood_os_poller_wait(pool->wait.poller, owners, OWNERS_MAX, &count, deadline, NULL);
    if (status != BROOD_OK && status != BROOD_ERR_TIMEOUT && deadline > 0) {
        brood_sleep(POLLER_RETRY_NS);
    }
    brood_pool_lock(pool);
    for (size_t i = 0; i < count; i++) {
        brood_supervisor_look(pool, (uintptr_t)owners[i]);
    }
    /* A poller that fails reports nothing: all workers are looked at, about every POLLER_RETRY_NS. */
    for (uint32_t i = 0;
         i < pool->roster.slots && status != BROOD_OK && status != BROOD_ERR_TIMEOUT; i++) {
        brood_supervisor_look(pool, BROOD_OWNER_OF_BELL(i));
        brood_supervisor_look(pool, BROOD_OWNER_OF_PROCESS(i));
    }
    brood_pool_forget(
        pool); /* what a wake was for, which whoever took it does: it may end its wait */
}

/*
 * Does what is due, and sleeps in the poller until something happens, or until the deadline. No
 * change is missed between the look at the agenda and the sleep: `sleeping` is set with the lock,
 * and whoever changes something later wakes the poller.
 */
static void lead(brood_pool *pool, const brood_goal *goal, int64_t deadline)
{
    pool->wait.leading = true;
    pool->wait.lead_goal = *goal;
    brood_pool_run_due(pool);
    if (!brood_goal_is_over(goal, pool) && !brood_pool_must_run_here(pool)) {
        pool->wait.leader_notified = false;
        pool->wait.sleeps_until = brood_earlier(pool->agenda.due, deadline);
        pool->wait.sleeping = pool->wait.sleeps_until > 0;
        ask_poller(pool, pool->wait.sleeps_until);
        pool->wait.sleeping = false;
        brood_pool_turn(pool);
    }
    pool->wait.leading = false;
}

bool brood_pool_look(brood_pool *pool)
{
    if (pool->wait.leading || pool->wait.successor) {
        return false;
    }
    pool->wait.leading = true;
    ask_poller(pool, 0);
    brood_pool_turn(pool);
    pool->wait.leading = false;
    brood_pool_run_due(pool);
    return true;
}

static bool is_ending(brood_pool *pool, void *ignored)
{
    (void)ignored;
    return pool->ends;
}

void brood_pool_lead_once(brood_pool *pool)
{
    const brood_goal goal = {NULL, is_ending, NULL};

    lead(pool, &goal, BROOD_NEVER);
}

/* ---- followers ---------------------------------------------------------------------------- */

static brood_waiter *take_waiter(brood_pool *pool)
{
    brood_waiter *waiter = pool->wait.spare_waiters;

    if (waiter != NULL) {
        pool->wait.spare_waiters = waiter->next;
        return waiter;
    }
    waiter = brood_calloc(1, sizeof *waiter);
    if (waiter != NULL && brood_sleeper_create(&waiter->sleeper, pool->apr) != BROOD_OK) {
        brood_free(waiter);
        waiter = NULL;
    }
    return waiter;
}

static void put_waiter(brood_pool *pool, brood_waiter *waiter)
{
    brood_waiter **at = &pool->wait.waiters;

    while (*at != waiter) {
        at = &(*at)->next;
    }
    *at = waiter->next;
    pool->wait.successor = pool->wait.successor && !waiter->is_successor;
    waiter->next = pool->wait.spare_waiters;
    pool->wait.spare_waiters = waiter;
}

/* Sleeps until the leader wakes this thread. Without memory for a waiter: sleeps for POLLER_RETRY_NS. */
static void follow(brood_pool *pool, const brood_goal *goal, int64_t deadline)
{
    brood_waiter *waiter = take_waiter(pool);

    if (waiter == NULL) {
        brood_pool_unlock(pool);
        brood_sleep(POLLER_RETRY_NS);
        brood_pool_lock(pool);
        return;
    }
    waiter->goal = *goal;
    waiter->deadline = deadline;
    waiter->is_notified = waiter->is_signalled = waiter->is_successor = false;
    waiter->next = pool->wait.waiters;
    pool->wait.waiters = waiter;
    brood_agenda_at(pool, deadline);
    brood_pool_sleep(pool, &waiter->sleeper);
    put_waiter(pool, waiter);
}

bool brood_pool_has_followers(const brood_pool *pool)
{
    for (const brood_waiter *at = pool->wait.waiters; at != NULL; at = at->next) {
        if (!at->is_notified) {
            return true;
        }
    }
    return false;
}

/* ---- waiting ----------------------------------------------------------------------------- */

/* Sleeps until something happens: as the leader if nobody leads, else as a follower. */
static void sleep_for(brood_pool *pool, const brood_goal *goal, int64_t deadline)
{
    int64_t begun = brood_os_now();

    if (pool->wait.leading || pool->wait.successor) {
        follow(pool, goal, deadline);
    } else {
        lead(pool, goal, deadline);
    }
    brood_spin_note_sleep(&pool->wait.habit, brood_os_now() - begun, pool->config.spin_ns);
}

brood_status brood_pool_wait(brood_pool *pool, const void *what,
                             bool (*is_over)(brood_pool *pool, void *data), void *data,
                             int64_t deadline)
{
    const brood_goal goal = {what, is_over, data};
    bool over = false;
    int64_t now = 0;

    pool->wait.threads++;
    pool->wait.room_waiters += what == BROOD_ROOM(pool);
    brood_pool_turn(pool);
    over = brood_goal_is_over(&goal, pool);
    while (!over && !brood_os_is_ending() && (now = brood_os_now()) < deadline) {
        if (brood_pool_run_here(pool)) {
            over = brood_goal_is_over(&goal, pool);
            continue;
        }
        over = may_spin(pool) && spin(pool, &goal, now, deadline);
        if (!over && !brood_supervisor_start_due(pool)) {
            sleep_for(pool, &goal, deadline);
        }
        over = over || brood_goal_is_over(&goal, pool);
    }
    pool->wait.room_waiters -= what == BROOD_ROOM(pool);
    pool->wait.threads--;
    if (pool->ends) {
        brood_agenda_notify(pool, BROOD_END(pool));
    }
    return over ? BROOD_OK : BROOD_ERR_TIMEOUT;
}
