#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "system.h"

_Static_assert(sizeof(sigset_t) <= sizeof(brood_os_signals), "a mask of signals must fit");

void brood_os_signals_hold(brood_os_signals *before)
{
    sigset_t all;
    sigset_t mask;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &mask);
    memcpy(before, &mask, sizeof mask);
}

void brood_os_signals_release(const brood_os_signals *before)
{
    sigset_t mask;

    memcpy(&mask, before, sizeof mask);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
}
