#include "win32/system.h"

#include <stdlib.h>

#define EVENTS_MAX 64 /* of one wait; the rest comes with the next */

/*
 * WaitForMultipleObjects ends at 64 handles. So waits of the system's are set for the events of the
 * channels and for processes, and their callbacks post what is ready to a completion port; a post
 * names its slot and the slot's generation, since that may have been removed meanwhile.
 * https://learn.microsoft.com/windows/win32/api/threadpoolapiset/nf-threadpoolapiset-setthreadpoolwait
 */
typedef struct poller_slot {
    brood_os_poller *poller;
    brood_os_channel *channel; /* one of the two; neither: it is free */
    brood_os_process *process;
    void *owner;
    PTP_WAIT wait; /* for the slot's whole life */
    bool is_set;   /* false: the handle is to be waited for */
    DWORD index;
    ULONG_PTR generation;
} poller_slot;

struct brood_os_poller {
    SRWLOCK lock; /* of the slots */
    poller_slot **slots;
    DWORD count;
    HANDLE port;
    /* Guards the next three. Callbacks take this lock, so no thread that has it waits for a callback. */
    SRWLOCK ready_lock;
    HANDLE ready;   /* an event that says that there are posts; NULL: nobody has asked for it */
    bool is_called; /* it is set for brood_os_poller_call */
    bool is_hidden; /* it does not say so now */
};

#define KEY_WAKE 0
#define KEY_OF(index) ((ULONG_PTR)(index) + 1)

/* Before the posts are taken: a later one sets it again. */
static void clear_ready(brood_os_poller *poller)
{
    AcquireSRWLockExclusive(&poller->ready_lock);
    if (poller->ready != NULL && !poller->is_called) {
        ResetEvent(poller->ready);
    }
    ReleaseSRWLockExclusive(&poller->ready_lock);
}

static void set_ready(brood_os_poller *poller)
{
    AcquireSRWLockExclusive(&poller->ready_lock);
    if (poller->ready != NULL && !poller->is_hidden) {
        SetEvent(poller->ready);
    }
    ReleaseSRWLockExclusive(&poller->ready_lock);
}

#define POST_RETRY_MS 10

/*
 * The event comes last: who has seen the event finds the post. A post needs a little of the kernel's
 * memory: while there is none, the post is tried again, for nothing else would wake the sleeper.
 */
static void announce(brood_os_poller *poller, ULONG_PTR key, ULONG_PTR generation)
{
    while (!PostQueuedCompletionStatus(poller->port, 0, key, (OVERLAPPED *)generation) &&
           GetLastError() != ERROR_INVALID_HANDLE) { /* which the program has closed */
        Sleep(POST_RETRY_MS);
    }
    set_ready(poller);
}

