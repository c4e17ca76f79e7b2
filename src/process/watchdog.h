/* The thread that does something at a time, for what runs too long; there is none before the first. */
#ifndef BROOD_SRC_PROCESS_WATCHDOG_H
#define BROOD_SRC_PROCESS_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#include <brood/status.h>

/* Part of what it is about; all zeros when it was not added. */
typedef struct brood_watchdog_entry {
    struct brood_watchdog_entry *next;
    int64_t deadline;
    bool (*fire)(void *owner); /* false: it failed, and is tried again */
    void *owner;
} brood_watchdog_entry;

/*
 * fire is called with owner when the deadline has passed, by the thread, which holds its lock then:
 * fire may take the lock of a process, but must not add or remove.
 */
brood_status brood_watchdog_add(brood_watchdog_entry *entry, int64_t deadline,
                                bool (*fire)(void *owner), void *owner, brood_error *error);

/* After the return fire does not run, and is not called any more. Not added is fine. */
void brood_watchdog_remove(brood_watchdog_entry *entry);

#endif
