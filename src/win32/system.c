#include "win32/system.h"

#include <stdlib.h>

#define PATH_ROOM_MAX 32768 /* no path of Windows is longer */

#ifndef ERROR_ELEVATION_REQUIRED /* missing in MinGW-w64 */
#define ERROR_ELEVATION_REQUIRED 740
#endif

static volatile LONG open_handles;

static brood_status status_of(DWORD code)
{
    switch (code) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_INVALID_DRIVE:
    case ERROR_INVALID_NAME:
    case ERROR_BAD_PATHNAME:
    case ERROR_BAD_NETPATH:
    case ERROR_BAD_NET_NAME:
    case ERROR_DIRECTORY:
    case ERROR_MOD_NOT_FOUND:
        return BROOD_ERR_NOT_FOUND;
    case ERROR_ACCESS_DENIED:
    case ERROR_SHARING_VIOLATION:
    case ERROR_WRITE_PROTECT:
    case ERROR_PRIVILEGE_NOT_HELD:
    case ERROR_ELEVATION_REQUIRED:
        return BROOD_ERR_PERMISSION;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
    case ERROR_COMMITMENT_LIMIT:
        return BROOD_ERR_NO_MEMORY;
    case ERROR_TOO_MANY_OPEN_FILES:
    case ERROR_NO_SYSTEM_RESOURCES:
    case ERROR_NOT_ENOUGH_QUOTA:
    case ERROR_MAX_THRDS_REACHED:
    case ERROR_NO_PROC_SLOTS:
        return BROOD_ERR_LIMIT;
    case ERROR_NOT_SUPPORTED:
    case ERROR_CALL_NOT_IMPLEMENTED:
        return BROOD_ERR_NOT_SUPPORTED;
    case ERROR_INVALID_HANDLE:
    case ERROR_NO_UNICODE_TRANSLATION:
        return BROOD_ERR_ARGUMENT;
    case ERROR_BROKEN_PIPE:
    case ERROR_PIPE_NOT_CONNECTED:
    case ERROR_NO_DATA:
    case ERROR_HANDLE_EOF:
        return BROOD_ERR_CLOSED;
    default:
        return BROOD_ERR_OS;
    }
}

/* The system's sentence for a code, without its full stop and line end. */
static void describe(char *text, int size, DWORD code)
{
    wchar_t wide[160];
    DWORD length = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL,
                                  code, 0, wide, (DWORD)(sizeof wide / sizeof wide[0]), NULL);

    while (length > 0 && (wide[length - 1] <= L' ' || wide[length - 1] == L'.')) {
        length--;
    }
    length = (DWORD)WideCharToMultiByte(CP_UTF8, 0, wide, (int)length, text, size - 1, NULL, NULL);
    text[length] = '\0';
}

bool brood_win32_is_shortage(DWORD code)
{
    brood_status status = status_of(code);

    return status == BROOD_ERR_NO_MEMORY || status == BROOD_ERR_LIMIT;
}

brood_status brood_win32_fail(brood_error *error, DWORD code, const char *step)
{
    char text[480]; /* three bytes for each UTF-16 unit */

    if (error == NULL) {
        return status_of(code);
    }
    describe(text, sizeof text, code);
    return brood_fail(error, status_of(code), (int)code, step, "%s: %s", step,
                      text[0] == '\0' ? "unknown error" : text);
}

brood_status brood_win32_wide(wchar_t **wide, const char *text, const char *argument,
                              brood_error *error)
{
    int length = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, NULL, 0);

    *wide = NULL;
    if (length <= 0) {
        return brood_fail_argument(error, argument, "is not UTF-8");
    }
    *wide = brood_malloc((size_t)length * sizeof **wide);
    if (*wide == NULL) {
        return brood_fail_memory(error, argument);
    }
    MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, *wide, length);
    return BROOD_OK;
}

char *brood_win32_utf8(const wchar_t *wide)
{
    int size = WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL);
    char *text = size > 0 ? brood_malloc((size_t)size) : NULL;

    if (text != NULL) {
        WideCharToMultiByte(CP_UTF8, 0, wide, -1, text, size, NULL, NULL);
    }
    return text;
}

brood_status brood_win32_full_path(wchar_t **full, const wchar_t *path, brood_error *error)
{
    DWORD code = ERROR_SUCCESS;
    DWORD length = 0;

    *full = brood_malloc(PATH_ROOM_MAX * sizeof **full);
    if (*full == NULL) {
        return brood_fail_memory(error, "GetFullPathNameW");
    }
    length = GetFullPathNameW(path, PATH_ROOM_MAX, *full, NULL);
    code = length == 0 ? GetLastError() : ERROR_FILENAME_EXCED_RANGE;
    if (length == 0 || length >= PATH_ROOM_MAX) {
        free(*full);
        *full = NULL;
        return brood_win32_fail(error, code, "GetFullPathNameW");
    }
    return BROOD_OK;
}

brood_status brood_win32_module_path(wchar_t **path, HMODULE module, brood_error *error)
{
    DWORD code = ERROR_SUCCESS;
    DWORD length = 0;

    *path = brood_malloc(PATH_ROOM_MAX * sizeof **path);
    if (*path == NULL) {
        return brood_fail_memory(error, "GetModuleFileNameW");
    }
    length = GetModuleFileNameW(module, *path, PATH_ROOM_MAX);
    code = length == 0 ? GetLastError() : ERROR_INSUFFICIENT_BUFFER;
    if (length == 0 || length >= PATH_ROOM_MAX) {
        free(*path);
        *path = NULL;
        return brood_win32_fail(error, code, "GetModuleFileNameW");
    }
    return BROOD_OK;
}

static bool is_open(HANDLE handle)
{
    return handle != NULL && handle != INVALID_HANDLE_VALUE;
}

/*
 * The bit of a handle, so that one which is adopted where it was opened counts once. Handles are
 * small multiples of four; the few that are not are not counted.
 */
static volatile LONG *bit_of(HANDLE handle, LONG *bit)
{
    static volatile LONG words[2048];
    uintptr_t number = (uintptr_t)handle / 4;

    *bit = (LONG)(number % 32);
    return number / 32 < sizeof words / sizeof words[0] ? &words[number / 32] : NULL;
}

HANDLE brood_win32_opened(HANDLE handle)
{
    LONG bit = 0;
    volatile LONG *word = bit_of(handle, &bit);

    if (is_open(handle) && word != NULL && !InterlockedBitTestAndSet(word, bit)) {
        InterlockedIncrement(&open_handles);
    }
    return handle;
}

/* Not counted any more before it is closed: then its number may be another's. */
void brood_win32_close(HANDLE handle)
{
    DWORD code = GetLastError();
    LONG bit = 0;
    volatile LONG *word = bit_of(handle, &bit);

    if (is_open(handle)) {
        if (word != NULL && InterlockedBitTestAndReset(word, bit)) {
            InterlockedDecrement(&open_handles);
        }
        CloseHandle(handle);
    }
    SetLastError(code);
}

LONG brood_win32_open_count(void)
{
    return InterlockedCompareExchange(&open_handles, 0, 0);
}
