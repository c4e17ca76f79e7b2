#include "system.h"

#define NS_PER_S INT64_C(1000000000)

int64_t brood_os_now(void)
{
    LARGE_INTEGER frequency;
    LARGE_INTEGER ticks;

    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&ticks);
    /* In two steps: ticks * NS_PER_S overflows after some minutes. */
    return ticks.QuadPart / frequency.QuadPart * NS_PER_S +
           ticks.QuadPart % frequency.QuadPart * NS_PER_S / frequency.QuadPart;
}
