/* Processes: how they begin, are killed, end and are reaped. */
#include "five.h"

#include "channel.h"
#include "base/error.h"
#include "explore.h"
#include "fault.h"
#include "program.h"
#include "runtime/here.h"
#include "sim.h"

#define KILL_MAX (200 * SIM_US) /* until a kill has its effect */
#define HEAR_MAX (20 * SIM_MS)  /* until the parent can hear of an end */
#define SPAWN_MAX (20 * SIM_MS)
#define REFUSED_MAX (100 * SIM_MS) /* until a kill is tried so often */
#define LOST_MAX (1100 * SIM_MS)   /* until nobody waits for one that does not end */
#define FREED_MAX (3 * SIM_S)
#define EXIT_KILLED 9

struct brood_os_process {
    sim_process *process;
    int64_t pid;
};

struct brood_process_state *sim_here(void)
{
    return sim_own()->here;
}

/* ---- records of them --------------------------------------------------------------------------- */

static char **copy_strings(char *const *strings)
{
    size_t count = 0;
    char **copy = NULL;

    while (strings != NULL && strings[count] != NULL) {
        count++;
    }
    copy = calloc(count + 2, sizeof *copy);
    for (size_t i = 0; i < count; i++) {
        copy[i] = strdup(strings[i]);
    }
    return copy;
}

static void free_strings(char **strings)
{
    for (size_t i = 0; strings != NULL && strings[i] != NULL; i++) {
        free(strings[i]);
    }
    free(strings);
}

sim_process *sim_process_new(char **environment)
{
    sim_process *made = calloc(1, sizeof *made);
    sim_process **at = &sim.processes;

    made->pid = ++sim.last_pid;
    made->parent = sim.self != NULL && sim.self->process != NULL ? sim_own()->pid : 0;
    made->kill_at = made->known_at = SIM_NEVER;
    made->here = calloc(1, sizeof *made->here);
    made->environment = copy_strings(environment);
    sim_heap_begin(made);
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = made;
    return made;
}

sim_process *sim_process_find(int64_t pid)
{
    sim_process *at = sim.processes;

    while (at != NULL && at->pid != pid) {
        at = at->next;
    }
    return at;
}

void sim_processes_end(void)
{
    for (sim_process *at = sim.processes; at != NULL; at = at->next) {
        if (at->state != SIM_DEAD) {
            sim_process_die(at, true, EXIT_KILLED);
        }
    }
    while (sim.processes != NULL) {
        sim_process_forget(sim.processes);
    }
}

void sim_process_forget(sim_process *process)
{
    sim_process **at = &sim.processes;

    while (*at != process) {
        at = &(*at)->next;
    }
    *at = process->next;
    free_strings(process->environment);
    free(process->here);
    free(process);
}

static void run_main(void *data)
{
    char *argv[] = {"program", NULL};

    (void)data;
    brood_os_exit_process(sim_program_main(1, argv));
}

void sim_process_start(sim_process *process)
{
    process->main = sim_party_start(process, run_main, NULL);
}

/* What takes time only now and then; the model adds that. */
static int64_t draw_slowness(int64_t most)
{
    int64_t delay = sim_happens(sim.rates.slow) ? sim_draw_delay(most) : 0;

    sim_late(delay);
    return delay;
}

/* ---- the end ------------------------------------------------------------------------------------ */

static void unmap_all(sim_process *process)
{
    for (int i = 0; i < SIM_MAPPINGS_MAX; i++) {
        if (process->mappings[i].thing != NULL) {
            sim_thing_drop(process->mappings[i].thing);
            process->mappings[i].thing = NULL;
        }
    }
}

/* What was stored becomes visible up to some point: the processor may have been anywhere. */
static void flush_dead(const sim_process *process)
{
    for (sim_party *at = sim.parties; at != NULL; at = at->next) {
        if (at->process == process) {
            sim_spoil(at);
            sim_flush_some(at, (uint32_t)sim_between(at->seen_count, at->store_count));
        }
    }
}

