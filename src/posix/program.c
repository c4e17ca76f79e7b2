#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/system.h"

#if defined(__APPLE__)
#include <mach-o/dyld.h>
#elif defined(BROOD_LINUX)
#include <fcntl.h>
#include <link.h>
#include <sys/auxv.h>
#endif

#define DEFAULT_PATH "/usr/local/bin:/bin:/usr/bin"

/* ---- finding a program ------------------------------------------------------------------- */

/* 0, or the errno that says why it cannot be executed. */
static int check_program(const char *path)
{
    struct stat about;

    if (stat(path, &about) < 0) {
        return errno;
    }
    if (!S_ISREG(about.st_mode)) {
        return EACCES;
    }
    return access(path, X_OK) < 0 ? errno : 0;
}

/* The absolute form of a path with a directory part, which need not exist. */
static char *make_absolute(const char *path)
{
    char here[PATH_MAX];
    char *absolute = NULL;
    size_t size = 0;

    if (path[0] == '/') {
        return brood_strdup(path);
    }
    if (getcwd(here, sizeof here) == NULL) {
        return NULL;
    }
    size = strlen(here) + strlen(path) + 2;
    absolute = brood_malloc(size);
    if (absolute != NULL) {
        snprintf(absolute, size, "%s/%s", here, path);
    }
    return absolute;
}

/* directory/name, where an empty directory is the current one; NULL without memory. */
static char *join_path(const char *directory, size_t length, const char *name)
{
    size_t size = length + strlen(name) + 3;
    char *path = brood_malloc(size);
    char *absolute = NULL;

    if (path == NULL) {
        return NULL;
    }
    snprintf(path, size, "%.*s/%s", length == 0 ? 1 : (int)length, length == 0 ? "." : directory,
             name);
    absolute = make_absolute(path);
    free(path);
    return absolute;
}

/* The first program of that name; NULL and errno, the most telling one that was met. */
static char *search_path(const char *name, const char *list)
{
    int found = ENOENT;

    for (bool is_last = list == NULL; !is_last;) { /* the last one may be empty, too */
        size_t length = strcspn(list, ":");
        char *path = join_path(list, length, name);
        int result = path == NULL ? errno : check_program(path);

        if (result == 0) {
            return path;
        }
        free(path);
        if (result == ENOMEM) { /* it may be there, and no later one shall stand in for it */
            found = result;
            break;
        }
        found = result == EACCES ? result : found;
        is_last = list[length] == '\0';
        list += length + 1;
    }
    errno = found;
    return NULL;
}

brood_status brood_os_program_find(char **file, const char *name, const char *path_list,
                                   brood_error *error)
{
    char *path = NULL;
    int result = 0;

    *file = NULL;
    if (strchr(name, '/') == NULL) {
        path = search_path(name, path_list != NULL ? path_list : DEFAULT_PATH);
        result = path == NULL ? errno : 0;
    } else {
        path = make_absolute(name);
        result = path == NULL ? errno : check_program(path);
    }
    if (result != 0) {
        free(path);
        return brood_fail(error, brood_posix_status(result), result, "find program",
                          "\"%.120s\" %s", name,
                          result == EACCES ? "is not an executable file" : "is not found");
    }
    *file = path;
    return BROOD_OK;
}

brood_status brood_os_path_absolute(char **absolute, const char *path, bool is_program,
                                    brood_error *error)
{
    bool is_looked_up = is_program && strchr(path, '/') == NULL;

    *absolute = is_looked_up ? brood_strdup(path) : make_absolute(path);
    return *absolute != NULL ? BROOD_OK : brood_posix_fail(error, errno, "getcwd");
}

/* ---- ourselves --------------------------------------------------------------------------- */

#define SELF_LINK "/proc/self/exe" /* Linux: the file that runs, even without a name */

static struct {
    dev_t device;
    ino_t inode;
} self_file; /* as it was when we began */

/* Whether nobody else can put something there: a directory that is sticky keeps what is not theirs. */
static bool is_kept(const struct stat *about, uid_t owner)
{
    return (about->st_uid == 0 || about->st_uid == owner) &&
           ((about->st_mode & (S_IWGRP | S_IWOTH)) == 0 || (about->st_mode & S_ISVTX) != 0);
}

/*
 * Of a program with more rights than its caller, who chose the path, and may exchange what is there
 * before it is executed with these rights: whether it is a file that has them by itself, and neither
 * it nor a directory above is the caller's or for all to write.
 */
