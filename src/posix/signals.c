#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "posix/system.h"

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

/* Held back, a fault would end the process before the program's handler, or a sanitizer's, has seen it. */
void brood_os_signals_admit_faults(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
    sigset_t mask;

    sigemptyset(&mask);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        sigaddset(&mask, faults[i]);
    }
    pthread_sigmask(SIG_UNBLOCK, &mask, NULL);
}

int brood_os_cancel_hold(void)
{
    int held = 0;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &held);
    return held;
}

void brood_os_cancel_release(int held)
{
    pthread_setcancelstate(held, NULL);
}

void brood_posix_silence(int fd)
{
#if defined(F_SETNOSIGPIPE)
    fcntl(fd, F_SETNOSIGPIPE, 1);
#else
    (void)fd;
#endif
}

#if defined(F_SETNOSIGPIPE)

/* macOS and NetBSD send SIGPIPE to the process (dofilewrite, sys_generic.c): see silence. */
ssize_t brood_posix_write_quietly(int fd, const void *buffer, size_t size)
{
    return write(fd, buffer, size);
}

#else

static bool is_pending(int number)
{
    sigset_t pending;

    sigpending(&pending);
    return sigismember(&pending, number) == 1;
}

/* Nobody reads the pipe any more: some systems say POLLERR (Linux), others POLLHUP. */
static bool is_closed(int fd)
{
    struct pollfd slot = {fd, POLLOUT, 0};

    return poll(&slot, 1, 0) == 1 && (slot.revents & (POLLERR | POLLHUP)) != 0;
}

/*
 * The thread's own signal is taken before one of the process (Linux: dequeue_signal). Where the
 * signal is ignored there may be none to take, so this must not wait.
 */
static void take_own(const sigset_t *sigpipe)
{
#if defined(__OpenBSD__) /* has no sigtimedwait, and sends it to the thread (sys_generic.c) */
    int taken = 0;

    if (is_pending(SIGPIPE)) {
        sigwait(sigpipe, &taken);
    }
#else
    const struct timespec at_once = {0, 0};

    while (sigtimedwait(sigpipe, NULL, &at_once) < 0 && errno == EINTR) {
    }
#endif
}

/*
 * Elsewhere the signal of a failing write is the thread's own (POSIX, "write"): it is held back and
 * taken here. Where the thread holds back SIGPIPE itself, and one is pending, that and ours cannot
 * be told apart: nothing is taken then, and nothing written that is known to fail.
 */
ssize_t brood_posix_write_quietly(int fd, const void *buffer, size_t size)
{
    sigset_t sigpipe;
    sigset_t before;
    bool has_theirs = false;
    ssize_t count = -1;
    int saved = EPIPE;

    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
    has_theirs = sigismember(&before, SIGPIPE) == 1 && is_pending(SIGPIPE);
    if (!has_theirs || !is_closed(fd)) {
        count = write(fd, buffer, size);
        saved = errno;
    }
    if (count < 0 && saved == EPIPE && !has_theirs) {
        take_own(&sigpipe);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return count;
}

#endif
