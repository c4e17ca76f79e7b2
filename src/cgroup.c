#include "cgroup.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "platform.h"

#define FILE_MAX_BYTES (1024 * 1024)
#define PATH_MAX_BYTES 4096

/* One version of cgroups: where this process is in it, and where it is mounted. */
typedef struct hierarchy {
    bool is_v2;
    const char *path;       /* of /proc/self/cgroup; NULL: not there */
    const char *mount_root; /* what of the hierarchy is mounted */
    const char *mount_point;
} hierarchy;

/* The whole file root/directory/name as a string, NULL when it cannot be read. */
static char *read_file(const char *root, const char *directory, const char *name)
{
    char path[PATH_MAX_BYTES];
    brood_buffer text = BROOD_BUFFER_INIT;
    FILE *file = NULL;
    int length = snprintf(path, sizeof path, "%s%s%s", root, directory, name);

    file = length > 0 && length < PATH_MAX_BYTES ? brood_os_file_read(path) : NULL;
    if (file == NULL) {
        return NULL;
    }
    while (text.size < FILE_MAX_BYTES && brood_buffer_reserve(&text, 4096)) {
        size_t got = fread(text.data + text.size, 1, 4096, file); /* /proc tells no size */

        text.size += got;
        if (got == 0) {
            break;
        }
    }
    fclose(file);
    brood_buffer_append(&text, "", 1);
    if (text.failed) {
        brood_buffer_free(&text);
    }
    return text.data;
}

/* Cuts the next non-empty piece off *rest; NULL at the end. */
static char *next_piece(char **rest, const char *separators)
{
    char *piece = *rest + strspn(*rest, separators);
    char *end = piece + strcspn(piece, separators);

    *rest = *end == '\0' ? end : end + 1;
    *end = '\0';
    return *piece == '\0' ? NULL : piece;
}

/* Whether a comma-separated list has a word. */
static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);

    for (; list != NULL; list = strchr(list, ',')) {
        list += *list == ',';
        if (strncmp(list, word, length) == 0 && (list[length] == ',' || list[length] == '\0')) {
            return true;
        }
    }
    return false;
}

/* Lines "id:controllers:path"; version 2 has no controllers. */
static void find_paths(char *text, const char *controller, hierarchy *v1, hierarchy *v2)
{
    char *rest = text;

    for (char *line = next_piece(&rest, "\n"); line != NULL; line = next_piece(&rest, "\n")) {
        char *controllers = strchr(line, ':');
        char *path = controllers == NULL ? NULL : strchr(controllers + 1, ':');

        if (path == NULL) {
            continue;
        }
        *path++ = '\0';
        controllers++;
        if (*controllers == '\0') {
            v2->path = path;
        } else if (has_word(controllers, controller)) {
            v1->path = path;
        }
    }
}

