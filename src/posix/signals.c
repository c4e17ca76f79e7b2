#include <errno.h>
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

/*
 * The signal of a failing write is the thread's own (POSIX, "write"), so it can be held back and
 * taken here; one that was pending before is left.
 */
void brood_posix_sigpipe_hold(brood_posix_sigpipe *held)
{
    sigset_t sigpipe;
    sigset_t pending;

    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    sigpending(&pending);
    held->was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &sigpipe, &held->before);
}

void brood_posix_sigpipe_release(const brood_posix_sigpipe *held)
{
    int saved = errno;
    int taken = 0;
    sigset_t sigpipe;
    sigset_t pending;

    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    sigpending(&pending);
    if (!held->was_pending && sigismember(&pending, SIGPIPE)) {
        sigwait(&sigpipe, &taken);
    }
    pthread_sigmask(SIG_SETMASK, &held->before, NULL);
    errno = saved;
}
