#include "process/process_impl.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/structs.h"
#include "process/exit.h"
#include "runtime/here.h"
#include "runtime/time.h"

#define KILL_WAIT_MS 10000
#define GUARD_WAIT_MS 60000               /* its handshake ends before */
#define KILL_RETRY_NS INT64_C(1000000000) /* of a kill that was refused */

/* Processes that were destroyed while they ran: somebody must reap them. */
typedef struct left_alone {
    brood_os_process *os;
    brood_kept kept;
    struct left_alone *next;
} left_alone;

brood_status brood_process_new(brood_process **process, const brood_process_options *options)
{
    const char *name = options->name != NULL ? options->name : "";
    brood_process *made = brood_calloc(1, sizeof *made);

    *process = NULL;
    if (made != NULL) {
        made->name = brood_malloc(strlen(name) + 1);
        made->entry = brood_calloc(1, sizeof *made->entry);
    }
    if (made == NULL || made->name == NULL || made->entry == NULL ||
        brood_apr_pool_create(&made->pool) != APR_SUCCESS ||
        brood_mutex_create(&made->lock, made->pool) != BROOD_OK) {
        brood_process_destroy(made);
        return brood_fail_memory(options->error, "process");
    }
    memcpy(made->name, name, strlen(name) + 1);
    made->daemon = options->daemon;
    made->has_memory_limit = options->memory_limit_bytes > 0;
    made->pid = -1;
    *process = made;
    return BROOD_OK;
}

/* ---- what the child says ----------------------------------------------------------------- */

static void handle_frame(brood_process *process, const brood_frame_head *head, const char *body)
{
    if (head->type == BROOD_FRAME_HELLO) {
        process->hello = true;
        if (head->size == sizeof process->hello_pid) {
            memcpy(&process->hello_pid, body, sizeof process->hello_pid);
        }
    } else if (head->type == BROOD_FRAME_REFUSED && head->size == sizeof process->refusal &&
               !process->hello) { /* one that came to its function has not refused the start */
        memcpy(&process->refusal, body, sizeof process->refusal);
        if (process->refusal.status == BROOD_OK ||
            !brood_is_status((uint32_t)process->refusal.status)) {
            process->refusal.status = BROOD_ERR_PROTOCOL;
        }
        process->refusal.step[sizeof process->refusal.step - 1] = '\0';
        process->refusal.message[sizeof process->refusal.message - 1] = '\0';
        brood_text_clean(process->refusal.step);
        brood_text_clean(process->refusal.message);
        process->refused = true;
    } else if (head->type == BROOD_FRAME_MEMORY) {
        process->out_of_memory = true;
    } else if (head->type == BROOD_FRAME_ENDED && head->size == sizeof process->ended) {
        memcpy(&process->ended, body, sizeof process->ended);
        process->has_code = true;
    }
}

/* A child that does not follow the protocol is not listened to any more. */
static void stop_listening(brood_process *process)
{
    brood_os_channel_close(process->control);
    process->control = NULL;
    process->inbox_used = 0;
}

static void handle_inbox(brood_process *process)
{
    brood_frame_head head;
    brood_status status = BROOD_OK;

    while (status == BROOD_OK) {
        status = brood_frame_peek(process->inbox, process->inbox_used, BROOD_CHILD_BODY_MAX, &head);
        if (status == BROOD_OK) {
            size_t whole = sizeof head + head.size;

            handle_frame(process, &head, process->inbox + sizeof head);
            process->inbox_used -= whole;
            memmove(process->inbox, process->inbox + whole, process->inbox_used);
        } else if (status == BROOD_ERR_PROTOCOL) {
            stop_listening(process);
        }
    }
}

/* A child that never stops talking must not keep us here: more than a channel holds is too much. */
#define LISTEN_READS_MAX 1024

static brood_status listen_to_child(brood_process *process)
{
    brood_status status = BROOD_OK;

    for (int i = 0; i < LISTEN_READS_MAX && process->control != NULL && status == BROOD_OK; i++) {
        size_t got = 0;

        status = brood_os_channel_read(process->control, process->inbox + process->inbox_used,
                                       sizeof process->inbox - process->inbox_used, &got, NULL);
        process->inbox_used += got;
        handle_inbox(process);
    }
    process->is_deaf =
        status != BROOD_OK && status != BROOD_ERR_TIMEOUT && status != BROOD_ERR_CLOSED;
    return status;
}

