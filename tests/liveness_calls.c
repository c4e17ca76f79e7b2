#include "liveness.h"

#include <stdlib.h>
#include <string.h>

#include <apr_time.h>

#define LARGE 1500000 /* more than a ring */
#define UNTOUCHED UINT64_C(0xABABABABABABABAB)

#define BIT(status) (UINT64_C(1) << (status))

/* What a task does. */
enum {
    DO_RETURN,
    DO_PAUSE,
    DO_LARGE,
    DO_FAIL,
    DO_KILL,
    DO_UNTIL_CANCELLED,
    DO_HANG
};

/* The argument of a task, or its first bytes. */
typedef struct live_order {
    uint32_t kind, pause_us;
    uint64_t x;
} live_order;

/* ---- what workers do ------------------------------------------------------------------------ */

int live_initialize(brood_task *task, const void *arg, size_t size)
{
    unsigned char mode = size == 1 ? *(const unsigned char *)arg : LIVE_INIT_NEVER;

    (void)task;
    if (mode == LIVE_INIT_SLOW) {
        apr_sleep(50000); /* longer than many an idle time-out */
    }
    return mode == LIVE_INIT_NEVER || (mode == LIVE_INIT_SOMETIMES && support_pid() / 4 % 3 == 0);
}

int live_finalize(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return 0;
}

int live_finalize_slowly(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    apr_sleep(40000);
    return 0;
}

static void act(brood_task *task, const live_order *order)
{
    if (order->kind == DO_PAUSE) {
        apr_sleep(order->pause_us);
    } else if (order->kind == DO_KILL) {
        support_kill_self();
    } else if (order->kind == DO_HANG) {
        support_hang();
    }
    while (order->kind == DO_UNTIL_CANCELLED && !brood_task_cancelled(task)) {
        apr_sleep(500);
    }
}

static int obey(brood_task *task, const void *arg, size_t size)
{
    live_order order;
    uint64_t y = 0;

    if (size < sizeof order) {
        return brood_task_fail(task, 2, "%u bytes are no order", (unsigned)size);
    }
    memcpy(&order, arg, sizeof order);
    act(task, &order);
    if (order.kind == DO_FAIL) {
        return brood_task_fail(task, 3, "as it was told");
    }
    if (order.kind == DO_LARGE) {
        return brood_return(task, arg, size);
    }
    y = order.x + 1;
    return brood_return(task, &y, sizeof y);
}

static int obey_range(brood_task *task, uint64_t begin, uint64_t end, const void *arg, size_t size)
{
    live_order order;

    (void)size;
    memcpy(&order, arg, sizeof order);
    act(task, &order);
    return begin < end ? 0 : 1;
}

/* ---- what is asked, and what may come of it --------------------------------------------------- */

static uint64_t allowed_of(const live_life *life, uint32_t kind)
{
    uint64_t allowed = BIT(BROOD_OK);

    if (kind == DO_FAIL) {
        allowed = BIT(BROOD_ERR_TASK);
    } else if (kind == DO_KILL) {
        allowed = BIT(BROOD_ERR_DIED) | BIT(BROOD_ERR_QUARANTINED);
    }
    if (life->kills) {
        allowed |= BIT(BROOD_ERR_DIED) | BIT(BROOD_ERR_QUARANTINED);
    }
    return life->kills || life->init_fails ? allowed | BIT(BROOD_ERR_BROKEN) : allowed;
}

/* How the pool's own end may end a task now. */
static uint64_t allowed_at_end(live_life *life)
{
    uint64_t allowed = 0;

    if (brood_load32(&life->is_closed) != 0) {
        allowed |= BIT(BROOD_ERR_STATE);
    }
    if (brood_load32(&life->is_ended) != 0) {
        allowed |= BIT(BROOD_ERR_CANCELLED);
    }
    return allowed;
}

static void check_status(live_caller *self, brood_status status, uint64_t allowed, const char *call)
{
    allowed |= allowed_at_end(self->life);
    if ((BIT(status) & allowed) == 0) {
        live_fail("%s answered %s", call, brood_status_name(status));
    }
}

