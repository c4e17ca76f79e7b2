/*
 * What a seed draws once: how often something happens, whether the program is killed, and which calls
 * of the system fail in the processes that it names. Half of the seeds have no failing calls; a third of
 * the others has one kind, each of the rest about half of the kinds.
 */
#include "five.h"

#include "base/error.h"
#include "fault.h"
#include "sim.h"

#define DIES_MAX (10 * SIM_S)         /* of the program's life, which most end before */
#define FAULT_LATENESS (100 * SIM_MS) /* until the library tries again, at most */

#define KINDS (SIM_FAULT_COUNT + 2) /* kills that are refused, or have no effect, too */

enum {
    IN_PROGRAM = 1,
    IN_WORKERS = 2
};

static const struct {
    const char *name;
    uint32_t most; /* calls of which one fails */
} kinds[SIM_FAULT_COUNT] = {
    [SIM_FAULT_MEMORY] = {"an allocation", 2000},
    [SIM_FAULT_SPAWN] = {"a spawn", 20},
    [SIM_FAULT_CHANNEL] = {"a channel_pair", 20},
    [SIM_FAULT_SEGMENT] = {"a segment_create", 20},
    [SIM_FAULT_POLLER] = {"a poller_add", 20},
    [SIM_FAULT_HANDLE] = {"a handle's call", 20},
    [SIM_FAULT_THREAD] = {"a thread_start", 8},
    [SIM_FAULT_WAIT] = {"a wait", 500},
    [SIM_FAULT_TRANSFER] = {"a transfer", 500},
    [SIM_FAULT_ADOPT] = {"an adopt", 50},
    [SIM_FAULT_REAP] = {"a reap", 20},
};

static uint32_t draw_rate(uint32_t likely, uint32_t least, uint32_t most)
{
    return sim_below(100) < likely ? (uint32_t)sim_between(least, most) : 0;
}

/* Mostly many, seldom few: one of 2 to most. */
static uint32_t draw_fault(uint32_t most)
{
    uint32_t bound = most >> sim_below(4);

    return (uint32_t)sim_between(2, bound > 2 ? bound : 2);
}

/* Often one kind alone: others would hide what comes of it. */
static void draw_faults(void)
{
    uint64_t which = sim_below(3) == 0 ? UINT64_C(1) << sim_below(KINDS) : sim_draw();

    sim.rates.places = (uint32_t)sim_between(IN_PROGRAM, IN_PROGRAM | IN_WORKERS);
    for (int i = 0; i < SIM_FAULT_COUNT; i++) {
        sim.rates.fails[i] = (which >> i & 1) != 0 ? draw_fault(kinds[i].most) : 0;
    }
    sim.rates.refused = (which >> SIM_FAULT_COUNT & 1) != 0 ? (uint32_t)sim_between(1, 8) : 0;
    sim.rates.immortal =
        (which >> (SIM_FAULT_COUNT + 1) & 1) != 0 ? (uint32_t)sim_between(1, 8) : 0;
}

void sim_draw_rates(void)
{
    static const uint32_t switches[] = {2, 5, 15, 50, 150, 500};

    sim.rates = (sim_rates){
        .switches = switches[sim_below(6)],
        .flushes = 1u << sim_below(9),
        .off_core = sim_below(100) < 40 ? 16u << sim_below(9) : 0,
        .stops = draw_rate(30, 2000, 50000),
        .spurious = draw_rate(30, 2, 50),
        .shorts = draw_rate(50, 1, 8),
        .slow = draw_rate(50, 1, 10),
        .late = draw_rate(40, 2, 50),
        .bells = sim_below(100) < 20 ? 2 : 40,
        .dies = sim_below(10) == 0 ? sim_draw_delay(DIES_MAX) : SIM_NEVER,
    };
    if (sim_below(2) == 0) {
        draw_faults();
    }
}

static bool is_place(const sim_process *process)
{
    return process->parent != 0 ? (sim.rates.places & IN_WORKERS) != 0
                                : (sim.rates.places & IN_PROGRAM) != 0 && sim.program_runs;
}

bool sim_fails(sim_fault kind)
{
    uint32_t rate = sim.rates.fails[kind];

    if (rate == 0 || !is_place(sim_own()) || !sim_happens(rate)) {
        return false;
    }
    sim.faults++;
    sim_late(FAULT_LATENESS);
    sim_note("  %s fails", kinds[kind].name);
    return true;
}

brood_status sim_refuse(brood_status status, const char *step, brood_error *error)
{
    return brood_fail(error, status, 0, step, "%s", brood_status_text(status));
}

bool sim_has_faults(void)
{
    bool any = sim.rates.refused > 0 || sim.rates.immortal > 0;

    for (int i = 0; i < SIM_FAULT_COUNT; i++) {
        any = any || sim.rates.fails[i] > 0;
    }
    return any;
}
