/* What poller.c needs of poller_epoll.c, poller_kqueue.c and poller_poll.c; a system has one. */
#ifndef BROOD_SRC_POSIX_POLLER_H
#define BROOD_SRC_POSIX_POLLER_H

#include "posix/system.h"

#define BROOD_POSIX_EVENTS_MAX 64 /* of one wait; the rest comes with the next */

/* From now on a wait tells the owner when fd is readable, or closed. */
brood_status brood_posix_poller_watch(brood_os_poller *poller, int fd, void *owner,
                                      brood_error *error);

/* Not watched is fine. */
void brood_posix_poller_unwatch(brood_os_poller *poller, int fd);

/* How many events came, those of wakes with them; -1 and errno. */
int brood_posix_poller_wait_once(brood_os_poller *poller, void **owners, size_t most, size_t *count,
                                 int timeout_ms);

/* For a wait: one more owner, but for one that is told already, and for the NULL of a waker. */
static inline void brood_posix_poller_tell(void **owners, size_t *count, void *owner)
{
    for (size_t i = 0; i < *count; i++) {
        if (owners[i] == owner) {
            return;
        }
    }
    if (owner != NULL) {
        owners[(*count)++] = owner;
    }
}

#endif
