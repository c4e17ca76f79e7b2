#include "process/guard.h"

#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "process/child.h"
#include "process/process_impl.h"
#include "runtime/here.h"

/* ---- the parent's side -------------------------------------------------------------------- */

struct brood_guard {
    brood_process *process; /* its channel */
    size_t users;           /* with the place in `current` */
};

brood_os_channel *brood_guard_channel(const brood_guard *guard)
{
    return guard->process->control;
}

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

    return brood_os_channel_read(guard->process->control, &byte, 1, &got, NULL) != BROOD_ERR_CLOSED;
}

/* A guard reads at once; where it is behind all the same, nobody waits for it for long. */
#define TELL_NS INT64_C(100000000)

_Static_assert(sizeof(brood_os_ward) <= BROOD_OS_WHOLE_MAX, "a guard is told in one write");

/* Called with the lock. */
static brood_status tell(brood_guard *guard, const brood_os_ward *ward)
{
    int64_t deadline = brood_os_now() + TELL_NS;
    brood_os_channel *channel = guard->process->control;
    size_t put = 0;
    brood_status status = brood_os_channel_write(channel, ward, sizeof *ward, &put, NULL);

    while (status == BROOD_ERR_TIMEOUT) {
        brood_os_wait_item item = {NULL, channel, true, false};

        if (brood_os_wait(&item, 1, deadline, NULL) != BROOD_OK) {
            return BROOD_ERR_TIMEOUT;
        }
        status = brood_os_channel_write(channel, ward, sizeof *ward, &put, NULL);
    }
    return status;
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
    for (brood_kept *kept = brood_here()->guards.first; status == BROOD_OK && kept != NULL;
         kept = kept->next) {
        status = tell(made, &kept->ward);
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

static bool is_owner(void)
{
    return brood_here()->guards.owner == brood_os_self_pid();
}

/* Another one for one that has ended, or is that of another process. Called with the lock. */
static brood_status replace(brood_error *error)
{
    if (!is_owner()) {
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
    brood_status status =
        brood_here()->guards.current != NULL && is_owner() && is_alive(brood_here()->guards.current)
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
            brood_os_wait_item item = {NULL, guard->process->control, false, false};

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

void brood_guard_keep(brood_guard *guard, brood_kept *kept)
{
    brood_mutex_lock(&brood_here()->guards.lock);
    kept->is_kept = true;
    kept->next = brood_here()->guards.first;
    brood_here()->guards.first = kept;
    if (guard != brood_here()->guards.current &&
        brood_here()->guards.current != NULL) { /* a new one, which has not heard */
        tell(brood_here()->guards.current, &kept->ward);
    }
    brood_mutex_unlock(&brood_here()->guards.lock);
}

void brood_guard_forget(brood_kept *kept)
{
    brood_kept **at = &brood_here()->guards.first;

    if (!kept->is_kept) {
        return;
    }
    brood_mutex_lock(&brood_here()->guards.lock);
    while (*at != NULL && *at != kept) {
        at = &(*at)->next;
    }
    if (*at != NULL) {
        *at = kept->next;
    }
    kept->is_kept = false;
    kept->ward.is_over = 1;
    if (brood_here()->guards.current != NULL && is_owner()) {
        tell(brood_here()->guards.current, &kept->ward);
    }
    brood_mutex_unlock(&brood_here()->guards.lock);
}

/* ---- in the guard ------------------------------------------------------------------------- */

typedef struct charge {
    int64_t pid;
    brood_os_process *process;
    bool can_wait;
} charge;

typedef struct watch {
    charge *list;
    size_t count;
    size_t room;
} watch;

static charge *find(const watch *run, int64_t pid)
{
    for (size_t i = 0; i < run->count; i++) {
        if (run->list[i].pid == pid) {
            return &run->list[i];
        }
    }
    return NULL;
}

static void forget(watch *run, charge *known)
{
    brood_os_process_free(known->process);
    *known = run->list[run->count - 1];
    run->count--;
}

static bool has_room(watch *run)
{
    size_t room = run->room == 0 ? 64 : run->room * 2;
    charge *list = NULL;

    if (run->count < run->room) {
        return true;
    }
    list = brood_malloc(room * sizeof *list);
    if (list == NULL) {
        return false;
    }
    if (run->count > 0) {
        memcpy(list, run->list, run->count * sizeof *list);
    }
    brood_free(run->list);
    run->list = list;
    run->room = room;
    return true;
}

/* False: there is no memory for it. A process 1 is one of another namespace, or init. */
static bool heed(watch *run, const brood_os_ward *ward)
{
    charge *known = find(run, ward->pid);
    charge added = {ward->pid, NULL, false};

    if (known != NULL) {
        forget(run, known);
    }
    if (ward->is_over != 0 || ward->pid <= 1) {
        return true;
    }
    if (!has_room(run) || brood_os_process_open(&added.process, ward->pid, ward->leads_group != 0,
                                                &added.can_wait, NULL) == BROOD_ERR_NO_MEMORY) {
        return false;
    }
    run->list[run->count] = added;
    run->count++;
    return true;
}

static bool has_ended(const charge *one)
{
    brood_os_wait_item item = {one->process, NULL, false, false};

    return one->process == NULL || (one->can_wait && brood_os_wait(&item, 1, 0, NULL) == BROOD_OK);
}

static void end_all(watch *run)
{
    while (run->count > 0) {
        charge *last = &run->list[run->count - 1];

        if (!has_ended(last)) {
            brood_os_process_kill(last->process, NULL);
        }
        forget(run, last);
    }
}

/* Until the channel ends, or has something that no parent says. */
static brood_status take_in(watch *run, brood_os_channel *channel, brood_buffer *in)
{
    char bytes[4096];
    size_t got = 0;
    brood_status status = brood_os_channel_read(channel, bytes, sizeof bytes, &got, NULL);
    brood_os_ward ward;

    brood_buffer_append(in, bytes, got);
    while (in->size >= sizeof ward && !in->failed) {
        memcpy(&ward, in->data, sizeof ward);
        brood_buffer_consume(in, sizeof ward);
        if (!heed(run, &ward)) {
            return BROOD_ERR_NO_MEMORY;
        }
    }
    if (in->failed) {
        return BROOD_ERR_NO_MEMORY;
    }
    return status == BROOD_ERR_TIMEOUT ? BROOD_OK : status;
}

/* A child of a parent that was killed meanwhile may be about to become its program. */
#define LINGER_NS INT64_C(2000000000)

/*
 * One that cannot do its duty ends, and kills nothing: its parent starts another one. A copy of the
 * parent (a plain fork) may hold the channel, so the parent itself is watched where it can be.
 */
static brood_status serve(watch *run, brood_os_channel *channel, brood_os_process *parent)
{
    int64_t deadline = BROOD_OS_NO_DEADLINE;
    brood_buffer in = BROOD_BUFFER_INIT;
    brood_status status = BROOD_OK;

    while (status == BROOD_OK) {
        brood_os_wait_item items[] = {{NULL, channel, false, false}, {parent, NULL, false, false}};

        status = brood_os_wait(items, 2, deadline, NULL);
        if (status == BROOD_OK && items[0].ready) {
            status = take_in(run, channel, &in);
        }
        if (items[1].ready) {
            parent = NULL;
            deadline = brood_os_now() + LINGER_NS;
        }
        if (status == BROOD_ERR_CLOSED || deadline != BROOD_OS_NO_DEADLINE) {
            end_all(run);
        }
    }
    return status;
}

int brood_guard_run(brood_task *task, const void *arg, size_t size)
{
    brood_os_process *parent = NULL;
    watch run = {NULL, 0, 0};
    bool can_wait = false;

    (void)task;
    (void)arg;
    (void)size;
    if (!brood_os_child_detach()) {
        return 1;
    }
    if (brood_child_say_hello() != BROOD_OK) {
        brood_os_child_end(1, false);
    }
    brood_os_process_open(&parent, brood_child_parent_pid(), false, &can_wait, NULL);
    serve(&run, brood_child_channel(), can_wait ? parent : NULL);
    brood_os_child_end(0, false);
}
