/* The schedule of a scenario. */
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explore.h"

#define DECISIONS_MAX 16
#define STEPS_MAX 1000000 /* of a run: more are taken for no end */
#define KILLED 9

static struct {
    bool is_on, is_given; /* the decisions are */
    uint32_t at;          /* opportunities so far */
    sim_decision taken[DECISIONS_MAX], given[DECISIONS_MAX];
    uint32_t taken_count, given_count;
    uint64_t preempted[DECISIONS_MAX]; /* the last one goes on first */
    uint32_t preempted_count;
    uint32_t kills;
    uint32_t move, seen; /* the next move of the scenario, and how many such steps there were */
} plan;

/* ---- decisions as text ------------------------------------------------------------------------- */

static const char *parse(const char *text, sim_decision *decision)
{
    char *end = NULL;

    *decision = (sim_decision){.at = (uint32_t)strtoul(text, &end, 10), .what = *end};
    if (end == text || (*end != '>' && *end != 'x')) {
        return NULL;
    }
    text = end + 1;
    decision->whom = (uint32_t)strtoul(text, &end, 10);
    decision->holds = *end == '-';
    end += decision->holds;
    return end == text || (*end != ' ' && *end != '\0') ? NULL : end;
}

bool sim_plan_begin(const char *decisions)
{
    memset(&plan, 0, sizeof plan);
    plan.is_given = decisions != NULL;
    while (decisions != NULL && *decisions != '\0') {
        if (plan.given_count == DECISIONS_MAX) {
            return false;
        }
        decisions = parse(decisions, &plan.given[plan.given_count]);
        if (decisions == NULL) {
            return false;
        }
        plan.given_count++;
        decisions += *decisions == ' ';
    }
    return true;
}

void sim_plan_print(void)
{
    fprintf(stderr, "again: sim --scenario %s --trace --replay '", sim.scenario->name);
    for (uint32_t i = 0; i < plan.taken_count; i++) {
        const sim_decision *one = &plan.taken[i];

        fprintf(stderr, "%s%u%c%u%s", i == 0 ? "" : " ", one->at, one->what, one->whom,
                one->holds ? "-" : "");
    }
    fprintf(stderr, "'\n");
}

/* ---- the beginning and the end ------------------------------------------------------------------- */

void sim_plan_start(void)
{
    sim_note("workers are up");
    plan.is_on = true;
}

void sim_plan_stop(void)
{
    plan.is_on = false;
    if (!plan.is_given && plan.move < SIM_MOVES_MAX && sim.scenario->moves[plan.move].who != NULL) {
        sim_fail("move %u of the scenario has not come: it no longer fits the code", plan.move + 1);
    }
    if (plan.is_given && plan.taken_count < plan.given_count) {
        sim_fail("decision %u has not come: the run has another course", plan.taken_count + 1);
    }
}

uint32_t sim_plan_kills(void)
{
    return plan.kills;
}

uint32_t sim_plan_steps(void)
{
    return plan.at;
}

uint64_t sim_plan_preempted(void)
{
    return plan.preempted_count == 0 ? 0 : plan.preempted[plan.preempted_count - 1];
}

/* ---- parties by number and by name --------------------------------------------------------------- */

static sim_party *find_party(uint64_t id)
{
    sim_party *at = sim.parties;

    while (at != NULL && at->id != id) {
        at = at->next;
    }
    return at;
}

/* Workers are counted from 1 in the order of their starts; the thread is the pool's first. */
static bool is_called(const sim_party *party, const char *name)
{
    char number[24];
    int64_t ordinal = party->process->pid - sim.first_pid;

    if (party->name != NULL || ordinal == 0) {
        return party->name != NULL && strcmp(party->name, name) == 0;
    }
    snprintf(number, sizeof number, "worker %lld", (long long)ordinal);
    return party == party->process->main && strcmp(number, name) == 0;
}

static sim_party *find_named(const char *name)
{
    sim_party *at = sim.parties;

    while (at != NULL && !is_called(at, name)) {
        at = at->next;
    }
    if (at == NULL) {
        sim_fail("there is no \"%s\" for a move of the scenario", name);
    }
    return at;
}

/* ---- what is decided ----------------------------------------------------------------------------- */

static bool take_given(sim_decision *decision)
{
    for (uint32_t i = 0; i < plan.given_count; i++) {
        if (plan.given[i].at == plan.at) {
            *decision = plan.given[i];
            return true;
        }
    }
    return false;
}

static bool is_move(const sim_move *move, sim_kind kind, const void *object)
{
    bool is_kind = move->kind == 0 || move->kind == kind ||
                   (move->kind == SIM_STORE && kind == SIM_RELEASE); /* the weaker one is a fault */

    return move->who != NULL && is_kind && is_called(sim.self, move->who) &&
           (move->call == NULL || strcmp(move->call, sim.call) == 0) &&
           (move->object == NULL || move->object() == object);
}