static void count_callback(brood_result *result, void *user)
{
    live_life *life = user;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    live_order order = {DO_RETURN, 0, brood_load64(&life->callbacks)};

    (void)result;
    brood_add64(&life->callbacks, 1);
    options.try_submit = true;
    if (order.x % 4 == 0) {
        brood_pool_apply_async(life->pool, NULL, obey, &order, sizeof order, &options);
    }
}

/* Random options; what they may lead to is added to *allowed. */
static brood_task_options draw_options(live_caller *self, uint64_t *allowed)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    uint32_t *seed = &self->seed;

    if (live_chance(seed, 20)) {
        options.priority = (int)live_below(seed, 21) - 10;
    }
    if (live_chance(seed, 20)) {
        options.retries = live_between(seed, 1, 3);
    }
    if (live_chance(seed, 25)) {
        options.timeout_ms = live_between(seed, 1, 60);
        *allowed |= BIT(BROOD_ERR_TASK_TIMEOUT);
    }
    if (live_chance(seed, 20)) {
        options.deadline_ms = live_between(seed, 1, 60);
        *allowed |= BIT(BROOD_ERR_DEADLINE);
    }
    if (live_chance(seed, 15)) {
        options.try_submit = live_chance(seed, 50);
        options.submit_timeout_ms = options.try_submit ? 0 : live_between(seed, 1, 10);
        *allowed |= BIT(BROOD_ERR_FULL);
    }
    if (live_chance(seed, 30)) {
        options.chunk_size = live_between(seed, 1, 7);
    }
    if (live_chance(seed, 10)) {
        options.shared = &self->life->shared;
        options.shared_count = 1;
    }
    return options;
}

static void add_callbacks(live_caller *self, brood_task_options *options)
{
    if (live_chance(&self->seed, 30)) {
        options->done = options->failed = count_callback;
        options->user = self->life;
    }
}

/* Counts a submit that had callbacks; a call that failed to submit has none. */
static void count_due(live_caller *self, const brood_task_options *options, brood_status status)
{
    if (options->done != NULL && status == BROOD_OK) {
        brood_add64(&self->life->callbacks_due, 1);
    }
}

/* One that ends by itself; kinds that do not come only where a time-out ends them. */
static live_order draw_order(live_caller *self, const brood_task_options *options)
{
    live_order order = {DO_RETURN, 0, live_draw(&self->seed)};
    uint32_t roll = live_below(&self->seed, 100);
    bool is_timed = options->timeout_ms != 0 || options->deadline_ms != 0;

    if (roll < 25) {
        order.kind = DO_PAUSE;
        order.pause_us = live_between(&self->seed, 0, 3000);
    } else if (roll < 30) {
        order.kind = DO_FAIL;
    } else if (roll < 33) {
        order.kind = DO_KILL;
    } else if (roll < 70 && is_timed) {
        order.kind = roll % 2 == 0 ? DO_HANG : DO_UNTIL_CANCELLED;
    }
    return order;
}

/* ---- results that are held --------------------------------------------------------------------- */

static live_held *free_place(live_caller *self)
{
    for (int i = 0; i < LIVE_HELD; i++) {
        if (self->held[i].result == NULL) {
            return &self->held[i];
        }
    }
    return NULL;
}

static live_held *any_held(live_caller *self)
{
    live_held *held = &self->held[live_below(&self->seed, LIVE_HELD)];

    return held->result == NULL ? NULL : held;
}

static void check_item(live_caller *self, live_held *held, uint64_t index)
{
    uint64_t *out = held->out;
    brood_status status = BROOD_OK;

    live_begin(self->thread, "brood_result_item");
    status = brood_result_item(held->result, index, NULL, NULL, NULL, BROOD_FOREVER);
    live_end(self->thread);
    check_status(self, status, held->allowed, "brood_result_item");
    if (out[index] != (status == BROOD_OK ? ((live_order *)held->in)[index].x + 1 : UNTOUCHED)) {
        live_fail("item %llu: %s, and the value is %llx", (unsigned long long)index,
                  brood_status_name(status), (unsigned long long)out[index]);
    }
}

