/*
 * What a kind of worker does for the scheduler. A kind never calls the scheduler, except that it
 * may lower the agenda's time: it returns events and statuses, and notes in the worker's `transit`
 * what it has met. Of the pool it reads the options and functions, and uses the poller and the
 * watch of shared memory; of the worker's record it reads the chunks, and what was decided of it.
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
    /* A value whose size varies: malloc'd, whoever receives it frees it. NULL: that value lies in
       the job's memory. */
    unsigned char *own;
    size_t size;
    bool is_lost; /* there was no memory for it */
} brood_event;

/* The position of a worker: what it has begun last. */
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

/* The operations of a kind of worker. All are called with the pool's lock; none waits. */
typedef struct brood_worker_ops {
    /* One that was killed has ended after so long, or is given up. */
    int64_t dies_within_ns;

    /*
     * One that was given up keeps what it has until it returns, and the end of the pool waits for that
     * in `destroy`. It rings when it has ended.
     */
    bool is_left_to_run;

    /* Sends what the worker needs before its first chunk. */
    brood_status (*send_setup)(brood_worker *worker);

    /*
     * Sends as much of a chunk as there is room for; go_on sends the rest. On failure nothing of
     * the chunk was sent, and it may be tried later; BROOD_ERR_TIMEOUT: the worker must read
     * before.
     */
    brood_status (*send)(brood_worker *worker, const brood_chunk *chunk);

    /* The worker ends after all that it was given. BROOD_ERR_NO_MEMORY: it cannot be sent now. */
    brood_status (*send_stop)(brood_worker *worker);

    /* Sends more of what is on its way. */
    void (*go_on)(brood_worker *worker);

    /* What is on its way is void: the worker gets as many bytes, of any content. */
    void (*discard)(brood_worker *worker);

    /* The job's arrays are the caller's again: copies what of them is on its way. */
    void (*detach)(brood_worker *worker, const brood_result *job);

    /* How many bytes were sent to the worker so far. */
    uint64_t (*sent)(const brood_worker *worker);

    /* Sends FORGET for destroyed shared memory. False: that must be tried again later. */
    bool (*forget)(brood_worker *worker);

    /*
     * The worker's next answer. NONE: there is no more, or enough for one turn, and `arm` then
     * returns false. BROOD_ERR_PROTOCOL, _NO_MEMORY: the worker must be dropped.
     */
    brood_status (*receive)(brood_worker *worker, brood_event *event);

    /*
     * Copies the unreported values of the first chunk's next count items. False: not possible now.
     */
    bool (*take)(brood_worker *worker, const brood_chunk *chunk, uint64_t count);

    /*
     * From now on the worker rings when it answers, or has room for what is left to be sent. False:
     * one of these is so already.
     */
    bool (*arm)(brood_worker *worker);
    void (*disarm)(brood_worker *worker);

    /* Reads the bell; the worker is not armed after that. BROOD_ERR_CLOSED: it rings no more. */
    brood_status (*listen)(brood_worker *worker);

    /* Rings, where that could not be done before. */
    void (*ring)(brood_worker *worker);

    brood_position (*position)(const brood_worker *worker);

    /*
     * The worker begins nothing more of what it was given so far. Returns its last begun chunk, or
     * an impossible one if the worker does not let the pool say so.
     */
    uint64_t (*revoke)(brood_worker *worker);

    /* Cancels that item of the first chunk (0: all of them); or BROOD_WORKER_FLUSH. */
    void (*interrupt)(brood_worker *worker, uint64_t item);

    /*
     * The worker begins no later item before it is killed. False: it has begun another one already,
     * and is not held.
     */
    bool (*hold)(brood_worker *worker, uint64_t item);

    /* Whether the worker may spin for work before it sleeps. */
    void (*let_spin)(brood_worker *worker, bool may);

    /* When the handshake is over at the latest: the process runs by then, or has ended. */
    int64_t (*up_by)(const brood_worker *worker);

    /* False: it has ended, and `describe` says how. Kills one that has not come up by then. */
    bool (*is_alive)(brood_worker *worker);

    /* Whether the poller reports the worker's end. False: it cannot now. */
    bool (*watch_end)(brood_worker *worker, bool watches);

    /*
     * Of a worker that callers run, else NULL: whether there is something to run; and runs it on the
     * calling thread, without the lock. After that the worker may be gone, if it has ended.
     */
    bool (*wants_run)(const brood_worker *worker);
    void (*run)(brood_worker *worker);

    /* Asks the system to end it at once. On failure that was refused, and is tried again. */
    brood_status (*kill)(brood_worker *worker);

    /*
     * The worker's end is not waited for: `destroy` follows, although the worker may still run, and use
     * what it has of its own of the rings and the page.
     */
    void (*abandon)(brood_worker *worker);

    /* How the worker ended: the exit of its process, and a text. */
    void (*describe)(const brood_worker *worker, brood_failure *failure, char *text, size_t size);
    int64_t (*pid)(const brood_worker *worker);

    /* Frees what the program has of it. */
    void (*destroy)(brood_worker *worker);
} brood_worker_ops;

/* The `item` of an interrupt that cancels nothing, but asks for each item to be reported soon. */
#define BROOD_WORKER_FLUSH BROOD_WIRE_FLUSH

#endif
