/*
 * The seam: what brood needs of an operating system and APR does not give. It is implemented
 * twice, in src/posix and src/win32, under the same basenames, and tested once, above both
 * (tests/test_seam_*.c); a third time, for the simulator, in tests/sim. No other header of the core knows the system.
 *
 * Rules for every function:
 * - Strings are UTF-8, times are nanoseconds of the monotonic clock.
 * - On failure it returns a status, fills error (which may be NULL) with the failing system call
 *   and its code, sets its out-parameters to NULL or BROOD_HANDLE_NONE, and leaves nothing open.
 * - Nothing that it opens is inherited by a process that somebody else starts, as far as the
 *   system can promise that.
 * - It blocks only where that is said, and takes up interrupted calls again (EINTR).
 * - It may be called from any thread; one object from one thread at a time, except where said.
 * - Destroyers accept NULL and BROOD_HANDLE_NONE.
 */
#ifndef BROOD_SRC_PLATFORM_H
#define BROOD_SRC_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <brood/process.h>

/* ---- clock: src/<system>/clock.c --------------------------------------------------------- */

/*
 * The monotonic clock: it never jumps, does not follow the wall clock, and stands still while the
 * machine sleeps.
 */
int64_t brood_os_now(void);

/* Sleeps for at least that long, and little longer where the system can: down to about 50 us. */
void brood_os_sleep(int64_t duration);

/* ---- threads: src/<system>/thread.c ------------------------------------------------------- */

/* A number of the calling thread, which no other thread has at the same time. */
uint64_t brood_os_thread_id(void);

/*
 * Whether the process is in its last moments, and its other threads have been ended already: nothing
 * may wait for one of them, nor for a lock that one may have held.
 */
bool brood_os_is_ending(void);

/* ---- handles: src/<system>/handle.c ------------------------------------------------------ */

/* The null device, for reading and writing. */
brood_status brood_os_null_open(brood_handle *handle, brood_error *error);

/* A file as mode says: BROOD_STDIO_FILE (to_read tells which way) or BROOD_STDIO_APPEND. */
brood_status brood_os_file_open(brood_handle *handle, const char *path, brood_stdio_mode mode,
                                bool to_read, brood_error *error);

/* A file to be read, in bytes; NULL: it cannot be. */
FILE *brood_os_file_read(const char *path);

/* A second handle for the same thing, which a spawn can pass; the first is not changed. */
brood_status brood_os_handle_duplicate(brood_handle *copy, brood_handle handle, brood_error *error);

/* Called in a child for each handle that it was passed: from now on it is not inherited. */
brood_status brood_os_handle_adopt(brood_handle handle, brood_error *error);

void brood_os_handle_close(brood_handle handle);

/*
 * How many descriptors or handles are open: of the whole process where the system tells, else
 * those that brood opened. For tests: two equal numbers mean that nothing leaked in between.
 */
size_t brood_os_handle_count(void);

/* ---- channels: src/<system>/channel.c ---------------------------------------------------- */

/*
 * One end of a stream of bytes between two processes. Reading and writing never block; one
 * thread may read while another writes.
 */
typedef struct brood_os_channel brood_os_channel;

/*
 * A duplex channel between the caller and a child. child is passed to it by spawn (then closed
 * here by the caller) and adopted there.
 */
brood_status brood_os_channel_pair(brood_os_channel **channel, brood_handle *child,
                                   brood_error *error);

/*
 * A one-way channel for the stdio of a child that is any program: its end is an ordinary,
 * blocking pipe that the child writes (child_writes) or reads.
 */
brood_status brood_os_channel_pipe(brood_os_channel **channel, brood_handle *child,
                                   bool child_writes, brood_error *error);

/*
 * The child's end of a pair, taken over by its number, which is data from outside: what is no
 * such end is refused with BROOD_ERR_PROTOCOL. The channel owns the handle only on success.
 */
brood_status brood_os_channel_adopt(brood_os_channel **channel, brood_handle handle,
                                    brood_error *error);