/* ---- its end ----------------------------------------------------------------------------- */

void brood_process_keep(brood_process *process, brood_guard *guard, bool leads_group)
{
    process->entry->kept.ward = (brood_os_ward){process->pid, leads_group, 0};
    brood_guard_keep(guard, &process->entry->kept);
}

/*
 * The guard forgets it before its number can be that of another process. So one that ends behind the
 * look is reaped by the next call.
 */
static brood_status reap(brood_os_process *os, left_alone *entry, brood_os_exit *result)
{
    if (entry->kept.is_kept && !brood_os_process_has_ended(os)) {
        return BROOD_ERR_TIMEOUT;
    }
    brood_guard_forget(&entry->kept);
    return brood_os_process_reap(os, result, NULL);
}

static brood_status kill_locked(brood_process *process, brood_ended_by reason, brood_error *error)
{
    brood_status status = brood_os_process_kill(process->os, error);

    if (status == BROOD_OK && process->ended_by == BROOD_BY_ITSELF) {
        process->ended_by = reason;
    }
    return status;
}

/* Whether it has yet to come to its function, as far as we know. Called with the lock. */
static bool is_starting(const brood_process *process)
{
    return !process->is_over && !process->is_command && !process->hello && !process->is_deaf &&
           process->ended_by == BROOD_BY_ITSELF;
}

/*
 * Looks what has happened since. BROOD_OK: it is over; BROOD_ERR_TIMEOUT: it is not; an error of
 * the system: nobody knows. Called with the lock.
 */
static brood_status update(brood_process *process)
{
    brood_os_exit result = {0};
    brood_status status = BROOD_OK;

    if (process->is_over) {
        return BROOD_OK;
    }
    status = reap(process->os, process->entry, &result);
    if (status == BROOD_OK && process->control != NULL) {
        brood_os_channel_settle(process->control);
    }
    listen_to_child(process); /* after the end, so that nothing can follow */
    if (status == BROOD_OK) {
        brood_exit_decide(process, &result);
        process->is_over = true;
        return BROOD_OK;
    }
    if (is_starting(process) && brood_os_now() >= process->handshake_deadline &&
        kill_locked(process, BROOD_BY_HANDSHAKE, NULL) != BROOD_OK) {
        process->handshake_deadline = brood_os_now() + KILL_RETRY_NS;
    }
    return status;
}

static brood_status look(brood_process *process)
{
    int held = brood_os_cancel_hold();
    brood_status status = BROOD_OK;

    brood_mutex_lock(&process->lock);
    status = update(process);
    brood_mutex_unlock(&process->lock);
    brood_os_cancel_release(held);
    return status;
}

static bool is_over(brood_process *process)
{
    return look(process) == BROOD_OK;
}

int64_t brood_process_next_deadline(brood_process *process, int64_t deadline)
{
    int64_t next = deadline;

    brood_mutex_lock(&process->lock);
    if (is_starting(process) && process->handshake_deadline < next) {
        next = process->handshake_deadline;
    }
    brood_mutex_unlock(&process->lock);
    return next;
}

/* A traced process (ptrace) that has ended can be reaped only when its tracer has seen the end. */
#define REAP_RETRY_NS INT64_C(1000000)
#define SHORTAGE_RETRY_NS INT64_C(5000000) /* no descriptor or memory to wait with: only looks */

static brood_status join(brood_process *process, int64_t deadline)
{
    brood_status status = look(process);

    while (status == BROOD_ERR_TIMEOUT) {
        brood_os_wait_item item = {process->os, NULL, false, false};
        brood_status waited =
            brood_os_wait(&item, 1, brood_process_next_deadline(process, deadline), NULL);

        status = look(process);
        if (waited == BROOD_ERR_LIMIT || waited == BROOD_ERR_NO_MEMORY) {
            brood_sleep(SHORTAGE_RETRY_NS);
        } else if (waited != BROOD_OK && waited != BROOD_ERR_TIMEOUT) {
            return status == BROOD_OK ? status : waited;
        }
        if (status == BROOD_ERR_TIMEOUT && brood_os_now() >= deadline) {
            return status;
        }
        if (status == BROOD_ERR_TIMEOUT && waited == BROOD_OK) {
            brood_sleep(REAP_RETRY_NS);
        }
    }
    return status;
}

