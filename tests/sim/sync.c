/* Mutexes, conditions and threads. Any waiter may get a mutex, and any may be woken. */
#include "five.h"

#include "base/error.h"
#include "fault.h"
#include "sim.h"

struct sim_cond_waiter {
    bool is_signalled;
};

/* ---- mutexes --------------------------------------------------------------------------------- */

brood_status brood_mutex_create(brood_mutex *mutex, apr_pool_t *pool)
{
    bool fails = sim_fails(SIM_FAULT_MEMORY);

    (void)pool;
    *mutex = (brood_mutex){NULL, !fails};
    return fails ? BROOD_ERR_NO_MEMORY : BROOD_OK;
}

static bool is_free(void *data)
{
    return ((brood_mutex *)data)->owner == NULL;
}

bool brood_mutex_try_lock(brood_mutex *mutex)
{
    sim_begin_change(SIM_LOCK, mutex);
    if (mutex->owner != NULL) {
        return false;
    }
    mutex->owner = sim.self;
    return true;
}

void brood_mutex_lock(brood_mutex *mutex)
{
    if (mutex->owner == sim.self) {
        sim_fail("a thread takes a mutex that it has");
    }
    while (!brood_mutex_try_lock(mutex)) {
        sim_block("a mutex", is_free, mutex, SIM_NEVER);
    }
}

void brood_mutex_unlock(brood_mutex *mutex)
{
    if (mutex->owner != sim.self) {
        sim_fail("a thread gives up a mutex that it has not");
    }
    sim_begin_change(SIM_UNLOCK, mutex);
    mutex->owner = NULL;
}

/* ---- conditions -------------------------------------------------------------------------------- */

brood_status brood_condition_create(brood_condition *condition, apr_pool_t *pool)
{
    (void)pool;
    memset(condition, 0, sizeof *condition);
    return sim_fails(SIM_FAULT_MEMORY) ? BROOD_ERR_NO_MEMORY : BROOD_OK;
}

static bool is_signalled(void *data)
{
    return ((struct sim_cond_waiter *)data)->is_signalled;
}

static void remove_waiter(brood_condition *condition, uint32_t index)
{
    condition->count--;
    memmove(&condition->waiters[index], &condition->waiters[index + 1],
            (condition->count - index) * sizeof(condition->waiters[0]));
}

static void forget_waiter(brood_condition *condition, const struct sim_cond_waiter *waiter)
{
    for (uint32_t i = 0; i < condition->count; i++) {
        if (condition->waiters[i] == waiter) {
            remove_waiter(condition, i);
            return;
        }
    }
}

void brood_condition_wait(brood_condition *condition, brood_mutex *mutex)
{
    struct sim_cond_waiter waiter = {false};
    bool is_spurious = sim_happens(sim.rates.spurious);

    if (condition->count == SIM_WAITERS_MAX) {
        sim_fail("too many threads wait for a condition");
    }
    condition->waiters[condition->count++] = &waiter;
    brood_mutex_unlock(mutex);
    sim_block("a condition", is_signalled, &waiter,
              is_spurious ? sim_now() + sim_draw_delay(SIM_MS) : SIM_NEVER);
    forget_waiter(condition, &waiter);
    brood_mutex_lock(mutex);
}

void brood_condition_signal(brood_condition *condition)
{
    sim_begin_change(SIM_SIGNAL, condition);
    if (condition->count > 0) {
        uint32_t index = (uint32_t)sim_below(condition->count);

        condition->waiters[index]->is_signalled = true;
        remove_waiter(condition, index);
    }
}

/* ---- threads ------------------------------------------------------------------------------------ */

typedef struct thread_start {
    brood_thread_function *function;
    void *data;
    brood_thread *thread; /* NULL: nobody joins it */
} thread_start;

static void run_thread(void *data)
{
    thread_start start = *(thread_start *)data;

    brood_free(data);
    start.function(start.data);
    if (start.thread != NULL) {
        start.thread->party = NULL;
        sim.epoch++;
    }
}

/* Refused for want of memory, too. */
static brood_status start_thread(brood_thread *thread, brood_thread_function *function, void *data,
                                 bool is_joined, brood_error *error)
{
    thread_start *start = NULL;

    sim_call("thread_start");
    start = sim_fails(SIM_FAULT_THREAD) ? NULL : brood_malloc(sizeof *start);
    *thread = (brood_thread){NULL, 0};
    if (start == NULL) {
        return sim_refuse(BROOD_ERR_LIMIT, "thread", error);
    }
    *start = (thread_start){function, data, is_joined ? thread : NULL};
    thread->party = sim_party_start(sim_own(), run_thread, start);
    thread->id = thread->party->id;
    return BROOD_OK;
}

brood_status brood_thread_start(brood_thread *thread, brood_thread_function *function, void *data,
                                apr_pool_t *pool, brood_error *error)
{
    (void)pool;
    return start_thread(thread, function, data, true, error);
}

brood_status brood_thread_start_with(brood_thread *thread, brood_thread_function *function,
                                     void *data, size_t stack, apr_pool_t *pool, brood_error *error)
{
    (void)stack;
    (void)pool;
    return start_thread(thread, function, data, true, error);
}

brood_status brood_thread_start_detached(brood_thread *thread, brood_thread_function *function,
                                         void *data, apr_pool_t *pool, brood_error *error)
{
    (void)pool;
    return start_thread(thread, function, data, false, error);
}

static bool has_ended(void *data)
{
    return ((brood_thread *)data)->party == NULL;
}

void brood_thread_join(brood_thread *thread)
{
    if (thread->id != 0) {
        sim_call("thread_join");
        while (!sim_block("the end of a thread", has_ended, thread, SIM_NEVER)) {
        }
        thread->id = 0;
    }
}

void brood_sleep(int64_t duration)
{
    sim_call("sleep");
    sim.self->is_in_sleep = true;
    sim_block("a sleep of the library's", NULL, NULL, sim_now() + duration);
    sim.self->is_in_sleep = false;
}
