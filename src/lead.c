#include <stdlib.h>

#include "memory.h"
#include "pool_impl.h"
#include "thread.h"

#define OWNERS_MAX 64
#define PAUSES_A_LOOK 8
#define LOOKS_A_CLOCK 16
#define MISSES_MAX 3
#define PROBE_EVERY 16
#define BUSTLE 4       /* submits between two looks, from which on callers are busy */
#define BUSTLE_US 1000 /* how long the thread leaves busy callers to themselves */

/* ---- the lock ---------------------------------------------------------------------------- */

void brood_pool_lock(brood_pool *pool)
{
    if (apr_thread_mutex_trylock(pool->lock) == APR_SUCCESS) {
        return;
    }
    brood_add32(&pool->wanting, 1);
    apr_thread_mutex_lock(pool->lock);
    brood_add32(&pool->wanting, (uint32_t)-1);
}

void brood_pool_unlock(brood_pool *pool)
{
    apr_thread_mutex_unlock(pool->lock);
}

/* ---- one turn ---------------------------------------------------------------------------- */

/* What a piece takes, lately: an eighth of the new in the old. */
void brood_worker_measure(brood_worker *worker, int64_t now)
{
    brood_pool *pool = worker->pool;
    uint64_t each = (uint64_t)(now - worker->heard_at) / worker->pieces_heard;

    pool->service_ns = pool->service_ns - pool->service_ns / 8 + each / 8;
    worker->heard_at = pool->heard_at = now;
    worker->pieces_heard = 0;
}

static void turn_worker(brood_worker *worker)
{
    brood_status status = BROOD_OK;

    if (worker->dropped != BROOD_OK) {
        return;
    }
    status = brood_worker_hear(worker);
    if (status != BROOD_OK) {
        brood_worker_drop(worker, status);
        return;
    }
    if (worker->armed && !brood_pool_sleeps(worker->pool)) {
        worker->armed = false;
        brood_ring_wake_to_read(&worker->from);
    }
    if (!brood_worker_can_send(worker)) {
        brood_worker_go_on(worker);
        brood_worker_set_thirsty(worker);
    }
    if (worker->pieces_heard > 0) {
        brood_worker_measure(worker, brood_os_now());
    }
}

void brood_pool_turn(brood_pool *pool)
{
    brood_worker *following = NULL;

    pool->unheard = 0;
    for (brood_worker *worker = pool->busy_first; worker != NULL; worker = following) {
        following = worker->next_busy;
        turn_worker(worker);
    }
    brood_pool_feed(pool);
}

/* Workers that have no task yet answer, too, when they have come up. */
static void hear_starting(brood_pool *pool)
{
    if (pool->alarms == 0) {
        return;
    }
    for (uint32_t i = 0; i < pool->slots; i++) {
        brood_worker *worker = pool->workers[i];

        if (worker != NULL && !worker->is_up && !worker->is_busy) {
            turn_worker(worker);
            if (worker->state == BROOD_WORKER_READY && worker->is_idle) {
                brood_worker_set_idle(worker, true); /* to the front */
            }
        }
    }
}

int64_t brood_pool_upkeep(brood_pool *pool)
{
    int64_t now = brood_os_now();
    int64_t next = BROOD_NEVER;

    hear_starting(pool);
    next = brood_pool_tick(pool, now);
    next = brood_earlier(next, brood_crew_keep(pool, now));
    brood_pool_feed(pool);
    next = brood_earlier(next, brood_pool_balance(pool, now));
    return brood_earlier(next, pool->feed_at);
}

/* ---- spinning ---------------------------------------------------------------------------- */

bool brood_pool_sleeps(const brood_pool *pool)
{
    return (pool->sleeping || pool->loop_sleeps) && pool->spinning == 0;
}

bool brood_pool_spin(brood_pool *pool)
{
    bool pays = pool->misses < MISSES_MAX || pool->misses++ % PROBE_EVERY == 0 ||
                pool->options.spin == BROOD_SPIN_ALWAYS;

    if (pool->spin_ns == 0 || !pays || pool->busy + pool->spinning >= pool->cores) {
        return false;
    }
    pool->spinning++;
    return true;
}

static void must_ring(brood_pool *pool);

void brood_pool_unspin(brood_pool *pool)
{
    pool->spinning--;
    must_ring(pool);
}

