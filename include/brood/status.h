/* brood/status.h - what a call answers, and the detail for whoever asks. */
#ifndef BROOD_STATUS_H
#define BROOD_STATUS_H

#include <stdint.h>

#include <brood/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Every status: name, number, text. The numbers are the same on every system and in every
 * version; new ones are added at the end.
 */
#define BROOD_STATUS_TABLE(X)                                                                      \
    X(BROOD_OK, 0, "success")                                                                      \
    X(BROOD_ERR_ARGUMENT, 1, "an argument breaks its rule")                                        \
    X(BROOD_ERR_NO_MEMORY, 2, "out of memory")                                                     \
    X(BROOD_ERR_NOT_INITIALIZED, 3, "brood_init was not called in this process")                   \
    X(BROOD_ERR_BOOTSTRAPPING, 4, "this child has not finished its start")                         \
    X(BROOD_ERR_TIMEOUT, 5, "the time-out passed")                                                 \
    X(BROOD_ERR_NOT_SUPPORTED, 6, "not supported on this system")                                  \
    X(BROOD_ERR_NOT_FOUND, 7, "no such file or directory")                                         \
    X(BROOD_ERR_PERMISSION, 8, "permission denied")                                                \
    X(BROOD_ERR_LIMIT, 9, "a limit of the system is reached")                                      \
    X(BROOD_ERR_OS, 10, "a system call failed")                                                    \
    X(BROOD_ERR_CLOSED, 11, "the other end is closed")                                             \
    X(BROOD_ERR_STATE, 12, "the object is not in a state for this call")                           \
    X(BROOD_ERR_NO_HELLO, 13, "the child did not call brood_init")                                 \
    X(BROOD_ERR_OTHER_BUILD, 14, "the child is another build of the program")                      \
    X(BROOD_ERR_NO_FUNCTION, 15, "the child does not know the function")                           \
    X(BROOD_ERR_PROTOCOL, 16, "the other side does not follow the protocol")                       \
    X(BROOD_ERR_TOO_LARGE, 17, "too large")                                                        \
    X(BROOD_ERR_TASK, 18, "the task failed")                                                       \
    X(BROOD_ERR_DIED, 19, "the worker died while it ran the task")                                 \
    X(BROOD_ERR_CANCELLED, 20, "the task was cancelled")                                           \
    X(BROOD_ERR_TASK_TIMEOUT, 21, "the task ran for longer than its time-out")                     \
    X(BROOD_ERR_DEADLINE, 22, "the task was not done by its deadline")                             \
    X(BROOD_ERR_FULL, 23, "the queue is full")                                                     \
    X(BROOD_ERR_QUARANTINED, 24, "the task has ended too many workers")                            \
    X(BROOD_ERR_BROKEN, 25, "the pool cannot start workers")

typedef enum brood_status {
#define BROOD_STATUS_ENUM(name, number, text) name = number,
    BROOD_STATUS_TABLE(BROOD_STATUS_ENUM)
#undef BROOD_STATUS_ENUM
} brood_status;

/*
 * The detail of a failure. The caller owns it and names it in the options of a call; the call
 * fills it when it fails and leaves it alone when it succeeds.
 */
typedef struct brood_error {
    brood_status status;
    int32_t os_code;   /* errno, or GetLastError() on Windows; 0 when no system call failed */
    char step[32];     /* what failed: a system call such as "execve", or an argument's name */
    char message[216]; /* one sentence in UTF-8, without a line end */
} brood_error;

/*
 * The text of a status in English, such as "the time-out passed". It lives as long as the
 * program. A number that is no status gives "unknown status". Any thread, never blocks. Since 0.1.
 */
BROOD_API const char *brood_status_text(brood_status status);

/*
 * The name of a status, such as "BROOD_ERR_TIMEOUT"; otherwise like brood_status_text.
 * Since 0.1.
 */
BROOD_API const char *brood_status_name(brood_status status);

#ifdef __cplusplus
}
#endif

#endif