/*
 * Takes what there is, 1 to size bytes. BROOD_ERR_TIMEOUT: nothing now. BROOD_ERR_CLOSED: the
 * other end is closed and all is read.
 */
brood_status brood_os_channel_read(brood_os_channel *channel, void *buffer, size_t size,
                                   size_t *got, brood_error *error);

/*
 * For a reader that knows by other means that the process at the other end has ended: the next reads
 * find all that this process wrote. Without this call, what it wrote last may still be on its way to
 * a thread that has read before, and a read finds nothing.
 */
void brood_os_channel_settle(brood_os_channel *channel);

/*
 * Up to BROOD_OS_WHOLE_MAX bytes go whole or not at all (POSIX promises no less of pipes). The first
 * BROOD_OS_FIRST_MAX bytes in each direction of a pair have room before anybody reads: the smallest
 * buffer is 8 KiB (macOS), unless the machine's administrator has made it smaller.
 */
#define BROOD_OS_WHOLE_MAX 512
#define BROOD_OS_FIRST_MAX 4096

/*
 * Gives 1 to size bytes. BROOD_ERR_TIMEOUT: no room now. BROOD_ERR_CLOSED: the other end is
 * closed; never SIGPIPE.
 */
brood_status brood_os_channel_write(brood_os_channel *channel, const void *buffer, size_t size,
                                    size_t *put, brood_error *error);

/*
 * Whether this process has closed the handle of an adopted channel itself: then it is no end of the
 * other side that a read or write met. NULL is fine.
 */
bool brood_os_channel_is_lost(const brood_os_channel *channel);

/*
 * Whether the child's end of a pipe may have come to a process that somebody else started while it
 * was inheritable, so that the pipe can stay open after all of ours have ended.
 */
bool brood_os_ends_may_leak(void);

/* Bytes that were written stay readable for the other end. */
void brood_os_channel_close(brood_os_channel *channel);

/* ---- processes: src/<system>/spawn.c, process.c ------------------------------------------ */

typedef struct brood_os_process brood_os_process;

/* In brood_os_spawn.stdio[2]: where the child's stdout goes. */
#define BROOD_OS_SAME_AS_STDOUT ((brood_handle)-2)

#define BROOD_OS_PID_DIGITS 10

/* See below, "what a start takes from its thread". */
typedef struct brood_os_origin brood_os_origin;

typedef struct brood_os_spawn {
    const char *file;               /* of brood_os_program_find or brood_os_self_path */
    const char *const *argv;        /* ends with NULL */
    const char *const *environment; /* all of it; ends with NULL */
    const char *working_directory;  /* NULL: the caller's */
    brood_handle stdio[3];          /* BROOD_HANDLE_NONE: the caller's own, or the null device */
                                    /* (they need not be inheritable, and stay the caller's) */
    const brood_handle *handles;    /* each of brood_os_handle_duplicate or channel_pair */
    size_t handle_count;
    char *pid_text;          /* in environment: BROOD_OS_PID_DIGITS, where the child puts its own */
                             /* number if the system lets it; or NULL */
    bool no_more_rights;     /* none but the caller's, whatever the file would give, or no start */
    bool daemon;             /* end with the caller, where the system sees to it */
    brood_os_channel *guard; /* gets a brood_os_ward before the program runs; or NULL */
    bool is_guard;           /* begins in its own session, with all signals blocked (POSIX) */
    bool kill_tree;          /* lead a group that brood_os_process_kill ends */
    bool ask_by_signal;      /* a command: brood_os_process_ask must reach it without a channel */
    bool limits_itself;      /* a child of ours, which begins with brood_os_child_may_limit */
    const brood_os_origin *origin; /* NULL: the calling thread, now */
    int nice;                      /* from that of the calling thread, see brood_os_origin_nice */
    bool nice_is_wish;             /* one that is refused is no error */
    const unsigned *cpus;
    size_t cpu_count;
    uint64_t memory_limit_bytes;
    uint32_t cpu_time_limit_s;
} brood_os_spawn;

