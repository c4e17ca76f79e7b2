/* Imaps of the liveness test, taken to the end or abandoned. */
#include "liveness.h"

#include <string.h>

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
    live_item_ended(feeder->orders[index].number, status == BROOD_OK);
    memcpy(&y, status == BROOD_OK ? data : &y, sizeof y);
    if (status == BROOD_OK && (size != sizeof y || y != feeder->orders[index].x + 1)) {
        live_fail("brood_imap_next: a value is wrong");
    }
    return true;
}

void live_call_imap(live_caller *self)
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
    feeder.allowed |= live_faults_of_calls();
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
