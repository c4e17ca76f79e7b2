#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system.h"

#if defined(BROOD_LINUX)
#include <sys/syscall.h>
#elif defined(BROOD_KQUEUE)
#include <sys/event.h>
#endif

#if defined(__APPLE__)
#define MAXRSS_UNIT 1 /* bytes; elsewhere kibibytes */
#else
#define MAXRSS_UNIT 1024
#endif

/* Of exit_fd and reaped: several threads may wait for one process, and another reap it. */
static pthread_mutex_t exit_lock = PTHREAD_MUTEX_INITIALIZER;

int64_t brood_os_process_pid(const brood_os_process *process)
{
    return process->pid;
}

int brood_posix_pidfd_open(pid_t pid)
{
#if defined(BROOD_LINUX)
    return (int)syscall(SYS_pidfd_open, pid, 0); /* close-on-exec; -1 before Linux 5.3 */
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
 * ru_maxrss of the child (exec_mmap in fs/exec.c). What does not exceed that says nothing.
 */
static void account(const brood_os_process *process, const struct rusage *usage,
                    brood_os_exit *result)
{
    uint64_t peak = (uint64_t)usage->ru_maxrss * MAXRSS_UNIT;

    result->cpu_user_us = microseconds(&usage->ru_utime);
    result->cpu_system_us = microseconds(&usage->ru_stime);
    result->peak_memory_bytes = peak > process->peak_at_spawn ? peak : 0;
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

/*
 * The end of exactly this process: 1 (taken), 0 (it still runs), -1 (errno). By pidfd where there
 * is one: after a foreign wait took our child, its number may be that of another child.
 */
#if defined(BROOD_LINUX)

/* The system call has a fifth parameter that the C library does not offer. */
static long wait_by(idtype_t type, int id, siginfo_t *info, struct rusage *usage)
{
    long result = 0;

    do {
        result = syscall(SYS_waitid, type, id, info, WEXITED | WNOHANG, usage);
    } while (result < 0 && errno == EINTR);
    return result;
}

/* Linux 5.3, and a filter of system calls, may have pidfds and not this use of them. */
static int take_end(const brood_os_process *process, bool *exited, int *value, struct rusage *usage)
{
    siginfo_t info = {0};
    long result = -1;

    errno = ENOSYS;
    if (process->pidfd >= 0) {
        result = wait_by(P_PIDFD, process->pidfd, &info, usage);
    }
    if (result < 0 && errno != ECHILD) {
        result = wait_by(P_PID, process->pid, &info, usage);
    }
    *exited = info.si_code == CLD_EXITED;
    *value = info.si_status;
    return result < 0 ? -1 : info.si_pid != 0;
}

#else

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

/* While the leader is not reaped nobody else can have the number of its group. */
static void end_rest_of_group(const brood_os_process *process)
{
    siginfo_t info = {0};

    if (waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        info.si_pid == process->pid) {
        kill(-process->pid, SIGKILL);
    }
}

/*
 * One that waits by number (wait_for_end below) must have come back before the number can be given
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

    pthread_mutex_lock(&exit_lock);
    if (!is_waited_for(process)) {
        taken = take_end(process, exited, value, usage);
        saved = errno;
        process->reaped = taken > 0 || (taken < 0 && saved == ECHILD);
    }
    pthread_mutex_unlock(&exit_lock);
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
    if (process->leads_group && process->asked) {
        end_rest_of_group(process);
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
    account(process, &usage, result);
    decode(process, exited, value, result);
    return BROOD_OK;
}

/* A foreign wait may have taken it, too. */
bool brood_os_process_has_ended(const brood_os_process *process)
{
    siginfo_t info = {0};
    int result = 0;

    do {
        result = waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT);
    } while (result < 0 && errno == EINTR);
    return result < 0 || info.si_pid == process->pid;
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
    process->asked = true;
    return signal_unless_over(process, SIGTERM, error);
}

brood_status brood_os_process_kill(brood_os_process *process, brood_error *error)
{
    process->killed = true;
    return signal_unless_over(process, SIGKILL, error);
}

/* ---- a descriptor that tells the end ------------------------------------------------------ */

#if defined(BROOD_KQUEUE)

/* ESRCH: it has ended (filt_procattach, kern_event.c); then something else is always ready. */
static int watch(int queue, pid_t pid)
{
    struct kevent event;

    EV_SET(&event, pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
    if (kevent(queue, &event, 1, NULL, 0, NULL) == 0) {
        return 0;
    }
    if (errno != ESRCH) {
        return -1;
    }
    EV_SET(&event, 1, EVFILT_USER, EV_ADD, NOTE_TRIGGER, 0, NULL);
    return kevent(queue, &event, 1, NULL, 0, NULL);
}

static int watch_for_end(const brood_os_process *process)
{
    int queue = brood_posix_above_stdio(kqueue());
    int saved = 0;

    if (queue < 0) {
        return -1;
    }
    brood_posix_set_cloexec(queue, true);
    if (watch(queue, process->pid) < 0) {
        saved = errno;
        close(queue);
        errno = saved;
        return -1;
    }
    return queue;
}

#else

/* POSIX has nothing to poll: a thread waits (without reaping), and closes a pipe. */
typedef struct waiter {
    pid_t pid;
    int fd;
} waiter;

static void *wait_for_end(void *data)
{
    waiter *self = data;
    siginfo_t info;
    int result = 0;

    do {
        result = waitid(P_PID, (id_t)self->pid, &info, WEXITED | WNOWAIT);
    } while (result < 0 && errno == EINTR);
    close(self->fd);
    free(self);
    return NULL;
}

static int start_waiter(waiter *self)
{
    pthread_attr_t attributes;
    pthread_t thread;
    brood_os_signals before;
    int result = 0;

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    brood_os_signals_hold(&before);
    result = pthread_create(&thread, &attributes, wait_for_end, self);
    brood_os_signals_release(&before);
    pthread_attr_destroy(&attributes);
    return result;
}

static int watch_for_end(const brood_os_process *process)
{
    waiter *self = brood_malloc(sizeof *self);
    int fds[2] = {-1, -1};

    if (self == NULL || brood_posix_pipe(fds) < 0) {
        free(self);
        return -1;
    }
    self->pid = process->pid;
    self->fd = fds[1];
    errno = start_waiter(self);
    if (errno != 0) {
        close(fds[0]);
        close(fds[1]);
        free(self);
        return -1;
    }
    return fds[0];
}

#endif

/* A pipe whose other end is closed: always ready. */
static int open_ready_fd(void)
{
    int fds[2];

    if (brood_posix_pipe(fds) < 0) {
        return -1;
    }
    close(fds[1]);
    return fds[0];
}

static int open_exit_fd(const brood_os_process *process)
{
    if (process->pidfd >= 0) {
        return process->pidfd;
    }
    return process->reaped ? open_ready_fd() : watch_for_end(process);
}

int brood_posix_exit_fd(brood_os_process *process, brood_error *error)
{
    int fd = -1;
    int saved = 0;

    pthread_mutex_lock(&exit_lock);
    if (process->exit_fd < 0) {
        process->exit_fd = open_exit_fd(process);
        saved = errno;
    }
    fd = process->exit_fd;
    pthread_mutex_unlock(&exit_lock);
    if (fd < 0) {
        brood_posix_fail(error, saved, "exit descriptor");
        errno = saved;
    }
    return fd;
}

int brood_posix_known_exit_fd(const brood_os_process *process)
{
    int fd = -1;

    pthread_mutex_lock(&exit_lock);
    fd = process->exit_fd;
    pthread_mutex_unlock(&exit_lock);
    return fd;
}

void brood_os_process_free(brood_os_process *process)
{
    if (process == NULL) {
        return;
    }
    if (process->exit_fd >= 0 && process->exit_fd != process->pidfd) {
        close(process->exit_fd);
    }
    if (process->pidfd >= 0) {
        close(process->pidfd);
    }
    free(process);
}

/* ---- names ------------------------------------------------------------------------------- */

const char *brood_os_signal_name(int64_t code)
{
    static const struct {
        int number;
        const char *name;
    } names[] = {
        {SIGABRT, "SIGABRT"}, {SIGALRM, "SIGALRM"},     {SIGBUS, "SIGBUS"},   {SIGFPE, "SIGFPE"},
        {SIGHUP, "SIGHUP"},   {SIGILL, "SIGILL"},       {SIGINT, "SIGINT"},   {SIGKILL, "SIGKILL"},
        {SIGPIPE, "SIGPIPE"}, {SIGPROF, "SIGPROF"},     {SIGQUIT, "SIGQUIT"}, {SIGSEGV, "SIGSEGV"},
        {SIGSYS, "SIGSYS"},   {SIGTERM, "SIGTERM"},     {SIGTRAP, "SIGTRAP"}, {SIGUSR1, "SIGUSR1"},
        {SIGUSR2, "SIGUSR2"}, {SIGVTALRM, "SIGVTALRM"}, {SIGXCPU, "SIGXCPU"}, {SIGXFSZ, "SIGXFSZ"}};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].number == code) {
            return names[i].name;
        }
    }
    return "";
}
