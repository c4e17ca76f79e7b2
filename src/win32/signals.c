#include "system.h"

/* Windows has none; what raise() does is of one thread. */
void brood_os_signals_hold(brood_os_signals *before)
{
    (void)before;
}

void brood_os_signals_release(const brood_os_signals *before)
{
    (void)before;
}
