#include "support.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#if defined(__linux__)
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#endif

#include "posix/system.h"

#define SECONDS_TO_VANISH 5

static volatile pid_t guarded;

static void on_alarm(int number)
{
    static const char text[] = "watchdog: time is up, killing the test\n";

    (void)number;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0) {
        _exit(2);
    }
    kill(-guarded, SIGKILL);
}

/* What the test left becomes our own child on Linux, so waiting for any child finds it. */
static bool wait_for_the_rest(void)
{
    pid_t pid = 0;

#if defined(__linux__)
    alarm(SECONDS_TO_VANISH);
    do {
        pid = waitpid(-1, NULL, 0);
    } while (pid > 0);
    alarm(0);
    if (pid < 0 && errno == EINTR) {
        fprintf(stderr, "the test left a process running\n");
        return false;
    }
#else
    (void)pid;
#endif
    return true;
}

int support_run_guarded(const char *program, const char *name, unsigned seconds)
{
    struct sigaction action;
    int status = 0;
    bool clean = false;

#if defined(__linux__)
    prctl(PR_SET_CHILD_SUBREAPER, 1);
#endif
    guarded = fork();
    if (guarded == 0) {
        setpgid(0, 0);
        execl(program, program, "--inside", name, (char *)NULL);
        _exit(2);
    }
    setpgid(guarded, guarded);
    memset(&action, 0, sizeof action);
    action.sa_handler = on_alarm; /* without SA_RESTART: it ends a waitpid */
    sigaction(SIGALRM, &action, NULL);
    alarm(seconds);
    while (waitpid(guarded, &status, 0) < 0 && errno == EINTR) {
    }
    alarm(0);
    clean = wait_for_the_rest();
    if (WIFSIGNALED(status)) {
        fprintf(stderr, "the test was ended by signal %d\n", WTERMSIG(status));
    }
    return clean && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool support_has_children(void)
{
    return waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD;
}

/* What Linux tells of a process behind its name: " S 123 ...", state and parent; or "". */
static void read_stat(int64_t pid, char *told, size_t capacity)
{
    char path[64];
    char text[512];
    int fd = -1;
    ssize_t size = 0;
    const char *state = NULL;

    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    told[0] = '\0';
    fd = open(path, O_RDONLY);
    if (fd < 0) {
        return;
    }
    size = read(fd, text, sizeof text - 1);
    close(fd);
    text[size > 0 ? size : 0] = '\0';
    state = strrchr(text, ')');
    if (state != NULL) {
        snprintf(told, capacity, "%s", state + 1);
    }
}

static bool is_zombie(int64_t pid)
{
    char told[512];

    read_stat(pid, told, sizeof told);
    return told[0] == ' ' && (told[1] == 'Z' || told[1] == 'X');
}

int64_t support_parent_of(int64_t pid)
{
    char told[512];

    read_stat(pid, told, sizeof told);
    return strlen(told) > 3 ? strtoll(told + 3, NULL, 10) : -1;
}

bool support_is_running(int64_t pid)
{
    return kill((pid_t)pid, 0) == 0 && !is_zombie(pid);
}

bool support_wait_gone(int64_t pid, int timeout_ms)
{
    struct timespec tick = {0, 1000000};

    for (int i = 0; i < timeout_ms; i++) {
        if (!support_is_running(pid)) {
            return true;
        }
        nanosleep(&tick, NULL); /* there is no event for the end of a foreign process */
    }
    return false;
}

#if defined(__clang__) || defined(__GNUC__)
__attribute__((no_sanitize("undefined"))) /* the crash is wanted */
#endif
void
support_crash(void)
{
    volatile int *nowhere = NULL;

    signal(SIGSEGV, SIG_DFL); /* a sanitizer would make a report of it */
    *nowhere = 1;             /* NOLINT: that is the point */
}

void support_kill_self(void)
{
    kill(getpid(), SIGKILL);
}

void support_kill(int64_t pid)
{
    kill((pid_t)pid, SIGKILL);
}

void support_ignore_terminate(void)
{
    signal(SIGTERM, SIG_IGN);
}

void support_hang(void)
{
    for (;;) {
        pause();
    }
}

int64_t support_pid(void)
{
    return getpid();
}

bool support_is_windows(void)
{
    return false;
}

bool support_needs_path(void)
{
    return false;
}

bool support_is_wine(void)
{
    return false;
}

bool support_can_watch_any(void)
{
#if defined(BROOD_GENERIC_POSIX)
    return false;
#elif defined(__APPLE__)
    return true;
#else
    return support_is_linux();
#endif
}

bool support_is_linux(void)
{
#if defined(__linux__) && !defined(BROOD_GENERIC_POSIX)
    return true;
#else
    return false;
#endif
}

#if defined(__linux__) && !defined(SO_PASSRIGHTS) && SO_PEERCRED == 17
#define SO_PASSRIGHTS 83
#endif

bool support_can_refuse_handles(void)
{
#if defined(SO_PASSRIGHTS) && !defined(BROOD_GENERIC_POSIX)
    int no = 0;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    bool can = setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &no, sizeof no) == 0;

    close(fd);
    return can;
#else
    return false;
#endif
}