static void look_away(brood_pool *pool)
{
    brood_pool_unlock(pool);
    for (int i = 0; i < PAUSES_A_LOOK; i++) {
        brood_pause();
    }
    if (brood_load32(&pool->wanting) > 0) {
        apr_thread_yield();
    }
    brood_pool_lock(pool);
}

/* Looks again and again for a moment, which begins anew whenever bytes have moved. */
static bool spin(brood_pool *pool, bool (*is_over)(brood_pool *, void *), void *data)
{
    int64_t end = brood_os_now() + pool->spin_ns;
    uint64_t moved = pool->moved;
    bool over = false;

    do {
        for (int i = 0; i < LOOKS_A_CLOCK && !over; i++) {
            look_away(pool);
            brood_pool_turn(pool);
            over = is_over(pool, data);
        }
        if (!over) {
            brood_pool_unlock(pool);
            apr_thread_yield();
            brood_pool_lock(pool);
            over = is_over(pool, data);
        }
        if (pool->moved != moved) {
            moved = pool->moved;
            end = brood_os_now() + pool->spin_ns;
        }
    } while (!over && brood_os_now() < end && pool->busy < pool->cores);
    pool->misses = over ? 0 : pool->misses + 1;
    return over;
}

/* ---- sleeping ---------------------------------------------------------------------------- */

static bool arm_all(brood_pool *pool)
{
    for (brood_worker *worker = pool->busy_first; worker != NULL; worker = worker->next_busy) {
        if (!brood_worker_arm(worker)) {
            return false;
        }
    }
    if (pool->alarms == 0) {
        return true;
    }
    for (uint32_t i = 0; i < pool->slots; i++) {
        brood_worker *worker = pool->workers[i];

        if (worker != NULL && !worker->is_up && !worker->is_busy && !brood_worker_arm(worker)) {
            return false;
        }
    }
    return true;
}

/* From now on workers must ring, if somebody sleeps. */
static void must_ring(brood_pool *pool)
{
    if (brood_pool_sleeps(pool) && !arm_all(pool)) {
        brood_pool_rouse(pool);
    }
}

/* What the poller says now, or until the deadline. */
static void ask_poller(brood_pool *pool, int64_t deadline)
{
    void *owners[OWNERS_MAX];
    size_t count = 0;
    brood_status status = BROOD_OK;

    brood_pool_unlock(pool);
    status = brood_os_poller_wait(pool->poller, owners, OWNERS_MAX, &count, deadline, NULL);
    if (status != BROOD_OK && status != BROOD_ERR_TIMEOUT) {
        apr_sleep(BUSTLE_US);
    }
    brood_pool_lock(pool);
    for (size_t i = 0; i < count; i++) {
        brood_crew_look(pool, (uintptr_t)owners[i]);
    }
    /* A poller that fails tells nothing: all are looked at, now and then. */
    for (uint32_t i = 0; i < pool->slots && status != BROOD_OK && status != BROOD_ERR_TIMEOUT;
         i++) {
        brood_crew_look(pool, BROOD_OWNER_OF_BELL(i));
        brood_crew_look(pool, BROOD_OWNER_OF_PROCESS(i));
    }
}

/* The earliest of those who wait, whom the leader wakes in time. */
static int64_t deadline_of_waiters(const brood_pool *pool)
{
    int64_t deadline = BROOD_NEVER;

    for (const brood_waiter *at = pool->waiters; at != NULL; at = at->next) {
        deadline = brood_earlier(deadline, at->deadline);
    }
    return deadline;
}

static void wake_late(brood_pool *pool)
{
    int64_t now = pool->waiters != NULL ? brood_os_now() : 0;

    for (brood_waiter *at = pool->waiters; at != NULL; at = at->next) {
        if (at->deadline <= now) {
            apr_thread_cond_signal(at->cond);
        }
    }
}

/*
 * The program's loop has callbacks to run, which its handle says: a wait that lasts would take that
 * from it.
 */
static void leave_to_loop(brood_pool *pool)
{
    ask_poller(pool, 0);
    brood_os_poller_wake(pool->poller);
    brood_pool_unlock(pool);
    apr_sleep(BUSTLE_US);
    brood_pool_lock(pool);
}

