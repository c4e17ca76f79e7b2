#include "process/protocol.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARG_ALIGNMENT 16

void brood_frame_put(brood_buffer *buffer, brood_frame_type type, const void *body, size_t size)
{
    brood_frame_head head = {BROOD_PROTOCOL_MAGIC, BROOD_PROTOCOL_VERSION, (uint16_t)type,
                             (uint32_t)size, 0};

    brood_buffer_append(buffer, &head, sizeof head);
    brood_buffer_append(buffer, body, size);
}

brood_status brood_frame_peek(const void *data, size_t size, size_t most, brood_frame_head *head)
{
    if (size < sizeof *head) {
        return BROOD_ERR_TIMEOUT;
    }
    memcpy(head, data, sizeof *head);
    if (head->magic != BROOD_PROTOCOL_MAGIC || head->version != BROOD_PROTOCOL_VERSION ||
        head->size > most) {
        return BROOD_ERR_PROTOCOL;
    }
    return size - sizeof *head < head->size ? BROOD_ERR_TIMEOUT : BROOD_OK;
}

/* ---- START ------------------------------------------------------------------------------- */

static void put_u64(brood_buffer *buffer, uint64_t value)
{
    brood_buffer_append(buffer, &value, sizeof value);
}

/* A length, the bytes, and a zero, so that the other side can use it as a string in place. */
static void put_bytes(brood_buffer *buffer, const void *data, size_t size)
{
    put_u64(buffer, size);
    brood_buffer_append(buffer, data, size);
    brood_buffer_append(buffer, "", 1);
}

void brood_function_encode(brood_buffer *buffer, const brood_function_ref *ref)
{
    put_bytes(buffer, ref->name, strlen(ref->name));
    put_bytes(buffer, ref->code.module, strlen(ref->code.module));
    put_u64(buffer, ref->code.offset);
    put_bytes(buffer, ref->code.build_id, ref->code.build_id_size);
}

void brood_start_encode(brood_buffer *buffer, const brood_start *start)
{
    static const char zeros[ARG_ALIGNMENT] = {0};
    size_t begin = buffer->size;

    put_u64(buffer, start->daemon);
    put_u64(buffer, start->kill_tree);
    put_u64(buffer, (uint64_t)start->parent_pid);
    put_u64(buffer, (uint64_t)start->nice);
    put_u64(buffer, start->cpu_time_limit_s);
    put_u64(buffer, start->memory_limit_bytes);
    put_u64(buffer, start->nesting.depth);
    put_u64(buffer, start->nesting.cores);
    put_bytes(buffer, start->name, strlen(start->name));
    brood_function_encode(buffer, &start->function);
    put_u64(buffer, start->handle_count);
    for (size_t i = 0; i < start->handle_count; i++) {
        put_u64(buffer, (uint64_t)start->handles[i]);
    }
    put_u64(buffer, start->arg_size);
    brood_buffer_append(buffer, zeros,
                        (ARG_ALIGNMENT - (buffer->size - begin) % ARG_ALIGNMENT) % ARG_ALIGNMENT);
}

typedef struct reader {
    const char *data;
    size_t size;
    size_t at;
    bool failed;
} reader;

static const void *get_raw(reader *in, uint64_t size)
{
    const char *found = in->data + in->at;

    if (in->failed || size > in->size - in->at) {
        in->failed = true;
        return NULL;
    }
    in->at += (size_t)size;
    return found;
}

static uint64_t get_u64(reader *in)
{
    uint64_t value = 0;
    const void *found = get_raw(in, sizeof value);

    if (found != NULL) {
        memcpy(&value, found, sizeof value);
    }
    return value;
}

/* What put_bytes wrote; "" and a failed reader when it is not there or has no zero behind. */
static const char *get_bytes(reader *in, size_t *size)
{
    uint64_t length = get_u64(in);
    const char *found = get_raw(in, length);
    const char *end = get_raw(in, 1);

    if (found == NULL || end == NULL || *end != '\0') {
        in->failed = true;
        *size = 0;
        return "";
    }
    *size = (size_t)length;
    return found;
}

