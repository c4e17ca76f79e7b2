/* Parties, the scheduler, time and random numbers. */
#include "sim.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>

#include "explore.h"
#include "plan.h"

#define STACK_SIZE ((size_t)256 * 1024)
#define GUARD_SIZE ((size_t)4096)
#define SPARE_STACKS_MAX 64
#define PAUSE_NS INT64_C(60)
#define PAUSES_MAX 6 /* in a row, from which on each takes as long */
#define OFF_CORE_MAX (50 * SIM_MS)
#define CHECK_EVERY 64                      /* events */
#define STEPS_MAX (500 * UINT64_C(1000000)) /* of a life; most have a hundredth of it */

/* ---- Boost.Context, whose functions are C's, and its header C++'s ---------------------------- */

typedef struct transfer {
    void *from;
    void *data;
} transfer;

extern transfer jump_fcontext(void *to, void *data);
extern void *make_fcontext(void *stack_end, size_t size, void (*function)(transfer));

/* ---- AddressSanitizer has to be told ----------------------------------------------------------- */

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

/* Whoever was killed has left its frames as they were. */
static void clean_stack(void *stack)
{
    __asan_unpoison_memory_region((char *)stack + GUARD_SIZE, STACK_SIZE - GUARD_SIZE);
}

static void begin_jump(void **fake_stack, const void *stack, size_t size)
{
    __sanitizer_start_switch_fiber(fake_stack, stack, size);
}

static void end_jump(void *fake_stack, const void **from, size_t *size)
{
    __sanitizer_finish_switch_fiber(fake_stack, from, size);
}
#else
static void clean_stack(void *stack)
{
    (void)stack;
}

static void begin_jump(void **fake_stack, const void *stack, size_t size)
{
    (void)fake_stack;
    (void)stack;
    (void)size;
}

static void end_jump(void *fake_stack, const void **from, size_t *size)
{
    (void)fake_stack;
    (void)from;
    (void)size;
}
#endif

sim_world sim;

static struct {
    void *stacks[SPARE_STACKS_MAX];
    uint32_t stack_count;
    sim_party *ended;  /* whose stack and memory the next party gives back */
    sim_party outside; /* what runs the world */
    size_t outside_size;
    bool (*is_over)(void *data); /* then the outside goes on */
    void *data;
} kernel;

/* ---- random numbers ------------------------------------------------------------------------- */

