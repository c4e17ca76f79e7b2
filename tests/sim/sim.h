/*
 * The simulator: a program that uses brood, its workers and the system below them run as coroutines
 * on one thread, on a virtual clock. Every decision is drawn from a seed, so a run can be repeated
 * step by step. This header is what the simulator's files share; the core includes five.h only.
 *
 *   fault.c    what a seed draws once, and calls that fail
 *   kernel.c   parties (simulated threads), the scheduler, time, random numbers
 *   store.c    memory that processes share: what a store becomes visible as, and when
 *   heap.c     each process's own memory, which goes with the process
 *   sync.c     mutexes, conditions and threads of the core
 *   process.c  spawn, kill, the end, reaping
 *   handle.c   the table of handles of each process
 *   channel.c  channels, and handles that travel in them
 *   poller.c   waiting, for a few and for many
 *   system.c   the rest of the seam
 *   ledger.c   what the model knows of the program's items and possessions
 *   check.c    what must hold whenever nobody can run
 *   plan.c     the schedule of a scenario: the default one, and the decisions against it
 *   explore.c  all decisions of a scenario, within bounds
 *   program.c  what the simulated program gets in place of the tests' support
 *   run.c      the command line
 */
#ifndef BROOD_TESTS_SIM_H
#define BROOD_TESTS_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sim_party sim_party;
typedef struct sim_process sim_process;

#define SIM_US INT64_C(1000)
#define SIM_MS INT64_C(1000000)
#define SIM_S INT64_C(1000000000)
#define SIM_NEVER INT64_MAX

/* ---- what a seed draws once ---------------------------------------------------------------- */

/* The kinds of calls that fail (fault.h). */
typedef enum sim_fault {
    SIM_FAULT_MEMORY,
    SIM_FAULT_SPAWN,
    SIM_FAULT_CHANNEL,
    SIM_FAULT_SEGMENT,
    SIM_FAULT_POLLER,
    SIM_FAULT_HANDLE,
    SIM_FAULT_THREAD,
    SIM_FAULT_WAIT,
    SIM_FAULT_TRANSFER,
    SIM_FAULT_ADOPT,
    SIM_FAULT_REAP,
    SIM_FAULT_COUNT
} sim_fault;

/* How often something happens: once in so many steps or calls, about; 0: never. */
typedef struct sim_rates {
    uint32_t switches; /* to another party, in steps */
    uint32_t flushes;  /* an event makes stores visible: one of N */
    uint32_t off_core; /* an event takes the party off its core for long */
    uint32_t stops;    /* an event stops a worker for a while */
    uint32_t spurious; /* a wait comes back for nothing */
    uint32_t shorts;   /* a read or write takes less than it could */
    uint32_t slow;     /* a start, a death or a kill takes long */
    uint32_t late;     /* a poller or a read sees late what there is */
    uint32_t refused;  /* a kill is refused, perhaps several times */
    uint32_t immortal; /* a kill has no effect, for a while or for ever */
    uint32_t bells;    /* the most that a channel takes of single bytes */
    uint32_t places;   /* where calls fail */
    int64_t dies;      /* the program is killed, so long after its begin; SIM_NEVER: it is not */
    uint32_t fails[SIM_FAULT_COUNT];
} sim_rates;

/* ---- the world ------------------------------------------------------------------------------ */

typedef struct sim_world {
    uint64_t seed, random;
    int64_t countdown; /* steps to the next event */
    int64_t burst;     /* what it began with */
    int64_t cost;      /* of a step, ns */
    int64_t base;      /* the time at the last event */
    uint64_t steps, events, calls, jumps, hash;
    uint64_t faults; /* calls that failed */
    uint64_t tasks;  /* items that have ended, as far as their callers know */
    uint64_t epoch;  /* grows with what others can see */
    sim_rates rates;
    sim_party *self;
    sim_party *parties; /* all that live, the oldest first */
    sim_party *last_party;
    uint32_t party_count;
    uint64_t last_party_id;
    sim_process *processes; /* all that are not reaped, the oldest first */
    int64_t first_pid, last_pid;
    int64_t lateness; /* for what was slow, all in all: see sim_late */
    int64_t late_until;
    int64_t slow_spawn; /* so long a start takes in a scenario */
    bool program_runs;  /* it has begun: its calls may fail */
    bool traces, is_quiet;
    const struct sim_scenario *scenario; /* NULL: random; see plan.h */
    const char *call;                    /* of the step, if it is one */
    size_t point_size; /* of the write that it stands before, if it is such a one */
} sim_world;

extern sim_world sim;

/* ---- random numbers ------------------------------------------------------------------------- */

uint64_t sim_draw(void);
uint64_t sim_below(uint64_t end);
int64_t sim_between(int64_t low, int64_t high);
/* One time of `rate`; 0: never. */
bool sim_happens(uint32_t rate);
/* Mostly short, seldom up to most. */
int64_t sim_draw_delay(int64_t most);

/* ---- steps ---------------------------------------------------------------------------------- */