static void CALLBACK on_ready(PTP_CALLBACK_INSTANCE instance, void *data, PTP_WAIT wait,
                              TP_WAIT_RESULT result)
{
    const poller_slot *slot = data;

    (void)instance;
    (void)wait;
    (void)result;
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
    InitializeSRWLock(&made->ready_lock);
    made->port = brood_win32_port_create(NULL);
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

/* One more slot, which is free. Under the lock. */
static DWORD add_slot(brood_os_poller *poller, poller_slot **slot)
{
    poller_slot **slots = brood_realloc(poller->slots, (poller->count + 1) * sizeof(poller_slot *));
    poller_slot *made = slots != NULL ? brood_calloc(1, sizeof *made) : NULL;
    DWORD code = ERROR_NOT_ENOUGH_MEMORY;

    if (slots != NULL) {
        poller->slots = slots;
    }
    if (made != NULL) {
        made->poller = poller;
        made->index = poller->count;
        code = brood_win32_wait_create(&made->wait, on_ready, made);
    }
    if (code != ERROR_SUCCESS) {
        free(made);
        return code;
    }
    slots[poller->count] = made;
    poller->count++;
    *slot = made;
    return ERROR_SUCCESS;
}

/* A free slot, or a new one. Under the lock. */
static DWORD take_slot(brood_os_poller *poller, poller_slot **slot)
{
    for (DWORD i = 0; i < poller->count; i++) {
        if (is_free(poller->slots[i])) {
            *slot = poller->slots[i];
            return ERROR_SUCCESS;
        }
    }
    return add_slot(poller, slot);
}

/* Sets the wait, which ends with its first callback. Under the lock. */
static void begin_wait(poller_slot *slot)
{
    HANDLE handle = slot->process != NULL ? slot->process->process
                                          : brood_win32_channel_event(slot->channel, false);

    slot->is_set = true;
    SetThreadpoolWait(slot->wait, handle, NULL);
}

/*
 * One of channel and process. Where the program waits for the poller's handle, it is waited for at
 * once; else a wait that is under way begins to wait for it, too.
 */
static brood_status add(brood_os_poller *poller, brood_os_channel *channel,
                        brood_os_process *process, void *owner, brood_error *error)
{
    poller_slot *slot = NULL;
    DWORD code = ERROR_SUCCESS;

    AcquireSRWLockExclusive(&poller->lock);
    code = take_slot(poller, &slot);
    if (code == ERROR_SUCCESS) {
        slot->channel = channel;
        slot->process = process;
        slot->owner = owner;
        slot->generation++;
        if (poller->ready != NULL) {
            begin_wait(slot);
        }
    }
    ReleaseSRWLockExclusive(&poller->lock);
    if (code != ERROR_SUCCESS) {
        return brood_win32_fail(error, code, "CreateThreadpoolWait");
    }
    if (poller->ready == NULL) {
        brood_os_poller_wake(poller);
    }
    return BROOD_OK;
}

static void remove_slot(brood_os_poller *poller, const brood_os_channel *channel,
                        const brood_os_process *process)
{
    AcquireSRWLockExclusive(&poller->lock);
    for (DWORD i = 0; i < poller->count; i++) {
        poller_slot *slot = poller->slots[i];

        if (!is_free(slot) && slot->channel == channel && slot->process == process) {
            brood_win32_wait_stop(slot->wait); /* what it has posted bears an old generation */
            slot->is_set = false;
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
static void begin_waits(brood_os_poller *poller)
{
    AcquireSRWLockExclusive(&poller->lock);
    for (DWORD i = 0; i < poller->count; i++) {
        poller_slot *slot = poller->slots[i];

        if (!is_free(slot) && !slot->is_set) {
            begin_wait(slot);
        }
    }
    ReleaseSRWLockExclusive(&poller->lock);
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
            slot->is_set = false;
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
 * What was not taken now the program shall find by another wait.
 */
static void prepare_handle(brood_os_poller *poller, bool is_done)
{
    begin_waits(poller);
    if (!is_done) {
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
    begin_waits(poller);
    status = take_posts(poller, posts, room, &found, deadline, error);
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
    AcquireSRWLockExclusive(&poller->ready_lock);
    poller->is_hidden = !shows;
    if (shows) {
        SetEvent(poller->ready);
    } else if (!poller->is_called) {
        ResetEvent(poller->ready);
    }
    ReleaseSRWLockExclusive(&poller->ready_lock);
}

void brood_os_poller_call(brood_os_poller *poller)
{
    AcquireSRWLockExclusive(&poller->ready_lock);
    poller->is_called = true;
    SetEvent(poller->ready);
    ReleaseSRWLockExclusive(&poller->ready_lock);
}

/* What is there besides is found by the wait that follows. */
void brood_os_poller_answer(brood_os_poller *poller)
{
    AcquireSRWLockExclusive(&poller->ready_lock);
    poller->is_called = false;
    ReleaseSRWLockExclusive(&poller->ready_lock);
}

void brood_os_poller_free(brood_os_poller *poller)
{
    if (poller == NULL) {
        return;
    }
    for (DWORD i = 0; i < poller->count; i++) {
        brood_win32_wait_stop(poller->slots[i]->wait);
        brood_win32_wait_free(poller->slots[i]->wait);
        free(poller->slots[i]);
    }
    brood_win32_close(poller->port);
    brood_win32_close(poller->ready);
    free((void *)poller->slots);
    free(poller);
}
