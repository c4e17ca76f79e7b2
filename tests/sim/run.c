/*
 * sim [--seed N] [--lives N] [--seconds S] [--trace] [--verbose] [--twice]
 *
 * Runs worlds, one after the other, from seeds N, N + 1 and so on, for S seconds of the processor's
 * time, so that a busy machine makes no difference. --trace prints each step that can be seen from
 * outside, for one life. --twice runs each seed again, and compares the hashes.
 *
 * sim --scenarios                                       tells what scenarios there are
 * sim --each                                            a run of each of them
 * sim --scenario NAME [--trace] [--replay DECISIONS]    one run of it (plan.h has the decisions)
 * sim --exhaustive [--scenario NAME] [--preemptions N --kills N] [--seconds S] [--forget]
 *                  all runs of the small scenarios, or of that one, with up to so many preemptions
 *                  and kills; else with one of each, and with two preemptions. --forget: runs that
 *                  come to a state that is known go on, too
 */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <apr_general.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

#include "explore.h"
#include "plan.h"
#include "program.h"

#define SETTLE_MAX (100 * SIM_MS) /* until all processes have ended after the program has, */
                                  /* beside what the model adds */

static struct {
    uint64_t steps, lives, killed, events, calls, faults, tasks;
    int64_t simulated;
} totals;

static bool has_ended(void *data)
{
    return ((sim_process *)data)->state == SIM_DEAD;
}

/* The end of the program, which its workers hear of. */
typedef struct program_end {
    int64_t at, lateness; /* then */
} program_end;

static bool are_all_dead(void *data)
{
    const program_end *ended = data;
    int64_t end = ended->at + SETTLE_MAX + sim.lateness - ended->lateness;
    bool any = false;

    for (const sim_process *at = sim.processes; at != NULL; at = at->next) {
        any = any || (at->state != SIM_DEAD && !at->is_immortal);
    }
    if (any && sim_now() > end) {
        sim_fail("a worker outlives its program\n  %s", sim_program_description());
    }
    return !any;
}

/* Nothing is left of it. */
static void check_rest(void)
{
    if (sim_things_count() > 0) {
        sim_fail("%u things of the system are left", sim_things_count());
    }
}

/* What a program that is killed had allocated itself is no leak of the simulator's. */
static void forgive_leaks(bool from_now)
{
#if defined(__SANITIZE_ADDRESS__)
    (from_now ? __lsan_disable : __lsan_enable)();
#else
    (void)from_now;
#endif
}

static bool is_to_die(void)
{
    return sim.rates.dies != SIM_NEVER && sim.scenario == NULL;
}

static sim_process *start_program(void)
{
    char *environment[] = {"PATH=/bin", NULL};
    sim_process *program = sim_process_new(environment);

    sim_process_start(program);
    if (is_to_die()) {
        sim_process_kill_later(program, sim.rates.dies);
    }
    return program;
}

/* What is slow already when the program ends is late after it, too. */
static program_end end_now(void)
{
    int64_t rest = sim.late_until > sim_now() ? sim.late_until - sim_now() : 0;

    return (program_end){sim_now(), sim.lateness - rest};
}

static uint64_t run_life(uint64_t seed)
{
    sim_process *program = NULL;
    program_end ended;
    int64_t begun = 0;

    sim_begin(seed);
    if (is_to_die()) {
        forgive_leaks(true);
    }
    begun = sim_now();
    program = start_program();
    sim_run(has_ended, program);
    if (program->code != 0 && !program->was_signalled) {
        sim_fail("the program ended with %d", program->code);
    }
    totals.killed += program->was_signalled;
    ended = end_now();
    sim_run(are_all_dead, &ended);
    totals.simulated += sim_now() - begun;
    sim_processes_end();
    check_rest();
    if (is_to_die()) {
        forgive_leaks(false);
    }
    sim_end();
    return sim.hash;
}

static double seconds_used(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static void run_seed(uint64_t seed, bool twice)
{
    uint64_t hash = run_life(seed);

    totals.steps += sim.steps;
    totals.events += sim.events;
    totals.calls += sim.calls;
    totals.faults += sim.faults;
    totals.tasks += sim.tasks;
    totals.lives++;
    if (twice && run_life(seed) != hash) {
        sim_fail("the second run of the seed was another one");
    }
}

static const char *option(int argc, char **argv, const char *name, const char *otherwise)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            otherwise = argv[i + 1];
        }
    }
    return otherwise;
}

static bool has_option(int argc, char **argv, const char *name)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- scenarios ----------------------------------------------------------------------------------- */

static void run_scenario(void)
{
    run_life(0);
}

static int tell_scenarios(void)
{
    for (uint32_t i = 0; sim_scenario_at(i) != NULL; i++) {
        printf("%-20s%s\n", sim_scenario_at(i)->name, sim_scenario_at(i)->about);
    }
    return 0;
}

