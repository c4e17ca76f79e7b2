#include "win32/system.h"

/* Windows has none; what raise() does is of one thread. */
void brood_os_signals_hold(brood_os_signals *before)
{
    (void)before;
}

void brood_os_signals_release(const brood_os_signals *before)
{
    (void)before;
}

/* Nor has it a way to end another thread that would leave the process usable. */
int brood_os_cancel_hold(void)
{
    return 0;
}

void brood_os_cancel_release(int held)
{
    (void)held;
}

void brood_os_signals_admit_faults(void)
{
}
