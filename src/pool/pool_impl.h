/*
 * The objects behind a brood_pool, a brood_result and the workers; who does what to them:
 *
 *   pool.c      making, ending, changing and looking at a pool
 *   submit.c    tasks come in
 *   result.c    what the caller sees of a task
 *   job.c       items end, jobs end
 *   job_cache.c the memory of jobs is used again
 *   queue.c     chunks wait for a worker
 *   dispatch.c      chunks go to workers
 *   send.c      a chunk becomes bytes in a ring
 *   receive.c      workers answer
 *   unreported.c    what they have done, but not answered yet
 *   supervisor.c      workers start and end
 *   timers.c    time-outs, deadlines, cancelling
 *   deadlines.c which deadline is the next
 *   agenda.c    what is due, and who is woken for it
 *   wait.c      waiting
 *   threads.c   the pool's own threads, and the program's event loop
 *
 * Everything below is guarded by the pool's lock, except where said. A job is what the caller
 * submitted: one task, a map, a range. It is cut into chunks, and a chunk goes to one worker.
 */
#ifndef BROOD_SRC_POOL_POOL_IMPL_H
#define BROOD_SRC_POOL_POOL_IMPL_H

#include <apr_pools.h>

#include <brood/pool.h>

#include "base/buffer.h"
#include "ipc/shared.h"
#include "platform.h"
#include "pool/agenda.h"
#include "pool/deadlines.h"
#include "pool/job_cache.h"
#include "pool/meter.h"
#include "process/process.h"
#include "runtime/sync.h"
#include "runtime/time.h"
#include "wire/wire.h"

#define BROOD_PRIORITY_MAX 10
#define BROOD_SPINNERS_MAX 64

typedef struct brood_chunk brood_chunk;

/* ---- chunks ------------------------------------------------------------------------------ */

/* Items of a job that wait, or are with a worker. */
struct brood_chunk {
    brood_chunk *next, *previous;
    brood_chunk *next_of_job, *previous_of_job; /* of those that wait */
    brood_result *job;
    uint64_t first, count; /* items of the job */
    uint64_t done;         /* how many of them have ended */
    uint64_t unreported;   /* of those, what its worker has not told of */
    uint64_t id;           /* in its worker */
    int64_t given_at;      /* to it, or a little before */
    uint32_t attempt;      /* of the first run on: 1 */
    uint32_t deaths;       /* workers that it has ended */
    uint32_t
        unclaimed_deaths; /* workers that have ended with it, but said that they had not begun */
    bool is_queued;
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

/* Items side by side that failed in the same way. */
typedef struct brood_failed_items {
    struct brood_failed_items *next; /* in the order of the items */
    uint64_t first, count;
    brood_status status;
    int32_t code;
    int64_t pid;
    uint32_t attempt;
    brood_exit_info *exit; /* malloc'd, or NULL */
    char message[];
} brood_failed_items;

struct brood_result {
    brood_atomic32 references; /* the caller's, the pool's until it is finished, a callback's */
    brood_atomic32 finished;
    brood_pool *pool;
    brood_result *next, *previous; /* of all that are not finished */

    brood_job_kind kind;
    uint32_t function; /* its number in the pool */
    uint32_t flags;    /* of the wire */
    const void *in;    /* the caller's, or arg */
    size_t in_size;
    uint64_t first, count; /* of a range: its begin */
    void *out;
    size_t out_size;
    size_t chunk_size;

    uint32_t retries;
    int64_t timeout_ns; /* 0: none */
    int64_t deadline;   /* BROOD_NEVER */
    brood_deadline_links by_deadline;
    brood_result *next_expired;
    int64_t key; /* its place in the queue */
    int priority;
    char tag[BROOD_TAG_MAX];
    brood_shared **shared; /* behind the job; with a reference each */
    size_t shared_count;
    brood_shared *in_shared, *out_shared; /* in which the arrays lie, or NULL; with a reference */

