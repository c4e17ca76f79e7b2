/* Callers of the liveness test that leave no gap: small tasks without end, and large arguments. */
#include "liveness.h"

#include <stdlib.h>

#include <apr_time.h>

#define WAITS_MAX 20
#define STREAM_PATIENCE_S 4 /* of those who wait for room in the queue that a stream fills */

/* ---- a rain ---------------------------------------------------------------------------------- */

/* What does not stay in the queue needs no pause, however slow workers are, or when there are none. */
static void take_back(live_caller *self, brood_result *result)
{
    live_begin(self->thread, "brood_result_cancel in a rain");
    brood_result_cancel(result);
    live_end(self->thread);
    live_begin(self->thread, "brood_result_destroy in a rain");
    brood_result_destroy(result);
    live_end(self->thread);
}

static void rain_once(live_caller *self, const brood_task_options *options)
{
    live_order order = {LIVE_DO_RETURN, 0, self->rained++, 0, 0};
    brood_result *result = NULL;
    brood_status status = BROOD_OK;

    order.number = live_take_numbers(self->life, options, 1);
    live_begin(self->thread, "brood_pool_apply_async in a rain");
    status = brood_pool_apply_async(self->life->pool, self->takes_back ? &result : NULL, live_obey,
                                    &order, sizeof order, options);
    live_end(self->thread);
    live_check_submit(self, status, 0, order.number, "brood_pool_apply_async in a rain");
    live_count_due(self, options, status);
    if (result != NULL) {
        take_back(self, result);
    }
}

void live_rain(live_caller *self)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;

    options.priority = -10;  /* so that nobody waits behind 20,000 of them */
    if (!self->takes_back) { /* or callbacks would come faster than they are called */
        live_add_callbacks(self, &options);
    }
    for (uint32_t count = live_between(&self->seed, 4, 20); count > 0; count--) {
        rain_once(self, &options);
    }
    if (self->rain_us > 0) {
        apr_sleep(self->rain_us);
    }
}

/* ---- a stream -------------------------------------------------------------------------------- */

static int take(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return 0;
}

/* All items are the same memory. */
static brood_result *begin_stream(live_caller *self, brood_bytes *items, const void *large)
{
    brood_result *result = NULL;
    brood_status status = BROOD_OK;

    for (size_t i = 0; i < LIVE_STREAM_ITEMS; i++) {
        items[i] = (brood_bytes){large, LIVE_STREAM_SIZE};
    }
    live_begin(self->thread, "brood_pool_map_async of large items");
    status = brood_pool_map_async(self->life->pool, &result, take, items, LIVE_STREAM_ITEMS,
                                  BROOD_SIZE_VARIES, NULL, 0, NULL);
    live_end(self->thread);
    live_check_status(self, status, live_allowed_of_submit(self->life),
                      "brood_pool_map_async of large items");
    return result;
}

/* Bytes move until the map is cancelled. Meanwhile each wait comes back by its own time. */
static void wait_beside_a_stream(live_caller *self)
{
    uint64_t allowed = live_allowed_of(self->life, LIVE_DO_RETURN) | LIVE_BIT(BROOD_ERR_CANCELLED);
    brood_bytes *items = calloc(LIVE_STREAM_ITEMS, sizeof *items);
    void *large = calloc(1, LIVE_STREAM_SIZE);
    brood_result *result = begin_stream(self, items, large);
    brood_status status = BROOD_ERR_TIMEOUT;

    for (uint32_t left = live_between(&self->seed, 1, WAITS_MAX);
         result != NULL && status == BROOD_ERR_TIMEOUT && left > 0; left--) {
        int64_t timeout_ms = live_between(&self->seed, 0, 10);

        live_begin_for(self->thread, "brood_result_wait beside a stream", timeout_ms);
        status = brood_result_wait(result, timeout_ms);
        live_end(self->thread);
    }
    if (result != NULL) {
        live_begin(self->thread, "the end of a stream that is cancelled");
        brood_result_cancel(result);
        status = brood_result_get(result, NULL, NULL, BROOD_FOREVER);
        live_end(self->thread);
        live_check_status(self, status, allowed, "brood_result_get of a stream");
        brood_result_destroy(result);
    }
    free(large);
    free(items);
}

void live_call_beside_a_stream(live_caller *self)
{
    int32_t patience_s = self->life->has_bound ? STREAM_PATIENCE_S : 0;

    live_add_patience(patience_s);
    wait_beside_a_stream(self);
    live_add_patience(-patience_s);
}
