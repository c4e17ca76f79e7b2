#include <errno.h>
#include <time.h>

#include "posix/system.h"

/*
 * A clock that stands still while the machine sleeps, as Linux's CLOCK_MONOTONIC does (man 2
 * clock_gettime); that of macOS and OpenBSD goes on (man 3 clock_gettime).
 */
#if defined(__APPLE__)
#define CLOCK CLOCK_UPTIME_RAW
#elif defined(CLOCK_UPTIME) /* the BSDs */
#define CLOCK CLOCK_UPTIME
#else
#define CLOCK CLOCK_MONOTONIC
#endif

int64_t brood_os_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void brood_os_sleep(int64_t duration)
{
    struct timespec left = {(time_t)(duration / 1000000000), (long)(duration % 1000000000)};

    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}
