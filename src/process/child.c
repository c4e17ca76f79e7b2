#include "process/child.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "platform.h"
#include "process/nesting.h"
#include "process/process_impl.h"
#include "process/protocol.h"
#include "process/self.h"
#include "process/task.h"
#include "process/watch.h"
#include "runtime/here.h"

#define START_TIMEOUT_NS (30 * INT64_C(1000000000))
#define EXIT_REFUSED 127

struct brood_child {
    brood_os_channel *channel;
    brood_start start;
    brood_os_segment segment;
    char *frame;       /* the body of START, when it is not in the segment */
    bool memory_asked; /* whether it ran out of memory */
};

/* One child lives in a process; the hooks at its end have no other way to it. */
static struct brood_child *self(void)
{
    return brood_here()->child;
}

/* ---- talking to the parent --------------------------------------------------------------- */

/*
 * Frames of a child are few and small: each goes whole, and all of them fit into the channel, so a
 * write that does not go through means that the parent has gone. Safe in a signal handler on POSIX.
 */
_Static_assert(sizeof(brood_frame_head) + BROOD_CHILD_BODY_MAX <= BROOD_OS_WHOLE_MAX,
               "a child's frame goes in one write");

static brood_status send_frame(brood_frame_type type, const void *body, size_t size)
{
    char frame[sizeof(brood_frame_head) + BROOD_CHILD_BODY_MAX];
    brood_frame_head head = {BROOD_PROTOCOL_MAGIC, BROOD_PROTOCOL_VERSION, (uint16_t)type,
                             (uint32_t)size, 0};
    size_t put = 0;

    memcpy(frame, &head, sizeof head);
    memcpy(frame + sizeof head, body, size);
    return brood_os_channel_write(self()->channel, frame, sizeof head + size, &put, NULL);
}

_Noreturn void brood_child_refuse(const brood_error *error)
{
    send_frame(BROOD_FRAME_REFUSED, error, sizeof *error);
    brood_os_channel_close(self()->channel);
    brood_os_child_end(EXIT_REFUSED, false);
}

brood_status brood_child_say_hello(void)
{
    brood_hello_body hello = {brood_os_self_pid()};

    return send_frame(BROOD_FRAME_HELLO, &hello, sizeof hello);
}

brood_os_channel *brood_child_channel(void)
{
    return self()->channel;
}

int64_t brood_child_parent_pid(void)
{
    return self()->start.parent_pid;
}

/* Reads size bytes or ends: without a parent there is nothing to do here. */
static void read_fully(void *data, size_t size)
{
    int64_t deadline = brood_os_now() + START_TIMEOUT_NS;
    char *at = data;

    while (size > 0) {
        brood_os_wait_item item = {NULL, self()->channel, false, false};
        size_t got = 0;
        brood_status status = brood_os_channel_read(self()->channel, at, size, &got, NULL);

        if (status == BROOD_ERR_TIMEOUT) {
            status = brood_os_wait(&item, 1, deadline, NULL);
        }
        if (status != BROOD_OK) {
            brood_os_child_end(BROOD_EXIT_ORPHAN, false);
        }
        at += got;
        size -= got;
    }
}

/* ---- START ------------------------------------------------------------------------------- */

static brood_status fail_start(brood_error *error)
{
    return brood_fail(error, BROOD_ERR_PROTOCOL, 0, "start frame", "the start frame is malformed");
}

static brood_status read_frame(brood_frame_head *head, brood_error *error)
{
    char bytes[sizeof *head];

    read_fully(bytes, sizeof bytes);
    if (brood_frame_peek(bytes, sizeof bytes, BROOD_START_MAX, head) == BROOD_ERR_PROTOCOL) {
        return brood_fail(error, BROOD_ERR_PROTOCOL, 0, "start frame",
                          "the child was started by another version of brood");
    }
    self()->frame = brood_malloc(head->size + 1);
    if (self()->frame == NULL) {
        return brood_fail_memory(error, "start frame");
    }
    read_fully(self()->frame, head->size);
    return BROOD_OK;
}

/* What is in the channel, or in the segment that it names. */
static brood_status find_body(const void **body, size_t *size, brood_error *error)
{
    brood_frame_head head;
    brood_segment_body place;
    brood_status status = read_frame(&head, error);

    if (status != BROOD_OK) {
        return status;
    }
    *body = self()->frame;
    *size = head.size;
    if (head.type == BROOD_FRAME_SEGMENT && head.size == sizeof place) {
        memcpy(&place, self()->frame, sizeof place);
        if (place.size > SIZE_MAX) {
            return fail_start(error);
        }
        status = brood_os_segment_adopt(&self()->segment, (brood_handle)place.handle,
                                        (size_t)place.size, error);
        *body = self()->segment.base;
        *size = self()->segment.size;
    } else if (head.type != BROOD_FRAME_START) {
        return fail_start(error);
    }
    return status;
}