void sim_process_die(sim_process *process, bool by_signal, int code)
{
    sim_note("process %lld ends: %s %d", (long long)process->pid, by_signal ? "signal" : "code",
             code);
    process->state = SIM_DEAD;
    process->was_signalled = by_signal;
    process->code = code;
    process->kill_at = SIM_NEVER;
    process->known_at = sim_now() + draw_slowness(HEAR_MAX);
    flush_dead(process);
    unmap_all(process);
    if (sim.scenario != NULL) {
        sim_explore_death(process);
    }
    if (process->parent == 0) {
        sim_program_gone();
    }
    sim_handles_close(process);
    sim_heap_end(process);
    sim.epoch++;
    sim_parties_end(process);
}

void sim_process_kill_later(sim_process *process, int64_t delay)
{
    if (process->state != SIM_DEAD && process->kill_at > sim_now() + delay) {
        process->kill_at = sim_now() + delay;
    }
}

int64_t sim_processes_keep(int64_t now)
{
    int64_t next = SIM_NEVER;

    for (sim_process *at = sim.processes; at != NULL; at = at->next) {
        if (at->state == SIM_STOPPED && at->stopped_until <= now) {
            at->state = SIM_RUNS;
            sim_note("process %lld goes on", (long long)at->pid);
        }
        if (at->state != SIM_DEAD && at->kill_at <= now) {
            sim_process_die(at, true, EXIT_KILLED);
        }
        next = at->state == SIM_STOPPED && at->stopped_until < next ? at->stopped_until : next;
        next = at->state != SIM_DEAD && at->kill_at < next ? at->kill_at : next;
        next = at->state == SIM_DEAD && at->known_at > now && at->known_at < next ? at->known_at
                                                                                  : next;
    }
    return next;
}

_Noreturn void brood_os_child_end(int code, bool tree)
{
    (void)tree;
    sim_call("child_end");
    sim_process_die(sim_own(), false, code);
    abort();
}

_Noreturn void brood_os_exit_process(int code)
{
    sim_process *self = sim_own();

    sim_call("exit_process");
    while (self->at_exit_count > 0) {
        self->at_exit[--self->at_exit_count]();
    }
    sim_process_die(self, false, code);
    abort();
}

bool brood_os_at_exit(void (*function)(void))
{
    sim_process *self = sim_own();

    sim_call("at_exit");
    if (self->at_exit_count == SIM_AT_EXIT_MAX) {
        return false;
    }
    self->at_exit[self->at_exit_count++] = function;
    return true;
}

/* ---- spawning ----------------------------------------------------------------------------------- */

/* The child writes its own number where it was told to. */
static void write_pid(sim_process *made, const brood_os_spawn *spawn)
{
    char digits[BROOD_OS_PID_DIGITS + 1];

    snprintf(digits, sizeof digits, "%0*lld", BROOD_OS_PID_DIGITS, (long long)made->pid);
    for (size_t i = 0; spawn->pid_text != NULL && spawn->environment[i] != NULL; i++) {
        const char *text = spawn->environment[i];

        if (spawn->pid_text >= text && spawn->pid_text < text + strlen(text)) {
            memcpy(made->environment[i] + (spawn->pid_text - text), digits, BROOD_OS_PID_DIGITS);
        }
    }
}

static void pass_handles(sim_process *made, const brood_os_spawn *spawn)
{
    for (size_t i = 0; i < spawn->handle_count; i++) {
        sim_thing *thing = sim_handle_thing(sim_own(), spawn->handles[i]);

        if (thing == NULL) {
            sim_fail("a handle is passed that is not open");
        }
        sim_handle_put(made, (intptr_t)i + 3, thing);
    }
}

brood_status brood_os_spawn_process(brood_os_process **process, const brood_os_spawn *spawn,
                                    brood_error *error)
{
    brood_os_process *made = NULL;
    int64_t slowness = 0;

    sim_call("spawn");
    *process = NULL;
    slowness = sim.slow_spawn + draw_slowness(SPAWN_MAX);
    if (slowness > 0) {
        sim_block("a slow start", NULL, NULL, sim_now() + slowness);
    }
    if (sim_fails(SIM_FAULT_SPAWN)) {
        return sim_refuse(sim_below(2) == 0 ? BROOD_ERR_LIMIT : BROOD_ERR_OS, "spawn", error);
    }
    made = brood_malloc(sizeof *made);
    if (made == NULL) {
        return brood_fail_memory(error, "spawn");
    }
    made->process = sim_process_new((char **)(uintptr_t)spawn->environment);
    made->pid = made->process->pid;
    write_pid(made->process, spawn);
    pass_handles(made->process, spawn);
    sim_process_start(made->process);
    sim_note("  process %lld begins", (long long)made->pid);
    *process = made;
    return BROOD_OK;
}

