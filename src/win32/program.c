#include "win32/system.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static brood_status narrow(char **text, wchar_t *wide, brood_error *error)
{
    *text = brood_win32_utf8(wide);
    return *text != NULL ? BROOD_OK : brood_fail_memory(error, "WideCharToMultiByte");
}

brood_status brood_os_self_find(char **path, const char *argv0, brood_error *error)
{
    wchar_t *wide = NULL;
    brood_status status = brood_win32_module_path(&wide, NULL, error);

    (void)argv0; /* the system knows */
    *path = NULL;
    if (status == BROOD_OK) {
        status = narrow(path, wide, error);
        free(wide);
    }
    return status;
}

/*
 * A program that runs cannot be overwritten, but moved away and replaced; that the new one is
 * another build is seen when the child says hello.
 */
const char *brood_os_self_path(const char *path)
{
    return path;
}

const char *const *brood_os_self_arguments(void)
{
    return NULL;
}

/* ---- finding a program -------------------------------------------------------------------- */

#define DIRECTORY_MARKS L"\\/:"

/* The last part of a path. */
static const wchar_t *base_name(const wchar_t *path)
{
    const wchar_t *name = path;

    for (; *path != L'\0'; path++) {
        if (wcschr(DIRECTORY_MARKS, *path) != NULL) {
            name = path + 1;
        }
    }
    return name;
}