/* mountinfo writes a space, tab, newline and backslash as \ooo (man 5 proc). */
static void unescape(char *text)
{
    char *out = text;

    for (; *text != '\0'; text++) {
        if (text[0] == '\\' && strspn(text + 1, "01234567") >= 3) {
            *out++ = (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
            text += 3;
        } else {
            *out++ = *text;
        }
    }
    *out = '\0';
}

/* "id parent dev ROOT POINT options... - TYPE source SUPER"; false when it is not so. */
static bool parse_mount(char *line, char **root, char **point, char **type, char **super)
{
    char *fields[5] = {NULL};
    char *rest = line;
    char *separator = strstr(line, " - ");

    if (separator == NULL) {
        return false;
    }
    *separator = '\0';
    for (int i = 0; i < 5; i++) {
        fields[i] = next_piece(&rest, " ");
    }
    *root = fields[3];
    *point = fields[4];
    rest = separator + 3;
    *type = next_piece(&rest, " ");
    next_piece(&rest, " "); /* the source */
    *super = next_piece(&rest, " ");
    return *super != NULL && *point != NULL;
}

static void find_mounts(char *text, const char *controller, hierarchy *v1, hierarchy *v2)
{
    char *rest = text;

    for (char *line = next_piece(&rest, "\n"); line != NULL; line = next_piece(&rest, "\n")) {
        char *root = NULL;
        char *point = NULL;
        char *type = NULL;
        char *super = NULL;
        hierarchy *found = NULL;

        if (!parse_mount(line, &root, &point, &type, &super)) {
            continue;
        }
        if (strcmp(type, "cgroup2") == 0) {
            found = v2;
        } else if (strcmp(type, "cgroup") == 0 && has_word(super, controller)) {
            found = v1;
        }
        if (found != NULL && found->mount_point == NULL) {
            unescape(root);
            unescape(point);
            found->mount_root = strcmp(root, "/") == 0 ? "" : root;
            found->mount_point = point;
        }
    }
}

/* A number; -1 when it is none ("max", or malformed). */
static int64_t parse_number(const char *text, char **end)
{
    long long value = 0;

    if (*text < '0' || *text > '9') {
        return -1;
    }
    value = strtoll(text, end, 10);
    return value < 0 || value == LLONG_MAX ? -1 : value;
}

static int64_t file_number(const char *root, const char *directory, const char *name)
{
    char *text = read_file(root, directory, name);
    char *end = NULL;
    int64_t value = text == NULL ? -1 : parse_number(text, &end);

    brood_free(text);
    return value;
}

/* "QUOTA PERIOD" */
static void read_v2(const char *root, const char *directory, int64_t *quota, int64_t *period)
{
    char *text = read_file(root, directory, "/cpu.max");
    char *end = NULL;

    *quota = text == NULL ? -1 : parse_number(text, &end);
    *period = *quota > 0 && *end == ' ' ? parse_number(end + 1, &end) : -1;
    brood_free(text);
}

/* What one group leaves to those in it; UINT64_MAX: it has no limit. */
typedef uint64_t limit_of(const char *root, const hierarchy *of, const char *directory,
                          const void *context);

/* The quota in cores, rounded up. */
static uint64_t quota_of(const char *root, const hierarchy *of, const char *directory,
                         const void *context)
{
    int64_t quota = -1;
    int64_t period = -1;

    (void)context;
    if (of->is_v2) {
        read_v2(root, directory, &quota, &period);
    } else {
        quota = file_number(root, directory, "/cpu.cfs_quota_us");
        period = file_number(root, directory, "/cpu.cfs_period_us");
    }
    if (quota <= 0 || period <= 0) {
        return UINT64_MAX;
    }
    return (uint64_t)(quota / period) + (quota % period != 0);
}

/* The number behind a name in a file of lines "name number"; 0 when it is not there. */
static uint64_t number_behind(const char *text, const char *name)
{
    size_t length = strlen(name);
    char *end = NULL;

    while (text != NULL && (strncmp(text, name, length) != 0 || text[length] != ' ')) {
        text = strchr(text, '\n');
        text += text != NULL;
    }
    return text == NULL ? 0 : strtoull(text + length, &end, 10);
}

/* The files of both versions. */
typedef struct memory_files {
    const char *limit, *usage, *swap_limit, *swap_usage, *active, *inactive;
} memory_files;

static const memory_files files_of_v1 = {
    "/memory.limit_in_bytes",       "/memory.usage_in_bytes", "/memory.memsw.limit_in_bytes",
    "/memory.memsw.usage_in_bytes", "total_active_file",      "total_inactive_file"};
static const memory_files files_of_v2 = {"/memory.max",      "/memory.current",
                                         "/memory.swap.max", "/memory.swap.current",
                                         "active_file",      "inactive_file"};

/* limit - usage + given_back, as far as the files tell. */
static uint64_t rest_of(const char *root, const char *directory, const char *limit_name,
                        const char *usage_name, uint64_t given_back)
{
    int64_t limit = file_number(root, directory, limit_name);
    int64_t usage = file_number(root, directory, usage_name);
    uint64_t used = usage > 0 ? (uint64_t)usage : 0;

    used -= given_back < used ? given_back : used;
    if (limit < 0) {
        return UINT64_MAX;
    }
    return (uint64_t)limit > used ? (uint64_t)limit - used : 0;
}

/* Pages of files are given back for memory; others go to swap, of which *context bytes are free. */
static uint64_t memory_of(const char *root, const hierarchy *of, const char *directory,
                          const void *context)
{
    const memory_files *files = of->is_v2 ? &files_of_v2 : &files_of_v1;
    char *text = read_file(root, directory, "/memory.stat");
    uint64_t cached = number_behind(text, files->active) + number_behind(text, files->inactive);
    uint64_t rest = rest_of(root, directory, files->limit, files->usage, cached);
    uint64_t swap = 0;

    brood_free(text);
    if (rest == UINT64_MAX) {
        return UINT64_MAX;
    }
    swap = rest_of(root, directory, files->swap_limit, files->swap_usage, of->is_v2 ? 0 : cached);
    if (!of->is_v2 && swap != UINT64_MAX) {
        swap -= swap < rest ? swap : rest; /* it counts both */
    }
    return rest + (swap < *(const uint64_t *)context ? swap : *(const uint64_t *)context);
}

/* The path below the mount point; "" when the mount does not show our group. */
static const char *visible_path(const hierarchy *of)
{
    size_t length = strlen(of->mount_root);

    if (strncmp(of->path, of->mount_root, length) == 0 &&
        (of->path[length] == '/' || of->path[length] == '\0') && strstr(of->path, "/..") == NULL) {
        return of->path + length;
    }
    return "";
}

/* The smallest limit from our group up to the mount point. */
static uint64_t smallest(const char *root, const hierarchy *of, limit_of *limit,
                         const void *context)
{
    char directory[PATH_MAX_BYTES];
    size_t top = 0;
    uint64_t least = UINT64_MAX;
    int length = 0;

    if (of->path == NULL || of->mount_point == NULL) {
        return UINT64_MAX;
    }
    top = strlen(of->mount_point);
    length = snprintf(directory, sizeof directory, "%s%s", of->mount_point, visible_path(of));
    while (length >= (int)top && length < PATH_MAX_BYTES) {
        uint64_t here = limit(root, of, directory, context);

        least = here < least ? here : least;
        do {
            length--;
        } while (length >= (int)top && directory[length] != '/');
        directory[length < 0 ? 0 : length] = '\0';
    }
    return least;
}

static uint64_t smallest_of_both(const char *root, const char *controller, limit_of *limit,
                                 const void *context)
{
    hierarchy v1 = {false, NULL, NULL, NULL};
    hierarchy v2 = {true, NULL, NULL, NULL};
    char *groups = read_file(root, "", "/proc/self/cgroup");
    char *mounts = read_file(root, "", "/proc/self/mountinfo");
    uint64_t of_v1 = UINT64_MAX;
    uint64_t of_v2 = UINT64_MAX;

    if (groups != NULL && mounts != NULL) {
        find_paths(groups, controller, &v1, &v2);
        find_mounts(mounts, controller, &v1, &v2);
        of_v1 = smallest(root, &v1, limit, context);
        of_v2 = smallest(root, &v2, limit, context);
    }
    brood_free(groups);
    brood_free(mounts);
    return of_v1 < of_v2 ? of_v1 : of_v2;
}

int brood_cgroup_cpus(const char *root)
{
    uint64_t cores = smallest_of_both(root, "cpu", quota_of, NULL);

    return cores == UINT64_MAX ? 0 : cores > INT_MAX ? INT_MAX : (int)cores;
}

/* ---- memory ------------------------------------------------------------------------------ */

const char *brood_memory_root = "";

/* A line of meminfo, in bytes; what is not there is 0. */
static uint64_t bytes_of(const char *meminfo, const char *name)
{
    return number_behind(meminfo, name) * 1024;
}

uint64_t brood_memory_free(const char *root)
{
    char *text = read_file(root, "", "/proc/meminfo");
    uint64_t swap = bytes_of(text, "SwapFree:");
    uint64_t available = bytes_of(text, "MemAvailable:"); /* since Linux 3.14 */
    uint64_t of_groups = smallest_of_both(root, "memory", memory_of, &swap);

    brood_free(text);
    available = available == 0 ? UINT64_MAX : available + swap;
    return available < of_groups ? available : of_groups;
}

bool brood_memory_is_counted(const char *root)
{
    return file_number(root, "", "/proc/sys/vm/overcommit_memory") == 2;
}
