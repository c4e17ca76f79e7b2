/* Waiting for a few things, and pollers, which may come back, or tell an owner, for nothing. */
#include "five.h"

#include "channel.h"
#include "base/error.h"
#include "fault.h"
#include "sim.h"

#define ENTRIES_MAX 256
#define LATE_MAX (5 * SIM_MS)
#define WRONG_MAX (20 * SIM_MS)
#define PAUSE_NS (10 * SIM_MS) /* so long an end that was reported wrongly is not waited for */

/* ---- for a few -------------------------------------------------------------------------------- */

typedef struct wait_list {
    brood_os_wait_item *items;
    size_t count;
} wait_list;

static bool is_item_ready(const brood_os_wait_item *item)
{
    if (item->process != NULL) {
        return sim_is_known_dead(item->process);
    }
    return item->channel != NULL && (item->to_write ? sim_end_can_write(item->channel->end)
                                                    : sim_end_can_read(item->channel->end));
}

static bool is_any_ready(void *data)
{
    const wait_list *list = data;

    for (size_t i = 0; i < list->count; i++) {
        if (is_item_ready(&list->items[i])) {
            return true;
        }
    }
    return false;
}

brood_status brood_os_wait(brood_os_wait_item *items, size_t count, int64_t deadline,
                           brood_error *error)
{
    wait_list list = {items, count};
    bool is_wrong = sim_happens(sim.rates.spurious);
    bool any = false;

    sim_call("wait");
    if (sim_fails(SIM_FAULT_WAIT)) {
        return sim_refuse(BROOD_ERR_OS, "wait", error);
    }
    if (!is_any_ready(&list) && deadline > sim_now() && !is_wrong) {
        sim_block("a wait", is_any_ready, &list, deadline);
    }
    for (size_t i = 0; i < count; i++) {
        bool is_one = items[i].process != NULL || items[i].channel != NULL;

        items[i].ready = is_item_ready(&items[i]) || (is_wrong && is_one);
        any = any || items[i].ready;
    }
    return any ? BROOD_OK : BROOD_ERR_TIMEOUT;
}

/* ---- for many ----------------------------------------------------------------------------------- */

typedef struct entry {
    brood_os_channel *channel;
    brood_os_process *process;
    void *owner;
    int64_t seen_at; /* what there is is seen from then on; SIM_NEVER: there was nothing */
} entry;

typedef struct poller_thing {
    sim_thing thing;
    struct brood_os_poller *poller; /* NULL: it is gone */
} poller_thing;

struct brood_os_poller {
    entry entries[ENTRIES_MAX];
    uint32_t count;
    bool is_woken, shows, is_called;
    int64_t woken_at;
    sim_party *waiter; /* who waits in it */
    brood_handle handle;
};

static bool is_entry_ready(const entry *one)
{
    return one->process != NULL ? sim_is_known_dead(one->process)
                                : sim_end_can_read(one->channel->end);
}

static bool would_find(void *data)
{
    const brood_os_poller *poller = data;

    for (uint32_t i = 0; i < poller->count; i++) {
        if (is_entry_ready(&poller->entries[i])) {
            return true;
        }
    }
    return poller->is_woken;
}

/* Mostly now. */
static int64_t draw_sight(void)
{
    int64_t delay = sim_happens(sim.rates.late) ? sim_draw_delay(LATE_MAX) : 0;

    sim_late(delay);
    return sim_now() + delay;
}

/* What is there, but not seen yet, is looked for again in time. */
static bool is_seen(const brood_os_poller *poller, int64_t seen_at)
{
    if (seen_at > sim_now() && poller->waiter != NULL) {
        poller->waiter->until = seen_at < poller->waiter->until ? seen_at : poller->waiter->until;
        poller->waiter->is_late = true;
    }
    return seen_at <= sim_now();
}

