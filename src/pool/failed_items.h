/* How items of a job have failed. */
#ifndef BROOD_SRC_POOL_FAILED_ITEMS_H
#define BROOD_SRC_POOL_FAILED_ITEMS_H

#include "pool/job.h"

/* Items side by side that failed in the same way. */
struct brood_failed_items {
    struct brood_failed_items *next; /* in the order of the items */
    uint64_t first, count;
    brood_status status;
    int32_t code;
    int64_t pid;
    uint32_t attempt;
    brood_exit_info *exit; /* malloc'd, or NULL */
    char message[];
};

/* A failure of the job (NULL: of none), to be filled further. */
brood_failure brood_job_failure(const brood_result *job, brood_status status, const char *message);

/* Keeps it with the job; where there is no memory for that, the items are counted as unrecorded. */
void brood_failed_items_record(brood_result *job, uint64_t first, uint64_t count,
                               const brood_failure *failure);
void brood_failed_items_free(brood_failed_items *first);

/* How an item failed, or NULL; and as the caller gets it. */
const brood_failed_items *brood_failed_items_find(const brood_result *job, uint64_t index);
void brood_failed_items_explain(const brood_result *job, const brood_failed_items *items,
                                uint64_t index, brood_failure *failure);

#define BROOD_FAILURE_SIZE_MIN offsetof(brood_failure, exit)

/* Copies failure into the caller's, whose size is its own. BROOD_ERR_ARGUMENT: that cannot be. */
brood_status brood_failure_give(brood_failure *given, const brood_failure *failure);

#endif
