/*
 * brood/process.h - a function, or another program, in a process of its own.
 *
 * A process may be used from any thread, and from several at once; only brood_process_destroy
 * must be the last call, and each of its streams is for one thread at a time. A thread that is
 * cancelled (pthread_cancel) in a call goes on to its end.
 * Times are milliseconds; BROOD_FOREVER waits without end, 0 does not wait.
 */
#ifndef BROOD_PROCESS_H
#define BROOD_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <brood/export.h>
#include <brood/status.h>
#include <brood/task.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct brood_process brood_process;

#define BROOD_FOREVER (INT64_C(-1))

/* ---- How a process ended ---------------------------------------------------------------- */

typedef enum brood_exit_reason {
    BROOD_EXIT_NONE = 0,       /* it still runs */
    BROOD_EXIT_CODE = 1,       /* it exited by itself; code is its exit code */
    BROOD_EXIT_SIGNAL = 2,     /* a signal or an exception; code is the signal or NTSTATUS */
    BROOD_EXIT_TERMINATED = 3, /* by brood_process_terminate, which it did not resist */
    BROOD_EXIT_KILLED = 4,     /* by brood_process_kill, or by terminate after the grace period */
    BROOD_EXIT_TIMEOUT = 5,    /* it ran for longer than its timeout_ms */
    BROOD_EXIT_MEMORY = 6,     /* it failed for its memory_limit_bytes, as far as that is seen */
    BROOD_EXIT_CPU_TIME = 7,   /* it used up its cpu_time_limit_s */
    BROOD_EXIT_START = 8,      /* it never came to its function; error says why */
    BROOD_EXIT_LOST = 9        /* it ended, and somebody else in this program took its status */
} brood_exit_reason;

typedef struct brood_exit_info {
    size_t struct_size; /* set by BROOD_EXIT_INFO_INIT */
    brood_exit_reason reason;
    int32_t reserved;
    /* The exit code (the whole int that a function returned), signal number, or NTSTATUS. */
    int64_t code;
    char name[40];              /* "SIGSEGV", "EXCEPTION_ACCESS_VIOLATION"; "" for a code */
    uint64_t cpu_user_us;       /* microseconds, with the children that it waited for */
    uint64_t cpu_system_us;     /* the same, in the kernel */
    uint64_t peak_memory_bytes; /* the largest resident memory; 0: not known */
    brood_error error;          /* for BROOD_EXIT_START: which step failed, and how */
} brood_exit_info;

#ifdef __cplusplus
#define BROOD_EXIT_INFO_INIT brood_exit_info_init()
static inline brood_exit_info brood_exit_info_init()
{
    brood_exit_info info = brood_exit_info();
    info.struct_size = sizeof info;
    return info;
}
#else
#define BROOD_EXIT_INFO_INIT                                                                       \
    {                                                                                              \
        .struct_size = sizeof(brood_exit_info)                                                     \
    }
#endif

/* ---- How a process is started ----------------------------------------------------------- */

typedef enum brood_stdio_mode {
    BROOD_STDIO_INHERIT = 0, /* the parent's, if it is not close-on-exec; else the null device */
    BROOD_STDIO_NULL = 1,    /* the null device */
    /*
     * path: read for stdin; created or emptied for the others. A FIFO does not hold up the start:
     * one that nobody writes is at its end, and one that nobody reads is an error.
     */
    BROOD_STDIO_FILE = 2,
    BROOD_STDIO_APPEND = 3, /* path, written at its end; not for stdin */
    BROOD_STDIO_PIPE = 4,   /* a pipe to the parent: brood_process_read and _write */
    BROOD_STDIO_STDOUT = 5  /* where stdout goes; for stderr only */
} brood_stdio_mode;

typedef struct brood_stdio {
    brood_stdio_mode mode;
    const char *path;
} brood_stdio;