static bool sees(const brood_os_poller *poller, entry *one)
{
    if (!is_entry_ready(one)) {
        one->seen_at = SIM_NEVER;
        return false;
    }
    if (one->seen_at == SIM_NEVER) {
        one->seen_at = draw_sight();
    }
    return is_seen(poller, one->seen_at);
}

static bool finds(void *data)
{
    brood_os_poller *poller = data;
    bool any = false;

    if (poller->waiter != NULL) {
        poller->waiter->is_late = false;
    }
    any = poller->is_woken && is_seen(poller, poller->woken_at);

    for (uint32_t i = 0; i < poller->count; i++) {
        any = sees(poller, &poller->entries[i]) || any;
    }
    return any;
}

bool sim_poller_calls_loop(brood_os_poller *poller)
{
    return poller->is_called || (poller->shows && would_find(poller));
}

bool sim_poller_is_ready(const sim_thing *thing)
{
    return sim_poller_calls_loop(((const poller_thing *)thing)->poller);
}

bool sim_poller_shows(const brood_os_poller *poller)
{
    return poller->shows;
}

brood_status brood_os_poller_create(brood_os_poller **poller, brood_error *error)
{
    sim_call("poller_create");
    *poller = sim_fails(SIM_FAULT_POLLER) ? NULL : brood_calloc(1, sizeof **poller);
    if (*poller == NULL) {
        return sim_refuse(BROOD_ERR_LIMIT, "poller_create", error);
    }
    (*poller)->handle = BROOD_HANDLE_NONE;
    return BROOD_OK;
}

static void add(brood_os_poller *poller, brood_os_channel *channel, brood_os_process *process,
                void *owner)
{
    if (poller->count == ENTRIES_MAX) {
        sim_fail("too much in a poller");
    }
    poller->entries[poller->count++] = (entry){channel, process, owner, SIM_NEVER};
}

static void take_out(brood_os_poller *poller, const brood_os_channel *channel,
                     const brood_os_process *process)
{
    for (uint32_t i = 0; i < poller->count; i++) {
        if (poller->entries[i].channel == channel && poller->entries[i].process == process) {
            poller->entries[i] = poller->entries[--poller->count];
            return;
        }
    }
}

brood_status brood_os_poller_add(brood_os_poller *poller, brood_os_channel *channel, void *owner,
                                 brood_error *error)
{
    sim_call_on("poller_add", poller);
    if (sim_fails(SIM_FAULT_POLLER)) {
        return sim_refuse(BROOD_ERR_LIMIT, "poller_add", error);
    }
    add(poller, channel, NULL, owner);
    return BROOD_OK;
}

void brood_os_poller_remove(brood_os_poller *poller, brood_os_channel *channel)
{
    sim_call_on("poller_remove", poller);
    take_out(poller, channel, NULL);
}

brood_status brood_os_poller_add_process(brood_os_poller *poller, brood_os_process *process,
                                         void *owner, brood_error *error)
{
    sim_call_on("poller_add_process", poller);
    if (sim_fails(SIM_FAULT_POLLER)) {
        return sim_refuse(BROOD_ERR_LIMIT, "poller_add_process", error);
    }
    add(poller, NULL, process, owner);
    return BROOD_OK;
}

void brood_os_poller_remove_process(brood_os_poller *poller, brood_os_process *process)
{
    sim_call_on("poller_remove_process", poller);
    take_out(poller, NULL, process);
}

static void tell(void **owners, size_t *count, size_t most, void *owner)
{
    for (size_t i = 0; i < *count; i++) {
        if (owners[i] == owner) {
            return;
        }
    }
    if (*count < most) {
        owners[(*count)++] = owner;
    }
}

static void shuffle(entry *entries, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        entry *other = &entries[i + sim_below(count - i)];
        entry one = entries[i];

        entries[i] = *other;
        *other = one;
    }
}