int64_t support_crash_code(void)
{
    return SIGSEGV;
}

const char *support_crash_name(void)
{
    return "SIGSEGV";
}

char **support_arguments(int argc, char **argv)
{
    (void)argc;
    return argv;
}

bool support_same_directory(const char *a, const char *b)
{
    struct stat first;
    struct stat second;

    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

void support_change_directory(const char *path)
{
    if (chdir(path) < 0) {
        perror(path);
        abort();
    }
}

void support_current_directory(char *path, size_t size)
{
    if (getcwd(path, size) == NULL) {
        abort();
    }
}

intptr_t support_stdio(int number)
{
    return number;
}

void support_close_stdio(void)
{
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
}

int support_count_stdio(void)
{
    int count = 0;

    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

size_t support_memory_used(void)
{
    unsigned long all = 0;
    unsigned long resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file == NULL) {
        return 0;
    }
    if (fscanf(file, "%lu %lu", &all, &resident) != 2) {
        resident = 0;
    }
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

int support_count_open(void)
{
    int count = 0;

    for (int fd = STDERR_FILENO + 1; fd < 4096; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

int support_count_handles(void)
{
    return support_count_open();
}

bool support_submit_work(void (*work)(void *data), void *data)
{
    (void)work;
    (void)data;
    return false;
}

#if defined(__linux__)

static uint64_t sleeps_of_thread(int64_t pid, const char *thread)
{
    static const char key[] = "voluntary_ctxt_switches:";
    char path[320];
    char line[256];
    uint64_t count = 0;
    FILE *file = NULL;

    snprintf(path, sizeof path, "/proc/%lld/task/%s/status", (long long)pid, thread);
    file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, key, sizeof key - 1) == 0) {
            count = strtoull(line + sizeof key - 1, NULL, 10);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return count;
}

/* The second number of schedstat: nanoseconds on a run queue. */
static uint64_t wait_of_thread(int64_t pid, const char *thread)
{
    char path[320];
    unsigned long long waited = 0;
    FILE *file = NULL;

    snprintf(path, sizeof path, "/proc/%lld/task/%s/schedstat", (long long)pid, thread);
    file = fopen(path, "r");
    if (file != NULL) {
        waited = fscanf(file, "%*u %llu", &waited) == 1 ? waited : 0;
        fclose(file);
    }
    return waited;
}

uint64_t support_waited_for_core(int64_t pid)
{
    char path[64];
    DIR *threads = NULL;
    uint64_t sum = 0;

    snprintf(path, sizeof path, "/proc/%lld/task", (long long)pid);
    threads = opendir(path);
    for (struct dirent *entry = NULL; threads != NULL && (entry = readdir(threads)) != NULL;) {
        sum += entry->d_name[0] != '.' ? wait_of_thread(pid, entry->d_name) : 0;
    }
    if (threads != NULL) {
        closedir(threads);
    }
    return sum;
}

uint64_t support_count_sleeps(int64_t pid)
{
    char path[64];
    DIR *threads = NULL;
    uint64_t count = 0;

    snprintf(path, sizeof path, "/proc/%lld/task", (long long)pid);
    threads = opendir(path);
    for (struct dirent *entry = NULL; threads != NULL && (entry = readdir(threads)) != NULL;) {
        if (entry->d_name[0] != '.' && strtol(entry->d_name, NULL, 10) != syscall(SYS_gettid)) {
            count += sleeps_of_thread(pid, entry->d_name);
        }
    }
    if (threads != NULL) {
        closedir(threads);
    }
    return count;
}

#else

uint64_t support_waited_for_core(int64_t pid)
{
    (void)pid;
    return 0;
}

uint64_t support_count_sleeps(int64_t pid)
{
    (void)pid;
    return 0;
}

#endif

int support_count_threads(void)
{
    DIR *directory = opendir("/proc/self/task");
    int count = -2; /* "." and ".." are none */

    if (directory == NULL) {
        return -1;
    }
    while (readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count;
}

static volatile sig_atomic_t bombs;

static void on_bomb(int number)
{
    (void)number;
    bombs++;
}

bool support_bombard(unsigned every_us)
{
    struct sigaction action = {.sa_handler = on_bomb};
    struct itimerval timer = {{0, (suseconds_t)every_us}, {0, (suseconds_t)every_us}};

    return sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &timer, NULL) == 0;
}

uint64_t support_end_bombard(void)
{
    struct itimerval timer = {{0, 0}, {0, 0}};

    setitimer(ITIMER_REAL, &timer, NULL);
    return (uint64_t)bombs;
}

#if defined(__linux__)

static long call_of(const char *name)
{
    static const struct {
        const char *name;
        long number;
    } calls[] = {{"fallocate", SYS_fallocate}, {"memfd_create", SYS_memfd_create}};

    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        if (strcmp(calls[i].name, name) == 0) {
            return calls[i].number;
        }
    }
    abort();
}

/* Of linux/filter.h and linux/seccomp.h, which are not there with musl. */
typedef struct filter_step {
    uint16_t code;
    uint8_t if_so, if_not; /* steps to pass over */
    uint32_t value;
} filter_step;

enum {
    LOAD = 0x20,
    COMPARE = 0x15,
    HAS_BITS = 0x45,
    ANSWER = 0x06
};
enum {
    AT_NUMBER = 0,
    AT_FIRST_ARGUMENT = 16
};
#define ANSWER_ERRNO 0x00050000u
#define ANSWER_ALLOW 0x7fff0000u
#define MODE_FILTER 2

static bool set_filter(filter_step *steps, unsigned short count)
{
    struct {
        unsigned short count;
        filter_step *steps;
    } program = {count, steps};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, MODE_FILTER, &program) == 0;
}

bool support_refuse_call(const char *name, int code)
{
    filter_step steps[] = {{LOAD, 0, 0, AT_NUMBER},
                           {COMPARE, 0, 1, (uint32_t)call_of(name)},
                           {ANSWER, 0, 0, ANSWER_ERRNO | (uint32_t)code},
                           {ANSWER, 0, 0, ANSWER_ALLOW}};

    return set_filter(steps, sizeof steps / sizeof steps[0]);
}

static bool get_own_mounts(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

bool support_hide_shared_memory(void)
{
    return get_own_mounts() && mount("none", "/dev/shm", "tmpfs", MS_RDONLY, NULL) == 0;
}

bool support_hide_descriptors(void)
{
    return get_own_mounts() && mount("none", "/dev", "tmpfs", 0, NULL) == 0 &&
           mkdir("/dev/fd", 0755) == 0 && mkdir("/dev/fd/0", 0755) == 0 &&
           mkdir("/dev/fd/1", 0755) == 0 && mkdir("/dev/fd/2", 0755) == 0;
}

void support_show_descriptors(void)
{
    umount2("/dev", MNT_DETACH);
}

#else

bool support_refuse_call(const char *name, int code)
{
    (void)name;
    (void)code;
    return false;
}

bool support_hide_descriptors(void)
{
    return false;
}

void support_show_descriptors(void)
{
}

bool support_hide_shared_memory(void)
{
    return false;
}

#endif

bool support_duplicate_to(intptr_t handle, int number)
{
    return dup2((int)handle, number) == number;
}

bool support_become_nicer(void)
{
    return nice(5) != -1 && geteuid() == 0;
}

#if defined(__linux__) && !defined(BROOD_GENERIC_POSIX)

bool support_take_batch_policy(void)
{
    struct sched_param param = {0};

    return syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, &param) == 0;
}

bool support_has_batch_policy(void)
{
    return syscall(SYS_sched_getscheduler, 0) == SCHED_BATCH;
}

#else

bool support_take_batch_policy(void)
{
    return false;
}

bool support_has_batch_policy(void)
{
    return false;
}

#endif

int support_nice(void)
{
    return getpriority(PRIO_PROCESS, 0);
}

#if defined(__linux__) && !defined(BROOD_GENERIC_POSIX)

bool support_can_choose_cpus(void)
{
    return true;
}

unsigned support_first_cpu(void)
{
    cpu_set_t set;
    unsigned cpu = 0;

    sched_getaffinity(0, sizeof set, &set);
    while (!CPU_ISSET(cpu, &set)) {
        cpu++;
    }
    return cpu;
}

bool support_runs_only_on(unsigned cpu)
{
    cpu_set_t set;

    sched_getaffinity(0, sizeof set, &set);
    return CPU_COUNT(&set) == 1 && CPU_ISSET(cpu, &set);
}

#else

bool support_can_choose_cpus(void)
{
    return false;
}

unsigned support_first_cpu(void)
{
    return 0;
}

bool support_runs_only_on(unsigned cpu)
{
    (void)cpu;
    return false;
}

#endif

bool support_has_sigchld(void)
{
    return true;
}

void support_ignore_sigchld(void)
{
    signal(SIGCHLD, SIG_IGN);
}

static void on_child(int number)
{
    int saved = errno; /* NOLINT: a thread's own, and put back */

    (void)number;
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
    errno = saved;
}

void support_reap_everything(void)
{
    signal(SIGCHLD, on_child);
}

int64_t support_fork(int code)
{
    pid_t pid = fork();

    if (pid == 0) {
        _exit(code);
    }
    return pid;
}

int support_wait_for(int64_t pid)
{
    int status = 0;

    if (waitpid((pid_t)pid, &status, 0) != (pid_t)pid || !WIFEXITED(status)) {
        return -1;
    }
    return WEXITSTATUS(status);
}

int64_t support_fork_hanging(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        support_hang();
    }
    return pid;
}

