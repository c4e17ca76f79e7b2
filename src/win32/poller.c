#include "system.h"

#include <stdlib.h>

#define EVENTS_MAX 64 /* of one wait; the rest comes with the next */

/*
 * WaitForMultipleObjects ends at 64 handles. So the system's thread pool waits for the events of
 * the channels and for processes, 63 a thread, and posts what is ready to a completion port; a post
 * names its slot and the slot's generation, since that may have been removed meanwhile.
 * https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-registerwaitforsingleobject
 */
typedef struct poller_slot {
    brood_os_poller *poller;
    brood_os_channel *channel; /* one of the two; neither: it is free */
    brood_os_process *process;
    void *owner;
    HANDLE wait; /* NULL: to be begun */
    DWORD index;
    ULONG_PTR generation;
} poller_slot;

struct brood_os_poller {
    SRWLOCK lock; /* of the slots */
    poller_slot **slots;
    DWORD count;
    HANDLE port;
    HANDLE ready;   /* an event that says that there are posts; NULL: nobody has asked for it */
    bool is_called; /* it is set for brood_os_poller_call; under the lock */
    bool is_hidden; /* it does not say so now; under the lock */
};

#define KEY_WAKE 0
#define KEY_OF(index) ((ULONG_PTR)(index) + 1)

/* Before the posts are taken: a later one sets it again. */
static void clear_ready(brood_os_poller *poller)
{
    AcquireSRWLockExclusive(&poller->lock);
    if (poller->ready != NULL && !poller->is_called) {
        ResetEvent(poller->ready);
    }
    ReleaseSRWLockExclusive(&poller->lock);
}

static void set_ready(brood_os_poller *poller)
{
    if (poller->ready != NULL && !poller->is_hidden) {
        SetEvent(poller->ready);
    }
}

/* The event comes last: who has seen it finds the post. */
static void announce(brood_os_poller *poller, ULONG_PTR key, ULONG_PTR generation)
{
    PostQueuedCompletionStatus(poller->port, 0, key, (OVERLAPPED *)generation);
    set_ready(poller);
}

