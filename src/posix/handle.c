#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "posix/system.h"

static brood_status open_file(brood_handle *handle, const char *path, int flags, const char *step,
                              brood_error *error)
{
    int fd = -1;

    *handle = BROOD_HANDLE_NONE;
    do { /* a FIFO waits for nobody at the other end, and none to be read by is ENXIO */
        fd = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
    } while (fd < 0 && errno == EINTR);
    if (fd >= 0) {
        fcntl(fd, F_SETFL, flags & O_APPEND);
    }
    fd = brood_posix_above_stdio(fd);
    if (fd < 0) {
        return brood_posix_fail(error, errno, step);
    }
    *handle = fd;
    return BROOD_OK;
}

brood_status brood_os_null_open(brood_handle *handle, brood_error *error)
{
    return open_file(handle, "/dev/null", O_RDWR, "open /dev/null", error);
}

brood_status brood_os_file_open(brood_handle *handle, const char *path, brood_stdio_mode mode,
                                bool to_read, brood_error *error)
{
    int flags = O_WRONLY | O_CREAT | (mode == BROOD_STDIO_APPEND ? O_APPEND : O_TRUNC);

    return open_file(handle, path, to_read ? O_RDONLY : flags, "open", error);
}

FILE *brood_os_file_read(const char *path)
{
    return fopen(path, "re");
}

brood_status brood_os_handle_duplicate(brood_handle *copy, brood_handle handle, brood_error *error)
{
    int fd = -1;

    *copy = BROOD_HANDLE_NONE;
    errno = EBADF;
    if (handle >= 0 && handle <= INT32_MAX) {
        fd = fcntl((int)handle, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    }
    if (fd < 0 && errno == EBADF) {
        return brood_fail_argument(error, "handles", "has one that is not open");
    }
    if (fd < 0) {
        return brood_posix_fail(error, errno, "fcntl F_DUPFD_CLOEXEC");
    }
    *copy = fd;
    return BROOD_OK;
}

brood_status brood_os_handle_adopt(brood_handle handle, brood_error *error)
{
    if (brood_posix_set_cloexec((int)handle, true) < 0) {
        return brood_posix_fail(error, errno, "fcntl F_SETFD");
    }
    return BROOD_OK;
}

void brood_os_handle_close(brood_handle handle)
{
    if (handle >= 0) {
        close((int)handle); /* not again after EINTR: it is closed all the same */
    }
}

size_t brood_os_handle_count(void)
{
    DIR *directory = opendir("/dev/fd");
    size_t count = 0;

    if (directory == NULL) {
        return 0;
    }
    while (readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count - 3; /* ".", "..", and the directory itself */
}
