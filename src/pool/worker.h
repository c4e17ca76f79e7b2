/* A worker, as the scheduler knows it: its record, and what is done with it. */
#ifndef BROOD_SRC_POOL_WORKER_H
#define BROOD_SRC_POOL_WORKER_H

#include "pool/agenda.h"
#include "pool/answers.h"
#include "pool/dispatch.h"
#include "pool/exits.h"
#include "pool/job.h"
#include "pool/life.h"
#include "pool/notices.h"
#include "pool/roster.h"
#include "pool/timers.h"
#include "pool/unreported.h"
#include "pool/worker_ops.h"
#include "runtime/time.h"

/* Counters and times over all workers, so that most turns need not walk through them. */
typedef struct brood_upkeep {
    uint32_t alarms;       /* workers with a check_at or a kill_at */
    uint32_t coming;       /* workers that have not said READY */
    uint32_t voids;        /* workers to which something void is being sent */
    bool unsent;           /* a worker may have no chunk, and be sent what precedes one */
    int64_t unreported_at; /* the earliest of theirs, or earlier */
    uint64_t moved;        /* grows whenever bytes went to or came from a worker */
} brood_upkeep;

/* What it was given. */
typedef struct brood_backlog {
    brood_chunk_list chunks; /* with it, in its order */
    size_t count;
    uint64_t last_id;
    uint64_t begun;      /* the last one that it has begun, as far as is known */
    uint64_t items_left; /* of max_tasks_per_worker; UINT64_MAX: any number */
} brood_backlog;

/* Where a worker is to be started. */
typedef struct brood_worker_spec {
    brood_pool *pool;
    uint32_t slot;
    uint32_t cores;  /* its share of them, for pools of its own */
    size_t capacity; /* of each of its rings, in bytes */
} brood_worker_spec;

/* Each part is changed by the files of its room only: tests/rooms.cmake. */
struct brood_worker {
    const brood_worker_ops *ops;
    brood_pool *pool;
    uint32_t slot;
    uint32_t cores;  /* its share of them, for pools of its own */
    size_t capacity; /* at most so many bytes are on their way to it: a ring */
    uint64_t number; /* of those that the pool has started, from 1 */
    brood_transit transit;
    brood_life life;
    brood_backlog backlog;
    brood_pace pace;
    brood_reports reports;
    brood_notice notice;
    brood_lateness late;
    brood_unreported unreported;
    brood_rest rest;
    brood_places lists;
    brood_arming arming;
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
    return worker->life.fate < BROOD_FATE_STOP && !worker->life.bell_closed;
}

/* Whether the worker has done its last task, or will do none, and only has to end. */
static inline bool brood_worker_is_leaving(const brood_worker *worker)
{
    return worker->life.fate == BROOD_FATE_STOP && worker->backlog.count == 0;
}

/* Whether the worker has to end by end_by. */
static inline bool brood_worker_is_ending(const brood_worker *worker)
{
    return worker->life.fate >= BROOD_FATE_KILL || worker->life.bell_closed ||
           worker->life.setup_failed || brood_worker_is_leaving(worker);
}

/* Begins the record of a worker, zeroed so far, that its kind is about to start. */
void brood_worker_begin(brood_worker *worker, const brood_worker_ops *ops,
                        const brood_worker_spec *spec);

/* The worker is the pool's: its number, and how many items it may be given. */
void brood_worker_enlist(brood_worker *worker, uint64_t number, uint64_t items);

/* ---- what is sent to it: its operations, and what follows from what they have met ----------- */

/* After BROOD_OK the chunk is with the worker. On failure the chunk is still the caller's. */
brood_status brood_worker_send(brood_worker *worker, brood_chunk *chunk);
void brood_worker_go_on(brood_worker *worker);

/* What is left of the chunk on its way to the worker becomes void. */
void brood_worker_discard(brood_worker *worker);

/* Whether there may be a worker without a chunk that is sent what precedes one. Clears that. */
bool brood_pool_take_unsent(brood_pool *pool);

/* Sends FORGET for destroyed shared memory. False: that must be tried again later. */
bool brood_worker_forget(brood_worker *worker);

/*
 * The worker ends after all chunks that it was given: STOP is sent, or owed until what is on its way has
 * gone. (Without memory for it the supervisor tries again.) One that does not read is leaving, too, and
 * has its time for that.
 */
void brood_worker_stop(brood_worker *worker);
void brood_worker_stop_owed(brood_worker *worker);

/* After an operation: drops the worker for a fault, or plans to ring its bell again. */
void brood_worker_check(brood_worker *worker);

/* ---- what it was given ----------------------------------------------------------------------- */

/* Takes the chunk out of the worker's list; the chunk itself stays. */
void brood_worker_remove(brood_worker *worker, brood_chunk *chunk);

/* The items that a chunk takes of max_tasks_per_worker: used, or given back. */
void brood_worker_use_items(brood_worker *worker, const brood_chunk *chunk);
void brood_worker_return_items(brood_worker *worker, const brood_chunk *chunk);

/*
 * Notes the id of the chunk that the worker says to have begun last, and returns it. For an
 * impossible id it drops the worker and returns UINT64_MAX, later than any. So does
 * brood_worker_read_begun, with the id in the worker's page.
 */
uint64_t brood_worker_note_begun(brood_worker *worker, uint64_t id);
uint64_t brood_worker_read_begun(brood_worker *worker);

/*
 * Reads which item of the chunk the worker runs, from 1; 0: it does not run that chunk. Notes what
 * it has begun, as brood_worker_read_begun.
 */
uint64_t brood_worker_read_item(brood_worker *worker, const brood_chunk *chunk);

/* The worker has no chunk any more: it leaves, or is idle. */
void brood_worker_rest(brood_worker *worker);

/* Takes a worker that is about to be destroyed out of the counters of brood_upkeep. */
void brood_worker_end_upkeep(brood_worker *worker);

#endif
