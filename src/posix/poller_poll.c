#include "poller.h"

#if !defined(BROOD_LINUX) && !defined(BROOD_KQUEUE)

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
    struct pollfd *slots = realloc(poller->slots, capacity * sizeof *slots);
    void **owners = NULL;

    if (slots == NULL) {
        return false;
    }
    poller->slots = slots;
    owners = realloc((void *)poller->owners, capacity * sizeof *owners);
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

brood_status brood_posix_poller_watch(brood_os_poller *poller, int fd, void *owner,
                                      brood_error *error)
{
    if (!add_fd(poller, fd, owner)) {
        return brood_fail_memory(error, "poller");
    }
    brood_os_poller_wake(poller); /* the wait that is under way does not know it */
    return BROOD_OK;
}

void brood_posix_poller_unwatch(brood_os_poller *poller, int fd)
{
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
    brood_os_poller *made = calloc(1, sizeof *made);
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

/* The owners of what is ready. Under the lock nothing has gone that is still in the array. */
static void collect(brood_os_poller *poller, const struct pollfd *slots, size_t slot_count,
                    void **owners, size_t most, size_t *count)
{
    if (most > BROOD_POSIX_EVENTS_MAX) {
        most = BROOD_POSIX_EVENTS_MAX;
    }
    pthread_mutex_lock(&poller->lock);
    for (size_t i = 1; i < slot_count && i < poller->count && *count < most; i++) {
        if (slots[i].revents != 0 && poller->slots[i].fd == slots[i].fd) {
            brood_posix_poller_tell(owners, count, poller->owners[i]);
        }
    }
    pthread_mutex_unlock(&poller->lock);
}

int brood_posix_poller_wait_once(brood_os_poller *poller, void **owners, size_t most, size_t *count,
                                 int timeout_ms)
{
    struct pollfd *slots = NULL;
    size_t slot_count = 0;
    int found = -1;

    pthread_mutex_lock(&poller->lock);
    slots = malloc(poller->count * sizeof *slots);
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