/* Sleeps until something happens, in the leader's place. */
static void sleep_in_poller(brood_pool *pool, int64_t deadline)
{
    int64_t next = 0;

    pool->roused = false;
    next = brood_pool_upkeep(pool);
    next = brood_earlier(next, brood_earlier(deadline, deadline_of_waiters(pool)));
    if (pool->roused) {
        ask_poller(pool, 0); /* something has changed meanwhile, which must not hide the rest */
        return;
    }
    if (pool->due_first != NULL && pool->thread_leads) {
        return;
    }
    pool->sleeping = true;
    pool->sleeps_until = next;
    if (arm_all(pool)) {
        if (pool->options.event_loop && pool->due_first != NULL) {
            leave_to_loop(pool);
        } else {
            ask_poller(pool, next);
        }
    }
    pool->sleeping = false;
    brood_pool_turn(pool);
    wake_late(pool);
}

void brood_pool_rouse(brood_pool *pool)
{
    pool->roused = true;
    if (pool->sleeping || pool->loop_sleeps) {
        brood_os_poller_wake(pool->poller);
    }
}

void brood_pool_rouse_sleeper(brood_pool *pool)
{
    if (pool->sleeping || pool->loop_sleeps) {
        brood_pool_rouse(pool);
    }
}

/* ---- waiting ----------------------------------------------------------------------------- */

/* The pool's own thread waits for nothing that is told here. */
static bool concerns_leader(const brood_pool *pool, const brood_result *job)
{
    return !pool->thread_leads && (job == NULL || pool->lead_job == NULL || pool->lead_job == job);
}

void brood_pool_wake(brood_pool *pool, const brood_result *job)
{
    if (pool->leading && concerns_leader(pool, job)) {
        pool->roused = true; /* also when it is just about to sleep */
        brood_pool_rouse_sleeper(pool);
    }
    for (brood_waiter *at = pool->waiters; at != NULL; at = at->next) {
        if (job == NULL || at->job == NULL || at->job == job) {
            apr_thread_cond_signal(at->cond);
        }
    }
}

static brood_waiter *take_waiter(brood_pool *pool)
{
    brood_waiter *waiter = pool->spare_waiters;

    if (waiter != NULL) {
        pool->spare_waiters = waiter->next;
        return waiter;
    }
    waiter = brood_calloc(1, sizeof *waiter);
    if (waiter != NULL &&
        brood_apr(apr_thread_cond_create(&waiter->cond, pool->apr)) != APR_SUCCESS) {
        free(waiter);
        waiter = NULL;
    }
    return waiter;
}

/* Somebody else leads, and wakes us. Without memory for that we look now and then. */
static void follow(brood_pool *pool, brood_result *job, int64_t deadline)
{
    brood_waiter *waiter = take_waiter(pool);
    brood_waiter **at = &pool->waiters;

    if (waiter == NULL) {
        brood_pool_unlock(pool);
        apr_sleep(BUSTLE_US);
        brood_pool_lock(pool);
        return;
    }
    waiter->job = job;
    waiter->deadline = deadline;
    waiter->next = pool->waiters;
    pool->waiters = waiter;
    if (deadline < pool->sleeps_until) {
        brood_pool_rouse(pool);
    }
    must_ring(pool);
    apr_thread_cond_wait(waiter->cond, pool->lock);
    while (*at != waiter) {
        at = &(*at)->next;
    }
    *at = waiter->next;
    waiter->next = pool->spare_waiters;
    pool->spare_waiters = waiter;
}

/* When nobody leads, the next one may. */
static void hand_on(brood_pool *pool)
{
    if (pool->leading) {
        return;
    }
    if (pool->waiters != NULL) {
        apr_thread_cond_signal(pool->waiters->cond);
    } else if (pool->thread != NULL && !pool->thread_leads) {
        apr_thread_cond_signal(pool->thread_cond);
    }
}

/* What a thread that waited has seen in the poller's place, the program's loop has not. */
static void tell_loop(brood_pool *pool)
{
    if (pool->loop_missed && !pool->leading && pool->waiters == NULL) {
        pool->loop_missed = false;
        brood_pool_rouse(pool);
    }
}

static void lead_once(brood_pool *pool, brood_result *job, int64_t deadline)
{
    pool->leading = true;
    pool->lead_job = job;
    pool->loop_missed = pool->options.event_loop;
    sleep_in_poller(pool, deadline);
    pool->leading = false;
}