/* Whether a program may be there; where it is not, the code of the system. */
static DWORD check_file(const wchar_t *path)
{
    DWORD attributes = GetFileAttributesW(path);

    if (attributes == INVALID_FILE_ATTRIBUTES) {
        return GetLastError();
    }
    return (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0 ? ERROR_ACCESS_DENIED : ERROR_SUCCESS;
}

/* A place and a name in it, and what is missing in the end; malloc'd. */
static wchar_t *join(const wchar_t *place, size_t place_length, const wchar_t *name,
                     const wchar_t *end)
{
    size_t name_length = wcslen(name);
    size_t end_length = wcslen(end);
    wchar_t *path = brood_malloc((place_length + 1 + name_length + end_length + 1) * sizeof *path);
    wchar_t *at = path;

    if (path == NULL) {
        return NULL;
    }
    memcpy(at, place, place_length * sizeof *at);
    at += place_length;
    if (place_length > 0 && wcschr(DIRECTORY_MARKS, at[-1]) == NULL) {
        *at++ = L'\\';
    }
    memcpy(at, name, name_length * sizeof *at);
    memcpy(at + name_length, end, (end_length + 1) * sizeof *at);
    return path;
}

/* Tries a place with the endings that programs have; the name's own one first, if it has one. */
static DWORD find_in(wchar_t **found, const wchar_t *place, size_t place_length,
                     const wchar_t *name)
{
    static const wchar_t *const endings[] = {L"", L".exe", L".com"};
    bool has_ending = wcschr(base_name(name), L'.') != NULL;
    DWORD code = ERROR_FILE_NOT_FOUND;

    for (size_t i = place_length == 0 || has_ending ? 0 : 1; i < 3; i++) {
        wchar_t *path = join(place, place_length, name, endings[i]);
        DWORD checked = ERROR_SUCCESS;

        if (path == NULL) {
            return ERROR_NOT_ENOUGH_MEMORY;
        }
        checked = check_file(path);
        if (checked == ERROR_SUCCESS) {
            *found = path;
            return ERROR_SUCCESS;
        }
        free(path);
        if (checked != ERROR_FILE_NOT_FOUND && checked != ERROR_PATH_NOT_FOUND) {
            code = checked;
        }
    }
    return code;
}

/*
 * The next directory of a list, without its quotes, which may protect a semicolon. Cuts the list
 * at its end; NULL at the end of the list.
 */
static wchar_t *next_directory(wchar_t **list)
{
    wchar_t *directory = *list;
    wchar_t *end = directory;
    bool quoted = false;

    if (directory == NULL) {
        return NULL;
    }
    for (; **list != L'\0' && (quoted || **list != L';'); (*list)++) {
        if (**list == L'"') {
            quoted = !quoted;
        } else {
            *end++ = **list;
        }
    }
    *list = **list != L'\0' ? *list + 1 : NULL;
    *end = L'\0';
    return directory;
}

/* Never the current directory, which an empty entry of the list would mean elsewhere. */
static DWORD find_in_list(wchar_t **found, wchar_t *list, const wchar_t *name)
{
    DWORD code = ERROR_FILE_NOT_FOUND;
    wchar_t *directory = next_directory(&list);

    for (; directory != NULL; directory = next_directory(&list)) {
        DWORD tried = ERROR_FILE_NOT_FOUND;

        if (directory[0] != L'\0') {
            tried = find_in(found, directory, wcslen(directory), name);
        }
        if (tried == ERROR_SUCCESS || tried == ERROR_NOT_ENOUGH_MEMORY) {
            return tried;
        }
        code = tried != ERROR_FILE_NOT_FOUND ? tried : code;
    }
    return code;
}

/* Where CreateProcessW itself would look, without the current directory. */
static brood_status system_directories(wchar_t **list, brood_error *error)
{
    wchar_t directory[2][MAX_PATH] = {L"", L""};

    *list = NULL;
    if (GetSystemDirectoryW(directory[0], MAX_PATH) < MAX_PATH &&
        GetWindowsDirectoryW(directory[1], MAX_PATH) < MAX_PATH) {
        *list = join(directory[0], wcslen(directory[0]), L";", directory[1]);
    }
    return *list != NULL ? BROOD_OK : brood_fail_memory(error, "GetSystemDirectoryW");
}

static brood_status find_by_name(wchar_t **found, const wchar_t *name, const char *path_list,
                                 brood_error *error)
{
    wchar_t *list = NULL;
    DWORD code = ERROR_SUCCESS;
    brood_status status = path_list != NULL ? brood_win32_wide(&list, path_list, "PATH", error)
                                            : system_directories(&list, error);

    if (status != BROOD_OK) {
        return status;
    }
    code = find_in_list(found, list, name);
    free(list);
    return code == ERROR_SUCCESS ? BROOD_OK : brood_win32_fail(error, code, "PATH");
}

static brood_status find_program(wchar_t **full, const wchar_t *name, const char *path_list,
                                 brood_error *error)
{
    wchar_t *found = NULL;
    DWORD code = ERROR_SUCCESS;
    brood_status status = BROOD_OK;

    *full = NULL;
    if (name[0] == L'\0') {
        return brood_win32_fail(error, ERROR_FILE_NOT_FOUND, "program");
    }
    if (wcspbrk(name, DIRECTORY_MARKS) == NULL) {
        status = find_by_name(&found, name, path_list, error);
    } else {
        code = find_in(&found, L"", 0, name);
        status = code == ERROR_SUCCESS ? BROOD_OK : brood_win32_fail(error, code, "program");
    }
    if (status == BROOD_OK) {
        status = brood_win32_full_path(full, found, error);
    }
    free(found);
    return status;
}

brood_status brood_os_program_find(char **file, const char *name, const char *path_list,
                                   brood_error *error)
{
    wchar_t *wide = NULL;
    wchar_t *full = NULL;
    brood_status status = brood_win32_wide(&wide, name, "program", error);

    *file = NULL;
    if (status == BROOD_OK && !brood_win32_is_batch_file(wide)) {
        status = find_program(&full, wide, path_list, error);
    }
    if (status == BROOD_OK && (full == NULL || brood_win32_is_batch_file(full))) {
        status =
            brood_fail_argument(error, "program", "is a batch file, which has no safe quoting");
    }
    if (status == BROOD_OK) {
        status = narrow(file, full, error);
    }
    free(full);
    free(wide);
    return status;
}

brood_status brood_os_path_absolute(char **absolute, const char *path, bool is_program,
                                    brood_error *error)
{
    wchar_t *wide = NULL;
    wchar_t *full = NULL;
    brood_status status = brood_win32_wide(&wide, path, "path", error);

    *absolute = NULL;
    if (status == BROOD_OK && is_program && wcspbrk(wide, DIRECTORY_MARKS) == NULL) {
        status = narrow(absolute, wide, error);
    } else if (status == BROOD_OK) {
        status = brood_win32_full_path(&full, wide, error);
        if (status == BROOD_OK) {
            status = narrow(absolute, full, error);
        }
    }
    free(full);
    free(wide);
    return status;
}

/* ---- the worker --------------------------------------------------------------------------- */

/* Beside the module that has this code, or where its installation puts helpers. */
static DWORD find_beside(wchar_t **found, wchar_t *module)
{
    static const wchar_t *const names[] = {L"brood-worker", L"..\\libexec\\brood-worker",
                                           L"..\\bin\\brood-worker"};
    size_t length = (size_t)(base_name(module) - module);
    DWORD code = ERROR_FILE_NOT_FOUND;

    for (size_t i = 0; i < sizeof names / sizeof names[0] && code == ERROR_FILE_NOT_FOUND; i++) {
        code = find_in(found, module, length, names[i]);
    }
    return code;
}

static brood_status find_worker(wchar_t **found, brood_error *error)
{
    HMODULE module = NULL;
    wchar_t *path = NULL;
    DWORD code = ERROR_SUCCESS;
    brood_status status = BROOD_OK;

    if (!GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS |
                                GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                            (const wchar_t *)(uintptr_t)find_worker, &module)) {
        return brood_win32_fail(error, GetLastError(), "GetModuleHandleExW");
    }
    status = brood_win32_module_path(&path, module, error);
    if (status != BROOD_OK) {
        return status;
    }
    code = find_beside(found, path);
    free(path);
    if (code != ERROR_FILE_NOT_FOUND) {
        return code == ERROR_SUCCESS ? BROOD_OK : brood_win32_fail(error, code, "brood-worker");
    }
    status = brood_win32_wide(&path, BROOD_WORKER_INSTALLED, "brood-worker", error);
    if (status == BROOD_OK) {
        code = find_in(found, L"", 0, path);
        status = code == ERROR_SUCCESS ? BROOD_OK : brood_win32_fail(error, code, "brood-worker");
        free(path);
    }
    return status;
}

