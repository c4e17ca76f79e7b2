/* A descriptor that tells the end of a process. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "posix/system.h"

#if defined(BROOD_KQUEUE)
#include <sys/event.h>
#endif

pthread_mutex_t brood_posix_exit_lock = PTHREAD_MUTEX_INITIALIZER;

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

static int watch_for_end(brood_os_process *process)
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

void brood_posix_drop_waiter(brood_os_process *process)
{
    (void)process; /* the queue is all */
}

#else

/*
 * POSIX has nothing to poll: a thread waits (without reaping), and writes a byte to a pipe. (To
 * close an end would not do: a plain fork of the program has another one.)
 * Guarded by brood_posix_exit_lock.
 */
struct brood_posix_waiter {
    pid_t pid;
    int fds[2];     /* of the process; the reading end is its exit_fd */
    bool is_done;   /* the thread has come back, and looks no more */
    bool is_wanted; /* by the process */
};

static void *wait_for_end(void *data)
{
    brood_posix_waiter *self = data;
    siginfo_t info;
    ssize_t put = 0;
    int result = 0;

    do {
        result = waitid(P_PID, (id_t)self->pid, &info, WEXITED | WNOWAIT);
    } while (result < 0 && errno == EINTR);
    pthread_mutex_lock(&brood_posix_exit_lock);
    self->is_done = true;
    if (self->is_wanted) {
        put = write(self->fds[1], "", 1);
    }
    (void)put;
    if (!self->is_wanted) {
        free(self);
    }
    pthread_mutex_unlock(&brood_posix_exit_lock);
    return NULL;
}

/* Called with brood_posix_exit_lock. */
static int watch_for_end(brood_os_process *process)
{
    brood_posix_waiter *self = brood_calloc(1, sizeof *self);

    if (self == NULL || brood_posix_pipe(self->fds) < 0) {
        free(self);
        return -1;
    }
    self->pid = process->pid;
    self->is_wanted = true;
    errno = brood_posix_thread_start(wait_for_end, self);
    if (errno != 0) {
        close(self->fds[0]);
        close(self->fds[1]);
        free(self);
        return -1;
    }
    process->waiter = self;
    return self->fds[0];
}

void brood_posix_drop_waiter(brood_os_process *process)
{
    brood_posix_waiter *self = process->waiter;

    process->waiter = NULL;
    if (self == NULL) {
        return;
    }
    pthread_mutex_lock(&brood_posix_exit_lock);
    close(self->fds[1]);
    self->is_wanted = false;
    if (self->is_done) {
        free(self);
    }
    pthread_mutex_unlock(&brood_posix_exit_lock);
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

static int open_exit_fd(brood_os_process *process)
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

    pthread_mutex_lock(&brood_posix_exit_lock);
    if (process->exit_fd < 0) {
        process->exit_fd = open_exit_fd(process);
        saved = errno;
    }
    fd = process->exit_fd;
    pthread_mutex_unlock(&brood_posix_exit_lock);
    if (fd < 0) {
        brood_posix_fail(error, saved, "exit descriptor");
        errno = saved;
    }
    return fd;
}

int brood_posix_known_exit_fd(const brood_os_process *process)
{
    int fd = -1;

    pthread_mutex_lock(&brood_posix_exit_lock);
    fd = process->exit_fd;
    pthread_mutex_unlock(&brood_posix_exit_lock);
    return fd;
}
