#include <errno.h>
#include <time.h>

#include "system.h"

int64_t brood_os_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void brood_os_sleep(int64_t duration)
{
    struct timespec left = {(time_t)(duration / 1000000000), (long)(duration % 1000000000)};

    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}
