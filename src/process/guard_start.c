/*
 * The guard of a program: its start, and its replacement when the guard ends. A start takes as long as
 * main up to brood_init. So starts of guards have a lock of their own, and only threads that need a
 * guard wait for that lock.
 */
#include "base/error.h"
#include "base/memory.h"
#include "process/guard_impl.h"
#include "process/process_impl.h"
#include "runtime/here.h"

static void destroy(brood_guard *guard)
{
    brood_process_free(guard->process);
    brood_buffer_free(&guard->unsaid);
    brood_free(guard);
}

void brood_guard_drop(brood_guard *guard)
{
    bool is_last = false;

    if (guard == NULL) {
        return;
    }
    brood_mutex_lock(&brood_here()->guards.lock);
    guard->users--;
    is_last = guard->users == 0;
    brood_mutex_unlock(&brood_here()->guards.lock);
    if (is_last) {
        brood_os_orphans_reap(guard->process->os);
        destroy(guard);
    }
}

/* ---- the guard that there is -------------------------------------------------------------- */

/*
 * A guard has nothing to say after HELLO. One that lives must not be given up: it would kill all that
 * it keeps. Called with the lock.
 */
static bool is_alive(const brood_guard *guard)
{
    char byte = 0;
    size_t got = 0;

    return brood_os_channel_read(guard->channel, &byte, 1, &got, NULL) != BROOD_ERR_CLOSED;
}

/*
 * In a process that has asked for no guard yet. In a plain fork of one that has, the lock of starts may
 * be that of a thread that is not there. Called with the lock.
 */
static brood_status begin(void)
{
    apr_pool_t *pool = NULL;

    if (brood_apr_pool_create(&pool) != APR_SUCCESS) {
        return BROOD_ERR_NO_MEMORY;
    }
    if (brood_mutex_create(&brood_here()->guards.start, pool) != BROOD_OK) {
        apr_pool_destroy(pool);
        return BROOD_ERR_NO_MEMORY;
    }
    brood_here()->guards.pool = pool;
    brood_here()->guards.coming = NULL;
    brood_here()->guards.first = NULL;
    brood_here()->guards.is_watched = false;
    brood_here()->guards.owner = brood_os_self_pid();
    return BROOD_OK;
}

/* Takes the place from one that has ended, or is that of another process. Called with the lock. */
static brood_status vacate(brood_guard **gone)
{
    bool is_ours = brood_guard_is_ours();
    brood_guard *current = brood_here()->guards.current;
    brood_status status = is_ours ? BROOD_OK : begin();

    if (status == BROOD_OK && current != NULL && !(is_ours && is_alive(current))) {
        *gone = current;
        brood_here()->guards.current = NULL;
    }
    return status;
}

/* Never waits for one. NULL: there is none that lives. */
static brood_status find(brood_guard **guard, brood_error *error)
{
    brood_guard *gone = NULL;
    brood_guard *current = NULL;
    brood_status status = BROOD_OK;

    brood_mutex_lock(&brood_here()->guards.lock);
    status = vacate(&gone);
    current = status == BROOD_OK ? brood_here()->guards.current : NULL;
    if (current != NULL) {
        current->users++;
        current->is_behind = brood_guard_flush(current) == BROOD_ERR_TIMEOUT;
    }
    brood_mutex_unlock(&brood_here()->guards.lock);
    brood_guard_drop(gone);
    *guard = current;
    return status == BROOD_OK ? BROOD_OK : brood_fail_memory(error, "guard");
}

/* ---- the start of another one ------------------------------------------------------------- */

/* After a failure of the system, which may have memory again by then. */
#define RETRY_NS INT64_C(200000000)

/* In which a new guard hears of all that is kept, before anybody has it. */
#define INTRODUCTION_NS INT64_C(10000000000)

/* From here on it hears of all that changes. */
static brood_status begin_introduction(brood_guard *made)
{
    brood_status status = BROOD_OK;

    brood_mutex_lock(&brood_here()->guards.lock);
    for (const brood_kept *kept = brood_here()->guards.first; kept != NULL; kept = kept->next) {
        brood_buffer_append(&made->unsaid, &kept->ward, sizeof kept->ward);
    }
    status = made->unsaid.failed ? BROOD_ERR_NO_MEMORY : BROOD_OK;
    if (status == BROOD_OK) {
        made->is_behind = true;
        brood_here()->guards.coming = made;
    }
    brood_mutex_unlock(&brood_here()->guards.lock);
    return status;
}

/*
 * BROOD_OK: it has heard of all, and is the guard; BROOD_ERR_TIMEOUT: it has not. One that does not
 * read in time is the guard all the same: without its channel it would kill what it has heard of.
 */
static brood_status go_on_with_introduction(brood_guard *made, int64_t deadline)
{
    brood_status status = BROOD_OK;

    brood_mutex_lock(&brood_here()->guards.lock);
    status = brood_guard_flush(made);
    if (status != BROOD_OK && status != BROOD_ERR_CLOSED) {
        status = brood_os_now() < deadline ? BROOD_ERR_TIMEOUT : BROOD_OK;
    }
    if (status == BROOD_OK) {
        made->is_behind = made->unsaid.size > 0;
        made->users = 2;
        brood_here()->guards.current = made;
    }
    if (status != BROOD_ERR_TIMEOUT) {
        brood_here()->guards.coming = NULL;
    }
    brood_mutex_unlock(&brood_here()->guards.lock);
    return status;
}