/* splitmix64: each seed is as good as another. */
uint64_t sim_draw(void)
{
    uint64_t z = (sim.random += UINT64_C(0x9E3779B97F4A7C15));

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

uint64_t sim_below(uint64_t end)
{
    return end == 0 || sim.scenario != NULL ? 0 : sim_draw() % end;
}

int64_t sim_between(int64_t low, int64_t high)
{
    return low + (int64_t)sim_below((uint64_t)(high - low) + 1);
}

bool sim_happens(uint32_t rate)
{
    return rate > 0 && sim_below(rate) == 0;
}

int64_t sim_draw_delay(int64_t most)
{
    int64_t bound = most >> sim_below(20);

    return sim_between(0, bound > 0 ? bound : 1);
}

/* ---- what is said ---------------------------------------------------------------------------- */

void sim_note(const char *format, ...)
{
    va_list arguments;

    if (!sim.traces) {
        return;
    }
    printf("%12.6f ms %9llu  %lld.%llu  ", (double)sim_now() / 1e6, (unsigned long long)sim.steps,
           sim.self != NULL && sim.self->process != NULL ? (long long)sim.self->process->pid : 0,
           sim.self != NULL ? (unsigned long long)sim.self->id : 0);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

static void print_parties(void)
{
    for (sim_party *at = sim.parties; at != NULL; at = at->next) {
        fprintf(stderr, "  process %lld%s, thread %llu: %s", (long long)at->process->pid,
                at->process->state == SIM_STOPPED ? " (stopped)" : "", (unsigned long long)at->id,
                at->waits_for == NULL ? "runs" : at->waits_for);
        if (at->until != SIM_NEVER && at->waits_for != NULL) {
            fprintf(stderr, ", for %.3f ms more", (double)(at->until - sim_now()) / 1e6);
        }
        fprintf(stderr, "%s\n", at->in_user_code ? ", in the program's own code" : "");
    }
}

void sim_fail(const char *format, ...)
{
    va_list arguments;

    fflush(stdout);
    fprintf(stderr, "sim: seed %llu, step %llu, %.6f ms: ", (unsigned long long)sim.seed,
            (unsigned long long)sim.steps, (double)sim_now() / 1e6);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    print_parties();
    if (sim.scenario != NULL) {
        sim_plan_print();
    } else {
        fprintf(stderr, "again: sim --seed %llu --lives 1 --trace\n", (unsigned long long)sim.seed);
    }
    fprintf(stderr, "sim failed\n");
    fflush(NULL);
    _Exit(1);
}

/* What assert calls: glibc's own would not tell the seed. */
void __assert_fail(const char *text, const char *file, unsigned line, const char *function)
{
    sim_fail("%s:%u: %s: assert(%s)", file, line, function, text);
}

/* ---- parties -------------------------------------------------------------------------------- */

static void *take_stack(void)
{
    void *stack = NULL;

    if (kernel.stack_count > 0) {
        return kernel.stacks[--kernel.stack_count];
    }
    stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED || mprotect(stack, GUARD_SIZE, PROT_NONE) != 0) {
        sim_fail("no memory for a stack");
    }
    return stack;
}

static void give_stack(void *stack)
{
    clean_stack(stack);
    if (kernel.stack_count < SPARE_STACKS_MAX) {
        kernel.stacks[kernel.stack_count++] = stack;
    } else {
        munmap(stack, STACK_SIZE);
    }
}

static void bury_ended(void)
{
    while (kernel.ended != NULL) {
        sim_party *party = kernel.ended;

        kernel.ended = party->next;
        give_stack(party->stack);
        free(party);
    }
}

static void unlink_party(sim_party *party)
{
    sim_party **at = &sim.parties;

    while (*at != party) {
        at = &(*at)->next;
    }
    *at = party->next;
    sim.party_count--;
    party->is_ended = true;
    party->next = kernel.ended;
    kernel.ended = party;
}

static size_t stack_size(const sim_party *party)
{
    return party == &kernel.outside ? kernel.outside_size : STACK_SIZE;
}

/* On the stack of the party that runs from here on: where the one before goes on another time. */
static void arrive(transfer back, void *fake_stack)
{
    sim_party *before = back.data;
    const void *stack = NULL;
    size_t size = 0;

    before->context = back.from;
    end_jump(fake_stack, &stack, &size);
    if (before == &kernel.outside) {
        before->stack = (void *)(uintptr_t)stack;
        kernel.outside_size = size;
    }
    bury_ended();
}

/* Comes back when the party that runs now runs again; never when it has ended. */
static void jump_to(sim_party *party)
{
    sim_party *before = sim.self;

    sim.self = party;
    begin_jump(before->is_ended ? NULL : &before->fake_stack, party->stack, stack_size(party));
    arrive(jump_fcontext(party->context, before), before->fake_stack);
}

static void run_party(transfer from)
{
    sim_party *self = sim.self;

    arrive(from, NULL);
    self->function(self->data);
    sim_flush(self);
    if (self->process->main == self) {
        self->process->main = NULL;
    }
    unlink_party(self);
    sim_switch();
}

sim_party *sim_party_start(sim_process *process, void (*function)(void *), void *data)
{
    sim_party *party = calloc(1, sizeof *party);
    sim_party **at = &sim.parties;

    if (party == NULL) {
        sim_fail("no memory for a thread");
    }
    party->process = process;
    party->function = function;
    party->data = data;
    party->id = ++sim.last_party_id;
    party->until = SIM_NEVER;
    party->stack = take_stack();
    party->context =
        make_fcontext((char *)party->stack + STACK_SIZE, STACK_SIZE - GUARD_SIZE, run_party);
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = party;
    sim.party_count++;
    return party;
}

void sim_parties_end(sim_process *process)
{
    bool is_own = sim.self != NULL && sim.self->process == process;

    for (sim_party *at = sim.parties, *next = NULL; at != NULL; at = next) {
        next = at->next;
        if (at->process == process) {
            unlink_party(at);
        }
    }
    process->main = NULL;
    if (is_own) {
        sim_switch();
    }
}

/* ---- the scheduler ----------------------------------------------------------------------------- */

static bool is_waiting(const sim_party *party)
{
    return party->waits_for != NULL;
}

bool sim_can_run(sim_party *party, int64_t now)
{
    if (party->process->state != SIM_RUNS || party->off_until > now) {
        return false;
    }
    if (party->is_paused) {
        return party->pause_epoch != sim.epoch || party->until <= now;
    }
    return !is_waiting(party) || party->until <= now ||
           (party->is_ready != NULL && party->is_ready(party->ready_data));
}

/* Of those that can run, one that is drawn; NULL: nobody can. */
static sim_party *pick(int64_t now)
{
    sim_party *able[256];
    uint32_t count = 0;

    for (sim_party *at = sim.parties; at != NULL && count < 256; at = at->next) {
        if (sim_can_run(at, now)) {
            able[count++] = at;
        }
    }
    if (sim.scenario != NULL && count > 0) {
        return sim_plan_pick(able, count);
    }
    return count == 0 ? NULL : able[count == 1 ? 0 : sim_below(count)];
}

bool sim_party_moves(const sim_party *party)
{
    return party->off_until > sim_now() || party->is_paused || party->is_late;
}

/* The next time at which somebody can run; *moves: a thread of the program's will by itself. */
static int64_t next_time(int64_t now, bool *moves)
{
    int64_t next = sim_processes_keep(now);

    *moves = false;
    for (sim_party *at = sim.parties; at != NULL; at = at->next) {
        int64_t time = at->off_until > now ? at->off_until : at->until;

        if (at->process->state == SIM_RUNS) {
            *moves = *moves || (at->process->parent == 0 && sim_party_moves(at));
            next = time > now && time < next ? time : next;
        }
    }
    return next;
}

static void set_time(int64_t now)
{
    sim.steps += (uint64_t)(sim.burst - sim.countdown);
    sim.base = now;
    sim.burst = sim.countdown = 1 + (int64_t)sim_below(2 * (uint64_t)sim.rates.switches);
    sim.cost = sim_between(10, 100);
}

static bool is_program_off_core(int64_t now)
{
    bool is_off = false;

    for (const sim_party *at = sim.parties; at != NULL; at = at->next) {
        is_off = is_off || (at->process->parent == 0 && at->off_until > now);
    }
    return is_off;
}

/* Nobody can run. */
static void jump_clock(void)
{
    int64_t now = sim_now();
    bool moves = false;
    int64_t next = next_time(now, &moves);

    sim.jumps++;
    if (!moves) {
        sim_check();
    } else if (!is_program_off_core(now)) {
        sim_check_still();
    }
    if (next == SIM_NEVER) {
        sim_fail("nobody can run, and no time is set");
    }
    set_time(next);
    sim_processes_keep(next);
    if (sim.scenario != NULL) {
        sim_explore_jump(next);
    }
}

/* In a scenario stores wait no longer than until nobody can run. */
static bool flush_all(void)
{
    bool any = false;

    for (sim_party *at = sim.parties; sim.scenario != NULL && at != NULL; at = at->next) {
        any = any || at->store_count > 0;
        sim_flush(at);
    }
    return any;
}

static sim_party *next_party(void)
{
    sim_party *next = NULL;

    sim_processes_keep(sim_now());
    while (next == NULL) {
        if (kernel.is_over(kernel.data)) { /* with a process that has just been killed, perhaps */
            return &kernel.outside;
        }
        next = pick(sim_now());
        if (next == NULL && !flush_all()) {
            jump_clock();
        }
    }
    return next;
}

void sim_switch(void)
{
    sim_switch_to(next_party());
}

void sim_switch_to(sim_party *next)
{
    set_time(sim_now());
    sim_value(next->id);
    sim_value((uint64_t)sim_now());
    next->is_paused = false;
    if (next != sim.self) {
        sim_note("-> %lld.%llu", next->process == NULL ? 0 : (long long)next->process->pid,
                 (unsigned long long)next->id);
        jump_to(next);
    }
}

void sim_run(bool (*is_over)(void *data), void *data)
{
    kernel.is_over = is_over;
    kernel.data = data;
    sim.self = &kernel.outside;
    if (!is_over(data)) {
        sim_switch();
    }
    sim.self = NULL;
}

bool sim_block(const char *what, sim_predicate *is_ready, void *data, int64_t until)
{
    sim_party *self = sim.self;
    bool ready = false;

    sim_flush(self);
    sim.epoch++;
    self->waits_for = what;
    self->is_ready = is_ready;
    self->ready_data = data;
    self->until = until;
    sim_switch();
    if (sim.scenario != NULL) {
        sim_explore_wake();
    }
    self->waits_for = NULL;
    self->until = SIM_NEVER;
    ready = is_ready != NULL && is_ready(data);
    self->is_ready = NULL;
    return ready;
}

void sim_pause(void)
{
    sim_party *self = sim.self;

    sim_step(SIM_CLOCK);
    self->pauses = self->pause_epoch == sim.epoch ? self->pauses + 1 : 0;
    self->pause_epoch = sim.epoch;
    self->is_paused = true;
    self->waits_for = "a pause";
    self->until = sim_now() + (PAUSE_NS << (self->pauses < PAUSES_MAX ? self->pauses : PAUSES_MAX));
    sim_switch();
    self->waits_for = NULL;
    self->until = SIM_NEVER;
}

/* ---- events ------------------------------------------------------------------------------------ */

static void flush_at_random(void)
{
    for (sim_party *at = sim.parties; at != NULL; at = at->next) {
        if (at->store_count > 0 && sim_happens(sim.rates.flushes)) {
            sim_flush_some(at, 1 + (uint32_t)sim_below(at->store_count));
        }
    }
}

static void stop_at_random(void)
{
    uint64_t which = 0;

    if (!sim_happens(sim.rates.stops)) {
        return;
    }
    which = sim_below(8);
    for (sim_process *at = sim.processes; at != NULL; at = at->next) {
        if (at->parent != 0 && at->state == SIM_RUNS && which-- == 0) {
            at->stopped_until = sim_now() + sim_draw_delay(OFF_CORE_MAX);
            at->state = SIM_STOPPED;
            sim_late(at->stopped_until - sim_now());
            sim_note("process %lld is stopped for %.3f ms", (long long)at->pid,
                     (double)(at->stopped_until - sim_now()) / 1e6);
        }
    }
}

/* Where it is now, while it runs: a time would mostly find it asleep. */
static void kill_at_event(sim_process *process)
{
    if (process->kill_in > 0 && --process->kill_in == 0) {
        process->kill_at = sim_now();
    }
}

void sim_event(sim_kind kind, const void *object)
{
    if (++sim.events % CHECK_EVERY == 0) {
        sim_check_times();
    }
    if (sim.steps > STEPS_MAX) {
        sim_fail("it goes on without end");
    }
    if (sim.scenario != NULL) {
        set_time(sim_now());
        sim_plan_step(kind, object);
        return;
    }
    kill_at_event(sim_own());
    flush_at_random();
    stop_at_random();
    if (sim_happens(sim.rates.off_core)) {
        sim.self->off_until = sim_now() + sim_draw_delay(OFF_CORE_MAX);
        sim_late(sim.self->off_until - sim_now());
    }
    sim_switch();
}

void sim_call_on(const char *what, const void *object)
{
    sim_note("%s", what);
    sim.calls++;
    sim.call = what;
    sim_step_at(SIM_CALL, object); /* before it what the party has stored may yet be hidden */
    sim_flush(sim.self);
    sim.epoch++;
}

void sim_call(const char *what)
{
    sim_call_on(what, NULL);
}

void sim_values(const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        sim_value(((const unsigned char *)bytes)[i]);
    }
}

/* ---- a world ----------------------------------------------------------------------------------- */

void sim_begin(uint64_t seed)
{
    bool traces = sim.traces;
    bool is_quiet = sim.is_quiet;
    const struct sim_scenario *scenario = sim.scenario;

    memset(&sim, 0, sizeof sim);
    sim.traces = traces;
    sim.is_quiet = is_quiet;
    sim.scenario = scenario;
    sim.seed = seed;
    sim.random = seed * UINT64_C(0xD1342543DE82EF95);
    sim.hash = UINT64_C(0xCBF29CE484222325);
    sim.base = sim_between(1, 1000) * SIM_S;
    sim.first_pid = 101;
    sim.last_pid = 100;
    if (scenario == NULL) {
        sim_draw_rates();
    }
    set_time(sim.base);
}

/* Whoever is left runs no more. */
void sim_end(void)
{
    while (sim.parties != NULL) {
        unlink_party(sim.parties);
    }
    bury_ended();
}