/* What a step was, for the hash and the trace. */
typedef enum sim_kind {
    SIM_LOAD = 1,
    SIM_STORE,
    SIM_RELEASE,
    SIM_CHANGE,
    SIM_POINT,
    SIM_HEAP,
    SIM_LOCK,
    SIM_UNLOCK,
    SIM_SIGNAL,
    SIM_CALL,
    SIM_CLOCK
} sim_kind;

void sim_event(sim_kind kind, const void *object);

bool sim_explore_is_on(void); /* in the exhaustive mode, from "workers are up" on */

/*
 * A step of the party that runs ends here, before it touches the object: another one may run, or time
 * may pass.
 */
static inline void sim_step_at(sim_kind kind, const void *object)
{
    sim.hash = (sim.hash ^ (uint64_t)kind) * UINT64_C(0x100000001B3);
    if (--sim.countdown <= 0) {
        sim_event(kind, object);
    }
}

/* What was read or written belongs to the step, for the hash; it is no address. Returns it. */
static inline uint64_t sim_value(uint64_t value)
{
    sim.hash = (sim.hash ^ value) * UINT64_C(0x100000001B3);
    return value;
}

static inline void sim_step(sim_kind kind)
{
    sim_step_at(kind, NULL);
}

static inline int64_t sim_now(void)
{
    return sim.base + (sim.burst - sim.countdown) * sim.cost;
}

/* What the seed makes slow, from now on for so long: everybody may be late by that. */
static inline void sim_late(int64_t duration)
{
    int64_t until = sim_now() + duration;

    sim.lateness += duration;
    sim.late_until = until > sim.late_until ? until : sim.late_until;
}

/* A call of the system: a step that empties the store buffer. */
void sim_call(const char *what);
/* The same; it touches nothing that others see but that object. */
void sim_call_on(const char *what, const void *object);

/* The same as sim_value, of bytes. */
void sim_values(const void *bytes, size_t size);

/* A line of the trace, only with --trace. */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
void sim_note(const char *format, ...);

/* What must hold does not: says so, and how to see it again, and ends the run. */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2), noreturn))
#endif
void sim_fail(const char *format, ...);

/* ---- parties -------------------------------------------------------------------------------- */

#define SIM_STORES_MAX 16

typedef struct sim_store {
    void *at;
    uint64_t value;
    uint32_t size;
    uint64_t past; /* of the party, when it stored */
} sim_store;

typedef bool sim_predicate(void *data);

struct sim_party {
    sim_party *next;
    sim_process *process;
    uint64_t id;
    void *context, *stack;
    void (*function)(void *data);
    void *data;
    /* It runs again when is_ready says so, or at that time; both empty: it can run. */
    sim_predicate *is_ready;
    void *ready_data;
    int64_t until;
    const char *waits_for; /* for the trace */
    int64_t off_until;     /* it has no core until then */
    bool is_paused;        /* it spins: until somebody has written, or for a moment */
    uint64_t pause_epoch;
    uint32_t pauses;
    bool in_user_code; /* a wait of the program's own: what it does is not the library's doing */
    bool is_in_sleep;  /* of the library's */
    bool is_late;      /* what it waits for is there, and it sees that at its time */
    bool is_ended;
    sim_store stores[SIM_STORES_MAX]; /* that nobody else sees yet, in their order */
    uint32_t store_count;
    uint32_t seen_count; /* the oldest of them, after which something was done that has been seen */
    unsigned char *writes_at; /* the plain write to shared memory that it is in */
    size_t writes_size;       /* 0: it is in none */
    void *fake_stack;         /* of AddressSanitizer */
    const void *own;          /* see brood_thread_own */
    const char *name;         /* in a scenario */
    uint64_t past;            /* what it has done and seen, as a number: see explore.c */
    uint64_t written;         /* that, when it began to write to shared memory last */
};

sim_party *sim_party_start(sim_process *process, void (*function)(void *), void *data);

/* Waits until is_ready(data) or the time; true: it is ready. The wait empties the store buffer. */
bool sim_block(const char *what, sim_predicate *is_ready, void *data, int64_t until);

/* The party that runs spins. */
void sim_pause(void);

/* It has no core, or spins: it goes on whatever happens. */
bool sim_party_moves(const sim_party *party);

/* Whatever it waits for, the next to run is drawn anew. */
void sim_switch(void);
void sim_switch_to(sim_party *party);
bool sim_can_run(sim_party *party, int64_t now);

/* All of these run no more; does not come back when the party that runs is one of them. */
void sim_parties_end(sim_process *process);

/* Runs everything until is_over(data), which is asked at each switch. */
void sim_run(bool (*is_over)(void *data), void *data);

/* How often what happens, see fault.c. */
void sim_draw_rates(void);

/* A new world; everything of the last one is gone. */
void sim_begin(uint64_t seed);
void sim_end(void);

/* ---- memory that is shared (store.c) ---------------------------------------------------------- */

uint64_t sim_load(void *at, uint32_t size);
void sim_release(void *at, uint64_t value, uint32_t size);
/* All that the party has stored is visible. */
void sim_flush(sim_party *party);
/* The party does what others can see: when it is killed, all that it has stored before is visible. */
void sim_show(void);
/* The oldest ones are. */
void sim_flush_some(sim_party *party, uint32_t count);
/* The stores into memory that is freed: who gets it next does so by an atomic step of the allocator. */
void sim_flush_into(const void *memory, size_t size);

