#include "win32/system.h"

#define NS_PER_MS INT64_C(1000000)

typedef struct wait_list {
    HANDLE handles[BROOD_OS_WAIT_MAX];
    brood_os_wait_item *items[BROOD_OS_WAIT_MAX];
    DWORD count;
} wait_list;

static void wait_list_fill(wait_list *list, brood_os_wait_item *items, size_t count)
{
    list->count = 0;
    for (size_t i = 0; i < count; i++) {
        HANDLE handle = NULL;

        items[i].ready = false;
        if (items[i].process != NULL) {
            handle = items[i].process->process;
        } else if (items[i].channel != NULL) {
            handle = brood_win32_channel_event(items[i].channel, items[i].to_write);
        }
        if (handle != NULL) {
            list->handles[list->count] = handle;
            list->items[list->count] = &items[i];
            list->count++;
        }
    }
}

/* Rounded up, so that a wait does not end just before its deadline. */
DWORD brood_win32_timeout_ms(int64_t deadline)
{
    int64_t left = 0;

    if (deadline == BROOD_OS_NO_DEADLINE) {
        return INFINITE;
    }
    left = deadline - brood_os_now();
    if (left <= 0) {
        return 0;
    }
    left = left / NS_PER_MS + (left % NS_PER_MS != 0);
    return left < INT32_MAX ? (DWORD)left : (DWORD)INT32_MAX;
}

static DWORD wait_for_any(const wait_list *list, DWORD from, DWORD timeout_ms)
{
    if (list->count == 0) {
        Sleep(timeout_ms);
        return WAIT_TIMEOUT;
    }
    return WaitForMultipleObjects(list->count - from, list->handles + from, FALSE, timeout_ms);
}

/* The system tells only the first that is ready; a busy one must not hide the others. */
static void mark_ready(wait_list *list, DWORD first)
{
    DWORD index = first;
    DWORD found = 0;

    for (;;) {
        list->items[index]->ready = true;
        index++;
        if (index >= list->count) {
            return;
        }
        found = wait_for_any(list, index, 0);
        if (found >= list->count - index) {
            return;
        }
        index += found;
    }
}

brood_status brood_os_wait(brood_os_wait_item *items, size_t count, int64_t deadline,
                           brood_error *error)
{
    wait_list list;

    if (count > BROOD_OS_WAIT_MAX) {
        return brood_fail_argument(error, "count", "is too large");
    }
    wait_list_fill(&list, items, count);
    for (;;) {
        DWORD timeout_ms = brood_win32_timeout_ms(deadline);
        DWORD found = wait_for_any(&list, 0, timeout_ms);

        if (found < list.count) {
            mark_ready(&list, found);
            return BROOD_OK;
        }
        if (found != WAIT_TIMEOUT) {
            return brood_win32_fail(error, GetLastError(), "WaitForMultipleObjects");
        }
        if (timeout_ms == 0) {
            return brood_fail(error, BROOD_ERR_TIMEOUT, 0, "brood_os_wait", "the deadline passed");
        }
    }
}

/* ---- callbacks ---------------------------------------------------------------------------- */

static struct {
    SRWLOCK lock;
    PTP_POOL pool;
    size_t waits;
} callbacks = {SRWLOCK_INIT, NULL, 0};

/* One thread is enough, for no callback blocks; begun here, so that it cannot be missing later. */
static DWORD enter_pool(void)
{
    DWORD code = ERROR_SUCCESS;

    AcquireSRWLockExclusive(&callbacks.lock);
    if (callbacks.pool == NULL) {
        callbacks.pool = CreateThreadpool(NULL);
        code = callbacks.pool == NULL ? GetLastError() : ERROR_SUCCESS;
        if (callbacks.pool != NULL) {
            SetThreadpoolThreadMaximum(callbacks.pool, 1);
            if (!SetThreadpoolThreadMinimum(callbacks.pool, 1)) {
                code = GetLastError();
                CloseThreadpool(callbacks.pool);
                callbacks.pool = NULL;
            }
        }
    }
    callbacks.waits += code == ERROR_SUCCESS;
    ReleaseSRWLockExclusive(&callbacks.lock);
    return code;
}

static void leave_pool(void)
{
    AcquireSRWLockExclusive(&callbacks.lock);
    callbacks.waits--;
    if (callbacks.waits == 0) {
        CloseThreadpool(callbacks.pool);
        callbacks.pool = NULL;
    }
    ReleaseSRWLockExclusive(&callbacks.lock);
}

DWORD brood_win32_wait_create(PTP_WAIT *wait, PTP_WAIT_CALLBACK callback, void *data)
{
    TP_CALLBACK_ENVIRON environment;
    DWORD code = enter_pool();

    *wait = NULL;
    if (code != ERROR_SUCCESS) {
        return code;
    }
    InitializeThreadpoolEnvironment(&environment);
    SetThreadpoolCallbackPool(&environment, callbacks.pool);
    *wait = CreateThreadpoolWait(callback, data, &environment);
    if (*wait == NULL) {
        code = GetLastError();
        leave_pool();
    }
    return code;
}

/* Threads that the end of the process has ended come out of no callback. */
void brood_win32_wait_stop(PTP_WAIT wait)
{
    if (!brood_os_is_ending()) {
        SetThreadpoolWait(wait, NULL, NULL);
        WaitForThreadpoolWaitCallbacks(wait, TRUE);
    }
}

void brood_win32_wait_free(PTP_WAIT wait)
{
    if (wait != NULL && !brood_os_is_ending()) {
        CloseThreadpoolWait(wait);
        leave_pool();
    }
}