    uint64_t measured_ns, measured_items; /* how long so many items took, all in all */
    uint64_t left;                        /* items that have not ended */
    uint64_t failed;                      /* items that have not succeeded */
    brood_chunk *queued;                  /* its chunks that wait */
    uint64_t given;                       /* its chunks that are with workers */
    uint32_t watchers;                    /* threads that wait for one of the items */
    brood_status cancel_status; /* with what the items that are left end: BROOD_ERR_CANCELLED ... */
    brood_status status;        /* of the first failure */
    bool abandoned; /* the caller has destroyed it: its arrays are not touched any more */
    brood_failed_items *failures, *last_failure; /* last_failure: where to look first */
    uint64_t unrecorded;                         /* failures that there was no memory for */
    unsigned char *value;                        /* of a single task: malloc'd, or small_value */
    size_t value_size;
    unsigned char small_value[32];

    brood_result_function *on_done, *on_failed;
    void *user;
    brood_meter meter; /* of its progress */
    bool is_due;       /* in the list of what the pool's thread has to call */
    brood_result *next_due;
    void (*on_finish)(brood_result *job, void *owner); /* of the library's own; under the lock */
    void *owner;

    brood_chunk chunk; /* the first one */
    brood_chunk *spare;
    bool fits_cache; /* its memory is as large as that of every job that is kept: see job_cache.h */
};

/* ---- workers ----------------------------------------------------------------------------- */

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

/* ---- the pool ---------------------------------------------------------------------------- */

/* What a thread waits for. is_over changes nothing; it is asked with the lock. */
typedef struct brood_goal {
    const void *what; /* it is notified of: a job, an imap, BROOD_ROOM; NULL: anything */
    bool (*is_over)(brood_pool *pool, void *data);
    void *data;
} brood_goal;

static inline bool brood_goal_is_over(const brood_goal *goal, brood_pool *pool)
{
    return goal->is_over(pool, goal->data);
}

/* A thread that waits for something, and does not lead. */
typedef struct brood_waiter {
    struct brood_waiter *next;
    brood_condition cond;
    brood_goal goal;
    int64_t deadline;
    bool is_notified;  /* it shall look again */
    bool is_signalled; /* it was woken for that */
    bool is_successor; /* it was woken to lead */
} brood_waiter;

/* A thread inside of spin, on its stack. */
typedef struct brood_spinner {
    struct brood_spinner *next;
    uint64_t thread;
} brood_spinner;

typedef struct brood_known_function {
    brood_os_function *function;
    char *name; /* of function_name, or NULL */
    brood_buffer encoded;
} brood_known_function;

struct brood_pool {
    brood_atomic32 references; /* the caller's, and one of each result */
    apr_pool_t *apr;
    brood_mutex lock;
    brood_atomic32 lock_waiters; /* threads that wait for the lock */
    brood_job_cache job_cache;   /* has a guard of its own */

    brood_pool_options options; /* the strings in it are ours, other pointers NULL */
    brood_process_options process;
    brood_origin origin;       /* of whoever created it */
    struct brood_copy *copies; /* what the options point to */
    void *initializer_arg;
    uint32_t base_workers; /* as in the options */
    uint32_t cores;        /* for all of it */
    size_t capacity;       /* of the rings */
    int64_t spin_ns;

    brood_known_function *functions;
    uint32_t function_count;
    uint32_t initializer, finalizer; /* their numbers */
    bool has_initializer, has_finalizer;

    /* crew */
    brood_worker **workers; /* alive, in no order but for their slots */
    uint32_t slots;         /* of the array */
    uint32_t alive, target;
    uint32_t most; /* the largest target so far */
    bool launching;
    uint32_t to_fill;                 /* starts that are due without a need, as at the beginning */
    uint32_t serving, leaving;        /* workers, when brood_supervisor_run last counted them */
    int64_t start_at;                 /* the next one, not before */
    uint32_t start_failures;          /* in a row */
    uint64_t started_before_failures; /* workers, when the first of the row failed */
    uint32_t
        crash_streak; /* workers in a row that came up and were lost without having begun anything */
    brood_failure last_start; /* why */
    brood_worker *idle_first, *idle_last;
    brood_worker *busy_first;
    brood_worker *credit_first, *credit_last;
    brood_worker *spinners[BROOD_SPINNERS_MAX]; /* that may look again and again: the last ones */
    uint32_t spinners_next, spinners_max;
    uint32_t busy;

