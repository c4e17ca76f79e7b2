#include <errno.h>
#include <poll.h>

#include "posix/system.h"

/* Fills the pollfd of an item; what is not there gets -1, which poll passes over. */
static brood_status poll_for(struct pollfd *slot, brood_os_wait_item *item, brood_error *error)
{
    slot->fd = -1;
    slot->events = item->to_write ? POLLOUT : POLLIN;
    slot->revents = 0;
    item->ready = false;
    if (item->process != NULL) {
        slot->fd = brood_posix_exit_fd(item->process, error);
        return slot->fd < 0 ? brood_posix_status(errno) : BROOD_OK;
    }
    if (item->channel != NULL) {
        slot->fd = brood_posix_channel_fd(item->channel);
    }
    return BROOD_OK;
}

static void mark_ready(brood_os_wait_item *items, const struct pollfd *slots, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        items[i].ready = slots[i].fd >= 0 && slots[i].revents != 0;
    }
}

brood_status brood_os_wait(brood_os_wait_item *items, size_t count, int64_t deadline,
                           brood_error *error)
{
    struct pollfd slots[BROOD_OS_WAIT_MAX];

    if (count > BROOD_OS_WAIT_MAX) {
        return brood_fail_argument(error, "count", "must be at most BROOD_OS_WAIT_MAX");
    }
    for (size_t i = 0; i < count; i++) {
        brood_status status = poll_for(&slots[i], &items[i], error);

        if (status != BROOD_OK) {
            return status;
        }
    }
    for (;;) {
        int ready = poll(slots, (nfds_t)count, brood_posix_timeout_ms(deadline));

        if (ready > 0) {
            mark_ready(items, slots, count);
            return BROOD_OK;
        }
        if (ready < 0 && errno != EINTR && errno != EAGAIN) {
            return brood_posix_fail(error, errno, "poll");
        }
        if (deadline != BROOD_OS_NO_DEADLINE && brood_os_now() >= deadline) {
            return BROOD_ERR_TIMEOUT;
        }
    }
}