/* A process that ends when the caller does: what a guard is told (see guard.h), in one write. */
typedef struct brood_os_ward {
    int64_t pid;
    uint32_t leads_group;
    uint32_t is_over; /* it was reaped: forget it */
} brood_os_ward;

/*
 * Starts a process that has stdio, the handles, and nothing else. It begins with no signal
 * blocked and every signal at its default (but for those that the caller ignores on purpose:
 * none). Waits until the program is being executed, so that a failing exec, or any option that
 * the system refuses, is an error here. As costly as posix_spawn, whatever memory the caller has.
 * BROOD_ERR_CLOSED: nobody reads the guard's channel, and the program has not run.
 */
brood_status brood_os_spawn_process(brood_os_process **process, const brood_os_spawn *spawn,
                                    brood_error *error);

/*
 * Whether a child of ours should set these itself, by brood_os_child_limit, because starting it
 * with them costs more here. Only what cannot be refused.
 */
bool brood_os_child_may_limit(int nice, uint32_t cpu_time_limit_s);

/*
 * Whether nothing in the system sees to brood_os_spawn.daemon for a program that is not ours, so
 * that a command needs a guard (see guard.h).
 */
bool brood_os_command_needs_guard(void);

/* The number under which handles[index] of a spawn is known in the child. */
brood_handle brood_os_handle_in_child(const brood_handle *handles, size_t index);

/* ---- what a start takes from its thread: src/<system>/origin.c ------------------------------ */

/*
 * What a process gets from the thread that starts it unless it is told otherwise, as it is now: the
 * working directory, the cores, the scheduling policy, the niceness or priority class. What is no
 * more to be had at a start (the directory was removed, privileges were dropped) is passed over.
 */
brood_status brood_os_origin_take(brood_os_origin **origin, brood_error *error);
void brood_os_origin_free(brood_os_origin *origin);

/* The niceness for brood_os_spawn that is nice above the origin's, which may be NULL. */
int brood_os_origin_nice(const brood_os_origin *origin, int nice);

/* How a process ended, as the system tells it. */
typedef struct brood_os_exit {
    brood_exit_reason reason; /* CODE, SIGNAL, MEMORY, CPU_TIME, LOST */
    int64_t code;
    uint64_t cpu_user_us, cpu_system_us;
    uint64_t peak_memory_bytes; /* 0: not known */
} brood_os_exit;

int64_t brood_os_process_pid(const brood_os_process *process);

/*
 * A process that somebody else started, to be killed; where *can_wait, brood_os_wait tells its end.
 * It cannot be reaped. BROOD_ERR_NOT_SUPPORTED where no command needs a guard.
 */
brood_status brood_os_process_open(brood_os_process **process, int64_t pid, bool leads_group,
                                   bool *can_wait, brood_error *error);

/* Whether a reap would find that it has ended; nothing changes, and nobody waits. */
bool brood_os_process_has_ended(const brood_os_process *process);

/*
 * Takes the end of the process. BROOD_ERR_TIMEOUT: it still runs. Only this process is reaped,
 * never another child of the program. Once it has succeeded, kill and ask do nothing.
 */
brood_status brood_os_process_reap(brood_os_process *process, brood_os_exit *result,
                                   brood_error *error);

/*
 * Of a process that led a group (kill_tree, is_guard) and was reaped: reaps the others of its group
 * that are this process's by then, because it adopts orphans (process 1, a subreaper). Nobody waits:
 * a process of the group that has not ended yet is reaped when it ends.
 */
void brood_os_orphans_reap(brood_os_process *leader);

/*
 * Asks a process to end: SIGTERM, or what the system has for a command. BROOD_ERR_NOT_SUPPORTED:
 * there is no way to ask this one. Success when it has ended already.
 */
brood_status brood_os_process_ask(brood_os_process *process, brood_error *error);