int64_t support_fork_for(int ms)
{
    pid_t pid = fork();

    if (pid == 0) {
        poll(NULL, 0, ms);
        _exit(0);
    }
    return pid;
}

#if defined(__linux__) && defined(SYS_clone3)

bool support_fork_as(int64_t pid, intptr_t gate, int code)
{
    pid_t wanted = (pid_t)pid;
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal;
        uint64_t stack, stack_size, tls, set_tid, set_tid_size;
    } args = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&wanted, .set_tid_size = 1};
    long made = syscall(SYS_clone3, &args, sizeof args);
    char byte = 0;

    if (made == 0) {
        _exit(read((int)gate, &byte, 1) == 1 ? code : -1);
    }
    return made == pid;
}

#else

bool support_fork_as(int64_t pid, intptr_t gate, int code)
{
    (void)pid;
    (void)gate;
    (void)code;
    return false;
}

#endif

static int number_of(const char *name)
{
    static const struct {
        const char *name;
        int number;
    } known[] = {{"HUP", SIGHUP},   {"INT", SIGINT},   {"TERM", SIGTERM}, {"USR1", SIGUSR1},
                 {"STOP", SIGSTOP}, {"CONT", SIGCONT}, {"PIPE", SIGPIPE}, {"CHLD", SIGCHLD}};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].name, name) == 0) {
            return known[i].number;
        }
    }
    abort();
}