static brood_status read_start(brood_error *error)
{
    const void *body = NULL;
    size_t size = 0;
    brood_status status = find_body(&body, &size, error);

    if (status != BROOD_OK) {
        return status;
    }
    status = brood_start_decode(&self()->start, body, size);
    if (status != BROOD_OK) {
        return fail_start(error);
    }
    brood_nesting_tell(&self()->start.nesting);
    self()->start.parent_pid = brood_os_parent_pid(self()->channel, self()->start.parent_pid);
    for (size_t i = 0; i < self()->start.handle_count && status == BROOD_OK; i++) {
        status = brood_os_handle_adopt(self()->start.handles[i], error);
    }
    return status;
}

/* ---- the end ----------------------------------------------------------------------------- */

static void report_memory(void)
{
    send_frame(BROOD_FRAME_MEMORY, "", 0);
}

/* When the function returns or, as its exit does, by itself. */
static void at_exit(void)
{
    if (!self()->memory_asked && brood_os_child_out_of_memory()) {
        report_memory();
    }
    self()->memory_asked = true; /* once: by the function's end, or by its exit */
}

static _Noreturn void run(brood_function *function)
{
    brood_task task = {.start = &self()->start};
    brood_ended_body ended = {0, 0};

    brood_child_say_hello();
    brood_self_enter(BROOD_STAGE_READY);
    ended.code = function(&task, self()->start.arg, self()->start.arg_size);
    at_exit();
    ended.peak_memory_bytes = brood_os_child_peak_memory();
    send_frame(BROOD_FRAME_ENDED, &ended, sizeof ended);
    brood_os_exit_process((int)ended.code);
}

/* ---- whether there is a parent ----------------------------------------------------------- */

static bool is_meant(const brood_token *token)
{
    return token->pid != 0 ? token->pid == brood_os_self_pid()
                           : brood_os_is_child_of(token->parent_pid, token->channel);
}

/*
 * Whoever wrote the token can be anybody: only the other end of the channel tells. Where the caller of a
 * program with more rights wrote it, the number can be that of any file which the program has open.
 */
static brood_status open_channel(const brood_token *token)
{
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_status checked = brood_os_channel_check_peer(token->channel, &error);
    brood_status status = checked;

    if (checked == BROOD_OK || !brood_os_is_privileged()) {
        status = brood_os_channel_adopt(&self()->channel, token->channel,
                                        checked == BROOD_OK ? &error : NULL);
    }
    if (status == BROOD_OK && checked != BROOD_OK) {
        send_frame(BROOD_FRAME_REFUSED, &error,
                   sizeof error); /* it may be a parent, for all that */
        brood_os_channel_close(self()->channel);
        self()->channel = NULL;
    }
    return status == BROOD_OK ? checked : status;
}

static _Noreturn void serve_parent(const char *argv0)
{
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_os_function *function = NULL;
    brood_status status = brood_self_find(argv0, &error); /* now the parent hears of it */

    if (status == BROOD_OK) {
        status = read_start(&error);
    }
    if (status == BROOD_OK) {
        brood_os_child_begin(self()->start.name);
        brood_os_child_limit(self()->start.nice, self()->start.cpu_time_limit_s);
        status = brood_watch_start(self()->channel, &self()->start, &error);
    }
    if (status == BROOD_OK) {
        status = brood_function_find(&self()->start.function, &function, &error);
    }
    if (status != BROOD_OK || function == NULL) {
        brood_child_refuse(&error);
    }
    if (self()->start.memory_limit_bytes > 0) {
        brood_os_child_watch_memory(self()->start.memory_limit_bytes, report_memory);
        brood_os_at_exit(at_exit);
    }
    brood_watch_await();
    run((brood_function *)function);
}

brood_status brood_child_run(const char *text, const char *argv0)
{
    brood_token token = {BROOD_HANDLE_NONE, 0, 0};
    brood_status status = brood_token_parse(&token, text);

    if (status != BROOD_OK || !is_meant(&token)) {
        return status;
    }
    brood_here()->child = brood_calloc(1, sizeof(struct brood_child));
    status = brood_here()->child != NULL ? open_channel(&token) : BROOD_ERR_NO_MEMORY;
    if (status != BROOD_OK) {
        brood_free(brood_here()->child);
        brood_here()->child = NULL;
        return status;
    }
    serve_parent(argv0);
}
