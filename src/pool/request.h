/* The request of a caller: checked, and refused. */
#ifndef BROOD_SRC_POOL_REQUEST_H
#define BROOD_SRC_POOL_REQUEST_H

#include "platform.h"
#include "pool/job.h"
#include "pool/types.h"

/* The arguments of a public call. brood_request_check sets options and failure. */
typedef struct brood_request {
    brood_pool *pool;
    const brood_task_options *options;
    brood_failure *failure; /* the caller's, or NULL */
    brood_job_kind kind;
    brood_os_function *function;
    const void *in;
    uint64_t first, count;
    size_t in_size;
    void *out;
    size_t out_size;
    bool copies_in; /* into the job */
    void (*on_finish)(brood_result *, void *);
    void *finish_data;
} brood_request;

/*
 * Copies the caller's options (NULL: defaults), of whatever version. A refusal is written into the
 * caller's failure, where that can be trusted.
 */
brood_status brood_task_options_take(brood_task_options *known, const brood_task_options *given);

/* Checks what does not depend on the task's items. */
brood_status brood_task_options_check(const brood_task_options *options);

/* Writes the reason of the refusal into options->failure, if any; returns status. */
brood_status brood_task_refuse(const brood_task_options *options, brood_status status,
                               const char *message);

brood_status brood_request_refuse(const brood_request *asked, brood_status status,
                                  const char *message);

/* known: room for a copy of the caller's options (NULL: defaults), which lasts as long as the request. */
brood_status brood_request_check(brood_request *asked, brood_task_options *known,
                                 const brood_task_options *options);

brood_status brood_request_refuse_for(const brood_request *asked, brood_failure failure);

#endif