static brood_status introduce(brood_guard *made, brood_error *error)
{
    int64_t deadline = brood_os_now() + INTRODUCTION_NS;
    brood_status status = begin_introduction(made);

    if (status != BROOD_OK) {
        return brood_fail_memory(error, "guard");
    }
    for (status = go_on_with_introduction(made, deadline); status == BROOD_ERR_TIMEOUT;
         status = go_on_with_introduction(made, deadline)) {
        brood_os_wait_item item = {NULL, made->channel, true, false};
        brood_status waited = brood_os_wait(&item, 1, deadline, NULL);

        if (waited != BROOD_OK && waited != BROOD_ERR_TIMEOUT) {
            brood_sleep(RETRY_NS);
        }
    }
    return status == BROOD_OK ? BROOD_OK
                              : brood_fail(error, status, 0, "guard", "the guard ended at once");
}

/* Called with the lock of starts. */
static brood_status start_guard(brood_guard **guard, brood_error *error)
{
    brood_guard *made = brood_calloc(1, sizeof *made);
    brood_status status = BROOD_OK;

    if (made == NULL) {
        return brood_fail_memory(error, "guard");
    }
    status = brood_process_start_guard(&made->process, error);
    if (status == BROOD_OK) {
        status = brood_process_await_copy(made->process, error);
    }
    if (status == BROOD_OK) {
        made->channel = made->process->control;
        status = introduce(made, error);
    }
    if (status != BROOD_OK) {
        if (made->process != NULL) { /* it has left its copy to us, perhaps */
            brood_os_orphans_reap(made->process->os);
        }
        destroy(made);
        return status;
    }
    *guard = made;
    return BROOD_OK;
}

/*
 * Threads that need a guard while one is being started wait for the lock of starts, and find the new
 * guard then.
 */
static brood_status find_or_start(brood_guard **guard, brood_error *error)
{
    brood_status status = find(guard, error);

    if (status != BROOD_OK || *guard != NULL) {
        return status;
    }
    brood_mutex_lock(&brood_here()->guards.start);
    status = find(guard, error);
    if (status == BROOD_OK && *guard == NULL) {
        status = start_guard(guard, error);
    }
    brood_mutex_unlock(&brood_here()->guards.start);
    return status;
}

/* ---- the thread that watches it ----------------------------------------------------------- */

/* As is_alive. Of a descriptor that the program has closed, too. */
static bool seems_alive(const brood_guard *guard)
{
    bool is = false;

    brood_mutex_lock(&brood_here()->guards.lock);
    is = is_alive(guard);
    brood_mutex_unlock(&brood_here()->guards.lock);
    return is;
}

/*
 * And says what its channel had no room for when the wait began. What has had no room since then is
 * said with the next start or reap.
 */
static brood_status await_end(brood_guard *guard)
{
    brood_os_wait_item items[] = {{NULL, guard->channel, false, false}, {NULL, NULL, true, false}};
    brood_status status = BROOD_OK;

    while (status == BROOD_OK && !items[0].ready) {
        bool has_more = false;

        brood_mutex_lock(&brood_here()->guards.lock);
        has_more = brood_guard_flush(guard) == BROOD_ERR_TIMEOUT;
        brood_mutex_unlock(&brood_here()->guards.lock);
        items[1].channel = has_more ? guard->channel : NULL;
        status = brood_os_wait(items, 2, BROOD_OS_NO_DEADLINE, NULL);
    }
    return status == BROOD_OK && seems_alive(guard) ? BROOD_ERR_OS : status;
}

/* A guard that somebody killed is replaced at once, not only by the next start. */
static void watch_guard(void *data)
{
    (void)data;
    for (;;) {
        brood_guard *guard = NULL;
        brood_status status = find_or_start(&guard, NULL);

        if (guard != NULL) {
            status = await_end(guard);
        }
        brood_guard_drop(guard);
        if (status != BROOD_OK) {
            brood_sleep(RETRY_NS);
        }
    }
}

static void have_it_watched(void)
{
    bool is_watched = false;

    brood_mutex_lock(&brood_here()->guards.lock);
    is_watched = brood_here()->guards.is_watched;
    brood_here()->guards.is_watched = true;
    brood_mutex_unlock(&brood_here()->guards.lock);
    if (is_watched || brood_thread_start_detached(&brood_here()->guards.thread, watch_guard, NULL,
                                                  brood_here()->guards.pool, NULL) == BROOD_OK) {
        return;
    }
    brood_mutex_lock(&brood_here()->guards.lock);
    brood_here()->guards.is_watched = false;
    brood_mutex_unlock(&brood_here()->guards.lock);
}

brood_status brood_guard_take(brood_guard **guard, brood_error *error)
{
    brood_status status = find_or_start(guard, error);

    if (status == BROOD_OK) {
        have_it_watched();
    }
    return status;
}