typedef enum brood_environment_mode {
    BROOD_ENVIRONMENT_ADD = 0,    /* the parent's, with the given variables added or changed */
    BROOD_ENVIRONMENT_REPLACE = 1 /* the given variables and no other (Windows: SystemRoot too) */
} brood_environment_mode;

/*
 * Everything is copied before a start returns. A zero field is its default. Strings are UTF-8.
 * An option that the system cannot honour is an error (BROOD_ERR_NOT_SUPPORTED), not ignored.
 */
typedef struct brood_process_options {
    size_t struct_size; /* set by BROOD_PROCESS_OPTIONS_INIT */
    brood_error *error; /* filled when the start fails; the caller's */

    const char *name;          /* for people: at most 255 bytes */
    const char *function_name; /* instead of a function: one that the executable registered */
    /*
     * Another program that calls brood_init, instead of this one. It must have registered the
     * function: give its name, or a function that is registered here under the same name.
     * In brood_command_start: run this file, with argv[0] as given.
     */
    const char *executable;

    const char *working_directory; /* relative names of programs and files are the parent's */
    brood_environment_mode environment_mode;
    const char *const *environment; /* "NAME=value" strings, then NULL; "NAME" alone removes it */

    brood_stdio stdin_to, stdout_to, stderr_to;

    /*
     * Handles that the child gets besides stdio; it gets no other of the program's. (A function's
     * process has some of brood's beside them: a channel to its parent, for a daemon also a pidfd,
     * for a large argument a segment.) brood_task_handle gives them to a function. In a command on
     * POSIX they are the descriptors 3, 4, ... in this order; on Windows brood_handle values are not
     * told to a command. They stay open in the parent.
     */
    const brood_handle *handles;
    size_t handle_count; /* at most 256 */

    /*
     * daemon: the process ends when this one does, within two seconds, however this one ends, from
     * its brood_init on. Otherwise it lives on. (Not tied to the thread that starts it. A program
     * that executes another one ends its daemons, on POSIX, as if it had ended. On POSIX a command is
     * ended by a guard, a process of this same program: where both are killed at once, the command
     * lives on. On Windows a daemon with a limit takes what it started along when it ends.)
     */
    bool daemon;
    /*
     * kill_tree: terminate, kill, time-out and daemon, while it runs, also end what it started
     * (POSIX: the process group that it leads, so Ctrl-C in a terminal does not reach it;
     * Windows: its job).
     */
    bool kill_tree;

    int nice;             /* -20 to 19, added to the parent's; Windows: the priority class */
    const unsigned *cpus; /* the cores that it may run on, by number; not on macOS */
    size_t cpu_count;

    /*
     * The most memory that it can have; what exceeds it fails to allocate. (POSIX: address
     * space; Windows: committed memory.) 0: no limit.
     */
    uint64_t memory_limit_bytes;
    uint32_t cpu_time_limit_s;     /* CPU seconds; 0: no limit */
    uint32_t timeout_ms;           /* it is killed when it runs for longer; 0: no limit */
    uint32_t handshake_timeout_ms; /* a function must be reached within; 0: 30,000 */
} brood_process_options;

#ifdef __cplusplus
#define BROOD_PROCESS_OPTIONS_INIT brood_process_options_init()
static inline brood_process_options brood_process_options_init()
{
    brood_process_options options = brood_process_options();
    options.struct_size = sizeof options;
    return options;
}
#else
#define BROOD_PROCESS_OPTIONS_INIT                                                                 \
    {                                                                                              \
        .struct_size = sizeof(brood_process_options)                                               \
    }
#endif

