/* Memory that a program shares with the workers of its pools. */
#ifndef BROOD_SRC_IPC_SHARED_H
#define BROOD_SRC_IPC_SHARED_H

#include <brood/shared.h>

#include "base/atomic.h"
#include "platform.h"

struct brood_shared {
    brood_atomic32 references; /* the program's, and one of each job that uses it */
    uint64_t id;               /* of no other in this program's life */
    size_t size;
    brood_os_segment segment;
    brood_shared *next; /* of all that the program has not destroyed */
};

/* The shared memory in which all of the size bytes at data lie, with a reference; or NULL. */
brood_shared *brood_shared_find(const void *data, size_t size);

void brood_shared_hold(brood_shared *shared);
void brood_shared_release(brood_shared *shared);

/* How many were unmapped so far: when it grows, workers have something to forget. Takes no lock. */
uint64_t brood_shared_forgotten(void);

/* Who is woken when it grows; zeroed before the first begin. A second begin or end does nothing. */
typedef struct brood_shared_watch {
    struct brood_shared_watch *next;
    brood_os_poller *poller; /* NULL: not begun */
} brood_shared_watch;

void brood_shared_watch_begin(brood_shared_watch *watch, brood_os_poller *poller);

/* Before the poller is freed. */
void brood_shared_watch_end(brood_shared_watch *watch);

/* Whether the memory of that id is still mapped here. */
bool brood_shared_lives(uint64_t id);

#endif
