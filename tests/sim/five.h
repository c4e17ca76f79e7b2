/*
 * Included before each file of the core in place of runtime/sync.h, atomic.h and memory.h, which are
 * switched off by their guards; and with it each process of the simulator has a state of its own
 * (runtime/here.h). The fifth thing that the simulator replaces is what is behind platform.h.
 */
#ifndef BROOD_TESTS_SIM_FIVE_H
#define BROOD_TESTS_SIM_FIVE_H

#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_pools.h>

#include <brood/brood.h> /* which declares brood_free before that is a macro */

#include "sim.h"

struct brood_process_state;
struct brood_process_state *sim_here(void);
#define BROOD_HERE sim_here()

/* ---- atomic.h ------------------------------------------------------------------------------ */

#define BROOD_SRC_BASE_ATOMIC_H

typedef uint64_t brood_atomic64;
typedef uint32_t brood_atomic32;

static inline uint64_t brood_load64(brood_atomic64 *atomic)
{
    sim_step_at(SIM_LOAD, atomic);
    return sim_value(sim.self->store_count == 0 ? *atomic : sim_load(atomic, sizeof *atomic));
}

static inline uint32_t brood_load32(brood_atomic32 *atomic)
{
    sim_step_at(SIM_LOAD, atomic);
    return (uint32_t)sim_value(sim.self->store_count == 0 ? *atomic
                                                          : sim_load(atomic, sizeof *atomic));
}

/* The exhaustive mode takes the first value there ever was: an order of these steps is no other run. */
static inline uint64_t brood_hint64(brood_atomic64 *atomic)
{
    return sim_explore_is_on() ? 0 : brood_load64(atomic);
}

static inline uint32_t brood_hint32(brood_atomic32 *atomic)
{
    return sim_explore_is_on() ? 0 : brood_load32(atomic);
}

/* Before a change that all processes see in the same order. */
static inline void sim_begin_change(sim_kind kind, const void *object)
{
    sim_step_at(kind, object);
    if (sim.self->store_count > 0) {
        sim_flush(sim.self);
    }
    sim.epoch++;
}

static inline void brood_store64(brood_atomic64 *atomic, uint64_t value)
{
    sim_begin_change(SIM_STORE, atomic);
    *atomic = sim_value(value);
}

static inline void brood_release64(brood_atomic64 *atomic, uint64_t value)
{
    sim_step_at(SIM_RELEASE, atomic);
    sim_release(atomic, sim_value(value), sizeof *atomic);
}

static inline void brood_release32(brood_atomic32 *atomic, uint32_t value)
{
    sim_step_at(SIM_RELEASE, atomic);
    sim_release(atomic, sim_value(value), sizeof *atomic);
}

static inline uint64_t brood_add64(brood_atomic64 *atomic, uint64_t value)
{
    sim_begin_change(SIM_CHANGE, atomic);
    return sim_value(*atomic += value);
}

static inline uint32_t brood_add32(brood_atomic32 *atomic, uint32_t value)
{
    sim_begin_change(SIM_CHANGE, atomic);
    return (uint32_t)sim_value(*atomic += value);
}

static inline uint32_t brood_exchange32(brood_atomic32 *atomic, uint32_t value)
{
    uint32_t before = 0;

    sim_begin_change(SIM_CHANGE, atomic);
    before = (uint32_t)sim_value(*atomic);
    *atomic = (uint32_t)sim_value(value);
    return before;
}

static inline bool brood_cas64(brood_atomic64 *atomic, uint64_t expected, uint64_t value)
{
    sim_begin_change(SIM_CHANGE, atomic);
    if (sim_value(*atomic) != expected) {
        return false;
    }
    *atomic = value;
    return true;
}

static inline bool brood_cas32(brood_atomic32 *atomic, uint32_t expected, uint32_t value)
{
    sim_begin_change(SIM_CHANGE, atomic);
    if (sim_value(*atomic) != expected) {
        return false;
    }
    *atomic = value;
    return true;
}

void sim_point(void *at, size_t size);
#define brood_point(at, size) sim_point(at, size)

/* ---- memory.h ------------------------------------------------------------------------------- */

#define BROOD_SRC_BASE_MEMORY_H

void *sim_malloc(size_t size);
void *sim_calloc(size_t count, size_t size);
void *sim_realloc(void *memory, size_t size);
char *sim_strdup(const char *text);
void sim_free(void *memory);

#define brood_malloc(size) sim_malloc(size)
#define brood_calloc(count, size) sim_calloc(count, size)
#define brood_realloc(memory, size) sim_realloc(memory, size)
#define brood_strdup(text) sim_strdup(text)
#define brood_free(memory) sim_free(memory)

#define brood_apr(call) (call)
apr_status_t sim_apr_pool_create(apr_pool_t **pool);
#define brood_apr_begin() APR_SUCCESS
#define brood_apr_pool_create(pool) sim_apr_pool_create(pool)

/* ---- runtime/sync.h -------------------------------------------------------------------------- */

#define BROOD_SRC_RUNTIME_SYNC_H

#include <brood/status.h>

#include "platform.h"

typedef struct brood_mutex {
    sim_party *owner;
    bool is_created;
} brood_mutex;

brood_status brood_mutex_create(brood_mutex *mutex, apr_pool_t *pool);
void brood_mutex_lock(brood_mutex *mutex);
bool brood_mutex_try_lock(brood_mutex *mutex);
void brood_mutex_unlock(brood_mutex *mutex);

static inline bool brood_mutex_was_created(const brood_mutex *mutex)
{
    return mutex->is_created;
}

#define SIM_WAITERS_MAX 16

typedef struct brood_condition {
    struct sim_cond_waiter *waiters[SIM_WAITERS_MAX];
    uint32_t count;
} brood_condition;

brood_status brood_condition_create(brood_condition *condition, apr_pool_t *pool);
void brood_condition_wait(brood_condition *condition, brood_mutex *mutex);
void brood_condition_signal(brood_condition *condition);

typedef void brood_thread_function(void *data);

typedef struct brood_thread {
    sim_party *party;
    uint64_t id;
} brood_thread;

brood_status brood_thread_start(brood_thread *thread, brood_thread_function *function, void *data,
                                apr_pool_t *pool, brood_error *error);
brood_status brood_thread_start_with(brood_thread *thread, brood_thread_function *function,
                                     void *data, size_t stack, apr_pool_t *pool,
                                     brood_error *error);
brood_status brood_thread_start_detached(brood_thread *thread, brood_thread_function *function,
                                         void *data, apr_pool_t *pool, brood_error *error);
void brood_thread_join(brood_thread *thread);

static inline bool brood_thread_is_started(const brood_thread *thread)
{
    return thread->id != 0;
}

static inline uint64_t brood_thread_id(void)
{
    return sim.self->id;
}

static inline const void *brood_thread_own(void)
{
    return sim.self->own;
}

static inline void brood_thread_set_own(const void *own)
{
    sim.self->own = own;
}

void brood_sleep(int64_t duration);

static inline void brood_yield(void)
{
    sim_pause();
}

static inline void brood_pause(void)
{
    sim_pause();
}

#endif
