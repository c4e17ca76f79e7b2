#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "posix/system.h"

#if defined(BROOD_LINUX)
#include <sys/syscall.h>
#endif

#if defined(__clang__) && defined(__APPLE__)
#pragma clang diagnostic ignored                                                                   \
    "-Wdeprecated-declarations" /* it is for limits and guards only there */
#endif

#define STDIO_COUNT 3
#define EXIT_FAILED 127
#define GUARD_WAIT_MS 5000 /* for room in the channel of a guard, which reads at once */

/* What the child says when a step fails; it fits a pipe, so it arrives whole. */
typedef struct failure {
    int os_code;
    char step[32];
} failure;

/*
 * What a child of vfork leaves in our memory: it tells the outcome without a wait for the end of the
 * report, which a plain fork of another thread's may hold open. Where vfork is a plain fork (under
 * Valgrind and ThreadSanitizer) nothing comes, and the report tells.
 */
typedef struct trace {
    volatile bool is_ours; /* the child ran in our memory */
    volatile pid_t pid;    /* as the child sees it */
    failure failed;        /* no step: none */
} trace;

/*
 * All that the child needs, made before: between vfork and exec it may only make system calls.
 * Descriptor i of the child is to be sources[i]; the last one reports a failure and goes at exec.
 */
typedef struct plan {
    const brood_os_spawn *spawn;
    int *sources;
    int count;   /* with the report */
    int null_fd; /* ours, for a stdio that the parent has not; or -1 */
    int report[2];
    const char *directory; /* NULL: this process's */
    int open_max;          /* 0: close_range does it */
    brood_posix_job job;
    trace left;
} plan;

/* ---- before ------------------------------------------------------------------------------ */

/*
 * Whether the program has that stream for its children. One that is close-on-exec it has not: with a
 * stream closed, any file that another thread of ours reads for a moment has its number.
 */
