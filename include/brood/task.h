/* brood/task.h - the function that runs in a child, and what it can ask about itself. */
#ifndef BROOD_TASK_H
#define BROOD_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <brood/export.h>
#include <brood/return.h>
#include <brood/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The type of every function that brood runs in another process. arg points to a copy of the
 * size bytes that the parent gave, aligned to 16 bytes; it lives until the function returns, and
 * is NULL when size is 0. (An item of an array of items of one size is aligned as in that array,
 * and is not a copy where the array lies in shared memory: do not write to it.) In a process the
 * returned number is the exit code: 0 for success.
 */
typedef int brood_function(brood_task *task, const void *arg, size_t size);

/* A descriptor (POSIX) or a HANDLE (Windows), as a number. */
typedef intptr_t brood_handle;
#ifdef __cplusplus
#define BROOD_HANDLE_NONE (brood_handle(-1))
#else
#define BROOD_HANDLE_NONE ((brood_handle)-1)
#endif

/*
 * The name of the process that runs the task, from its options; "" when it has none. Lives as
 * long as the task. The task's threads only. Since 0.1.
 */
BROOD_API const char *brood_task_name(const brood_task *task);

/* How many handles the parent passed with brood_process_options.handles. Since 0.1. */
BROOD_API size_t brood_task_handle_count(const brood_task *task);

/*
 * The passed handle number index (from 0, in the parent's order), as it is called in this
 * process; BROOD_HANDLE_NONE when there is no such index. The caller owns it and may close it;
 * it is not inherited further. Since 0.1.
 */
BROOD_API brood_handle brood_task_handle(const brood_task *task, size_t index);

/* ---- In a worker of a pool --------------------------------------------------------------- */

/* brood_return, with which the function returns its value, is in <brood/return.h>. */

/*
 * As brood_return without a copy: memory for a value of size bytes, aligned to 16 bytes where values are
 * of any size, which the function fills before it returns 0. It replaces an earlier value. NULL:
 * as above. Since 0.1.
 */
BROOD_API void *brood_return_buffer(brood_task *task, size_t size);

/*
 * Says why the task fails, in printf's way; the caller finds it in brood_failure.message. Returns
 * code (1 when that is 0), for `return brood_task_fail(task, 2, "no such user: %s", name)`.
 * Since 0.1.
 */
BROOD_API int brood_task_fail(brood_task *task, int code, const char *format, ...);

/* Whether the task was cancelled, or its time is up: it should return soon. Since 0.1. */
BROOD_API bool brood_task_cancelled(const brood_task *task);

/* The place of the item in a map, the begin of a part of a range; 0 elsewhere. Since 0.1. */
BROOD_API uint64_t brood_task_index(const brood_task *task);

/* 1 in the first run of the task; more after the death of a worker, with retries. Since 0.1. */
BROOD_API uint32_t brood_task_attempt(const brood_task *task);

/*
 * From the task's options, cut to 31 bytes, "" when there is none; lives as long as the task.
 * Since 0.1.
 */
BROOD_API const char *brood_task_tag(const brood_task *task);

/*
 * The address in this process of the shared memory number index in the task's options, and its
 * size (which may be NULL); NULL when there is none. It stays mapped while the task runs, and as
 * long as the caller of the pool keeps it. Since 0.1.
 */
BROOD_API void *brood_task_shared(const brood_task *task, size_t index, size_t *size);

#ifdef __cplusplus
}
#endif

#endif
