/* What the tasks of the liveness test do, and what may come of them. */
#include "liveness.h"

#include <stdlib.h>
#include <string.h>

#include <apr_time.h>

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

int live_finalize_for_ever(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    support_hang();
    return 0;
}

static void act(brood_task *task, const live_order *order)
{
    if (order->kind == LIVE_DO_PAUSE) {
        apr_sleep(order->pause_us);
    } else if (order->kind == LIVE_DO_KILL) {
        support_kill_self();
    } else if (order->kind == LIVE_DO_HANG) {
        support_hang();
    }
    while (order->kind == LIVE_DO_UNTIL_CANCELLED && !brood_task_cancelled(task)) {
        apr_sleep(500);
    }
}

int live_obey(brood_task *task, const void *arg, size_t size)
{
    live_order order;
    uint64_t y = 0;

    if (size < sizeof order) {
        return brood_task_fail(task, 2, "%u bytes are no order", (unsigned)size);
    }
    memcpy(&order, arg, sizeof order);
    live_item_runs(order.number);
    act(task, &order);
    if (order.kind == LIVE_DO_FAIL) {
        return brood_task_fail(task, 3, "as it was told");
    }
    if (order.kind == LIVE_DO_LARGE) {
        return brood_return(task, arg, size);
    }
    y = order.x + 1;
    return brood_return(task, &y, sizeof y);
}

int live_obey_with_large_value(brood_task *task, const void *arg, size_t size)
{
    live_order order;
    void *value = NULL;

    (void)size;
    memcpy(&order, arg, sizeof order);
    live_item_runs(order.number);
    act(task, &order);
    if (order.kind == LIVE_DO_FAIL) {
        return brood_task_fail(task, 3, "as it was told");
    }
    value = brood_return_buffer(task, LIVE_LARGE_VALUE);
    if (value == NULL) {
        return 4;
    }
    memset(value, (int)(order.x & 0x7F), LIVE_LARGE_VALUE);
    return 0;
}

int live_obey_range(brood_task *task, uint64_t begin, uint64_t end, const void *arg, size_t size)
{
    live_order order;

    (void)size;
    memcpy(&order, arg, sizeof order);
    live_item_runs(order.number + begin);
    act(task, &order);
    return begin < end ? 0 : 1;
}

/* ---- what is asked, and what may come of it --------------------------------------------------- */

uint64_t live_take_numbers(live_life *life, const brood_task_options *options, uint64_t count)
{
    uint64_t first = brood_add64(&life->numbers, count) - count;

    live_items_given(first, count, options->retries != 0 ? options->retries : life->retries);
    return first;
}

int64_t live_limit_of(const live_life *life, const brood_task_options *options, bool waits)
{
    bool is_bounded = !life->has_bound || options->try_submit || options->submit_timeout_ms != 0;
    int64_t limit = options->submit_timeout_ms;

    if (waits) {
        limit += (int64_t)options->deadline_ms + life->grace_ms;
        is_bounded = is_bounded && options->deadline_ms != 0;
    }
    return is_bounded ? limit : LIVE_NO_LIMIT;
}

uint64_t live_allowed_of_submit(const live_life *life)
{
    uint64_t broken = life->kills || life->init_fails ? LIVE_BIT(BROOD_ERR_BROKEN) : 0;

    return LIVE_BIT(BROOD_OK) | broken | live_faults_of_calls();
}

uint64_t live_allowed_of(const live_life *life, uint32_t kind)
{
    uint64_t allowed = LIVE_BIT(BROOD_OK);

    if (kind == LIVE_DO_FAIL) {
        allowed = LIVE_BIT(BROOD_ERR_TASK);
    } else if (kind == LIVE_DO_KILL) {
        allowed = LIVE_BIT(BROOD_ERR_DIED) | LIVE_BIT(BROOD_ERR_QUARANTINED);
    }
    if (life->kills) {
        allowed |= LIVE_BIT(BROOD_ERR_DIED) | LIVE_BIT(BROOD_ERR_QUARANTINED);
    }
    allowed |= live_faults_of_tasks();
    return life->kills || life->init_fails ? allowed | LIVE_BIT(BROOD_ERR_BROKEN) : allowed;
}

/* How the pool's own end may end a task now. */
static uint64_t allowed_at_end(live_life *life)
{
    uint64_t allowed = 0;

    if (brood_load32(&life->is_closed) != 0) {
        allowed |= LIVE_BIT(BROOD_ERR_STATE);
    }
    if (brood_load32(&life->is_ended) != 0) {
        allowed |= LIVE_BIT(BROOD_ERR_CANCELLED);
    }
    return allowed;
}

