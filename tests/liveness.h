/*
 * The liveness test: random pools under random callers, none of whose waits has a time-out, and a
 * heartbeat that fails when one of them does not come back. What its files share.
 */
#ifndef BROOD_TESTS_LIVENESS_H
#define BROOD_TESTS_LIVENESS_H

#include <stdbool.h>
#include <stdint.h>

#include <brood/brood.h>

#include "base/atomic.h"
#include "support.h"

#define LIVE_CALLERS_MAX 3
#if !defined(LIVE_RAIN_MAX) /* small tasks that a caller submits without waiting for them */
#define LIVE_RAIN_MAX UINT64_MAX
#endif
#if !defined(LIVE_STREAM_ITEMS) /* large ones, of which a part is taken */
#define LIVE_STREAM_ITEMS 8192
#endif
#if !defined(LIVE_STREAM_SIZE) /* of each: more than a ring */
#define LIVE_STREAM_SIZE ((size_t)1500000)
#endif
#if !defined(                                                                                      \
    LIVE_JOIN_EARLY_PERCENT) /* of the lives that are closed early: joined beside callers */
#define LIVE_JOIN_EARLY_PERCENT 0
#endif
#if !defined(LIVE_RAIN_PERCENT) /* of the lives: callers leave no gap */
#define LIVE_RAIN_PERCENT 20
#endif
/* Of those that stay in a queue without a bound: fewer than lie between their priority and others'. */
#define LIVE_KEPT_MAX 9000
#define LIVE_FEW 6
#if !defined(LIVE_SHORT_PERCENT) /* of the lives: callers make few calls */
#define LIVE_SHORT_PERCENT 10
#endif

/* ---- Random numbers ------------------------------------------------------------------------ */

uint32_t live_draw(uint32_t *seed);
uint32_t live_below(uint32_t *seed, uint32_t end);
uint32_t live_between(uint32_t *seed, uint32_t low, uint32_t high);
bool live_chance(uint32_t *seed, uint32_t percent);

/* ---- The heartbeat (liveness_watch.c) ------------------------------------------------------- */

/* What one thread does now. Only its own thread changes it, but for the watcher's last two. */
typedef struct live_thread {
    const char *name;
    brood_atomic64 what; /* a const char *; 0: nothing that must end */
    brood_atomic64 calls;
    brood_atomic64 since; /* brood_os_now at the begin of the call */
    int64_t lateness;     /* of the simulator, when the call began */
    int64_t limit_ms;     /* of the call, in the simulator; LIVE_NO_LIMIT */
    brood_atomic64
        ends_by;     /* natively: the canary's wakes that a call with a limit has; 0: no limit */
    int64_t slowest; /* ns */
    const char *slowest_what;
    uint64_t seen; /* calls when the watcher looked last */
    uint32_t quiet_seconds;
    brood_atomic32 patience_s; /* so much longer its call may take: for many tasks that are left */
} live_thread;

/* The call that comes next must end; it has. */
void live_begin(live_thread *self, const char *what);
void live_end(live_thread *self);

#define LIVE_NO_LIMIT (-1)

/* The same for one that comes back within so many milliseconds; LIVE_NO_LIMIT: nobody knows. */
void live_begin_for(live_thread *self, const char *what, int64_t limit_ms);

/* What calls of the system that fail may make of a task, and of a call; none fail but in the simulator. */
uint64_t live_faults_of_tasks(void);
uint64_t live_faults_of_calls(void);

/*
 * Items, by their numbers: which are given to the pool, with so many retries; which one a worker
 * runs; which the caller knows to have ended, or not to have been taken. The simulator looks that
 * none is run too often, or when it has ended.
 */
void live_items_given(uint64_t first, uint64_t count, uint32_t retries);
void live_item_runs(uint64_t number);
void live_item_ended(uint64_t number, bool has_succeeded);

/* Starts the watcher and its canary, which live until the program ends. */
void live_watch_start(uint32_t limit_seconds, bool hold);

/* From now on threads 0 to count - 1 are watched; prints what is said about them on failure. */
void live_watch(live_thread *threads, uint32_t count, brood_pool *pool, const char *description);
void live_unwatch(void);

/* From now on each call may take so much longer, or (negative) not any more. */
void live_add_patience(int32_t seconds);

