/* All runs of a scenario. */
#include "explore.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/wait.h>

#define OBJECTS_MAX 4096u
#define KNOWN_MAX (UINT64_C(1) << 18)
#define PROBES_MAX 32
#define BOUND_MAX 3

/*
 * What is written after a fork costs a page fault for each page, which is most of what a run costs:
 * so all that is kept lies close together.
 */

/* Something that parties touch: an atomic, a lock, a stream ... Shared by all runs. */
typedef struct object_use {
    const void *object;
    uint64_t first_party, processes; /* as bits */
    bool is_shared, is_written;
} object_use;

/* What was written to it last in this run, as a number. */
typedef struct object_past {
    uint64_t number, write;
    bool is_system;
} object_past;

#define BOUNDS UINT64_C(0xFFFF)

typedef struct shared_state {
    object_use objects[OBJECTS_MAX];  /* as they came, and so are their numbers in states */
    uint16_t places[2 * OBJECTS_MAX]; /* by their addresses, from 1; 0: none */
    uint32_t object_count;
    /* States of the world as numbers, and as the lowest bits for which bounds what follows was run. */
    uint64_t known[KNOWN_MAX];
    uint64_t runs, cut; /* cut: those that came to a known state */
    double seconds;     /* of the processor's time, of runs that have ended */
    bool is_expired;
} shared_state;

static struct {
    bool is_on;
    sim_bounds left;
    double limit;
    uint64_t parties, objects, system, world; /* sums of their pasts */
    object_past past[OBJECTS_MAX];
} explore;

static shared_state *all;

/* ---- numbers -------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t z = (a ^ (b * UINT64_C(0x9E3779B97F4A7C15))) + UINT64_C(0xD1342543DE82EF95);

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static uint32_t process_bit(const sim_process *process)
{
    return (uint32_t)(process->pid - sim.first_pid) % 64;
}

/* ---- what parties touch ----------------------------------------------------------------------------- */

static uint32_t add_object(const void *object)
{
    if (all->object_count == OBJECTS_MAX) {
        sim_fail("too many objects");
    }
    all->objects[all->object_count].object = object;
    return ++all->object_count;
}

static uint32_t index_of(const void *object)
{
    uint32_t at = (uint32_t)mix((uint64_t)(uintptr_t)object, 0) % (2 * OBJECTS_MAX);

    while (all->places[at] != 0 && all->objects[all->places[at] - 1].object != object) {
        at = (at + 1) % (2 * OBJECTS_MAX);
    }
    if (all->places[at] == 0) {
        all->places[at] = (uint16_t)add_object(object);
    }
    return all->places[at] - 1u;
}

/* The object is touched; true: others do that, too, and somebody changes it. */
static bool note_use(sim_kind kind, const void *object, uint64_t *processes)
{
    object_use *use = &all->objects[index_of(object)];

    use->is_shared = use->is_shared || (use->first_party != 0 && use->first_party != sim.self->id);
    use->first_party = sim.self->id;
    use->is_written = use->is_written || kind != SIM_LOAD;
    use->processes |= UINT64_C(1) << process_bit(sim_own());
    *processes = use->processes;
    return use->is_shared && use->is_written;
}

/* Whether another order of this step would be another run, for whom. */
static bool is_conflict(sim_kind kind, const void *object, uint64_t *processes)
{
    *processes = kind == SIM_POINT ? UINT64_C(1) << process_bit(sim_own()) : UINT64_MAX;
    if (kind == SIM_UNLOCK) {
        return false; /* whoever wants the lock came before, or comes later */
    }
    return kind == SIM_POINT || object == NULL || note_use(kind, object, processes);
}

/* ---- what has happened -------------------------------------------------------------------------------- */

/*
 * A party's past is the number of all that it has done and read, and that of an object the past of who
 * has written to it last. Who has read what does not matter for what comes. Clocks are left out: where
 * two orders lead to the same, times that were read may differ by some steps.
 */
static object_past *find_past(const void *object)
{
    uint32_t index = index_of(object);

    explore.past[index].number = index + 1;
    return &explore.past[index];
}

static uint64_t sum_of(const object_past *past)
{
    return past->write == 0 ? 0 : mix(past->number, past->write);
}

static uint64_t sum_of_party(const sim_party *party)
{
    return party->past == 0 ? 0 : mix(party->id, party->past);
}

static void set_past(sim_party *party, uint64_t past)
{
    explore.parties -= sum_of_party(party);
    party->past = past;
    explore.parties += sum_of_party(party);
}

