#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system.h"

#if defined(BROOD_LINUX)

static int open_memory(void)
{
    return memfd_create("brood", MFD_CLOEXEC);
}

#else

/* A name for a moment only; the next number is tried when somebody has it already. */
static int open_memory(void)
{
    char name[32]; /* macOS: at most 31 bytes */
    brood_os_signals before;
    int saved = 0;
    int fd = -1;

    brood_os_signals_hold(&before); /* one that ends us now would leave the name behind */

    for (int i = 0; i < 100 && fd < 0; i++) {
        snprintf(name, sizeof name, "/brood-%lx-%lx", (unsigned long)getpid(),
                 (unsigned long)(brood_os_now() & 0xffffffff));
        fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
        if (fd < 0 && errno != EEXIST) {
            break;
        }
    }
    saved = errno;
    if (fd >= 0) {
        shm_unlink(name);
        brood_posix_set_cloexec(fd, true);
    }
    brood_os_signals_release(&before);
    errno = saved;
    return fd;
}

#endif

/*
 * More than the machine has. A memfd has no limit of its own: taking its room would not fail, but
 * go on until the system kills somebody for want of memory.
 */
static bool exceeds_memory(size_t size)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_size = sysconf(_SC_PAGESIZE);

    return pages > 0 && page_size > 0 && size / (size_t)page_size > (size_t)pages;
}

/*
 * Room is taken now, where the system can: a hole would be a SIGBUS on a full system later. A memfd
 * has no size of its own to exceed, so that of the lazy ones may be taken as malloc's is.
 */
static int reserve(int fd, size_t size, bool is_lazy)
{
#if defined(__APPLE__)
    (void)is_lazy;
    return ftruncate(fd, (off_t)size) == 0 ? 0 : errno;
#else
    int result = 0;

#if defined(BROOD_LINUX)
    if (is_lazy) {
        return ftruncate(fd, (off_t)size) == 0 ? 0 : errno;
    }
#else
    (void)is_lazy;
#endif
    do {
        result = posix_fallocate(fd, 0, (off_t)size);
    } while (result == EINTR);
    return result;
#endif
}

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
    int fd = brood_posix_above_stdio(open_memory());
    brood_status status = BROOD_OK;
    int result = 0;

    *segment = (brood_os_segment){BROOD_HANDLE_NONE, NULL, 0};
    if (fd < 0) {
        return brood_posix_fail(error, errno, "shared memory");
    }
    result = exceeds_memory(size) ? ENOMEM : reserve(fd, size, is_lazy);
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
