#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <fcntl.h>

#if defined(__linux__)
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include "posix/system.h"

/* Nearer than this to the limit, the next allocation would have failed, or one did. */
#define NEARLY(limit) ((limit) - (limit) / 16)

static struct {
    long maxrss_at_begin;
    uint64_t memory_limit_bytes;
    void (*report)(void);
} child;

void brood_os_child_begin(const char *name)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    child.maxrss_at_begin = usage.ru_maxrss;
#if defined(__linux__)
    if (name[0] != '\0') {
        prctl(PR_SET_NAME, name); /* cut to 15 bytes */
    }
#else
    (void)name;
#endif
}

/* A line "NAME: number kB" of /proc/self/status, in bytes; 0 where there is none. Signal-safe. */
static uint64_t status_bytes(const char *name)
{
    char text[4096];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    const char *at = NULL;
    uint64_t value = 0;

    if (fd >= 0) {
        close(fd);
    }
    text[size > 0 ? size : 0] = '\0';
    at = strstr(text, name);
    if (at == NULL) {
        return 0;
    }
    for (at += strlen(name); *at == ' ' || *at == '\t'; at++) {
    }
    for (; *at >= '0' && *at <= '9'; at++) {
        value = value * 10 + (uint64_t)(*at - '0');
    }
    return value * 1024;
}

/* errno is of the thread that exits: what failed last failed for want of memory. */
bool brood_os_child_out_of_memory(void)
{
    return child.memory_limit_bytes > 0 && errno == ENOMEM;
}

/*
 * A failed allocation mostly ends in one of these. errno is of the thread that fails: ENOMEM says
 * what even one much too large request leaves no other trace of.
 */
static void on_crash(int number)
{
    int before = errno;

    if (before == ENOMEM || status_bytes("VmSize:") >= NEARLY(child.memory_limit_bytes)) {
        child.report();
    }
    signal(number, SIG_DFL);
    raise(number); /* now blocked; it ends us on the return from here */
}

void brood_os_child_watch_memory(uint64_t memory_limit_bytes, void (*report)(void))
{
    static const int crashes[] = {SIGSEGV, SIGABRT, SIGBUS};
    static char stack[16384]; /* a crash may be of the stack */
    stack_t alternate = {0};
    struct sigaction action;

    child.memory_limit_bytes = memory_limit_bytes;
    child.report = report;
    if (sigaltstack(NULL, &alternate) == 0 && (alternate.ss_flags & SS_DISABLE) != 0) {
        alternate = (stack_t){.ss_sp = stack, .ss_size = sizeof stack};
        sigaltstack(&alternate, NULL);
    }
    for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++) {
        if (sigaction(crashes[i], NULL, &action) == 0 && action.sa_handler == SIG_DFL) {
            memset(&action, 0, sizeof action); /* else it is the program's own, and stays */
            action.sa_handler = on_crash;
            action.sa_flags = SA_ONSTACK;
            sigaction(crashes[i], &action, NULL);
        }
    }
}

/* See account() in process.c: the parent knows better when we have grown since exec. */
uint64_t brood_os_child_peak_memory(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss > child.maxrss_at_begin ? 0 : status_bytes("VmHWM:");
}

bool brood_os_child_needs_watch(void)
{
    return false;
}

void brood_os_child_limit(int nice, uint32_t cpu_time_limit_s)
{
    brood_posix_job_limit(nice, cpu_time_limit_s);
}

void brood_os_child_ignore_interrupt(void)
{
    signal(SIGINT, SIG_IGN);
}

void brood_os_child_raise_terminate(void)
{
    kill(getpid(), SIGTERM);
}

_Noreturn void brood_os_exit_process(int code)
{
    exit(code);
}

bool brood_os_at_exit(void (*function)(void))
{
    return atexit(function) == 0;
}

_Noreturn void brood_os_child_end(int code, bool tree)
{
    if (tree && getpgrp() == getpid()) {
        kill(0, SIGKILL);
    }
    _exit(code);
}

void brood_os_parent_forget(brood_os_process *parent)
{
    free(parent);
}

#if defined(BROOD_LINUX)

/* It had the number when it started us; if it is still our parent, the number is still its own. */
brood_os_process *brood_os_parent_open(int64_t pid, bool *is_gone)
{
    brood_os_process *parent = brood_calloc(1, sizeof *parent);
    int pidfd = pid != 0 && getppid() == pid ? brood_posix_pidfd_open((pid_t)pid) : -1;

    *is_gone = getppid() != pid;
    if (parent == NULL || pidfd < 0 || *is_gone) {
        brood_os_handle_close(pidfd);
        free(parent);
        return NULL;
    }
    parent->pid = (pid_t)pid;
    parent->pidfd = pidfd;
    parent->exit_fd = pidfd;
    return parent;
}