static bool is_open(int fd)
{
    int flags = fcntl(fd, F_GETFD);

    return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

static brood_status choose_stdio(plan *made, brood_error *error)
{
    brood_status status = BROOD_OK;

    for (int i = 0; i < STDIO_COUNT; i++) {
        brood_handle wanted = made->spawn->stdio[i];
        brood_handle null = BROOD_HANDLE_NONE;

        if (wanted == BROOD_OS_SAME_AS_STDOUT) {
            made->sources[i] = made->sources[STDOUT_FILENO];
        } else if (wanted != BROOD_HANDLE_NONE) {
            made->sources[i] = (int)wanted;
        } else if (is_open(i)) {
            made->sources[i] = i;
        } else {
            if (made->null_fd < 0) {
                status = brood_os_null_open(&null, error);
            }
            if (status != BROOD_OK) {
                return status;
            }
            made->null_fd = made->null_fd < 0 ? (int)null : made->null_fd;
            made->sources[i] = made->null_fd;
        }
    }
    return BROOD_OK;
}

static brood_status open_report(plan *made, brood_error *error)
{
    int fds[2];

    if (brood_posix_pipe(fds) < 0) {
        return brood_posix_fail(error, errno, "pipe");
    }
    made->report[0] = fds[0];
    made->report[1] = fds[1];
    made->sources[made->count - 1] = fds[1];
    return BROOD_OK;
}

/* Numbers up to this are tried where nothing tells more; the limit can be a million, and more. */
#define SCAN_MAX 65536
#define SCAN_MORE 1024 /* and these, for what other threads open meanwhile */

/*
 * No open descriptor has this number or a higher one, but for what other threads open meanwhile.
 * The limit alone does not tell: it may have been lowered since. Nor does a /dev/fd that lists 0 to
 * 2 only (FreeBSD without fdescfs, fdescfs(5)); one that lists its own descriptor lists all.
 */
static int end_of_descriptors(void)
{
    long limit = sysconf(_SC_OPEN_MAX);
    long scanned = limit > 0 && limit < SCAN_MAX ? limit : SCAN_MAX;
    long highest = 0;
    bool is_whole = false;
    struct dirent *entry = NULL;
    DIR *directory = opendir("/dev/fd");

    if (directory == NULL) {
        return (int)scanned;
    }
    while ((entry = readdir(directory)) != NULL) { /* NOLINT: a directory of our own */
        long number = strtol(entry->d_name, NULL, 10);

        highest = number > highest ? number : highest;
        is_whole = is_whole || number == dirfd(directory);
    }
    closedir(directory);
    return (int)(is_whole || highest > scanned ? highest : scanned) + SCAN_MORE;
}

/* Closes all from first on at once: Linux since 5.9, and the BSDs. False: there is no such call. */
static bool close_from(int first)
{
#if defined(BROOD_LINUX) && defined(SYS_close_range)
    return syscall(SYS_close_range, (unsigned)first, ~0U, 0) == 0;
#elif defined(__FreeBSD__) || defined(__NetBSD__) || defined(__OpenBSD__) || defined(__DragonFly__)
    closefrom(first);
    return true;
#else
    (void)first;
    return false;
#endif
}

static brood_status prepare(plan *made, const brood_os_spawn *spawn, brood_error *error)
{
    brood_status status = BROOD_OK;

    *made = (plan){.spawn = spawn, .null_fd = -1, .report = {-1, -1}};
    made->directory = spawn->working_directory != NULL
                          ? spawn->working_directory
                          : brood_posix_origin_directory(spawn->origin);
    made->count = STDIO_COUNT + (int)spawn->handle_count + 1;
    made->sources = brood_calloc((size_t)made->count, sizeof *made->sources);
    if (made->sources == NULL) {
        return brood_fail_memory(error, "spawn");
    }
    for (size_t i = 0; i < spawn->handle_count; i++) {
        made->sources[STDIO_COUNT + i] = (int)spawn->handles[i];
    }
    status = choose_stdio(made, error);
    return status == BROOD_OK ? brood_posix_job_prepare(&made->job, spawn, error) : status;
}

static void discard(plan *made)
{
    brood_os_handle_close(made->null_fd);
    brood_os_handle_close(made->report[0]);
    brood_os_handle_close(made->report[1]);
    free(made->sources);
    brood_posix_job_discard(&made->job);
}

/* ---- in the child: async-signal-safe calls only ------------------------------------------- */

static _Noreturn void fail_child(plan *made, const char *step)
{
    failure what = {errno, ""};

    for (size_t i = 0; i < sizeof what.step - 1 && step[i] != '\0'; i++) {
        what.step[i] = step[i];
    }
    made->left.failed = what;
    while (write(made->sources[made->count - 1], &what, sizeof what) < 0 && errno == EINTR) {
    }
    _exit(EXIT_FAILED);
}

/* Two rounds: sources that lie among the targets go out of the way first. */
static void place_descriptors(plan *made)
{
    int last = made->count - 1;

    for (int i = 0; i < made->count; i++) {
        if (made->sources[i] < made->count && made->sources[i] != i) {
            int moved = fcntl(made->sources[i], F_DUPFD_CLOEXEC, made->count);

            if (moved < 0) {
                fail_child(made, "fcntl F_DUPFD_CLOEXEC");
            }
            made->sources[i] = moved;
        }
    }
    for (int i = 0; i < made->count; i++) {
        if (made->sources[i] != i && dup2(made->sources[i], i) < 0) {
            fail_child(made, "dup2");
        }
        brood_posix_set_cloexec(i, i == last);
    }
    made->sources[last] = last;
}

#if defined(__APPLE__)

/* poll says POLLNVAL of open devices there (XNU, poll_nocancel), and of nothing for no events. */
static void close_each(int first, int open_max)
{
    for (int fd = first; fd < open_max; fd++) {
        close(fd);
    }
}

#else

/* poll tells of many descriptors at once which are open; the limit can be a million. */
static void close_each(int first, int open_max)
{
    struct pollfd slots[256];
    long limit = sysconf(_SC_OPEN_MAX); /* poll takes no more at once */
    int most = limit > 0 && limit < 256 ? (int)limit : 256;

    while (first < open_max) {
        int count = open_max - first < most ? open_max - first : most;

        for (int i = 0; i < count; i++) {
            slots[i] = (struct pollfd){first + i, POLLIN, 0};
        }
        if (poll(slots, (nfds_t)count, 0) < 0 && errno != EINTR) {
            break;
        }
        for (int i = 0; i < count; i++) {
            if ((slots[i].revents & POLLNVAL) == 0) {
                close(slots[i].fd);
            }
        }
        first += count;
    }
}

#endif

/*
 * A stop by the terminal that is pending would take effect before the exec. The parent, which vfork
 * holds until then, would not stop with its group, and a shell would wait for that. To ignore a signal
 * discards what is pending of it (POSIX, 2.4.3).
 */
static void discard_stops(void)
{
    static const int stops[] = {SIGTSTP, SIGTTIN, SIGTTOU};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;

    for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++) {
        if (sigaction(stops[i], &ignore, &before) == 0) {
            sigaction(stops[i], &before, NULL);
        }
    }
}

