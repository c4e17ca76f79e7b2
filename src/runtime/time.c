#include "runtime/time.h"

#include <brood/process.h>

bool brood_is_timeout(int64_t timeout_ms)
{
    return timeout_ms >= 0 || timeout_ms == BROOD_FOREVER;
}

int64_t brood_deadline(int64_t timeout_ms)
{
    int64_t now = brood_os_now();

    if (timeout_ms == BROOD_FOREVER || timeout_ms > (INT64_MAX - now) / BROOD_NS_PER_MS) {
        return BROOD_NEVER;
    }
    return now + timeout_ms * BROOD_NS_PER_MS;
}
