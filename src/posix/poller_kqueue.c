#include "posix/poller.h"

#if defined(BROOD_KQUEUE)

#include <errno.h>
#include <stdlib.h>
#include <sys/event.h>
#include <time.h>

struct brood_os_poller {
    int queue;
    int handle; /* of the program's loop: a queue of the one above and of the call; or -1 */
};

static int change_in(int queue, uintptr_t ident, int16_t filter, uint16_t flags, uint32_t fflags,
                     void *owner)
{
    struct kevent event;

    EV_SET(&event, ident, filter, flags, fflags, 0, owner);
    return kevent(queue, &event, 1, NULL, 0, NULL);
}

static int change(const brood_os_poller *poller, uintptr_t ident, int16_t filter, uint16_t flags,
                  uint32_t fflags, void *owner)
{
    return change_in(poller->queue, ident, filter, flags, fflags, owner);
}

static int open_queue(void)
{
    int queue = brood_posix_above_stdio(kqueue());

    if (queue >= 0) {
        brood_posix_set_cloexec(queue, true);
    }
    return queue;
}

/* The end of a process is a queue of its own (see exit.c), which can be read when it has come. */
brood_status brood_posix_poller_watch(brood_os_poller *poller, int fd, void *owner,
                                      brood_error *error)
{
    if (change(poller, (uintptr_t)fd, EVFILT_READ, EV_ADD, 0, owner) < 0) {
        return brood_posix_fail(error, errno, "kevent");
    }
    return BROOD_OK;
}

void brood_posix_poller_unwatch(brood_os_poller *poller, int fd)
{
    change(poller, (uintptr_t)fd, EVFILT_READ, EV_DELETE, 0, NULL);
}

brood_status brood_os_poller_create(brood_os_poller **poller, brood_error *error)
{
    brood_os_poller *made = brood_calloc(1, sizeof *made);
    int saved = 0;

    *poller = NULL;
    if (made == NULL) {
        return brood_fail_memory(error, "poller");
    }
    made->handle = -1;
    made->queue = open_queue();
    if (made->queue < 0 || change(made, 0, EVFILT_USER, EV_ADD | EV_CLEAR, 0, NULL) < 0) {
        saved = errno;
        brood_os_poller_free(made);
        return brood_posix_fail(error, saved, "kqueue");
    }
    *poller = made;
    return BROOD_OK;
}

void brood_os_poller_wake(brood_os_poller *poller)
{
    change(poller, 0, EVFILT_USER, 0, NOTE_TRIGGER, NULL);
}

int brood_posix_poller_wait_once(brood_os_poller *poller, void **owners, size_t most, size_t *count,
                                 int timeout_ms)
{
    struct kevent events[BROOD_POSIX_EVENTS_MAX];
    struct timespec timeout = {timeout_ms / 1000, (timeout_ms % 1000) * 1000000L};
    int most_events = most < BROOD_POSIX_EVENTS_MAX ? (int)most : BROOD_POSIX_EVENTS_MAX;
    int found =
        kevent(poller->queue, NULL, 0, events, most_events, timeout_ms < 0 ? NULL : &timeout);

    for (int i = 0; i < found; i++) {
        brood_posix_poller_tell(owners, count, events[i].udata);
    }
    return found;
}

brood_status brood_os_poller_handle(brood_os_poller *poller, brood_handle *handle,
                                    brood_error *error)
{
    *handle = BROOD_HANDLE_NONE;
    poller->handle = open_queue();
    if (poller->handle < 0 ||
        change_in(poller->handle, (uintptr_t)poller->queue, EVFILT_READ, EV_ADD, 0, NULL) < 0 ||
        change_in(poller->handle, 0, EVFILT_USER, EV_ADD, 0, NULL) < 0) {
        brood_status status = brood_posix_fail(error, errno, "kqueue");

        brood_os_handle_close(poller->handle);
        poller->handle = -1;
        return status;
    }
    *handle = poller->handle;
    return BROOD_OK;
}

void brood_os_poller_show(brood_os_poller *poller, bool shows)
{
    change_in(poller->handle, (uintptr_t)poller->queue, EVFILT_READ, shows ? EV_ENABLE : EV_DISABLE,
              0, NULL);
}

void brood_os_poller_call(brood_os_poller *poller)
{
    change_in(poller->handle, 0, EVFILT_USER, 0, NOTE_TRIGGER, NULL);
}

/* EV_CLEAR would be answered by whoever reads the events; the call is to stay until here. */
void brood_os_poller_answer(brood_os_poller *poller)
{
    change_in(poller->handle, 0, EVFILT_USER, EV_DELETE, 0, NULL);
    change_in(poller->handle, 0, EVFILT_USER, EV_ADD, 0, NULL);
}

void brood_os_poller_free(brood_os_poller *poller)
{
    if (poller != NULL) {
        brood_os_handle_close(poller->handle);
        brood_os_handle_close(poller->queue);
        free(poller);
    }
}

#endif
