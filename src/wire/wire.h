/*
 * What a pool and its worker share: one segment with a page that both see and two rings of bytes,
 * tasks in and results out; and the frames in the rings. A frame is a head and a body, padded to
 * 16 bytes, and may be longer than the ring. Beside it they have the bell, a channel: a byte wakes
 * the other side up, and handles travel in it.
 *
 *   pool    FUNCTION    the function that will be called by that number
 *   pool    INITIALIZE  call it now, with the body
 *   pool    FINALIZE    call it at the end
 *   pool    SHARED      shared memory, whose handle comes through the bell
 *   pool    FORGET      unmap it
 *   pool    TASK        items to run a function for, or a range
 *   pool    READY       say READY
 *   pool    STOP        end
 *   worker  READY       it came so far: the initializer has succeeded
 *   worker  RESULT      count items have succeeded; the body has their values
 *   worker  FAILED      one item has failed; the body says why
 *   worker  SKIPPED     count items were not begun, for they were cancelled
 *   worker  PAD         nothing; the body is to be passed over
 *
 * The pool trusts nothing that a worker writes: what cannot be ends that worker.
 */
#ifndef BROOD_SRC_WIRE_WIRE_H
#define BROOD_SRC_WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <brood/status.h>

#include "base/atomic.h"
#include "base/ring.h"

#define BROOD_WORKER_NAME "brood.worker" /* the function that a worker runs */
#define BROOD_WIRE_ALIGN 16
#define BROOD_MESSAGE_MAX 216 /* as in brood_failure */
#define BROOD_TAG_MAX 32
#define BROOD_SHARED_MAX 64

static inline uint64_t brood_wire_padded(uint64_t size)
{
    return (size + BROOD_WIRE_ALIGN - 1) & ~(uint64_t)(BROOD_WIRE_ALIGN - 1);
}

typedef enum brood_wire_kind {
    BROOD_WIRE_FUNCTION = 1,
    BROOD_WIRE_INITIALIZE,
    BROOD_WIRE_FINALIZE,
    BROOD_WIRE_SHARED,
    BROOD_WIRE_FORGET,
    BROOD_WIRE_TASK,
    BROOD_WIRE_STOP,
    BROOD_WIRE_READY,
    BROOD_WIRE_RESULT,
    BROOD_WIRE_FAILED,
    BROOD_WIRE_SKIPPED,
    BROOD_WIRE_PAD
} brood_wire_kind;

/* A cancel_item that cancels nothing: a flush, since a thread waits for single items. */
#define BROOD_WIRE_FLUSH UINT64_MAX

/* Flags of a TASK. */
#define BROOD_WIRE_RANGE 1u     /* one call for all, with begin and end */
#define BROOD_WIRE_TIMED 2u     /* the worker notes when an item begins */
#define BROOD_WIRE_EXTRA 4u     /* an extra stands before the items, see below */
#define BROOD_WIRE_IN_SHARED 8u /* items are in shared memory, see the extra */
#define BROOD_WIRE_OUT_SHARED 16u
#define BROOD_WIRE_WATCHED 32u /* somebody wants to see how far it is */
#define BROOD_WIRE_FLUSHED 64u /* somebody waits for single items: each is reported at once */

/* The head of a frame from the pool. One cache line. */
typedef struct brood_wire_order {
    uint32_t kind;
    uint32_t flags;
    uint64_t size;     /* of the body, without padding */
    uint64_t id;       /* of the task, counted up by one for each; or of shared memory */
    uint32_t function; /* its number */
    uint32_t attempt;
    uint64_t first; /* the index of the first item */
    uint64_t count;
    uint64_t in_size;  /* of an item; BROOD_WIRE_VARIES: the body has a table of sizes */
    uint64_t out_size; /* of a value; 0: not wanted; BROOD_WIRE_VARIES */
} brood_wire_order;

#define BROOD_WIRE_VARIES UINT64_MAX

/*
 * The extra of a task, which stands before its items, is words, and only of what the task has: how
 * many ids there are, and whether there is a tag; the ids of shared memory; the tag; where the
 * array of the items lies, and that of the values, each as an id and an offset (see the order's
 * flags). Padded as everything. A change of what is sent counts up BROOD_PROTOCOL_VERSION
 * (process/protocol.h).
 */