brood_status brood_process_join(brood_process *process, int64_t timeout_ms)
{
    int held = 0;
    brood_status status = BROOD_OK;

    if (process == NULL || !brood_is_timeout(timeout_ms)) {
        return BROOD_ERR_ARGUMENT;
    }
    held = brood_os_cancel_hold();
    status = join(process, brood_deadline(timeout_ms));
    brood_os_cancel_release(held);
    return status;
}

brood_status brood_process_await_guard(brood_process *process, brood_error *error)
{
    brood_status status = brood_process_join(process, GUARD_WAIT_MS);
    const brood_exit_info *info = &process->info;

    if (status != BROOD_OK) {
        return brood_fail(error, status, 0, "guard", "the guard does not begin");
    }
    if (info->reason == BROOD_EXIT_START && error != NULL) {
        *error = info->error;
    }
    if (info->reason == BROOD_EXIT_START) {
        return info->error.status;
    }
    return info->reason == BROOD_EXIT_LOST || (info->reason == BROOD_EXIT_CODE && info->code == 0)
               ? BROOD_OK
               : brood_fail(error, BROOD_ERR_NO_HELLO, 0, "guard", "the guard ended at once");
}

/* Two processes, so two numbers. */
brood_status brood_process_await_copy(brood_process *process, brood_error *error)
{
    int64_t deadline = brood_os_now() + GUARD_WAIT_MS * BROOD_NS_PER_MS;
    brood_status status = listen_to_child(process);

    while (status == BROOD_ERR_TIMEOUT && process->hello_pid == process->pid) {
        brood_os_wait_item item = {NULL, process->control, false, false};

        status = brood_os_wait(&item, 1, deadline, error);
        if (status != BROOD_OK) {
            return brood_fail(error, status, 0, "guard", "the guard does not begin");
        }
        status = listen_to_child(process);
    }
    if (process->hello_pid != process->pid && process->control != NULL) {
        brood_os_process_leave(process->os); /* it has ended; only its group is asked for */
        return BROOD_OK;
    }
    return brood_fail(error, process->is_deaf ? status : BROOD_ERR_NO_HELLO, 0, "guard",
                      "the guard ended at once");
}

bool brood_process_is_alive(brood_process *process)
{
    return process != NULL && !is_over(process);
}

/*
 * Through the system, or through the channel where the system cannot reach a child; the frame goes
 * whole or not at all.
 */
static brood_status ask(brood_process *process)
{
    brood_buffer frame = BROOD_BUFFER_INIT;
    brood_status status = brood_os_process_ask(process->os, NULL);
    size_t put = 0;

    if (status != BROOD_ERR_NOT_SUPPORTED || process->control == NULL) {
        return status;
    }
    brood_frame_put(&frame, BROOD_FRAME_TERMINATE, NULL, 0);
    status = frame.failed
                 ? BROOD_ERR_NO_MEMORY
                 : brood_os_channel_write(process->control, frame.data, frame.size, &put, NULL);
    brood_buffer_free(&frame);
    return status;
}

static brood_status terminate(brood_process *process, int64_t grace_ms)
{
    brood_status status = BROOD_OK;

    brood_mutex_lock(&process->lock);
    update(process);
    if (!process->is_over) {
        status = ask(process);
        process->asked = process->asked || status == BROOD_OK;
    }
    brood_mutex_unlock(&process->lock);
    if (status == BROOD_OK && brood_process_join(process, grace_ms) == BROOD_OK) {
        return BROOD_OK;
    }
    status = brood_process_kill(process);
    return status == BROOD_OK ? brood_process_join(process, KILL_WAIT_MS) : status;
}