static void set_write(object_past *past, uint64_t write)
{
    uint64_t before = sum_of(past);

    past->write = write;
    explore.objects += sum_of(past) - before;
    explore.system += past->is_system ? sum_of(past) - before : 0;
}

/* The system answers by all that it knows. */
static void see_system(sim_party *party)
{
    set_past(party, mix(party->past, mix(explore.system, explore.world)));
}

static void touch_object(sim_party *party, sim_kind kind, object_past *past)
{
    uint64_t before = kind == SIM_STORE ? 0 : past->write; /* which it does not see */

    set_past(party, mix(party->past, mix(past->number, before)));
    if (kind != SIM_LOAD) {
        past->is_system = kind != SIM_STORE && kind != SIM_CHANGE;
        set_write(past, party->past);
    }
}

void sim_explore_touch(sim_kind kind, const void *object)
{
    sim_party *self = sim.self;

    if (!explore.is_on) {
        return;
    }
    if (kind == SIM_POINT) {
        set_past(self, mix(self->past, kind));
        self->written = self->past;
    } else if (kind == SIM_RELEASE) {
        set_past(self, mix(self->past, index_of(object)));
    } else if (object == NULL) {
        see_system(self);
    } else {
        touch_object(self, kind, find_past(object));
    }
}

bool sim_explore_is_on(void)
{
    return explore.is_on;
}

void sim_explore_seen(const void *object, uint64_t past)
{
    if (explore.is_on) {
        set_write(find_past(object), past);
    }
}

void sim_explore_close(const void *stream)
{
    if (explore.is_on) {
        object_past *past = find_past(stream);

        past->is_system = true;
        set_write(past, mix(past->write, 1));
    }
}

void sim_explore_wake(void)
{
    if (explore.is_on) {
        see_system(sim.self);
    }
}

/* Of a dead one counts what it has left in shared memory, and in the system. */
void sim_explore_death(const sim_process *process)
{
    for (sim_party *at = sim.parties; at != NULL && explore.is_on; at = at->next) {
        if (at->process == process) {
            explore.world = mix(explore.world, mix(at->id, at->written));
            set_past(at, 0);
        }
    }
}

void sim_explore_jump(int64_t to)
{
    if (explore.is_on) {
        explore.world = mix(explore.world, (uint64_t)to);
    }
}

/* ---- how long it takes -------------------------------------------------------------------------------- */

static double own_seconds(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static _Noreturn void end_run(void)
{
    all->runs++;
    all->seconds += own_seconds();
    fflush(NULL);
    _Exit(0);
}

/* ---- states that are known ----------------------------------------------------------------------------- */

/* As bits: all bounds that allow no more than these. */
static uint16_t bits_of(sim_bounds bounds)
{
    uint16_t bits = 0;

    for (uint32_t p = 0; p <= bounds.preemptions; p++) {
        for (uint32_t k = 0; k <= bounds.kills; k++) {
            bits |= (uint16_t)(1u << (p * (BOUND_MAX + 1) + k));
        }
    }
    return bits;
}

static uint16_t bit_of(sim_bounds bounds)
{
    return (uint16_t)(1u << (bounds.preemptions * (BOUND_MAX + 1) + bounds.kills));
}

static uint64_t state_now(sim_kind kind)
{
    uint64_t state = mix(explore.parties + explore.objects, explore.world);

    return mix(state, mix(sim.self->id, mix(sim_plan_preempted(), (uint64_t)kind)));
}

/* Whether all that can follow has been run, or is being run; from now on it is. */
static bool is_known(uint64_t state)
{
    for (uint64_t i = 0; i < PROBES_MAX; i++) {
        uint64_t *at = &all->known[((state >> 44) + i) % KNOWN_MAX];
        bool was_known = (*at & bit_of(explore.left)) != 0;

        if (*at == 0 || (*at & ~BOUNDS) == (state & ~BOUNDS)) {
            *at = (state & ~BOUNDS) | (*at & BOUNDS) | bits_of(explore.left);
            return was_known;
        }
    }
    return false;
}

/* Not at each step: it costs a page fault. */
static void end_if_known(sim_kind kind)
{
    if (!explore.left.forgets && (kind == SIM_LOCK || kind == SIM_CALL) &&
        is_known(state_now(kind))) {
        all->cut++;
        end_run();
    }
}

/* ---- branching ------------------------------------------------------------------------------------------ */

/* The verdict of a copy: one that has failed has said so. */
static void judge(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) != pid) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return;
    }
    if (WIFSIGNALED(status)) {
        fprintf(stderr, "sim: a run ended by signal %d, one decision after\n", WTERMSIG(status));
        sim_plan_print();
        fprintf(stderr, "sim failed\n");
    }
    _Exit(1);
}

