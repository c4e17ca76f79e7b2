#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/system.h"

/*
 * A pair is a socket pair: one descriptor for both ways. The stdio of another program is a pipe,
 * because programs expect one (/dev/stdin cannot be opened when it is a socket).
 */
struct brood_os_channel {
    int fd;
    bool is_socket;
    bool is_adopted; /* in a child, whose function may close it and open something else */
    dev_t device;
    ino_t inode;
    brood_posix_stash stash; /* of one that is adopted */
};

/* Non-blocking: also for the other end, which may be another program's stdio - so never there. */
static brood_status make_channel(brood_os_channel **channel, int fd, bool is_socket,
                                 brood_error *error)
{
    brood_os_channel *made = NULL;

    if (brood_posix_make_nonblocking(fd) < 0) {
        return brood_posix_fail(error, errno, "fcntl O_NONBLOCK");
    }
    made = brood_calloc(1, sizeof *made);
    if (made == NULL) {
        return brood_fail_memory(error, "channel");
    }
    brood_posix_silence(fd);
    made->fd = fd;
    made->is_socket = is_socket;
    *channel = made;
    return BROOD_OK;
}

/* Takes over both descriptors; ours becomes a channel, theirs a handle. */
static brood_status split(brood_os_channel **channel, brood_handle *child, int ours, int theirs,
                          bool is_socket, brood_error *error)
{
    brood_status status = make_channel(channel, ours, is_socket, error);

    if (status != BROOD_OK) {
        close(ours);
        close(theirs);
        return status;
    }
    *child = theirs;
    return BROOD_OK;
}

/*
 * An urgent byte (MSG_OOB, which Linux has for such sockets since 5.15) would make the socket ready, and
 * be passed over by a read: a child could wake us, and nobody would count that.
 */
static void take_urgent_bytes(int fd)
{
    int yes = 1;

    setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &yes, sizeof yes);
}

#if defined(BROOD_LINUX) && defined(SO_PEERCRED)

#if !defined(SO_PASSRIGHTS) && SO_PEERCRED == 17
#define SO_PASSRIGHTS 83 /* of asm-generic/socket.h since Linux 6.16, where SO_PEERCRED is 17 */
#endif

/*
 * What a child passes to us would be closed by the read that finds it, and a close can take as long as
 * the child likes (SO_LINGER of socket(7)). Linux before 6.16 cannot refuse it.
 */
static void refuse_rights(int fd)
{
#if defined(SO_PASSRIGHTS)
    int no = 0;

    setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &no, sizeof no);
#else
    (void)fd;
#endif
}

#else

static void refuse_rights(int fd)
{
    (void)fd;
}

#endif

brood_status brood_os_channel_pair(brood_os_channel **channel, brood_handle *child,
                                   brood_error *error)
{
    int fds[2];

    *channel = NULL;
    *child = BROOD_HANDLE_NONE;
    if (brood_posix_socket_pair(fds) < 0) {
        return brood_posix_fail(error, errno, "socketpair");
    }
    refuse_rights(fds[0]);
    take_urgent_bytes(fds[0]);
    return split(channel, child, fds[0], fds[1], true, error);
}

brood_status brood_os_channel_pipe(brood_os_channel **channel, brood_handle *child,
                                   bool child_writes, brood_error *error)
{
    int fds[2];

    *channel = NULL;
    *child = BROOD_HANDLE_NONE;
    if (brood_posix_pipe(fds) < 0) {
        return brood_posix_fail(error, errno, "pipe");
    }
    return split(channel, child, fds[child_writes ? 0 : 1], fds[child_writes ? 1 : 0], false,
                 error);
}

brood_status brood_os_channel_adopt(brood_os_channel **channel, brood_handle handle,
                                    brood_error *error)
{
    struct stat about;
    brood_status status = BROOD_OK;

    *channel = NULL;
    if (handle <= STDERR_FILENO || handle > INT32_MAX || fstat((int)handle, &about) < 0 ||
        !S_ISSOCK(about.st_mode)) {
        return brood_fail(error, BROOD_ERR_PROTOCOL, 0, "channel",
                          "the handle is not the end of a channel");
    }
    if (brood_posix_set_cloexec((int)handle, true) < 0) {
        return brood_posix_fail(error, errno, "fcntl F_SETFD");
    }
    status = make_channel(channel, (int)handle, true, error);
    if (*channel == NULL) {
        return status;
    }
    (*channel)->is_adopted = true;
    (*channel)->device = about.st_dev;
    (*channel)->inode = about.st_ino;
    return BROOD_OK;
}

/* Whether the number is still that of the channel. */
static bool is_ours(const brood_os_channel *channel)
{
    struct stat about;

    return !channel->is_adopted ||
           (fstat(channel->fd, &about) == 0 && about.st_dev == channel->device &&
            about.st_ino == channel->inode);
}

static ssize_t read_some(brood_os_channel *channel, void *buffer, size_t size)
{
    return channel->is_adopted ? brood_posix_receive(channel->fd, buffer, size, &channel->stash)
                               : read(channel->fd, buffer, size);
}

brood_status brood_os_channel_read(brood_os_channel *channel, void *buffer, size_t size,
                                   size_t *got, brood_error *error)
{
    ssize_t count = 0;

    *got = 0;
    if (!is_ours(channel)) {
        return BROOD_ERR_CLOSED;
    }
    do {
        count = read_some(channel, buffer, size);
    } while (count < 0 && errno == EINTR);
    if (count > 0) {
        *got = (size_t)count;
        return BROOD_OK;
    }
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        return BROOD_ERR_TIMEOUT;
    }
    return count == 0 ? BROOD_ERR_CLOSED : brood_posix_fail(error, errno, "read");
}

/* The socket holds the bytes that a peer has written, for whichever thread reads. */
void brood_os_channel_settle(brood_os_channel *channel)
{
    (void)channel;
}

static ssize_t write_some(const brood_os_channel *channel, const void *buffer, size_t size)
{
    return channel->is_socket ? send(channel->fd, buffer, size, BROOD_POSIX_SILENT)
                              : brood_posix_write_quietly(channel->fd, buffer, size);
}

brood_status brood_os_channel_write(brood_os_channel *channel, const void *buffer, size_t size,
                                    size_t *put, brood_error *error)
{
    ssize_t count = 0;

    *put = 0;
    if (!is_ours(channel)) {
        return BROOD_ERR_CLOSED;
    }
    do {
        count = write_some(channel, buffer, size);
    } while (count < 0 && errno == EINTR);
    if (count >= 0) {
        *put = (size_t)count;
        return BROOD_OK;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return BROOD_ERR_TIMEOUT;
    }
    return brood_posix_fail(error, errno, "write");
}

bool brood_os_channel_is_lost(const brood_os_channel *channel)
{
    return channel != NULL && !is_ours(channel);
}

void brood_os_channel_close(brood_os_channel *channel)
{
    if (channel != NULL) {
        brood_posix_stash_close(&channel->stash);
        close(channel->fd);
        free(channel);
    }
}

int brood_posix_channel_fd(const brood_os_channel *channel)
{
    return channel->fd;
}

brood_posix_stash *brood_posix_channel_stash(brood_os_channel *channel)
{
    return &channel->stash;
}