static void check_value(live_caller *self, live_held *held, const void *data, size_t size)
{
    (void)self;
    if (held->out != NULL) {
        return;
    }
    if (held->in != NULL) {
        if (size != held->size || memcmp(data, held->in, size) != 0) {
            live_fail("a large value of %u bytes is not what was sent", (unsigned)size);
        }
    } else if (size != sizeof held->first || memcmp(data, &held->first, size) != 0) {
        live_fail("a value of %u bytes is wrong", (unsigned)size);
    }
}

static void release(live_held *held)
{
    free(held->in);
    free(held->out);
    memset(held, 0, sizeof *held);
}

static void destroy_held(live_caller *self, live_held *held)
{
    live_begin(self->thread, "brood_result_destroy");
    brood_result_destroy(held->result);
    live_end(self->thread);
    release(held);
}

static void finish_held(live_caller *self, live_held *held)
{
    const void *data = NULL;
    size_t size = 0;
    brood_status status = BROOD_OK;

    live_begin(self->thread, held->out != NULL  ? "brood_result_get of a map"
                             : held->in != NULL ? "brood_result_get of a large task"
                                                : "brood_result_get");
    status = brood_result_get(held->result, &data, &size, BROOD_FOREVER);
    live_end(self->thread);
    check_status(self, status, held->allowed, "brood_result_get");
    if (status == BROOD_OK && held->size != 0) {
        check_value(self, held, data, size);
    }
    for (uint64_t i = 0; held->out != NULL && i < held->count; i++) {
        check_item(self, held, i);
    }
    destroy_held(self, held);
}

void live_settle(live_caller *self)
{
    for (int i = 0; i < LIVE_HELD; i++) {
        if (self->held[i].result != NULL) {
            finish_held(self, &self->held[i]);
        }
    }
}

/* ---- calls ---------------------------------------------------------------------------------- */

static void call_apply(live_caller *self)
{
    uint64_t allowed = 0;
    uint64_t y = 0;
    brood_task_options options = draw_options(self, &allowed);
    live_order order = draw_order(self, &options);
    brood_status status = BROOD_OK;

    allowed |= allowed_of(self->life, order.kind);
    live_begin(self->thread, "brood_pool_apply");
    status = brood_pool_apply(self->life->pool, obey, &order, sizeof order, &y, sizeof y, &options);
    live_end(self->thread);
    check_status(self, status, allowed, "brood_pool_apply");
    if (status == BROOD_OK && y != order.x + 1) {
        live_fail("apply: the value is wrong");
    }
}

static void call_async(live_caller *self)
{
    live_held *held = free_place(self);
    uint64_t allowed = 0;
    brood_task_options options = draw_options(self, &allowed);
    live_order order = draw_order(self, &options);
    brood_status status = BROOD_OK;

    if (held == NULL) {
        return;
    }
    add_callbacks(self, &options);
    held->allowed = allowed | allowed_of(self->life, order.kind);
    held->first = order.x + 1;
    held->size = sizeof held->first;
    live_begin(self->thread, "brood_pool_apply_async");
    status = brood_pool_apply_async(self->life->pool, &held->result, obey, &order, sizeof order,
                                    &options);
    live_end(self->thread);
    check_status(self, status, held->allowed | BIT(BROOD_OK), "brood_pool_apply_async");
    count_due(self, &options, status);
}

