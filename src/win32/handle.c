#include "win32/system.h"

#include <stdlib.h>

#define SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)

brood_status brood_os_null_open(brood_handle *handle, brood_error *error)
{
    HANDLE opened = brood_win32_opened(
        CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE, SHARE_ALL, NULL, OPEN_EXISTING, 0, NULL));
    DWORD code = GetLastError();

    *handle = (brood_handle)opened;
    return opened != INVALID_HANDLE_VALUE ? BROOD_OK : brood_win32_fail(error, code, "CreateFileW");
}

/*
 * An existing file is emptied instead of created anew: CREATE_ALWAYS is refused for a hidden one,
 * https://learn.microsoft.com/windows/win32/api/fileapi/nf-fileapi-createfilew
 */
static HANDLE open_file(const wchar_t *path, brood_stdio_mode mode, bool to_read)
{
    HANDLE opened = INVALID_HANDLE_VALUE;

    if (mode == BROOD_STDIO_APPEND) { /* without FILE_WRITE_DATA, every write is at the end */
        return CreateFileW(path, FILE_GENERIC_WRITE & ~(DWORD)FILE_WRITE_DATA, SHARE_ALL, NULL,
                           OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    }
    if (to_read) {
        return CreateFileW(path, GENERIC_READ, SHARE_ALL, NULL, OPEN_EXISTING,
                           FILE_ATTRIBUTE_NORMAL, NULL);
    }
    opened =
        CreateFileW(path, GENERIC_WRITE, SHARE_ALL, NULL, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    if (opened != INVALID_HANDLE_VALUE) {
        SetEndOfFile(opened); /* a device has no end to be set */
    }
    return opened;
}

brood_status brood_os_file_open(brood_handle *handle, const char *path, brood_stdio_mode mode,
                                bool to_read, brood_error *error)
{
    HANDLE opened = INVALID_HANDLE_VALUE;
    wchar_t *wide = NULL;
    DWORD code = ERROR_SUCCESS;
    brood_status status = brood_win32_wide(&wide, path, "path", error);

    *handle = BROOD_HANDLE_NONE;
    if (status != BROOD_OK) {
        return status;
    }
    opened = brood_win32_opened(open_file(wide, mode, to_read));
    code = GetLastError();
    free(wide);
    *handle = (brood_handle)opened;
    return opened != INVALID_HANDLE_VALUE ? BROOD_OK : brood_win32_fail(error, code, "CreateFileW");
}

FILE *brood_os_file_read(const char *path)
{
    return fopen(path, "rbN");
}

brood_status brood_os_handle_duplicate(brood_handle *copy, brood_handle handle, brood_error *error)
{
    HANDLE self = GetCurrentProcess();
    HANDLE duplicate = NULL;
    DWORD code = ERROR_INVALID_HANDLE;

    *copy = BROOD_HANDLE_NONE;
    /* -1 is no handle of ours, but it is GetCurrentProcess() too. */
    if (handle != BROOD_HANDLE_NONE &&
        !DuplicateHandle(self, (HANDLE)handle, self, &duplicate, 0, FALSE, DUPLICATE_SAME_ACCESS)) {
        code = GetLastError();
    }
    if (duplicate == NULL && code == ERROR_INVALID_HANDLE) {
        return brood_fail_argument(error, "handles", "has one that is not open");
    }
    if (duplicate == NULL) {
        return brood_win32_fail(error, code, "DuplicateHandle");
    }
    *copy = (brood_handle)brood_win32_opened(duplicate);
    return BROOD_OK;
}

brood_status brood_os_handle_adopt(brood_handle handle, brood_error *error)
{
    DWORD code = ERROR_INVALID_HANDLE;

    if (handle != BROOD_HANDLE_NONE &&
        SetHandleInformation((HANDLE)handle, HANDLE_FLAG_INHERIT, 0)) {
        brood_win32_opened((HANDLE)handle);
        return BROOD_OK;
    }
    if (handle != BROOD_HANDLE_NONE) {
        code = GetLastError();
    }
    return brood_win32_fail(error, code, "SetHandleInformation");
}

void brood_os_handle_close(brood_handle handle)
{
    brood_win32_close((HANDLE)handle);
}

/* Ours alone: the system opens and keeps handles of its own in any process. */
size_t brood_os_handle_count(void)
{
    LONG count = brood_win32_open_count();

    return count > 0 ? (size_t)count : 0;
}
