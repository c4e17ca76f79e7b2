/*
 * Jobs, and their chunks, which workers get. A job is a task, a map or a range that the caller has
 * submitted; each item of an imap is a job of its own.
 */
#ifndef BROOD_SRC_POOL_JOB_H
#define BROOD_SRC_POOL_JOB_H

#include "ipc/shared.h"
#include "pool/deadlines.h"
#include "pool/meter.h"
#include "pool/types.h"
#include "runtime/time.h"
#include "wire/wire.h"

/* ---- chunks ------------------------------------------------------------------------------ */

/* Items of a job that wait in the queue, or are with one worker; never both. */
struct brood_chunk {
    brood_chunk *next, *previous;
    brood_chunk *next_of_job, *previous_of_job; /* of those that wait */
    brood_result *job;
    uint64_t first, count; /* items of the job */
    uint64_t done;         /* how many of them have ended */
    uint64_t unreported;   /* of those, what its worker has not reported */
    uint64_t id;           /* in its worker */
    int64_t given_at;      /* to it, or a little before */
    uint32_t attempt;      /* of the first run on: 1 */
    uint32_t deaths;       /* workers that it has ended */
    uint32_t
        unclaimed_deaths; /* workers that have ended with it, but said that they had not begun */
};

typedef struct brood_chunk_list {
    brood_chunk *first, *last;
} brood_chunk_list;

/* ---- jobs -------------------------------------------------------------------------------- */

typedef enum brood_job_kind {
    BROOD_JOB_TASK,
    BROOD_JOB_MAP,
    BROOD_JOB_RANGE
} brood_job_kind;

typedef struct brood_failed_items brood_failed_items; /* see failed_items.h */

struct brood_result {
    brood_atomic32 references; /* the caller's, the pool's until it is finished, a callback's */
    brood_atomic32 finished;
    brood_pool *pool;
    brood_result *next, *previous; /* of all that are not finished */

    brood_job_kind kind;
    uint32_t function; /* its number in the pool */
    uint32_t flags;    /* of the wire */
    uint32_t retries;
    const void *in; /* the caller's, or arg */
    size_t in_size;
    uint64_t first, count; /* of a range: its begin */
    void *out;
    size_t out_size;
    size_t chunk_size;

    int64_t timeout_ns; /* 0: none */
    int64_t deadline;   /* BROOD_NEVER */
    brood_deadline_links by_deadline;
    int64_t key;           /* its place in the queue: the larger, the later */
    char *tag;             /* BROOD_TAG_MAX bytes in the same memory, or NULL */
    brood_shared **shared; /* in the same memory, after the job; with a reference each */
    size_t shared_count;
    brood_shared *in_shared, *out_shared; /* in which the arrays lie, or NULL; with a reference */

    uint64_t measured_ns, measured_items; /* the time that measured_items took together */
    uint64_t left;                        /* items that have not ended */
    uint64_t failed;                      /* items that have not succeeded */
    brood_chunk *queued;                  /* its chunks that wait */
    uint64_t given;                       /* its chunks that are with workers */
    uint32_t watchers;                    /* threads that wait for one of the items */
    brood_status cancel_status; /* with what the items that are left end: BROOD_ERR_CANCELLED ... */
    brood_status status;        /* of the first failure */
    int priority;
    bool abandoned;  /* the caller has destroyed it: its arrays are not touched any more */
    bool is_to_call; /* in the list of jobs of which a function is to be called back */
    brood_failed_items *failures, *last_failure; /* last_failure: where to look first */
    uint64_t unrecorded;                         /* failures that there was no memory for */
    unsigned char *value;                        /* of a single task: malloc'd, or small_value */
    size_t value_size;
    unsigned char small_value[32];

    brood_result_function *on_done, *on_failed;
    void *user;
    brood_meter *meter; /* of its progress, in the same memory, or NULL */
    brood_result *next_to_call;
    /* Of the library's own; under the lock. */
    void (*on_finish)(brood_result *job, void *finish_data);
    void *finish_data;

    brood_chunk chunk; /* the first one */
    brood_chunk *spare;
    size_t room; /* bytes behind the job, in the same memory */
};

/* Whether the values of the job go through the ring. */
static inline bool brood_job_has_values_in_ring(const brood_result *job)
{
    return job->out_size > 0 && job->out_shared == NULL;
}

/* ---- job.c ------------------------------------------------------------------------------- */

/* A chunk for items of the job. NULL: out of memory, and the chunk in the job itself is in use. */
brood_chunk *brood_chunk_new(brood_result *job, uint64_t first, uint64_t count);
void brood_chunk_free(brood_chunk *chunk);

void brood_job_hold(brood_result *job);
void brood_job_release(brood_result *job);

/* Whether the job is finished; an is_over of brood_pool_wait, whose data is the job. */
bool brood_job_is_over(brood_pool *pool, void *job);

/* Releases the job's references to shared memory. Repeating it does nothing. */
void brood_job_give_back_shared(brood_result *job);

#endif
