/* Descriptors that travel in channels. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "posix/system.h"

#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wsign-conversion" /* in CMSG_NXTHDR of musl */
#endif

#define ROOM_FDS 16 /* of one message; we send one a message */

/* What holds the descriptors of a message, as the system wants it aligned. */
typedef union fd_room {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(ROOM_FDS * sizeof(int))];
} fd_room;

#if defined(MSG_CMSG_CLOEXEC)
#define RECEIVE_FLAGS MSG_CMSG_CLOEXEC
#else
#define RECEIVE_FLAGS 0
#endif

/* Room for one more: a program may tell of any number before the first is taken. */
static bool stash_grow(brood_posix_stash *stash)
{
    size_t count = stash->end - stash->first;
    size_t room = count < 8 ? 16 : 2 * count;
    int *fds = NULL;

    if (stash->end < stash->room) {
        return true;
    }
    fds = brood_malloc(room * sizeof *fds);
    if (fds == NULL) {
        return false;
    }
    if (count > 0) {
        memcpy(fds, stash->fds + stash->first, count * sizeof *fds);
    }
    free(stash->fds);
    *stash = (brood_posix_stash){fds, 0, count, room, stash->lost};
    return true;
}

/* From the first that finds no memory on, all are lost until all before them are taken. */
static void stash_put(brood_posix_stash *stash, int fd)
{
    if (stash->lost > 0 || !stash_grow(stash)) {
        brood_os_handle_close(fd);
        stash->lost++;
        return;
    }
    stash->fds[stash->end++] = fd;
}

bool brood_posix_stash_take(brood_posix_stash *stash, int *fd)
{
    *fd = -1;
    if (stash->first < stash->end) {
        *fd = stash->fds[stash->first++];
        return true;
    }
    if (stash->lost > 0) {
        stash->lost--;
        return true;
    }
    return false;
}

void brood_posix_stash_close(brood_posix_stash *stash)
{
    int fd = -1;

    while (stash->first < stash->end && brood_posix_stash_take(stash, &fd)) {
        brood_os_handle_close(fd);
    }
    free(stash->fds);
}

static int own(int fd)
{
#if !defined(MSG_CMSG_CLOEXEC)
    brood_posix_set_cloexec(fd, true);
#endif
    return brood_posix_above_stdio(fd);
}

static void stash_all(brood_posix_stash *stash, struct cmsghdr *head, bool is_whole)
{
    size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);

    for (size_t i = 0; i < count; i++) {
        int fd = -1;

        memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
        if (is_whole) {
            stash_put(stash, own(fd));
        } else {
            close(fd);
        }
    }
}

#if defined(__GNUC__) /* CMSG_NXTHDR of musl mixes signed and unsigned */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
#endif

/* Of a message that is cut - we have too many open - it is known that there was one, and no more. */
static void stash_message(brood_posix_stash *stash, struct msghdr *message)
{
    bool is_whole = (message->msg_flags & MSG_CTRUNC) == 0;

    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head != NULL;
         head = CMSG_NXTHDR(message, head)) {
        if (head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS) {
            stash_all(stash, head, is_whole);
        }
    }
    if (!is_whole) {
        stash_put(stash, -1);
    }
}

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

ssize_t brood_posix_receive(int fd, void *buffer, size_t size, brood_posix_stash *stash)
{
    fd_room room;
    struct iovec part = {buffer, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t count = 0;

    message.msg_control = room.bytes;
    message.msg_controllen = sizeof room.bytes;
    count = recvmsg(fd, &message, RECEIVE_FLAGS);
    if (count >= 0) {
        stash_message(stash, &message);
    } else if (errno == EMSGSIZE || errno == EMFILE) {
        /* What macOS says instead of cutting a message; its byte comes with the next call. */
        stash_put(stash, -1);
        errno = EAGAIN;
    }
    return count;
}

ssize_t brood_posix_send_fd(int socket, int fd)
{
    fd_room room;
    char byte = 0;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    memset(&room, 0, sizeof room);
    room.head.cmsg_level = SOL_SOCKET;
    room.head.cmsg_type = SCM_RIGHTS;
    room.head.cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(&room.head), &fd, sizeof fd);
    message.msg_control = room.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof fd);
    return sendmsg(socket, &message, BROOD_POSIX_SILENT);
}