static const char *get_string(reader *in)
{
    size_t size = 0;
    const char *text = get_bytes(in, &size);

    if (strlen(text) != size) {
        in->failed = true;
    }
    return text;
}

static void get_function(reader *in, brood_function_ref *ref)
{
    const char *id = NULL;
    brood_os_code *code = &ref->code;

    ref->name = get_string(in);
    code->module = (char *)(uintptr_t)get_string(in); /* read only, as the rest of the frame */
    code->offset = get_u64(in);
    id = get_bytes(in, &code->build_id_size);
    if (code->build_id_size > sizeof code->build_id) {
        in->failed = true;
        code->build_id_size = 0;
    }
    memcpy(code->build_id, id, code->build_id_size);
}

brood_status brood_function_decode(brood_function_ref *ref, const void *data, size_t size)
{
    reader in = {data, size, 0, false};

    memset(ref, 0, sizeof *ref);
    get_function(&in, ref);
    return in.failed || in.at != in.size ? BROOD_ERR_PROTOCOL : BROOD_OK;
}

brood_status brood_start_decode(brood_start *start, const void *data, size_t size)
{
    reader in = {data, size, 0, false};

    memset(start, 0, sizeof *start);
    start->daemon = get_u64(&in) != 0;
    start->kill_tree = get_u64(&in) != 0;
    start->parent_pid = (int64_t)get_u64(&in);
    start->nice = (int)get_u64(&in);
    start->cpu_time_limit_s = (uint32_t)get_u64(&in);
    start->memory_limit_bytes = get_u64(&in);
    start->nesting.depth = (uint32_t)get_u64(&in);
    start->nesting.cores = (uint32_t)get_u64(&in);
    start->name = get_string(&in);
    get_function(&in, &start->function);
    start->handle_count = (size_t)get_u64(&in);
    if (start->handle_count > BROOD_HANDLES_MAX) {
        return BROOD_ERR_PROTOCOL;
    }
    for (size_t i = 0; i < start->handle_count; i++) {
        start->handles[i] = (brood_handle)get_u64(&in);
    }
    start->arg_size = (size_t)get_u64(&in);
    get_raw(&in, (ARG_ALIGNMENT - in.at % ARG_ALIGNMENT) % ARG_ALIGNMENT);
    start->arg = get_raw(&in, start->arg_size);
    if (start->arg_size == 0) {
        start->arg = NULL;
    }
    return in.failed || in.at != in.size ? BROOD_ERR_PROTOCOL : BROOD_OK;
}

/* ---- the token --------------------------------------------------------------------------- */

void brood_token_format(char text[BROOD_TOKEN_SIZE], const brood_token *token)
{
    snprintf(text, BROOD_TOKEN_SIZE, BROOD_TOKEN_VARIABLE "=%d:%" PRIdPTR ":%" PRId64 ":%0*" PRId64,
             BROOD_PROTOCOL_VERSION, token->channel, token->parent_pid, BROOD_OS_PID_DIGITS,
             token->pid);
}

brood_status brood_token_parse(brood_token *token, const char *text)
{
    long long fields[4] = {0, 0, 0, 0};

    for (size_t i = 0; i < 4; i++) {
        char *end = NULL;

        errno = 0;
        fields[i] = strtoll(text, &end, 10);
        if (errno != 0 || end == text || *end != (i < 3 ? ':' : '\0')) {
            return BROOD_ERR_PROTOCOL;
        }
        text = end + 1;
    }
    token->channel = (brood_handle)fields[1];
    token->parent_pid = fields[2];
    token->pid = fields[3];
    return fields[0] == BROOD_PROTOCOL_VERSION && fields[1] >= 0 && fields[2] > 0 && fields[3] >= 0
               ? BROOD_OK
               : BROOD_ERR_PROTOCOL;
}
