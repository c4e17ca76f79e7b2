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

#include <getopt.h>
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

/* ---- the command line ---------------------------------------------------------------------------- */

static struct {
    const char *scenario, *replay; /* NULL: not given */
    uint64_t seed, lives, preemptions, kills;
    double seconds; /* 0: not given */
    int twice, verbose, each, scenarios, exhaustive, forget, trace;
} asked;

static const struct option known[] = {
    {"scenario", required_argument, NULL, 'n'},
    {"replay", required_argument, NULL, 'r'},
    {"seed", required_argument, NULL, 's'},
    {"lives", required_argument, NULL, 'l'},
    {"preemptions", required_argument, NULL, 'p'},
    {"kills", required_argument, NULL, 'k'},
    {"seconds", required_argument, NULL, 't'},
    {"twice", no_argument, &asked.twice, 1},
    {"verbose", no_argument, &asked.verbose, 1},
    {"each", no_argument, &asked.each, 1},
    {"scenarios", no_argument, &asked.scenarios, 1},
    {"exhaustive", no_argument, &asked.exhaustive, 1},
    {"forget", no_argument, &asked.forget, 1},
    {"trace", no_argument, &asked.trace, 1},
    {NULL, 0, NULL, 0},
};

static bool to_number(uint64_t *number, const char *text)
{
    char *end = NULL;

    *number = strtoull(text, &end, 10);
    return end != text && *end == '\0';
}

static bool to_seconds(double *seconds, const char *text)
{
    char *end = NULL;

    *seconds = strtod(text, &end);
    return end != text && *end == '\0';
}

/* False: there is no such option, or its value is no number. */
static bool take_option(int which)
{
    switch (which) {
    case 0:
        return true; /* its flag is set */
    case 'n':
        asked.scenario = optarg;
        return true;
    case 'r':
        asked.replay = optarg;
        return true;
    case 's':
        return to_number(&asked.seed, optarg);
    case 'l':
        return to_number(&asked.lives, optarg);
    case 'p':
        return to_number(&asked.preemptions, optarg);
    case 'k':
        return to_number(&asked.kills, optarg);
    case 't':
        return to_seconds(&asked.seconds, optarg);
    default:
        return false;
    }
}

static bool take_options(int argc, char **argv)
{
    int which = 0;

    while ((which = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (!take_option(which)) {
            return false;
        }
    }
    return optind == argc;
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

static int refuse_scenario(void)
{
    fprintf(stderr, "sim: there is no such scenario, or these are no decisions\n");
    return 2;
}

static int run_once(const char *name, const char *decisions)
{
    sim.scenario = sim_scenario_find(name);
    if (sim.scenario == NULL || !sim_plan_begin(decisions)) {
        return refuse_scenario();
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

static void explore_one(const sim_bounds *bounds, bool forgets, double limit)
{
    if (bounds != NULL) {
        sim_explore(*bounds, limit, run_scenario);
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
static int explore_all(void)
{
    double limit = asked.seconds > 0 ? asked.seconds : 100000;
    sim_bounds bounds = {(uint32_t)asked.preemptions, (uint32_t)asked.kills, asked.forget != 0};
    bool is_asked = bounds.preemptions + bounds.kills > 0;

    if (asked.scenario != NULL && sim_scenario_find(asked.scenario) == NULL) {
        return refuse_scenario();
    }
    for (uint32_t i = 0; sim_scenario_at(i) != NULL; i++) {
        sim.scenario = sim_scenario_at(i);
        sim_plan_begin(NULL);
        if (asked.scenario != NULL ? strcmp(asked.scenario, sim.scenario->name) != 0
                                   : !sim.scenario->is_small) {
            continue;
        }
        explore_one(is_asked ? &bounds : NULL, asked.forget != 0, limit);
    }
    printf("sim passed\n");
    return 0;
}

/* ---- seeds ------------------------------------------------------------------------------------- */

static int run_seeds(void)
{
    double limit = asked.seconds > 0 ? asked.seconds : 10;
    double took = 0;

    printf("sim: seed %llu\n", (unsigned long long)asked.seed);
    fflush(stdout);
    for (uint64_t i = 0; i < asked.lives && seconds_used() < limit; i++) {
        run_seed(asked.seed + i, asked.twice != 0);
        if (asked.verbose) {
            printf("%llu steps, hash %016llx: %s\n", (unsigned long long)sim.steps,
                   (unsigned long long)sim.hash, sim_program_description());
        }
    }
    took = seconds_used();
    printf("seeds %llu to %llu: %.2f M steps, %.2f M steps and %.0f tasks a second, %llu events, "
           "%llu calls, %llu of which failed, %llu programs killed, %.1f s simulated\n",
           (unsigned long long)asked.seed, (unsigned long long)(asked.seed + totals.lives - 1),
           (double)totals.steps / 1e6, (double)totals.steps / 1e6 / took,
           (double)totals.tasks / took, (unsigned long long)totals.events,
           (unsigned long long)totals.calls, (unsigned long long)totals.faults,
           (unsigned long long)totals.killed, (double)totals.simulated / 1e9);
    printf("sim passed\n");
    return 0;
}

int main(int argc, char **argv)
{
    struct timespec begun;

    apr_initialize();
    clock_gettime(CLOCK_MONOTONIC, &begun);
    asked.seed = (uint64_t)(begun.tv_nsec / 1000 + begun.tv_sec % 1000 * 1000000);
    asked.lives = UINT64_MAX;
    if (!take_options(argc, argv)) {
        fprintf(stderr, "sim: see the beginning of tests/sim/run.c for what it takes\n");
        return 2;
    }
    sim.traces = asked.trace != 0;
    if (asked.scenarios) {
        return tell_scenarios();
    }
    if (asked.each) {
        return run_each();
    }
    if (asked.exhaustive) {
        return explore_all();
    }
    return asked.scenario != NULL ? run_once(asked.scenario, asked.replay) : run_seeds();
}
