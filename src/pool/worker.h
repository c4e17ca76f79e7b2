/* A worker, as the scheduler knows it: its record, and what is done with it. */
#ifndef BROOD_SRC_POOL_WORKER_H
#define BROOD_SRC_POOL_WORKER_H

#include "pool/agenda.h"
#include "pool/job.h"
#include "pool/worker_ops.h"
#include "runtime/time.h"

/* What the pool has decided of a worker. A fate never goes back. */
typedef enum brood_fate {
    BROOD_FATE_START, /* the worker has not said READY; it can be given chunks */
    BROOD_FATE_SERVE,
    BROOD_FATE_STOP, /* it was sent STOP, perhaps before READY: it ends after all it was given */
    BROOD_FATE_KILL, /* it was killed, and is received from until it has ended */
    BROOD_FATE_DROP, /* it was killed, or has ended; nothing is received from it before its end */
    BROOD_FATE_LOSE  /* it was killed, does not end, and is not waited for any more */
} brood_fate;

/* Counters and times over all workers, so that most turns need not walk through them. */
typedef struct brood_upkeep {
    uint32_t alarms;       /* workers with a check_at or a kill_at */
    uint32_t voids;        /* workers to which something void is being sent */
    int64_t unreported_at; /* the earliest of theirs, or earlier */
    uint64_t moved;        /* grows whenever bytes went to or came from a worker */
} brood_upkeep;

struct brood_worker {
    const brood_worker_ops *ops;
    brood_transit transit;
    brood_pool *pool;
    uint32_t slot;
    uint32_t cores;  /* its share of them, for pools of its own */
    size_t capacity; /* at most so many bytes are on their way to it: a ring */
    brood_fate fate;
    brood_status dropped; /* why; BROOD_OK: nothing has dropped it */
    uint64_t number;      /* of those that the pool has started, from 1 */
    bool has_answered;    /* about a chunk */
    bool is_up;           /* it has said READY, perhaps after it was sent STOP */
    bool denies;          /* it was dropped for what it says to have begun, not for its answers */

    brood_chunk_list chunks; /* with it, in its order */
    size_t chunk_count;
    uint64_t last_id;
    uint64_t begun;         /* the last one that it has begun, as far as is known */
    uint64_t last_item;     /* that it had begun when it had ended or was given up */
    bool has_received_rest; /* and then all of its answers were read */
    uint64_t items_left;    /* of max_tasks_per_worker */

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
    bool halted;       /* after kill_item it has begun no other item of kill_id */
    bool stalled;      /* since it last answered it has let tasks wait that were taken back */
    bool bell_closed;  /* it will not ring any more */
    bool kill_refused; /* the system did not kill it */
    int64_t end_by;    /* one that was killed, leaves or cannot ring has ended by then */
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

/*
 * The owner that the poller reports is made of the worker's slot, one for its bell and one for its
 * process, and is no pointer: the worker may be gone when the report is read. Owners begin at 2.
 */
#define BROOD_OWNER_OF_BELL(slot) (2 * (uintptr_t)(slot) + 2)
#define BROOD_OWNER_OF_PROCESS(slot) (2 * (uintptr_t)(slot) + 3)
#define BROOD_SLOT_OF_OWNER(owner) ((size_t)(owner) / 2 - 1)

#define BROOD_WORKER_RETRY_NS                                                                      \
    (10 * BROOD_NS_PER_MS) /* what could not be done is tried again after */

#define BROOD_WORKER_END_SLOWLY_NS                                                                 \
    (1000 * BROOD_NS_PER_MS) /* between the end of the bell and of the process */

/* Whether a frame can be sent to the worker: no other one is on its way. */
static inline bool brood_worker_can_send(const brood_worker *worker)
{
    return !worker->transit.is_sending;
}

/*
 * Whether the worker can be given chunks at all: it was not sent STOP, killed (it may yet begin
 * what it is given, before it is dead) or dropped, and its bell is not closed.
 */
static inline bool brood_worker_serves(const brood_worker *worker)
{
    return worker->fate < BROOD_FATE_STOP && !worker->bell_closed;
}

/* Whether the worker has done its last task, and only has to end. */
static inline bool brood_worker_is_leaving(const brood_worker *worker)
{
    return worker->fate == BROOD_FATE_STOP && worker->chunk_count == 0;
}

/* Whether the worker has to end by end_by. */
static inline bool brood_worker_is_ending(const brood_worker *worker)
{
    return worker->fate >= BROOD_FATE_KILL || worker->bell_closed ||
           brood_worker_is_leaving(worker);
}

/* ---- what is sent to it: its operations, and what follows from what they have met ----------- */

/* After BROOD_OK the chunk is with the worker. On failure the chunk is still the caller's. */
brood_status brood_worker_send(brood_worker *worker, brood_chunk *chunk);
void brood_worker_go_on(brood_worker *worker);

/* What is left of the chunk on its way to the worker becomes void. */
void brood_worker_discard(brood_worker *worker);

/* Sends FORGET for destroyed shared memory. False: that must be tried again later. */
bool brood_worker_forget(brood_worker *worker);

/*
 * Sends STOP: the worker ends after all chunks that it was given. When STOP cannot be sent now, the
 * state stays what it was, and the supervisor runs again.
 */
void brood_worker_stop(brood_worker *worker);

/* After an operation: drops the worker for a fault, or plans to ring its bell again. */
void brood_worker_check(brood_worker *worker);

/* ---- what it has begun ---------------------------------------------------------------------- */

/*
 * Notes the id of the chunk that the worker says to have begun last, and returns it. For an
 * impossible id it drops the worker and returns UINT64_MAX, later than any. So does
 * brood_worker_begun, with the id in the worker's page.
 */
uint64_t brood_worker_note_begun(brood_worker *worker, uint64_t id);
uint64_t brood_worker_begun(brood_worker *worker);

/* The item of the chunk that the worker runs, from 1; 0: it does not run that chunk. */
uint64_t brood_worker_item(brood_worker *worker, const brood_chunk *chunk);

/* ---- how it ends ---------------------------------------------------------------------------- */

/* Kills the worker for what it did. Nothing is received from it before its end is seen. */
void brood_worker_drop(brood_worker *worker, brood_status status);

/* The worker has ended, or was given up, and what it wrote cannot be; there is nobody to be killed. */
void brood_worker_distrust(brood_worker *worker, brood_status status);

/* Kills the worker, again where the system has refused that; its end is seen later. */
void brood_worker_kill(brood_worker *worker);

/* Kills the worker for what it runs now: a later task that is still being sent is not to blame. */
void brood_worker_end(brood_worker *worker);

/* The worker has no chunk any more: it leaves, or is idle. */
void brood_worker_rest(brood_worker *worker);

/* Sets check_at or kill_at, the alarm, to that time; BROOD_NEVER: takes it back. */
void brood_worker_set_alarm(brood_worker *worker, int64_t *alarm, int64_t at);

/* Takes a worker that is about to be destroyed out of the counters of brood_upkeep. */
void brood_worker_end_upkeep(brood_worker *worker);

/* Sets check_at: the time at which the worker is looked at although nothing is reported of it. */
void brood_worker_plan_look(brood_worker *worker);

#endif