static bool is_safe_program(const char *path)
{
    char above[PATH_MAX];
    struct stat about;
    uid_t owner = 0;

    if (stat(path, &about) < 0 || strlen(path) >= sizeof above ||
        (about.st_mode & (S_IWGRP | S_IWOTH)) != 0 ||
        (about.st_uid == getuid() && about.st_uid != 0) ||
        (((about.st_mode & S_ISUID) == 0 || about.st_uid != geteuid()) &&
         ((about.st_mode & S_ISGID) == 0 || about.st_gid != getegid()))) {
        return false;
    }
    owner = about.st_uid;
    memcpy(above, path, strlen(path) + 1);
    for (char *end = strrchr(above, '/'); end != NULL; end = strrchr(above, '/')) {
        end[end == above] = '\0';
        if (stat(above, &about) < 0 || !is_kept(&about, owner)) {
            return false;
        }
        if (end == above) {
            return true;
        }
    }
    return false;
}

static char *path_if_safe(const char *found)
{
    char *path = realpath(found, NULL);

    if (path != NULL && brood_os_is_privileged() && !is_safe_program(path)) {
        free(path);
        errno = EPERM;
        return NULL;
    }
    return path;
}

/* What main was given, taken as the shell takes it. */
static char *path_of_argv0(const char *argv0)
{
    char *found = NULL;
    char *path = NULL;
    brood_status status = BROOD_ERR_NOT_FOUND;

    if (argv0 != NULL) {
        status = brood_os_program_find(&found, argv0, getenv("PATH"), NULL);
    }
    if (status != BROOD_OK) {
        errno = status == BROOD_ERR_NO_MEMORY ? ENOMEM : ENOENT;
        return NULL;
    }
    path = path_if_safe(found);
    free(found);
    return path;
}

#if defined(BROOD_LINUX)

static bool read_self_link(char path[PATH_MAX])
{
    ssize_t size = readlink(SELF_LINK, path, PATH_MAX - 1);

    path[size > 0 ? size : 0] = '\0';
    return path[0] == '/';
}

static char *path_of_self(const char *argv0)
{
    char path[PATH_MAX];

    return read_self_link(path) ? brood_strdup(path) : path_of_argv0(argv0);
}

/*
 * Whether another file has been put at path since: then the link says that ours is deleted. (What
 * the link leads to is not compared: under Valgrind that is Valgrind.)
 */
static bool is_replaced(const char *path)
{
    char now[PATH_MAX];

    return read_self_link(now) && strcmp(now, path) != 0;
}

#elif defined(__APPLE__)

static char *path_of_self(const char *argv0)
{
    char raw[PATH_MAX];
    uint32_t size = sizeof raw;
    char *path = _NSGetExecutablePath(raw, &size) == 0 ? path_if_safe(raw) : NULL;

    return path != NULL ? path : path_of_argv0(argv0);
}

#else
#define path_of_self path_of_argv0
#endif

#if !defined(BROOD_LINUX)

static bool is_replaced(const char *path)
{
    (void)path;
    return false; /* nothing tells; its build will be another */
}

#endif

/* ---- started by a loader ------------------------------------------------------------------ */

#define LOADER_ARGUMENTS 64
#define LOADER_BYTES 8192

typedef struct loader {
    char text[LOADER_BYTES]; /* of /proc/self/cmdline */
    char program[PATH_MAX];
    const char *arguments[LOADER_ARGUMENTS + 2];
} loader;

static loader *own_loader; /* NULL: none has started this program; lives as long as the process */

const char *const *brood_os_self_arguments(void)
{
    return own_loader != NULL ? own_loader->arguments : NULL;
}

#if defined(BROOD_LINUX)

typedef struct main_program {
    uintptr_t address;
    bool has_interpreter;
} main_program;

/* The program is the first one. */
static int look_at_program(struct dl_phdr_info *info, size_t size, void *data)
{
    main_program *found = data;

    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

        if (segment->p_type == PT_LOAD && found->address == 0) {
            found->address = (uintptr_t)(info->dlpi_addr + segment->p_vaddr);
        }
        found->has_interpreter = found->has_interpreter || segment->p_type == PT_INTERP;
    }
    return 1;
}

/* The file that is mapped there, by proc_pid_maps(5). */
static bool find_file_at(uintptr_t address, char path[PATH_MAX])
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[PATH_MAX + 128];
    bool is_found = false;

    while (maps != NULL && !is_found && fgets(line, sizeof line, maps) != NULL) {
        char *end = NULL;
        uintptr_t from = (uintptr_t)strtoull(line, &end, 16);
        uintptr_t to = *end == '-' ? (uintptr_t)strtoull(end + 1, NULL, 16) : 0;
        char *name = strchr(line, '/');

        is_found = address >= from && address < to && name != NULL;
        if (is_found) {
            snprintf(path, PATH_MAX, "%.*s", (int)strcspn(name, "\n"), name);
        }
    }
    if (maps != NULL) {
        fclose(maps);
    }
    return is_found;
}

