#include "win32/system.h"

/* Committed now: what the page file cannot back is refused here. */
brood_status brood_os_segment_create(brood_os_segment *segment, size_t size, bool is_lazy,
                                     brood_error *error)
{
    HANDLE handle = NULL;
    DWORD code = ERROR_SUCCESS;

    (void)is_lazy;

    *segment = (brood_os_segment){BROOD_HANDLE_NONE, NULL, 0};
    if (size == 0) {
        return brood_fail_argument(error, "size", "is 0");
    }
    handle = brood_win32_opened(
        CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE | SEC_COMMIT,
                           (DWORD)((uint64_t)size >> 32), (DWORD)(size & 0xffffffffu), NULL));
    code = GetLastError();
    if (handle == NULL) { /* but for the size, no parameter can be invalid */
        code = code == ERROR_INVALID_PARAMETER ? ERROR_COMMITMENT_LIMIT : code;
        return brood_win32_fail(error, code, "CreateFileMappingW");
    }
    segment->base = MapViewOfFile(handle, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, size);
    code = GetLastError();
    if (segment->base == NULL) {
        brood_win32_close(handle);
        code = code == ERROR_INVALID_PARAMETER ? ERROR_COMMITMENT_LIMIT : code;
        return brood_win32_fail(error, code, "MapViewOfFile");
    }
    segment->handle = (brood_handle)handle;
    segment->size = size;
    return BROOD_OK;
}

/* A section knows its size only in pages. */
static bool is_size_of_view(const void *base, size_t size)
{
    MEMORY_BASIC_INFORMATION view;
    SYSTEM_INFO system;

    GetSystemInfo(&system);
    return VirtualQuery(base, &view, sizeof view) == sizeof view && size <= view.RegionSize &&
           view.RegionSize - size < system.dwPageSize;
}

brood_status brood_os_segment_adopt(brood_os_segment *segment, brood_handle handle, size_t size,
                                    brood_error *error)
{
    void *base = NULL;
    DWORD code = ERROR_INVALID_HANDLE;

    *segment = (brood_os_segment){BROOD_HANDLE_NONE, NULL, 0};
    if (handle != BROOD_HANDLE_NONE) {
        base = MapViewOfFile((HANDLE)handle, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, 0);
        code = GetLastError();
    }
    if (base == NULL && brood_win32_is_shortage(code)) {
        return brood_win32_fail(error, code, "MapViewOfFile");
    }
    if (base == NULL) {
        return brood_fail(error, BROOD_ERR_PROTOCOL, (int)code, "MapViewOfFile",
                          "the handle is no shared memory");
    }
    if (size == 0 || !is_size_of_view(base, size)) {
        UnmapViewOfFile(base);
        return brood_fail(error, BROOD_ERR_PROTOCOL, 0, "VirtualQuery",
                          "the shared memory has another size");
    }
    SetHandleInformation((HANDLE)handle, HANDLE_FLAG_INHERIT, 0);
    *segment = (brood_os_segment){(brood_handle)brood_win32_opened((HANDLE)handle), base, size};
    return BROOD_OK;
}

void brood_os_segment_close(brood_os_segment *segment)
{
    if (segment->base == NULL) {
        return;
    }
    UnmapViewOfFile(segment->base);
    brood_win32_close((HANDLE)segment->handle);
    *segment = (brood_os_segment){BROOD_HANDLE_NONE, NULL, 0};
}
