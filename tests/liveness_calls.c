#include "liveness.h"

#include <stdlib.h>
#include <string.h>

#include <apr_time.h>

#define LARGE (LIVE_RING / 2 * 3)

/* ---- calls ---------------------------------------------------------------------------------- */

static void call_apply(live_caller *self)
{
    uint64_t allowed = 0;
    uint64_t y = 0;
    brood_task_options options = live_draw_options(self, &allowed);
    live_order order = live_draw_order(self, &options);
    brood_status status = BROOD_OK;

    allowed |= live_allowed_of(self->life, order.kind) | live_faults_of_calls();
    live_begin_for(self->thread, "brood_pool_apply", live_limit_of(self->life, &options, true));
    status =
        brood_pool_apply(self->life->pool, live_obey, &order, sizeof order, &y, sizeof y, &options);
    live_end(self->thread);
    live_check_status(self, status, allowed, "brood_pool_apply");
    live_item_ended(order.number, status == BROOD_OK);
    if (status == BROOD_OK && y != order.x + 1) {
        live_fail("apply: the value is wrong");
    }
}

void live_check_submit(live_caller *self, brood_status status, uint64_t allowed, uint64_t number,
                       const char *call)
{
    allowed = (allowed & LIVE_BIT(BROOD_ERR_FULL)) | live_allowed_of_submit(self->life);
    live_check_status(self, status, allowed, call);
    if (status != BROOD_OK) {
        live_item_ended(number, false);
    }
}

/* Its workers give back the shared memory soon after it is destroyed, although nobody waits. */
static void call_with_shared(live_caller *self)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_shared *shared = NULL;
    live_order order = {LIVE_DO_RETURN, 0, 1, 0, 0};
    uint64_t y = 0;
    brood_status status = brood_shared_create(&shared, 4096, NULL);

    if (status == BROOD_OK) {
        options.shared = &shared;
        options.shared_count = 1;
        order.number = live_take_numbers(self->life, &options, 1);
        live_begin(self->thread, "brood_pool_apply with shared memory");
        status = brood_pool_apply(self->life->pool, live_obey, &order, sizeof order, &y, sizeof y,
                                  &options);
        live_end(self->thread);
        live_check_status(self, status,
                          live_allowed_of(self->life, order.kind) | live_faults_of_calls(),
                          "brood_pool_apply with shared memory");
        live_item_ended(order.number, status == BROOD_OK);
        brood_shared_destroy(shared);
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
    held->number = order.number;
    live_begin_for(self->thread, "brood_pool_apply_async",
                   live_limit_of(self->life, &options, false));
    status = brood_pool_apply_async(self->life->pool, &held->result, live_obey, &order,
                                    sizeof order, &options);
    live_end(self->thread);
    live_check_submit(self, status, allowed, order.number, "brood_pool_apply_async");
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
    allowed |= live_allowed_of_submit(self->life);
    live_begin(self->thread, "brood_pool_apply_async, and its callback");
    status =
        brood_pool_apply_async(self->life->pool, NULL, live_obey, &order, sizeof order, &options);
    while (status == BROOD_OK && brood_load32(&has_come) == 0) {
        apr_sleep(500);
    }
    live_end(self->thread);
    live_check_status(self, status, allowed, "brood_pool_apply_async with a callback");
    live_item_ended(order.number, false);
}

