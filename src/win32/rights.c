#include "win32/system.h"

/* Windows starts no program with other rights than its caller's: that takes a service. */
bool brood_os_is_privileged(void)
{
    return false;
}

brood_status brood_os_channel_check_peer(brood_handle end, brood_error *error)
{
    DWORD code = brood_win32_pipe_check_owner((HANDLE)end);

    if (code == ERROR_SUCCESS) {
        return BROOD_OK;
    }
    return brood_fail(error, BROOD_ERR_PERMISSION, (int)code, "GetKernelObjectSecurity",
                      "the start does not come from a process of this user");
}
