/* What the POSIX files share. The core includes only platform.h. */
#ifndef BROOD_SRC_POSIX_SYSTEM_H
#define BROOD_SRC_POSIX_SYSTEM_H

#include <sched.h>
#include <sys/socket.h>
#include <sys/types.h>

#define BROOD_SEAM /* not the seam with faults, see the end of platform.h */

#include "base/error.h"
#include "base/memory.h"
#include "platform.h"

/*
 * What this system has beyond POSIX. A generic build takes none of it, so that what macOS runs
 * is tested on Linux too.
 */
#if defined(__linux__) && !defined(BROOD_GENERIC_POSIX)
#define BROOD_LINUX 1
#elif defined(__APPLE__) && !defined(BROOD_GENERIC_POSIX)
#define BROOD_KQUEUE 1
#endif

/*
 * posix_spawn, where it can close all other descriptors. Since macOS 12 vfork there is fork (XNU,
 * fork1), which copies the parent's maps. A generic build takes it where the C library has
 * addclosefrom_np (glibc 2.34), so that it is tested. Elsewhere vfork is as cheap, and can do more.
 */
#if defined(__APPLE__)
#define BROOD_POSIX_SPAWN 1
#elif defined(BROOD_GENERIC_POSIX) && defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 34)
#define BROOD_POSIX_SPAWN 1
#endif
#endif

typedef struct brood_posix_waiter brood_posix_waiter; /* of exit.c */

/* Of orphans.c, which has it once the leader was reaped. */
typedef struct brood_posix_group {
    pid_t number;
    struct brood_posix_group *next;
} brood_posix_group;

struct brood_os_process {
    pid_t pid;
    int exit_fd; /* readable when it has ended; -1 until somebody waits */
    brood_posix_waiter *waiter;
    int pidfd;                /* Linux: the process itself, whatever becomes of its number; or -1 */
    unsigned long long birth; /* tells one that was left alone from a later one; 0: unknown */
    bool leads_group;
    brood_posix_group
        *group; /* made at the start, so that no memory is needed at the end; or NULL */
    bool reaped;
    uint32_t cpu_time_limit_s;
    bool asked;
    bool killed;
    uint64_t peak_at_spawn; /* what the parent's own memory leaves in the child's account */
};

/* The status that tells what errno means to a caller. */
brood_status brood_posix_status(int os_code);

/* The milliseconds that poll and its kin take, rounded up, of a part of a far deadline; -1: none. */
int brood_posix_timeout_ms(int64_t deadline);

/* brood_fail for a system call that has just failed with os_code. */
brood_status brood_posix_fail(brood_error *error, int os_code, const char *step);

/* The same for a failed "execve" or "working_directory" of a spawn, with the path in question. */
brood_status brood_posix_exec_fail(brood_error *error, int code, const char *step,
                                   const brood_os_spawn *spawn);

/*
 * Descriptors are close-on-exec and above stdio, also when the program has closed 0 to 2.
 * Closes fd, returns the new one; -1 and errno.
 */
int brood_posix_above_stdio(int fd);

int brood_posix_set_cloexec(int fd, bool on);

int brood_posix_make_nonblocking(int fd);

/* ---- pipe.c: both ends close-on-exec and above stdio; -1 and errno ------------------------- */

int brood_posix_socket_pair(int fds[2]);
int brood_posix_pipe(int fds[2]);

/* ---- thread.c ------------------------------------------------------------------------------- */

/* One that nobody joins, with all signals held back; 0, or an error number. */
int brood_posix_thread_start(void *(*run)(void *data), void *data);

/* ---- orphans.c ------------------------------------------------------------------------------ */

/* Sees again to what brood_os_orphans_reap could get no thread for; nobody waits. */
void brood_posix_orphans_retry(void);

/* ---- origin.c ------------------------------------------------------------------------------- */

struct brood_os_origin {
    char *directory; /* NULL: it has no name */
    int nice;
#if defined(BROOD_LINUX)
    int policy; /* -1: not known */
    int priority;
    bool has_cpus; /* not where the system knows more cores than a cpu_set_t */
    cpu_set_t cpus;
#endif
};

/* The directory, as long as it is there; origin may be NULL. */
const char *brood_posix_origin_directory(const brood_os_origin *origin);

