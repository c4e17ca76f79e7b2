#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "posix/system.h"

#if defined(BROOD_LINUX)
#include <sys/syscall.h>
#endif

#if defined(__APPLE__)
#define MAXRSS_UNIT 1 /* bytes; elsewhere kibibytes */
#else
#define MAXRSS_UNIT 1024
#endif

int64_t brood_os_process_pid(const brood_os_process *process)
{
    return process->pid;
}

int brood_posix_pidfd_open(pid_t pid)
{
#if defined(BROOD_LINUX)
    /* close-on-exec; -1 before Linux 5.3 */
    return brood_posix_above_stdio((int)syscall(SYS_pidfd_open, pid, 0));
#else
    (void)pid;
    return -1;
#endif
}

brood_status brood_os_process_open(brood_os_process **process, int64_t pid, bool leads_group,
                                   bool *can_wait, brood_error *error)
{
    brood_os_process *made = brood_calloc(1, sizeof *made);

    *process = NULL;
    *can_wait = false;
    if (made == NULL) {
        return brood_fail_memory(error, "process");
    }
    made->pid = (pid_t)pid;
    made->leads_group = leads_group;
    made->exit_fd = -1;
    made->pidfd = brood_posix_pidfd_open(made->pid);
#if defined(BROOD_KQUEUE)
    *can_wait = brood_posix_exit_fd(made, NULL) >= 0;
#else
    *can_wait = made->pidfd >= 0;
#endif
    *process = made;
    return BROOD_OK;
}

/* ---- the end ----------------------------------------------------------------------------- */

static uint64_t microseconds(const struct timeval *time)
{
    return (uint64_t)time->tv_sec * 1000000 + (uint64_t)time->tv_usec;
}

/*
 * On Linux exec leaves the memory of the process that called it - the parent's, after vfork - in
 * ru_maxrss of the child (exec_mmap in fs/exec.c). What does not exceed that says nothing. Both are
 * read from counters of the kernel's that are summed up only now and then, so what is near it does
 * not either.
 */
static void account(const brood_os_process *process, const struct rusage *usage,
                    brood_os_exit *result)
{
    uint64_t peak = (uint64_t)usage->ru_maxrss * MAXRSS_UNIT;
    uint64_t inherited = process->peak_at_spawn + process->peak_at_spawn / 16;

    result->cpu_user_us = microseconds(&usage->ru_utime);
    result->cpu_system_us = microseconds(&usage->ru_stime);
    result->peak_memory_bytes = peak > inherited ? peak : 0;
}

/* The soft limit sends SIGXCPU; the hard one, a second later, SIGKILL. */
static void decode(const brood_os_process *process, bool exited, int value, brood_os_exit *result)
{
    uint64_t limit_us = (uint64_t)process->cpu_time_limit_s * 1000000;
    bool used_up = result->cpu_user_us + result->cpu_system_us >= limit_us;

    result->reason = exited ? BROOD_EXIT_CODE : BROOD_EXIT_SIGNAL;
    result->code = value;
    if (!exited && limit_us > 0 &&
        (value == SIGXCPU || (value == SIGKILL && used_up && !process->killed))) {
        result->reason = BROOD_EXIT_CPU_TIME;
    }
}

#if defined(BROOD_LINUX)

/* When it began, in ticks since the boot (man 5 proc, stat, field 22): also of a zombie; 0: unknown. */
static unsigned long long birth_of(pid_t pid)
{
    char path[40];
    char text[1024];
    const char *at = NULL;
    int fd = -1;
    ssize_t size = 0;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    size = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    brood_os_handle_close(fd);
    text[size > 0 ? size : 0] = '\0';
    at = strrchr(text, ')'); /* behind its name, which may have anything in it */
    for (int field = 2; at != NULL && field < 22; field++) {
        at = strchr(at + 1, ' ');
    }
    return at == NULL ? 0 : strtoull(at, NULL, 10);
}

#else

static unsigned long long birth_of(pid_t pid)
{
    (void)pid;
    return 0;
}

#endif

#if defined(BROOD_LINUX)

