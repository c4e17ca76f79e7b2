#include "pool/meter.h"

#include "platform.h"

#define EVERY_NS (100 * INT64_C(1000000))

brood_meter brood_meter_begin(brood_progress_function *function, void *user)
{
    int64_t now = function != NULL ? brood_os_now() : 0;
    brood_meter meter = {function, user, now, now};

    return meter;
}

bool brood_meter_is_due(const brood_meter *meter)
{
    return meter->function != NULL && brood_os_now() - meter->reported_at >= EVERY_NS;
}

brood_progress brood_meter_take(brood_meter *meter, uint64_t done, uint64_t total, uint64_t failed)
{
    int64_t now = brood_os_now();
    brood_progress progress = {.done = done, .total = total, .failed = failed};

    progress.seconds_before = (double)(meter->reported_at - meter->begun_at) / 1e9;
    progress.seconds = (double)(now - meter->begun_at) / 1e9;
    progress.rate = progress.seconds > 0 ? (double)done / progress.seconds : 0;
    progress.seconds_left =
        progress.rate > 0 && total >= done ? (double)(total - done) / progress.rate : -1;
    meter->reported_at = now;
    return progress;
}
