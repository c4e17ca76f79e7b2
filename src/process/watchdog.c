#include "process/watchdog.h"

#include "base/error.h"
#include "runtime/here.h"
#include "runtime/time.h"

static void unlink_entry(const brood_watchdog_entry *entry)
{
    brood_watchdog_entry **at = &brood_here()->watchdog.first;

    while (*at != NULL && *at != entry) {
        at = &(*at)->next;
    }
    if (*at != NULL) {
        *at = entry->next;
    }
}

/* After a failure of the system, which may have memory again by then. */
#define WATCH_RETRY_NS INT64_C(200000000)

/* Fires what is due; when to look again. */
static int64_t expire(void)
{
    int64_t now = brood_os_now();
    int64_t next = BROOD_OS_NO_DEADLINE;
    brood_watchdog_entry *following = NULL;

    brood_mutex_lock(&brood_here()->watchdog.lock);
    for (brood_watchdog_entry *at = brood_here()->watchdog.first; at != NULL; at = following) {
        following = at->next;
        if (at->deadline > now) {
            next = brood_earlier(next, at->deadline);
        } else if (at->fire(at->owner)) {
            unlink_entry(at);
        } else {
            next = brood_earlier(next, now + WATCH_RETRY_NS);
        }
    }
    brood_mutex_unlock(&brood_here()->watchdog.lock);
    return next;
}

static void watch(void *data)
{
    (void)data;
    for (;;) {
        brood_os_wait_item item = {NULL, brood_here()->watchdog.sleeper, false, false};
        char bytes[64];
        size_t got = 0;

        brood_status status = brood_os_wait(&item, 1, expire(), NULL);

        if (status == BROOD_OK) {
            status = brood_os_channel_read(brood_here()->watchdog.sleeper, bytes, sizeof bytes,
                                           &got, NULL);
        }
        if (status != BROOD_OK && status != BROOD_ERR_TIMEOUT) {
            brood_sleep(WATCH_RETRY_NS); /* the program has closed a descriptor, perhaps */
        }
    }
}

static brood_status start_thread(brood_error *error)
{
    brood_handle end = BROOD_HANDLE_NONE;
    brood_status status = brood_os_channel_pair(&brood_here()->watchdog.wake, &end, error);

    if (status != BROOD_OK) {
        return status;
    }
    status = brood_os_channel_adopt(&brood_here()->watchdog.sleeper, end, error);
    if (status != BROOD_OK) {
        brood_os_handle_close(end);
    } else {
        status = brood_thread_start_detached(&brood_here()->watchdog.thread, watch, NULL,
                                             brood_here()->begin.pool, error);
        if (status != BROOD_OK) {
            brood_os_channel_close(brood_here()->watchdog.sleeper);
        }
    }
    if (status != BROOD_OK) {
        brood_os_channel_close(brood_here()->watchdog.wake);
    }
    brood_here()->watchdog.runs = status == BROOD_OK;
    return status;
}

/* When there is no room, enough wake-ups are under way. */
static brood_status wake(brood_error *error)
{
    size_t put = 0;
    brood_status status = brood_os_channel_write(brood_here()->watchdog.wake, "", 1, &put, NULL);

    return status == BROOD_OK || status == BROOD_ERR_TIMEOUT
               ? BROOD_OK
               : brood_fail(error, status, 0, "timeout_ms", "no thread can watch the time");
}

brood_status brood_watchdog_add(brood_watchdog_entry *entry, int64_t deadline,
                                bool (*fire)(void *owner), void *owner, brood_error *error)
{
    brood_status status = BROOD_OK;

    brood_mutex_lock(&brood_here()->watchdog.lock);
    if (!brood_here()->watchdog.runs) {
        status = start_thread(error);
    }
    if (status == BROOD_OK) {
        *entry = (brood_watchdog_entry){brood_here()->watchdog.first, deadline, fire, owner};
        brood_here()->watchdog.first = entry;
        status = wake(error);
        if (status != BROOD_OK) {
            unlink_entry(entry);
        }
    }
    brood_mutex_unlock(&brood_here()->watchdog.lock);
    return status;
}

void brood_watchdog_remove(brood_watchdog_entry *entry)
{
    if (entry->fire == NULL) {
        return;
    }
    brood_mutex_lock(&brood_here()->watchdog.lock);
    unlink_entry(entry);
    brood_mutex_unlock(&brood_here()->watchdog.lock);
}