/* Until something happens: in the poller's place, or woken by the thread that is there. */
static void sleep_for(brood_pool *pool, brood_result *job, int64_t deadline)
{
    int64_t begun = brood_os_now();

    if (pool->leading) {
        follow(pool, job, deadline);
    } else {
        lead_once(pool, job, deadline);
    }
    if (brood_os_now() - begun < pool->spin_ns) {
        pool->misses = 0; /* to look again and again would have been of use */
    }
}

brood_status brood_pool_wait(brood_pool *pool, brood_result *job,
                             bool (*is_over)(brood_pool *pool, void *data), void *data,
                             int64_t deadline, bool spins)
{
    bool over = false;

    brood_pool_turn(pool);
    over = is_over(pool, data);
    while (!over && brood_os_now() < deadline) {
        if (spins || brood_pool_spin(pool)) {
            hand_on(pool); /* meanwhile somebody must keep the time */
            over = spin(pool, is_over, data);
            brood_pool_unspin(pool);
            spins = false;
        }
        if (!over) {
            sleep_for(pool, job, deadline);
            over = is_over(pool, data);
        }
    }
    if (spins) {
        brood_pool_unspin(pool);
    }
    hand_on(pool);
    tell_loop(pool);
    return over ? BROOD_OK : BROOD_ERR_TIMEOUT;
}

/* ---- the thread -------------------------------------------------------------------------- */

bool brood_pool_in_callback(const brood_pool *pool)
{
    return pool->calls_back && apr_os_thread_equal(pool->caller, apr_os_thread_current());
}

void brood_pool_call_thread(brood_pool *pool)
{
    if (pool->thread == NULL) {
        brood_os_poller_wake(pool->poller); /* the handle gets ready */
    } else if (pool->thread_leads) {
        brood_pool_rouse(pool);
    } else {
        apr_thread_cond_signal(pool->thread_cond);
    }
}

/* Callers that submit and fetch are faster left alone: they listen to the workers themselves. */
static bool is_bustling(brood_pool *pool)
{
    bool bustling = pool->submits - pool->submits_seen >= BUSTLE;

    pool->submits_seen = pool->submits;
    return bustling && pool->jobs != NULL;
}

static void thread_step(brood_pool *pool)
{
    if (pool->due_first != NULL) {
        hand_on(pool); /* a callback may take long: those who wait lead meanwhile */
    }
    brood_pool_call_due(pool);
    if (pool->ends) {
        return;
    }
    if (pool->leading || pool->waiters != NULL) {
        hand_on(pool);
        apr_thread_cond_wait(pool->thread_cond, pool->lock);
    } else if (is_bustling(pool)) {
        brood_pool_unlock(pool);
        apr_sleep(BUSTLE_US);
        brood_pool_lock(pool);
        brood_pool_turn(pool);
        brood_pool_upkeep(pool);
    } else {
        pool->thread_leads = true;
        lead_once(pool, NULL, BROOD_NEVER);
        pool->thread_leads = false;
    }
}

static void *APR_THREAD_FUNC run_thread(apr_thread_t *thread, void *data)
{
    brood_pool *pool = data;

    (void)thread;
    brood_pool_lock(pool);
    while (!pool->ends) {
        thread_step(pool);
    }
    brood_pool_unlock(pool);
    return NULL; /* apr_thread_exit would load a library to unwind the stack */
}

brood_status brood_pool_thread_start(brood_pool *pool, brood_error *error)
{
    return brood_thread_start_joinable(&pool->thread, run_thread, pool, pool->apr, error);
}

void brood_pool_thread_end(brood_pool *pool)
{
    apr_thread_t *thread = pool->thread;
    apr_status_t ignored = APR_SUCCESS;

    pool->ends = true;
    if (thread == NULL) {
        return;
    }
    brood_pool_call_thread(pool);
    brood_pool_unlock(pool);
    apr_thread_join(&ignored, thread);
    brood_pool_lock(pool);
    pool->thread = NULL;
}

/* ---- the program's event loop ------------------------------------------------------------ */

void brood_pool_run_loop(brood_pool *pool)
{
    bool again = true;

    pool->loop_sleeps = false;
    while (again) {
        pool->roused = false;
        if (!pool->leading) { /* one at a time */
            ask_poller(pool, 0);
        }
        brood_pool_turn(pool);
        pool->loop_until = brood_pool_upkeep(pool);
        brood_pool_call_due(pool);
        again = pool->roused || pool->due_first != NULL || !arm_all(pool);
    }
    pool->loop_sleeps = true;
}
