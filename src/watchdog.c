#include "watchdog.h"

#include "error.h"
#include "memory.h"
#include "runtime/sync.h"

static struct {
    apr_pool_t *pool;
    brood_mutex lock;       /* taken before the lock of a process */
    brood_process *first;   /* no order: there are few */
    brood_os_channel *wake; /* a byte here makes the thread look again */
    brood_os_channel *sleeper;
    brood_thread thread;
    bool runs;
} dog;

brood_status brood_watchdog_init(apr_pool_t *pool)
{
    dog.pool = pool;
    return brood_mutex_create(&dog.lock, pool);
}

static void unlink_process(brood_process *process)
{
    brood_process **at = &dog.first;

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

    brood_mutex_lock(&dog.lock);
    for (brood_process *process = dog.first; process != NULL; process = following) {
        following = process->next_watched;
        if (process->timeout_deadline > now) {
            next = brood_earlier(next, process->timeout_deadline);
        } else if (brood_process_end(process, BROOD_BY_TIMEOUT, NULL) == BROOD_OK) {
            unlink_process(process);
        } else {
            next = brood_earlier(next, now + RETRY_NS);
        }
    }
    brood_mutex_unlock(&dog.lock);
    return next;
}

static void watch(void *data)
{
    brood_status status = BROOD_OK;

    (void)data;
    while (status != BROOD_ERR_CLOSED) {
        brood_os_wait_item item = {NULL, dog.sleeper, false, false};
        char bytes[64];
        size_t got = 0;

        status = brood_os_wait(&item, 1, expire(), NULL);
        if (status == BROOD_OK) {
            status = brood_os_channel_read(dog.sleeper, bytes, sizeof bytes, &got, NULL);
        }
        if (status != BROOD_OK && status != BROOD_ERR_TIMEOUT) {
            brood_sleep(RETRY_NS); /* there is nothing that can be waited for */
        }
    }
}

static brood_status start_thread(brood_error *error)
{
    brood_handle end = BROOD_HANDLE_NONE;
    brood_status status = brood_os_channel_pair(&dog.wake, &end, error);

    if (status != BROOD_OK) {
        return status;
    }
    status = brood_os_channel_adopt(&dog.sleeper, end, error);
    if (status != BROOD_OK) {
        brood_os_handle_close(end);
    } else {
        status = brood_thread_start_detached(&dog.thread, watch, NULL, dog.pool, error);
        if (status != BROOD_OK) {
            brood_os_channel_close(dog.sleeper);
        }
    }
    if (status != BROOD_OK) {
        brood_os_channel_close(dog.wake);
    }
    dog.runs = status == BROOD_OK;
    return status;
}

/* When there is no room, enough wake-ups are under way. */
static brood_status wake(brood_error *error)
{
    size_t put = 0;
    brood_status status = brood_os_channel_write(dog.wake, "", 1, &put, NULL);

    return status == BROOD_OK || status == BROOD_ERR_TIMEOUT
               ? BROOD_OK
               : brood_fail(error, status, 0, "timeout_ms", "no thread can watch the time");
}

brood_status brood_watchdog_add(brood_process *process, int64_t deadline, brood_error *error)
{
    brood_status status = BROOD_OK;

    brood_mutex_lock(&dog.lock);
    if (!dog.runs) {
        status = start_thread(error);
    }
    if (status == BROOD_OK) {
        process->timeout_deadline = deadline;
        process->next_watched = dog.first;
        dog.first = process;
        status = wake(error);
        if (status != BROOD_OK) {
            unlink_process(process);
        }
    }
    brood_mutex_unlock(&dog.lock);
    return status;
}

void brood_watchdog_remove(brood_process *process)
{
    if (process->timeout_deadline == 0) {
        return;
    }
    brood_mutex_lock(&dog.lock);
    unlink_process(process);
    brood_mutex_unlock(&dog.lock);
}