/* The system call has a fifth parameter that the C library does not offer. */
static long wait_by(idtype_t type, int id, siginfo_t *info, int options, struct rusage *usage)
{
    long result = 0;

    do {
        result = syscall(SYS_waitid, type, id, info, WEXITED | WNOHANG | options, usage);
    } while (result < 0 && errno == EINTR);
    return result;
}

/*
 * By pidfd where there is one: after a foreign wait took our child, its number may be that of another
 * child. Linux 5.3, and a filter of system calls, may have pidfds and not this use of them.
 */
static long wait_for_this(const brood_os_process *process, siginfo_t *info, int options,
                          struct rusage *usage)
{
    long result = -1;

    errno = ENOSYS;
    if (process->pidfd >= 0) {
        result = wait_by(P_PIDFD, process->pidfd, info, options, usage);
    }
    return result < 0 && errno != ECHILD ? wait_by(P_PID, process->pid, info, options, usage)
                                         : result;
}

/* A foreign wait may have taken it, too. */
bool brood_os_process_has_ended(const brood_os_process *process)
{
    siginfo_t info = {0};

    return wait_for_this(process, &info, WNOWAIT, NULL) < 0 || info.si_pid != 0;
}

/* Whether a foreign wait took the end of one that was left alone, and its number is used again. */
static bool is_another(const brood_os_process *process)
{
    unsigned long long birth = process->birth != 0 ? birth_of(process->pid) : 0;

    return birth != 0 && birth != process->birth;
}

/* 1: taken; 0: it still runs; -1: errno. */
static int take_end(const brood_os_process *process, bool *exited, int *value, struct rusage *usage)
{
    siginfo_t info = {0};
    long result = -1;

    if (is_another(process)) {
        errno = ECHILD;
        return -1;
    }
    result = wait_for_this(process, &info, 0, usage);
    *exited = info.si_code == CLD_EXITED;
    *value = info.si_status;
    return result < 0 ? -1 : info.si_pid != 0;
}

#else

bool brood_os_process_has_ended(const brood_os_process *process)
{
    siginfo_t info = {0};
    int result = 0;

    do {
        result = waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT);
    } while (result < 0 && errno == EINTR);
    return result < 0 || info.si_pid == process->pid;
}

static int take_end(const brood_os_process *process, bool *exited, int *value, struct rusage *usage)
{
    int status = 0;
    pid_t pid = 0;

    do {
        pid = wait4(process->pid, &status, WNOHANG, usage);
    } while (pid < 0 && errno == EINTR);
    *exited = pid > 0 && WIFEXITED(status);
    *value = *exited ? WEXITSTATUS(status) : WTERMSIG(status);
    return pid < 0 ? -1 : pid != 0;
}

#endif

/*
 * While the leader is not reaped nobody else can have the number of its group. False: the leader has not
 * ended, and its end must not be taken before the rest is killed.
 */
static bool end_rest_of_group(const brood_os_process *process)
{
    siginfo_t info = {0};
    int result = waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT);

    if (result == 0 && info.si_pid == process->pid) {
        kill(-process->pid, SIGKILL);
        return true;
    }
    return result < 0; /* somebody else has taken the end: the number may be another group's */
}

/*
 * One that waits by number (wait_for_end in exit.c) must have come back before the number can be given
 * to another process. A pidfd means this one for ever.
 */
static bool is_waited_for(const brood_os_process *process)
{
    struct pollfd slot = {process->exit_fd, POLLIN, 0};

    return process->exit_fd >= 0 && process->exit_fd != process->pidfd && poll(&slot, 1, 0) == 0;
}

/* As take_end, with the lock that keeps others from beginning to wait meanwhile. */
static int take_end_alone(brood_os_process *process, bool *exited, int *value, struct rusage *usage)
{
    int taken = 0;
    int saved = 0;

    pthread_mutex_lock(&brood_posix_exit_lock);
    if (!is_waited_for(process)) {
        taken = take_end(process, exited, value, usage);
        saved = errno;
        process->reaped = taken > 0 || (taken < 0 && saved == ECHILD);
    }
    pthread_mutex_unlock(&brood_posix_exit_lock);
    errno = saved;
    return taken;
}

