#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "posix/system.h"

/* Moves both out of the way of stdio; between opening and here a foreign fork may copy them. */
static int keep(int fds[2])
{
    int saved = 0;

    for (int i = 0; i < 2; i++) {
        fds[i] = brood_posix_above_stdio(fds[i]);
        saved = errno;
#if !defined(__linux__)
        if (fds[i] >= 0) {
            brood_posix_set_cloexec(fds[i], true);
        }
#endif
    }
    if (fds[0] >= 0 && fds[1] >= 0) {
        return 0;
    }
    brood_os_handle_close(fds[0]);
    brood_os_handle_close(fds[1]);
    errno = saved;
    return -1;
}

int brood_posix_socket_pair(int fds[2])
{
#if defined(__linux__)
    int result = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
#else
    int result = socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
#endif

    return result < 0 ? -1 : keep(fds);
}

int brood_posix_pipe(int fds[2])
{
#if defined(__linux__)
    int result = pipe2(fds, O_CLOEXEC);
#else
    int result = pipe(fds);
#endif

    return result < 0 ? -1 : keep(fds);
}
