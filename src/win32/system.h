/* What the files of src/win32 share. */
#ifndef BROOD_SRC_WIN32_SYSTEM_H
#define BROOD_SRC_WIN32_SYSTEM_H

#include <windows.h>

#define BROOD_SEAM /* not the seam with faults, see the end of platform.h */

#include "base/error.h"
#include "base/memory.h"
#include "platform.h"

/*
 * The exit codes of processes that we ended. Bit 29 marks them as no code of the system's:
 * https://learn.microsoft.com/windows/win32/debug/getlasterror
 */
#define BROOD_WIN32_KILLED 0xE0B20009u
#define BROOD_WIN32_TERMINATED 0xE0B2000Fu

struct brood_os_process {
    HANDLE process;
    HANDLE job;  /* NULL: it needs none */
    HANDLE port; /* of the job's messages; NULL: it has no limit */
    DWORD pid;
    bool kill_tree;
    bool ask_by_signal;
    bool is_reaped;
    bool asked;
    bool killed;
    bool has_cpu_limit;
};

/* ---- system.c ----------------------------------------------------------------------------- */

/* Fills error for a code of GetLastError, and returns the status that it maps to. */
/* Whether the kernel lacks memory, or a quota is used up, which may pass. */
bool brood_win32_is_shortage(DWORD code);

brood_status brood_win32_fail(brood_error *error, DWORD code, const char *step);

/* UTF-16 of UTF-8, malloc'd. Text that is not UTF-8 is refused in the name of the argument. */
brood_status brood_win32_wide(wchar_t **wide, const char *text, const char *argument,
                              brood_error *error);

/* UTF-8 of UTF-16, malloc'd; NULL: out of memory. A lone surrogate becomes U+FFFD. */
char *brood_win32_utf8(const wchar_t *wide);

/* The path made absolute, with backslashes; malloc'd. */
brood_status brood_win32_full_path(wchar_t **full, const wchar_t *path, brood_error *error);

/* The file of a module (NULL: the program); malloc'd. */
brood_status brood_win32_module_path(wchar_t **path, HMODULE module, brood_error *error);

/*
 * Every handle that brood opens passes through these two, for brood_os_handle_count. Both accept
 * NULL and INVALID_HANDLE_VALUE, and keep the last error as it was.
 */
HANDLE brood_win32_opened(HANDLE handle);
void brood_win32_close(HANDLE handle);
LONG brood_win32_open_count(void);

/* ---- arguments.c -------------------------------------------------------------------------- */

/* argv as one command line that the C runtime splits into just these arguments; malloc'd. */
brood_status brood_win32_command_line(wchar_t **line, const char *const *argv, brood_error *error);

/* The environment as CreateProcessW takes it, sorted, with SystemRoot; malloc'd. */
brood_status brood_win32_environment_block(wchar_t **block, const char *const *environment,
                                           brood_error *error);

/* Whether CreateProcessW would run cmd.exe for this file. */
bool brood_win32_is_batch_file(const wchar_t *path);

/* ---- pipe.c ------------------------------------------------------------------------------- */

/* How the two ends of a pipe are opened; ours is always overlapped. */
typedef struct brood_win32_pipe_kind {
    DWORD access;       /* of our end */
    DWORD child_access; /* attributes too: C runtimes ask what kind of file it is */
    DWORD child_flags;
    bool reads, writes; /* what we do */
} brood_win32_pipe_kind;

/*
 * Opens both ends of a pipe of this user's that nobody else can have found. What is open after a
 * failure, too, is the caller's.
 */
DWORD brood_win32_pipe_open(HANDLE *ours, HANDLE *child, const brood_win32_pipe_kind *kind);

/* Checks that a number from outside is the child's end of such a pipe, and stops its inheritance. */
DWORD brood_win32_pipe_check(HANDLE handle);

/* Whether such a pipe was made by a process of this process's user: ERROR_SUCCESS, or a reason. */
DWORD brood_win32_pipe_check_owner(HANDLE handle);

/*
 * Gives a pipe a completion port, without which the system cancels what a thread has begun when
 * the thread ends, and bytes that were written would be lost. Fails if it is not overlapped.
 * https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-exitthread
 */
DWORD brood_win32_pipe_attach(HANDLE *port, HANDLE handle);

/*
 * A new completion port, of that file or (NULL) of none yet; NULL on failure. It holds nobody back:
 * a thread that has once taken from a port counts as one of its running threads as long as it runs,
 * whatever it does, and beyond their number others would get nothing.
 * https://learn.microsoft.com/windows/win32/fileio/i-o-completion-ports
 */
HANDLE brood_win32_port_create(HANDLE file);

/* Takes the packets of what was not done at once out of the port. */
void brood_win32_pipe_empty_port(HANDLE port);

/* ---- wait.c, channel.c -------------------------------------------------------------------- */

/* The milliseconds until the deadline as waiting functions take them. */
DWORD brood_win32_timeout_ms(int64_t deadline);

/* The function that runs in a child cannot close it. */
void brood_win32_channel_protect(const brood_os_channel *channel);

/*
 * A wait of the system's, whose callbacks come from a thread of our own: those of the program's
 * pool may all be busy with work that waits for us. A callback must not block.
 * https://learn.microsoft.com/windows/win32/api/threadpoolapiset/nf-threadpoolapiset-createthreadpool
 */
DWORD brood_win32_wait_create(PTP_WAIT *wait, PTP_WAIT_CALLBACK callback, void *data);

/* Nothing is waited for any more, and no callback runs; not in a callback. */
void brood_win32_wait_stop(PTP_WAIT wait);

/* One that is stopped, or by its own callback, as the last thing in it. */
void brood_win32_wait_free(PTP_WAIT wait);

/* The event that is set when a read or write may go; begins a read if there is none. */
HANDLE brood_win32_channel_event(brood_os_channel *channel, bool to_write);

/* ---- origin.c ----------------------------------------------------------------------------- */

struct brood_os_origin {
    wchar_t *directory;
    DWORD priority_class; /* that a child is given without being told one */
    DWORD_PTR cpus;       /* 0: not known, or in several groups */
};

/* The cores, if they are others than those of this process now; else 0. origin may be NULL. */
DWORD_PTR brood_win32_origin_cpus(const brood_os_origin *origin);

/* ---- spawn.c, job.c ------------------------------------------------------------------------- */

/* Whether something is to be set before the process runs. */
static inline bool brood_win32_starts_suspended(const brood_os_spawn *spawn)
{
    return spawn->cpu_count > 0;
}

/*
 * The job that the options ask for, with the port of its messages; NULL where none is needed. One
 * that starts suspended ends with us until brood_win32_job_started: nobody else would resume it.
 */
brood_status brood_win32_job_create(HANDLE *job, HANDLE *port, const brood_os_spawn *spawn,
                                    brood_error *error);
DWORD brood_win32_job_started(HANDLE job, const brood_os_spawn *spawn);

/* Ends that are ours have the numbers that they have on POSIX. */
#define BROOD_WIN32_SIGKILL 9
#define BROOD_WIN32_SIGTERM 15

#endif