/* Kills it, and its tree if it was started so; success when it has ended already. */
brood_status brood_os_process_kill(brood_os_process *process, brood_error *error);

/*
 * Gives back all descriptors and handles of a process that nobody waits for any more. False: it is
 * nobody's to reap either (Windows), so it can be freed; else a later reap takes its end.
 */
bool brood_os_process_leave(brood_os_process *process);

/* Frees what is known of the process. The caller has reaped it, or gives up doing so. */
void brood_os_process_free(brood_os_process *process);

/* ---- names: src/<system>/names.c --------------------------------------------------------- */

/* The name of a signal or of an exception code, such as "SIGSEGV"; "" when it has none. */
const char *brood_os_signal_name(int64_t code);

/* ---- handles for a running process: src/<system>/give.c ------------------------------------ */

/*
 * In a parent: the process at the other end of the channel (of brood_os_channel_pair) gets a handle
 * for the same thing, and takes it with *number; the caller's own is not changed. On POSIX it
 * travels in the channel, and the number says nothing. BROOD_ERR_TIMEOUT: no room in the channel
 * now. BROOD_ERR_CLOSED: the process, or its end of the channel, is gone. What is never taken is
 * closed with the channel or the process.
 */
brood_status brood_os_handle_give(brood_os_channel *channel, brood_os_process *process,
                                  brood_handle handle, brood_handle *number, brood_error *error);

/*
 * In the child, where the channel was adopted: takes handles one by one, in the order in which they
 * were given, as the caller's own, which is not inherited. On POSIX it reads the channel, so no
 * other thread may do so meanwhile; blocks until the handle is there, at most until the deadline
 * (BROOD_ERR_TIMEOUT). BROOD_ERR_CLOSED: the parent is gone. BROOD_ERR_LIMIT: this handle came, but
 * this process has too many open, or no memory to keep it; it is lost, the next is not.
 *
 * With a handle comes one byte, of no meaning: a read gives it as any other byte, and keeps the
 * handle for a take; a take throws away the bytes that it meets before its handle. So in such a
 * channel bytes can only say that there is something to look for.
 */
brood_status brood_os_handle_take(brood_os_channel *channel, brood_handle number, int64_t deadline,
                                  brood_handle *handle, brood_error *error);

/* ---- waiting: src/<system>/wait.c -------------------------------------------------------- */

/* Either a process, ready when it has ended, or a channel, ready when a read or write may go. */
typedef struct brood_os_wait_item {
    brood_os_process *process;
    brood_os_channel *channel;
    bool to_write;
    bool ready; /* out */
} brood_os_wait_item;

#define BROOD_OS_WAIT_MAX 16
#define BROOD_OS_NO_DEADLINE INT64_MAX

/*
 * Blocks until at least one of up to BROOD_OS_WAIT_MAX items is ready, or the deadline passes
 * (BROOD_ERR_TIMEOUT; at once when it is past). Ready may be wrong, for instance when another
 * thread was faster: the caller tries and waits again. Several threads may wait for the same
 * items, while others use them. Items with neither process nor channel are passed over.
 */
brood_status brood_os_wait(brood_os_wait_item *items, size_t count, int64_t deadline,
                           brood_error *error);

/* ---- waiting for many: src/<system>/poller.c ---------------------------------------------- */

/*
 * Waits for any number of channels and processes. One thread waits; any thread may add, remove and
 * wake meanwhile.
 */
typedef struct brood_os_poller brood_os_poller;

brood_status brood_os_poller_create(brood_os_poller **poller, brood_error *error);

/*
 * From now on a wait tells the owner of the channel when there is something to read in it, or it
 * is closed, again and again until that is read or the channel removed. The channel must be
 * removed before it is closed. An owner is never NULL.
 */
brood_status brood_os_poller_add(brood_os_poller *poller, brood_os_channel *channel, void *owner,
                                 brood_error *error);

