#include "system.h"

#include <stdlib.h>

#define EVENTS_MAX 64 /* of one wait; the rest comes with the next */

/*
 * WaitForMultipleObjects ends at 64 handles. So the system's thread pool waits for the events of
 * the channels, 63 a thread, and posts what is ready to a completion port; a post names its slot
 * and the slot's generation, since the channel may have been removed meanwhile.
 * https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-registerwaitforsingleobject
 */
typedef struct poller_slot {
    brood_os_poller *poller;
    brood_os_channel *channel; /* NULL: free */
    void *owner;
    HANDLE wait; /* NULL: to be begun with the next wait */
    DWORD index;
    ULONG_PTR generation;
} poller_slot;

struct brood_os_poller {
    SRWLOCK lock; /* of the slots */
    poller_slot **slots;
    DWORD count;
    HANDLE port;
};

#define KEY_WAKE 0
#define KEY_OF(index) ((ULONG_PTR)(index) + 1)

static void CALLBACK on_ready(void *data, BOOLEAN timed_out)
{
    poller_slot *slot = data;

    (void)timed_out;
    PostQueuedCompletionStatus(slot->poller->port, 0, KEY_OF(slot->index),
                               (OVERLAPPED *)slot->generation);
}

brood_status brood_os_poller_create(brood_os_poller **poller, brood_error *error)
{
    brood_os_poller *made = brood_calloc(1, sizeof *made);
    DWORD code = ERROR_SUCCESS;

    *poller = NULL;
    if (made == NULL) {
        return brood_fail_memory(error, "poller");
    }
    InitializeSRWLock(&made->lock);
    made->port = brood_win32_opened(CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1));
    if (made->port == NULL) {
        code = GetLastError();
        free(made);
        return brood_win32_fail(error, code, "CreateIoCompletionPort");
    }
    *poller = made;
    return BROOD_OK;
}

/* A free slot, or a new one; NULL without memory. Under the lock. */
static poller_slot *take_slot(brood_os_poller *poller)
{
    poller_slot **slots = NULL;
    poller_slot *made = NULL;

    for (DWORD i = 0; i < poller->count; i++) {
        if (poller->slots[i]->channel == NULL) {
            return poller->slots[i];
        }
    }
    slots = brood_realloc(poller->slots, (poller->count + 1) * sizeof(poller_slot *));
    if (slots == NULL) {
        return NULL;
    }
    poller->slots = slots;
    made = brood_calloc(1, sizeof *made);
    if (made != NULL) {
        made->poller = poller;
        made->index = poller->count;
        slots[poller->count] = made;
        poller->count++;
    }
    return made;
}

brood_status brood_os_poller_add(brood_os_poller *poller, brood_os_channel *channel, void *owner,
                                 brood_error *error)
{
    poller_slot *slot = NULL;

    AcquireSRWLockExclusive(&poller->lock);
    slot = take_slot(poller);
    if (slot != NULL) {
        slot->channel = channel;
        slot->owner = owner;
        slot->generation++;
    }
    ReleaseSRWLockExclusive(&poller->lock);
    if (slot == NULL) {
        return brood_fail_memory(error, "poller");
    }
    brood_os_poller_wake(poller); /* a wait that is under way begins to wait for it, too */
    return BROOD_OK;
}

/* Without a wait for the callback, which only posts; an old post is known by its generation. */
static void end_wait(poller_slot *slot)
{
    if (slot->wait != NULL) {
        UnregisterWaitEx(slot->wait, INVALID_HANDLE_VALUE);
        slot->wait = NULL;
    }
}

void brood_os_poller_remove(brood_os_poller *poller, brood_os_channel *channel)
{
    AcquireSRWLockExclusive(&poller->lock);
    for (DWORD i = 0; i < poller->count; i++) {
        if (poller->slots[i]->channel == channel) {
            end_wait(poller->slots[i]);
            poller->slots[i]->channel = NULL;
        }
    }
    ReleaseSRWLockExclusive(&poller->lock);
}

/* Begins to wait for the channels that nobody waits for yet. */
static brood_status begin_waits(brood_os_poller *poller, brood_error *error)
{
    DWORD code = ERROR_SUCCESS;

    AcquireSRWLockExclusive(&poller->lock);
    for (DWORD i = 0; i < poller->count && code == ERROR_SUCCESS; i++) {
        poller_slot *slot = poller->slots[i];

        if (slot->channel != NULL && slot->wait == NULL &&
            !RegisterWaitForSingleObject(
                &slot->wait, brood_win32_channel_event(slot->channel, false), on_ready, slot,
                INFINITE, WT_EXECUTEONLYONCE | WT_EXECUTEINWAITTHREAD)) {
            code = GetLastError();
            slot->wait = NULL;
        }
    }
    ReleaseSRWLockExclusive(&poller->lock);
    return code == ERROR_SUCCESS ? BROOD_OK
                                 : brood_win32_fail(error, code, "RegisterWaitForSingleObject");
}

/* The owner that a post means; NULL when it is of the past, or a wake. */
static void *owner_of(brood_os_poller *poller, const OVERLAPPED_ENTRY *post)
{
    void *owner = NULL;

    if (post->lpCompletionKey == KEY_WAKE) {
        return NULL;
    }
    AcquireSRWLockExclusive(&poller->lock);
    if (post->lpCompletionKey <= poller->count) {
        poller_slot *slot = poller->slots[post->lpCompletionKey - 1];

        if (slot->channel != NULL && slot->generation == (ULONG_PTR)post->lpOverlapped) {
            end_wait(slot);
            owner = slot->owner;
        }
    }
    ReleaseSRWLockExclusive(&poller->lock);
    return owner;
}

brood_status brood_os_poller_wait(brood_os_poller *poller, void **owners, size_t most,
                                  size_t *count, int64_t deadline, brood_error *error)
{
    OVERLAPPED_ENTRY posts[EVENTS_MAX];
    ULONG found = 0;
    DWORD code = ERROR_SUCCESS;
    brood_status status = begin_waits(poller, error);

    *count = 0;
    if (status != BROOD_OK) {
        return status;
    }
    while (!GetQueuedCompletionStatusEx(poller->port, posts,
                                        most < EVENTS_MAX ? (ULONG)most : EVENTS_MAX, &found,
                                        brood_win32_timeout_ms(deadline), FALSE)) {
        code = GetLastError();
        if (code != WAIT_TIMEOUT) {
            return brood_win32_fail(error, code, "GetQueuedCompletionStatusEx");
        }
        if (deadline != BROOD_OS_NO_DEADLINE && brood_os_now() >= deadline) {
            return BROOD_ERR_TIMEOUT;
        }
    }
    for (ULONG i = 0; i < found; i++) {
        void *owner = owner_of(poller, &posts[i]);

        if (owner != NULL) {
            owners[(*count)++] = owner;
        }
    }
    return BROOD_OK;
}

void brood_os_poller_wake(brood_os_poller *poller)
{
    PostQueuedCompletionStatus(poller->port, 0, KEY_WAKE, NULL);
}

void brood_os_poller_free(brood_os_poller *poller)
{
    if (poller == NULL) {
        return;
    }
    for (DWORD i = 0; i < poller->count; i++) {
        end_wait(poller->slots[i]);
        free(poller->slots[i]);
    }
    brood_win32_close(poller->port);
    free((void *)poller->slots);
    free(poller);
}
