#include "liveness.h"

#include <stdlib.h>
#include <string.h>

#include <apr_time.h>

#define LARGE 1500000 /* more than a ring */

/* ---- calls ---------------------------------------------------------------------------------- */

static void call_apply(live_caller *self)
{
    uint64_t allowed = 0;
    uint64_t y = 0;
    brood_task_options options = live_draw_options(self, &allowed);
    live_order order = live_draw_order(self, &options);
    brood_status status = BROOD_OK;

    allowed |= live_allowed_of(self->life, order.kind);
    live_begin(self->thread, "brood_pool_apply");
    status =
        brood_pool_apply(self->life->pool, live_obey, &order, sizeof order, &y, sizeof y, &options);
    live_end(self->thread);
    live_check_status(self, status, allowed, "brood_pool_apply");
    if (status == BROOD_OK && y != order.x + 1) {
        live_fail("apply: the value is wrong");
    }
}

static void call_async(live_caller *self)
{
    live_held *held = live_free_place(self);
    uint64_t allowed = 0;
    brood_task_options options = live_draw_options(self, &allowed);
    live_order order = live_draw_order(self, &options);
    brood_status status = BROOD_OK;

    if (held == NULL) {
        return;
    }
    live_add_callbacks(self, &options);
    held->allowed = allowed | live_allowed_of(self->life, order.kind);
    held->first = order.x + 1;
    held->size = sizeof held->first;
    live_begin(self->thread, "brood_pool_apply_async");
    status = brood_pool_apply_async(self->life->pool, &held->result, live_obey, &order,
                                    sizeof order, &options);
    live_end(self->thread);
    live_check_status(self, status, held->allowed | LIVE_BIT(BROOD_OK), "brood_pool_apply_async");
    live_count_due(self, &options, status);
}

static void note_callback(brood_result *result, void *user)
{
    (void)result;
    brood_exchange32(user, 1);
}

/* Does not wait in the pool, so that nobody may be there when the task ends, or its time is up. */
static void call_and_await_callback(live_caller *self)
{
    uint64_t allowed = LIVE_BIT(BROOD_OK);
    brood_task_options options = live_draw_options(self, &allowed);
    live_order order = live_draw_order(self, &options);
    brood_atomic32 has_come = 0;
    brood_status status = BROOD_OK;

    options.done = options.failed = note_callback;
    options.user = (void *)&has_come;
    allowed |= live_allowed_of(self->life, order.kind);
    live_begin(self->thread, "brood_pool_apply_async, and its callback");
    status =
        brood_pool_apply_async(self->life->pool, NULL, live_obey, &order, sizeof order, &options);
    while (status == BROOD_OK && brood_load32(&has_come) == 0) {
        apr_sleep(500);
    }
    live_end(self->thread);
    live_check_status(self, status, allowed, "brood_pool_apply_async with a callback");
}

static void call_async_large(live_caller *self)
{
    live_held *held = live_free_place(self);
    uint64_t allowed = 0;
    brood_task_options options = live_draw_options(self, &allowed);
    brood_status status = BROOD_OK;
    live_order order = {LIVE_DO_LARGE, 0, 0};

    if (held == NULL) {
        return;
    }
    held->size = live_between(&self->seed, 1000, LARGE);
    held->in = calloc(1, held->size);
    memset(held->in, (int)live_below(&self->seed, 256), held->size);
    memcpy(held->in, &order, sizeof order);
    held->allowed = allowed | live_allowed_of(self->life, order.kind);
    live_add_callbacks(self, &options);
    live_begin(self->thread, "brood_pool_apply_async of a large argument");
    status = brood_pool_apply_async(self->life->pool, &held->result, live_obey, held->in,
                                    held->size, &options);
    live_end(self->thread);
    live_check_status(self, status, held->allowed | LIVE_BIT(BROOD_OK),
                      "brood_pool_apply_async, large");
    live_count_due(self, &options, status);
    if (status != BROOD_OK) {
        live_release(held);
    }
}

/* Many small ones in a row, of which some, all or none are taken. */
static void call_burst(live_caller *self)
{
    enum {
        MOST = 200
    };
    live_held burst[MOST];
    uint64_t allowed = live_allowed_of(self->life, LIVE_DO_RETURN);
    uint32_t count =
        self->life->max_items > LIVE_FEW ? live_between(&self->seed, 20, MOST) : LIVE_FEW;
    uint32_t kept = live_chance(&self->seed, 50) ? live_below(&self->seed, count + 1) : 0;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;

    live_add_callbacks(self, &options);
    memset(burst, 0, sizeof burst);
    for (uint32_t i = 0; i < count; i++) {
        live_order order = {LIVE_DO_RETURN, 0, i};
        brood_status status = BROOD_OK;

        burst[i] = (live_held){.allowed = allowed, .size = sizeof order.x, .first = i + 1};
        live_begin(self->thread, "brood_pool_apply_async in a burst");
        status = brood_pool_apply_async(self->life->pool, i < kept ? &burst[i].result : NULL,
                                        live_obey, &order, sizeof order, &options);
        live_end(self->thread);
        live_check_status(self, status, allowed, "brood_pool_apply_async in a burst");
        live_count_due(self, &options, status);
    }
    for (uint32_t i = 0; i < kept; i++) {
        if (burst[i].result != NULL) {
            (live_chance(&self->seed, 70) ? live_finish_held : live_destroy_held)(self, &burst[i]);
        }
    }
}