static bool take_move(sim_kind kind, const void *object, sim_decision *decision)
{
    const sim_move *move = &sim.scenario->moves[plan.move];
    const sim_party *whom = NULL;

    if (plan.move == SIM_MOVES_MAX || !is_move(move, kind, object) || ++plan.seen < move->count) {
        return false;
    }
    plan.move++;
    plan.seen = 0;
    if (move->whom == NULL) {
        return false;
    }
    whom = find_named(move->whom);
    *decision = (sim_decision){
        plan.at, move->what,
        (uint32_t)(move->what == 'x' ? (uint64_t)whom->process->pid : whom->id), move->holds};
    return true;
}

static bool decide(sim_kind kind, const void *object, sim_decision *decision)
{
    return plan.is_given
               ? take_given(decision)
               : take_move(kind, object, decision) || sim_explore_step(kind, object, decision);
}

/* ---- and done -------------------------------------------------------------------------------------- */

static void take_down(const sim_decision *decision)
{
    if (plan.taken_count == DECISIONS_MAX) {
        sim_fail("too many decisions");
    }
    plan.taken[plan.taken_count++] = *decision;
    sim_note("%u%c%u%s", decision->at, decision->what, decision->whom, decision->holds ? "-" : "");
}

/* Whoever is killed before a plain write was in the middle of it. */
static void spoil(const void *object)
{
    for (size_t i = 0; i < sim.point_size; i++) {
        ((unsigned char *)(uintptr_t)object)[i] = (unsigned char)(0x5A + i * 7);
    }
    sim.self->written++;
}

static void kill_process(const sim_decision *decision, sim_kind kind, const void *object)
{
    sim_process *victim = sim_process_find(decision->whom);

    if (victim == NULL || victim->state == SIM_DEAD) {
        return;
    }
    for (sim_party *at = sim.parties; at != NULL; at = at->next) {
        if (at->process == victim && !decision->holds) {
            sim_flush(at);
        }
    }
    if (victim == sim_own() && kind == SIM_POINT) {
        spoil(object);
    }
    plan.kills++;
    sim_process_die(victim, true, KILLED);
}

/* Comes back when the party that runs now goes on. */
static void preempt(const sim_decision *decision)
{
    sim_party *next = find_party(decision->whom);

    if (next == NULL || !sim_can_run(next, sim_now())) {
        sim_fail("party %u cannot run at opportunity %u", decision->whom, decision->at);
    }
    if (!decision->holds) {
        sim_flush(sim.self);
    }
    plan.preempted[plan.preempted_count++] = sim.self->id;
    sim_switch_to(next);
}

static void carry_out(const sim_decision *decision, sim_kind kind, const void *object)
{
    take_down(decision);
    if (decision->what == 'x') {
        kill_process(decision, kind, object);
    } else {
        preempt(decision);
    }
}

/* ---- for the kernel -------------------------------------------------------------------------------- */

void sim_plan_step(sim_kind kind, const void *object)
{
    sim_decision decision;

    sim_processes_keep(sim_now());
    if (!plan.is_on || kind == SIM_HEAP || kind == SIM_CLOCK) {
        return;
    }
    if (++plan.at > STEPS_MAX) {
        sim_fail("a run without end");
    }
    if (decide(kind, object, &decision)) {
        carry_out(&decision, kind, object);
    }
    sim_explore_touch(kind, object);
}

/* The one that was preempted last, if it can; or the next one in the order of their beginning. */
static sim_party *next_in_order(sim_party **able, uint32_t count)
{
    sim_party *next = able[0];

    while (plan.preempted_count > 0) {
        uint64_t id = plan.preempted[plan.preempted_count - 1];

        for (uint32_t i = 0; i < count; i++) {
            if (able[i]->id == id) {
                plan.preempted_count--;
                return able[i];
            }
        }
        if (find_party(id) != NULL) {
            break;
        }
        plan.preempted_count--;
    }
    for (uint32_t i = count; i > 0 && sim.self != NULL; i--) {
        next = able[i - 1]->id > sim.self->id ? able[i - 1] : next;
    }
    return next;
}

sim_party *sim_plan_pick(sim_party **able, uint32_t count)
{
    sim_party *next = next_in_order(able, count);
    sim_decision decision;

    if (!plan.is_on || count < 2) {
        return next;
    }
    plan.at++;
    if (plan.is_given ? take_given(&decision) : sim_explore_pick(able, count, next, &decision)) {
        take_down(&decision);
        next = find_party(decision.whom);
    }
    return next;
}
