/* A worker's life: what the pool has decided of it, and when it is looked at for that. */
#ifndef BROOD_SRC_POOL_LIFE_H
#define BROOD_SRC_POOL_LIFE_H

#include "pool/types.h"
#include "runtime/time.h"

#define BROOD_WORKER_END_SLOWLY_NS                                                                 \
    (1000 * BROOD_NS_PER_MS) /* between the end of the bell and of the process */

/* What the pool has decided of a worker. A fate never goes back. */
typedef enum brood_fate {
    BROOD_FATE_START, /* the worker has not said READY; it can be given chunks */
    BROOD_FATE_SERVE,
    BROOD_FATE_STOP, /* it is sent STOP, perhaps before READY: it ends after all it was given */
    BROOD_FATE_KILL, /* it was killed, and is received from until it has ended */
    BROOD_FATE_DROP, /* it was killed, or has ended; nothing is received from it before its end */
    BROOD_FATE_LOSE  /* it was killed, does not end, and is not waited for any more */
} brood_fate;

typedef struct brood_life {
    brood_fate fate;
    brood_status dropped;    /* why; BROOD_OK: nothing has dropped it */
    bool denies;             /* it was dropped for what it says to have begun, not for answers */
    bool bell_closed;        /* it will not ring any more, */
    bool is_deaf;            /* for it has closed the bell itself: nobody had killed it */
    bool kill_refused;       /* the system did not kill it */
    bool is_unwatched;       /* see brood_worker_pause_watch */
    bool setup_failed;       /* its initializer has failed: it is about to end */
    bool failure_noted;      /* that counts as a failed start already */
    bool owes_stop;          /* STOP has still to be sent */
    uint32_t pauses;         /* of the watch; up to PAUSES_MAX in life.c */
    uint64_t partly_sent_id; /* a task of which it had not all when it was killed; 0: none */
    int64_t begun_at;        /* its start */
    int64_t end_by;          /* one that was killed, leaves or cannot ring has ended by then */
    int64_t check_at;        /* whether it has come up, or has ended; BROOD_NEVER */
    int64_t kill_at;         /* for the item of its notice; BROOD_NEVER */
} brood_life;

void brood_worker_begin_life(brood_worker *worker);

/* Takes a worker that is about to be destroyed out of the workers with an alarm. */
void brood_worker_end_life(brood_worker *worker);

/* ---- when it is looked at ---------------------------------------------------------------- */

/* Sets check_at: the time at which the worker is looked at although nothing is reported of it. */
void brood_worker_plan_look(brood_worker *worker);

/*
 * The poller has reported the end of a worker that has not ended. It would do so again at once,
 * as long as somebody traces a process that has ended and does not take its end (ptrace(2)): so
 * the poller watches the worker again only at its next look, 1 ms later, and up to 8 ms when that
 * goes on. (On macOS an end is reported a moment before it can be reaped.)
 */
void brood_worker_pause_watch(brood_worker *worker);
void brood_worker_resume_watch(brood_worker *worker);

/* The poller could not watch it at first. */
void brood_worker_watch_later(brood_worker *worker);

/* The time at which it is killed for the item of its notice; BROOD_NEVER takes that back. */
void brood_worker_set_kill(brood_worker *worker, int64_t at);

/* ---- its fate ------------------------------------------------------------------------------- */

/* The worker has said READY. */
void brood_worker_note_ready(brood_worker *worker);

/*
 * The worker says that its initializer has failed. Most end at once, and how they end is known then;
 * one that has not by end_by is let leave, and replaced meanwhile (let_leave in exits.c).
 */
void brood_worker_note_failed_setup(brood_worker *worker);

/* Its failed start is noted, and not again at its end. */
void brood_worker_note_failure(brood_worker *worker);

/* The worker is to stop; whether STOP was sent, or is owed. */
void brood_worker_note_stop(brood_worker *worker, bool is_sent);

/*
 * If the worker's last task has ended, its finalizer and at-exit functions have exit_timeout_ms
 * from now on.
 */
void brood_worker_leave(brood_worker *worker);

/* Kills the worker for what it did. Nothing is received from it before its end is seen. */
void brood_worker_drop(brood_worker *worker, brood_status status);

/* The worker has ended, or was given up, and what it wrote cannot be; there is nobody to be killed. */
void brood_worker_distrust(brood_worker *worker, brood_status status);

/* Kills the worker, again where the system has refused that; its end is seen later. */
void brood_worker_kill(brood_worker *worker);

/* Kills the worker for what it runs now: a later task that is still being sent is not to blame. */
void brood_worker_end(brood_worker *worker);

/* The system says that it will ring no more: it has to end by end_by. */
void brood_worker_close_bell(brood_worker *worker);

/* The worker was killed and does not end: nobody waits for its end any more. */
void brood_worker_lose(brood_worker *worker);

/* Drops the worker for what it says to have begun, which cannot be. */
void brood_worker_note_impossible(brood_worker *worker);

#endif
