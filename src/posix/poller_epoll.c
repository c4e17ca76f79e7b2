#include "posix/poller.h"

#if defined(BROOD_LINUX)

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct brood_os_poller {
    int epoll;
    int waker;  /* an eventfd, whose owner is NULL */
    int handle; /* of the program's loop: an epoll of the one above and of the caller; or -1 */
    int caller; /* an eventfd, or -1 */
};

static int add_to(int epoll, int fd, void *owner)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = owner}};

    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static int add_fd(const brood_os_poller *poller, int fd, void *owner)
{
    return add_to(poller->epoll, fd, owner);
}

static int open_event(void)
{
    return brood_posix_above_stdio(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
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
    made->handle = made->caller = -1;
    made->epoll = brood_posix_above_stdio(epoll_create1(EPOLL_CLOEXEC));
    made->waker = open_event();
    if (made->epoll < 0 || made->waker < 0 || add_fd(made, made->waker, NULL) < 0) {
        saved = errno;
        brood_os_poller_free(made);
        return brood_posix_fail(error, saved, "epoll_create1");
    }
    *poller = made;
    return BROOD_OK;
}

static void set_event(int event)
{
    uint64_t one = 1;

    if (write(event, &one, sizeof one) < 0) {
        return; /* the counter is full, so the event is set */
    }
}

static void clear_event(int event)
{
    uint64_t count = 0;

    if (read(event, &count, sizeof count) < 0) {
        return; /* another thread was faster */
    }
}

void brood_os_poller_wake(brood_os_poller *poller)
{
    set_event(poller->waker);
}

int brood_posix_poller_wait_once(brood_os_poller *poller, void **owners, size_t most, size_t *count,
                                 int timeout_ms)
{
    struct epoll_event events[BROOD_POSIX_EVENTS_MAX];
    int most_events = most < BROOD_POSIX_EVENTS_MAX ? (int)most : BROOD_POSIX_EVENTS_MAX;
    int found = epoll_wait(poller->epoll, events, most_events, timeout_ms);

    for (int i = 0; i < found; i++) {
        if (events[i].data.ptr == NULL) {
            clear_event(poller->waker);
        }
        brood_posix_poller_tell(owners, count, events[i].data.ptr);
    }
    return found;
}

static brood_status drop_handle(brood_os_poller *poller, brood_status status)
{
    brood_os_handle_close(poller->handle);
    brood_os_handle_close(poller->caller);
    poller->handle = poller->caller = -1;
    return status;
}

brood_status brood_os_poller_handle(brood_os_poller *poller, brood_handle *handle,
                                    brood_error *error)
{
    *handle = BROOD_HANDLE_NONE;
    poller->handle = brood_posix_above_stdio(epoll_create1(EPOLL_CLOEXEC));
    poller->caller = open_event();
    if (poller->handle < 0 || poller->caller < 0 ||
        add_to(poller->handle, poller->epoll, NULL) < 0 ||
        add_to(poller->handle, poller->caller, NULL) < 0) {
        return drop_handle(poller, brood_posix_fail(error, errno, "epoll_create1"));
    }
    *handle = poller->handle;
    return BROOD_OK;
}

/* A change of what is waited for needs no memory, so it cannot fail. */
void brood_os_poller_show(brood_os_poller *poller, bool shows)
{
    struct epoll_event event = {.events = shows ? EPOLLIN : 0};

    epoll_ctl(poller->handle, EPOLL_CTL_MOD, poller->epoll, &event);
}

void brood_os_poller_call(brood_os_poller *poller)
{
    set_event(poller->caller);
}

void brood_os_poller_answer(brood_os_poller *poller)
{
    clear_event(poller->caller);
}

void brood_os_poller_free(brood_os_poller *poller)
{
    if (poller != NULL) {
        brood_os_handle_close(poller->handle);
        brood_os_handle_close(poller->caller);
        brood_os_handle_close(poller->epoll);
        brood_os_handle_close(poller->waker);
        free(poller);
    }
}

#endif