/* Prints what everybody does, and ends the program. */
void live_fail(const char *format, ...);

/* ---- A pool's life --------------------------------------------------------------------------- */

/* A pool's life, as its threads see it. */
typedef struct live_life {
    brood_pool *pool;
    uint32_t seed, max_items; /* in a map; LIVE_FEW where each takes a start */
    bool is_brief;            /* each caller submits a burst, and that is all */
    uint32_t most_calls;      /* of a caller; UINT32_MAX: as long as the life goes on */
    bool is_of_threads;       /* the pool: no task kills its process, or never returns */
    bool kills;               /* workers are killed from outside */
    bool resizes;             /* callers change the number of workers */
    bool rains;               /* each caller but one does */
    bool looks_only;          /* callers do not wait in the pool, but look now and then */
    bool has_loop;            /* the program's */
    bool nobody_loops;        /* though it has one: nobody but callers that wait is there */
    bool has_bound;           /* queue_size */
    uint32_t long_most;       /* tasks without end at a time: a worker is left */
    brood_atomic32 long_ones, callbacks_held;
    bool init_fails;   /* always, or sometimes */
    bool is_uncounted; /* the number of workers is not looked at */
    uint32_t retries, grace_ms;
    brood_shared *shared;     /* NULL: there is no memory for it */
    brood_atomic64 numbers;   /* of items, so far */
    brood_atomic32 is_late;   /* its time is over; it ends when each call has come back */
    brood_atomic32 stop;      /* callers should come to their end */
    brood_atomic32 is_closed; /* close or more has begun: submits may fail */
    brood_atomic32 is_ended;  /* terminate or destroy has begun: tasks may be cancelled */
    brood_atomic32 asked;     /* workers, at most so far */
    brood_atomic64 callbacks_due, callbacks;
} live_life;

/* A result that a caller holds. */
typedef struct live_held {
    brood_result *result;
    uint64_t allowed; /* statuses, as bits */
    void *in, *out;   /* of a map */
    size_t count, size;
    uint64_t first;
    uint64_t number; /* of a single item */
} live_held;

#define LIVE_HELD 4
#define LIVE_KINDS 4

typedef struct live_caller {
    live_thread *thread;
    live_life *life;
    uint32_t seed;
    bool keeps;                             /* leaves what it holds for after the pool's end */
    bool rains;                             /* submits small tasks all the time, and nothing else */
    bool holds_callbacks;                   /* it is the one that the slow callback waits for */
    bool takes_back;                        /* cancels each of them at once */
    uint32_t rain_us;                       /* between some of them */
    uint64_t rained;                        /* how many so far */
    uint32_t kinds[LIVE_KINDS], kind_count; /* of calls; 0: all */
    live_held held[LIVE_HELD];
} live_caller;

/* ---- Tasks (liveness_tasks.c) ---------------------------------------------------------------- */

/* The initializer takes one byte of these. */
enum {
    LIVE_INIT_FINE,
    LIVE_INIT_SLOW,
    LIVE_INIT_SOMETIMES,
    LIVE_INIT_NEVER
};
int live_initialize(brood_task *task, const void *arg, size_t size);
int live_finalize(brood_task *task, const void *arg, size_t size);
int live_finalize_slowly(brood_task *task, const void *arg, size_t size);
int live_finalize_for_ever(brood_task *task, const void *arg, size_t size);

#define LIVE_PAUSE_US 3000 /* mostly no more */
#if !defined(LIVE_RING)
#define LIVE_RING (1024 * 1024)
#endif
#define LIVE_TASKS_A_SECOND 250 /* a loaded machine does at least so many */
#define LIVE_LARGE_PERCENT 10   /* of such callers: all that they do moves more than a ring */
#define LIVE_LARGE_VALUE ((size_t)LIVE_RING / 8 * 9) /* more than a ring */

/* What a task does. */
enum {
    LIVE_DO_RETURN,
    LIVE_DO_PAUSE,
    LIVE_DO_LARGE,
    LIVE_DO_FAIL,
    LIVE_DO_KILL,
    LIVE_DO_UNTIL_CANCELLED,
    LIVE_DO_HANG
};

