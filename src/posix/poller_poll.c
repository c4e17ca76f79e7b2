#include "posix/poller.h"

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

    bool is_watched; /* see the watch, below */
    bool is_told;    /* the handle is ready for what the watch has found */
    bool is_called;  /* and for brood_os_poller_call */
    bool is_hidden;  /* what is found is not shown */
    bool is_over;
    int told[2];
    int nudge[2];
    pthread_t watch;
};

static void fill_pipe(const int fds[2])
{
    if (write(fds[1], "", 1) < 0) {
        return; /* it is full, which says as much */
    }
}

static void empty_pipe(const int fds[2])
{
    char bytes[256];

    while (read(fds[0], bytes, sizeof bytes) > 0) {
    }
}

/* Those who poll the array have an old copy of it. */
static void say_changed(brood_os_poller *poller)
{
    fill_pipe(poller->waker);
    if (poller->is_watched) {
        fill_pipe(poller->nudge);
    }
}

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

brood_status brood_posix_poller_watch(brood_os_poller *poller, int fd, void *owner,
                                      brood_error *error)
{
    if (!add_fd(poller, fd, owner)) {
        return brood_fail_memory(error, "poller");
    }
    say_changed(poller);
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
    say_changed(poller);
}

static int open_pipe(int fds[2])
{
    if (brood_posix_pipe(fds) < 0) {
        fds[0] = fds[1] = -1;
        return -1;
    }
    return brood_posix_make_nonblocking(fds[0]) < 0 || brood_posix_make_nonblocking(fds[1]) < 0 ? -1
                                                                                                : 0;
}