static int run_once(const char *name, const char *decisions)
{
    sim.scenario = sim_scenario_find(name);
    if (sim.scenario == NULL || !sim_plan_begin(decisions)) {
        fprintf(stderr, "sim: there is no such scenario, or these are no decisions\n");
        return 2;
    }
    run_scenario();
    printf("%s: %llu steps\nsim passed\n", name, (unsigned long long)sim.steps);
    return 0;
}

/* A run of each: those that are explored decide nothing in theirs. */
static int run_each(void)
{
    for (uint32_t i = 0; sim_scenario_at(i) != NULL; i++) {
        sim.scenario = sim_scenario_at(i);
        sim_plan_begin(NULL);
        run_scenario();
        printf("%s: %llu steps\n", sim.scenario->name, (unsigned long long)sim.steps);
    }
    printf("sim passed\n");
    return 0;
}

static uint32_t number(int argc, char **argv, const char *name)
{
    return (uint32_t)strtoul(option(argc, argv, name, "0"), NULL, 10);
}

static void explore_one(const sim_bounds *asked, bool forgets, double limit)
{
    if (asked != NULL) {
        sim_explore(*asked, limit, run_scenario);
        return;
    }
    if (sim.scenario->is_long) {
        sim_explore((sim_bounds){1, 0, forgets}, limit, run_scenario);
        sim_explore((sim_bounds){0, 1, forgets}, limit, run_scenario);
        return;
    }
    if (!sim.scenario->has_kill) {
        sim_explore((sim_bounds){1, 1, forgets}, limit, run_scenario);
    }
    sim_explore((sim_bounds){2, 0, forgets}, limit, run_scenario);
}

/* Each of them with the bounds that are asked for, or else with those of CI. */
static int explore_all(int argc, char **argv)
{
    const char *name = option(argc, argv, "--scenario", NULL);
    double limit = strtod(option(argc, argv, "--seconds", "100000"), NULL);
    bool forgets = has_option(argc, argv, "--forget");
    sim_bounds asked = {number(argc, argv, "--preemptions"), number(argc, argv, "--kills"),
                        forgets};
    bool is_asked = asked.preemptions + asked.kills > 0;

    for (uint32_t i = 0; sim_scenario_at(i) != NULL; i++) {
        sim.scenario = sim_scenario_at(i);
        sim_plan_begin(NULL);
        if (name != NULL ? strcmp(name, sim.scenario->name) != 0 : !sim.scenario->is_small) {
            continue;
        }
        explore_one(is_asked ? &asked : NULL, forgets, limit);
    }
    printf("sim passed\n");
    return 0;
}

static int run_scenarios(int argc, char **argv)
{
    if (has_option(argc, argv, "--scenarios")) {
        return tell_scenarios();
    }
    if (has_option(argc, argv, "--each")) {
        return run_each();
    }
    return has_option(argc, argv, "--exhaustive") ? explore_all(argc, argv)
                                                  : run_once(option(argc, argv, "--scenario", ""),
                                                             option(argc, argv, "--replay", NULL));
}

int main(int argc, char **argv)
{
    struct timespec begun;
    char by_clock[32];
    uint64_t first = 0;
    uint64_t lives = strtoull(option(argc, argv, "--lives", "1000000000"), NULL, 10);
    double limit = strtod(option(argc, argv, "--seconds", "10"), NULL);
    double took = 0;

    apr_initialize();
    clock_gettime(CLOCK_MONOTONIC, &begun);
    snprintf(by_clock, sizeof by_clock, "%lld",
             (long long)begun.tv_nsec / 1000 + (long long)begun.tv_sec % 1000 * 1000000);
    first = strtoull(option(argc, argv, "--seed", by_clock), NULL, 10);
    sim.traces = has_option(argc, argv, "--trace");
    if (has_option(argc, argv, "--scenario") || has_option(argc, argv, "--scenarios") ||
        has_option(argc, argv, "--each") || has_option(argc, argv, "--exhaustive")) {
        return run_scenarios(argc, argv);
    }
    printf("sim: seed %llu\n", (unsigned long long)first);
    fflush(stdout);
    for (uint64_t i = 0; i < lives && seconds_used() < limit; i++) {
        run_seed(first + i, has_option(argc, argv, "--twice"));
        if (has_option(argc, argv, "--verbose")) {
            printf("%llu steps, hash %016llx: %s\n", (unsigned long long)sim.steps,
                   (unsigned long long)sim.hash, sim_program_description());
        }
    }
    took = seconds_used();
    printf("seeds %llu to %llu: %.2f M steps, %.2f M steps and %.0f tasks a second, %llu events, "
           "%llu calls, %llu of which failed, %llu programs killed, %.1f s simulated\n",
           (unsigned long long)first, (unsigned long long)(first + totals.lives - 1),
           (double)totals.steps / 1e6, (double)totals.steps / 1e6 / took,
           (double)totals.tasks / took, (unsigned long long)totals.events,
           (unsigned long long)totals.calls, (unsigned long long)totals.faults,
           (unsigned long long)totals.killed, (double)totals.simulated / 1e9);
    printf("sim passed\n");
    return 0;
}