/* In any order, not always all, and at times one for nothing. */
static void tell_owners(brood_os_poller *poller, void **owners, size_t most, size_t *count)
{
    bool is_wrong = sim_happens(sim.rates.spurious);

    shuffle(poller->entries, poller->count);
    most = 1 + (size_t)sim_below(most);
    for (uint32_t i = 0; i < poller->count; i++) {
        bool is_seen = sees(poller, &poller->entries[i]);

        if (!is_seen && is_wrong && i == 0 && poller->entries[i].process != NULL) {
            sim_late(PAUSE_NS);
        }
        if (is_seen || (is_wrong && i == 0)) {
            tell(owners, count, most, poller->entries[i].owner);
        }
    }
}

/* When a wait comes back although there is nothing; mostly never. */
static int64_t draw_wrong(int64_t deadline)
{
    int64_t most = deadline - sim_now() < WRONG_MAX ? deadline - sim_now() : WRONG_MAX;

    return most > 0 && sim_happens(sim.rates.spurious) ? sim_now() + sim_draw_delay(most)
                                                       : SIM_NEVER;
}

/* True: it comes back for nothing. */
static bool await(brood_os_poller *poller, int64_t deadline)
{
    int64_t wrong = draw_wrong(deadline);
    int64_t until = wrong < deadline ? wrong : deadline;

    poller->waiter = sim.self;
    while (!finds(poller) && until > sim_now()) {
        sim_block("the poller", finds, poller, until);
    }
    poller->waiter->is_late = false;
    poller->waiter = NULL;
    return wrong <= sim_now();
}

/* The lock is the caller's: none. Ready may be gone when the caller comes to look. */
brood_status brood_os_poller_wait(brood_os_poller *poller, void **owners, size_t most,
                                  size_t *count, int64_t deadline, brood_error *error)
{
    bool is_woken = false;
    bool is_wrong = false;

    sim_call("poller_wait");
    *count = 0;
    if (sim_fails(SIM_FAULT_WAIT)) {
        return sim_refuse(BROOD_ERR_OS, "poller_wait", error);
    }
    is_wrong = await(poller, deadline);
    tell_owners(poller, owners, most, count);
    is_woken = poller->is_woken && poller->woken_at <= sim_now();
    poller->is_woken = poller->is_woken && !is_woken;
    return *count > 0 || is_woken || is_wrong ? BROOD_OK : BROOD_ERR_TIMEOUT;
}

void brood_os_poller_wake(brood_os_poller *poller)
{
    sim_call_on("poller_wake", poller);
    poller->woken_at = poller->is_woken ? poller->woken_at : draw_sight();
    poller->is_woken = true;
}

/* ---- for an event loop ---------------------------------------------------------------------------- */

static void thing_destroy(sim_thing *thing)
{
    free(thing);
}

brood_status brood_os_poller_handle(brood_os_poller *poller, brood_handle *handle,
                                    brood_error *error)
{
    poller_thing *made = NULL;

    sim_call("poller_handle");
    *handle = BROOD_HANDLE_NONE;
    if (sim_fails(SIM_FAULT_POLLER)) {
        return sim_refuse(BROOD_ERR_LIMIT, "poller_handle", error);
    }
    made = calloc(1, sizeof *made);
    *made = (poller_thing){{SIM_THING_POLLER, 0, thing_destroy}, poller};
    poller->handle = *handle = sim_handle_new(sim_own(), &made->thing);
    poller->shows = true;
    return BROOD_OK;
}

void brood_os_poller_show(brood_os_poller *poller, bool shows)
{
    sim_call_on("poller_show", poller);
    poller->shows = shows;
}

void brood_os_poller_call(brood_os_poller *poller)
{
    sim_call_on("poller_call", poller);
    poller->is_called = true;
}

void brood_os_poller_answer(brood_os_poller *poller)
{
    sim_call_on("poller_answer", poller);
    poller->is_called = false;
}

void brood_os_poller_free(brood_os_poller *poller)
{
    if (poller == NULL) {
        return;
    }
    sim_call("poller_free");
    if (poller->count > 0) {
        sim_fail("a poller is freed that has something");
    }
    brood_os_handle_close(poller->handle);
    brood_free(poller);
}
