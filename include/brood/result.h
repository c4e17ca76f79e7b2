/*
 * brood/result.h - what becomes of a task: its result, or what went wrong.
 *
 * A result may be used from any thread, and from several at once; only brood_result_destroy must
 * be the last call. It outlives its pool. Times are milliseconds; BROOD_FOREVER waits without end.
 */
#ifndef BROOD_RESULT_H
#define BROOD_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <brood/export.h>
#include <brood/process.h>
#include <brood/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct brood_result brood_result;

/* What went wrong with a task. */
typedef struct brood_failure {
    size_t struct_size; /* set by BROOD_FAILURE_INIT */
    /*
     * BROOD_ERR_TASK: its function returned task_code, which is not 0.
     * BROOD_ERR_DIED: the worker ended while it ran it; exit says how.
     * BROOD_ERR_QUARANTINED: the same, and it has ended too many workers to be tried again.
     * BROOD_ERR_TASK_TIMEOUT, BROOD_ERR_DEADLINE: its timeout_ms or deadline_ms passed.
     * BROOD_ERR_CANCELLED: it was cancelled, or the pool was terminated.
     * BROOD_ERR_BROKEN: no worker can be started; exit says how the last one ended.
     * BROOD_ERR_NO_FUNCTION, _OTHER_BUILD, _NOT_FOUND: the worker cannot find the function.
     * BROOD_ERR_TOO_LARGE: the result has another size than out_size.
     * BROOD_ERR_NO_MEMORY: for the argument, the result, or to map shared memory, here or in the worker.
     * BROOD_ERR_LIMIT, _PERMISSION, _NOT_SUPPORTED, _OS: what the system said when the worker looked for
     * the function or mapped shared memory, or when nothing could be sent to any worker for 200 ms.
     */
    brood_status status;
    int32_t task_code; /* what the function returned */
    int64_t pid;       /* of the worker; -1: it never came to one */
    uint64_t index;    /* of the item in a map, or the first index of a range; else 0 */
    uint32_t attempt;  /* 1: the first run; 0: it never came to one */
    uint32_t reserved;
    char tag[32];         /* from the options, cut to fit */
    char message[216];    /* one sentence in UTF-8; the task's own, if it gave one */
    brood_exit_info exit; /* of the worker, when it has died */
} brood_failure;

#ifdef __cplusplus
#define BROOD_FAILURE_INIT brood_failure_init()
static inline brood_failure brood_failure_init()
{
    brood_failure failure = brood_failure();
    failure.struct_size = sizeof failure;
    return failure;
}
#else
#define BROOD_FAILURE_INIT                                                                         \
    {                                                                                              \
        .struct_size = sizeof(brood_failure)                                                       \
    }
#endif

/*
 * Waits until the task is done, well or not. BROOD_OK: it is. BROOD_ERR_TIMEOUT: not yet; waiting
 * again is fine. BROOD_ERR_ARGUMENT: a NULL, or a negative time-out that is not BROOD_FOREVER.
 * BROOD_ERR_STATE: called where it could never come back, in a callback of the same pool.
 * Since 0.1.
 */
BROOD_API brood_status brood_result_wait(brood_result *result, int64_t timeout_ms);

/*
 * The same, and gives the value that the function returned with brood_return: *data belongs to
 * the result and lives as long, *size is its size; both may be NULL. Of a map, which wrote its
 * values elsewhere, they are NULL and 0.
 *
 * BROOD_OK: every part of it succeeded. BROOD_ERR_TIMEOUT: it is not done. Anything else: what
 * went wrong first (by index), as in brood_failure.status; *data is NULL. Since 0.1.
 */
BROOD_API brood_status brood_result_get(brood_result *result, const void **data, size_t *size,
                                        int64_t timeout_ms);

/* Whether it is done, well or not. Does not block. false for NULL. Since 0.1. */
BROOD_API bool brood_result_ready(brood_result *result);

/* Whether it is done and all of it succeeded. Does not block. false for NULL. Since 0.1. */
BROOD_API bool brood_result_successful(brood_result *result);

/*
 * What went wrong, first by index. BROOD_OK: failure, begun with BROOD_FAILURE_INIT, is filled.
 * BROOD_ERR_STATE: it is not done, or nothing went wrong. BROOD_ERR_ARGUMENT: a NULL, or a wrong
 * struct_size. Does not block. Since 0.1.
 */
BROOD_API brood_status brood_result_failure(brood_result *result, brood_failure *failure);

/* How many items of a map (of other tasks: 0 or 1) have failed so far. Since 0.1. */
BROOD_API uint64_t brood_result_failed_count(brood_result *result);

/*
 * One item of a map, also while others still run: waits for it. Gives what brood_result_get does;
 * *data points into the array that the map writes to. BROOD_ERR_ARGUMENT: there is no such item.
 * failure may be NULL; it is filled when the item failed. Since 0.1.
 */
BROOD_API brood_status brood_result_item(brood_result *result, uint64_t index, const void **data,
                                         size_t *size, brood_failure *failure, int64_t timeout_ms);

/*
 * Cancels what is not done of it. What waits never runs. What runs sees brood_task_cancelled, and
 * after the pool's grace_ms its worker is ended (and replaced). The result is done with
 * BROOD_ERR_CANCELLED soon after; wait for it.
 * BROOD_OK: it will be. BROOD_ERR_STATE: it was done before. Does not block. Since 0.1.
 */
BROOD_API brood_status brood_result_cancel(brood_result *result);

/*
 * Frees the result; NULL is fine, and so is one that is not done. A task of apply_async goes on
 * without it; a map is cancelled, and its arrays are the caller's own again when this returns (in
 * shared memory a task that runs may go on writing for the pool's grace_ms).
 * Returns NULL. Not while another thread uses it. Since 0.1.
 */
BROOD_API brood_result *brood_result_destroy(brood_result *result);

#ifdef __cplusplus
}
#endif

#endif