static size_t read_command_line(char text[LOADER_BYTES])
{
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, text, LOADER_BYTES - 1);

    brood_os_handle_close(fd);
    return size > 0 ? (size_t)size : 0;
}

/* What comes before the program in the command line, and the program. */
static bool find_arguments(loader *self)
{
    struct stat program;
    struct stat about;
    const char *at = self->text;
    size_t size = 0;
    bool is_found = false;

    if (stat(self->program, &program) < 0) {
        return false;
    }
    size = read_command_line(self->text);
    for (size_t i = 0; at < self->text + size && i < LOADER_ARGUMENTS && !is_found; i++) {
        is_found = i > 0 && stat(at, &about) == 0 && about.st_dev == program.st_dev &&
                   about.st_ino == program.st_ino;
        self->arguments[i] = is_found ? self->program : at;
        at += strlen(at) + 1;
    }
    return is_found;
}

/*
 * The kernel loads no interpreter (AT_BASE of getauxval(3)) for one that is executed itself. Then
 * /proc/self/exe is that one, and what comes before the program in the command line is for it.
 */
static brood_status find_loader(brood_error *error)
{
    main_program found = {0, false};
    loader *self = NULL;

    if (own_loader != NULL || getauxval(AT_BASE) != 0) {
        return BROOD_OK;
    }
    dl_iterate_phdr(look_at_program, &found);
    if (!found.has_interpreter) {
        return BROOD_OK;
    }
    self = brood_calloc(1, sizeof *self);
    if (self == NULL) {
        return brood_fail_memory(error, "own command line");
    }
    if (find_file_at(found.address, self->program) && find_arguments(self)) {
        own_loader = self;
    } else {
        free(self);
    }
    return BROOD_OK;
}

#else

static brood_status find_loader(brood_error *error)
{
    (void)error;
    return BROOD_OK;
}

#endif

brood_status brood_os_self_find(char **path, const char *argv0, brood_error *error)
{
    brood_status status = BROOD_OK;
    struct stat about;

    *path = path_of_self(argv0);
    if (*path == NULL) {
        return brood_posix_fail(error, errno, "find own executable");
    }
    if (stat(*path, &about) == 0 && !is_replaced(*path)) {
        self_file.device = about.st_dev;
        self_file.inode = about.st_ino;
    }
    status = find_loader(error);
    if (status != BROOD_OK) {
        free(*path);
        *path = NULL;
    }
    return status;
}

/*
 * By its path as long as that is still the same file: ps shows a better name then, and Valgrind
 * can follow. But what is there may be exchanged until it is executed.
 */
const char *brood_os_self_path(const char *path)
{
#if defined(BROOD_LINUX)
    struct stat about;

    if (brood_os_is_privileged() || stat(path, &about) < 0 || about.st_dev != self_file.device ||
        about.st_ino != self_file.inode) {
        return SELF_LINK;
    }
#endif
    return path;
}

/* Whether to look elsewhere: without memory it may be there, and no other shall stand in for it. */
static bool may_go_on(brood_status status)
{
    return status != BROOD_OK && status != BROOD_ERR_NO_MEMORY;
}

/* brood-worker in the libexec beside the library's own directory, or in that directory itself. */
brood_status brood_os_worker_find(char **path, brood_error *error)
{
    static const char *const places[] = {"", "../libexec/", "../../libexec/", "../bin/"};
    brood_os_code own = {0};
    brood_status status =
        brood_os_code_locate(&own, (brood_os_function *)brood_os_worker_find, error);
    char *end = NULL;

    *path = NULL;
    if (status != BROOD_OK) {
        return status;
    }
    end = strrchr(own.module, '/');
    status = BROOD_ERR_NOT_FOUND;
    for (size_t i = 0; end != NULL && i < sizeof places / sizeof places[0] && may_go_on(status);
         i++) {
        char file[PATH_MAX];

        snprintf(file, sizeof file, "%.*s/%sbrood-worker", (int)(end - own.module), own.module,
                 places[i]);
        status = brood_os_program_find(path, file, NULL, NULL);
    }
    free(own.module);
    if (status == BROOD_ERR_NO_MEMORY) {
        return brood_fail_memory(error, "brood-worker");
    }
    return status == BROOD_OK ? status
                              : brood_os_program_find(path, BROOD_WORKER_INSTALLED, NULL, error);
}
