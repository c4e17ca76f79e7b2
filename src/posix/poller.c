#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "system.h"

#if defined(BROOD_LINUX)
#include <sys/epoll.h>
#include <sys/eventfd.h>
#elif defined(BROOD_KQUEUE)
#include <sys/event.h>
#else
#include <poll.h>
#endif

#define EVENTS_MAX 64 /* of one wait; the rest comes with the next */

/* Waits again after a signal, and after a part of a far deadline: 1 (again), 0 (its time is up). */
static int goes_on(int64_t deadline)
{
    return deadline == BROOD_OS_NO_DEADLINE || brood_os_now() < deadline;
}

#if defined(BROOD_LINUX)

struct brood_os_poller {
    int epoll;
    int waker; /* an eventfd, whose owner is NULL */
};

static int add_fd(const brood_os_poller *poller, int fd, void *owner)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = owner}};

    return epoll_ctl(poller->epoll, EPOLL_CTL_ADD, fd, &event);
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

brood_status brood_os_poller_add(brood_os_poller *poller, brood_os_channel *channel, void *owner,
                                 brood_error *error)
{
    if (add_fd(poller, brood_posix_channel_fd(channel), owner) < 0) {
        return brood_posix_fail(error, errno, "epoll_ctl");
    }
    return BROOD_OK;
}

