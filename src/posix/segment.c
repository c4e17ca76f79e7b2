#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic.h"
#include "cgroup.h"
#include "posix/system.h"

#define STEP_BYTES ((size_t)64 << 20)
#define SMALL_BYTES ((size_t)4 << 20) /* so much is not worth a look at what there is */

/* ---- a file for it ------------------------------------------------------------------------ */

/* A name for a moment only; the next number is tried when somebody has it already. */
static int open_named(void)
{
    char name[32]; /* macOS: at most 31 bytes */
    int fd = -1;

    for (int i = 0; i < 100 && fd < 0; i++) {
        snprintf(name, sizeof name, "/brood-%lx-%lx", (unsigned long)getpid(),
                 (unsigned long)(brood_os_now() & 0xffffffff));
        fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
        if (fd < 0 && errno != EEXIST) {
            break;
        }
    }
    if (fd >= 0) {
        shm_unlink(name);
        brood_posix_set_cloexec(fd, true);
    }
    return fd;
}

/* A file that has lost its name: on a disk, where writing to it costs more. */
static int open_file(void)
{
    char directory[900] = "/tmp"; /* not TMPDIR: the program may be changing its environment */
    char path[1024];
    int fd = -1;

#if defined(_CS_DARWIN_USER_TEMP_DIR)
    if (confstr(_CS_DARWIN_USER_TEMP_DIR, directory, sizeof directory) == 0) {
        return -1;
    }
#endif
    snprintf(path, sizeof path, "%s/brood-XXXXXX", directory);
    fd = mkstemp(path);
    if (fd >= 0) {
        unlink(path);
        brood_posix_set_cloexec(fd, true);
    }
    return fd;
}

/*
 * Where shm_open is refused: in the App Sandbox of macOS, which wants the prefix of an application
 * group in the name; where /dev/shm is not there, or cannot be written.
 */
static int open_nameless(void)
{
    brood_os_signals before;
    int saved = 0;
    int fd = -1;

    brood_os_signals_hold(&before); /* one that ends us now would leave the name behind */
    fd = open_named();
    if (fd < 0 && errno != EMFILE && errno != ENFILE && errno != ENOMEM) {
        fd = open_file();
    }
    saved = errno;
    brood_os_signals_release(&before);
    errno = saved;
    return fd;
}

#if defined(MFD_ALLOW_SEALING) && !defined(BROOD_GENERIC_POSIX)

#define NOEXEC_SEAL 8U /* MFD_NOEXEC_SEAL of Linux 6.3, all that vm.memfd_noexec=2 lets through */

/* Where the kernel, or a filter, refuses memfds, as elsewhere. */
static int open_memory(bool *is_lazy)
{
    int fd = memfd_create("brood", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0 && errno == EACCES) {
        fd = memfd_create("brood", MFD_CLOEXEC | MFD_ALLOW_SEALING | NOEXEC_SEAL);
    }
    if (fd >= 0 || errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
        return fd;
    }
    *is_lazy = false;
    return open_nameless();
}

/*
 * Whoever gets it cannot make it shorter, which would end us by SIGBUS. Holes can be punched into
 * it: they are zeros. A named one refuses seals.
 */
static int seal(int fd)
{
    int result = fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);

    return result == 0 || errno == EPERM || errno == EINVAL ? 0 : errno;
}

#else

static int open_memory(bool *is_lazy)
{
    *is_lazy = false; /* it may lie on a disk of its own, which has an end */
    return open_nameless();
}

/* macOS lets nobody change a size that was set (pshm_truncate, posix_shm.c); others have nothing. */
static int seal(int fd)
{
    (void)fd;
    return 0;
}

#endif

/* ---- room --------------------------------------------------------------------------------- */

/*
 * More than there is. A memfd has no limit of its own: taking its room would not fail, but go on
 * until the system kills somebody for want of memory.
 */
static bool exceeds_memory(size_t size)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_size = sysconf(_SC_PAGESIZE);

    if (pages > 0 && page_size > 0 && size / (size_t)page_size > (size_t)pages) {
        return true;
    }
    return size > SMALL_BYTES && size > brood_memory_free(brood_memory_root);
}

/* Linux sends SIGXFSZ for memory, too, when that is more than the limit of a file. */
static bool exceeds_file_size(size_t size)
{
#if defined(__linux__)
    struct rlimit limit;

    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
           size > limit.rlim_cur;
#else
    (void)size;
    return false;
#endif
}

static int set_size(int fd, size_t size)
{
    return ftruncate(fd, (off_t)size) == 0 ? 0 : errno;
}