/* A wait that is on its way may still tell the owner. Not added is fine. */
void brood_os_poller_remove(brood_os_poller *poller, brood_os_channel *channel);

/*
 * The same for a process: a wait tells the owner when it has ended, which it may have done before,
 * again and again until it is removed. It is not reaped, and must be removed before it is. The
 * owner may be that of a channel, too.
 */
brood_status brood_os_poller_add_process(brood_os_poller *poller, brood_os_process *process,
                                         void *owner, brood_error *error);
void brood_os_poller_remove_process(brood_os_poller *poller, brood_os_process *process);

/*
 * Blocks until there is something for at least one owner: up to most of them, *count many, each
 * once. BROOD_OK with none: somebody called wake. BROOD_ERR_TIMEOUT: the deadline passed. May tell
 * an owner for nothing.
 */
brood_status brood_os_poller_wait(brood_os_poller *poller, void **owners, size_t most,
                                  size_t *count, int64_t deadline, brood_error *error);

/*
 * Ends the wait that is under way, or the next one. Blocks only as long as the system has no memory
 * for it (Windows).
 */
void brood_os_poller_wake(brood_os_poller *poller);

/*
 * For a program with an event loop of its own: a descriptor (to be read, for poll and its kin) or
 * HANDLE (for WaitForMultipleObjects) that is ready when a wait whose deadline is past would find
 * something, or a wake, and after brood_os_poller_call. It may be ready for nothing. It lives as
 * long as the poller, whose it is; the program only waits for it. Called at most once, right after
 * create; the three functions below it are for a poller that has a handle.
 */
brood_status brood_os_poller_handle(brood_os_poller *poller, brood_handle *handle,
                                    brood_error *error);

/*
 * Whether the handle shows what a wait would find, as it does at first. While a thread of the
 * program waits in the poller, that thread takes what comes, and the program's loop shall sleep.
 */
void brood_os_poller_show(brood_os_poller *poller, bool shows);

/* The handle is ready until brood_os_poller_answer, whatever it shows. Never blocks. */
void brood_os_poller_call(brood_os_poller *poller);
void brood_os_poller_answer(brood_os_poller *poller);

/* Nobody waits any more; all channels and processes were removed. */
void brood_os_poller_free(brood_os_poller *poller);

/* ---- shared memory: src/<system>/segment.c ----------------------------------------------- */

/* Memory that a child gets by handle. It has no name that a stranger could open. */
typedef struct brood_os_segment {
    brood_handle handle; /* passed by spawn */
    void *base;          /* mapped for reading and writing; zero at first */
    size_t size;
} brood_os_segment;

/*
 * Room that cannot be had is BROOD_ERR_NO_MEMORY or _LIMIT now, and no SIGBUS later. is_lazy: where
 * memory for it is like that of malloc, it may be taken when it is touched.
 */
brood_status brood_os_segment_create(brood_os_segment *segment, size_t size, bool is_lazy,
                                     brood_error *error);

/* Maps a passed segment; it owns the handle only on success. A wrong size is refused. */
brood_status brood_os_segment_adopt(brood_os_segment *segment, brood_handle handle, size_t size,
                                    brood_error *error);

/* Unmaps and closes; a zeroed segment is fine. */
void brood_os_segment_close(brood_os_segment *segment);

/* ---- functions of modules: src/<system>/code.c ------------------------------------------- */

#define BROOD_OS_BUILD_ID_MAX 32

/* A function as (module, offset in it, identity of the module's build). */
typedef struct brood_os_code {
    char *module; /* malloc'd: the library's path, "" for the program itself */
    uint64_t offset;
    uint8_t build_id[BROOD_OS_BUILD_ID_MAX];
    size_t build_id_size;
} brood_os_code;

typedef void brood_os_function(void);

/* Finds the module of a function; the caller frees code->module. */
brood_status brood_os_code_locate(brood_os_code *code, brood_os_function *function,
                                  brood_error *error);