/* True in the copy that is decided. */
static bool try_it(sim_decision decision, sim_decision *decided)
{
    pid_t pid = 0;

    if (all->is_expired || all->seconds + own_seconds() > explore.limit) {
        all->is_expired = true;
        return false;
    }
    fflush(NULL);
    pid = fork();
    if (pid < 0) {
        sim_fail("fork has failed");
    }
    if (pid > 0) {
        judge(pid);
        return false;
    }
    explore.left.preemptions -= decision.what == '>';
    explore.left.kills -= decision.what == 'x';
    *decided = decision;
    return true;
}

static bool try_both(sim_decision decision, bool has_stores, sim_decision *decided)
{
    if (try_it(decision, decided)) {
        return true;
    }
    decision.holds = true;
    return has_stores && try_it(decision, decided);
}

static bool try_preemptions(sim_decision *decided)
{
    for (sim_party *at = sim.parties; at != NULL; at = at->next) {
        sim_decision decision = {sim_plan_steps(), '>', (uint32_t)at->id, false};

        if (at != sim.self && sim_can_run(at, sim_now()) &&
            try_both(decision, sim.self->store_count > 0, decided)) {
            return true;
        }
    }
    return false;
}

static bool has_stores(const sim_process *process)
{
    bool has = false;

    for (const sim_party *at = sim.parties; at != NULL; at = at->next) {
        has = has || (at->process == process && at->store_count > 0);
    }
    return has;
}

static bool try_kills(uint64_t processes, sim_decision *decided)
{
    for (sim_process *at = sim.processes; at != NULL; at = at->next) {
        sim_decision decision = {sim_plan_steps(), 'x', (uint32_t)at->pid, false};

        if (at->parent != 0 && at->state != SIM_DEAD && at->kill_at == SIM_NEVER &&
            (processes >> process_bit(at) & 1) != 0 &&
            try_both(decision, has_stores(at), decided)) {
            return true;
        }
    }
    return false;
}

bool sim_explore_step(sim_kind kind, const void *object, sim_decision *decision)
{
    uint64_t processes = 0;

    if (!explore.is_on || !is_conflict(kind, object, &processes)) {
        return false;
    }
    end_if_known(kind);
    return (explore.left.preemptions > 0 && kind != SIM_POINT && try_preemptions(decision)) ||
           (explore.left.kills > 0 && try_kills(processes, decision));
}

/* Another one than the next in order goes on: that is a preemption, too. */
bool sim_explore_pick(sim_party **able, uint32_t count, const sim_party *otherwise,
                      sim_decision *decision)
{
    for (uint32_t i = 0; i < count && explore.is_on && explore.left.preemptions > 0; i++) {
        if (able[i] != otherwise &&
            try_it((sim_decision){sim_plan_steps(), '>', (uint32_t)able[i]->id, false}, decision)) {
            return true;
        }
    }
    return false;
}

/* ---- all of it -------------------------------------------------------------------------------------------- */

static void begin(sim_bounds bounds, double limit_seconds)
{
    size_t size = sizeof *all;

    all =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (all == MAP_FAILED) {
        sim_fail("no memory for what is known");
    }
    explore.left = bounds;
    explore.limit = limit_seconds;
}

static void run_in_copy(void (*run)(void))
{
    pid_t pid = 0;

    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        explore.is_on = true;
        run();
        end_run();
    }
    judge(pid);
}

/* What is shared is known only when all have run: so the first pass, which decides nothing, learns. */
void sim_explore(sim_bounds bounds, double limit_seconds, void (*run)(void))
{
    begin((sim_bounds){0, 0, true}, limit_seconds);
    run_in_copy(run);
    explore.left = bounds;
    run_in_copy(run);
    printf("%s, preemptions %u, kills %u: %llu runs, %llu of them to a state that was known, "
           "%.1f s%s\n",
           sim.scenario->name, bounds.preemptions, bounds.kills, (unsigned long long)all->runs,
           (unsigned long long)all->cut, all->seconds,
           all->is_expired ? ", not all: the time was up" : "");
    fflush(stdout);
    munmap(all, sizeof *all);
}
