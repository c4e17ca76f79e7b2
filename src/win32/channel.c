#include "win32/system.h"

#include <stdlib.h>
#include <string.h>

#define LANE_BYTES 32768  /* of one read or write; half a pipe, so that most go at once */
#define LAST_WRITE_MS 100 /* what a close waits for a write that is under way */
#define READS_MAX 64      /* of no bytes, in one call */

/*
 * One direction of a channel: at most one read or write is under way. The event is set while
 * none is. The lock is for those who wait while another reads or writes.
 */
typedef struct pipe_lane {
    SRWLOCK lock;
    OVERLAPPED overlapped;
    HANDLE event;
    bool pending;
    bool at_once;     /* ReadFile or WriteFile has seen it done */
    bool is_refused;  /* the last one was not begun at all */
    DWORD failed;     /* the error that ended it, or 0 */
    DWORD begin, end; /* what was read and not taken, or what is being written */
    unsigned char bytes[LANE_BYTES];
} pipe_lane;

struct brood_os_channel {
    HANDLE handle;
    HANDLE port;   /* of the writes */
    pipe_lane *in; /* NULL: not in this direction */
    pipe_lane *out;
};

/* ---- lanes -------------------------------------------------------------------------------- */

static pipe_lane *lane_create(void)
{
    pipe_lane *created = brood_calloc(1, sizeof *created);

    if (created == NULL) {
        return NULL;
    }
    InitializeSRWLock(&created->lock);
    created->event = brood_win32_opened(CreateEventW(NULL, TRUE, TRUE, NULL));
    if (created->event == NULL) {
        free(created);
        return NULL;
    }
    return created;
}

static void lane_free(pipe_lane *lane)
{
    if (lane != NULL) {
        brood_win32_close(lane->event);
        free(lane);
    }
}

/*
 * The lowest bit keeps the end of it out of the completion port:
 * https://learn.microsoft.com/windows/win32/api/ioapiset/nf-ioapiset-getqueuedcompletionstatus
 */
static void lane_prepare(pipe_lane *lane, bool without_packet)
{
    memset(&lane->overlapped, 0, sizeof lane->overlapped);
    lane->overlapped.hEvent = (HANDLE)((ULONG_PTR)lane->event | without_packet);
}

/* After ReadFile or WriteFile; one that is done already is found by lane_finish. */
static void lane_begun(pipe_lane *lane, BOOL done, DWORD code)
{
    lane->at_once = done;
    lane->pending = done || code == ERROR_IO_PENDING;
    lane->is_refused = !lane->pending;
    if (lane->is_refused) {
        lane->failed = code;
        SetEvent(lane->event);
    }
}

/* Takes the end of what is under way, if it has come; got is 0 otherwise. */
static DWORD lane_finish(pipe_lane *lane, HANDLE handle)
{
    DWORD got = 0;
    DWORD code = ERROR_SUCCESS;

    if (!lane->pending) {
        return 0;
    }
    if (!GetOverlappedResult(handle, &lane->overlapped, &got, FALSE)) {
        code = GetLastError();
        if (code == ERROR_IO_INCOMPLETE) {
            return 0;
        }
        lane->failed = code;
    }
    if (!lane->at_once) { /* a late event of this one would be taken for one of the next */
        WaitForSingleObject(lane->event, INFINITE);
    }
    lane->pending = false;
    return got;
}

static void lane_cancel(pipe_lane *lane, HANDLE handle)
{
    if (lane != NULL && lane->pending) {
        CancelIoEx(handle, &lane->overlapped);
        WaitForSingleObject(lane->event, INFINITE); /* the system still uses the memory */
    }
}

/* ---- opening ------------------------------------------------------------------------------ */

static void channel_free(brood_os_channel *channel)
{
    lane_cancel(channel->in, channel->handle);
    lane_cancel(channel->out, channel->handle);
    brood_win32_close(channel->handle);
    brood_win32_close(channel->port);
    lane_free(channel->in);
    lane_free(channel->out);
    free(channel);
}

/* The channel owns the handle only on success. */
static DWORD channel_create(brood_os_channel **channel, HANDLE handle, bool reads, bool writes)
{
    brood_os_channel *created = brood_calloc(1, sizeof *created);
    DWORD code = ERROR_NOT_ENOUGH_MEMORY;

    if (created == NULL) {
        return code;
    }
    created->handle = INVALID_HANDLE_VALUE;
    created->in = reads ? lane_create() : NULL;
    created->out = writes ? lane_create() : NULL;
    if ((!reads || created->in != NULL) && (!writes || created->out != NULL)) {
        code = brood_win32_pipe_attach(&created->port, handle);
    }
    if (code != ERROR_SUCCESS) {
        channel_free(created);
        return code;
    }
    created->handle = handle;
    *channel = created;
    return ERROR_SUCCESS;
}

