/* A worker runs the items of a task, and reports their ends. */
#ifndef BROOD_SRC_SERVE_RUN_H
#define BROOD_SRC_SERVE_RUN_H

#include "process/task.h"
#include "serve/link.h"

/* A task that has been begun. */
typedef struct brood_run {
    brood_link *link;
    brood_task *task;
    const brood_wire_order *order;
    brood_os_function *function;
    const unsigned char *in; /* the items; NULL: no memory for them */
    unsigned char *out;      /* where values go in shared memory, or NULL */

    uint64_t next;        /* the item that comes, from 0 */
    uint64_t reported;    /* of how many items the pool knows */
    bool is_open;         /* values may be put at place */
    unsigned char *place; /* of the values that are not reported yet, in the ring */
    uint64_t most;        /* how many there is room for there */
    uint64_t stride;      /* items until the clock is asked */
    uint64_t stride_max;
    int64_t looked_at, reported_at;

    /* What the loop over items reads. */
    const unsigned char *data;
    size_t in_size;
} brood_run;

/* Runs all items, and reports each of them; those that are cancelled as skipped. */
void brood_run_all(brood_run *run);

/* Reports that the next item (of a range: all) could not be run, or has failed. */
void brood_run_report_failure(brood_run *run, brood_status status, int code, const char *message);

#endif
