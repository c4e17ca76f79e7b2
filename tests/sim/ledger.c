/*
 * What the model knows of the program's items, by their numbers, and what the program had before its
 * pools: none runs too often, or when its caller knows that it has ended; and nothing is left.
 */
#include "five.h"

#include "../liveness.h"
#include "fault.h"
#include "program.h"
#include "runtime/here.h"
#include "sim.h"

#define FOR_EACH_LOST 2 /* blocks that are kept for a process that did not end, to reap it */

typedef struct item {
    uint32_t runs, retries;
    bool has_ended;
} item;

static struct {
    item *items;
    uint64_t room, count;
    size_t memory, handles, mappings;
    uint32_t apr;
} ledger;

/* ---- items ---------------------------------------------------------------------------------- */

void live_items_given(uint64_t first, uint64_t count, uint32_t retries)
{
    if (first + count > ledger.room) {
        ledger.room = 2 * (first + count);
        ledger.items = realloc(ledger.items, ledger.room * sizeof *ledger.items);
    }
    sim_note("items %llu to %llu are given", (unsigned long long)first,
             (unsigned long long)(first + count - 1));
    for (uint64_t i = first; i < first + count; i++) {
        ledger.items[i] = (item){0, retries, false};
    }
    ledger.count = first + count > ledger.count ? first + count : ledger.count;
}

/* One that nobody waits for any more, because its end did not come, may go on to one item more. */
void live_item_runs(uint64_t number)
{
    item *one = &ledger.items[number];

    sim_show();
    sim_note("item %llu runs", (unsigned long long)number);
    if (number >= ledger.count) {
        sim_fail("item %llu runs, which was not given", (unsigned long long)number);
    }
    if (++one->runs > one->retries + 1) {
        sim_fail("item %llu runs for the %uth time, with %u retries", (unsigned long long)number,
                 one->runs, one->retries);
    }
    if (one->has_ended && !sim_own()->escapes) {
        sim_fail("item %llu runs, and had ended before", (unsigned long long)number);
    }
}

void live_item_ended(uint64_t number, bool has_succeeded)
{
    item *one = &ledger.items[number];

    sim.tasks += !one->has_ended;
    one->has_ended = true;
    if (has_succeeded && one->runs == 0) {
        sim_fail("item %llu has succeeded, and never ran", (unsigned long long)number);
    }
}

/* ---- what is left --------------------------------------------------------------------------- */

static size_t count_mappings(const sim_process *process)
{
    size_t count = 0;

    for (int i = 0; i < SIM_MAPPINGS_MAX; i++) {
        count += process->mappings[i].thing != NULL;
    }
    return count;
}

void sim_ledger_begin(void)
{
    sim_process *self = sim_own();

    ledger.count = 0;
    ledger.memory = sim_heap_count(self);
    ledger.handles = brood_os_handle_count();
    ledger.mappings = count_mappings(self);
    ledger.apr = self->apr_count;
}

/* Those that could not be killed; any other process of the program's must be gone. */
static size_t count_lost(const sim_process *program)
{
    size_t count = 0;

    for (const sim_process *at = sim.processes; at != NULL; at = at->next) {
        if (at->parent == program->pid && !at->escapes) {
            sim_fail("process %lld is left\n  %s", (long long)at->pid, sim_program_description());
        }
        count += at->parent == program->pid;
    }
    return count;
}

static void check_threads(const sim_process *program)
{
    for (const sim_party *at = sim.parties; at != NULL; at = at->next) {
        if (at->process == program && at != program->main) {
            sim_fail("thread %llu is left\n  %s", (unsigned long long)at->id,
                     sim_program_description());
        }
    }
}

static void check_count(const char *what, size_t count, size_t before)
{
    if (count != before) {
        sim_fail("%zu %s are there, %zu before\n  %s", count, what, before,
                 sim_program_description());
    }
}

void sim_ledger_check(void)
{
    const sim_process *self = sim_own();
    size_t lost = count_lost(self);

    check_threads(self);
    check_count("blocks of memory", sim_heap_count(self), ledger.memory + FOR_EACH_LOST * lost);
    check_count("handles", brood_os_handle_count(), ledger.handles);
    check_count("mappings", count_mappings(self), ledger.mappings);
    check_count("pools of APR's", self->apr_count, ledger.apr);
}