#if defined(__APPLE__) || defined(__OpenBSD__) /* have no posix_fallocate */

static int take_room(int fd, size_t size)
{
    return set_size(fd, size);
}

#else

/*
 * Shared memory of FreeBSD before 13 (ENODEV), of NetBSD, QNX and illumos, ZFS: there is no way to
 * take room, so it comes as it is touched.
 */
static bool cannot_take(int result)
{
    static const int missing[] = {ENODEV, EINVAL, EOPNOTSUPP, ENOTSUP, ENOSYS};

    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++) {
        if (result == missing[i]) {
            return true;
        }
    }
    return false;
}

/*
 * What a signal interrupts has taken nothing (shmem_fallocate, mm/shmem.c), so a timer that comes
 * often would let it never end: signals wait while a step is taken.
 */
static int take_step(int fd, size_t at, size_t size)
{
    brood_os_signals before;
    int result = 0;

    brood_os_signals_hold(&before);
    do {
        result = posix_fallocate(fd, (off_t)at, (off_t)size);
    } while (result == EINTR);
    brood_os_signals_release(&before);
    return result;
}

static int take_room(int fd, size_t size)
{
    int result = size == 0 ? EINVAL : 0;

    for (size_t at = 0; at < size && result == 0; at += STEP_BYTES) {
        result = take_step(fd, at, size - at < STEP_BYTES ? size - at : STEP_BYTES);
    }
    return size > 0 && cannot_take(result) ? set_size(fd, size) : result;
}

#endif

/* Whether the system counts what it promises. One that did not is not asked again. */
static bool is_counted(void)
{
    static brood_atomic64 uncounted; /* the root of the system that did not */
    uint64_t root = (uint64_t)(uintptr_t)brood_memory_root;

    if (brood_load64(&uncounted) == root) {
        return false;
    }
    if (brood_memory_is_counted(brood_memory_root)) {
        return true;
    }
    brood_store64(&uncounted, root);
    return false;
}

/*
 * Room is taken now, where the system can: a hole would be a SIGBUS on a full system later. A memfd
 * has no size of its own to exceed, so that of the lazy ones may be taken as malloc's is; but where
 * the system counts what it promises, a touch fails that was not counted before.
 */
static int reserve(int fd, size_t size, bool is_lazy)
{
    if (is_lazy && !is_counted()) {
        return set_size(fd, size);
    }
    return take_room(fd, size);
}

/* ---- segments ----------------------------------------------------------------------------- */

static brood_status map(brood_os_segment *segment, int fd, size_t size, brood_error *error)
{
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (base == MAP_FAILED) {
        return brood_posix_fail(error, errno, "mmap");
    }
    *segment = (brood_os_segment){fd, base, size};
    return BROOD_OK;
}

brood_status brood_os_segment_create(brood_os_segment *segment, size_t size, bool is_lazy,
                                     brood_error *error)
{
    int fd = brood_posix_above_stdio(open_memory(&is_lazy));
    brood_status status = BROOD_OK;
    int result = 0;

    *segment = (brood_os_segment){BROOD_HANDLE_NONE, NULL, 0};
    if (fd < 0) {
        return brood_posix_fail(error, errno, "shared memory");
    }
    result = exceeds_file_size(size) ? EFBIG
             : exceeds_memory(size)  ? ENOMEM
                                     : reserve(fd, size, is_lazy);
    if (result == 0) {
        result = seal(fd);
    }
    status = result != 0 ? brood_posix_fail(error, result, "shared memory")
                         : map(segment, fd, size, error);
    if (status != BROOD_OK) {
        close(fd);
    }
    return status;
}

brood_status brood_os_segment_adopt(brood_os_segment *segment, brood_handle handle, size_t size,
                                    brood_error *error)
{
    struct stat about;

    *segment = (brood_os_segment){BROOD_HANDLE_NONE, NULL, 0};
    if (handle < 0 || handle > INT32_MAX || fstat((int)handle, &about) < 0 || size == 0 ||
        (uint64_t)about.st_size < size) {
        return brood_fail(error, BROOD_ERR_PROTOCOL, 0, "segment",
                          "the handle is not a segment of that size");
    }
    brood_posix_set_cloexec((int)handle, true);
    return map(segment, (int)handle, size, error);
}

void brood_os_segment_close(brood_os_segment *segment)
{
    if (segment->base != NULL) {
        munmap(segment->base, segment->size);
        brood_os_handle_close(segment->handle);
    }
    *segment = (brood_os_segment){BROOD_HANDLE_NONE, NULL, 0};
}
