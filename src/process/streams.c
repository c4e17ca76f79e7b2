#include <string.h>

#include "base/error.h"
#include "process/process_impl.h"
#include "runtime/time.h"

static brood_os_channel *stream_of(brood_process *process, brood_stream stream)
{
    return process->streams[stream];
}

/*
 * Waits for streams, and keeps an eye on a child that does not come to its function meanwhile:
 * killing it ends them. Also BROOD_ERR_TIMEOUT when the deadline is past and something is ready,
 * for a writer that never stops shall not keep us.
 */
static brood_status wait_for(brood_process *process, brood_os_wait_item *items, size_t count,
                             int64_t deadline)
{
    brood_status status = BROOD_ERR_TIMEOUT;

    while (status == BROOD_ERR_TIMEOUT) {
        int64_t until = brood_process_next_deadline(process, deadline);

        status = brood_os_wait(items, count, until, NULL);
        if (deadline != BROOD_OS_NO_DEADLINE && brood_os_now() >= deadline) {
            return BROOD_ERR_TIMEOUT;
        }
        if (status == BROOD_ERR_TIMEOUT) {
            brood_process_is_alive(process);
        }
    }
    return status;
}

static brood_status read_some(brood_process *process, brood_stream stream, void *buffer,
                              size_t size, size_t *got, int64_t deadline)
{
    brood_status status = BROOD_OK;

    do {
        brood_os_wait_item item = {NULL, stream_of(process, stream), false, false};

        status = brood_os_channel_read(item.channel, buffer, size, got, NULL);
        if (status != BROOD_ERR_TIMEOUT) {
            return status;
        }
        status = wait_for(process, &item, 1, deadline);
    } while (status == BROOD_OK);
    if (status == BROOD_ERR_TIMEOUT && !brood_process_is_alive(process)) {
        brood_os_channel_settle(stream_of(process, stream));
        status = brood_os_channel_read(stream_of(process, stream), buffer, size, got, NULL);
    }
    return status;
}

brood_status brood_process_read(brood_process *process, brood_stream stream, void *buffer,
                                size_t size, size_t *got, int64_t timeout_ms)
{
    int held = 0;
    brood_status status = BROOD_OK;

    if (process == NULL || buffer == NULL || size == 0 || got == NULL ||
        (stream != BROOD_STDOUT && stream != BROOD_STDERR) || !brood_is_timeout(timeout_ms)) {
        return BROOD_ERR_ARGUMENT;
    }
    *got = 0;
    if (stream_of(process, stream) == NULL) {
        return process->was_stream[stream] ? BROOD_ERR_CLOSED : BROOD_ERR_STATE;
    }
    held = brood_os_cancel_hold();
    status = read_some(process, stream, buffer, size, got, brood_deadline(timeout_ms));
    brood_os_cancel_release(held);
    return status;
}

static brood_status write_all(brood_process *process, const void *buffer, size_t size, size_t *put,
                              int64_t deadline)
{
    size_t done = 0;
    brood_status status = BROOD_OK;

    while (done < size && status == BROOD_OK) {
        bool is_late = done > 0 && brood_os_now() >= deadline; /* though it goes on to read */
        brood_os_wait_item item = {NULL, stream_of(process, BROOD_STDIN), true, false};
        size_t now = 0;

        if (is_late) {
            status = BROOD_ERR_TIMEOUT;
            break;
        }
        status = brood_os_channel_write(item.channel, (const char *)buffer + done, size - done,
                                        &now, NULL);
        done += now;
        if (status == BROOD_ERR_TIMEOUT) {
            status = wait_for(process, &item, 1, deadline);
        }
    }
    *put = done;
    return status;
}

