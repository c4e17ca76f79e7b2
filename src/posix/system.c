#include "posix/system.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <apr_errno.h>

brood_status brood_posix_status(int os_code)
{
    switch (os_code) {
    case ENOENT:
    case ENOTDIR:
        return BROOD_ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
        return BROOD_ERR_PERMISSION;
    case ENOMEM:
        return BROOD_ERR_NO_MEMORY;
    case EAGAIN:
    case EMFILE:
    case ENFILE:
    case ETOOMANYREFS: /* too many descriptors on their way in sockets */
    case ENOSPC:
    case EFBIG:   /* RLIMIT_FSIZE */
    case ENOBUFS: /* no memory of the kernel's for a socket, for now: send(2) */
        return BROOD_ERR_LIMIT;
    case E2BIG:
        return BROOD_ERR_TOO_LARGE;
    case EPIPE:
    case ECONNRESET:
        return BROOD_ERR_CLOSED;
    case ENOSYS:
    case ENOTSUP:
        return BROOD_ERR_NOT_SUPPORTED;
    default:
        return BROOD_ERR_OS;
    }
}

brood_status brood_posix_fail(brood_error *error, int os_code, const char *step)
{
    char text[128];

    return brood_fail(error, brood_posix_status(os_code), os_code, step, "%s: %s", step,
                      apr_strerror(os_code, text, sizeof text));
}

int brood_posix_above_stdio(int fd)
{
    int moved = fd;

    if (fd >= 0 && fd <= STDERR_FILENO) {
        int saved = 0;

        moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        saved = errno;
        close(fd);
        errno = saved;
    }
    return moved;
}

int brood_posix_set_cloexec(int fd, bool on)
{
    return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0);
}

int brood_posix_make_nonblocking(int fd)
{
    return fcntl(fd, F_SETFL, O_NONBLOCK);
}

int brood_posix_timeout_ms(int64_t deadline)
{
    const int64_t longest = 1000000;
    int64_t left = 0;

    if (deadline == BROOD_OS_NO_DEADLINE) {
        return -1;
    }
    left = deadline - brood_os_now();
    if (left <= 0) {
        return 0;
    }
    left = (left + 999999) / 1000000;
    return (int)(left < longest ? left : longest);
}

brood_status brood_posix_exec_fail(brood_error *error, int code, const char *step,
                                   const brood_os_spawn *spawn)
{
    bool is_file = strcmp(step, "execve") == 0;
    const char *path = is_file ? spawn->file : spawn->working_directory;
    char text[96];

    if (is_file && code == ENOENT && access(path, F_OK) == 0) {
        return brood_fail(error, BROOD_ERR_NOT_FOUND, code, step,
                          "the interpreter or loader of \"%.120s\" is not found", path);
    }
    return brood_fail(error, brood_posix_status(code), code, step, "%s \"%.120s\": %s", step, path,
                      apr_strerror(code, text, sizeof text));
}