static void call_async_large(live_caller *self)
{
    live_held *held = free_place(self);
    uint64_t allowed = 0;
    brood_task_options options = draw_options(self, &allowed);
    brood_status status = BROOD_OK;
    live_order order = {DO_LARGE, 0, 0};

    if (held == NULL) {
        return;
    }
    held->size = live_between(&self->seed, 1000, LARGE);
    held->in = calloc(1, held->size);
    memset(held->in, (int)live_below(&self->seed, 256), held->size);
    memcpy(held->in, &order, sizeof order);
    held->allowed = allowed | allowed_of(self->life, order.kind);
    add_callbacks(self, &options);
    live_begin(self->thread, "brood_pool_apply_async of a large argument");
    status = brood_pool_apply_async(self->life->pool, &held->result, obey, held->in, held->size,
                                    &options);
    live_end(self->thread);
    check_status(self, status, held->allowed | BIT(BROOD_OK), "brood_pool_apply_async, large");
    count_due(self, &options, status);
    if (status != BROOD_OK) {
        release(held);
    }
}

/* Many small ones in a row, of which some, all or none are taken. */
static void call_burst(live_caller *self)
{
    enum {
        MOST = 200
    };
    live_held burst[MOST];
    uint64_t allowed = allowed_of(self->life, DO_RETURN);
    uint32_t count = live_between(&self->seed, 20, self->life->max_items > 6 ? MOST : 20);
    uint32_t kept = live_chance(&self->seed, 50) ? live_below(&self->seed, count + 1) : 0;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;

    add_callbacks(self, &options);
    memset(burst, 0, sizeof burst);
    for (uint32_t i = 0; i < count; i++) {
        live_order order = {DO_RETURN, 0, i};
        brood_status status = BROOD_OK;

        burst[i] = (live_held){.allowed = allowed, .size = sizeof order.x, .first = i + 1};
        live_begin(self->thread, "brood_pool_apply_async in a burst");
        status = brood_pool_apply_async(self->life->pool, i < kept ? &burst[i].result : NULL, obey,
                                        &order, sizeof order, &options);
        live_end(self->thread);
        check_status(self, status, allowed, "brood_pool_apply_async in a burst");
        count_due(self, &options, status);
    }
    for (uint32_t i = 0; i < kept; i++) {
        if (burst[i].result != NULL) {
            (live_chance(&self->seed, 70) ? finish_held : destroy_held)(self, &burst[i]);
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
        in[i] = draw_order(self, options);
        if (in[i].kind > DO_FAIL && i % 8 != 0) { /* each may take its time-out and grace */
            in[i].kind = DO_RETURN;
        }
        held->allowed |= allowed_of(self->life, in[i].kind);
    }
}

static void call_map(live_caller *self)
{
    live_held held = {0};
    brood_task_options options = draw_options(self, &held.allowed);
    brood_status status = BROOD_OK;

    draw_items(self, &held, &options);
    live_begin(self->thread, "brood_pool_map");
    status = brood_pool_map(self->life->pool, obey, held.in, held.count, sizeof(live_order),
                            held.out, sizeof(uint64_t), &options);
    live_end(self->thread);
    check_status(self, status, held.allowed, "brood_pool_map");
    for (size_t i = 0; i < held.count; i++) {
        uint64_t y = ((uint64_t *)held.out)[i];

        if (y != ((live_order *)held.in)[i].x + 1 && (y != UNTOUCHED || status == BROOD_OK)) {
            live_fail("map: the value of item %u is wrong", (unsigned)i);
        }
    }
    release(&held);
}

static void call_map_async(live_caller *self)
{
    live_held *held = free_place(self);
    brood_task_options options;
    brood_status status = BROOD_OK;

    if (held == NULL) {
        return;
    }
    options = draw_options(self, &held->allowed);
    draw_items(self, held, &options);
    add_callbacks(self, &options);
    live_begin(self->thread, "brood_pool_map_async");
    status = brood_pool_map_async(self->life->pool, &held->result, obey, held->in, held->count,
                                  sizeof(live_order), held->out, sizeof(uint64_t), &options);
    live_end(self->thread);
    check_status(self, status, held->allowed | BIT(BROOD_OK), "brood_pool_map_async");
    count_due(self, &options, status);
    if (status != BROOD_OK) {
        release(held);
    } else if (live_chance(&self->seed, 60)) {
        check_item(self, held, live_below(&self->seed, (uint32_t)held->count));
    }
}

static void call_for(live_caller *self)
{
    uint64_t allowed = 0;
    brood_task_options options = draw_options(self, &allowed);
    live_order order = draw_order(self, &options);
    brood_status status = BROOD_OK;

    if (order.kind > DO_PAUSE && order.kind != DO_UNTIL_CANCELLED) { /* in each part of the range */
        order.kind = DO_RETURN;
    }
    if (order.kind == DO_UNTIL_CANCELLED && options.deadline_ms == 0) {
        options.deadline_ms = 60;
        allowed |= BIT(BROOD_ERR_DEADLINE);
    }
    allowed |= allowed_of(self->life, order.kind);
    live_begin(self->thread, "brood_pool_for");
    status = brood_pool_for(self->life->pool, obey_range, 0,
                            live_between(&self->seed, 1, self->life->max_items), &order,
                            sizeof order, &options);
    live_end(self->thread);
    check_status(self, status, allowed, "brood_pool_for");
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
    *order = draw_order(self->caller, self->options);
    if (order->kind > DO_FAIL && self->given % 8 != 0) {
        order->kind = DO_RETURN;
    }
    self->allowed |= allowed_of(self->caller->life, order->kind);
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
        check_status(self, status, feeder->allowed | BIT(BROOD_ERR_CLOSED), "brood_imap_next");
        return false;
    }
    check_status(self, status, feeder->allowed, "brood_imap_next");
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
    brood_task_options options = draw_options(self, &feeder.allowed);
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
        self->life->pool, &imap, obey, feed, &feeder, &options);
    live_end(self->thread);
    check_status(self, status, feeder.allowed | BIT(BROOD_OK), "brood_pool_imap");
    while (status == BROOD_OK && left-- > 0 && take_next(self, &feeder, imap, &seen)) {
    }
    live_begin(self->thread, "brood_imap_destroy");
    brood_imap_destroy(imap);
    live_end(self->thread);
}