void brood_os_poller_remove(brood_os_poller *poller, brood_os_channel *channel)
{
    epoll_ctl(poller->epoll, EPOLL_CTL_DEL, brood_posix_channel_fd(channel), NULL);
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

/* How many events came; -1 and errno. */
static int wait_once(brood_os_poller *poller, void **owners, size_t most, size_t *count,
                     int timeout_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int most_events = most < EVENTS_MAX ? (int)most : EVENTS_MAX;
    int found = epoll_wait(poller->epoll, events, most_events, timeout_ms);

    for (int i = 0; i < found; i++) {
        if (events[i].data.ptr == NULL) {
            clear_waker(poller);
        } else {
            owners[(*count)++] = events[i].data.ptr;
        }
    }
    return found;
}

void brood_os_poller_free(brood_os_poller *poller)
{
    if (poller != NULL) {
        brood_os_handle_close(poller->epoll);
        brood_os_handle_close(poller->waker);
        free(poller);
    }
}

#elif defined(BROOD_KQUEUE)

struct brood_os_poller {
    int queue;
};

static int change(const brood_os_poller *poller, uintptr_t ident, int16_t filter, uint16_t flags,
                  uint32_t fflags, void *owner)
{
    struct kevent event;

    EV_SET(&event, ident, filter, flags, fflags, 0, owner);
    return kevent(poller->queue, &event, 1, NULL, 0, NULL);
}

brood_status brood_os_poller_create(brood_os_poller **poller, brood_error *error)
{
    brood_os_poller *made = brood_calloc(1, sizeof *made);
    int saved = 0;

    *poller = NULL;
    if (made == NULL) {
        return brood_fail_memory(error, "poller");
    }
    made->queue = brood_posix_above_stdio(kqueue());
    if (made->queue < 0 || change(made, 0, EVFILT_USER, EV_ADD | EV_CLEAR, 0, NULL) < 0) {
        saved = errno;
        brood_os_poller_free(made);
        return brood_posix_fail(error, saved, "kqueue");
    }
    brood_posix_set_cloexec(made->queue, true);
    *poller = made;
    return BROOD_OK;
}

brood_status brood_os_poller_add(brood_os_poller *poller, brood_os_channel *channel, void *owner,
                                 brood_error *error)
{
    uintptr_t fd = (uintptr_t)brood_posix_channel_fd(channel);

    if (change(poller, fd, EVFILT_READ, EV_ADD, 0, owner) < 0) {
        return brood_posix_fail(error, errno, "kevent");
    }
    return BROOD_OK;
}

void brood_os_poller_remove(brood_os_poller *poller, brood_os_channel *channel)
{
    change(poller, (uintptr_t)brood_posix_channel_fd(channel), EVFILT_READ, EV_DELETE, 0, NULL);
}

void brood_os_poller_wake(brood_os_poller *poller)
{
    change(poller, 0, EVFILT_USER, 0, NOTE_TRIGGER, NULL);
}

static int wait_once(brood_os_poller *poller, void **owners, size_t most, size_t *count,
                     int timeout_ms)
{
    struct kevent events[EVENTS_MAX];
    struct timespec timeout = {timeout_ms / 1000, (timeout_ms % 1000) * 1000000L};
    int most_events = most < EVENTS_MAX ? (int)most : EVENTS_MAX;
    int found =
        kevent(poller->queue, NULL, 0, events, most_events, timeout_ms < 0 ? NULL : &timeout);

    for (int i = 0; i < found; i++) {
        if (events[i].udata != NULL) {
            owners[(*count)++] = events[i].udata;
        }
    }
    return found;
}

void brood_os_poller_free(brood_os_poller *poller)
{
    if (poller != NULL) {
        brood_os_handle_close(poller->queue);
        free(poller);
    }
}

#else

/* What POSIX has: the descriptors in an array, which is copied for each wait. */
struct brood_os_poller {
    pthread_mutex_t lock; /* of all below */
    struct pollfd *slots; /* the first is the waker's */
    void **owners;
    size_t count;
    size_t capacity;
    int waker[2]; /* a pipe, which a wake fills with a byte */
};

static bool grow(brood_os_poller *poller)
{
    size_t capacity = poller->capacity == 0 ? 16 : poller->capacity * 2;
    struct pollfd *slots = brood_realloc(poller->slots, capacity * sizeof *slots);
    void **owners = NULL;

    if (slots == NULL) {
        return false;
    }
    poller->slots = slots;
    owners = brood_realloc((void *)poller->owners, capacity * sizeof *owners);
    if (owners == NULL) {
        return false;
    }
    poller->owners = owners;
    poller->capacity = capacity;
    return true;
}

static bool add_fd(brood_os_poller *poller, int fd, void *owner)
{
    bool added = false;

    pthread_mutex_lock(&poller->lock);
    if (poller->count < poller->capacity || grow(poller)) {
        poller->slots[poller->count] = (struct pollfd){fd, POLLIN, 0};
        poller->owners[poller->count] = owner;
        poller->count++;
        added = true;
    }
    pthread_mutex_unlock(&poller->lock);
    return added;
}

static int open_waker(brood_os_poller *poller)
{
    if (brood_posix_pipe(poller->waker) < 0) {
        poller->waker[0] = poller->waker[1] = -1;
        return -1;
    }
    return brood_posix_make_nonblocking(poller->waker[0]) < 0 ||
                   brood_posix_make_nonblocking(poller->waker[1]) < 0
               ? -1
               : 0;
}

brood_status brood_os_poller_create(brood_os_poller **poller, brood_error *error)
{
    brood_os_poller *made = brood_calloc(1, sizeof *made);
    int saved = 0;

    *poller = NULL;
    if (made == NULL) {
        return brood_fail_memory(error, "poller");
    }
    pthread_mutex_init(&made->lock, NULL);
    made->waker[0] = made->waker[1] = -1;
    if (open_waker(made) < 0) {
        saved = errno;
        brood_os_poller_free(made);
        return brood_posix_fail(error, saved, "pipe");
    }
    if (!add_fd(made, made->waker[0], NULL)) {
        brood_os_poller_free(made);
        return brood_fail_memory(error, "poller");
    }
    *poller = made;
    return BROOD_OK;
}

brood_status brood_os_poller_add(brood_os_poller *poller, brood_os_channel *channel, void *owner,
                                 brood_error *error)
{
    if (!add_fd(poller, brood_posix_channel_fd(channel), owner)) {
        return brood_fail_memory(error, "poller");
    }
    brood_os_poller_wake(poller); /* the wait that is under way does not know it */
    return BROOD_OK;
}

void brood_os_poller_remove(brood_os_poller *poller, brood_os_channel *channel)
{
    int fd = brood_posix_channel_fd(channel);

    pthread_mutex_lock(&poller->lock);
    for (size_t i = 1; i < poller->count; i++) {
        if (poller->slots[i].fd == fd) {
            poller->count--;
            poller->slots[i] = poller->slots[poller->count];
            poller->owners[i] = poller->owners[poller->count];
            break;
        }
    }
    pthread_mutex_unlock(&poller->lock);
    brood_os_poller_wake(poller);
}

void brood_os_poller_wake(brood_os_poller *poller)
{
    if (write(poller->waker[1], "", 1) < 0) {
        return; /* it is full, so it is awake */
    }
}

static void clear_waker(const brood_os_poller *poller)
{
    char bytes[256];

    while (read(poller->waker[0], bytes, sizeof bytes) > 0) {
    }
}

/* The owners of what is ready. Under the lock no channel has gone that is still in the array. */
static void collect(brood_os_poller *poller, const struct pollfd *slots, size_t slot_count,
                    void **owners, size_t most, size_t *count)
{
    pthread_mutex_lock(&poller->lock);
    for (size_t i = 1; i < slot_count && i < poller->count && *count < most; i++) {
        if (slots[i].revents != 0 && poller->slots[i].fd == slots[i].fd) {
            owners[(*count)++] = poller->owners[i];
        }
    }
    pthread_mutex_unlock(&poller->lock);
}

static int wait_once(brood_os_poller *poller, void **owners, size_t most, size_t *count,
                     int timeout_ms)
{
    struct pollfd *slots = NULL;
    size_t slot_count = 0;
    int found = -1;

    pthread_mutex_lock(&poller->lock);
    slots = brood_malloc(poller->count * sizeof *slots);
    if (slots != NULL) {
        slot_count = poller->count;
        memcpy(slots, poller->slots, slot_count * sizeof *slots);
    }
    pthread_mutex_unlock(&poller->lock);
    if (slots == NULL) {
        errno = ENOMEM;
        return -1;
    }
    found = poll(slots, (nfds_t)slot_count, timeout_ms);
    if (found > 0) {
        if (slots[0].revents != 0) {
            clear_waker(poller);
        }
        collect(poller, slots, slot_count, owners, most, count);
    }
    free(slots);
    return found;
}

void brood_os_poller_free(brood_os_poller *poller)
{
    if (poller != NULL) {
        brood_os_handle_close(poller->waker[0]);
        brood_os_handle_close(poller->waker[1]);
        pthread_mutex_destroy(&poller->lock);
        free(poller->slots);
        free((void *)poller->owners);
        free(poller);
    }
}

#endif

brood_status brood_os_poller_wait(brood_os_poller *poller, void **owners, size_t most,
                                  size_t *count, int64_t deadline, brood_error *error)
{
    *count = 0;
    for (;;) {
        int found = wait_once(poller, owners, most, count, brood_posix_timeout_ms(deadline));

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
