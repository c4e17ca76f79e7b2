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
    union {
        struct { /* while it waits */
            brood_chunk *next_of_job, *previous_of_job;
        };
        struct { /* while it is with a worker */
            uint64_t id;
            int64_t given_at; /* or a little before; only with a time-out */
        };
    };
    brood_result *job;
    uint64_t first, count; /* items of the job */
    uint64_t done;         /* how many of them have ended */
    uint32_t unreported;   /* of those, what its worker has not reported */
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

/* What single tasks without options do not have: all of those share the pool's, which stays as it is. */
typedef struct brood_job_extras {
    uint64_t first, count; /* of a range: its begin */
    size_t chunk_size;
    uint32_t retries;
    bool is_to_call;    /* in the list of jobs of which a function is to be called back */
    int64_t timeout_ns; /* 0: none */
    int64_t deadline;   /* BROOD_NEVER */
    brood_deadline_links by_deadline;
    char *tag;             /* BROOD_TAG_MAX bytes in the job's memory, or NULL */
    brood_shared **shared; /* in the job's memory, with a reference each */
    size_t shared_count;
    brood_shared *in_shared, *out_shared; /* in which the arrays lie, or NULL; with a reference */
    uint64_t measured_ns, measured_items; /* the time that measured_items took together */
    uint64_t failed;                      /* items of a map or range that have not succeeded */
    brood_failed_items *last_failure;     /* where to look first */
    brood_result_function *on_done, *on_failed;
    void *user;
    brood_meter *meter; /* of its progress, in the job's memory, or NULL */
    brood_result *next_to_call;
    /* Of the library's own; under the lock. */
    void (*on_finish)(brood_result *job, void *finish_data);
    void *finish_data;
} brood_job_extras;

/*
 * A million of them may wait: each byte counts. A copied argument lies behind the job, at `in`, with
 * `room` bytes together. The value of a single task takes its place if it fits: the argument is not
 * needed any more then.
 */
struct brood_result {
    brood_atomic32 references; /* the caller's, the pool's until it is finished, a callback's */
    brood_atomic32 finished;
    brood_pool *pool;
    brood_job_extras *more; /* in the job's memory, or the pool's */
    const void *in;         /* the caller's, or behind the job */
    size_t in_size;
    void *out; /* the caller's; of a task with a value of any size the value, malloc'd or at `in` */
    size_t out_size;
    size_t value_size;
    uint64_t left;       /* items that have not ended */
    brood_chunk *queued; /* its chunks that wait */
    int64_t key;         /* its place in the queue: the larger, the later */
    brood_failed_items *failures;
    uint32_t function;          /* its number in the pool */
    uint32_t flags;             /* of the wire */
    uint32_t given;             /* its chunks that are with workers */
    uint32_t watchers;          /* threads that wait for one of the items */
    brood_status cancel_status; /* with what the items that are left end: BROOD_ERR_CANCELLED ... */
    brood_status status;        /* of the first failure */
    unsigned char kind;         /* brood_job_kind */
    signed char priority;
    bool abandoned;     /* the caller has destroyed it: its arrays are not touched any more */
    bool unrecorded;    /* failures that there was no memory for */
    bool chunk_is_free; /* the chunk below */
    uint16_t room;      /* at most UINT16_MAX are counted */
    brood_chunk chunk;  /* the first one */
};

/* With it what lies behind a job is aligned for everything. */
#define BROOD_JOB_SIZE                                                                             \
    ((sizeof(brood_result) + BROOD_WIRE_ALIGN - 1) & ~(size_t)(BROOD_WIRE_ALIGN - 1))

static inline unsigned char *brood_job_behind(const brood_result *job)
{
    return (unsigned char *)(uintptr_t)job + BROOD_JOB_SIZE;
}

/* Whether the values of the job go through the ring. */
static inline bool brood_job_has_values_in_ring(const brood_result *job)
{
    return job->out_size > 0 && job->more->out_shared == NULL;
}

/* Where the value of an item lies in the caller's array, whose values have one size. */
static inline unsigned char *brood_job_item_place(const brood_result *job, uint64_t item)
{
    return (unsigned char *)job->out + (item - job->more->first) * job->out_size;
}

/* Where a value of that many bytes, with a zero byte behind, takes the argument's place; or NULL. */
static inline unsigned char *brood_job_value_place(const brood_result *job, uint64_t size)
{
    const unsigned char *end = brood_job_behind(job) + job->room;

    return job->kind == BROOD_JOB_TASK && size < (uint64_t)(end - (const unsigned char *)job->in)
               ? (unsigned char *)(uintptr_t)job->in
               : NULL;
}

/* How many of its items have failed. */
static inline uint64_t brood_job_failures(const brood_result *job)
{
    return job->kind != BROOD_JOB_TASK ? job->more->failed : job->status != BROOD_OK;
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