void support_signal(int64_t pid, const char *name)
{
    kill((pid_t)pid, number_of(name));
}

bool support_send_urgent(intptr_t handle)
{
    return send((int)handle, "", 1, MSG_OOB) == 1 || (errno != EOPNOTSUPP && errno != EINVAL);
}

void support_block_signal(const char *name)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, number_of(name));
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

bool support_take_signal(const char *name)
{
    sigset_t set;
    int taken = 0;

    sigemptyset(&set);
    sigaddset(&set, number_of(name));
    return sigwait(&set, &taken) == 0 && taken == number_of(name);
}

void support_ignore_signal(const char *name)
{
    signal(number_of(name), SIG_IGN);
}

bool support_is_signal_ignored(const char *name)
{
    struct sigaction action;

    return sigaction(number_of(name), NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

bool support_is_signal_blocked(const char *name)
{
    sigset_t set;

    return pthread_sigmask(SIG_BLOCK, NULL, &set) == 0 && sigismember(&set, number_of(name)) == 1;
}

static atomic_uint_least64_t signals_counted;

static void count_signal(int number)
{
    (void)number;
    atomic_fetch_add(&signals_counted, 1);
}

void support_count_signal(const char *name)
{
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_RESTART};

    sigaction(number_of(name), &action, NULL);
}

uint64_t support_signals_counted(void)
{
    return atomic_load(&signals_counted);
}

static atomic_int_least64_t last_end = -1;

static void note_end(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    atomic_store(&last_end, info->si_pid);
}

void support_note_ends(void)
{
    struct sigaction action = {.sa_sigaction = note_end, .sa_flags = SA_RESTART | SA_SIGINFO};

    sigaction(SIGCHLD, &action, NULL);
}

int64_t support_last_end(void)
{
    return atomic_load(&last_end);
}

bool support_join_parents_group(void)
{
    return setpgid(0, getpgid(getppid())) == 0;
}

void support_become_program(const char *const *argv)
{
    execv(argv[0], (char *const *)(uintptr_t)argv);
}

bool support_leave_session(void)
{
    return setsid() >= 0;
}

#define NOBODY 65534

bool support_copy_as_root(const char *from, const char *to)
{
    char directory[1100];

    snprintf(directory, sizeof directory, "%s", to);
    *strrchr(directory, '/') = '\0';
    return geteuid() == 0 && support_copy_program(from, to) && chmod(directory, 0755) == 0 &&
           chmod(to, 04755) == 0;
}

bool support_become_nobody(void)
{
    return setgid(NOBODY) == 0 && setuid(NOBODY) == 0;
}

bool support_become_root(void)
{
    return setuid(0) == 0;
}

#if defined(__linux__) && defined(SYS_pidfd_send_signal)

bool support_refuse_pidfds(void)
{
    const uint32_t by_pidfd = 3; /* P_PIDFD */
    filter_step steps[] = {{LOAD, 0, 0, AT_NUMBER},     {COMPARE, 3, 0, SYS_pidfd_send_signal},
                           {COMPARE, 0, 3, SYS_waitid}, {LOAD, 0, 0, AT_FIRST_ARGUMENT},
                           {COMPARE, 0, 1, by_pidfd},   {ANSWER, 0, 0, ANSWER_ERRNO | EPERM},
                           {ANSWER, 0, 0, ANSWER_ALLOW}};

    return set_filter(steps, sizeof steps / sizeof steps[0]);
}

bool support_refuse_kills(void)
{
    filter_step steps[] = {{LOAD, 0, 0, AT_NUMBER},
                           {COMPARE, 1, 0, SYS_pidfd_send_signal},
                           {COMPARE, 0, 1, SYS_kill},
                           {ANSWER, 0, 0, ANSWER_ERRNO | EPERM},
                           {ANSWER, 0, 0, ANSWER_ALLOW}};

    return set_filter(steps, sizeof steps / sizeof steps[0]);
}

#else

bool support_refuse_pidfds(void)
{
    return false;
}

bool support_refuse_kills(void)
{
    return false;
}

#endif

bool support_adopt_orphans(void)
{
#if defined(__linux__)
    return prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
#else
    return false;
#endif
}

bool support_has_zombie(void)
{
    siginfo_t info = {0};

    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

bool support_is_childless(void)
{
    siginfo_t info = {0};

    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
}

bool support_is_present(int64_t pid)
{
    return kill((pid_t)pid, 0) == 0;
}

int64_t support_fork_leader(int code)
{
    pid_t pid = fork();

    if (pid == 0) {
        setpgid(0, 0);
        _exit(code);
    }
    return pid;
}

void support_reap_orphans(int64_t leader)
{
    brood_os_process process = {.pid = (pid_t)leader};

    process.group = calloc(1, sizeof *process.group);
    process.group->number = (pid_t)leader;
    brood_os_orphans_reap(&process);
}

#if defined(__linux__) && defined(SYS_clone3)

uint64_t support_count_own_sleeps(void)
{
    struct rusage usage;

    return getrusage(RUSAGE_THREAD, &usage) == 0 ? (uint64_t)usage.ru_nvcsw : 0;
}

bool support_hold_end(int64_t pid)
{
    return ptrace(PTRACE_SEIZE, (pid_t)pid, NULL, NULL) == 0;
}

bool support_release_end(int64_t pid)
{
    int status = 0;

    return waitpid((pid_t)pid, &status, __WALL) == (pid_t)pid && WIFSIGNALED(status);
}

/* Threads are made by clone3, or by clone with this flag. */
#define IS_THREAD 0x00010000u

bool support_refuse_threads(void)
{
    filter_step steps[] = {{LOAD, 0, 0, AT_NUMBER},
                           {COMPARE, 0, 1, SYS_clone3},
                           {ANSWER, 0, 0, ANSWER_ERRNO | ENOSYS},
                           {COMPARE, 0, 3, SYS_clone},
                           {LOAD, 0, 0, AT_FIRST_ARGUMENT},
                           {HAS_BITS, 0, 1, IS_THREAD},
                           {ANSWER, 0, 0, ANSWER_ERRNO | EAGAIN},
                           {ANSWER, 0, 0, ANSWER_ALLOW}};

    return set_filter(steps, sizeof steps / sizeof steps[0]);
}

#else

uint64_t support_count_own_sleeps(void)
{
    return 0;
}

bool support_hold_end(int64_t pid)
{
    (void)pid;
    return false;
}

bool support_release_end(int64_t pid)
{
    (void)pid;
    return false;
}

bool support_refuse_threads(void)
{
    return false;
}

#endif

bool support_set_limit(const char *name, uint64_t soft, uint64_t hard)
{
    struct rlimit limit = {(rlim_t)soft, (rlim_t)hard};

    if (strcmp(name, "STACK") == 0) {
        return setrlimit(RLIMIT_STACK, &limit) == 0;
    }
    return (strcmp(name, "CPU") == 0 ? setrlimit(RLIMIT_CPU, &limit)
                                     : setrlimit(RLIMIT_AS, &limit)) == 0;
}

bool support_make_fifo(const char *path)
{
    return mkfifo(path, 0600) == 0;
}

bool support_write_script(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    bool written = file != NULL && fputs(text, file) >= 0;

    return file != NULL && fclose(file) == 0 && written && chmod(path, 0755) == 0;
}

/* Each read of /dev/zero is a whole one, and there is always more. */
bool support_make_endless(brood_os_channel *channel)
{
#if defined(__linux__) /* elsewhere not every poll knows devices */
    int zeros = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    bool done = zeros >= 0 && dup2(zeros, brood_posix_channel_fd(channel)) >= 0;

    close(zeros);
    return done;
#else
    (void)channel;
    return false;
#endif
}

void support_flood(void)
{
    static char bytes[1024 * 1024];

#if defined(F_SETPIPE_SZ)
    fcntl(STDOUT_FILENO, F_SETPIPE_SZ, (int)sizeof bytes);
#endif
    fork();
#if defined(SPLICE_F_GIFT) /* the pages themselves: faster than they can be read */
    struct iovec pages = {bytes, sizeof bytes};

    while (vmsplice(STDOUT_FILENO, &pages, 1, 0) > 0 || errno == EINTR) {
    }
#endif
    while (write(STDOUT_FILENO, bytes, sizeof bytes) > 0 || errno == EINTR) {
    }
}

static bool is_named(int64_t pid, const char *name)
{
    char path[64];
    char told[32] = "";
    FILE *file = NULL;

    snprintf(path, sizeof path, "/proc/%lld/comm", (long long)pid);
    file = fopen(path, "r");
    if (file != NULL) {
        if (fgets(told, sizeof told, file) == NULL) {
            told[0] = '\0';
        }
        fclose(file);
    }
    told[strcspn(told, "\n")] = '\0';
    return strcmp(told, name) == 0;
}

static int64_t process_named(const char *name, int64_t parent)
{
    DIR *directory = opendir("/proc");
    struct dirent *entry = NULL;
    int64_t found = -1;

    while (directory != NULL && found < 0 && (entry = readdir(directory)) != NULL) {
        int64_t pid = strtoll(entry->d_name, NULL, 10);

        if (pid > 0 && is_named(pid, name) && support_parent_of(pid) == parent &&
            support_is_running(pid)) {
            found = pid;
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
    return found;
}

int64_t support_sibling_named(const char *name)
{
    return process_named(name, getppid());
}

int64_t support_child_named(const char *name)
{
    return process_named(name, getpid());
}

bool support_socket_pair(intptr_t ends[2])
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        fcntl(fds[i], F_SETFD, FD_CLOEXEC);
        ends[i] = fds[i];
    }
    return true;
}

bool support_leave_pid_namespace(void)
{
#if defined(__linux__)
    return unshare(CLONE_NEWPID) == 0;
#else
    return false;
#endif
}

bool support_foreign_pair(intptr_t ends[2])
{
    bool made = false;

    if (geteuid() != 0 || seteuid(65534) != 0) {
        return false;
    }
    made = support_socket_pair(ends);
    return seteuid(0) == 0 && made;
}

void support_replace_handles(intptr_t handle)
{
    int kept = dup2((int)handle, 200);

    for (int fd = STDERR_FILENO + 1; fd < 4096; fd++) {
        if (fd != kept) {
            close(fd);
        }
    }
    for (int fd = STDERR_FILENO + 1; fd < 32; fd++) {
        dup2(kept, fd);
    }
    close(kept);
}

bool support_terminal(FILE **file, intptr_t *holder, unsigned short columns)
{
    struct winsize size = {.ws_col = columns};
    int other = posix_openpt(O_RDWR | O_NOCTTY);
    int fd = -1;

    if (other < 0 || grantpt(other) < 0 || unlockpt(other) < 0) {
        return false;
    }
    fd = open(ptsname(other), O_RDWR | O_NOCTTY); /* NOLINT: no other thread asks for a name */
    *holder = other;
    *file = fd < 0 || ioctl(fd, TIOCSWINSZ, &size) < 0 ? NULL : fdopen(fd, "w");
    return *file != NULL;
}

bool support_wait_handle(intptr_t handle, int timeout_ms)
{
    struct pollfd slot = {(int)handle, POLLIN, 0};
    int found = 0;

    do {
        found = poll(&slot, 1, timeout_ms);
    } while (found < 0 && errno == EINTR);
    return found == 1 && slot.revents == POLLIN;
}

void support_yield(void)
{
    sched_yield();
}

size_t support_memory_free(void)
{
    unsigned long long kib = 0;
    char line[128];
    FILE *file = fopen("/proc/meminfo", "r");

    while (file != NULL && fgets(line, sizeof line, file) != NULL &&
           sscanf(line, "MemAvailable: %llu", &kib) != 1) {
    }
    if (file != NULL) {
        fclose(file);
    }
    return (size_t)kib * 1024;
}

bool support_need_handles(unsigned count)
{
    struct rlimit limit = {0, 0};

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return false;
    }
    if (limit.rlim_cur >= count) {
        return true;
    }
    limit.rlim_cur = count;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

void support_close_everything(void)
{
    for (int fd = 0; fd < 1024; fd++) {
        close(fd);
    }
}

bool support_limit_handles(unsigned most)
{
    struct rlimit limit = {most, most};

    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

bool support_limit_file_size(size_t bytes)
{
    struct rlimit limit = {bytes, bytes};

    return setrlimit(RLIMIT_FSIZE, &limit) == 0;
}

#if defined(__linux__)

bool support_limit_memory(size_t more)
{
    struct rlimit limit;
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    bool known = file != NULL && fscanf(file, "%lu", &pages) == 1;

    if (file != NULL) {
        fclose(file);
    }
    if (!known || getrlimit(RLIMIT_AS, &limit) != 0) {
        return false;
    }
    limit.rlim_cur = limit.rlim_max;
    if (more != SIZE_MAX) {
        limit.rlim_cur = pages * (unsigned long)sysconf(_SC_PAGESIZE) + more;
    }
    return setrlimit(RLIMIT_AS, &limit) == 0;
}

bool support_lay_down_rights(void)
{
    return geteuid() == 0 && setresuid(NOBODY, NOBODY, 0) == 0;
}

bool support_take_up_rights(void)
{
    return setresuid(0, 0, 0) == 0;
}

#else

bool support_limit_memory(size_t more)
{
    (void)more;
    return false;
}

bool support_lay_down_rights(void)
{
    return false;
}

bool support_take_up_rights(void)
{
    return false;
}

#endif

bool support_truncate(intptr_t handle, size_t size)
{
    return ftruncate((int)handle, (off_t)size) == 0;
}

int64_t support_bytes_taken(intptr_t handle)
{
    struct stat about;

    return fstat((int)handle, &about) == 0 ? (int64_t)about.st_blocks * 512 : -1;
}

void support_make_inheritable(intptr_t handle)
{
    fcntl((int)handle, F_SETFD, 0);
}

bool support_is_inheritable(intptr_t handle)
{
    return (fcntl((int)handle, F_GETFD) & FD_CLOEXEC) == 0;
}

bool support_is_sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return true;
#else
    return false;
#endif
#else
    return false;
#endif
}

void support_make_directory(char *path, size_t size)
{
    const char *base = getenv("TMPDIR");

    snprintf(path, size, "%s/brood-test-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(path) == NULL) {
        perror("mkdtemp");
        abort();
    }
}

void support_remove_tree(const char *path)
{
    char command[1024];

    snprintf(command, sizeof command, "rm -rf '%s'", path);
    if (system(command) != 0) {
        fprintf(stderr, "cannot remove %s\n", path);
    }
}

bool support_copy_program(const char *from, const char *to)
{
    char command[2048];

    snprintf(command, sizeof command, "cp '%s' '%s'", from, to);
    return system(command) == 0;
}

bool support_file_exists(const char *path)
{
    struct stat about;

    return stat(path, &about) == 0;
}

bool support_make_subdirectory(const char *path)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

bool support_link(const char *path, const char *name)
{
    return symlink(path, name) == 0;
}

void support_set_environment(const char *name, const char *value)
{
    if (value == NULL) {
        unsetenv(name);
    } else {
        setenv(name, value, 1);
    }
}

extern char **environ; /* macOS does not declare it */

bool support_double_environment(const char *first, const char *second)
{
    static char *list[6];
    static char path[] = "PATH=/bin";

    list[0] = list[2] = (char *)(uintptr_t)first;
    list[1] = list[3] = (char *)(uintptr_t)second;
    list[4] = path;
    environ = list;
    return true;
}

support_function *support_library_function(const char *library, const char *name)
{
    void *opened = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    support_function *function = NULL;
    void *symbol = opened == NULL ? NULL : dlsym(opened, name);

    if (symbol == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return NULL;
    }
    memcpy(&function, &symbol, sizeof function); /* ISO C has no cast for it */
    return function;
}

void support_library_unload(const char *library)
{
    void *opened = dlopen(library, RTLD_NOW | RTLD_LOCAL);

    if (opened == NULL || dlclose(opened) != 0 || dlclose(opened) != 0) {
        fprintf(stderr, "%s\n", dlerror());
        abort();
    }
}

bool support_use_one_core(void)
{
#if defined(__linux__)
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return false;
    }
    for (size_t i = 0, kept = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, &set) && kept++ > 0) {
            CPU_CLR(i, &set);
        }
    }
    return sched_setaffinity(0, sizeof set, &set) == 0;