brood_status brood_process_write(brood_process *process, const void *buffer, size_t size,
                                 size_t *put, int64_t timeout_ms)
{
    size_t done = 0;
    int held = 0;
    brood_status status = BROOD_OK;

    if (put != NULL) {
        *put = 0;
    }
    if (process == NULL || (buffer == NULL && size > 0) || !brood_is_timeout(timeout_ms)) {
        return BROOD_ERR_ARGUMENT;
    }
    if (stream_of(process, BROOD_STDIN) == NULL) {
        return BROOD_ERR_STATE;
    }
    held = brood_os_cancel_hold();
    status = write_all(process, buffer, size, &done, brood_deadline(timeout_ms));
    brood_os_cancel_release(held);
    if (put != NULL) {
        *put = done;
    }
    return status;
}

static void close_stream(brood_process *process, brood_stream stream)
{
    int held = brood_os_cancel_hold();

    process->was_stream[stream] = process->was_stream[stream] || process->streams[stream] != NULL;
    brood_os_channel_close(process->streams[stream]);
    process->streams[stream] = NULL;
    brood_os_cancel_release(held);
}

brood_status brood_process_close_stdin(brood_process *process)
{
    if (process == NULL) {
        return BROOD_ERR_ARGUMENT;
    }
    close_stream(process, BROOD_STDIN);
    return BROOD_OK;
}

/* ---- communicate ------------------------------------------------------------------------- */

typedef struct talk {
    brood_process *process;
    const char *input;
    size_t left;
    brood_buffer in[3]; /* of stdout and stderr */
    bool wanted[3];
    int64_t heard_at; /* when bytes came last */
} talk;

/* How long an ended process's streams may be silent, where others may hold their ends. */
#define SILENCE_NS INT64_C(500000000)

/* Writes what goes; the end of the input, or of the reader, closes stdin. */
static brood_status feed(talk *run)
{
    brood_os_channel *channel = stream_of(run->process, BROOD_STDIN);
    brood_status status = BROOD_OK;
    size_t put = 0;

    if (channel == NULL) {
        return BROOD_OK;
    }
    if (run->left > 0) {
        status = brood_os_channel_write(channel, run->input, run->left, &put, NULL);
        run->input += put;
        run->left -= put;
    }
    if (run->left == 0 || status == BROOD_ERR_CLOSED) {
        close_stream(run->process, BROOD_STDIN);
        return BROOD_OK;
    }
    return status == BROOD_ERR_TIMEOUT ? BROOD_OK : status;
}

/* Of one stream, before the others and the clock have their turn. */
#define READS_A_TURN 16

static brood_status collect(talk *run, brood_stream stream)
{
    char bytes[16384];
    brood_status status = BROOD_OK;

    for (int i = 0;
         i < READS_A_TURN && status == BROOD_OK && stream_of(run->process, stream) != NULL; i++) {
        size_t got = 0;

        status =
            brood_os_channel_read(stream_of(run->process, stream), bytes, sizeof bytes, &got, NULL);
        run->heard_at = got > 0 ? brood_os_now() : run->heard_at;
        if (run->wanted[stream]) {
            brood_buffer_append(&run->in[stream], bytes, got);
        }
        if (run->in[stream].failed) {
            return BROOD_ERR_NO_MEMORY;
        }
    }
    if (status == BROOD_ERR_CLOSED) {
        close_stream(run->process, stream);
        return BROOD_OK;
    }
    return status == BROOD_ERR_TIMEOUT ? BROOD_OK : status;
}

static bool is_done(const talk *run)
{
    return run->process->streams[0] == NULL && run->process->streams[1] == NULL &&
           run->process->streams[2] == NULL;
}

static void close_all(talk *run)
{
    for (int i = 0; i < 3; i++) {
        close_stream(run->process, (brood_stream)i);
    }
}

/* This thread may have had no core for longer than the silence: what came meanwhile is taken. */
static brood_status end_in_silence(talk *run)
{
    int64_t before = run->heard_at;
    brood_status status = BROOD_OK;

    for (int i = BROOD_STDOUT; i <= BROOD_STDERR && status == BROOD_OK; i++) {
        if (run->process->streams[i] != NULL) {
            brood_os_channel_settle(run->process->streams[i]);
            status = collect(run, (brood_stream)i);
        }
    }
    if (status == BROOD_OK && run->heard_at == before) {
        close_all(run);
    }
    return status;
}