static void close_pipe(int fds[2])
{
    brood_os_handle_close(fds[0]);
    brood_os_handle_close(fds[1]);
    fds[0] = fds[1] = -1;
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
    made->told[0] = made->told[1] = -1;
    made->nudge[0] = made->nudge[1] = -1;
    if (open_pipe(made->waker) < 0) {
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
    fill_pipe(poller->waker);
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

/*
 * Polls a copy of the array, and behind it one more descriptor (or -1). The caller frees the copy,
 * *slot_count long without that; NULL without memory. As poll.
 */
static int poll_copy(brood_os_poller *poller, struct pollfd **slots, size_t *slot_count, int more,
                     int timeout_ms)
{
    pthread_mutex_lock(&poller->lock);
    *slot_count = poller->count;
    *slots = brood_malloc((poller->count + 1) * sizeof **slots);
    if (*slots != NULL) {
        memcpy(*slots, poller->slots, *slot_count * sizeof **slots);
    }
    pthread_mutex_unlock(&poller->lock);
    if (*slots == NULL) {
        errno = ENOMEM;
        return -1;
    }
    (*slots)[*slot_count] = (struct pollfd){more, POLLIN, 0};
    return poll(*slots, (nfds_t)*slot_count + 1, timeout_ms);
}

static int poll_once(brood_os_poller *poller, void **owners, size_t most, size_t *count,
                     int timeout_ms)
{
    struct pollfd *slots = NULL;
    size_t slot_count = 0;
    int found = poll_copy(poller, &slots, &slot_count, -1, timeout_ms);
    int saved = errno;

    if (found > 0) {
        if (slots[0].revents != 0) {
            empty_pipe(poller->waker);
        }
        collect(poller, slots, slot_count, owners, most, count);
    }
    free(slots);
    errno = saved;
    return found;
}

/* ---- the watch: a thread that polls while the program waits for the handle ------------------ */

/*
 * Once it has told that something is ready, by a byte in a pipe whose end is the handle, it rests
 * until the program has called wait, and then begins anew: what is ready still, it finds again. The
 * other pipe nudges it when it shall look at the poller again.
 */
static void go_on_watching(brood_os_poller *poller)
{
    pthread_mutex_lock(&poller->lock);
    if (poller->is_told) {
        poller->is_told = false;
        if (!poller->is_called) {
            empty_pipe(poller->told);
        }
        fill_pipe(poller->nudge);
    }
    pthread_mutex_unlock(&poller->lock);
}

static void tell_program(brood_os_poller *poller)
{
    pthread_mutex_lock(&poller->lock);
    if (!poller->is_hidden) {
        poller->is_told = true;
        fill_pipe(poller->told);
    }
    pthread_mutex_unlock(&poller->lock);
}

void brood_os_poller_call(brood_os_poller *poller)
{
    pthread_mutex_lock(&poller->lock);
    poller->is_called = true;
    fill_pipe(poller->told);
    pthread_mutex_unlock(&poller->lock);
}

void brood_os_poller_answer(brood_os_poller *poller)
{
    pthread_mutex_lock(&poller->lock);
    poller->is_called = false;
    if (!poller->is_told) {
        empty_pipe(poller->told);
    }
    pthread_mutex_unlock(&poller->lock);
}

/* What was shown already is taken back by the wait of the thread that hides it. */
void brood_os_poller_show(brood_os_poller *poller, bool shows)
{
    pthread_mutex_lock(&poller->lock);
    poller->is_hidden = !shows;
    pthread_mutex_unlock(&poller->lock);
    fill_pipe(poller->nudge);
}

/* What cannot be polled, the program shall find out by its wait. */
static void watch_once(brood_os_poller *poller)
{
    struct pollfd *slots = NULL;
    size_t slot_count = 0;
    int found = poll_copy(poller, &slots, &slot_count, poller->nudge[0], -1);

    if (found < 0 || found > (slots[slot_count].revents != 0)) {
        tell_program(poller);
    }
    free(slots);
}

static void wait_for_nudge(const brood_os_poller *poller)
{
    struct pollfd slot = {poller->nudge[0], POLLIN, 0};

    poll(&slot, 1, -1);
}

static void *watch(void *data)
{
    brood_os_poller *poller = data;
    bool rests = false;
    bool is_over = false;

    while (!is_over) {
        if (rests) {
            wait_for_nudge(poller);
        } else {
            watch_once(poller);
        }
        empty_pipe(poller->nudge);
        pthread_mutex_lock(&poller->lock);
        rests = poller->is_told || poller->is_hidden;
        is_over = poller->is_over;
        pthread_mutex_unlock(&poller->lock);
    }
    return NULL;
}

static brood_status start_watch(brood_os_poller *poller, brood_error *error)
{
    brood_os_signals before;
    int code = 0;

    if (open_pipe(poller->told) < 0 || open_pipe(poller->nudge) < 0) {
        return brood_posix_fail(error, errno, "pipe");
    }
    brood_os_signals_hold(&before);
    code = pthread_create(&poller->watch, NULL, watch, poller);
    brood_os_signals_release(&before);
    poller->is_watched = code == 0;
    return code == 0 ? BROOD_OK : brood_posix_fail(error, code, "pthread_create");
}

static void end_watch(brood_os_poller *poller)
{
    pthread_mutex_lock(&poller->lock);
    poller->is_over = true;
    pthread_mutex_unlock(&poller->lock);
    fill_pipe(poller->nudge);
    pthread_join(poller->watch, NULL);
}

brood_status brood_os_poller_handle(brood_os_poller *poller, brood_handle *handle,
                                    brood_error *error)
{
    brood_status status = start_watch(poller, error);

    *handle = poller->told[0];
    if (status != BROOD_OK) {
        close_pipe(poller->told);
        close_pipe(poller->nudge);
        *handle = BROOD_HANDLE_NONE;
    }
    return status;
}

/* ---- waiting ------------------------------------------------------------------------------- */

int brood_posix_poller_wait_once(brood_os_poller *poller, void **owners, size_t most, size_t *count,
                                 int timeout_ms)
{
    int found = poll_once(poller, owners, most, count, timeout_ms);
    int saved = errno;

    if (poller->is_watched) {
        go_on_watching(poller);
    }
    errno = saved;
    return found;
}

void brood_os_poller_free(brood_os_poller *poller)
{
    if (poller == NULL) {
        return;
    }
    if (poller->is_watched) {
        end_watch(poller);
    }
    close_pipe(poller->waker);
    close_pipe(poller->told);
    close_pipe(poller->nudge);
    pthread_mutex_destroy(&poller->lock);
    free(poller->slots);
    free((void *)poller->owners);
    free(poller);
}

#endif
