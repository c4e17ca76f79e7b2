/*
 * What a kind of worker does for the scheduler. A kind never calls the scheduler: it gives back
 * events and statuses, and notes in the worker's `transit` what it has met. Of the pool it reads the
 * options and functions, and uses the poller and the watch of shared memory; of the worker's record it
 * reads the chunks, and what was decided of it.
 */
#ifndef BROOD_SRC_POOL_WORKER_OPS_H
#define BROOD_SRC_POOL_WORKER_OPS_H

#include "pool/agenda.h"
#include "pool/job.h"
#include "wire/wire.h"

typedef enum brood_event_kind {
    BROOD_EVENT_NONE,
    BROOD_EVENT_READY,        /* it came up */
    BROOD_EVENT_SETUP_FAILED, /* its initializer has failed */
    BROOD_EVENT_DONE,         /* items of its first chunk have succeeded */
    BROOD_EVENT_FAILED,       /* have failed */
    BROOD_EVENT_SKIPPED       /* were not begun, for they were cancelled */
} brood_event_kind;

/* What a worker has answered. The pointers in it last until the next event. */
typedef struct brood_event {
    brood_event_kind kind;
    brood_status status; /* of FAILED and SETUP_FAILED */
    int32_t code;
    const char *message;
    uint64_t first, count; /* which items; 0: all of them were taken before */
    int64_t awake_ns;      /* since it was woken up for them; 0: it was awake, or never mind */
    /* Of DONE, the values, where they are not in the job's array: */
    const unsigned char *staged; /* those of a fixed size */
    unsigned char *own;          /* one whose size varies: malloc'd, whoever receives it frees it */
    size_t size;
    bool is_lost; /* there was no memory for it */
} brood_event;

/* What a worker has begun last. */
typedef struct brood_position {
    uint64_t id;     /* of the chunk */
    uint64_t item;   /* of that chunk, from 1; 0: none yet */
    int64_t started; /* when it began, as the worker says, if the chunk is timed */
    uint64_t
        later_id; /* the chunk that it had begun a moment later: the item is of id if it is that */
} brood_position;

/* What is on its way to a worker, and what its kind has met. The kind writes it. */
typedef struct brood_transit {
    const brood_chunk *chunk; /* whose data it is, or NULL */
    bool is_sending;          /* not all of it has gone: nothing else can be sent */
    bool is_void;             /* it was taken back, and is passed over */
    bool is_armed;            /* the worker will ring when it answers */
    bool must_ring;           /* its bell could not be rung */
    uint64_t answered_id;     /* the chunk that its last answer is about, which may yet be coming */
    uint64_t moved;           /* grows whenever bytes went to it or came from it */
    brood_status fault;       /* what it wrote cannot be: it is to be dropped */
} brood_transit;

/* What a kind of worker does. All with the pool's lock; none waits. */
typedef struct brood_worker_ops {
    /* What it needs before its first chunk. */
    brood_status (*send_setup)(brood_worker *worker);

    /*
     * Sends as much of a chunk as goes now; the rest follows. On failure nothing was sent, and it may
     * go later: BROOD_ERR_TIMEOUT: the worker must take something before.
     */
    brood_status (*send)(brood_worker *worker, const brood_chunk *chunk);

    /* It ends behind all that it was given. BROOD_ERR_NO_MEMORY: that cannot be said now. */
    brood_status (*send_stop)(brood_worker *worker);

    /* Sends more of what is on its way. */
    void (*go_on)(brood_worker *worker);

    /* What is on its way is void: the worker gets so many bytes, but nobody's. */
    void (*discard)(brood_worker *worker);

    /* The job's arrays are the caller's again: copies what of them is on its way. */
    void (*detach)(brood_worker *worker, const brood_result *job);

    /* How many bytes have gone to it. */
    uint64_t (*sent)(const brood_worker *worker);

    /* Tells it what shared memory to unmap. False: it must be told later. */
    bool (*forget)(brood_worker *worker);

    /*
     * The next of its answers; NONE: there is no more, or enough for one turn, and `arm` tells that
     * there is more. BROOD_ERR_PROTOCOL, _NO_MEMORY: it is to be dropped.
     */
    brood_status (*receive)(brood_worker *worker, brood_event *event);

    /* Copies the values of the next count items of its first chunk. False: they are not there yet. */
    bool (*take)(brood_worker *worker, const brood_chunk *chunk, uint64_t count);

    /*
     * From now on it rings when it answers, or has room for what is left to be sent. False: there is
     * something to do now.
     */
    bool (*arm)(brood_worker *worker);
    void (*disarm)(brood_worker *worker);

    /* Takes down that it has rung. BROOD_ERR_CLOSED: it will not ring any more. */
    brood_status (*listen)(brood_worker *worker);

    /* Rings, where that could not be done before. */
    void (*ring)(brood_worker *worker);

    brood_position (*position)(const brood_worker *worker);

    /* It begins nothing more of what it was given so far; which chunk it has begun last. */
    uint64_t (*revoke)(brood_worker *worker);

    /* That item of its first chunk (0: all of them) is cancelled, or BROOD_WORKER_FLUSH. */
    void (*interrupt)(brood_worker *worker, uint64_t item);

    /* It begins no item behind that one. False: it has begun one, and goes on. */
    bool (*hold)(brood_worker *worker, uint64_t item);

    /* Whether it may look for work again and again before it sleeps. */
    void (*let_spin)(brood_worker *worker, bool may);

    /* By when it has come up, or has ended. */
    int64_t (*up_by)(const brood_worker *worker);
    bool (*is_alive)(brood_worker *worker);
    brood_status (*kill)(brood_worker *worker);

    /* Nobody waits for its end. `destroy` follows, although the worker may still run. */
    void (*abandon)(brood_worker *worker);

    /* How it ended: the process, and a text. */
    void (*describe)(const brood_worker *worker, brood_failure *failure, char *text, size_t size);
    int64_t (*pid)(const brood_worker *worker);

    /* Frees what the program has of it. */
    void (*destroy)(brood_worker *worker);
} brood_worker_ops;

/* An item that nobody cancels, but somebody waits for each. */
#define BROOD_WORKER_FLUSH BROOD_WIRE_FLUSH

#endif
