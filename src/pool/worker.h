/* Workers, as the pool knows them. */
#ifndef BROOD_SRC_POOL_WORKER_H
#define BROOD_SRC_POOL_WORKER_H

#include "base/buffer.h"
#include "pool/agenda.h"
#include "pool/job.h"
#include "process/process.h"
#include "runtime/time.h"
#include "wire/wire.h"

typedef enum brood_worker_state {
    BROOD_WORKER_STARTING, /* it has not said READY */
    BROOD_WORKER_READY,
    BROOD_WORKER_STOPPING /* it was told STOP, perhaps before it has said READY */
} brood_worker_state;

/* What is being written to a worker, chunk by chunk of the ring. */
typedef struct brood_sending {
    brood_buffer head; /* frames and heads */
    size_t head_at;
    const unsigned char *data; /* behind them: the caller's, or own; NULL: void */
    size_t data_size, data_at;
    size_t padding;
    unsigned char *own; /* malloc'd, or NULL */
    brood_chunk *chunk; /* whose data it is, or NULL */
    bool is_void;       /* it was taken back; one of pool->voids */
} brood_sending;

/* What is being read from a worker. */
typedef struct brood_receiving {
    brood_wire_answer answer;
    bool in_body;
    bool is_lost;         /* there was no memory for the value */
    bool is_padded;       /* the last one was a pad */
    uint64_t left;        /* of the body, with padding */
    uint64_t wanted;      /* of the body, without */
    unsigned char *into;  /* where it goes; NULL: nowhere */
    unsigned char *own;   /* malloc'd for it */
    unsigned char *stage; /* kept from value to value, of stage_room bytes */
    size_t stage_room;
    bool is_staged; /* into is the stage */
    char message[BROOD_MESSAGE_MAX];
} brood_receiving;

struct brood_worker {
    brood_pool *pool;
    uint32_t slot;
    uint32_t cores; /* its share of them, for pools of its own */
    brood_worker_state state;
    uint64_t number;   /* of those that the pool has started, from 1 */
    bool has_answered; /* about a chunk */
    bool is_up;        /* it has said READY, which one may do that was told STOP before */
    brood_process *process;
    brood_os_channel *bell;
    brood_os_segment segment;
    brood_wire_page *page;
    brood_ring to, from;
    bool watched_bell, watched_process; /* by the poller */
    bool armed;                         /* it will ring when it answers */
    bool denies;        /* it was dropped for what it says to have begun, not for its answers */
    uint64_t rings_due; /* how often it may ring yet: once for each arming */

    brood_chunk_list chunks; /* with it, in its order */
    size_t chunk_count;
    uint64_t last_id;
    uint64_t begun;         /* the last one that it has begun, as far as is known */
    uint64_t last_item;     /* page->item, read when the process had ended or was given up */
    bool has_received_rest; /* and then all of its answers were read */
    uint64_t items_left;    /* of max_tasks_per_worker */
    uint32_t functions;     /* that it knows: the first so many of the pool's */
    uint64_t *shared;       /* ids that it knows */
    size_t shared_count;
    uint64_t forgotten; /* see brood_shared_forgotten */

    brood_sending sending;
    brood_receiving receiving;

    uint32_t chunks_received; /* ended since it was last measured */
    int64_t first_since;      /* when its first chunk became the first */
    int64_t check_at;         /* whether it has come up, or has ended; BROOD_NEVER */
    int64_t kill_at;          /* for the item below; BROOD_NEVER */
    uint64_t kill_id, kill_item;
    int64_t unreported_at;       /* when to look for what it does not tell; BROOD_NEVER */
    int64_t unreported_wait;     /* after the look before */
    uint64_t unreported_id;      /* of this chunk */
    uint64_t partly_sent_id;     /* a task of which it had not all when it was killed; 0: none */
    uint64_t late_id, late_item; /* a timed item that it has not begun ... */
    int64_t late_since;          /* ... since */
    uint64_t late_sent;          /* how far it was sent to then */
    uint64_t seen_id, seen_item; /* a timed item that it was seen to run ... */
    int64_t seen_at;             /* ... since */
    brood_status kill_for;
    bool halted;          /* behind kill_item it has begun no other item of kill_id */
    bool stalled;         /* since it last answered it has let tasks wait that were taken back */
    bool bell_closed;     /* its end of the bell is closed */
    bool is_killed;       /* it shall end */
    bool kill_refused;    /* the system did not kill it */
    bool is_lost;         /* it does not end, and is not waited for any more */
    int64_t end_by;       /* one that was killed, leaves or is deaf has ended by then */
    bool must_ring;       /* its bell could not be rung */
    brood_status dropped; /* why it is not listened to any more; BROOD_OK: it is */
    int64_t idle_since;
    brood_failure setup; /* what its initializer said; status BROOD_OK: nothing */

    brood_worker *next_idle, *previous_idle; /* the one used last first */
    bool is_idle;
    brood_worker *next_busy, *previous_busy;
    bool is_busy;
    brood_worker *next_with_credit;
    bool has_credit;
    brood_worker *next_unarmed; /* in the agenda's list of those to be armed */
    bool is_unarmed;
    bool spins;
};

/* ---- worker.c ---------------------------------------------------------------------------- */

#define BROOD_WORKER_RETRY_NS                                                                      \
    (10 * BROOD_NS_PER_MS) /* what could not be done is tried again after */

#define BROOD_WORKER_END_SLOWLY_NS                                                                 \
    (1000 * BROOD_NS_PER_MS) /* between the end of the bell and of the process */

/* Kills it for what it did; its end is seen later. */
void brood_worker_drop(brood_worker *worker, brood_status status);

/* Kills its process, again where that was refused; its end is seen later. */
void brood_worker_kill(brood_worker *worker);

/* Kills it for what it runs now: a task behind that, which it has not all of yet, is not to blame. */
void brood_worker_end(brood_worker *worker);

/* Its last task has ended: its finalizer and its at-exit functions have exit_timeout_ms. */
void brood_worker_leaves(brood_worker *worker);

/* Sets look_at or kill_at, the alarm, to that time; BROOD_NEVER: takes it back. */
void brood_worker_set_alarm(brood_worker *worker, int64_t *alarm, int64_t at);

/* Sets the time at which it is looked at although it says nothing. */
void brood_worker_plan_look(brood_worker *worker);

/*
 * The task that it has begun last, which is what the claim in its page says. One that cannot be
 * ends the worker; then it is UINT64_MAX, later than any.
 */
uint64_t brood_worker_begun(brood_worker *worker, uint64_t claim);

/* Wakes it. Where that cannot be done now, it is tried again. */
void brood_worker_ring(brood_worker *worker);

/* It ends behind all that it was given. Where that cannot be said now, it is tried again. */
void brood_worker_stop(brood_worker *worker);

/* The worker has done its last task, and only has to end. */
bool brood_worker_is_leaving(const brood_worker *worker);

#endif
