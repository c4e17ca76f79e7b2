#include <errno.h>
#include <poll.h>
#include <sys/select.h>

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

/* In microseconds of a second and seconds; NULL: without an end. */
static struct timeval *time_left(struct timeval *left, int64_t deadline)
{
    int timeout_ms = brood_posix_timeout_ms(deadline);

    left->tv_sec = timeout_ms / 1000;
    left->tv_usec = timeout_ms % 1000 * 1000;
    return timeout_ms < 0 ? NULL : left;
}

/* The type that FD_SET and its kin take everywhere without a warning: a long of bits in musl, an int in
 * macOS. */
typedef uint16_t select_fd;

static bool add_to_sets(struct pollfd *slot, fd_set sets[2], int *end)
{
    slot->revents = 0;
    if (slot->fd >= FD_SETSIZE || slot->fd > UINT16_MAX) {
        return false;
    }
    if (slot->fd >= 0) {
        FD_SET((select_fd)slot->fd, &sets[slot->events == POLLOUT]);
        *end = slot->fd >= *end ? slot->fd + 1 : *end;
    }
    return true;
}

/*
 * As poll, which refuses to wait for more descriptors than the process may open from now on (poll(2),
 * EINVAL): a program that confines itself may have set RLIMIT_NOFILE to 0. The kernels' select does not
 * look at that.
 */
static int select_instead(struct pollfd *slots, size_t count, int64_t deadline)
{
    fd_set sets[2];
    struct timeval left;
    int end = 0;
    int ready = 0;

    FD_ZERO(&sets[0]);
    FD_ZERO(&sets[1]);
    for (size_t i = 0; i < count; i++) {
        if (!add_to_sets(&slots[i], sets, &end)) {
            errno = EINVAL;
            return -1;
        }
    }
    ready = select(end, &sets[0], &sets[1], NULL, time_left(&left, deadline));
    for (size_t i = 0; i < count && ready > 0; i++) {
        bool is_ready =
            slots[i].fd >= 0 && FD_ISSET((select_fd)slots[i].fd, &sets[slots[i].events == POLLOUT]);

        slots[i].revents = is_ready ? slots[i].events : 0;
    }
    return ready;
}

static int wait_for(struct pollfd *slots, size_t count, int64_t deadline)
{
    int ready = poll(slots, (nfds_t)count, brood_posix_timeout_ms(deadline));

    return ready < 0 && errno == EINVAL ? select_instead(slots, count, deadline) : ready;
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
        int ready = wait_for(slots, count, deadline);

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