#define BROOD_WIRE_IDS UINT64_C(0xFFFFFFFF)    /* of the first word: how many ids */
#define BROOD_WIRE_HAS_TAG (UINT64_C(1) << 32) /* in the first word, too */
#define BROOD_WIRE_TAG_WORDS (BROOD_TAG_MAX / sizeof(uint64_t))
/* At most so many words, with one of padding. */
#define BROOD_WIRE_EXTRA_WORDS (1 + BROOD_SHARED_MAX + BROOD_WIRE_TAG_WORDS + 2 + 2 + 1)

/* The head of a frame from a worker. */
typedef struct brood_wire_answer {
    uint32_t kind;
    int32_t code;      /* of FAILED: what the function returned */
    uint64_t size;     /* of the body, without padding */
    uint64_t id;       /* of the task */
    uint64_t first;    /* the index of the first item that it tells of */
    uint64_t count;    /* how many */
    uint32_t status;   /* of FAILED: a brood_status */
    uint32_t awake_ns; /* since it was woken up for this; 0: it was awake before, or never mind */
} brood_wire_answer;

/*
 * The page. claim has the id of the task that the worker has begun last, and in its low bits how
 * often the pool has frozen it since: the tasks up to revoked_upto that were not begun by then must
 * not be run. Each freeze changes the claim, so that the compare-and-swap of a worker that has read
 * revoked_upto before the last freeze fails.
 */
typedef struct brood_wire_page {
    brood_atomic64 claim;   /* both write it */
    brood_atomic64 item;    /* how many items of it were begun, with the one that runs */
    brood_atomic64 started; /* when that one began: brood_os_now, if TIMED */
    brood_atomic64
        run_until; /* so far it goes without looking here; 0, which the pool writes: look */
    char unused_of_worker[2 * BROOD_CACHE_LINE - 32];
    brood_atomic64 revoked_upto;
    brood_atomic64 cancel_id;   /* this task is cancelled: */
    brood_atomic64 cancel_item; /* that item of it, as in item; 0: all; or BROOD_WIRE_FLUSH */
    brood_atomic32 may_spin;
    brood_atomic32 halts; /* no timed item after the one that runs is to be begun */
    brood_atomic32 ends;  /* a worker that is a thread goes on with nothing: it cannot be killed */
    uint32_t unused;
    char unused_of_pool[2 * BROOD_CACHE_LINE - 40];
} brood_wire_page;

#define BROOD_CLAIM_SHIFT 16
#define BROOD_CLAIM_FREEZES UINT64_C(0xFFFF)

static inline uint64_t brood_claim_of(uint64_t id)
{
    return id << BROOD_CLAIM_SHIFT;
}

static inline uint64_t brood_claim_id(uint64_t claim)
{
    return claim >> BROOD_CLAIM_SHIFT;
}

static inline bool brood_claim_is_frozen(uint64_t claim)
{
    return (claim & BROOD_CLAIM_FREEZES) != 0;
}

/* The count of freezes wraps from its maximum to 1: 0 means that the claim is not frozen. */
static inline uint64_t brood_claim_frozen(uint64_t claim)
{
    return (claim & BROOD_CLAIM_FREEZES) == BROOD_CLAIM_FREEZES ? (claim & ~BROOD_CLAIM_FREEZES) + 1
                                                                : claim + 1;
}

/* The argument of a worker's process. */
typedef struct brood_wire_start {
    uint64_t capacity; /* of each ring */
    uint64_t segment_size;
    uint64_t spin_ns;
} brood_wire_start;

/* The handles of a worker's process that come before the program's own. */
enum {
    BROOD_WIRE_HANDLE_SEGMENT,
    BROOD_WIRE_HANDLE_BELL,
    BROOD_WIRE_HANDLES
};

static inline size_t brood_wire_segment_size(size_t capacity)
{
    return sizeof(brood_wire_page) + 2 * brood_ring_size(capacity);
}

#endif