/* ---- what is done with results and the pool ---------------------------------------------------- */

static void call_finish(live_caller *self)
{
    live_held *held = any_held(self);

    if (held != NULL) {
        finish_held(self, held);
    }
}

/* Waits of 0 ms take over from who leads, and give it back. */
static void call_peek(live_caller *self)
{
    for (int i = 0; i < LIVE_HELD; i++) {
        if (self->held[i].result != NULL) {
            live_begin(self->thread, "brood_result_wait, 0 ms");
            brood_result_wait(self->held[i].result, live_below(&self->seed, 2));
            live_end(self->thread);
        }
    }
}

static void call_cancel(live_caller *self)
{
    live_held *held = any_held(self);

    if (held != NULL) {
        held->allowed |= BIT(BROOD_ERR_CANCELLED);
        live_begin(self->thread, "brood_result_cancel");
        brood_result_cancel(held->result);
        live_end(self->thread);
        if (live_chance(&self->seed, 50)) {
            finish_held(self, held);
        }
    }
}

static void call_destroy(live_caller *self)
{
    live_held *held = any_held(self);

    if (held != NULL) {
        destroy_held(self, held);
    }
}

static void call_resize(live_caller *self)
{
    uint32_t workers = live_between(&self->seed, 1, 3);

    if (live_chance(&self->seed, 25)) {
        uint32_t asked = brood_load32(&self->life->asked);

        if (workers > asked) { /* two at a time both know three as the most */
            brood_exchange32(&self->life->asked, 3);
        }
        live_begin(self->thread, "brood_pool_resize");
        check_status(self, brood_pool_resize(self->life->pool, workers), BIT(BROOD_OK),
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
    call_apply,  call_apply,       call_apply,  call_async,     call_async,     call_async,
    call_async,  call_async_large, call_map,    call_map_async, call_map_async, call_for,
    call_imap,   call_finish,      call_finish, call_finish,    call_peek,      call_peek,
    call_cancel, call_destroy,     call_resize, call_stats,     call_rest,      call_burst,
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
