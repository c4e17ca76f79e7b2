#include "win32/system.h"

/* Nothing goes through the channel: the process finds the handle among its own. */
brood_status brood_os_handle_give(brood_os_channel *channel, brood_os_process *process,
                                  brood_handle handle, brood_handle *number, brood_error *error)
{
    HANDLE given = NULL;
    DWORD code = ERROR_INVALID_HANDLE;

    (void)channel;
    *number = BROOD_HANDLE_NONE;
    /* A negative one means ourselves: -1 is GetCurrentProcess(), -2 GetCurrentThread(). */
    if (handle >= 0 && !DuplicateHandle(GetCurrentProcess(), (HANDLE)handle, process->process,
                                        &given, 0, FALSE, DUPLICATE_SAME_ACCESS)) {
        code = GetLastError();
    }
    if (given != NULL) {
        *number = (brood_handle)given;
        return BROOD_OK;
    }
    if (WaitForSingleObject(process->process, 0) == WAIT_OBJECT_0) {
        return brood_fail(error, BROOD_ERR_CLOSED, (int)code, "DuplicateHandle", "it has ended");
    }
    if (code == ERROR_INVALID_HANDLE) {
        return brood_fail_argument(error, "handle", "is not open");
    }
    return brood_win32_fail(error, code, "DuplicateHandle");
}

brood_status brood_os_handle_take(brood_os_channel *channel, brood_handle number, int64_t deadline,
                                  brood_handle *handle, brood_error *error)
{
    brood_status status = brood_os_handle_adopt(number, error);

    (void)channel;
    (void)deadline;
    *handle = status == BROOD_OK ? number : BROOD_HANDLE_NONE;
    return status;
}