/* The argument of a task, or its first bytes. The value is x + 1; of a large one, its argument. */
typedef struct live_order {
    uint32_t kind, pause_us;
    uint64_t x;
    uint64_t number; /* of the item; of the first index of a range */
    uint64_t unused; /* so that a map's are aligned */
} live_order;

int live_obey(brood_task *task, const void *arg, size_t size);
/* The same for a value of LIVE_LARGE_VALUE bytes, each as the lowest of the order's number. */
int live_obey_with_large_value(brood_task *task, const void *arg, size_t size);
int live_obey_range(brood_task *task, uint64_t begin, uint64_t end, const void *arg, size_t size);

#define LIVE_BIT(status) (UINT64_C(1) << (status))

/* Numbers for items that are given with these options. */
uint64_t live_take_numbers(live_life *life, const brood_task_options *options, uint64_t count);

/*
 * How long a call with these options takes at most, which submits, or waits for the end, too;
 * LIVE_NO_LIMIT: that is not known.
 */
int64_t live_limit_of(const live_life *life, const brood_task_options *options, bool waits);

/* What a submit may answer, whatever comes of the task. */
uint64_t live_allowed_of_submit(const live_life *life);

/* What a task of that kind may end with; fails when it ended with anything else. */
uint64_t live_allowed_of(const live_life *life, uint32_t kind);
void live_check_status(live_caller *self, brood_status status, uint64_t allowed, const char *call);

int live_draw_priority(live_caller *self);

/* A submit has answered that; allowed: what its options add. What was not taken is never run. */
void live_check_submit(live_caller *self, brood_status status, uint64_t allowed, uint64_t number,
                       const char *call);

/* Random options; what they may lead to is added to *allowed. */
brood_task_options live_draw_options(live_caller *self, uint64_t *allowed);

/* Sometimes callbacks, which are counted; a submit that had them, and has succeeded, is counted. */
void live_add_callbacks(live_caller *self, brood_task_options *options);
void live_count_due(live_caller *self, const brood_task_options *options, brood_status status);

/* One that ends by itself, or by the time-out that the options have. */
live_order live_draw_order(live_caller *self, const brood_task_options *options);

/* ---- Results (liveness_results.c) -------------------------------------------------------------- */

#define LIVE_UNTOUCHED UINT64_C(0xABABABABABABABAB) /* in the place of a value */

live_held *live_free_place(live_caller *self); /* NULL: there is none */
void live_release(live_held *held);            /* without its result */
void live_check_item(live_caller *self, live_held *held, uint64_t index);
void live_destroy_held(live_caller *self, live_held *held);
void live_finish_held(live_caller *self, live_held *held);

/* Something with what is held, if anything is. */
void live_finish_one(live_caller *self);
void live_peek(live_caller *self);
void live_cancel_one(live_caller *self);
void live_destroy_one(live_caller *self);
void live_cancel_thread(live_caller *self);

/* A thread that waits for it, and does nothing else. */
support_thread *live_wait_aside(const live_held *held);

/* Waits for all that the caller holds, and frees it. */
void live_settle(live_caller *self);

/* ---- Copies (liveness_copies.c) --------------------------------------------------------------- */

/* A copy of the program, which holds what is open now; not on Windows, nor under sanitizers. */
void live_copy(void);
/* Those whose time is over, or all. By the thread that made them. */
void live_end_copies(bool all);

/* ---- Beside what has no end of its own (liveness_beside.c) -------------------------------------- */

void live_call_beside_a_task(live_caller *self);
void live_call_beside_a_map(live_caller *self);
void live_call_beside_a_callback(live_caller *self);

/* ---- Without a gap (liveness_rain.c) ------------------------------------------------------------ */

/* Some small tasks, whose results nobody wants. */
void live_rain(live_caller *self);

/* Short waits while large items go on moving. */
void live_call_beside_a_stream(live_caller *self);

/* ---- The calls (liveness_calls.c, liveness_imap.c) -------------------------------------------- */

void live_call_imap(live_caller *self);

/* One of those that the caller has. */
void live_call_any(live_caller *self);

/* Calls at random until the life stops. */
void live_call(live_caller *self);

/* The statistics add up, and there are no more workers than there may be. */
void live_check_stats(live_life *life);

#endif