static brood_status open_pipe(brood_os_channel **channel, brood_handle *child,
                              const brood_win32_pipe_kind *kind, brood_error *error)
{
    HANDLE ours = INVALID_HANDLE_VALUE;
    HANDLE theirs = INVALID_HANDLE_VALUE;
    DWORD code = brood_win32_pipe_open(&ours, &theirs, kind);

    *channel = NULL;
    *child = BROOD_HANDLE_NONE;
    if (code == ERROR_SUCCESS) {
        code = channel_create(channel, ours, kind->reads, kind->writes);
    }
    if (code != ERROR_SUCCESS) {
        brood_win32_close(theirs);
        brood_win32_close(ours);
        return brood_win32_fail(error, code, "CreateNamedPipeA");
    }
    *child = (brood_handle)theirs;
    return BROOD_OK;
}

brood_status brood_os_channel_pair(brood_os_channel **channel, brood_handle *child,
                                   brood_error *error)
{
    static const brood_win32_pipe_kind duplex = {PIPE_ACCESS_DUPLEX, GENERIC_READ | GENERIC_WRITE,
                                                 FILE_FLAG_OVERLAPPED, true, true};

    return open_pipe(channel, child, &duplex, error);
}

brood_status brood_os_channel_pipe(brood_os_channel **channel, brood_handle *child,
                                   bool child_writes, brood_error *error)
{
    static const brood_win32_pipe_kind from_child = {
        PIPE_ACCESS_INBOUND, GENERIC_WRITE | FILE_READ_ATTRIBUTES, 0, true, false};
    static const brood_win32_pipe_kind to_child = {
        PIPE_ACCESS_OUTBOUND, GENERIC_READ | FILE_WRITE_ATTRIBUTES, 0, false, true};

    return open_pipe(channel, child, child_writes ? &from_child : &to_child, error);
}

brood_status brood_os_channel_adopt(brood_os_channel **channel, brood_handle handle,
                                    brood_error *error)
{
    DWORD code = brood_win32_pipe_check((HANDLE)handle);

    *channel = NULL;
    if (code == ERROR_SUCCESS) {
        code = channel_create(channel, (HANDLE)handle, true, true);
    }
    if (code == ERROR_NOT_ENOUGH_MEMORY) {
        return brood_fail_memory(error, "brood_os_channel_adopt");
    }
    if (code != ERROR_SUCCESS) {
        return brood_fail(error, BROOD_ERR_PROTOCOL, (int)code, "GetNamedPipeInfo",
                          "the handle is no end of a channel");
    }
    brood_win32_opened((HANDLE)handle);
    return BROOD_OK;
}

/* ---- reading and writing ------------------------------------------------------------------ */

/* Begins a read if there is nothing to take; under the lock. */
static void begin_read(brood_os_channel *channel)
{
    pipe_lane *in = channel->in;
    BOOL done = FALSE;

    if (in->begin < in->end || in->pending || in->failed != 0) {
        return;
    }
    lane_prepare(in, true);
    done = ReadFile(channel->handle, in->bytes, sizeof in->bytes, NULL, &in->overlapped);
    lane_begun(in, done, GetLastError());
}

static void finish_read(brood_os_channel *channel)
{
    pipe_lane *in = channel->in;
    DWORD got = lane_finish(in, channel->handle);

    if (in->failed == ERROR_OPERATION_ABORTED) {
        in->failed = 0; /* the thread that began it has ended; nothing was taken */
    }
    if (got > 0) {
        in->begin = 0;
        in->end = got;
    }
}

/*
 * Until bytes came, or none did; a program that writes 0 bytes ends a read without any. One that goes on
 * to do so does not keep us.
 */
static void try_read(brood_os_channel *channel)
{
    pipe_lane *in = channel->in;

    finish_read(channel);
    for (int i = 0; i < READS_MAX && in->begin == in->end && !in->pending && in->failed == 0; i++) {
        begin_read(channel);
        finish_read(channel);
    }
}

/*
 * A shortage of the kernel's passes: a lane that it has kept from beginning has not failed for good, and
 * the next call tries again. Of what was under way, bytes may be lost.
 */
static brood_status explain_lane(pipe_lane *lane, const char *step, brood_error *error)
{
    brood_status status = BROOD_ERR_TIMEOUT;

    if (lane->failed == 0) {
        return brood_fail(error, status, 0, step, "it would block");
    }
    status = brood_win32_fail(error, lane->failed, step);
    if (lane->is_refused && brood_win32_is_shortage(lane->failed)) {
        lane->failed = 0;
    }
    return status;
}

brood_status brood_os_channel_read(brood_os_channel *channel, void *buffer, size_t size,
                                   size_t *got, brood_error *error)
{
    pipe_lane *in = channel->in;
    brood_status status = BROOD_OK;
    size_t there = 0;

    *got = 0;
    if (in == NULL) {
        return brood_fail_argument(error, "channel", "is for writing");
    }
    AcquireSRWLockExclusive(&in->lock);
    try_read(channel);
    there = in->end - in->begin;
    if (there == 0) {
        status = explain_lane(in, "ReadFile", error);
    } else {
        *got = there < size ? there : size;
        memcpy(buffer, in->bytes + in->begin, *got);
        in->begin += (DWORD)*got;
    }
    ReleaseSRWLockExclusive(&in->lock);
    return status;
}

