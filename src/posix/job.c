#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "posix/system.h"

#if defined(BROOD_LINUX)
#include <sys/prctl.h>
#endif

#define CPUS_MAX (1024 * 1024)
#define CPUS_MIN 8192 /* the kernel wants room for all that it knows */

/* OpenBSD has no RLIMIT_AS (man 2 getrlimit); that of macOS does nothing. */
#if defined(RLIMIT_AS) && !defined(__APPLE__)
#define HAS_MEMORY_LIMIT 1
#endif

/* ---- in the parent ------------------------------------------------------------------------ */

#if defined(BROOD_LINUX)

/* The set is as large as its largest number needs. */
static brood_status choose_cpus(brood_posix_job *job, brood_error *error)
{
    const brood_os_spawn *spawn = job->spawn;
    cpu_set_t *set = NULL;
    unsigned largest = 0;

    for (size_t i = 0; i < spawn->cpu_count; i++) {
        largest = spawn->cpus[i] > largest ? spawn->cpus[i] : largest;
    }
    if (largest >= CPUS_MAX) {
        return brood_fail_argument(error, "cpus", "has a number that no core has");
    }
    largest = largest < CPUS_MIN ? CPUS_MIN : largest;
    set = CPU_ALLOC(largest + 1);
    job->cpus = set;
    job->granted = CPU_ALLOC(largest + 1);
    if (set == NULL || job->granted == NULL) {
        return brood_fail_memory(error, "cpus");
    }
    job->cpus_size = CPU_ALLOC_SIZE(largest + 1);
    CPU_ZERO_S(job->cpus_size, set);
    for (size_t i = 0; i < spawn->cpu_count; i++) {
        CPU_SET_S(spawn->cpus[i], job->cpus_size, set);
    }
    return BROOD_OK;
}

#else

static brood_status choose_cpus(brood_posix_job *job, brood_error *error)
{
    (void)job;
    return brood_fail(error, BROOD_ERR_NOT_SUPPORTED, 0, "cpus",
                      "cpus cannot be chosen on this system");
}

#endif

/*
 * With no_new_privs an exec gives nothing (prctl(2)). It is not set without need, because it is
 * inherited, and because it takes away an effective user that is not the real one.
 */
static brood_status choose_rights(brood_posix_job *job, brood_error *error)
{
    job->no_new_privs =
        job->spawn->no_more_rights && brood_posix_file_gives_rights(job->spawn->file);
#if !defined(BROOD_LINUX)
    if (job->no_new_privs) {
        return brood_fail(error, BROOD_ERR_PERMISSION, 0, "executable",
                          "\"%.120s\" would give the child rights that this process has not",
                          job->spawn->file);
    }
#else
    (void)error;
#endif
    return BROOD_OK;
}

brood_status brood_posix_job_prepare(brood_posix_job *job, const brood_os_spawn *spawn,
                                     brood_error *error)
{
    brood_status status = BROOD_OK;

    *job = (brood_posix_job){.spawn = spawn};
    status = choose_rights(job, error);
    if (status != BROOD_OK) {
        return status;
    }
#if !defined(HAS_MEMORY_LIMIT)
    if (spawn->memory_limit_bytes > 0) {
        return brood_fail(error, BROOD_ERR_NOT_SUPPORTED, 0, "memory_limit_bytes",
                          "memory_limit_bytes is not supported on this system");
    }
#endif
    return spawn->cpu_count > 0 ? choose_cpus(job, error) : BROOD_OK;
}

void brood_posix_job_discard(brood_posix_job *job)
{
#if defined(BROOD_LINUX)
    CPU_FREE(job->cpus);
    CPU_FREE(job->granted);
#endif
    job->cpus = job->granted = NULL;
}

/* ---- in the child: async-signal-safe calls only ------------------------------------------- */

/* The kernel passes over cores that are not there; we do not. */
static bool enter_cpus(const brood_posix_job *job)
{
#if defined(BROOD_LINUX)
    if (sched_setaffinity(0, job->cpus_size, job->cpus) < 0) {
        return false;
    }
    errno = EINVAL;
    return sched_getaffinity(0, job->cpus_size, job->granted) == 0 &&
           CPU_EQUAL_S(job->cpus_size, (cpu_set_t *)job->cpus, (cpu_set_t *)job->granted);
#else
    (void)job;
    return true;
#endif
}

#if defined(__GLIBC__)
typedef __rlimit_resource_t limit_name; /* an enum, where POSIX has an int */
#else
typedef int limit_name;
#endif

/* A hard limit that is there already holds, too; only root could raise it. */
static int set_limit(limit_name resource, uint64_t soft, uint64_t hard)
{
    struct rlimit limit;

    if (getrlimit(resource, &limit) < 0) {
        return -1;
    }
    limit.rlim_max = hard < limit.rlim_max ? (rlim_t)hard : limit.rlim_max;
    limit.rlim_cur = soft < limit.rlim_max ? (rlim_t)soft : limit.rlim_max;
    return setrlimit(resource, &limit);
}

static int limit_memory(uint64_t bytes)
{
#if defined(HAS_MEMORY_LIMIT)
    return set_limit(RLIMIT_AS, bytes, bytes);
#else
    (void)bytes;
    return 0;
#endif
}

const char *brood_posix_job_limit(int niceness, uint32_t cpu_time_limit_s)
{
    uint64_t seconds = cpu_time_limit_s;

    errno = 0;
    if (niceness != 0 && nice(niceness) == -1 && errno != 0) {
        return "nice";
    }
    if (seconds > 0 && set_limit(RLIMIT_CPU, seconds, seconds + 1) < 0) {
        return "cpu_time_limit_s";
    }
    return NULL;
}

/* Less than this thread's niceness may need privileges that are gone by now. */
static const char *enter_limits(const brood_os_spawn *spawn)
{
    bool is_tried = spawn->nice_is_wish && spawn->nice < 0;

    if (spawn->limits_itself) {
        return NULL;
    }
    if (is_tried) {
        (void)!nice(spawn->nice);
    }
    return brood_posix_job_limit(is_tried ? 0 : spawn->nice, spawn->cpu_time_limit_s);
}

const char *brood_posix_job_enter(const brood_posix_job *job)
{
    const brood_os_spawn *spawn = job->spawn;
    const char *failed = NULL;

    if (spawn->kill_tree && setpgid(0, 0) < 0) {
        return "setpgid";
    }
#if defined(BROOD_LINUX)
    if (job->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        return "prctl PR_SET_NO_NEW_PRIVS";
    }
#endif
    brood_posix_origin_enter(spawn->origin);
    failed = enter_limits(spawn);
    if (failed != NULL) {
        return failed;
    }
    if (job->cpus != NULL && !enter_cpus(job)) {
        return "cpus";
    }
    return spawn->memory_limit_bytes > 0 && limit_memory(spawn->memory_limit_bytes) < 0
               ? "memory_limit_bytes"
               : NULL;
}
