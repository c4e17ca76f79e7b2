/*
 * All runs of a scenario with up to so many preemptions and kills. The simulator is one process: at
 * each opportunity it forks for each thing that could be decided, waits for that copy's verdict, and
 * goes on as if nothing had been decided.
 */
#ifndef BROOD_TESTS_SIM_EXPLORE_H
#define BROOD_TESTS_SIM_EXPLORE_H

#include "plan.h"
#include "sim.h"

typedef struct sim_bounds {
    uint32_t preemptions, kills;
    bool forgets; /* runs also go on that come to a state that is known */
} sim_bounds;

/* Runs all of it; run does one life. Ends the program when one fails. */
void sim_explore(sim_bounds bounds, double limit_seconds, void (*run)(void));

/* For plan.c: what is decided at this opportunity, if anything. */
bool sim_explore_step(sim_kind kind, const void *object, sim_decision *decision);
bool sim_explore_pick(sim_party **able, uint32_t count, const sim_party *otherwise,
                      sim_decision *decision);

/*
 * What happens, taken down so that orders of steps that lead to the same are known: the party that
 * runs touches the object; what a party has stored is seen by all; an end of a stream is closed; the
 * party goes on after a wait; a process dies; the clock jumps.
 */
void sim_explore_touch(sim_kind kind, const void *object);
void sim_explore_seen(const void *object, uint64_t past);
void sim_explore_close(const void *stream);
void sim_explore_wake(void);
void sim_explore_death(const sim_process *process);
void sim_explore_jump(int64_t to);

#endif
