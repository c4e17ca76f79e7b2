/* brood/task.h - the function that runs in a child, and what it can ask about itself. */
#ifndef BROOD_TASK_H
#define BROOD_TASK_H

#include <stddef.h>
#include <stdint.h>

#include <brood/export.h>
#include <brood/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What runs now in this child. It belongs to brood and lives until the function returns. */
typedef struct brood_task brood_task;

/*
 * The type of every function that brood runs in another process. arg points to a copy of the
 * size bytes that the parent gave, aligned to 16 bytes; it lives until the function returns, and
 * is NULL when size is 0. In a process the returned number is the exit code: 0 for success.
 */
typedef int brood_function(brood_task *task, const void *arg, size_t size);

/* A descriptor (POSIX) or a HANDLE (Windows), as a number. */
typedef intptr_t brood_handle;
#define BROOD_HANDLE_NONE ((brood_handle)-1)

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

#ifdef __cplusplus
}
#endif

#endif
