#include "process/watchdog.h"

#include "base/error.h"
#include "base/memory.h"
#include "runtime/here.h"

brood_status brood_watchdog_init(apr_pool_t *pool)
{
    brood_here()->watchdog.pool = pool;
    return brood_mutex_create(&brood_here()->watchdog.lock, pool);
}

static void unlink_process(brood_process *process)
{
    brood_process **at = &brood_here()->watchdog.first;

    while (*at != NULL && *at != process) {
        at = &(*at)->next_watched;
    }
    if (*at != NULL) {
        *at = process->next_watched;
    }
}

/* After a failure of the system, which may have memory again by then. */
#define RETRY_NS INT64_C(200000000)

/* Ends those whose time is up; when to look again. */
static int64_t expire(void)
{
    int64_t now = brood_os_now();
    int64_t next = BROOD_OS_NO_DEADLINE;
    brood_process *following = NULL;

    brood_mutex_lock(&brood_here()->watchdog.lock);
    for (brood_process *process = brood_here()->watchdog.first; process != NULL;
         process = following) {
        following = process->next_watched;
        if (process->timeout_deadline > now) {
            next = brood_earlier(next, process->timeout_deadline);
        } else if (brood_process_end(process, BROOD_BY_TIMEOUT, NULL) == BROOD_OK) {
            unlink_process(process);
        } else {
            next = brood_earlier(next, now + RETRY_NS);
        }
    }
    brood_mutex_unlock(&brood_here()->watchdog.lock);
    return next;
}

static void watch(void *data)
{
    brood_status status = BROOD_OK;

    (void)data;
    while (status != BROOD_ERR_CLOSED) {
        brood_os_wait_item item = {NULL, brood_here()->watchdog.sleeper, false, false};
        char bytes[64];
        size_t got = 0;

        status = brood_os_wait(&item, 1, expire(), NULL);
        if (status == BROOD_OK) {
            status = brood_os_channel_read(brood_here()->watchdog.sleeper, bytes, sizeof bytes,
                                           &got, NULL);
        }
        if (status != BROOD_OK && status != BROOD_ERR_TIMEOUT) {
            brood_sleep(RETRY_NS); /* there is nothing that can be waited for */
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
                                             brood_here()->watchdog.pool, error);
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

brood_status brood_watchdog_add(brood_process *process, int64_t deadline, brood_error *error)
{
    brood_status status = BROOD_OK;

    brood_mutex_lock(&brood_here()->watchdog.lock);
    if (!brood_here()->watchdog.runs) {
        status = start_thread(error);
    }
    if (status == BROOD_OK) {
        process->timeout_deadline = deadline;
        process->next_watched = brood_here()->watchdog.first;
        brood_here()->watchdog.first = process;
        status = wake(error);
        if (status != BROOD_OK) {
            unlink_process(process);
        }
    }
    brood_mutex_unlock(&brood_here()->watchdog.lock);
    return status;
}

void brood_watchdog_remove(brood_process *process)
{
    if (process->timeout_deadline == 0) {
        return;
    }
    brood_mutex_lock(&brood_here()->watchdog.lock);
    unlink_process(process);
    brood_mutex_unlock(&brood_here()->watchdog.lock);
}