brood_status brood_process_terminate(brood_process *process, int64_t grace_ms)
{
    int held = 0;
    brood_status status = BROOD_OK;

    if (process == NULL || grace_ms < 0) {
        return BROOD_ERR_ARGUMENT;
    }
    held = brood_os_cancel_hold();
    status = terminate(process, grace_ms);
    brood_os_cancel_release(held);
    return status;
}

brood_status brood_process_end(brood_process *process, brood_ended_by reason, brood_error *error)
{
    int held = brood_os_cancel_hold();
    brood_status status = BROOD_OK;

    brood_mutex_lock(&process->lock);
    update(process);
    if (!process->is_over) {
        status = kill_locked(process, reason, error);
    }
    brood_mutex_unlock(&process->lock);
    brood_os_cancel_release(held);
    return status;
}

brood_status brood_process_kill(brood_process *process)
{
    return process == NULL ? BROOD_ERR_ARGUMENT : brood_process_end(process, BROOD_BY_KILL, NULL);
}

brood_status brood_process_exit_info(brood_process *process, brood_exit_info *info)
{
    static const brood_exit_info none = BROOD_EXIT_INFO_INIT;

    if (process == NULL) {
        return BROOD_ERR_ARGUMENT;
    }
    return brood_struct_give(info, is_over(process) ? &process->info : &none, sizeof none,
                             offsetof(brood_exit_info, cpu_user_us));
}

int64_t brood_process_pid(const brood_process *process)
{
    return process == NULL ? -1 : process->pid;
}

brood_os_process *brood_process_os(const brood_process *process)
{
    return process->os;
}

int64_t brood_process_handshake_deadline(const brood_process *process)
{
    return process->handshake_deadline;
}

void brood_process_be_left(brood_process *process)
{
    process->daemon = false;
}

const char *brood_process_name(const brood_process *process)
{
    return process == NULL ? "" : process->name;
}

/* ---- destroying -------------------------------------------------------------------------- */

static void abandon(brood_process *process)
{
    left_alone *entry = process->entry;

    if (!brood_os_process_leave(process->os)) {
        brood_os_process_free(process->os);
        return;
    }
    process->entry = NULL;
    entry->os = process->os;
    brood_mutex_lock(&brood_here()->abandoned.lock);
    entry->next = brood_here()->abandoned.first;
    brood_here()->abandoned.first = entry;
    brood_mutex_unlock(&brood_here()->abandoned.lock);
}

void brood_process_sweep(void)
{
    left_alone **at = &brood_here()->abandoned.first;

    brood_mutex_lock(&brood_here()->abandoned.lock);
    while (*at != NULL) {
        left_alone *entry = *at;
        brood_os_exit result;

        if (reap(entry->os, entry, &result) != BROOD_OK) {
            at = &entry->next;
            continue;
        }
        *at = entry->next;
        brood_os_process_free(entry->os);
        brood_free(entry);
    }
    brood_mutex_unlock(&brood_here()->abandoned.lock);
}

static void let_go(brood_process *process)
{
    if (process->os == NULL) {
        return;
    }
    brood_watchdog_remove(&process->timeout);
    if (!is_over(process) && process->daemon && brood_process_kill(process) == BROOD_OK) {
        brood_process_join(process, KILL_WAIT_MS);
    }
    if (is_over(process)) {
        brood_os_process_free(process->os);
    } else {
        abandon(process);
    }
}

static void destroy(brood_process *process)
{
    let_go(process);
    brood_os_channel_close(process->control);
    for (size_t i = 0; i < 3; i++) {
        brood_os_channel_close(process->streams[i]);
    }
    brood_free(process->name);
    brood_free(process->entry);
    if (process->pool != NULL) {
        apr_pool_destroy(process->pool);
    }
    brood_free(process);
}

void brood_process_free(brood_process *process)
{
    if (process != NULL) {
        destroy(process);
    }
}

brood_process *brood_process_destroy(brood_process *process)
{
    int held = brood_os_cancel_hold();

    if (process != NULL) {
        destroy(process);
        brood_process_sweep();
    }
    brood_os_cancel_release(held);
    return NULL;
}