/*
 * Until a stream is ready. Where the ends may have leaked, also until the process has ended: what it
 * wrote is there by then, and its streams are closed when nobody writes any more.
 */
static brood_status wait_for_streams(talk *run, int64_t deadline)
{
    brood_process *process = run->process;
    bool leaks = brood_os_ends_may_leak();
    bool alive = !leaks || brood_process_is_alive(process);
    int64_t silent_at = alive ? BROOD_OS_NO_DEADLINE : run->heard_at + SILENCE_NS;
    brood_os_wait_item items[] = {{NULL, process->streams[BROOD_STDIN], true, false},
                                  {NULL, process->streams[BROOD_STDOUT], false, false},
                                  {NULL, process->streams[BROOD_STDERR], false, false},
                                  {leaks && alive ? process->os : NULL, NULL, false, false}};
    brood_status status = wait_for(process, items, 4, brood_earlier(deadline, silent_at));

    if (items[3].ready) {
        run->heard_at = brood_os_now();
    }
    return status == BROOD_ERR_TIMEOUT && silent_at < deadline ? end_in_silence(run) : status;
}

static brood_status exchange(talk *run, int64_t deadline)
{
    brood_status status = BROOD_OK;

    while (status == BROOD_OK) {
        status = feed(run);
        if (status == BROOD_OK) {
            status = collect(run, BROOD_STDOUT);
        }
        if (status == BROOD_OK) {
            status = collect(run, BROOD_STDERR);
        }
        if (status == BROOD_OK && is_done(run)) {
            return BROOD_OK;
        }
        if (status == BROOD_OK) {
            status = wait_for_streams(run, deadline);
        }
    }
    return status;
}

static void clear(brood_output *output)
{
    if (output != NULL) {
        *output = (brood_output){NULL, 0};
    }
}

/* Gives a buffer to the caller, with a zero behind it. */
static brood_status give(brood_output *output, brood_buffer *buffer)
{
    if (output == NULL) {
        brood_buffer_free(buffer);
        return BROOD_OK;
    }
    output->size = buffer->size;
    brood_buffer_append(buffer, "", 1);
    output->data = buffer->data;
    if (buffer->failed) {
        brood_buffer_free(buffer);
        clear(output);
        return BROOD_ERR_NO_MEMORY;
    }
    return BROOD_OK;
}

static int64_t milliseconds_left(int64_t deadline)
{
    int64_t left = deadline - brood_os_now();

    if (deadline == BROOD_OS_NO_DEADLINE) {
        return BROOD_FOREVER;
    }
    return left > 0 ? left / 1000000 + 1 : 0;
}

brood_status brood_process_communicate(brood_process *process, const void *input, size_t size,
                                       brood_output *out, brood_output *err, int64_t timeout_ms)
{
    talk run = {process,
                input,
                size,
                {BROOD_BUFFER_INIT, BROOD_BUFFER_INIT, BROOD_BUFFER_INIT},
                {false, out != NULL, err != NULL},
                brood_os_now()};
    brood_status status = BROOD_OK;
    brood_status given = BROOD_OK;
    int64_t deadline = 0;
    int held = 0;

    clear(out);
    clear(err);
    if (process == NULL || (input == NULL && size > 0) || !brood_is_timeout(timeout_ms)) {
        return BROOD_ERR_ARGUMENT;
    }
    held = brood_os_cancel_hold();
    deadline = brood_deadline(timeout_ms);
    status = exchange(&run, deadline);
    given = give(out, &run.in[BROOD_STDOUT]);
    if (give(err, &run.in[BROOD_STDERR]) != BROOD_OK || given != BROOD_OK) {
        status = BROOD_ERR_NO_MEMORY;
    }
    if (status == BROOD_OK) {
        status = brood_process_join(process, milliseconds_left(deadline));
    }
    brood_os_cancel_release(held);
    return status;
}