    /* queue */
    brood_chunk_list queue[2 * BROOD_PRIORITY_MAX + 1];
    uint32_t queue_bits; /* which of them have chunks */
    uint64_t sequence;
    uint64_t queued;     /* items */
    uint64_t service_ns; /* what a chunk takes, lately */
    int64_t answered_at; /* when a worker has answered last, about */
    uint32_t wakes_left; /* idle workers that may be woken although tasks are short */
    int64_t dispatched_at;
    int64_t dispatch_at;   /* what could not be sent is tried again then; BROOD_NEVER */
    int64_t unreported_at; /* the earliest of its workers', or earlier */
    int64_t stuck_at; /* the next look for workers that do not begin; BROOD_NEVER: none is due */
    int64_t starved_since; /* nothing could be sent for want of memory; BROOD_NEVER: it could */

    brood_shared_watch watch; /* since a worker was told of shared memory */
    uint64_t forgotten;       /* of it: as far as all workers were told */

    /* jobs */
    brood_result *jobs;
    brood_result *due_first, *due_last;
    bool calls_back;         /* a thread is in a callback */
    uint64_t caller_id;      /* the thread that is in a callback */
    uint32_t timed;          /* jobs with a time-out */
    uint32_t voids;          /* workers to which something void is being sent */
    uint32_t alarms;         /* workers with a look_at or a kill_at */
    brood_result *deadlines; /* the job with the earliest one */

    /* the agenda: see agenda.h */
    int64_t due; /* the earliest time at which something must be done */
    brood_worker *unarmed;
    bool to_signal; /* a waiter was notified */

    /* waiting */
    brood_os_poller *poller;
    bool leading;         /* a thread does what the poller says */
    brood_goal lead_goal; /* and waits for that */
    bool leader_notified;
    bool sleeping; /* and sleeps in the poller, and was not woken yet */
    int64_t sleeps_until;
    bool successor;                  /* somebody was woken to lead, and has not come yet */
    uint32_t spinning;               /* threads inside of spin: workers need not ring */
    brood_spinner *spinning_threads; /* these */
    brood_waiter *waiters;
    brood_waiter *spare_waiters;
    uint32_t room_waiters; /* threads that wait for BROOD_ROOM */
    uint64_t submits, submits_seen;
    uint32_t unreceived;  /* submits since the workers were listened to */
    uint32_t spin_misses; /* how often in a row spinning was of no use */
    uint64_t moved;       /* grows whenever bytes went to or came from a worker */
    bool supervisor_due;
    int64_t supervise_at; /* when to look after the crew again */

    /* the pool's own threads */
    brood_thread thread, starter, caller;
    bool starter_refused; /* by the system: whoever keeps the time starts workers */
    brood_condition thread_cond, starter_cond, caller_cond;
    bool thread_waits, starter_waits, caller_waits; /* on these, and was not woken yet */
    bool thread_leads;
    bool start_due; /* a worker is to be started now */

    /* the program's event loop */
    brood_handle handle;
    bool loop_sleeps;   /* the program waits for the handle */
    bool loop_shows;    /* which shows what the poller would find */
    bool loop_called;   /* and is ready in any case */
    int64_t loop_until; /* when the program runs the loop again by itself */