/*
 * The system tells the end of a read to the thread that began it, and that thread writes what came
 * into our memory. While it does not get a core, the read looks as if it were under way to everybody.
 * https://learn.microsoft.com/windows-hardware/drivers/kernel/types-of-apcs (special kernel APCs)
 */
void brood_os_channel_settle(brood_os_channel *channel)
{
    AcquireSRWLockExclusive(&channel->in->lock);
    lane_cancel(channel->in, channel->handle);
    finish_read(channel);
    ReleaseSRWLockExclusive(&channel->in->lock);
}

static void begin_write(brood_os_channel *channel)
{
    pipe_lane *out = channel->out;
    BOOL done = FALSE;

    lane_prepare(out, false);
    done = WriteFile(channel->handle, out->bytes, out->end, NULL, &out->overlapped);
    lane_begun(out, done, GetLastError());
    if (done) {
        lane_finish(out, channel->handle);
    }
}

static void finish_write(brood_os_channel *channel)
{
    pipe_lane *out = channel->out;

    if (!out->pending) {
        return;
    }
    lane_finish(out, channel->handle);
    if (out->pending) {
        return;
    }
    brood_win32_pipe_empty_port(channel->port);
    if (out->failed == ERROR_OPERATION_ABORTED) {
        out->failed = 0; /* Wine minds no port. Nothing is lost: it waited behind a full pipe. */
        begin_write(channel);
        out->is_refused = false; /* the bytes were taken before */
    }
}

brood_status brood_os_channel_write(brood_os_channel *channel, const void *buffer, size_t size,
                                    size_t *put, brood_error *error)
{
    pipe_lane *out = channel->out;
    brood_status status = BROOD_OK;

    *put = 0;
    if (out == NULL) {
        return brood_fail_argument(error, "channel", "is for reading");
    }
    AcquireSRWLockExclusive(&out->lock);
    finish_write(channel);
    if (!out->pending && out->failed == 0) {
        out->end = size < LANE_BYTES ? (DWORD)size : LANE_BYTES;
        memcpy(out->bytes, buffer, out->end);
        begin_write(channel);
        *put = out->failed == 0 ? out->end : 0;
    }
    if (*put == 0) {
        status = explain_lane(out, "WriteFile", error);
    }
    ReleaseSRWLockExclusive(&out->lock);
    return status;
}

/*
 * For as long as the process lives: CloseHandle fails for them.
 * https://learn.microsoft.com/windows/win32/api/handleapi/nf-handleapi-sethandleinformation
 */
void brood_win32_channel_protect(const brood_os_channel *channel)
{
    SetHandleInformation(channel->handle, HANDLE_FLAG_PROTECT_FROM_CLOSE,
                         HANDLE_FLAG_PROTECT_FROM_CLOSE);
    SetHandleInformation(channel->in->event, HANDLE_FLAG_PROTECT_FROM_CLOSE,
                         HANDLE_FLAG_PROTECT_FROM_CLOSE);
}

bool brood_os_channel_is_lost(const brood_os_channel *channel)
{
    (void)channel; /* one that could be is protected */
    return false;
}

HANDLE brood_win32_channel_event(brood_os_channel *channel, bool to_write)
{
    pipe_lane *lane = to_write ? channel->out : channel->in;

    if (lane == NULL) {
        return NULL;
    }
    if (!to_write) {
        AcquireSRWLockExclusive(&lane->lock);
        begin_read(channel);
        ReleaseSRWLockExclusive(&lane->lock);
    }
    return lane->event;
}

/* ---- closing ------------------------------------------------------------------------------ */

static void CALLBACK close_written(PTP_CALLBACK_INSTANCE instance, void *channel, PTP_WAIT wait,
                                   TP_WAIT_RESULT result)
{
    brood_os_channel *closing = channel;

    (void)instance;
    (void)result;
    finish_write(closing);
    if (closing->out->pending) {
        SetThreadpoolWait(wait, closing->out->event, NULL);
        return;
    }
    channel_free(closing);
    brood_win32_wait_free(wait);
}

/*
 * Leaves the end of the last write, and the closing, to a callback: a slow
 * reader shall get its bytes, and one that never reads shall not stop us. The module stays
 * loaded, for the thread will need it.
 */
static bool close_later(brood_os_channel *channel)
{
    PTP_WAIT wait = NULL;

    if (brood_os_is_ending() ||
        brood_win32_wait_create(&wait, close_written, channel) != ERROR_SUCCESS) {
        return false;
    }
    brood_os_code_keep();
    SetThreadpoolWait(wait, channel->out->event, NULL);
    return true;
}

static bool was_written(brood_os_channel *channel)
{
    finish_write(channel);
    if (channel->out->pending &&
        WaitForSingleObject(channel->out->event, LAST_WRITE_MS) == WAIT_OBJECT_0) {
        finish_write(channel); /* one that was aborted is begun anew */
    }
    return !channel->out->pending;
}

/* What the pipe has taken stays in it; only a write that is under way would be lost. */
void brood_os_channel_close(brood_os_channel *channel)
{
    if (channel == NULL) {
        return;
    }
    if (channel->out == NULL || was_written(channel) || !close_later(channel)) {
        channel_free(channel);
    }
}