brood_status brood_os_process_reap(brood_os_process *process, brood_os_exit *result,
                                   brood_error *error)
{
    struct rusage usage = {0};
    bool exited = false;
    int value = 0;
    int taken = 0;

    *result = (brood_os_exit){BROOD_EXIT_NONE, 0, 0, 0, 0};
    if (process->leads_group && process->asked && !end_rest_of_group(process)) {
        return BROOD_ERR_TIMEOUT;
    }
    taken = take_end_alone(process, &exited, &value, &usage);
    if (taken == 0) {
        return BROOD_ERR_TIMEOUT;
    }
    if (taken < 0 && errno != ECHILD) {
        return brood_posix_fail(error, errno, "wait");
    }
    if (taken < 0) { /* the program ignores SIGCHLD, or waits for any child */
        result->reason = BROOD_EXIT_LOST;
        return BROOD_OK;
    }
    if (process->leads_group && (process->asked || process->killed)) {
        brood_os_orphans_reap(process);
    }
    account(process, &usage, result);
    decode(process, exited, value, result);
    return BROOD_OK;
}

/* ---- signals ----------------------------------------------------------------------------- */

/* By pidfd where there is one: a number can be somebody else's after a foreign wait took ours. */
static int signal_alone(const brood_os_process *process, int number)
{
#if defined(BROOD_LINUX)
    if (process->pidfd >= 0) {
        long result = syscall(SYS_pidfd_send_signal, process->pidfd, number, NULL, 0);

        if (result == 0 || errno == ESRCH) {
            return (int)result;
        } /* else it may be refused by a filter that lets kill pass */
    }
#endif
    return kill(process->pid, number);
}

/*
 * It may have left its group, or the group may be left. A group that has others in it takes the
 * signal also when its leader may not be signalled, so the leader is always asked itself (by 0,
 * which only asks, when it gets the signal with the group).
 */
static int send_signal(const brood_os_process *process, int number)
{
    bool in_group = process->leads_group && getpgid(process->pid) == process->pid;
    int result = 0;
    int saved = 0;

    if (!in_group) {
        result = signal_alone(process, number);
        saved = errno;
        if (process->leads_group) {
            kill(-process->pid, number);
        }
    } else {
        result = signal_alone(process, 0);
        saved = errno;
        if (kill(-process->pid, number) < 0 && result == 0) {
            result = signal_alone(process, number);
            saved = errno;
        }
    }
    errno = saved;
    return result;
}

static brood_status signal_unless_over(brood_os_process *process, int number, brood_error *error)
{
    if (process->reaped || send_signal(process, number) == 0 || errno == ESRCH) {
        return BROOD_OK;
    }
    return brood_posix_fail(error, errno, "kill");
}

brood_status brood_os_process_ask(brood_os_process *process, brood_error *error)
{
    brood_status status = signal_unless_over(process, SIGTERM, error);

    process->asked = true;
    if (status == BROOD_OK) { /* one that is stopped would not hear of it */
        signal_unless_over(process, SIGCONT, NULL);
    }
    return status;
}

brood_status brood_os_process_kill(brood_os_process *process, brood_error *error)
{
    brood_status status = signal_unless_over(process, SIGKILL, error);

    process->killed = process->killed || status == BROOD_OK;
    return status;
}

static void close_descriptors(brood_os_process *process)
{
    brood_posix_drop_waiter(process);
    if (process->exit_fd >= 0 && process->exit_fd != process->pidfd) {
        close(process->exit_fd);
    }
    brood_os_handle_close(process->pidfd);
    process->exit_fd = process->pidfd = -1;
}

void brood_os_process_free(brood_os_process *process)
{
    if (process == NULL) {
        return;
    }
    close_descriptors(process);
    free(process->group);
    free(process);
}

bool brood_os_process_leave(brood_os_process *process)
{
    process->birth = process->pidfd >= 0 ? birth_of(process->pid) : 0;
    close_descriptors(process);
    return true;
}
