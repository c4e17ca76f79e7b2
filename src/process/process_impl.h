/* The object behind a brood_process. */
#ifndef BROOD_SRC_PROCESS_PROCESS_IMPL_H
#define BROOD_SRC_PROCESS_PROCESS_IMPL_H

#include <apr_pools.h>

#include "platform.h"
#include "process/guard.h"
#include "process/process.h"
#include "process/protocol.h"
#include "process/watchdog.h"
#include "runtime/sync.h"

/* Why we killed it; the first reason counts. */
typedef enum brood_ended_by {
    BROOD_BY_ITSELF = 0,
    BROOD_BY_KILL,
    BROOD_BY_TIMEOUT,
    BROOD_BY_HANDSHAKE /* it did not come to its function in time */
} brood_ended_by;

/* Room for the largest frame of a child, and what comes with it. */
#define BROOD_INBOX_SIZE (sizeof(brood_frame_head) + BROOD_CHILD_BODY_MAX + 256)

struct brood_process {
    apr_pool_t *pool;
    brood_mutex lock; /* for all that changes below, but not while waiting */
    char *name;
    bool daemon;
    bool is_command;
    bool has_memory_limit;
    int64_t pid;
    int64_t handshake_deadline;

    brood_os_process *os;
    struct left_alone *entry;  /* os on the list of those that are left alone, and of the guard */
    brood_os_channel *control; /* NULL for a command */
    brood_os_channel *streams[3];
    bool was_stream[3]; /* the stream was a pipe, which is closed now */

    bool asked; /* to end */
    brood_ended_by ended_by;
    bool hello;
    int64_t hello_pid; /* as it sees itself */
    bool is_deaf;      /* the channel failed: what else the child said is not known */
    bool refused;
    bool out_of_memory; /* the child said so */
    bool has_code;      /* the child said so: ended is filled */
    brood_ended_body ended;
    brood_error refusal;

    bool is_over;
    brood_exit_info info; /* once it is over */

    char inbox[BROOD_INBOX_SIZE]; /* of the control channel */
    size_t inbox_used;
    brood_watchdog_entry timeout;
};

/* When to look after the process at the latest: the deadline, or the end of its handshake. */
int64_t brood_process_next_deadline(brood_process *process, int64_t deadline);

/* An object without a process; options have been checked. */
brood_status brood_process_new(brood_process **process, const brood_process_options *options);

/*
 * Starts a guard, and waits until it serves: an object whose process has ended, and whose channel
 * is the guard's. The caller destroys it. On failure it is NULL.
 */
brood_status brood_process_start_guard(brood_process **guard, brood_error *error);

/* Waits until a guard goes on by itself: the process that was started has ended. */
brood_status brood_process_await_guard(brood_process *process, brood_error *error);

/* Then, until the copy of it that goes on tells its number. */
brood_status brood_process_await_copy(brood_process *process, brood_error *error);

/* Its daemon command runs, of which guard was told. */
void brood_process_keep(brood_process *process, brood_guard *guard, bool leads_group);

/* Kills it for a reason. Success when it is over already. */
brood_status brood_process_end(brood_process *process, brood_ended_by reason, brood_error *error);

#endif
