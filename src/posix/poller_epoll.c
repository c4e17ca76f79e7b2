#include "poller.h"

#if defined(BROOD_LINUX)

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct brood_os_poller {
    int epoll;
    int waker; /* an eventfd, whose owner is NULL */
};

static int add_fd(const brood_os_poller *poller, int fd, void *owner)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = owner}};

    return epoll_ctl(poller->epoll, EPOLL_CTL_ADD, fd, &event);
}

brood_status brood_posix_poller_watch(brood_os_poller *poller, int fd, void *owner,
                                      brood_error *error)
{
    return add_fd(poller, fd, owner) < 0 ? brood_posix_fail(error, errno, "epoll_ctl") : BROOD_OK;
}

void brood_posix_poller_unwatch(brood_os_poller *poller, int fd)
{
    epoll_ctl(poller->epoll, EPOLL_CTL_DEL, fd, NULL);
}

brood_status brood_os_poller_create(brood_os_poller **poller, brood_error *error)
{
    brood_os_poller *made = brood_calloc(1, sizeof *made);
    int saved = 0;

    *poller = NULL;
    if (made == NULL) {
        return brood_fail_memory(error, "poller");
    }
    made->epoll = brood_posix_above_stdio(epoll_create1(EPOLL_CLOEXEC));
    made->waker = brood_posix_above_stdio(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (made->epoll < 0 || made->waker < 0 || add_fd(made, made->waker, NULL) < 0) {
        saved = errno;
        brood_os_poller_free(made);
        return brood_posix_fail(error, saved, "epoll_create1");
    }
    *poller = made;
    return BROOD_OK;
}

void brood_os_poller_wake(brood_os_poller *poller)
{
    uint64_t one = 1;

    if (write(poller->waker, &one, sizeof one) < 0) {
        return; /* it is full, so it is awake */
    }
}

static void clear_waker(const brood_os_poller *poller)
{
    uint64_t count = 0;

    if (read(poller->waker, &count, sizeof count) < 0) {
        return; /* another wait was faster */
    }
}

int brood_posix_poller_wait_once(brood_os_poller *poller, void **owners, size_t most, size_t *count,
                                 int timeout_ms)
{
    struct epoll_event events[BROOD_POSIX_EVENTS_MAX];
    int most_events = most < BROOD_POSIX_EVENTS_MAX ? (int)most : BROOD_POSIX_EVENTS_MAX;
    int found = epoll_wait(poller->epoll, events, most_events, timeout_ms);

    for (int i = 0; i < found; i++) {
        if (events[i].data.ptr == NULL) {
            clear_waker(poller);
        }
        brood_posix_poller_tell(owners, count, events[i].data.ptr);
    }
    return found;
}

brood_status brood_os_poller_handle(brood_os_poller *poller, brood_handle *handle,
                                    brood_error *error)
{
    (void)error;
    *handle = poller->epoll;
    return BROOD_OK;
}

void brood_os_poller_free(brood_os_poller *poller)
{
    if (poller != NULL) {
        brood_os_handle_close(poller->epoll);
        brood_os_handle_close(poller->waker);
        free(poller);
    }
}

#endif