static void call_async_large(live_caller *self)
{
    live_held *held = live_free_place(self);
    uint64_t allowed = 0;
    brood_task_options options = live_draw_options(self, &allowed);
    brood_status status = BROOD_OK;
    live_order order = {LIVE_DO_LARGE, 0, 0, 0, 0};

    if (held == NULL) {
        return;
    }
    held->size = live_between(&self->seed, 1000, LARGE);
    held->number = order.number = live_take_numbers(self->life, &options, 1);
    held->in = calloc(1, held->size);
    memset(held->in, (int)live_below(&self->seed, 256), held->size);
    memcpy(held->in, &order, sizeof order);
    held->allowed = allowed | live_allowed_of(self->life, order.kind);
    live_add_callbacks(self, &options);
    live_begin(self->thread, "brood_pool_apply_async of a large argument");
    status = brood_pool_apply_async(self->life->pool, &held->result, live_obey, held->in,
                                    held->size, &options);
    live_end(self->thread);
    live_check_submit(self, status, allowed, order.number, "brood_pool_apply_async, large");
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
        live_order order = {LIVE_DO_RETURN, 0, i, 0, 0};
        brood_status status = BROOD_OK;

        order.number = live_take_numbers(self->life, &options, 1);
        burst[i] = (live_held){
            .allowed = allowed, .size = sizeof order.x, .first = i + 1, .number = order.number};
        live_begin(self->thread, "brood_pool_apply_async in a burst");
        status = brood_pool_apply_async(self->life->pool, i < kept ? &burst[i].result : NULL,
                                        live_obey, &order, sizeof order, &options);
        live_end(self->thread);
        live_check_submit(self, status, 0, order.number, "brood_pool_apply_async in a burst");
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
        if ((in[i].kind > LIVE_DO_FAIL || in[i].pause_us > LIVE_PAUSE_US) && i % 8 != 0) {
            in[i].kind = LIVE_DO_RETURN; /* each may take its time-out and grace */
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
    held.allowed |= live_faults_of_calls();
    live_begin_for(self->thread, "brood_pool_map", live_limit_of(self->life, &options, true));
    status = brood_pool_map(self->life->pool, live_obey, held.in, held.count, sizeof(live_order),
                            held.out, sizeof(uint64_t), &options);
    live_end(self->thread);
    live_check_status(self, status, held.allowed, "brood_pool_map");
    for (size_t i = 0; i < held.count; i++) {
        uint64_t y = ((uint64_t *)held.out)[i];

        live_item_ended(((live_order *)held.in)[i].number, y != LIVE_UNTOUCHED);
        if (y != ((live_order *)held.in)[i].x + 1 && (y != LIVE_UNTOUCHED || status == BROOD_OK)) {
            live_fail("map: the value of item %u is wrong", (unsigned)i);
        }
    }
    live_release(&held);
}

/* A value is there as a whole, or its place is as it was. */
static void check_large(const unsigned char *value, unsigned char expected, bool must_be)
{
    bool is_whole = memcmp(value, value + 1, LIVE_LARGE_VALUE - 1) == 0;

    if (!is_whole || (value[0] != expected && (must_be || value[0] != 0xAB))) {
        live_fail("map: a large value is wrong, or there in part");
    }
}

static void call_map_large(live_caller *self)
{
    live_held held = {0};
    brood_task_options options = live_draw_options(self, &held.allowed);
    brood_status status = BROOD_OK;

    draw_items(self, &held, &options);
    held.allowed |= live_faults_of_calls();
    held.count = held.count < 2 ? held.count : 2;
    held.out = realloc(held.out, held.count * LIVE_LARGE_VALUE);
    memset(held.out, 0xAB, held.count * LIVE_LARGE_VALUE);
    live_begin(self->thread, "brood_pool_map with large values");
    status = brood_pool_map(self->life->pool, live_obey_with_large_value, held.in, held.count,
                            sizeof(live_order), held.out, LIVE_LARGE_VALUE, &options);
    live_end(self->thread);
    live_check_status(self, status, held.allowed, "brood_pool_map with large values");
    for (size_t i = 0; i < held.count; i++) {
        const unsigned char *value = (unsigned char *)held.out + i * LIVE_LARGE_VALUE;

        live_item_ended(((live_order *)held.in)[i].number, value[0] != 0xAB);
        check_large(value, ((live_order *)held.in)[i].x & 0x7F, status == BROOD_OK);
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
    live_check_status(self, status,
                      (held->allowed & LIVE_BIT(BROOD_ERR_FULL)) |
                          live_allowed_of_submit(self->life),
                      "brood_pool_map_async");
    live_count_due(self, &options, status);
    if (status != BROOD_OK) {
        live_release(held);
    } else if (!self->life->looks_only && live_chance(&self->seed, 60)) {
        live_check_item(self, held, live_below(&self->seed, (uint32_t)held->count));
    }
}

static void call_for(live_caller *self)
{
    uint64_t allowed = 0;
    brood_task_options options = live_draw_options(self, &allowed);
    live_order order = live_draw_order(self, &options);
    uint64_t count = 0;
    brood_status status = BROOD_OK;

    if (order.kind > LIVE_DO_PAUSE &&
        order.kind != LIVE_DO_UNTIL_CANCELLED) { /* in each part of the range */
        order.kind = LIVE_DO_RETURN;
    }
    if (order.kind == LIVE_DO_UNTIL_CANCELLED && options.deadline_ms == 0) {
        options.deadline_ms = 60;
        allowed |= LIVE_BIT(BROOD_ERR_DEADLINE);
    }
    allowed |= live_allowed_of(self->life, order.kind) | live_faults_of_calls();
    count = live_between(&self->seed, 1, self->life->max_items);
    order.number = live_take_numbers(self->life, &options, count);
    live_begin_for(self->thread, "brood_pool_for", live_limit_of(self->life, &options, true));
    status =
        brood_pool_for(self->life->pool, live_obey_range, 0, count, &order, sizeof order, &options);
    live_end(self->thread);
    live_check_status(self, status, allowed, "brood_pool_for");
    for (uint64_t i = 0; i < count; i++) {
        live_item_ended(order.number + i, false);
    }
}

/* ---- the pool ------------------------------------------------------------------------------- */

static void call_resize(live_caller *self)
{
    uint32_t workers = live_between(&self->seed, 1, 3);

    if (self->life->resizes && live_chance(&self->seed, 50)) {
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

/* ---- what a caller does ---------------------------------------------------------------------- */

enum {
    SUBMITS = 1,
    WAITS = 2, /* in the pool: not where callers only look */
    CALLS_BACK =
        4,       /* waits for a callback: not where nobody runs them, or who calls holds them up */
    IS_LARGE = 8 /* moves more than fits into a ring */
};

static const struct {
    void (*call)(live_caller *self);
    unsigned what;
} calls[] = {
    {call_apply, SUBMITS | WAITS},
    {call_apply, SUBMITS | WAITS},
    {call_apply, SUBMITS | WAITS},
    {call_async, SUBMITS},
    {call_async, SUBMITS},
    {call_async, SUBMITS},
    {call_async, SUBMITS},
    {call_with_shared, SUBMITS | WAITS},
    {call_async_large, SUBMITS | IS_LARGE},
    {call_async_large, SUBMITS | IS_LARGE},
    {call_map, SUBMITS | WAITS},
    {call_map_large, SUBMITS | WAITS | IS_LARGE},
    {call_map_async, SUBMITS},
    {call_map_async, SUBMITS},
    {call_for, SUBMITS | WAITS},
    {live_call_imap, SUBMITS | WAITS},
    {call_burst, SUBMITS},
    {call_and_await_callback, CALLS_BACK},
    {call_and_await_callback, CALLS_BACK},
    {live_call_beside_a_callback, CALLS_BACK},
    {live_call_beside_a_task, 0},
    {live_call_beside_a_task, 0},
    {live_call_beside_a_map, WAITS},
    {live_call_beside_a_stream, SUBMITS | WAITS | IS_LARGE},
    {live_finish_one, 0},
    {live_finish_one, 0},
    {live_finish_one, 0},
    {live_peek, WAITS},
    {live_peek, WAITS},
    {live_cancel_one, 0},
    {live_cancel_thread, WAITS},
    {live_destroy_one, 0},
    {call_resize, 0},
    {call_stats, 0},
    {call_rest, 0},
};

#define CALLS ((uint32_t)(sizeof calls / sizeof calls[0]))

static bool may_call(const live_caller *self, uint32_t index)
{
    const live_life *life = self->life;

    return ((calls[index].what & WAITS) == 0 || !life->looks_only) &&
           ((calls[index].what & CALLS_BACK) == 0 ||
            (!life->nobody_loops && !self->holds_callbacks));
}

static uint32_t draw_call(live_caller *self, unsigned what)
{
    uint32_t index = 0;

    do {
        index = live_below(&self->seed, CALLS);
    } while (!may_call(self, index) || (calls[index].what & what) != what);
    return index;
}

/* Half of the callers do a few things only, over and over: what others do would cover for them. */
static void draw_kinds(live_caller *self)
{
    if (self->life->most_calls != UINT32_MAX || live_chance(&self->seed, 50)) {
        unsigned what = live_chance(&self->seed, LIVE_LARGE_PERCENT) ? IS_LARGE : 0;

        self->kinds[0] = draw_call(self, SUBMITS | what);
        for (self->kind_count = 1; self->kind_count < LIVE_KINDS && live_chance(&self->seed, 70);) {
            self->kinds[self->kind_count++] = draw_call(self, what);
        }
    }
    self->rains = self->rains || (self->life->max_items > LIVE_FEW && live_chance(&self->seed, 25));
    self->takes_back = live_chance(&self->seed, self->life->rains ? 75 : 25);
    self->rain_us = self->takes_back || (self->life->has_bound && live_chance(&self->seed, 75)) ? 0
                    : live_chance(&self->seed, 60) ? 200
                                                   : 1000;
}

void live_call_any(live_caller *self)
{
    uint32_t index = self->kind_count == 0 ? live_below(&self->seed, CALLS)
                                           : self->kinds[live_below(&self->seed, self->kind_count)];
    uint64_t before = brood_load64(&self->thread->calls);

    if (may_call(self, index)) {
        calls[index].call(self);
    }
    if (brood_load64(&self->thread->calls) == before) { /* nothing to do it with */
        (live_chance(&self->seed, 50) ? live_finish_one : live_destroy_one)(self);
        apr_sleep(100);
    }
}

static bool may_rain(const live_caller *self)
{
    bool grows = !self->takes_back && !self->life->has_bound;

    return self->rains &&
           self->rained < (grows && LIVE_KEPT_MAX < LIVE_RAIN_MAX ? LIVE_KEPT_MAX : LIVE_RAIN_MAX);
}

void live_call(live_caller *self)
{
    draw_kinds(self);
    if (self->life->is_brief) {
        call_burst(self);
    }
    for (uint32_t left = self->life->is_brief ? 0 : self->life->most_calls;
         left > 0 && brood_load32(&self->life->stop) == 0; left -= left != UINT32_MAX) {
        (may_rain(self) ? live_rain : live_call_any)(self);
    }
    if (!self->keeps) {
        live_settle(self);
    }
}