static void CALLBACK on_ready(void *data, BOOLEAN timed_out)
{
    poller_slot *slot = data;

    (void)timed_out;
    announce(slot->poller, KEY_OF(slot->index), slot->generation);
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

static bool is_free(const poller_slot *slot)
{
    return slot->channel == NULL && slot->process == NULL;
}

/* A free slot, or a new one; NULL without memory. Under the lock. */
static poller_slot *take_slot(brood_os_poller *poller)
{
    poller_slot **slots = NULL;
    poller_slot *made = NULL;

    for (DWORD i = 0; i < poller->count; i++) {
        if (is_free(poller->slots[i])) {
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

/*
 * Begins to wait for one that nobody waits for yet. Under the lock. Not with WT_EXECUTEINWAITTHREAD:
 * Wine 8 crashes in UnregisterWaitEx when such a callback is about to begin.
 */
static DWORD begin_wait(poller_slot *slot)
{
    HANDLE handle = slot->process != NULL ? slot->process->process
                                          : brood_win32_channel_event(slot->channel, false);
    DWORD code = ERROR_SUCCESS;

    if (!RegisterWaitForSingleObject(&slot->wait, handle, on_ready, slot, INFINITE,
                                     WT_EXECUTEONLYONCE)) {
        code = GetLastError();
        slot->wait = NULL;
    }
    return code;
}

/* Where the program waits for the handle, it is waited for at once. */
static DWORD fill_slot(poller_slot *slot, brood_os_channel *channel, brood_os_process *process,
                       void *owner)
{
    DWORD code = ERROR_SUCCESS;

    slot->channel = channel;
    slot->process = process;
    slot->owner = owner;
    slot->generation++;
    if (slot->poller->ready != NULL) {
        code = begin_wait(slot);
    }
    if (code != ERROR_SUCCESS) {
        slot->channel = NULL;
        slot->process = NULL;
    }
    return code;
}

/* One of channel and process. */
static brood_status add(brood_os_poller *poller, brood_os_channel *channel,
                        brood_os_process *process, void *owner, brood_error *error)
{
    poller_slot *slot = NULL;
    DWORD code = ERROR_SUCCESS;

    AcquireSRWLockExclusive(&poller->lock);
    slot = take_slot(poller);
    if (slot != NULL) {
        code = fill_slot(slot, channel, process, owner);
    }
    ReleaseSRWLockExclusive(&poller->lock);
    if (slot == NULL) {
        return brood_fail_memory(error, "poller");
    }
    if (code != ERROR_SUCCESS) {
        return brood_win32_fail(error, code, "RegisterWaitForSingleObject");
    }
    if (poller->ready == NULL) { /* a wait that is under way begins to wait for it, too */
        brood_os_poller_wake(poller);
    }
    return BROOD_OK;
}

/* Waits for a callback, which only posts. What it has posted is known by its old generation. */
static void end_wait(poller_slot *slot)
{
    if (slot->wait != NULL) {
        UnregisterWaitEx(slot->wait, INVALID_HANDLE_VALUE);
        slot->wait = NULL;
    }
}

static void remove_slot(brood_os_poller *poller, const brood_os_channel *channel,
                        const brood_os_process *process)
{
    AcquireSRWLockExclusive(&poller->lock);
    for (DWORD i = 0; i < poller->count; i++) {
        poller_slot *slot = poller->slots[i];

        if (!is_free(slot) && slot->channel == channel && slot->process == process) {
            end_wait(slot);
            slot->channel = NULL;
            slot->process = NULL;
        }
    }
    ReleaseSRWLockExclusive(&poller->lock);
}

brood_status brood_os_poller_add(brood_os_poller *poller, brood_os_channel *channel, void *owner,
                                 brood_error *error)
{
    return add(poller, channel, NULL, owner, error);
}

void brood_os_poller_remove(brood_os_poller *poller, brood_os_channel *channel)
{
    remove_slot(poller, channel, NULL);
}

brood_status brood_os_poller_add_process(brood_os_poller *poller, brood_os_process *process,
                                         void *owner, brood_error *error)
{
    return add(poller, NULL, process, owner, error);
}

void brood_os_poller_remove_process(brood_os_poller *poller, brood_os_process *process)
{
    remove_slot(poller, NULL, process);
}

/* Begins to wait for all that were added, or told of, since the last time. */
static brood_status begin_waits(brood_os_poller *poller, brood_error *error)
{
    DWORD code = ERROR_SUCCESS;

    AcquireSRWLockExclusive(&poller->lock);
    for (DWORD i = 0; i < poller->count && code == ERROR_SUCCESS; i++) {
        poller_slot *slot = poller->slots[i];

        if (!is_free(slot) && slot->wait == NULL) {
            code = begin_wait(slot);
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

        if (!is_free(slot) && slot->generation == (ULONG_PTR)post->lpOverlapped) {
            end_wait(slot);
            owner = slot->owner;
        }
    }
    ReleaseSRWLockExclusive(&poller->lock);
    return owner;
}

/* One more owner, but for none, and for one that is told already. */
static void tell(void **owners, size_t *count, void *owner)
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

/* Waits for posts, and takes up to most of them. */
static brood_status take_posts(brood_os_poller *poller, OVERLAPPED_ENTRY *posts, ULONG most,
                               ULONG *found, int64_t deadline, brood_error *error)
{
    while (!GetQueuedCompletionStatusEx(poller->port, posts, most, found,
                                        brood_win32_timeout_ms(deadline), FALSE)) {
        DWORD code = GetLastError();

        *found = 0;
        if (code != WAIT_TIMEOUT) {
            return brood_win32_fail(error, code, "GetQueuedCompletionStatusEx");
        }
        if (deadline != BROOD_OS_NO_DEADLINE && brood_os_now() >= deadline) {
            return BROOD_ERR_TIMEOUT;
        }
    }
    return BROOD_OK;
}

/*
 * Nobody sits in a wait when the program waits for the handle, so all is waited for from here on.
 * What cannot be, or was not taken now, the program shall find by another wait.
 */
static void prepare_handle(brood_os_poller *poller, bool is_done)
{
    if (begin_waits(poller, NULL) != BROOD_OK || !is_done) {
        set_ready(poller);
    }
}

brood_status brood_os_poller_wait(brood_os_poller *poller, void **owners, size_t most,
                                  size_t *count, int64_t deadline, brood_error *error)
{
    OVERLAPPED_ENTRY posts[EVENTS_MAX];
    ULONG room = most < EVENTS_MAX ? (ULONG)most : EVENTS_MAX;
    ULONG found = 0;
    brood_status status = BROOD_OK;

    *count = 0;
    clear_ready(poller);
    status = begin_waits(poller, error);
    if (status == BROOD_OK) {
        status = take_posts(poller, posts, room, &found, deadline, error);
    }
    for (ULONG i = 0; i < found; i++) {
        tell(owners, count, owner_of(poller, &posts[i]));
    }
    if (poller->ready != NULL) {
        prepare_handle(poller, status == BROOD_ERR_TIMEOUT || (status == BROOD_OK && found < room));
    }
    return status;
}

void brood_os_poller_wake(brood_os_poller *poller)
{
    announce(poller, KEY_WAKE, 0);
}

brood_status brood_os_poller_handle(brood_os_poller *poller, brood_handle *handle,
                                    brood_error *error)
{
    DWORD code = ERROR_SUCCESS;

    *handle = BROOD_HANDLE_NONE;
    poller->ready = brood_win32_opened(CreateEventW(NULL, TRUE, FALSE, NULL));
    if (poller->ready == NULL) {
        code = GetLastError();
        return brood_win32_fail(error, code, "CreateEventW");
    }
    *handle = (brood_handle)poller->ready;
    return BROOD_OK;
}

/* What came while it was hidden is shown for nothing, when it was taken meanwhile. */
void brood_os_poller_show(brood_os_poller *poller, bool shows)
{
    AcquireSRWLockExclusive(&poller->lock);
    poller->is_hidden = !shows;
    if (shows) {
        SetEvent(poller->ready);
    } else if (!poller->is_called) {
        ResetEvent(poller->ready);
    }
    ReleaseSRWLockExclusive(&poller->lock);
}

void brood_os_poller_call(brood_os_poller *poller)
{
    AcquireSRWLockExclusive(&poller->lock);
    poller->is_called = true;
    SetEvent(poller->ready);
    ReleaseSRWLockExclusive(&poller->lock);
}

/* What is there besides is found by the wait that follows. */
void brood_os_poller_answer(brood_os_poller *poller)
{
    AcquireSRWLockExclusive(&poller->lock);
    poller->is_called = false;
    ReleaseSRWLockExclusive(&poller->lock);
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
    brood_win32_close(poller->ready);
    free((void *)poller->slots);
    free(poller);
}
