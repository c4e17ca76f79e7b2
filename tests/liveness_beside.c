/*
 * What goes on without an end of its own, while its caller does other things: a task, the last item of
 * a map, a callback. There is a worker more than there are such tasks, so all else goes on.
 */
#include "liveness.h"

#include <stdlib.h>
#include <string.h>

#include <apr_time.h>

static live_order draw_endless(live_life *life, const brood_task_options *options)
{
    live_order order = {LIVE_DO_UNTIL_CANCELLED, 0, 0, 0, 0};

    order.number = live_take_numbers(life, options, 1);
    return order;
}

/* With pauses, in which workers become idle, and end, and threads take turns at leading. */
static void do_others(live_caller *self, const live_held *held)
{
    for (uint32_t count = live_between(&self->seed, 1, 6); count > 0; count--) {
        if (held != NULL && !self->life->looks_only && live_chance(&self->seed, 40)) {
            live_begin_for(self->thread, "brood_result_wait of 1 ms for what has no end", 1);
            brood_result_wait(held->result, 1);
            live_end(self->thread);
        }
        if (live_chance(&self->seed, 50)) {
            apr_sleep(live_between(&self->seed, 0, live_chance(&self->seed, 50) ? 2000 : 30000));
        }
        live_call_any(self);
    }
}

/* False: each worker but one has such a task, or may have. */
static bool take_worker(live_life *life)
{
    if (brood_add32(&life->long_ones, 1) <= life->long_most) {
        return true;
    }
    brood_add32(&life->long_ones, (uint32_t)-1);
    return false;
}

static void give_worker(live_life *life)
{
    brood_add32(&life->long_ones, (uint32_t)-1);
}

static brood_task_options draw_options(live_caller *self)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;

    options.priority = live_chance(&self->seed, 20) ? live_draw_priority(self) : 0;
    options.retries = live_chance(&self->seed, 20) ? 2 : 0;
    options.chunk_size = live_chance(&self->seed, 50) ? live_between(&self->seed, 1, 8) : 0;
    return options;
}

/* Other calls while it runs; mostly another thread waits for it meanwhile. Then it is cancelled. */
static void go_on_beside(live_caller *self, live_held *held)
{
    bool is_waited_for = !self->life->looks_only && live_chance(&self->seed, 70);
    support_thread *waiter = is_waited_for ? live_wait_aside(held) : NULL;

    do_others(self, held);
    held->allowed |= LIVE_BIT(BROOD_ERR_CANCELLED);
    live_begin(self->thread, "brood_result_cancel");
    brood_result_cancel(held->result);
    live_end(self->thread);
    live_begin(self->thread, "the end of a thread that waits for what was cancelled");
    if (waiter != NULL) {
        support_thread_join(waiter);
    }
    live_end(self->thread);
    live_finish_held(self, held);
}

void live_call_beside_a_task(live_caller *self)
{
    live_held held = {.allowed = live_allowed_of(self->life, LIVE_DO_UNTIL_CANCELLED),
                      .first = 1,
                      .size = sizeof held.first};
    brood_task_options options = draw_options(self);
    live_order order = draw_endless(self->life, &options);
    brood_status status = BROOD_OK;

    if (!take_worker(self->life)) {
        return;
    }
    live_begin(self->thread, "brood_pool_apply_async of a task without end");
    held.number = order.number;
    status = brood_pool_apply_async(self->life->pool, &held.result, live_obey, &order, sizeof order,
                                    &options);
    live_end(self->thread);
    live_check_submit(self, status, 0, order.number,
                      "brood_pool_apply_async of a task without end");
    if (status == BROOD_OK) {
        go_on_beside(self, &held);
    }
    give_worker(self->life);
}

/* Its last item has no end; each before it is told to who waits for it. */
static void fill_map(live_caller *self, live_held *held, const brood_task_options *options)
{
    live_order *in = NULL;

    held->count = live_between(&self->seed, 2, self->life->max_items);
    held->in = in = calloc(held->count, sizeof *in);
    held->out = malloc(held->count * sizeof(uint64_t));
    memset(held->out, 0xAB, held->count * sizeof(uint64_t));
    for (size_t i = 0; i < held->count; i++) {
        in[i] = draw_endless(self->life, options);
        in[i].kind = i + 1 < held->count ? LIVE_DO_RETURN : LIVE_DO_UNTIL_CANCELLED;
    }
}

void live_call_beside_a_map(live_caller *self)
{
    live_held held = {.allowed = live_allowed_of(self->life, LIVE_DO_UNTIL_CANCELLED)};
    brood_task_options options = draw_options(self);
    brood_status status = BROOD_OK;

    if (!take_worker(self->life)) {
        return;
    }
    fill_map(self, &held, &options);
    live_begin(self->thread, "brood_pool_map_async without end");
    status = brood_pool_map_async(self->life->pool, &held.result, live_obey, held.in, held.count,
                                  sizeof(live_order), held.out, sizeof(uint64_t), &options);
    live_end(self->thread);
    live_check_status(self, status, live_allowed_of_submit(self->life),
                      "brood_pool_map_async without end");
    if (status == BROOD_OK) {
        live_check_item(self, &held, live_below(&self->seed, (uint32_t)held.count - 1));
        go_on_beside(self, &held);
    } else {
        live_release(&held);
    }
    give_worker(self->life);
}

/* ---- callbacks ------------------------------------------------------------------------------- */

typedef struct slow_callback {
    brood_atomic32 has_come, may_end, has_ended;
} slow_callback;

static void take_long(brood_result *result, void *user)
{
    slow_callback *self = user;

    (void)result;
    brood_exchange32(&self->has_come, 1);
    while (brood_load32(&self->may_end) == 0) {
        apr_sleep(500);
    }
    brood_exchange32(&self->has_ended, 1);
}

static void await(live_caller *self, brood_atomic32 *flag, const char *what)
{
    live_begin(self->thread, what);
    while (brood_load32(flag) == 0) {
        apr_sleep(500);
    }
    live_end(self->thread);
}

/* All that does not wait for another callback goes on. A loop runs callbacks itself: not there. */
void live_call_beside_a_callback(live_caller *self)
{
    slow_callback slow = {0, 0, 0};
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    live_order order = {LIVE_DO_RETURN, 0, 0, 0, 0};
    brood_status status = BROOD_OK;

    order.number = live_take_numbers(self->life, &options, 1);
    if (self->life->has_loop || brood_exchange32(&self->life->callbacks_held, 1) != 0) {
        return;
    }
    self->holds_callbacks = true;
    options.done = options.failed = take_long;
    options.user = &slow;
    live_begin(self->thread, "brood_pool_apply_async with a slow callback");
    status =
        brood_pool_apply_async(self->life->pool, NULL, live_obey, &order, sizeof order, &options);
    live_end(self->thread);
    live_check_submit(self, status, 0, order.number, "brood_pool_apply_async with a slow callback");
    if (status == BROOD_OK) {
        await(self, &slow.has_come, "the begin of a slow callback");
        do_others(self, NULL);
        brood_exchange32(&slow.may_end, 1);
        await(self, &slow.has_ended, "the end of a slow callback");
    }
    self->holds_callbacks = false;
    brood_exchange32(&self->life->callbacks_held, 0);
}
