#include "posix/system.h"

#if defined(BROOD_POSIX_SPAWN)

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <string.h>
#include <unistd.h>

bool brood_posix_system_spawns(const brood_os_spawn *spawn)
{
    return spawn->guard == NULL && !spawn->is_guard &&
           (spawn->limits_itself || (spawn->nice == 0 && spawn->cpu_time_limit_s == 0)) &&
           spawn->cpu_count == 0 && spawn->memory_limit_bytes == 0;
}

bool brood_posix_child_may_limit(int nice, uint32_t cpu_time_limit_s)
{
    struct rlimit now;

    return nice >= 0 && getrlimit(RLIMIT_CPU, &now) == 0 &&
           (now.rlim_max == RLIM_INFINITY || cpu_time_limit_s < now.rlim_max);
}

/* ---- what the new process does before exec ------------------------------------------------ */

/* A source among the targets would be overwritten by another's: the child copies from a copy. */
static int move_away(int *copies, const int *sources, int count)
{
    for (int i = 0; i < count; i++) {
        if (sources[i] < count && sources[i] != i) {
            copies[i] = fcntl(sources[i], F_DUPFD_CLOEXEC, count);
            if (copies[i] < 0) {
                return errno;
            }
        }
    }
    return 0;
}

static int add_descriptor(posix_spawn_file_actions_t *actions, int source, int target)
{
#if defined(__APPLE__)
    if (source == target) { /* else CLOEXEC_DEFAULT closes it */
        return posix_spawn_file_actions_addinherit_np(actions, target);
    }
#endif
    return posix_spawn_file_actions_adddup2(actions, source, target); /* one of itself is kept */
}

static int add_actions(posix_spawn_file_actions_t *actions, const brood_os_spawn *spawn,
                       const int *sources, const int *copies, int count)
{
    const char *directory = spawn->working_directory != NULL
                                ? spawn->working_directory
                                : brood_posix_origin_directory(spawn->origin);
    int result = 0;

    for (int i = 0; i < count && result == 0; i++) {
        result = add_descriptor(actions, copies[i] >= 0 ? copies[i] : sources[i], i);
    }
#if !defined(__APPLE__)
    if (result == 0) {
        result = posix_spawn_file_actions_addclosefrom_np(actions, count);
    }
#endif
    if (result == 0 && directory != NULL) {
        result = posix_spawn_file_actions_addchdir_np(actions, directory);
    }
    return result;
}

/* As reset_signals in spawn.c: all but a hangup or interrupt that is ignored on purpose. */
static void choose_defaults(sigset_t *defaults)
{
    static const int never[] = {SIGKILL, SIGSTOP};
    static const int wishes[] = {SIGHUP, SIGINT, SIGQUIT};
    struct sigaction action;

    sigfillset(defaults);
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        sigdelset(defaults, never[i]);
    }
    for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
        if (sigaction(wishes[i], NULL, &action) == 0 && action.sa_handler == SIG_IGN) {
            sigdelset(defaults, wishes[i]);
        }
    }
}

static int set_attributes(posix_spawnattr_t *attributes, const brood_os_spawn *spawn)
{
    int flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
    sigset_t defaults;
    sigset_t none;
    int result = 0;

    choose_defaults(&defaults);
    sigemptyset(&none);
    if (spawn->kill_tree) {
        flags |= POSIX_SPAWN_SETPGROUP;
    }
#if defined(__APPLE__)
    flags |= POSIX_SPAWN_CLOEXEC_DEFAULT;
#endif
    result = posix_spawnattr_setflags(attributes, (short)flags);
    if (result == 0) {
        result = posix_spawnattr_setsigdefault(attributes, &defaults);
    }
    if (result == 0) {
        result = posix_spawnattr_setsigmask(attributes, &none);
    }
    return result == 0 ? posix_spawnattr_setpgroup(attributes, 0) : result;
}

/* ---- the start ----------------------------------------------------------------------------- */

static int start(pid_t *pid, const brood_os_spawn *spawn, const int *sources, const int *copies,
                 int count)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int result = posix_spawn_file_actions_init(&actions);

    if (result != 0) {
        return result;
    }
    result = posix_spawnattr_init(&attributes);
    if (result == 0) {
        result = add_actions(&actions, spawn, sources, copies, count);
        if (result == 0) {
            result = set_attributes(&attributes, spawn);
        }
        if (result == 0) {
            result = posix_spawn(pid, spawn->file, &actions, &attributes,
                                 (char *const *)(uintptr_t)spawn->argv,
                                 (char *const *)(uintptr_t)spawn->environment);
        }
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return result;
}

/* posix_spawn tells a number only. */
static const char *failed_step(const brood_os_spawn *spawn, int code)
{
    const char *directory = spawn->working_directory;

    if (code == EAGAIN || code == ENOMEM || code == EMFILE || code == ENFILE) {
        return "posix_spawn";
    }
    return directory != NULL && (code == ENOTDIR || access(directory, X_OK) < 0)
               ? "working_directory"
               : "execve";
}

brood_status brood_posix_spawn_by_system(pid_t *pid, const brood_os_spawn *spawn,
                                         const int *sources, int count, brood_error *error)
{
    int *copies = brood_malloc((size_t)count * sizeof *copies);
    const char *step = NULL;
    int result = 0;

    *pid = -1;
    if (copies == NULL) {
        return brood_fail_memory(error, "spawn");
    }
    for (int i = 0; i < count; i++) {
        copies[i] = -1;
    }
    result = move_away(copies, sources, count);
    if (result == 0) {
        result = start(pid, spawn, sources, copies, count);
    }
    for (int i = 0; i < count; i++) {
        brood_os_handle_close(copies[i]);
    }
    free(copies);
    if (result == 0) {
        return BROOD_OK;
    }
    step = failed_step(spawn, result);
    return strcmp(step, "posix_spawn") == 0 ? brood_posix_fail(error, result, step)
                                            : brood_posix_exec_fail(error, result, step, spawn);
}

#endif