/* In the child, system calls only: the cores and the scheduling policy. */
void brood_posix_origin_enter(const brood_os_origin *origin);

/* ---- job.c: what a child may use ----------------------------------------------------------- */

typedef struct brood_posix_job {
    const brood_os_spawn *spawn;
    void *cpus;    /* a set of cores; NULL: all */
    void *granted; /* room for another */
    size_t cpus_size;
    bool no_new_privs;
} brood_posix_job;

/* In the parent: checks, and makes what needs memory. */
brood_status brood_posix_job_prepare(brood_posix_job *job, const brood_os_spawn *spawn,
                                     brood_error *error);

/* In the child, system calls only: NULL, or the step that failed, and errno. */
const char *brood_posix_job_enter(const brood_posix_job *job);

/* The same for these two. */
const char *brood_posix_job_limit(int nice, uint32_t cpu_time_limit_s);

void brood_posix_job_discard(brood_posix_job *job);

/* ---- spawn_system.c: starting by posix_spawn ----------------------------------------------- */

#if defined(BROOD_POSIX_SPAWN)

/* Whether posix_spawn can do what is asked for: it sets no limits, drops no rights, tells no guard. */
bool brood_posix_system_spawns(const brood_os_spawn *spawn);

/* What a child sets itself must be sure to succeed, for a refusal is an error of the start. */
bool brood_posix_child_may_limit(int nice, uint32_t cpu_time_limit_s);

/* Descriptor i of the child is sources[i], for count of them; it has no others. */
brood_status brood_posix_spawn_by_system(pid_t *pid, const brood_os_spawn *spawn,
                                         const int *sources, int count, brood_error *error);

#endif

/* ---- rights.c ------------------------------------------------------------------------------- */

/* Whether executing the file would give rights that this process has not. */
bool brood_posix_file_gives_rights(const char *path);

/* ---- signals.c: a failing write without SIGPIPE ---------------------------------------------- */

/*
 * Of sendmsg and send. macOS has it since 15 only, but there (as on NetBSD) a descriptor itself can
 * be told to be silent.
 */
#if defined(MSG_NOSIGNAL) && !defined(__APPLE__)
#define BROOD_POSIX_SILENT MSG_NOSIGNAL
#else
#define BROOD_POSIX_SILENT 0
#endif

/* For each descriptor that is written: tells it, where that is possible. */
void brood_posix_silence(int fd);

/* As write, to a descriptor that was silenced. */
ssize_t brood_posix_write_quietly(int fd, const void *buffer, size_t size);

/* ---- stash.c --------------------------------------------------------------------------------- */

/* Descriptors that came with bytes and were not taken yet, in order; a zeroed one is empty. */
typedef struct brood_posix_stash {
    int *fds; /* malloc'd; -1: it was lost on the way */
    size_t first, end, room;
    size_t lost; /* how many came after these, for which there was no memory */
} brood_posix_stash;

/* As read, for a socket; what descriptors come with the bytes is put into the stash. */
ssize_t brood_posix_receive(int fd, void *buffer, size_t size, brood_posix_stash *stash);

/* As write, of one byte with a descriptor. */
ssize_t brood_posix_send_fd(int socket, int fd);

/* Whether there was one, which may have been lost: then it is -1. */
bool brood_posix_stash_take(brood_posix_stash *stash, int *fd);
void brood_posix_stash_close(brood_posix_stash *stash);

/* ---- channel.c, process.c, exit.c ---------------------------------------------------------- */

/*
 * The descriptor to poll for a channel, what came in a channel, and the descriptor to poll for the
 * end of a process (-1: errno).
 */
int brood_posix_channel_fd(const brood_os_channel *channel);
brood_posix_stash *brood_posix_channel_stash(brood_os_channel *channel);
int brood_posix_exit_fd(brood_os_process *process, brood_error *error);

/* Of exit_fd and reaped: several threads may wait for one process, and another reap it. */
extern pthread_mutex_t brood_posix_exit_lock;

/* Closes what a thread that waits by number has; the caller closes exit_fd. */
void brood_posix_drop_waiter(brood_os_process *process);

/* A pidfd; -1 (errno) where there is none. */
int brood_posix_pidfd_open(pid_t pid);

/* The same as brood_posix_exit_fd if somebody has asked for it; -1: nobody has. */
int brood_posix_known_exit_fd(const brood_os_process *process);

#endif
