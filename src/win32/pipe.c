#define _CRT_RAND_S /* rand_s, of the system's generator */

#include "win32/system.h"

#include <stdio.h>
#include <stdlib.h>

#define PIPE_BYTES 65536
#define NAME_ROOM 80
#define SQOS_NO_TRUST (SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS)
#define USER_ROOM (sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE)
#define OWNER_ROOM (sizeof(SECURITY_DESCRIPTOR_RELATIVE) + SECURITY_MAX_SID_SIZE)
#define ACCESS_ROOM (sizeof(ACL) + sizeof(ACCESS_ALLOWED_ACE) + SECURITY_MAX_SID_SIZE)

/* A name that nobody guesses. */
static DWORD make_name(char *name, size_t size)
{
    unsigned random[4];

    for (size_t i = 0; i < sizeof random / sizeof random[0]; i++) {
        if (rand_s(&random[i]) != 0) {
            return ERROR_GEN_FAILURE;
        }
    }
    snprintf(name, size, "\\\\.\\pipe\\brood-%lu-%08x%08x%08x%08x", GetCurrentProcessId(),
             random[0], random[1], random[2], random[3]);
    return ERROR_SUCCESS;
}

/* The user of this process, whosoever a thread of it impersonates. */
typedef union own_user {
    TOKEN_USER user;
    unsigned char room[USER_ROOM];
} own_user;

/* Whom the pipe lets in: the user that we are, where the default lets everybody read. */
typedef struct only_user {
    own_user token;
    union {
        ACL acl;
        unsigned char room[ACCESS_ROOM];
    } access;
    SECURITY_DESCRIPTOR descriptor;
} only_user;

static DWORD get_user(own_user *user)
{
    HANDLE token = NULL;
    DWORD size = 0;
    DWORD code = ERROR_SUCCESS;

    *user = (own_user){.room = {0}};
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token) ||
        !GetTokenInformation(brood_win32_opened(token), TokenUser, user, sizeof *user, &size)) {
        code = GetLastError();
    }
    brood_win32_close(token);
    return code;
}

/* The owner, too: the default is a group of all administrators, when the user is one of them. */
static DWORD only_user_fill(only_user *only)
{
    DWORD code = get_user(&only->token);
    SID *sid = only->token.user.User.Sid;

    if (code == ERROR_SUCCESS &&
        (!InitializeAcl(&only->access.acl, sizeof only->access, ACL_REVISION) ||
         !AddAccessAllowedAce(&only->access.acl, ACL_REVISION, GENERIC_ALL, sid) ||
         !InitializeSecurityDescriptor(&only->descriptor, SECURITY_DESCRIPTOR_REVISION) ||
         !SetSecurityDescriptorOwner(&only->descriptor, sid, FALSE) ||
         !SetSecurityDescriptorDacl(&only->descriptor, TRUE, &only->access.acl, FALSE))) {
        code = GetLastError();
    }
    return code;
}

/* Names are open to all: whether both ends are ours is asked of the pipe itself. */
static bool are_both_ours(HANDLE ours, HANDLE child)
{
    ULONG client = 0;
    ULONG server = 0;

    return GetNamedPipeClientProcessId(ours, &client) &&
           GetNamedPipeServerProcessId(child, &server) && client == GetCurrentProcessId() &&
           server == GetCurrentProcessId();
}

static DWORD open_pipe(HANDLE *ours, HANDLE *child, const char *name, only_user *only,
                       const brood_win32_pipe_kind *kind)
{
    SECURITY_ATTRIBUTES security = {sizeof security, &only->descriptor, FALSE};

    *ours = brood_win32_opened(CreateNamedPipeA(
        name, kind->access | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
        PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS, 1, PIPE_BYTES,
        PIPE_BYTES, 0, &security));
    if (*ours == INVALID_HANDLE_VALUE) {
        return GetLastError();
    }
    *child = brood_win32_opened(CreateFileA(name, kind->child_access, 0, NULL, OPEN_EXISTING,
                                            kind->child_flags | SQOS_NO_TRUST, NULL));
    if (*child == INVALID_HANDLE_VALUE) {
        return GetLastError();
    }
    return are_both_ours(*ours, *child) ? ERROR_SUCCESS : ERROR_ACCESS_DENIED;
}