/*
 * exec resets what is caught, but what is ignored stays so. An ignored hangup or interrupt is the
 * user's wish (nohup, a job in the background); of the rest a program expects the default.
 */
static void reset_signals(bool hold_back)
{
    struct sigaction action;
    sigset_t mask;

    for (int number = 1; number < NSIG; number++) {
        bool wish = number == SIGHUP || number == SIGINT || number == SIGQUIT;

        if (sigaction(number, NULL, &action) < 0 || action.sa_handler == SIG_DFL ||
            (wish && action.sa_handler == SIG_IGN)) {
            continue;
        }
        action.sa_handler = SIG_DFL;
        action.sa_flags = 0;
        sigaction(number, &action, NULL);
    }
    discard_stops();
    sigemptyset(&mask);
    if (hold_back) {
        sigfillset(&mask);
    }
    sigprocmask(SIG_SETMASK, &mask, NULL);
}

/* Before the program runs, so that it never runs behind the guard's back. */
static void tell_guard(plan *made)
{
    const brood_os_spawn *spawn = made->spawn;
    brood_os_ward ward = {getpid(), spawn->kill_tree, 0};
    int fd = brood_posix_channel_fd(spawn->guard);
    ssize_t put = write(fd, &ward, sizeof ward); /* a SIGPIPE is held back */

    while (put < 0 && (errno == EINTR || errno == EAGAIN)) {
        struct pollfd slot = {fd, POLLOUT, 0};

        if (errno == EAGAIN && poll(&slot, 1, GUARD_WAIT_MS) == 0) {
            errno = EAGAIN;
            break;
        }
        put = write(fd, &ward, sizeof ward);
    }
    if (put < 0) {
        fail_child(made, "guard");
    }
}

/* In the parent's memory: it is vfork. What a fork writes, its own exec takes. */
static void write_own_pid(char *digits)
{
    pid_t pid = getpid();

    for (int i = BROOD_OS_PID_DIGITS - 1; digits != NULL && i >= 0; i--) {
        digits[i] = (char)('0' + pid % 10);
        pid /= 10;
    }
}

static _Noreturn void become_program(plan *made)
{
    const brood_os_spawn *spawn = made->spawn;
    const char *failed = NULL;

    made->left.is_ours = true;
    made->left.pid = getpid();
    if (spawn->guard != NULL) {
        tell_guard(made);
    }
    place_descriptors(made);
    if (made->open_max == 0) {
        close_from(made->count);
    } else {
        close_each(made->count, made->open_max);
    }
    if (made->directory != NULL && chdir(made->directory) < 0 && spawn->working_directory != NULL) {
        fail_child(made, "working_directory");
    }
    if (spawn->is_guard && setsid() < 0) {
        fail_child(made, "setsid");
    }
    failed = brood_posix_job_enter(&made->job);
    if (failed != NULL) {
        fail_child(made, failed);
    }
    reset_signals(spawn->is_guard);
    write_own_pid(spawn->pid_text);
    execve(spawn->file, (char *const *)(uintptr_t)spawn->argv,
           (char *const *)(uintptr_t)spawn->environment);
    fail_child(made, "execve");
}

/* ---- the parent's side -------------------------------------------------------------------- */

