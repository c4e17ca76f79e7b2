/*
 * The object behind a brood_pool, and who does what to it:
 *
 *   create config copies functions     making a pool
 *   pool                               ending, changing and looking at it
 *   submit request make_job            tasks come in
 *   result imap imap_create            what the caller sees of them
 *   job callbacks job_cache meter      items end, jobs end, and what is told of that
 *   queue chunks                       chunks wait for a worker
 *   dispatch cut roster balance        chunks go to workers, and are taken back
 *   worker worker_ops, peer            a worker, and the kind that is a process
 *   answers notices unreported         what workers say, and are told
 *   supervisor headcount starts        workers are started and ended
 *   exits settle failures              workers end, and what that means for their chunks
 *   timers deadlines cancel            time-outs, deadlines, cancelling
 *   agenda                             what is due, and who is woken for it
 *   lock engine wait threads loop      the lock, one turn, waiting, the pool's threads, event loops
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
#include "pool/agenda.h"
#include "pool/job.h"
#include "pool/job_cache.h"
#include "pool/worker.h"
#include "process/process.h"
#include "runtime/sync.h"
#include "runtime/time.h"

#define BROOD_PRIORITY_MAX 10
#define BROOD_LANES (2 * BROOD_PRIORITY_MAX + 1)
#define BROOD_SPINNERS_MAX 64

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
    brood_chunk_list queue[BROOD_LANES]; /* one for each priority */
    uint32_t queue_bits;                 /* which of them have chunks */
    uint64_t sequence;
    uint64_t queued;     /* items */
    uint64_t service_ns; /* what a chunk takes, lately */
    size_t depth;        /* so many chunks a worker is given ahead */
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

/* One reference less. The last one frees what results that outlive the pool still need of it. */
void brood_pool_release(brood_pool *pool);

/* For brood_pool_wait and brood_agenda_notify: room in the queue; what only a join waits for. */
#define BROOD_ROOM(pool) ((const void *)&(pool)->queue)
#define BROOD_END(pool) ((const void *)&(pool)->alive)

#endif