/* ---- what is asked of them ----------------------------------------------------------------------- */

int64_t brood_os_process_pid(const brood_os_process *process)
{
    return process->pid;
}

bool sim_is_known_dead(const brood_os_process *process)
{
    return process->process == NULL ||
           (process->process->state == SIM_DEAD && process->process->known_at <= sim_now());
}

bool brood_os_process_has_ended(const brood_os_process *process)
{
    sim_call("process_has_ended");
    return sim_is_known_dead(process);
}

brood_status brood_os_process_reap(brood_os_process *process, brood_os_exit *result,
                                   brood_error *error)
{
    sim_process *ended = process->process;

    sim_call("process_reap");
    if (ended == NULL) {
        return brood_fail(error, BROOD_ERR_STATE, 0, "reap", "it was reaped before");
    }
    if (!sim_is_known_dead(process)) {
        return BROOD_ERR_TIMEOUT;
    }
    if (sim_fails(SIM_FAULT_REAP)) {
        ended->escapes = true;
        return sim_refuse(BROOD_ERR_OS, "reap", error);
    }
    *result = (brood_os_exit){.reason = ended->was_signalled ? BROOD_EXIT_SIGNAL : BROOD_EXIT_CODE,
                              .code = ended->code};
    process->process = NULL;
    sim_process_forget(ended);
    return BROOD_OK;
}

brood_status brood_os_process_ask(brood_os_process *process, brood_error *error)
{
    sim_call("process_ask");
    if (sim_fails(SIM_FAULT_REAP)) {
        return sim_refuse(BROOD_ERR_OS, "ask", error);
    }
    if (process->process != NULL) {
        sim_process_kill_later(process->process, sim_draw_delay(KILL_MAX));
    }
    return BROOD_OK;
}

/* It may not be signalled: a few times, once in its life, or never. */
static bool is_refused(sim_process *victim)
{
    if (!victim->was_refused && sim_happens(sim.rates.refused)) {
        victim->was_refused = true;
        victim->refusals = sim_below(4) == 0 ? UINT32_MAX : 1 + (uint32_t)sim_below(5);
        victim->escapes = victim->escapes || victim->refusals == UINT32_MAX;
        sim_late(victim->escapes ? LOST_MAX : REFUSED_MAX);
    }
    if (victim->refusals == 0) {
        return false;
    }
    victim->refusals -= victim->refusals != UINT32_MAX;
    return true;
}

/* It waits in the kernel, for ever or until it dies of the kill. */
static void freeze(sim_process *victim)
{
    if (!victim->is_immortal) {
        sim_note("  process %lld does not end", (long long)victim->pid);
        victim->is_immortal = victim->escapes = true;
        victim->state = SIM_STOPPED;
        victim->stopped_until = SIM_NEVER;
        victim->kill_at = sim_below(2) == 0 ? sim_now() + sim_draw_delay(FREED_MAX) : SIM_NEVER;
        sim_late(LOST_MAX);
    }
}

brood_status brood_os_process_kill(brood_os_process *process, brood_error *error)
{
    sim_process *victim = process->process;

    sim_call("process_kill");
    if (victim == NULL || victim->state == SIM_DEAD) {
        return BROOD_OK;
    }
    if (is_refused(victim)) {
        return sim_refuse(BROOD_ERR_PERMISSION, "kill", error);
    }
    if (victim->is_immortal || sim_happens(sim.rates.immortal)) {
        freeze(victim);
    } else {
        sim_process_kill_later(victim, draw_slowness(KILL_MAX));
    }
    return BROOD_OK;
}

bool brood_os_process_leave(brood_os_process *process)
{
    (void)process;
    return true;
}

void brood_os_process_free(brood_os_process *process)
{
    brood_free(process);
}

void brood_os_orphans_reap(brood_os_process *leader)
{
    (void)leader;
}

brood_status brood_os_process_open(brood_os_process **process, int64_t pid, bool leads_group,
                                   bool *can_wait, brood_error *error)
{
    (void)pid;
    (void)leads_group;
    *process = NULL;
    *can_wait = false;
    return brood_fail(error, BROOD_ERR_NOT_SUPPORTED, 0, "process_open", "nobody needs a guard");
}