/* The party dies in the middle of its plain write, if it is in one: some of these bytes are rubbish. */
void sim_spoil(sim_party *party);

/* ---- memory of a process (heap.c) -------------------------------------------------------------- */

typedef struct sim_block_head {
    struct sim_block_head *next, *previous;
    size_t size, unused;
} sim_block_head;

void sim_heap_begin(sim_process *process);
void sim_heap_end(sim_process *process);
size_t sim_heap_count(const sim_process *process);

/* ---- processes -------------------------------------------------------------------------------- */

#define SIM_HANDLES_MAX 128
#define SIM_MAPPINGS_MAX 64
#define SIM_AT_EXIT_MAX 8

typedef enum sim_state {
    SIM_RUNS,
    SIM_STOPPED, /* until stopped_until */
    SIM_DEAD,    /* its parent has not taken its end */
    SIM_REAPED
} sim_state;

typedef struct sim_thing sim_thing;

typedef struct sim_mapping {
    sim_thing *thing;
    void *base;
} sim_mapping;

struct sim_process {
    sim_process *next;
    int64_t pid, parent;
    sim_state state;
    bool was_signalled;
    bool is_immortal;      /* it waits in the kernel, and a kill has no effect ... */
    bool escapes;          /* a kill was refused, or without effect, or a reap has failed: nobody */
                           /* waits for its end */
    bool was_refused;      /* a kill, at least once */
    uint32_t refusals;     /* kills that are refused yet */
    uint32_t apr_count;    /* pools of APR's */
    int code;              /* its exit code, or signal */
    int64_t stopped_until; /* SIM_NEVER: for ever */
    int64_t kill_at;       /* the kill that is under way has its effect; SIM_NEVER: there is none */
    uint64_t kill_in;      /* it is killed at so many events of its own from now on; 0: not */
    int64_t known_at;      /* its parent can hear of its end */
    struct sim_party *main; /* NULL: it has ended */
    struct brood_process_state *here;
    void *apr; /* its root pool */
    char **environment;
    sim_thing *handles[SIM_HANDLES_MAX];
    sim_mapping mappings[SIM_MAPPINGS_MAX];
    void (*at_exit[SIM_AT_EXIT_MAX])(void);
    uint32_t at_exit_count;
    sim_block_head heap;
};

static inline sim_process *sim_own(void)
{
    return sim.self->process;
}

sim_process *sim_process_new(char **environment);
sim_process *sim_process_find(int64_t pid);
void sim_process_start(sim_process *process);
/* At once; the handles are closed, the memory is gone. May not come back: see sim_parties_end. */
void sim_process_die(sim_process *process, bool by_signal, int code);
/* Takes effect at a time that is drawn. */
void sim_process_kill_later(sim_process *process, int64_t delay);
void sim_process_forget(sim_process *process);
/* All of them are gone, also those that do not end. */
void sim_processes_end(void);
/* What becomes due by itself: kills, and stopped processes that go on. The next such time. */
int64_t sim_processes_keep(int64_t now);

/* ---- things: what handles are for ------------------------------------------------------------ */

typedef enum sim_thing_kind {
    SIM_THING_END,     /* of a stream */
    SIM_THING_SEGMENT, /* memory */
    SIM_THING_POLLER   /* what an event loop waits for */
} sim_thing_kind;

struct sim_thing {
    sim_thing_kind kind;
    uint32_t references;
    void (*destroy)(sim_thing *thing);
};

sim_thing *sim_thing_hold(sim_thing *thing);
void sim_thing_drop(sim_thing *thing);
/* The number of a new handle for it; -1: there are too many. Takes no reference of the caller's. */
intptr_t sim_handle_new(sim_process *process, sim_thing *thing);
void sim_handle_put(sim_process *process, intptr_t handle, sim_thing *thing);
sim_thing *sim_handle_thing(sim_process *process, intptr_t handle);
void sim_handles_close(sim_process *process);
uint32_t sim_things_count(void);

/* Whether an event loop that waits for the handle would go on. */
bool sim_poller_is_ready(const sim_thing *thing);
/* The same: the program is to run the loop. */
struct brood_os_poller;
bool sim_poller_calls_loop(struct brood_os_poller *poller);
/* Whether the handle shows what the poller would find. */
bool sim_poller_shows(const struct brood_os_poller *poller);

/* ---- the rest ----------------------------------------------------------------------------------- */

/* main() of the simulated program, which its workers execute afresh. */
int sim_program_main(int argc, char **argv);

/* Nobody can run, and the clock is about to jump: what must hold does. */
void sim_check(void);
/* The same, while threads of the program only spin: workers that sleep have nothing to do. */
void sim_check_still(void);
/* Now and then: what was due is done. */
void sim_check_times(void);
/* The pool that the program has now, for the checks; NULL: none. */
void sim_check_pool(const void *now);

#endif
