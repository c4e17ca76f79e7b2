#include <errno.h>

#include "posix/system.h"

brood_status brood_os_handle_give(brood_os_channel *channel, brood_os_process *process,
                                  brood_handle handle, brood_handle *number, brood_error *error)
{
    ssize_t sent = -1;

    (void)process;
    *number = BROOD_HANDLE_NONE;
    errno = EBADF;
    if (handle >= 0 && handle <= INT32_MAX) {
        do {
            sent = brood_posix_send_fd(brood_posix_channel_fd(channel), (int)handle);
        } while (sent < 0 && errno == EINTR);
    }
    if (sent >= 0) {
        *number = 0;
        return BROOD_OK;
    }
    if (errno == EBADF) {
        return brood_fail_argument(error, "handle", "is not open");
    }
    /* ETOOMANYREFS: as many are on their way, to all workers, as the user may have (unix(7)). */
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ETOOMANYREFS) {
        return BROOD_ERR_TIMEOUT;
    }
    return brood_posix_fail(error, errno, "sendmsg");
}

/* A byte at a time: those behind the handle may be all that says that there is more. */
static brood_status read_on(brood_os_channel *channel, int64_t deadline, brood_error *error)
{
    brood_os_wait_item item = {NULL, channel, false, false};
    char byte = 0;
    size_t got = 0;
    brood_status status = brood_os_channel_read(channel, &byte, 1, &got, error);

    return status == BROOD_ERR_TIMEOUT ? brood_os_wait(&item, 1, deadline, error) : status;
}

brood_status brood_os_handle_take(brood_os_channel *channel, brood_handle number, int64_t deadline,
                                  brood_handle *handle, brood_error *error)
{
    brood_status status = BROOD_OK;
    int fd = -1;

    (void)number;
    *handle = BROOD_HANDLE_NONE;
    while (!brood_posix_stash_take(brood_posix_channel_stash(channel), &fd)) {
        status = read_on(channel, deadline, error);
        if (status != BROOD_OK) {
            return status;
        }
    }
    if (fd < 0) {
        return brood_fail(error, BROOD_ERR_LIMIT, 0, "recvmsg", "a handle was lost on its way");
    }
    *handle = fd;
    return BROOD_OK;
}