#else
    return false;
#endif
}

bool support_shift_clock_of_children(int64_t seconds)
{
#if defined(CLONE_NEWTIME)
    char text[64];
    int length = snprintf(text, sizeof text, "monotonic %lld 0\n", (long long)seconds);
    int fd = unshare(CLONE_NEWTIME) == 0 ? open("/proc/self/timens_offsets", O_WRONLY) : -1;
    bool done = fd >= 0 && write(fd, text, (size_t)length) == length;

    if (fd >= 0) {
        close(fd);
    }
    return done;
#else
    (void)seconds;
    return false;
#endif
}

void support_exit_at_once(int code)
{
    _exit(code);
}

#define LEFTOVERS_BYTES 65536

static void add_line(char *list, const char *where, const char *what)
{
    size_t size = strlen(list);

    snprintf(list + size, LEFTOVERS_BYTES - size, "%s %s\n", where, what);
}

static void list_directory(char *list, const char *path, bool all)
{
    DIR *directory = opendir(path);
    struct dirent *entry = NULL;

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        const char *name = entry->d_name;
        bool ours = strstr(name, "brood") != NULL && strstr(name, "brood-test-") == NULL;

        if ((all || ours) && strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
            add_line(list, path, name);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
}

/* The key and the number of each; the rest of the line changes with its use. */
static void list_table(char *list, const char *path)
{
    FILE *file = fopen(path, "r");
    char line[1024];

    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        line[strspn(line, " ") + 24] = '\0';
        add_line(list, path, line);
    }
    if (file != NULL) {
        fclose(file);
    }
}

