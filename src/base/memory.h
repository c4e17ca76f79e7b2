/*
 * Where the core's memory comes from and goes back to, also what the seam has allocated for it. In a
 * build with BROOD_FAULTS each of these can be made to fail, see faults.h. (Who means the system's
 * memory.h gets no less here.)
 */
#ifndef BROOD_SRC_BASE_MEMORY_H
#define BROOD_SRC_BASE_MEMORY_H

#include <stdlib.h>
#include <string.h>

#include <brood/process.h>

#if defined(BROOD_FAULTS)
#include <stdbool.h>

/* Whether the next allocation is to fail; then errno is ENOMEM. */
bool brood_faults_allocation(void);

#define BROOD_ALLOCATE(failure, call) (brood_faults_allocation() ? (failure) : (call))
#else
#define BROOD_ALLOCATE(failure, call) (call)
#endif

#define brood_malloc(size) BROOD_ALLOCATE(NULL, malloc(size))
#define brood_calloc(count, size) BROOD_ALLOCATE(NULL, calloc(count, size))
#define brood_realloc(memory, size) BROOD_ALLOCATE(NULL, realloc(memory, size))
#define brood_strdup(text) BROOD_ALLOCATE(NULL, strdup(text))

/* The public function of this name, without the call. */
#define brood_free(memory) free(memory)

/* A call of APR that may fail for want of memory: brood_apr(apr_thread_cond_create(&cond, pool)). */
#define brood_apr(call) BROOD_ALLOCATE(APR_ENOMEM, call)

/* APR begins; then it gives pools without a parent, which only apr_pool_destroy ends. */
#define brood_apr_begin() brood_apr(apr_initialize())
#define brood_apr_pool_create(pool) brood_apr(apr_pool_create(pool, NULL))

#endif