/*
 * The other way round, in the child; loads the library when it is not there yet, and keeps it.
 * BROOD_ERR_OTHER_BUILD: the module is not the one that was meant; BROOD_ERR_NO_FUNCTION: the
 * offset is not in its code; BROOD_ERR_NOT_FOUND: the library cannot be loaded.
 */
brood_status brood_os_code_resolve(const brood_os_code *code, brood_os_function **function,
                                   brood_error *error);

/*
 * The library or program that holds this code stays loaded until the process ends: for a thread that
 * nobody joins, which must not find its code gone.
 */
void brood_os_code_keep(void);

/* ---- programs: src/<system>/program.c ----------------------------------------------------- */

/*
 * The executable of this process as an absolute path; argv0 helps where the system does not
 * tell. Called once, early. The caller frees *path.
 */
brood_status brood_os_self_find(char **path, const char *argv0, brood_error *error);

/*
 * What to execute to get this same program again: path (from brood_os_self_find), or what the
 * system offers when the file at path has been replaced or deleted since. Not to be freed.
 */
const char *brood_os_self_path(const char *path);

/*
 * What it is executed with: NULL, its path alone; or the arguments of a loader (ld.so ./program)
 * that started it, to do so again. Not to be freed.
 */
const char *const *brood_os_self_arguments(void);

/*
 * The file of a command: name itself when it has a directory part, made absolute, or else the
 * first one in path_list (the value of PATH; NULL: the system's default). The caller frees *file.
 * BROOD_ERR_NOT_FOUND, BROOD_ERR_PERMISSION: it is not there, or not executable.
 */
brood_status brood_os_program_find(char **file, const char *name, const char *path_list,
                                   brood_error *error);

/*
 * path as it is meant now, whatever the working directory will be; of a program also a name without
 * a directory part, which stays, because it is looked up. The caller frees *absolute.
 */
brood_status brood_os_path_absolute(char **absolute, const char *path, bool is_program,
                                    brood_error *error);

/* brood-worker beside the library, or where it was installed. The caller frees *path. */
brood_status brood_os_worker_find(char **path, brood_error *error);

/* ---- what a program is given: src/<system>/arguments.c ------------------------------------- */

/* A copy of the environment; the caller frees it with one brood_os_environment_free. */
brood_status brood_os_environment_copy(char ***environment, brood_error *error);
void brood_os_environment_free(char **environment);

/*
 * Copies the value of a variable of this process, with the zero at its end, if that fits into size.
 * The size that it needs; 0: there is no such variable. Where there is no memory to look at it, it
 * does not fit.
 */
size_t brood_os_environment_get(const char *name, char *value, size_t size);

/* Sets a variable of this process, also for what getenv reads; without memory it does nothing. */
void brood_os_environment_set(const char *name, const char *value);

/* Removes a variable from this process's environment, also from what getenv reads. */
void brood_os_environment_remove(const char *name);

/* Whether two names of environment variables, of the given length, are the same here. */
bool brood_os_environment_same(const char *a, const char *b, size_t length);

/* ---- cores: src/<system>/cpu.c ------------------------------------------------------------ */

int brood_os_cpu_count(void);  /* switched on, at least 1 */
int brood_os_cpu_usable(void); /* by affinity and quotas, at least 1 */

/* ---- terminals: src/<system>/terminal.c ---------------------------------------------------- */

/* The columns of the terminal that the file writes to, 80 when it does not tell; 0: it is none. */
int brood_os_terminal_width(FILE *file);

/* ---- being a child: src/<system>/child.c -------------------------------------------------- */

/* First thing in a child: no dialogue boxes on a crash; names the process for ps and top. */
void brood_os_child_begin(const char *name);

/* Sets what brood_os_child_may_limit left to this process. */
void brood_os_child_limit(int nice, uint32_t cpu_time_limit_s);

/* Watches for memory_limit_bytes being hit, so that brood_os_child_out_of_memory can tell. */
void brood_os_child_watch_memory(uint64_t memory_limit_bytes, void (*report)(void));