/*
 * Runs function in a new process: this program started afresh, up to brood_init. It gets a copy
 * of the size bytes at arg (NULL and 0: none). NULL options are all defaults. function is NULL
 * when options->function_name names it.
 *
 * Returns when the program is being executed, without waiting for the function. What the system
 * refuses up to there (the file, the directory, a limit, a core) is an error here; a child that
 * never comes to the function (no brood_init, another build, an unknown function, a library that
 * is missing) is seen at the join, with BROOD_EXIT_START. The caller owns *process and gives it to
 * brood_process_destroy. On failure *process is NULL, and no process and no handle is left.
 *
 * BROOD_ERR_ARGUMENT: an argument or option, named in options->error, breaks its rule; so does a
 * size above SIZE_MAX / 2. Options without their struct_size, all zero but for error, are told, too.
 * BROOD_ERR_NOT_INITIALIZED, BROOD_ERR_BOOTSTRAPPING: called too early.
 * BROOD_ERR_NOT_FOUND, _PERMISSION, _LIMIT, _NOT_SUPPORTED, _NO_MEMORY, _OS: as they say.
 * Any thread. Since 0.1.
 */
BROOD_API brood_status brood_process_start(brood_process **process, brood_function *function,
                                           const void *arg, size_t size,
                                           const brood_process_options *options);

/*
 * Runs another program: argv[0] is its path, or its name in PATH (the child's PATH, when the
 * options change it); the array ends with NULL. Every argument arrives exactly as given; no
 * shell is involved. On Windows the program must parse its command line by the rules of the
 * C runtime; batch files are refused, because cmd.exe has no safe quoting.
 *
 * What is said of brood_process_start holds, but function_name and handshake_timeout_ms do not
 * apply: they must be zero. A failed exec is an error of this call: BROOD_ERR_NOT_FOUND also for a
 * script whose interpreter is missing, BROOD_ERR_PERMISSION for a file that is not executable,
 * BROOD_ERR_OS for one that is no program, or that somebody writes for longer than a moment.
 * The first command of a program that is a daemon starts a guard on POSIX (see the guide): what is
 * said of starting a function holds for it, with BROOD_ERR_NO_HELLO when it does not come up. When
 * somebody has killed the guard, such a start waits for the next one, and no other call does.
 * Since 0.1.
 */
BROOD_API brood_status brood_command_start(brood_process **process, const char *const *argv,
                                           const brood_process_options *options);

/*
 * Waits until the process has ended. BROOD_OK: it has (also when it had already: joining twice,
 * or from many threads, is fine). BROOD_ERR_TIMEOUT: it still runs. BROOD_ERR_ARGUMENT: a NULL,
 * or a negative time-out that is not BROOD_FOREVER. Another error: the system cannot wait for it
 * now; nothing has changed. Since 0.1.
 */
BROOD_API brood_status brood_process_join(brood_process *process, int64_t timeout_ms);

/* Whether the process still runs; false for NULL. Does not block. Since 0.1. */
BROOD_API bool brood_process_is_alive(brood_process *process);

/*
 * Asks the process to end, waits up to grace_ms for it, then kills it; returns when it has
 * ended. The question is SIGTERM; on Windows a child that runs a function of ours gets
 * raise(SIGTERM) from a thread of brood's, so signal() works alike, and a command gets
 * CTRL_BREAK; one that is stopped goes on to hear it. One that has ended already is fine.
 * BROOD_ERR_ARGUMENT: a NULL, a negative grace_ms. BROOD_ERR_PERMISSION: it has become another user,
 * and may not be killed. BROOD_ERR_TIMEOUT: it was killed, and has not ended 10 seconds later.
 * BROOD_ERR_OS: it cannot be killed for another reason. After an error it still runs, but others of
 * its tree may have ended. Since 0.1.
 */
BROOD_API brood_status brood_process_terminate(brood_process *process, int64_t grace_ms);

/*
 * Kills the process at once (SIGKILL, TerminateProcess) and returns without waiting for the end.
 * One that has ended already is fine. BROOD_ERR_ARGUMENT: a NULL. BROOD_ERR_PERMISSION, _OS: as of
 * brood_process_terminate; it runs on, but others of its tree may have ended. Since 0.1.
 */