/*
 * vfork: the cost does not grow with the parent's memory. All signals are held back, so that no
 * handler of the program runs in the child, on the parent's memory. (Where it is a plain fork -
 * under Valgrind and ThreadSanitizer - the same code is right, for what it tells goes by the pipe.)
 */
static pid_t launch(plan *made)
{
    brood_os_signals before;
    pid_t pid = -1;
    int saved = 0;
    int cancel = 0;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    brood_os_signals_hold(&before);
    pid = vfork(); /* NOLINT: the child makes system calls only, see plan */
    if (pid == 0) {
        become_program(made);
    }
    saved = errno;
    brood_os_signals_release(&before);
    pthread_setcancelstate(cancel, &cancel);
    errno = saved;
    return pid;
}

/* Waits for exec, which closes the pipe, or for what the child says. */
static void read_report(plan *made)
{
    ssize_t size = 0;

    close(made->report[1]);
    made->report[1] = -1;
    do {
        size = read(made->report[0], &made->left.failed, sizeof made->left.failed);
    } while (size < 0 && errno == EINTR);
    if (size != (ssize_t)sizeof made->left.failed) {
        made->left.failed.step[0] = '\0';
    }
}

static brood_status outcome(plan *made, brood_error *error)
{
    failure what;

    if (!made->left.is_ours) {
        read_report(made);
    }
    what = made->left.failed;
    if (what.step[0] == '\0') {
        return BROOD_OK;
    }
    if (strcmp(what.step, "execve") == 0 || strcmp(what.step, "working_directory") == 0) {
        return brood_posix_exec_fail(error, what.os_code, what.step, made->spawn);
    }
    if (strcmp(what.step, "cpus") == 0 && what.os_code == EINVAL) {
        return brood_fail_argument(error, "cpus",
                                   "has a core that is not there, or not for this process");
    }
    return brood_posix_fail(error, what.os_code, what.step);
}

static void tell_guard_more(brood_os_channel *guard, pid_t pid, bool leads_group, bool is_over)
{
    brood_os_ward ward = {pid, leads_group, is_over};
    int64_t deadline = brood_os_now() + GUARD_WAIT_MS * INT64_C(1000000);
    size_t put = 0;

    while (brood_os_channel_write(guard, &ward, sizeof ward, &put, NULL) == BROOD_ERR_TIMEOUT) {
        brood_os_wait_item item = {NULL, guard, true, false};

        if (brood_os_wait(&item, 1, deadline, NULL) != BROOD_OK) {
            return;
        }
    }
}

/* The program does not run after all; or in a PID namespace of its own, where it has another pid. */
static void correct_guard(const plan *made, pid_t pid, bool runs)
{
    pid_t told = made->left.is_ours ? made->left.pid : pid;

    if (!runs || told != pid) {
        tell_guard_more(made->spawn->guard, told, false, true);
    }
    if (runs && told != pid) {
        tell_guard_more(made->spawn->guard, pid, made->spawn->kill_tree, false);
    }
}