/*
 * As the process's user, as which children run, also when the thread acts for a client: the token to
 * go on with, or NULL.
 * https://learn.microsoft.com/windows/win32/secauthz/client-impersonation
 */
static HANDLE stop_impersonating(void)
{
    HANDLE client = NULL;

    if (OpenThreadToken(GetCurrentThread(), TOKEN_IMPERSONATE, TRUE, &client) &&
        !SetThreadToken(NULL, NULL)) {
        CloseHandle(client);
        client = NULL;
    }
    return client;
}

static void go_on_impersonating(HANDLE client)
{
    if (client != NULL) {
        SetThreadToken(NULL, client);
        CloseHandle(client);
    }
}

DWORD brood_win32_pipe_open(HANDLE *ours, HANDLE *child, const brood_win32_pipe_kind *kind)
{
    HANDLE client = stop_impersonating();
    char name[NAME_ROOM];
    only_user only;
    DWORD code = make_name(name, sizeof name);

    if (code == ERROR_SUCCESS) {
        code = only_user_fill(&only);
    }
    if (code == ERROR_SUCCESS) {
        code = open_pipe(ours, child, name, &only, kind);
    }
    go_on_impersonating(client);
    return code;
}

/* A socket is a FILE_TYPE_PIPE too, but has no such information. */
DWORD brood_win32_pipe_check(HANDLE handle)
{
    DWORD flags = 0;

    if (handle == NULL || handle == INVALID_HANDLE_VALUE || GetFileType(handle) != FILE_TYPE_PIPE) {
        return ERROR_INVALID_HANDLE;
    }
    if (!GetNamedPipeInfo(handle, &flags, NULL, NULL, NULL)) {
        return GetLastError();
    }
    if ((flags & (PIPE_SERVER_END | PIPE_TYPE_MESSAGE)) != 0) {
        return ERROR_BAD_PIPE;
    }
    return SetHandleInformation(handle, HANDLE_FLAG_INHERIT, 0) ? ERROR_SUCCESS : GetLastError();
}

/*
 * Nobody can make another the owner of what he makes, without a privilege for just that.
 * https://learn.microsoft.com/windows/win32/secauthz/owner-of-a-new-object
 */
DWORD brood_win32_pipe_check_owner(HANDLE handle)
{
    union {
        SECURITY_DESCRIPTOR_RELATIVE descriptor;
        unsigned char room[OWNER_ROOM];
    } found;
    own_user own;
    PSID owner = NULL;
    BOOL is_default = FALSE;
    DWORD size = 0;
    DWORD code = get_user(&own);

    if (code != ERROR_SUCCESS) {
        return code;
    }
    if (!GetKernelObjectSecurity(handle, OWNER_SECURITY_INFORMATION, &found, sizeof found, &size) ||
        !GetSecurityDescriptorOwner(&found, &owner, &is_default)) {
        return GetLastError();
    }
    return owner != NULL && EqualSid(owner, own.user.User.Sid) ? ERROR_SUCCESS
                                                               : ERROR_INVALID_OWNER;
}

HANDLE brood_win32_port_create(HANDLE file)
{
    return brood_win32_opened(
        CreateIoCompletionPort(file != NULL ? file : INVALID_HANDLE_VALUE, NULL, 0, 0xFFFFFFFF));
}

DWORD brood_win32_pipe_attach(HANDLE *port, HANDLE handle)
{
    *port = brood_win32_port_create(handle);
    return *port != NULL &&
                   SetFileCompletionNotificationModes(handle, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS)
               ? ERROR_SUCCESS
               : GetLastError();
}

void brood_win32_pipe_empty_port(HANDLE port)
{
    OVERLAPPED *packet = NULL;

    do {
        DWORD size = 0;
        ULONG_PTR key = 0;

        packet = NULL;
        GetQueuedCompletionStatus(port, &size, &key, &packet, 0);
    } while (packet != NULL);
}
