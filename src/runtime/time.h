/* Times are values of brood_os_now, in nanoseconds. */
#ifndef BROOD_SRC_RUNTIME_TIME_H
#define BROOD_SRC_RUNTIME_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "platform.h"

#define BROOD_NS_PER_MS INT64_C(1000000)
#define BROOD_NEVER BROOD_OS_NO_DEADLINE

/* Of two times. */
static inline int64_t brood_earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Whether a number is a time-out of the public kind: not negative, or BROOD_FOREVER. */
bool brood_is_timeout(int64_t timeout_ms);

/* The time that is such a time-out from now. */
int64_t brood_deadline(int64_t timeout_ms);

#endif