    bool closed, terminated, broken, ends;
    brood_pool_stats stats;
};

/* ---- pool.c ------------------------------------------------------------------------------ */

/* One reference less. The last one frees what results that outlive the pool still need of it. */
void brood_pool_release(brood_pool *pool);

/* ---- wait.c ------------------------------------------------------------------------------ */

void brood_pool_lock(brood_pool *pool);
void brood_pool_unlock(brood_pool *pool);

/*
 * The same for a call of the program's: from here to the end of the call its thread cannot be
 * cancelled, which would leave the lock, or the leader's place, to nobody.
 */
int brood_pool_enter(brood_pool *pool);
void brood_pool_leave(brood_pool *pool, int held);

/* Gives up the lock for a wait on the condition. May come back for nothing. */
void brood_pool_sleep(brood_pool *pool, brood_condition *cond);

/* For brood_pool_wait and brood_agenda_notify: room in the queue; what only a join waits for. */
#define BROOD_ROOM(pool) ((const void *)&(pool)->queue)
#define BROOD_END(pool) ((const void *)&(pool)->alive)

/*
 * Waits, with the lock, until is_over says so or the deadline passes (BROOD_ERR_TIMEOUT). what is
 * what it is notified of: a job, an imap, BROOD_ROOM, or NULL: anything. The lock is given up
 * meanwhile.
 */
brood_status brood_pool_wait(brood_pool *pool, const void *what,
                             bool (*is_over)(brood_pool *pool, void *data), void *data,
                             int64_t deadline);

/* Hears and feeds the workers, without waiting. */
void brood_pool_turn(brood_pool *pool);

/* Does all else that is due; pool->due says when to do it again. */
void brood_pool_run_due(brood_pool *pool);

/* Does what is due now, without a wait; gives up the lock. False: another thread leads. */
bool brood_pool_look(brood_pool *pool);

/* Leads until something happens. Nobody else leads. */
void brood_pool_lead_once(brood_pool *pool);

/* Whether a thread that follows would lead. */
bool brood_pool_has_followers(const brood_pool *pool);

/* Takes down how long the chunks took that were heard of since; there is at least one. */
void brood_worker_measure(brood_worker *worker, int64_t now);

/* ---- threads.c ----------------------------------------------------------------------------- */

brood_status brood_pool_threads_start(brood_pool *pool, brood_error *error);

/* With the lock; the threads have ended when it returns. */
void brood_pool_threads_end(brood_pool *pool);

/* Before the first task that has a callback. */
brood_status brood_pool_prepare_callbacks(brood_pool *pool, brood_error *error);

/* Whether the calling thread is in a callback of the pool. */
bool brood_pool_in_callback(const brood_pool *pool);

/*
 * Whether whoever keeps the time starts workers: the pool has no threads, or the system has refused
 * the starter.
 */
bool brood_pool_lacks_starter(const brood_pool *pool);

/* Starts a worker that is due, in such a pool. False: there is none. */
bool brood_supervisor_start_due(brood_pool *pool);

/* What is due, for a program's event loop. */
void brood_pool_run_loop(brood_pool *pool);

/* ---- submit.c ---------------------------------------------------------------------------- */

/* Whether the job is finished; data of brood_pool_wait. */
bool brood_job_is_over(brood_pool *pool, void *job);

/* The number of a function; it is told to workers when they need it. */
brood_status brood_pool_function(brood_pool *pool, uint32_t *number, brood_os_function *function,
                                 const char *name, const char *argument, brood_error *error);

/* What can be said of them before there is a task. */
brood_status brood_task_options_check(const brood_task_options *options);

/* Says in options->failure why it is refused; returns status. */
brood_status brood_task_refuse(const brood_task_options *options, brood_status status,
                               const char *message);

/* An item of an imap, with the library's own hook. BROOD_ERR_FULL is not tried twice. */
brood_status brood_pool_submit_item(brood_pool *pool, brood_result **result,
                                    brood_function *function, const void *data, size_t size,
                                    const brood_task_options *options,
                                    void (*on_finish)(brood_result *, void *), void *owner);

/* ---- result.c ---------------------------------------------------------------------------- */

/* Copies failure into the caller's, whose size is its own. BROOD_ERR_ARGUMENT: that cannot be. */
brood_status brood_failure_give(brood_failure *given, const brood_failure *failure);

/* ---- job.c ------------------------------------------------------------------------------- */

/* Items first to first + count of the job have succeeded. */
void brood_job_succeed(brood_result *job, uint64_t count);

/* They have failed, all in the way that failure says. */
void brood_job_fail(brood_result *job, uint64_t first, uint64_t count,
                    const brood_failure *failure);

/* They end with what the job is doomed to. */
void brood_job_end_cancelled(brood_result *job, uint64_t first, uint64_t count);

/* A failure of the job, to be filled further. */
brood_failure brood_job_failure(const brood_result *job, brood_status status, const char *message);

/* How an item failed, or NULL; and as the caller gets it. */
const brood_failed_items *brood_job_find(const brood_result *job, uint64_t index);
void brood_job_explain(const brood_result *job, const brood_failed_items *items, uint64_t index,
                       brood_failure *failure);

/* Calls one callback that is due, giving up the lock meanwhile. False: there is none. */
bool brood_pool_call_next(brood_pool *pool);

/* A chunk for items of the job; NULL: out of memory, and there is no spare one. */
brood_chunk *brood_chunk_new(brood_result *job, uint64_t first, uint64_t count);
void brood_chunk_free(brood_chunk *chunk);

void brood_job_hold(brood_result *job);
void brood_job_release(brood_result *job);

/* The job holds no shared memory any more. */
void brood_job_give_back_shared(brood_result *job);

/* ---- queue.c ----------------------------------------------------------------------------- */

/* The place of a job in the queue: the smaller, the earlier. */
int64_t brood_queue_key(uint64_t sequence, int priority);

void brood_queue_put(brood_pool *pool, brood_chunk *chunk);
brood_chunk *brood_queue_first(brood_pool *pool);
void brood_queue_remove(brood_pool *pool, brood_chunk *chunk);
/* So many items of a chunk of the queue wait no more. */
void brood_queue_shrink(brood_pool *pool, uint64_t items);
/* Ends the items of a chunk of the queue, as its job is doomed to. */
void brood_queue_end_cancelled(brood_chunk *chunk);

void brood_chunks_append(brood_chunk_list *list, brood_chunk *chunk);
void brood_chunks_remove(brood_chunk_list *list, brood_chunk *chunk);

/* ---- dispatch.c ------------------------------------------------------------------------------ */

/* Gives what waits to those who want it. */
void brood_pool_dispatch(brood_pool *pool);

/* Whether the worker can be given tasks at all: it is not told to end, killed, dropped or deaf. */
bool brood_worker_serves(const brood_worker *worker);

/* A chunk is with the worker no more. */
void brood_worker_remove(brood_worker *worker, brood_chunk *chunk);

/* The worker takes back what it has not begun. */
void brood_worker_revoke(brood_worker *worker);

/* Whether there is a worker that what waits could go to. */
bool brood_pool_has_room_for_more(const brood_pool *pool);

/* Takes chunks from busy workers for idle ones; when to look again. */
int64_t brood_pool_balance(brood_pool *pool, int64_t now);

/* A chunk of it has ended. */
void brood_worker_chunk_ended(brood_worker *worker, brood_chunk *chunk);

void brood_worker_set_idle(brood_worker *worker, bool is_idle);
void brood_worker_set_busy(brood_worker *worker, bool is_busy);
void brood_worker_set_credit(brood_worker *worker);

/* ---- send.c ------------------------------------------------------------------------------ */

/* Whether a chunk can be begun to be sent. */
bool brood_worker_can_send(const brood_worker *worker);

/*
 * Sends as much as goes now; the rest follows. On failure nothing was sent, and it may go later:
 * BROOD_ERR_TIMEOUT: the worker must take something before.
 */
brood_status brood_worker_send(brood_worker *worker, brood_chunk *chunk);

brood_status brood_worker_send_setup(brood_worker *worker);
/* Behind all that it was given. BROOD_ERR_NO_MEMORY: not now. */
brood_status brood_worker_send_stop(brood_worker *worker);

/* What is being sent is void: the worker gets so many bytes, but nobody's. */
void brood_worker_void(brood_worker *worker);

/* Goes on. */
void brood_worker_go_on(brood_worker *worker);

/*
 * From now on it rings when it answers, or has room for what is left to be sent. False: there is
 * something to do now.
 */
bool brood_worker_arm(brood_worker *worker);

/* The job's arrays are the caller's again: copies what of them is being sent. */
void brood_worker_detach(brood_worker *worker, const brood_result *job);

void brood_sending_free(brood_sending *sending);

/* Tells workers what shared memory they are to unmap, those that can be told now. */
void brood_pool_forget(brood_pool *pool);

/* ---- receive.c ------------------------------------------------------------------------------ */

/*
 * Takes what the worker has answered, or a part of it that is bounded: brood_worker_arm tells that
 * there is more. BROOD_ERR_PROTOCOL, _NO_MEMORY: it is to be dropped.
 */
brood_status brood_worker_receive(brood_worker *worker);

/* Whether its values go through the ring. */
bool brood_job_has_values_in_ring(const brood_result *job);

/* ---- unreported.c ---------------------------------------------------------------------------- */

/* Takes the items of its first chunk that are done, but not told of. */
void brood_worker_take_unreported(brood_worker *worker);

/* Somebody waits for items of its first chunk: plans to take them, should the next one be long. */
void brood_worker_plan_unreported(brood_worker *worker);

/* Takes them where a look is due; returns when the next one is. */
int64_t brood_pool_look_for_unreported(brood_pool *pool, int64_t now);

/* ---- supervisor.c ------------------------------------------------------------------------------ */

/* How many have done their last task, and are ending. */
uint32_t brood_supervisor_leaving(const brood_pool *pool);

/* Whether workers are started for tasks that come, and not before. */
bool brood_supervisor_is_as_needed(const brood_pool *pool);

/* The number of workers, or of those needed, is not what it was. */
void brood_supervisor_wake(brood_pool *pool);

/* A task has come, or has come back: it may need another worker. */
void brood_supervisor_need(brood_pool *pool);

/* Ends what is too many, says whether a start is due; when to look again. */
int64_t brood_supervisor_run(brood_pool *pool, int64_t now);

/* Starts one worker; gives up the lock meanwhile. */
brood_status brood_supervisor_start(brood_pool *pool, brood_error *error);

/* The same for one that is due; what fails is tried again later. */
void brood_supervisor_start_one(brood_pool *pool);

/*
 * What the poller calls an owner is the number of a worker's slot, for its bell and for its process:
 * the worker may be gone when the poller's answer is read.
 */
#define BROOD_OWNER_OF_BELL(slot) (2 * (uintptr_t)(slot) + 2)
#define BROOD_OWNER_OF_PROCESS(slot) (2 * (uintptr_t)(slot) + 3)
#define BROOD_SLOT_OF_OWNER(owner) ((size_t)(owner) / 2 - 1)

/* The poller has told that owner: the worker has rung, or its process has ended. */
void brood_supervisor_look(brood_pool *pool, uintptr_t owner);

/* The pool cannot start workers: all jobs end. */
void brood_supervisor_give_up(brood_pool *pool);

void brood_supervisor_kill_all(brood_pool *pool);

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

/* ---- timers.c ---------------------------------------------------------------------------- */

/* Another chunk is the worker's first: what is said of its job is said to the worker. */
void brood_worker_first_changed(brood_worker *worker);

/* The item of its first chunk that it runs; 0: it does not run that chunk, or not any more. */
uint64_t brood_worker_item(brood_worker *worker, const brood_chunk *chunk);

/* Does what is due; when to look again. */
int64_t brood_pool_run_timers(brood_pool *pool, int64_t now);

/* Ends the items of the job that are left with that status; those that run after the grace. */
void brood_job_cancel(brood_result *job, brood_status cancel_status);

/* The same for all jobs. */
void brood_jobs_cancel_all(brood_pool *pool, brood_status cancel_status);

/* Tells the worker that an item of its first chunk is cancelled, from 1 (0: all), or hurried. */
void brood_worker_interrupt(brood_worker *worker, uint64_t item);
/* Tells the worker that its first chunk is cancelled; it is killed after the grace. */
void brood_worker_cancel(brood_worker *worker);
/* Somebody waits for single items: workers are to tell of each soon. */
void brood_worker_flush(brood_worker *worker);
void brood_job_flush(const brood_result *job);

#endif