/* Fills in and out, and says what the items may end with. */
static void draw_items(live_caller *self, live_held *held, const brood_task_options *options)
{
    live_order *in = NULL;

    held->count = live_between(&self->seed, 1, self->life->max_items);
    held->in = in = calloc(held->count, sizeof *in);
    held->out = malloc(held->count * sizeof(uint64_t));
    memset(held->out, 0xAB, held->count * sizeof(uint64_t));
    for (size_t i = 0; i < held->count; i++) {
        in[i] = live_draw_order(self, options);
        if (in[i].kind > LIVE_DO_FAIL && i % 8 != 0) { /* each may take its time-out and grace */
            in[i].kind = LIVE_DO_RETURN;
        }
        held->allowed |= live_allowed_of(self->life, in[i].kind);
    }
}

static void call_map(live_caller *self)
{
    live_held held = {0};
    brood_task_options options = live_draw_options(self, &held.allowed);
    brood_status status = BROOD_OK;

    draw_items(self, &held, &options);
    live_begin(self->thread, "brood_pool_map");
    status = brood_pool_map(self->life->pool, live_obey, held.in, held.count, sizeof(live_order),
                            held.out, sizeof(uint64_t), &options);
    live_end(self->thread);
    live_check_status(self, status, held.allowed, "brood_pool_map");
    for (size_t i = 0; i < held.count; i++) {
        uint64_t y = ((uint64_t *)held.out)[i];

        if (y != ((live_order *)held.in)[i].x + 1 && (y != LIVE_UNTOUCHED || status == BROOD_OK)) {
            live_fail("map: the value of item %u is wrong", (unsigned)i);
        }
    }
    live_release(&held);
}

static void call_map_async(live_caller *self)
{
    live_held *held = live_free_place(self);
    brood_task_options options;
    brood_status status = BROOD_OK;

    if (held == NULL) {
        return;
    }
    options = live_draw_options(self, &held->allowed);
    draw_items(self, held, &options);
    live_add_callbacks(self, &options);
    live_begin(self->thread, "brood_pool_map_async");
    status = brood_pool_map_async(self->life->pool, &held->result, live_obey, held->in, held->count,
                                  sizeof(live_order), held->out, sizeof(uint64_t), &options);
    live_end(self->thread);
    live_check_status(self, status, held->allowed | LIVE_BIT(BROOD_OK), "brood_pool_map_async");
    live_count_due(self, &options, status);
    if (status != BROOD_OK) {
        live_release(held);
    } else if (live_chance(&self->seed, 60)) {
        live_check_item(self, held, live_below(&self->seed, (uint32_t)held->count));
    }
}

static void call_for(live_caller *self)
{
    uint64_t allowed = 0;
    brood_task_options options = live_draw_options(self, &allowed);
    live_order order = live_draw_order(self, &options);
    brood_status status = BROOD_OK;

    if (order.kind > LIVE_DO_PAUSE &&
        order.kind != LIVE_DO_UNTIL_CANCELLED) { /* in each part of the range */
        order.kind = LIVE_DO_RETURN;
    }
    if (order.kind == LIVE_DO_UNTIL_CANCELLED && options.deadline_ms == 0) {
        options.deadline_ms = 60;
        allowed |= LIVE_BIT(BROOD_ERR_DEADLINE);
    }
    allowed |= live_allowed_of(self->life, order.kind);
    live_begin(self->thread, "brood_pool_for");
    status = brood_pool_for(self->life->pool, live_obey_range, 0,
                            live_between(&self->seed, 1, self->life->max_items), &order,
                            sizeof order, &options);
    live_end(self->thread);
    live_check_status(self, status, allowed, "brood_pool_for");
}

/* ---- imaps ---------------------------------------------------------------------------------- */

typedef struct live_feeder {
    live_caller *caller;
    const brood_task_options *options;
    uint64_t given, count, allowed;
    live_order orders[64];
} live_feeder;

static brood_status feed(void *user, const void **data, size_t *size)
{
    live_feeder *self = user;
    live_order *order = &self->orders[self->given];

    if (self->given == self->count) {
        return BROOD_ERR_CLOSED;
    }
    *order = live_draw_order(self->caller, self->options);
    if (order->kind > LIVE_DO_FAIL && self->given % 8 != 0) {
        order->kind = LIVE_DO_RETURN;
    }
    self->allowed |= live_allowed_of(self->caller->life, order->kind);
    self->given++;
    *data = order;
    *size = sizeof *order;
    return BROOD_OK;
}