brood_status brood_os_worker_find(char **path, brood_error *error)
{
    wchar_t *found = NULL;
    wchar_t *full = NULL;
    brood_status status = find_worker(&found, error);

    *path = NULL;
    if (status == BROOD_OK) {
        status = brood_win32_full_path(&full, found, error);
    }
    if (status == BROOD_OK) {
        status = narrow(path, full, error);
    }
    free(full);
    free(found);
    return status;
}

/* ---- batch files -------------------------------------------------------------------------- */

static bool ends_with(const wchar_t *text, size_t length, const wchar_t *end)
{
    int end_length = (int)wcslen(end);

    return length >= (size_t)end_length &&
           CompareStringOrdinal(text + length - end_length, end_length, end, end_length, TRUE) ==
               CSTR_EQUAL;
}

/*
 * The system cuts dots and spaces off, so "a.bat. ." is a.bat; and "a.bat:b" is a stream of it,
 * for which reason each part between colons counts.
 */
bool brood_win32_is_batch_file(const wchar_t *path)
{
    const wchar_t *at = path + wcslen(path);

    while (at > path && at[-1] != L'\\' && at[-1] != L'/') {
        at--;
    }
    while (*at != L'\0') {
        size_t part = wcscspn(at, L":");
        size_t length = part;

        while (length > 0 && (at[length - 1] == L'.' || at[length - 1] == L' ')) {
            length--;
        }
        if (ends_with(at, length, L".bat") || ends_with(at, length, L".cmd")) {
            return true;
        }
        at += part;
        at += *at != L'\0';
    }
    return false;
}