void live_check_status(live_caller *self, brood_status status, uint64_t allowed, const char *call)
{
    allowed |= allowed_at_end(self->life);
    if ((LIVE_BIT(status) & allowed) == 0) {
        live_fail("%s answered %s", call, brood_status_name(status));
    }
}

static void count_callback(brood_result *result, void *user)
{
    live_life *life = user;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    live_order order = {LIVE_DO_RETURN, 0, brood_load64(&life->callbacks), 0, 0};

    (void)result;
    brood_add64(&life->callbacks, 1);
    options.try_submit = true;
    if (order.x % 4 == 0) {
        order.number = live_take_numbers(life, &options, 1);
        brood_pool_apply_async(life->pool, NULL, live_obey, &order, sizeof order, &options);
    }
}

/*
 * None is lower than that of most: 1,000 later tasks for each step are too many to be waited for. When
 * the life shall end, none comes before those that are waited for.
 */
int live_draw_priority(live_caller *self)
{
    int priority = (int)live_below(&self->seed, 11);

    return brood_load32(&self->life->is_late) != 0 ? 0 : priority;
}

brood_task_options live_draw_options(live_caller *self, uint64_t *allowed)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    uint32_t *seed = &self->seed;

    if (live_chance(seed, 20)) {
        options.priority = live_draw_priority(self);
    }
    if (live_chance(seed, 20)) {
        options.retries = live_between(seed, 1, 3);
    }
    if (live_chance(seed, 25)) {
        options.timeout_ms = live_between(seed, 1, 60);
        *allowed |= LIVE_BIT(BROOD_ERR_TASK_TIMEOUT);
    }
    if (live_chance(seed, 20)) {
        options.deadline_ms = live_between(seed, 1, 60);
        *allowed |= LIVE_BIT(BROOD_ERR_DEADLINE);
    }
    if (live_chance(seed, 15)) {
        options.try_submit = live_chance(seed, 50);
        options.submit_timeout_ms = options.try_submit ? 0 : live_between(seed, 1, 10);
        *allowed |= LIVE_BIT(BROOD_ERR_FULL);
    }
    if (live_chance(seed, 30)) {
        options.chunk_size = live_between(seed, 1, 7);
    }
    if (live_chance(seed, 10) && self->life->shared != NULL) {
        options.shared = &self->life->shared;
        options.shared_count = 1;
    }
    return options;
}

void live_add_callbacks(live_caller *self, brood_task_options *options)
{
    if (live_chance(&self->seed, 30)) {
        options->done = options->failed = count_callback;
        options->user = self->life;
    }
}

void live_count_due(live_caller *self, const brood_task_options *options, brood_status status)
{
    if (options->done != NULL && status == BROOD_OK) {
        brood_add64(&self->life->callbacks_due, 1);
    }
}

/* About as long as it may take: until its time-out or deadline, or until the grace behind it is over. */
static uint32_t draw_long_pause(live_caller *self, const brood_task_options *options)
{
    uint32_t most_ms = options->timeout_ms != 0 ? options->timeout_ms : options->deadline_ms;

    return 1000 * (most_ms + (live_chance(&self->seed, 60) ? self->life->grace_ms : 0)) +
           live_below(&self->seed, 20);
}

live_order live_draw_order(live_caller *self, const brood_task_options *options)
{
    live_order order = {LIVE_DO_RETURN, 0, live_draw(&self->seed), 0, 0};
    uint32_t roll = live_below(&self->seed, 100);
    bool is_timed = options->timeout_ms != 0 || options->deadline_ms != 0;

    order.number = live_take_numbers(self->life, options, 1);
    if (roll < 25) {
        order.kind = LIVE_DO_PAUSE;
        order.pause_us = live_between(&self->seed, 0, LIVE_PAUSE_US);
    } else if (roll < 30) {
        order.kind = LIVE_DO_FAIL;
    } else if (roll < 33) {
        order.kind = self->life->is_of_threads ? LIVE_DO_FAIL : LIVE_DO_KILL;
    } else if (roll < 50 && is_timed) {
        order.kind = LIVE_DO_PAUSE;
        order.pause_us = draw_long_pause(self, options);
    } else if (roll < 70 && is_timed) {
        order.kind =
            roll % 2 == 0 && !self->life->is_of_threads ? LIVE_DO_HANG : LIVE_DO_UNTIL_CANCELLED;
    }
    return order;
}
