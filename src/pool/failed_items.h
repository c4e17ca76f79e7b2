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

/* A failure with the tag of the job (NULL: none), and an empty exit; the caller adds the rest. */
brood_failure brood_job_failure(const brood_result *job, brood_status status, const char *message);

/* Records the failure in the job. Without memory for that, the items are counted in unrecorded. */
void brood_failed_items_record(brood_result *job, uint64_t first, uint64_t count,
                               const brood_failure *failure);
void brood_failed_items_free(brood_failed_items *first);

/* The record that has the item, or NULL: it has not failed; and the failure made of a record. */
const brood_failed_items *brood_failed_items_find(brood_result *job, uint64_t index);
void brood_failed_items_explain(const brood_result *job, const brood_failed_items *items,
                                uint64_t index, brood_failure *failure);

#define BROOD_FAILURE_SIZE_MIN offsetof(brood_failure, exit)

/* Copies failure into the caller's, as far as its struct_size. BROOD_ERR_ARGUMENT: a wrong size. */
brood_status brood_failure_give(brood_failure *given, const brood_failure *failure);

#endif
