#include "posix/poller.h"

#include <errno.h>

brood_status brood_os_poller_add(brood_os_poller *poller, brood_os_channel *channel, void *owner,
                                 brood_error *error)
{
    return brood_posix_poller_watch(poller, brood_posix_channel_fd(channel), owner, error);
}

void brood_os_poller_remove(brood_os_poller *poller, brood_os_channel *channel)
{
    brood_posix_poller_unwatch(poller, brood_posix_channel_fd(channel));
}

brood_status brood_os_poller_add_process(brood_os_poller *poller, brood_os_process *process,
                                         void *owner, brood_error *error)
{
    int fd = brood_posix_exit_fd(process, error);

    return fd < 0 ? brood_posix_status(errno) : brood_posix_poller_watch(poller, fd, owner, error);
}

void brood_os_poller_remove_process(brood_os_poller *poller, brood_os_process *process)
{
    int fd = brood_posix_known_exit_fd(process);

    if (fd >= 0) {
        brood_posix_poller_unwatch(poller, fd);
    }
}

/* Waits again after a signal, and after a part of a far deadline. */
static bool goes_on(int64_t deadline)
{
    return deadline == BROOD_OS_NO_DEADLINE || brood_os_now() < deadline;
}

brood_status brood_os_poller_wait(brood_os_poller *poller, void **owners, size_t most,
                                  size_t *count, int64_t deadline, brood_error *error)
{
    *count = 0;
    for (;;) {
        int found = brood_posix_poller_wait_once(poller, owners, most, count,
                                                 brood_posix_timeout_ms(deadline));

        if (found > 0) {
            return BROOD_OK;
        }
        if (found < 0 && errno != EINTR) {
            return brood_posix_fail(error, errno, "poll");
        }
        if (!goes_on(deadline)) {
            return BROOD_ERR_TIMEOUT;
        }
    }
}