#elif defined(BROOD_KQUEUE)

/* A queue tells of any process (man 2 kqueue, EVFILT_PROC). Ours is still the parent afterwards. */
brood_os_process *brood_os_parent_open(int64_t pid, bool *is_gone)
{
    brood_os_process *parent = brood_calloc(1, sizeof *parent);

    if (parent != NULL) {
        *parent = (brood_os_process){.pid = (pid_t)pid, .exit_fd = -1, .pidfd = -1};
        if (brood_posix_exit_fd(parent, NULL) < 0) {
            brood_os_process_free(parent);
            parent = NULL;
        }
    }
    *is_gone = getppid() != pid;
    if (*is_gone) {
        brood_os_process_free(parent);
        parent = NULL;
    }
    return parent;
}

#else

brood_os_process *brood_os_parent_open(int64_t pid, bool *is_gone)
{
    *is_gone = getppid() != pid;
    return NULL;
}

#endif

#if defined(BROOD_LINUX) && defined(SYS_close_range)

#define UNSHARE 2U /* CLOSE_RANGE_UNSHARE; musl comes without the kernel's headers */

static bool close_between(int after, int before, unsigned flags)
{
    return before - after < 2 ||
           syscall(SYS_close_range, (unsigned)(after + 1), (unsigned)(before - 1), flags) == 0;
}

/*
 * A thread can have descriptors of its own: CLOSE_RANGE_UNSHARE of close_range(2), since Linux 5.9.
 * It closes the rest, so that the function is alone in holding, and closing, what is the function's.
 */
void brood_os_child_keep(brood_os_channel *channel, brood_os_process *parent)
{
    int a = brood_posix_channel_fd(channel);
    int b = parent != NULL ? parent->pidfd : a;
    int low = a < b ? a : b;
    int high = a < b ? b : a;

    if (close_between(-1, low, UNSHARE) && close_between(low, high, 0)) {
        close_between(high, INT_MAX, 0);
    }
}

#else

void brood_os_child_keep(brood_os_channel *channel, brood_os_process *parent)
{
    (void)channel;
    (void)parent;
}

#endif

#if defined(BROOD_LINUX)

/* As this process sees it: SO_PEERCRED of unix(7) translates the number. */
int64_t brood_os_parent_pid(const brood_os_channel *channel, int64_t said)
{
    struct ucred peer;
    socklen_t size = sizeof peer;

    return getsockopt(brood_posix_channel_fd(channel), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0
               ? peer.pid
               : said;
}

#else

int64_t brood_os_parent_pid(const brood_os_channel *channel, int64_t said)
{
    (void)channel;
    return getppid() == 0 ? 0
                          : said; /* 0 is the parent in another namespace, where there are any */
}

#endif

size_t brood_os_default_stack(void)
{
    pthread_attr_t attributes;
    size_t size = 0;

    if (pthread_attr_init(&attributes) != 0) {
        return 0;
    }
    pthread_attr_getstacksize(&attributes, &size);
    pthread_attr_destroy(&attributes);
    return size;
}

/* A program that has just begun: few pages are copied, and no thread of ours is lost. */
bool brood_os_child_detach(void)
{
    pid_t pid = fork();

    if (pid > 0) {
        _exit(0);
    }
    return pid == 0;
}

int64_t brood_os_self_pid(void)
{
    return getpid();
}

/* Whether nobody has the other end any more. What is in the channel is not touched. */
static bool is_left(brood_handle channel)
{
    struct pollfd slot = {(int)channel, 0, 0};

    return poll(&slot, 1, 0) == 1 && (slot.revents & POLLHUP) != 0;
}

/*
 * A wrong "no" would let a child run its program's main; a wrong "yes", another program the function.
 * A parent that has ended is still ours. Until it is reaped it has its number: the channel tells. Who takes
 * over its children has begun before it, and has a smaller number, as long as numbers do not begin anew:
 * process 1, or a subreaper. A program that its child has started has that child, with a larger one, as its
 * parent.
 */
bool brood_os_is_child_of(int64_t pid, brood_handle channel)
{
    pid_t parent = getppid();

    if (parent == pid || parent == 0) {
        return true;
    }
    return parent < pid && ((kill((pid_t)pid, 0) < 0 && errno == ESRCH) || is_left(channel));
}