/* Takes one; false when there are no more. */
static bool take_next(live_caller *self, live_feeder *feeder, brood_imap *imap, uint64_t *seen)
{
    const void *data = NULL;
    size_t size = 0;
    uint64_t index = UINT64_MAX;
    uint64_t y = 0;
    brood_status status = BROOD_OK;

    live_begin(self->thread, "brood_imap_next");
    status = brood_imap_next(imap, &data, &size, &index, NULL, BROOD_FOREVER);
    live_end(self->thread);
    if (status == BROOD_ERR_CLOSED || index == UINT64_MAX) {
        live_check_status(self, status, feeder->allowed | LIVE_BIT(BROOD_ERR_CLOSED),
                          "brood_imap_next");
        return false;
    }
    live_check_status(self, status, feeder->allowed, "brood_imap_next");
    if (index >= feeder->given || (*seen >> index & 1) != 0) {
        live_fail("brood_imap_next: item %llu comes again", (unsigned long long)index);
    }
    *seen |= UINT64_C(1) << index;
    memcpy(&y, status == BROOD_OK ? data : &y, sizeof y);
    if (status == BROOD_OK && (size != sizeof y || y != feeder->orders[index].x + 1)) {
        live_fail("brood_imap_next: a value is wrong");
    }
    return true;
}

static void call_imap(live_caller *self)
{
    live_feeder feeder = {0};
    brood_task_options options = live_draw_options(self, &feeder.allowed);
    uint32_t most = self->life->max_items < 64 ? self->life->max_items : 64;
    uint32_t left = live_below(&self->seed, most + 20); /* fewer than all: it is abandoned */
    bool is_ordered = live_chance(&self->seed, 50);
    brood_imap *imap = NULL;
    uint64_t seen = 0;
    brood_status status = BROOD_OK;

    feeder.caller = self;
    feeder.options = &options;
    feeder.count = live_between(&self->seed, 1, most);
    options.window = live_below(&self->seed, 6);
    options.try_submit = false; /* not for imaps */
    options.submit_timeout_ms = 0;
    live_begin(self->thread, "brood_pool_imap");
    status = (is_ordered ? brood_pool_imap : brood_pool_imap_unordered)(
        self->life->pool, &imap, live_obey, feed, &feeder, &options);
    live_end(self->thread);
    live_check_status(self, status, feeder.allowed | LIVE_BIT(BROOD_OK), "brood_pool_imap");
    while (status == BROOD_OK && left-- > 0 && take_next(self, &feeder, imap, &seen)) {
    }
    live_begin(self->thread, "brood_imap_destroy");
    brood_imap_destroy(imap);
    live_end(self->thread);
}

/* ---- the pool ------------------------------------------------------------------------------- */

static void call_resize(live_caller *self)
{
    uint32_t workers = live_between(&self->seed, 1, 3);

    if (live_chance(&self->seed, 25)) {
        uint32_t asked = brood_load32(&self->life->asked);

        if (workers > asked) { /* two at a time both know three as the most */
            brood_exchange32(&self->life->asked, 3);
        }
        live_begin(self->thread, "brood_pool_resize");
        live_check_status(self, brood_pool_resize(self->life->pool, workers), LIVE_BIT(BROOD_OK),
                          "brood_pool_resize");
        live_end(self->thread);
    }
}

void live_check_stats(live_life *life)
{
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    uint32_t asked = brood_load32(&life->asked);

    brood_pool_get_stats(life->pool, &stats);
    /* Those that were killed are there until their ends are seen, and were replaced before. */
    if (!life->is_uncounted &&
        (stats.leaving > 2 * asked || stats.alive > stats.leaving + 2 * asked)) {
        live_fail("%u workers are alive, %u of them leaving, of %u asked for", stats.alive,
                  stats.leaving, asked);
    }
    if (stats.submitted !=
        stats.succeeded + stats.failed + stats.cancelled + stats.queued + stats.running) {
        live_fail("the tasks do not add up");
    }
    if (stats.started != stats.alive + stats.ended + stats.died + stats.lost) {
        live_fail("the workers do not add up");
    }
}

static void call_stats(live_caller *self)
{
    live_begin(self->thread, "brood_pool_get_stats");
    live_check_stats(self->life);
    live_end(self->thread);
}

static void call_rest(live_caller *self)
{
    apr_sleep(live_below(&self->seed, 100) < 80 ? live_between(&self->seed, 0, 3000)
                                                : live_between(&self->seed, 0, 50000));
}

static void (*const calls[])(live_caller *) = {
    call_apply,
    call_apply,
    call_apply,
    call_async,
    call_async,
    call_async,
    call_async,
    call_async_large,
    call_map,
    call_map_async,
    call_map_async,
    call_for,
    call_imap,
    live_finish_one,
    live_finish_one,
    live_finish_one,
    live_peek,
    live_peek,
    live_cancel_one,
    live_destroy_one,
    call_resize,
    call_stats,
    call_rest,
    call_burst,
    call_and_await_callback,
    call_and_await_callback,
};

void live_call(live_caller *self)
{
    if (self->life->is_brief) {
        call_burst(self);
    }
    while (!self->life->is_brief && brood_load32(&self->life->stop) == 0) {
        calls[live_below(&self->seed, sizeof calls / sizeof calls[0])](self);
    }
    if (!self->keeps) {
        live_settle(self);
    }
}