char *support_list_leftovers(const char *directory)
{
    char *list = calloc(1, LEFTOVERS_BYTES);

    if (list == NULL) {
        abort();
    }
    list_directory(list, directory, true);
    list_directory(list, "/tmp", false);
    list_directory(list, "/dev/shm", false);
    list_directory(list, "/dev/mqueue", false);
    list_table(list, "/proc/sysvipc/shm");
    list_table(list, "/proc/sysvipc/sem");
    list_table(list, "/proc/sysvipc/msg");
    return list;
}

bool support_pipe(intptr_t ends[2])
{
    int fds[2];

    if (pipe(fds) < 0) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        fcntl(fds[i], F_SETFD, FD_CLOEXEC);
        ends[i] = fds[i];
    }
    return true;
}

void support_close(intptr_t handle)
{
    close((int)handle);
}

long support_read(intptr_t handle, void *buffer, size_t size)
{
    return (long)read((int)handle, buffer, size);
}

long support_write(intptr_t handle, const void *buffer, size_t size)
{
    return (long)write((int)handle, buffer, size);
}

struct support_thread {
    pthread_t thread;
    void (*work)(void *data);
    void *data;
};

static void *run_thread(void *data)
{
    support_thread *self = data;

    self->work(self->data);
    return NULL;
}

support_thread *support_thread_start(void (*work)(void *data), void *data)
{
    support_thread *made = calloc(1, sizeof *made);

    if (made == NULL) {
        abort();
    }
    made->work = work;
    made->data = data;
    if (pthread_create(&made->thread, NULL, run_thread, made) != 0) {
        abort();
    }
    return made;
}

bool support_thread_cancel(support_thread *thread)
{
    return pthread_cancel(thread->thread) == 0;
}

void support_thread_join(support_thread *thread)
{
    pthread_join(thread->thread, NULL);
    free(thread);
}
