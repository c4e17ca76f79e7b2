/* The guard of a program: its start, and another one for one that ends. */
#include "base/error.h"
#include "base/memory.h"
#include "process/guard_impl.h"
#include "process/process_impl.h"
#include "runtime/here.h"

/* Called with the lock. */
static void drop_locked(brood_guard *guard)
{
    guard->users--;
    if (guard->users == 0) {
        brood_os_orphans_reap(guard->process->os);
        brood_process_destroy(guard->process);
        brood_free(guard);
    }
}

void brood_guard_drop(brood_guard *guard)
{
    if (guard == NULL) {
        return;
    }
    brood_mutex_lock(&brood_here()->guards.lock);
    drop_locked(guard);
    brood_mutex_unlock(&brood_here()->guards.lock);
}

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
    }
    for (brood_kept *kept = brood_here()->guards.first; status == BROOD_OK && kept != NULL;
         kept = kept->next) {
        status = brood_guard_tell(made, &kept->ward);
    }
    if (status != BROOD_OK) {
        brood_process_destroy(made->process);
        brood_free(made);
        return status;
    }
    made->users = 1;
    *guard = made;
    return BROOD_OK;
}

/* Another one for one that has ended, or is that of another process. Called with the lock. */
static brood_status replace(brood_error *error)
{
    if (!brood_guard_is_ours()) {
        brood_here()->guards.first = NULL;
        brood_here()->guards.is_watched = false;
    }
    brood_here()->guards.owner = brood_os_self_pid();
    if (brood_here()->guards.current != NULL) {
        drop_locked(brood_here()->guards.current);
    }
    brood_here()->guards.current = NULL;
    return start_guard(&brood_here()->guards.current, error);
}

/* Called with the lock. */
static brood_status take_locked(brood_guard **guard, brood_error *error)
{
    brood_status status = brood_here()->guards.current != NULL && brood_guard_is_ours() &&
                                  is_alive(brood_here()->guards.current)
                              ? BROOD_OK
                              : replace(error);

    if (status == BROOD_OK) {
        *guard = brood_here()->guards.current;
        (*guard)->users++;
    }
    return status;
}

/* After a failure of the system, which may have memory again by then. */
#define RETRY_NS INT64_C(200000000)

/* A guard that somebody killed is replaced at once, not only by the next start. */
static void watch_guard(void *data)
{
    (void)data;
    for (;;) {
        brood_guard *guard = NULL;
        brood_status status = BROOD_OK;

        brood_mutex_lock(&brood_here()->guards.lock);
        status = take_locked(&guard, NULL);
        brood_mutex_unlock(&brood_here()->guards.lock);
        if (status == BROOD_OK) {
            brood_os_wait_item item = {NULL, guard->channel, false, false};

            status = brood_os_wait(&item, 1, BROOD_OS_NO_DEADLINE, NULL);
        }
        brood_guard_drop(guard);
        if (status != BROOD_OK) {
            brood_sleep(RETRY_NS);
        }
    }
}

brood_status brood_guard_take(brood_guard **guard, brood_error *error)
{
    brood_status status = BROOD_OK;

    brood_mutex_lock(&brood_here()->guards.lock);
    status = take_locked(guard, error);
    if (status == BROOD_OK && !brood_here()->guards.is_watched) {
        brood_here()->guards.is_watched =
            brood_thread_start_detached(&brood_here()->guards.thread, watch_guard, NULL,
                                        brood_here()->begin.pool, NULL) == BROOD_OK;
    }
    brood_mutex_unlock(&brood_here()->guards.lock);
    return status;
}
