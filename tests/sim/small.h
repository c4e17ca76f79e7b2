/* What scenarios are made of: tasks that are counted, and what may become of them. */
#ifndef BROOD_TESTS_SIM_SMALL_H
#define BROOD_TESTS_SIM_SMALL_H

#include <brood/brood.h>

#include "../liveness.h"
#include "plan.h"

#define SMALL_TASKS 16

enum {
    SMALL_RETURN,
    SMALL_PAUSE,          /* for pause_us */
    SMALL_KILL_FIRST,     /* its worker, in the first attempt */
    SMALL_UNTIL_CANCELLED /* and no longer than 100 ms */
};

/* An argument, or the first bytes of one; the value is number + 1000. */
typedef struct small_order {
    uint32_t number, kind, pause_us, unused;
} small_order;

/* One that returns at once, and one that takes so long. */
small_order small_plain(uint32_t number);
small_order small_pausing(uint32_t number, uint32_t pause_us);

int small_task(brood_task *task, const void *arg, size_t size);

/* How often that task has begun so far. */
uint32_t small_begun(uint32_t number);

/* Submits; what fails ends the run. */
brood_result *small_submit(brood_pool *pool, small_order order, const brood_task_options *options);
/* The same with an argument of size bytes, at least an order. */
brood_result *small_submit_large(brood_pool *pool, small_order order, size_t size,
                                 const brood_task_options *options);

/*
 * Waits for it, checks its status (bits of LIVE_BIT; and BROOD_ERR_DIED where a worker was killed by
 * the schedule), its value and how often it has begun, and destroys it.
 */
void small_finish(brood_result *result, uint32_t number, uint64_t allowed);
void small_check_status(brood_status status, uint64_t allowed, const char *call);

/* Ends the run when it is not so. */
void small_must(bool is_so, const char *what);

/* Calls brood_pool_apply, which must succeed. */
void small_apply(brood_pool *pool, small_order order);

/* What was begun then has taken no longer than that. */
void small_must_be_soon(int64_t since, int64_t most_ms, const char *what);

/* A thread of the program's, by that name in moves and failures. */
support_thread *small_thread(const char *name, void (*work)(void *), void *data);

/* The pool of the run, for moves that name what lies in it. */
brood_pool *small_pool(void);

/* Its first worker. */
struct brood_peer;
const struct brood_peer *small_first_peer(void);

/* Pools with one worker; with one and no spinning; with rings of 64 KiB, whose workers come when needed. */
void small_set_one(brood_pool_options *options);
void small_set_quiet(brood_pool_options *options);
void small_set_rings(brood_pool_options *options);

/* The scenarios that are explored, and those of faults that were found; the last one has no name. */
extern const sim_scenario sim_explored[];
extern const sim_scenario sim_found_waits[];
extern const sim_scenario sim_found_workers[];
extern const sim_scenario sim_found_answers[];
extern const sim_scenario sim_found_races[];

#endif
