/*
 * Memory that processes share, as on x86: a release store waits in its party's buffer, in order, and
 * is seen by the party itself at once, by others when it leaves the buffer. All other atomic
 * operations but loads, and calls of the system, empty the buffer first. Plain writes are seen at
 * once, so others see them before a release that stands behind them at the latest.
 */
#include "five.h"

#include "explore.h"
#include "sim.h"

#define BYTES_A_NS 8 /* that are copied */

static void make_visible(const sim_store *store)
{
    if (sim.scenario != NULL) {
        sim_explore_seen(store->at, store->past);
    }
    if (store->size == sizeof(uint32_t)) {
        *(uint32_t *)store->at = (uint32_t)store->value;
    } else {
        *(uint64_t *)store->at = store->value;
    }
    sim.epoch++;
}

void sim_flush_some(sim_party *party, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        make_visible(&party->stores[i]);
    }
    party->store_count -= count;
    party->seen_count -= party->seen_count < count ? party->seen_count : count;
    memmove(party->stores, party->stores + count, party->store_count * sizeof(sim_store));
}

void sim_show(void)
{
    sim.self->seen_count = sim.self->store_count;
}

void sim_flush(sim_party *party)
{
    sim_flush_some(party, party->store_count);
}

void sim_flush_into(const void *memory, size_t size)
{
    const unsigned char *begin = memory;
    uint32_t upto = 0;

    for (uint32_t i = 0; i < sim.self->store_count; i++) {
        const unsigned char *at = sim.self->stores[i].at;

        upto = at >= begin && at < begin + size ? i + 1 : upto;
    }
    sim_flush_some(sim.self, upto);
}

void sim_release(void *at, uint64_t value, uint32_t size)
{
    sim_party *self = sim.self;

    if (self->store_count == SIM_STORES_MAX) {
        sim_flush_some(self, 1);
    }
    self->stores[self->store_count++] = (sim_store){at, value, size, self->past};
}

uint64_t sim_load(void *at, uint32_t size)
{
    const sim_party *self = sim.self;

    for (uint32_t i = self->store_count; i > 0; i--) {
        if (self->stores[i - 1].at == at) {
            return self->stores[i - 1].value;
        }
    }
    return size == sizeof(uint32_t) ? *(uint32_t *)at : *(uint64_t *)at;
}

/* The party is in a plain write, which takes its time, until it goes on. */
void sim_point(void *at, size_t size)
{
    sim_party *self = sim.self;

    self->writes_at = at;
    self->writes_size = sim.point_size = size;
    sim.base += (int64_t)(size / BYTES_A_NS);
    sim_step_at(SIM_POINT, at);
    self->writes_size = 0;
}

/* Whoever sees some of it sees all that was stored before. */
void sim_spoil(sim_party *party)
{
    size_t from = (size_t)sim_below(party->writes_size + 1);
    size_t upto = (size_t)sim_between((int64_t)from, (int64_t)party->writes_size);

    for (size_t i = from; i < upto; i++) {
        party->writes_at[i] = (unsigned char)(party->id * 31 + i * 7);
    }
    party->seen_count = from < upto ? party->store_count : party->seen_count;
}
