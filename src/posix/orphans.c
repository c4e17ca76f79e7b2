/*
 * What is left of a group whose leader was reaped. When their parent ends, its processes become
 * children of the nearest subreaper, or of process 1. Where that is this process, it has to reap
 * those that it has killed; and only those, for the others are the program's.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "posix/system.h"

#if defined(BROOD_LINUX)
#include <sys/prctl.h>
#endif

static bool adopts_orphans(void)
{
#if defined(BROOD_LINUX)
    int is_subreaper = 0;

    if (prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper) == 0 && is_subreaper != 0) {
        return true;
    }
#endif
    return getpid() == 1;
}

/* One of the group that has ended; it is not taken. 0: none has so far; -1: none is left. */
static pid_t find_end(pid_t group, int options)
{
    siginfo_t info = {0};
    int result = 0;

    do {
        result = waitid(P_PGID, (id_t)group, &info, WEXITED | WNOWAIT | options);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -1 : info.si_pid;
}

/* False: somebody else's wait was faster, so it is one for any child, which takes the others, too. */
static bool take_end(pid_t pid)
{
    siginfo_t info = {0};

    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG) == 0;
}

/*
 * Takes the ends that there are; without WNOHANG, all. False: there are more to come. The number is
 * the group's until the last of it is reaped, here or by the program. Then the system may give it
 * again; but the leader was reaped before, so one that has its number now leads a later group.
 */
static bool take_ends(pid_t group, int options)
{
    pid_t pid = find_end(group, options);

    while (pid > 0 && pid != group && take_end(pid)) {
        pid = find_end(group, options);
    }
    return pid != 0;
}

/* Groups for which the system has refused a thread. */
static pthread_mutex_t refused_lock = PTHREAD_MUTEX_INITIALIZER;
static brood_posix_group *refused;

static void *take_all_ends(void *data)
{
    brood_posix_group *group = data;

    take_ends(group->number, 0);
    free(group);
    return NULL;
}

/*
 * One of the group may end much later than it was killed (it hangs in the kernel, or somebody traces
 * it), and nothing but a wait tells of that: a thread waits.
 */
static void see_to(brood_posix_group *group)
{
    if (take_ends(group->number, WNOHANG)) {
        free(group);
    } else if (brood_posix_thread_start(take_all_ends, group) != 0) {
        pthread_mutex_lock(&refused_lock);
        group->next = refused;
        refused = group;
        pthread_mutex_unlock(&refused_lock);
    }
}

void brood_os_orphans_reap(brood_os_process *leader)
{
    brood_posix_group *group = leader->group;

    leader->group = NULL;
    if (group != NULL && adopts_orphans()) {
        group->number = leader->pid;
        see_to(group);
    } else {
        free(group);
    }
}

void brood_posix_orphans_retry(void)
{
    brood_posix_group *group = NULL;

    pthread_mutex_lock(&refused_lock);
    group = refused;
    refused = NULL;
    pthread_mutex_unlock(&refused_lock);
    while (group != NULL) {
        brood_posix_group *next = group->next;

        see_to(group);
        group = next;
    }
}
