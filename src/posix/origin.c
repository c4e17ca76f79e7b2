#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "posix/system.h"

#if defined(BROOD_LINUX)
#include <sys/syscall.h>

/* The functions of musl do nothing, because POSIX means the process with them, Linux the thread. */
static int get_policy(void)
{
    return (int)syscall(SYS_sched_getscheduler, 0);
}

static int get_param(struct sched_param *param)
{
    return (int)syscall(SYS_sched_getparam, 0, param);
}

/*
 * On Linux all of it is of the thread. With SCHED_RESET_ON_FORK its children begin as usual
 * (sched(7)).
 */
static void take_schedule(brood_os_origin *origin)
{
    struct sched_param param = {0};
    int policy = get_policy();

    if (policy >= 0 && (policy & SCHED_RESET_ON_FORK) != 0) {
        policy = SCHED_OTHER;
        origin->nice = origin->nice < 0 ? 0 : origin->nice;
    } else if (get_param(&param) < 0) {
        policy = -1;
    }
    origin->policy = policy;
    origin->priority = param.sched_priority;
    origin->has_cpus = sched_getaffinity(0, sizeof origin->cpus, &origin->cpus) == 0;
}

/* What is as it was is left alone: an affinity that was asked for hides later changes of a cpuset. */
static void enter_schedule(const brood_os_origin *origin)
{
    struct sched_param param = {0};
    cpu_set_t cpus;

    if (origin->has_cpus && sched_getaffinity(0, sizeof cpus, &cpus) == 0 &&
        !CPU_EQUAL(&cpus, &origin->cpus)) {
        sched_setaffinity(0, sizeof origin->cpus, &origin->cpus);
    }
    if (origin->policy >= 0 && (get_policy() != origin->policy || get_param(&param) < 0 ||
                                param.sched_priority != origin->priority)) {
        param.sched_priority = origin->priority;
        syscall(SYS_sched_setscheduler, 0, origin->policy, &param);
    }
}

#else

static void take_schedule(brood_os_origin *origin)
{
    (void)origin;
}

static void enter_schedule(const brood_os_origin *origin)
{
    (void)origin;
}

#endif

brood_status brood_os_origin_take(brood_os_origin **origin, brood_error *error)
{
    brood_os_origin *taken = brood_calloc(1, sizeof *taken);
    char here[PATH_MAX];

    *origin = taken;
    if (taken == NULL) {
        return brood_fail_memory(error, "origin");
    }
    taken->nice = getpriority(PRIO_PROCESS, 0);
    take_schedule(taken);
    if (getcwd(here, sizeof here) == NULL) {
        return BROOD_OK; /* it has no name, so nobody finds the way back */
    }
    taken->directory = brood_strdup(here);
    if (taken->directory == NULL) {
        brood_os_origin_free(taken);
        *origin = NULL;
        return brood_fail_memory(error, "origin");
    }
    return BROOD_OK;
}

void brood_os_origin_free(brood_os_origin *origin)
{
    if (origin != NULL) {
        free(origin->directory);
        free(origin);
    }
}

int brood_os_origin_nice(const brood_os_origin *origin, int nice)
{
    return origin == NULL ? nice : nice + origin->nice - getpriority(PRIO_PROCESS, 0);
}

const char *brood_posix_origin_directory(const brood_os_origin *origin)
{
    return origin != NULL && origin->directory != NULL && access(origin->directory, X_OK) == 0
               ? origin->directory
               : NULL;
}

void brood_posix_origin_enter(const brood_os_origin *origin)
{
    if (origin != NULL) {
        enter_schedule(origin);
    }
}