/* Whether an allocation failed for the limit, as far as can be told. */
bool brood_os_child_out_of_memory(void);

/* The largest resident memory of this process, in bytes; 0 where the parent is told better. */
uint64_t brood_os_child_peak_memory(void);

/* Whether a child needs a thread that watches its channel also when it is no daemon. */
bool brood_os_child_needs_watch(void);

/* From now on this process, and what it starts, does not end for Ctrl-C. */
void brood_os_child_ignore_interrupt(void);

/* Does what SIGTERM does to this process; may return. */
void brood_os_child_raise_terminate(void);

/* Ends this process in order: what brood_os_at_exit and others have left to do is done first. */
_Noreturn void brood_os_exit_process(int code);

/* What is to be called at such an end, the last one first. False: there is no memory for it. */
bool brood_os_at_exit(void (*function)(void));

/* Ends this process at once, and with tree its group, without running anything more. */
_Noreturn void brood_os_child_end(int code, bool tree);

/*
 * Goes on in a copy of this process, which is nobody's child, while this one ends with code 0.
 * False: there can be no copy.
 */
bool brood_os_child_detach(void);

int64_t brood_os_self_pid(void);

/*
 * The number by which this process knows the one at the other end of its channel, which calls itself
 * said: 0 when that one is in another PID namespace, where numbers mean nothing here.
 */
int64_t brood_os_parent_pid(const brood_os_channel *channel, int64_t said);

/*
 * Something to wait for the end of the process that started this one, whose number here is pid; its
 * channel may stay open in a copy of it. NULL where the system has nothing for it. *is_gone: it
 * has ended already.
 */
brood_os_process *brood_os_parent_open(int64_t pid, bool *is_gone);

/* Gives back its memory only: the number that it waits at may be the function's by now. */
void brood_os_parent_forget(brood_os_process *parent);

/*
 * From now on the calling thread has these (parent may be NULL), whatever other threads close, and
 * no other handle. Where the system cannot do that: nothing.
 */
void brood_os_child_keep(brood_os_channel *channel, brood_os_process *parent);

/*
 * Whether the process of that number is the one that started this one, as far as can be known; it may
 * have ended. channel is what it should have left here, and is data from outside.
 */
bool brood_os_is_child_of(int64_t pid, brood_handle channel);

/* The stack of a thread that asks for none, in bytes; 0: it takes no memory before it is used. */
size_t brood_os_default_stack(void);

/* ---- rights: src/<system>/rights.c -------------------------------------------------------- */

/*
 * Whether this program got more rights than whoever started it has, by its file (set-user-ID,
 * set-group-ID, capabilities): then its environment is that of somebody who must not decide for it.
 */
bool brood_os_is_privileged(void);

/*
 * Whether the other end of what may be an end of a channel was made by a process with this process's
 * rights: BROOD_OK, or BROOD_ERR_PERMISSION, also where the system does not tell. In a child, before it
 * reads. Changes nothing: the handle may be another one of the program's.
 */
brood_status brood_os_channel_check_peer(brood_handle end, brood_error *error);

/* ---- signals: src/<system>/signals.c ------------------------------------------------------- */

/* The calling thread's mask of signals. */
typedef struct brood_os_signals {
    uint64_t bits[16];
} brood_os_signals;

/* From here to release the calling thread, and those that it starts, take no signals. */
void brood_os_signals_hold(brood_os_signals *before);
void brood_os_signals_release(const brood_os_signals *before);

/* The calling thread takes the signals of its own faults (SIGSEGV ...), whatever it holds back. */
void brood_os_signals_admit_faults(void);

/*
 * From here to release pthread_cancel does not end the calling thread: it takes effect after that.
 * hold returns what release is given.
 */
int brood_os_cancel_hold(void);
void brood_os_cancel_release(int held);

#if defined(BROOD_FAULTS) && !defined(BROOD_SEAM)
#include "faults_platform.h"
#endif

#endif
