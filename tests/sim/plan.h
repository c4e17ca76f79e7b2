/*
 * A scenario: a small program whose threads run in a fixed order, but for what is decided against it.
 * A party runs until it blocks or pauses; then the one that it has preempted goes on, or the next one
 * in the order of their beginning. Stores leave a party's buffer at the latest when nobody can run.
 *
 * A decision is written as N>P: at opportunity N party P preempts (all that was stored is seen), N>P-:
 * the same, and what the preempted one has in its buffer is not seen yet; NxP: process P is killed;
 * NxP-: and what it has in its buffer is lost.
 */
#ifndef BROOD_TESTS_SIM_PLAN_H
#define BROOD_TESTS_SIM_PLAN_H

#include <brood/brood.h>

#include "sim.h"

typedef struct sim_decision {
    uint32_t at; /* the number of the opportunity */
    char what;   /* '>', or 'x' */
    uint32_t whom;
    bool holds; /* the stores back */
} sim_decision;

/* A step at which a named scenario decides: it must come, or the scenario fails. */
typedef struct sim_move {
    const char *who;  /* the party: "program", "thread", "worker 1", or as the program named it */
    sim_kind kind;    /* 0: any; SIM_STORE: SIM_RELEASE, too */
    const char *call; /* of SIM_CALL; NULL: any */
    const void *(*object)(void); /* that it is about to touch; NULL: any */
    uint32_t count;              /* the how manieth since the last move; 0: the first */
    char what;                   /* as in a decision */
    const char *whom;            /* NULL: the next move is counted from here */
    bool holds;
} sim_move;

#define SIM_MOVES_MAX 8

typedef struct sim_scenario {
    const char *name;
    const char *about; /* the fault that it is red with, or what is explored */
    void (*options)(brood_pool_options *options); /* NULL: the two workers of all scenarios */
    void (*run)(brood_pool *pool);
    bool is_small; /* to be explored */
    bool has_kill; /* of its own, so exploring it adds none in CI */
    bool is_long;  /* so in CI it is explored with one preemption, or one kill */
    bool is_warm;  /* a task has been done before */
    bool is_alone; /* nobody runs the event loop while run is called */
    sim_move moves[SIM_MOVES_MAX];
} sim_scenario;

const sim_scenario *sim_scenario_find(const char *name);
const sim_scenario *sim_scenario_at(uint32_t index); /* NULL: there are no more */

/* Before a run: decisions as above, with spaces between; false: they are none. */
bool sim_plan_begin(const char *decisions);

/* The program: workers are up, and from now on there is something to decide; and no more. */
void sim_plan_start(void);
void sim_plan_stop(void);

/* So many processes were killed by decisions, or by moves. */
uint32_t sim_plan_kills(void);

/* For the kernel. */
void sim_plan_step(sim_kind kind, const void *object);
sim_party *sim_plan_pick(sim_party **able, uint32_t count);

/* On failure: what was decided, and how to see it again. */
void sim_plan_print(void);

/* Whom the party that runs has preempted, and still has to go on; 0: nobody. */
uint64_t sim_plan_preempted(void);
uint32_t sim_plan_steps(void);

int sim_small_main(int argc, char **argv);

#endif