static void reap_failed(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

static uint64_t own_peak_memory(void)
{
#if defined(__linux__)
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss * 1024;
#else
    return 0;
#endif
}

static void describe(brood_os_process *process, const brood_os_spawn *spawn, pid_t pid)
{
    process->pid = pid;
    process->exit_fd = -1;
    process->pidfd = brood_posix_pidfd_open(pid);
    process->leads_group = spawn->kill_tree;
    process->cpu_time_limit_s = spawn->cpu_time_limit_s;
    process->peak_at_spawn = own_peak_memory();
}

static brood_os_process *new_process(bool leads_group)
{
    brood_os_process *made = brood_calloc(1, sizeof *made);

    if (made != NULL && leads_group) {
        made->group = brood_calloc(1, sizeof *made->group);
        if (made->group == NULL) {
            free(made);
            return NULL;
        }
    }
    return made;
}

static brood_status start_by_vfork(pid_t *pid, plan *made, brood_error *error)
{
    brood_status status = open_report(made, error);

    if (status != BROOD_OK) {
        return status;
    }
    made->open_max = close_from(INT_MAX) ? 0 : end_of_descriptors();
    *pid = launch(made);
    return *pid < 0 ? brood_posix_fail(error, errno, "vfork") : outcome(made, error);
}

static brood_status start(pid_t *pid, plan *made, brood_error *error)
{
#if defined(BROOD_POSIX_SPAWN)
    if (brood_posix_system_spawns(made->spawn)) {
        return brood_posix_spawn_by_system(pid, made->spawn, made->sources, made->count - 1, error);
    }
#endif
    return start_by_vfork(pid, made, error);
}

/*
 * The first process of a new PID namespace is its process 1, and with that one's end nobody can be
 * started there any more (pid_namespaces(7)). A guard is not to be that one.
 */
static bool would_begin_a_namespace(void)
{
#if defined(BROOD_LINUX)
    static const char link[] = "/proc/thread-self/ns/pid_for_children"; /* Linux 4.12 */
    char own[64] = "";
    char of_children[64] = "";
    struct stat about;

    if (lstat(link, &about) < 0 || readlink("/proc/self/ns/pid", own, sizeof own - 1) <= 0) {
        return false;
    }
    if (readlink(link, of_children, sizeof of_children - 1) < 0) {
        return errno == ENOENT; /* it has no process yet */
    }
    return strcmp(own, of_children) != 0;
#else
    return false;
#endif
}

static brood_status spawn_once(brood_os_process **process, const brood_os_spawn *spawn,
                               brood_error *error)
{
    plan made;
    brood_os_process *started = new_process(spawn->kill_tree || spawn->is_guard);
    brood_status status = BROOD_OK;
    pid_t pid = -1;

    *process = NULL;
    if (started == NULL) {
        return brood_fail_memory(error, "spawn");
    }
    status = prepare(&made, spawn, error);
    if (status == BROOD_OK) {
        status = start(&pid, &made, error);
    }
    if (pid > 0 && spawn->guard != NULL) {
        correct_guard(&made, pid, status == BROOD_OK);
    }
    if (pid > 0 && status != BROOD_OK) {
        reap_failed(pid);
    }
    if (status == BROOD_OK) {
        describe(started, spawn, pid);
        *process = started;
    } else {
        free(started->group);
        free(started);
    }
    discard(&made);
    return status;
}

/*
 * A file that somebody still writes is not executed (ETXTBSY). Mostly that is a moment's: another
 * thread has written it, and a child that was started meanwhile has a copy of the descriptor until
 * its own exec (https://github.com/golang/go/issues/22315). Nothing tells when that is over.
 */
#define BUSY_WAIT_MAX_MS 128

brood_status brood_os_spawn_process(brood_os_process **process, const brood_os_spawn *spawn,
                                    brood_error *error)
{
    brood_error told = {BROOD_OK, 0, "", ""};
    brood_status status = BROOD_OK;

    *process = NULL;
    brood_posix_orphans_retry();
    if (spawn->is_guard && would_begin_a_namespace()) {
        return brood_fail(error, BROOD_ERR_NOT_SUPPORTED, 0, "guard",
                          "the guard of daemon commands cannot begin a PID namespace");
    }
    status = spawn_once(process, spawn, &told);
    for (int wait_ms = 1;
         status != BROOD_OK && told.os_code == ETXTBSY && wait_ms <= BUSY_WAIT_MAX_MS;
         wait_ms *= 2) {
        poll(NULL, 0, wait_ms);
        status = spawn_once(process, spawn, &told);
    }
    if (status != BROOD_OK && error != NULL) {
        *error = told;
    }
    return status;
}

bool brood_os_child_may_limit(int nice, uint32_t cpu_time_limit_s)
{
#if defined(BROOD_POSIX_SPAWN)
    return brood_posix_child_may_limit(nice, cpu_time_limit_s);
#else
    (void)nice;
    (void)cpu_time_limit_s;
    return false;
#endif
}

bool brood_os_command_needs_guard(void)
{
    return true;
}

brood_handle brood_os_handle_in_child(const brood_handle *handles, size_t index)
{
    (void)handles;
    return (brood_handle)(STDIO_COUNT + index);
}

/* They are close-on-exec but in the child that they are for. */
bool brood_os_ends_may_leak(void)
{
    return false;
}
