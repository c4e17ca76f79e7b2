/*
 * brood/shared.h - memory that a program and the workers of its pools share.
 *
 * What lies in it is not copied: a map over arrays in shared memory reads and writes them in
 * place, and any task can be given shared memory by its options. It has no name that a stranger
 * could open, and nothing of it is left behind when the program ends, however it ends; but where the
 * system has no memory without a name (not Linux, not Windows), a program that is killed in the moment
 * between making the name and removing it leaves an empty one.
 */
#ifndef BROOD_SHARED_H
#define BROOD_SHARED_H

#include <stddef.h>

#include <brood/export.h>
#include <brood/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct brood_shared brood_shared;

/*
 * size bytes of zeroed memory, at least 1. What cannot be had is an error now (BROOD_ERR_NO_MEMORY
 * or BROOD_ERR_LIMIT), not a signal later. The caller owns *shared and gives it to
 * brood_shared_destroy. error may be NULL. Any thread. Since 0.1.
 */
BROOD_API brood_status brood_shared_create(brood_shared **shared, size_t size, brood_error *error);

/* Its address in this process, aligned to a page; NULL for NULL. Since 0.1. */
BROOD_API void *brood_shared_data(const brood_shared *shared);

/* Its size in bytes, as it was asked for; 0 for NULL. Since 0.1. */
BROOD_API size_t brood_shared_size(const brood_shared *shared);

/*
 * Unmaps it here, once no task that was submitted with it is left; from now on data is no longer
 * the caller's. NULL is fine. Returns NULL. Any thread. Since 0.1.
 */
BROOD_API brood_shared *brood_shared_destroy(brood_shared *shared);

#ifdef __cplusplus
}
#endif

#endif
