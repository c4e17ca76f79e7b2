/*
 * posix_fallocate as it is on memory before Linux 6.17 or so, for a program whose timer comes more
 * often than it takes: whatever is not held back interrupts it, and it has taken nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>

/* The C library's names of the arguments are reserved. */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
int posix_fallocate(int fd, off_t offset, off_t length)
{
    sigset_t held;

    pthread_sigmask(SIG_SETMASK, NULL, &held);
    if (sigismember(&held, SIGALRM) != 1) {
        return EINTR;
    }
    return fallocate(fd, 0, offset, length) == 0 ? 0 : errno;
}
