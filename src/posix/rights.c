#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* struct ucred */
#endif

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "posix/system.h"

#if defined(__sun)
#include <ucred.h>
#endif
#if defined(BROOD_LINUX)
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#endif

/* ---- this program ------------------------------------------------------------------------ */

/* (AT_SECURE: getauxval(3); issetugid is of the BSDs, macOS and illumos.) */
bool brood_os_is_privileged(void)
{
#if defined(BROOD_LINUX)
    return getauxval(AT_SECURE) != 0;
#elif defined(__linux__)
    return getuid() != geteuid() || getgid() != getegid();
#else
    return issetugid() != 0;
#endif
}

#if defined(BROOD_LINUX)

#define CAPABILITY_VERSION_3 0x20080522 /* capget(2); musl comes without the kernel's headers */

static bool has_capabilities(void)
{
    uint32_t head[2] = {CAPABILITY_VERSION_3, 0}; /* of this process */
    uint32_t sets[6];                             /* twice: effective, permitted, inheritable */

    return syscall(SYS_capget, head, sets) != 0 || sets[1] != 0 || sets[4] != 0;
}

/*
 * Whether this program's file may have given it capabilities that whoever executed it has not: the
 * credentials of a socket do not show them. With no_new_privs it has not (prctl(2)), and so our own
 * children are started. What user 0 can do has nothing to do with the file.
 */
static bool may_have_gained(void)
{
    return brood_os_is_privileged() && geteuid() != 0 && has_capabilities() &&
           prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1;
}

static bool has_file_capabilities(const char *path)
{
    return geteuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0;
}

#else

static bool may_have_gained(void)
{
    return false;
}

static bool has_file_capabilities(const char *path)
{
    (void)path;
    return false;
}

#endif

bool brood_posix_file_gives_rights(const char *path)
{
    struct stat about;

    if (stat(path, &about) < 0) {
        return false; /* nothing that can be executed */
    }
    return ((about.st_mode & S_ISUID) != 0 && about.st_uid != geteuid()) ||
           ((about.st_mode & S_ISGID) != 0 && about.st_gid != getegid()) ||
           has_file_capabilities(path);
}

/* ---- the other end of a channel ----------------------------------------------------------- */

/*
 * The effective user and group of the process that made the socket pair, as they were then:
 * SO_PEERCRED of unix(7); getpeereid(3); getpeerucred(3C).
 */
static int peer_ids(int fd, uid_t *user, gid_t *group)
{
#if defined(__linux__)
    struct ucred peer;
    socklen_t size = sizeof peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
        return -1;
    }
    *user = peer.uid;
    *group = peer.gid;
    return 0;
#elif defined(__sun)
    ucred_t *peer = NULL;

    if (getpeerucred(fd, &peer) < 0) {
        return -1;
    }
    *user = ucred_geteuid(peer);
    *group = ucred_getegid(peer);
    ucred_free(peer);
    return 0;
#else
    return getpeereid(fd, user, group);
#endif
}

/*
 * Neither end of a pair has a name. A connection to somebody's socket has one at one end, and is no
 * channel, whoever listens there.
 */
static bool has_name(int fd, int (*name_of)(int, struct sockaddr *, socklen_t *))
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    socklen_t size = sizeof name;

    if (name_of(fd, (struct sockaddr *)&name, &size) < 0 || name.sun_family != AF_UNIX) {
        return true;
    }
#if defined(__linux__)
    return size > offsetof(struct sockaddr_un, sun_path); /* an abstract one begins with a zero */
#else
    return size > offsetof(struct sockaddr_un, sun_path) && name.sun_path[0] != '\0';
#endif
}

brood_status brood_os_channel_check_peer(brood_handle end, brood_error *error)
{
    int fd = end >= 0 && end <= INT_MAX ? (int)end : -1;
    uid_t user = (uid_t)-1;
    gid_t group = (gid_t)-1;

    if (peer_ids(fd, &user, &group) < 0 || has_name(fd, getsockname) || has_name(fd, getpeername)) {
        return brood_fail(error, BROOD_ERR_PERMISSION, 0, "channel",
                          "the start does not come from a parent that the system vouches for");
    }
    if (user != geteuid() || group != getegid() || may_have_gained()) {
        return brood_fail(error, BROOD_ERR_PERMISSION, 0, "channel",
                          "the start comes from a process with other rights (user %ld, group %ld)",
                          (long)user, (long)group);
    }
    return BROOD_OK;
}
