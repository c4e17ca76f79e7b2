/* Results that callers of the liveness test hold: waited for, looked at, cancelled, destroyed. */
#include "liveness.h"

#include <stdlib.h>
#include <string.h>

#include <apr_time.h>

live_held *live_free_place(live_caller *self)
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

void live_check_item(live_caller *self, live_held *held, uint64_t index)
{
    uint64_t *out = held->out;
    brood_status status = BROOD_OK;

    live_begin(self->thread, "brood_result_item");
    status = brood_result_item(held->result, index, NULL, NULL, NULL, BROOD_FOREVER);
    live_end(self->thread);
    live_check_status(self, status, held->allowed, "brood_result_item");
    live_item_ended(((live_order *)held->in)[index].number, status == BROOD_OK);
    if (out[index] !=
            (status == BROOD_OK ? ((live_order *)held->in)[index].x + 1 : LIVE_UNTOUCHED) &&
        status != BROOD_ERR_NO_MEMORY) { /* perhaps only for the note of which items failed */
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

void live_release(live_held *held)
{
    free(held->in);
    free(held->out);
    memset(held, 0, sizeof *held);
}

void live_destroy_held(live_caller *self, live_held *held)
{
    live_begin(self->thread, "brood_result_destroy");
    brood_result_destroy(held->result);
    live_end(self->thread);
    live_release(held);
}

/* Without a wait in the pool. */
static void look_until_ready(live_caller *self, live_held *held)
{
    live_begin(self->thread, "brood_result_ready, again and again");
    while (!brood_result_ready(held->result)) {
        apr_sleep(500);
    }
    live_end(self->thread);
}

void live_finish_held(live_caller *self, live_held *held)
{
    const void *data = NULL;
    size_t size = 0;
    brood_status status = BROOD_OK;

    if (self->life->looks_only) {
        look_until_ready(self, held);
    }
    live_begin(self->thread, held->out != NULL  ? "brood_result_get of a map"
                             : held->in != NULL ? "brood_result_get of a large task"
                                                : "brood_result_get");
    status = brood_result_get(held->result, &data, &size, BROOD_FOREVER);
    live_end(self->thread);
    live_check_status(self, status, held->allowed, "brood_result_get");
    if (held->out == NULL) {
        live_item_ended(held->number, status == BROOD_OK);
    }
    if (status == BROOD_OK && held->size != 0) {
        check_value(self, held, data, size);
    }
    for (uint64_t i = 0; held->out != NULL && i < held->count; i++) {
        live_check_item(self, held, i);
    }
    live_destroy_held(self, held);
}

void live_settle(live_caller *self)
{
    for (int i = 0; i < LIVE_HELD; i++) {
        if (self->held[i].result != NULL) {
            live_finish_held(self, &self->held[i]);
        }
    }
}

/* ---- what is done with results and the pool ---------------------------------------------------- */

void live_finish_one(live_caller *self)
{
    live_held *held = any_held(self);

    if (held != NULL) {
        live_finish_held(self, held);
    }
}

/* Waits of 0 ms take over from who leads, and give it back. */
void live_peek(live_caller *self)
{
    for (int i = 0; i < LIVE_HELD; i++) {
        if (self->held[i].result != NULL) {
            int64_t timeout_ms = live_below(&self->seed, live_chance(&self->seed, 50) ? 2 : 20);

            live_begin_for(self->thread, "brood_result_wait of some ms", timeout_ms);
            brood_result_wait(self->held[i].result, timeout_ms);
            live_end(self->thread);
        }
    }
}

void live_cancel_one(live_caller *self)
{
    live_held *held = any_held(self);

    if (held != NULL) {
        held->allowed |= LIVE_BIT(BROOD_ERR_CANCELLED);
        live_begin(self->thread, "brood_result_cancel");
        brood_result_cancel(held->result);
        live_end(self->thread);
        if (live_chance(&self->seed, 50)) {
            live_finish_held(self, held);
        }
    }
}

void live_destroy_one(live_caller *self)
{
    live_held *held = any_held(self);

    if (held != NULL) {
        live_destroy_held(self, held);
    }
}

static void wait_for_ever(void *data)
{
    brood_result_wait(data, BROOD_FOREVER);
}

support_thread *live_wait_aside(const live_held *held)
{
    return support_thread_start(wait_for_ever, held->result);
}

/* Another thread that waits is cancelled (where threads can be): nothing of the pool ends with it. */
void live_cancel_thread(live_caller *self)
{
    live_held *held = any_held(self);
    support_thread *thread = NULL;

    if (held == NULL) {
        return;
    }
    thread = live_wait_aside(held);
    apr_sleep(live_between(&self->seed, 0, 2000));
    support_thread_cancel(thread);
    live_begin(self->thread, "the end of a thread that is cancelled in brood_result_wait");
    support_thread_join(thread);
    live_end(self->thread);
}
