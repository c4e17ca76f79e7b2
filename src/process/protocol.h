/*
 * What parent and child say to each other over their channel: frames of a fixed head and a body.
 *
 *   parent  START      what to run, and how; written before anything else
 *   parent  SEGMENT    the same, when it is long: the segment that has the body of START
 *   child   HELLO      the function was found and is about to run
 *   child   REFUSED    it was not: a brood_error; the child ends
 *   parent  TERMINATE  do what SIGTERM does (where the system cannot)
 *   child   MEMORY     the memory limit was hit
 *   child   ENDED      the function returned: its code
 *
 * Both are the same machine, so numbers are in its own byte order. A reader trusts no size.
 */
#ifndef BROOD_SRC_PROCESS_PROTOCOL_H
#define BROOD_SRC_PROCESS_PROTOCOL_H

#include "base/buffer.h"
#include "platform.h"
#include "process/function.h"

#define BROOD_TOKEN_VARIABLE "BROOD_CHILD"
#define BROOD_PROTOCOL_MAGIC 0x646f7262u /* "brod" */
#define BROOD_PROTOCOL_VERSION 2
#define BROOD_HANDLES_MAX 256

typedef enum brood_frame_type {
    BROOD_FRAME_START = 1,
    BROOD_FRAME_HELLO,
    BROOD_FRAME_REFUSED,
    BROOD_FRAME_TERMINATE,
    BROOD_FRAME_MEMORY,
    BROOD_FRAME_ENDED,
    BROOD_FRAME_SEGMENT
} brood_frame_type;

typedef struct brood_frame_head {
    uint32_t magic;
    uint16_t version;
    uint16_t type;
    uint32_t size; /* of the body */
    uint32_t reserved;
} brood_frame_head;

typedef struct brood_ended_body {
    int64_t code;
    uint64_t peak_memory_bytes; /* 0: the parent knows better */
} brood_ended_body;

typedef struct brood_hello_body {
    int64_t pid;
} brood_hello_body;

/* Where a long START is: said in the channel, because nothing else is known to be the parent's. */
typedef struct brood_segment_body {
    int64_t handle;
    uint64_t size;
} brood_segment_body;

/* The largest body that a child may send. */
#define BROOD_CHILD_BODY_MAX sizeof(brood_error)

/* The largest START frame: it is written before the child runs. A longer one goes to a segment. */
#define BROOD_START_MAX BROOD_OS_FIRST_MAX

/* Where a process stands among pools in workers of pools. */
typedef struct brood_nesting {
    uint32_t depth; /* 0: in no worker */
    uint32_t cores; /* its share of them; 0: all that it may use */
} brood_nesting;

/* A START frame, decoded; pointers are into the frame. */
typedef struct brood_start {
    bool daemon;
    bool kill_tree;
    int64_t parent_pid;
    int nice; /* this and the next: what the child sets itself */
    uint32_t cpu_time_limit_s;
    uint64_t memory_limit_bytes;
    brood_nesting nesting;
    const char *name;
    brood_function_ref function;
    size_t handle_count;
    brood_handle handles[BROOD_HANDLES_MAX];
    const void *arg;
    size_t arg_size;
} brood_start;

/* Appends a frame with its head. */
void brood_frame_put(brood_buffer *buffer, brood_frame_type type, const void *body, size_t size);

/*
 * Whether buffer begins with a whole frame: BROOD_OK (head is filled; the body follows it),
 * BROOD_ERR_TIMEOUT (more bytes are needed), BROOD_ERR_PROTOCOL (it never will be one, or its
 * body is longer than most).
 */
brood_status brood_frame_peek(const void *data, size_t size, size_t most, brood_frame_head *head);

/*
 * The body of a START frame but for the argument, which the caller puts behind it (so that a
 * large one is copied once only).
 */
void brood_start_encode(brood_buffer *buffer, const brood_start *start);

/* Reads a whole body; the result points into it. BROOD_ERR_PROTOCOL when it is none. */
brood_status brood_start_decode(brood_start *start, const void *data, size_t size);

/* A function by itself, and back; as above, for frames of a pool. */
void brood_function_encode(brood_buffer *buffer, const brood_function_ref *ref);
brood_status brood_function_decode(brood_function_ref *ref, const void *data, size_t size);

/*
 * The token in the environment of a child: the number of its channel's handle, and which process is
 * meant. What that process starts has the variable, too, and may have the handle.
 */
typedef struct brood_token {
    brood_handle channel;
    int64_t parent_pid;
    int64_t pid; /* 0: the system cannot tell it in time, so the parent's has to do */
} brood_token;

#define BROOD_TOKEN_SIZE 96
/* The pid comes last, BROOD_OS_PID_DIGITS long: a child can write it there itself. */
void brood_token_format(char text[BROOD_TOKEN_SIZE], const brood_token *token);
brood_status brood_token_parse(brood_token *token, const char *text);

#endif