BROOD_API brood_status brood_process_kill(brood_process *process);

/*
 * Tells how the process ended; reason is BROOD_EXIT_NONE while it runs. Does not block. info is
 * the caller's, begun with BROOD_EXIT_INFO_INIT. Since 0.1.
 */
BROOD_API brood_status brood_process_exit_info(brood_process *process, brood_exit_info *info);

/*
 * Writes what info says, such as "ended by signal or exception 11 (SIGSEGV)", cut to size
 * bytes with its end. Returns the length that it would have. Any thread. Since 0.1.
 */
BROOD_API size_t brood_exit_text(const brood_exit_info *info, char *buffer, size_t size);

/* The system's number of the process; it stays after the end. -1 for NULL. Since 0.1. */
BROOD_API int64_t brood_process_pid(const brood_process *process);

/* The name from the options, "" if none; lives as long as the process. Since 0.1. */
BROOD_API const char *brood_process_name(const brood_process *process);

/* ---- Streams: stdio with BROOD_STDIO_PIPE ------------------------------------------------ */

typedef enum brood_stream {
    BROOD_STDIN = 0,
    BROOD_STDOUT = 1,
    BROOD_STDERR = 2
} brood_stream;

/*
 * Reads what the process wrote: at least one byte, up to size, into buffer; *got says how many.
 * BROOD_ERR_CLOSED: the end of the stream, here or in brood_process_communicate. BROOD_ERR_TIMEOUT:
 * nothing came. BROOD_ERR_STATE: that stream is not a pipe. BROOD_ERR_ARGUMENT: a NULL, a size of 0,
 * or stdin. Since 0.1.
 */
BROOD_API brood_status brood_process_read(brood_process *process, brood_stream stream, void *buffer,
                                          size_t size, size_t *got, int64_t timeout_ms);

/*
 * Writes to the stdin of the process until all size bytes are taken. *put says how many were,
 * also on failure; it may be NULL. BROOD_ERR_CLOSED: it does not read any more (there is no
 * SIGPIPE). BROOD_ERR_TIMEOUT: it did not take all of it in time. BROOD_ERR_STATE: its stdin is not
 * a pipe, or was closed. Since 0.1.
 */
BROOD_API brood_status brood_process_write(brood_process *process, const void *buffer, size_t size,
                                           size_t *put, int64_t timeout_ms);

/* Ends the stdin of the process: it reads the end of the stream. Again is fine. Since 0.1. */
BROOD_API brood_status brood_process_close_stdin(brood_process *process);

/* What a process wrote. data ends with a zero byte that size does not count. */
typedef struct brood_output {
    char *data;
    size_t size;
} brood_output;

/*
 * Feeds input to stdin and ends it, collects stdout and stderr to their ends, and joins; streams
 * that are not pipes are left out. out and err may be NULL: what comes is dropped. The caller
 * frees data with brood_free, also after a failure; then it is NULL or what came so far. After
 * BROOD_ERR_TIMEOUT the process still runs, or one that it has started has its streams: end the
 * process, or go on with brood_process_read (how much of the input it has is not told). Since 0.1.
 */
BROOD_API brood_status brood_process_communicate(brood_process *process, const void *input,
                                                 size_t size, brood_output *out, brood_output *err,
                                                 int64_t timeout_ms);

/* Frees what brood allocated for the caller; NULL is fine. Since 0.1. */
BROOD_API void brood_free(void *memory);

/*
 * Frees the process; NULL is fine. A daemon that still runs is killed first, and waited for; any
 * other lives on, without its timeout_ms, and is reaped by the first start, or destroy of another
 * process, after its end. Returns NULL, for `process = destroy(process)`.
 * The pointer must not be in use by another thread. Since 0.1.
 */
BROOD_API brood_process *brood_process_destroy(brood_process *process);

#ifdef __cplusplus
}
#endif

#endif
