/*
 * brood/pool.h - processes that wait for tasks.
 *
 * A pool may be used from any thread, and from several at once; only brood_pool_destroy must be
 * the last call. A thread that is cancelled (pthread_cancel) in a call goes on to its end.
 * No task is lost silently: each one ends exactly once, with its result or with a failure that says
 * what happened (result.h), whatever becomes of the workers.
 * Times are milliseconds; BROOD_FOREVER waits without end, 0 does not wait.
 */
#ifndef BROOD_POOL_H
#define BROOD_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <brood/export.h>
#include <brood/process.h>
#include <brood/progress.h>
#include <brood/result.h>
#include <brood/shared.h>
#include <brood/status.h>
#include <brood/task.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct brood_pool brood_pool;

/* ---- How a pool is made ------------------------------------------------------------------ */

/* Whether those who wait look again and again for a moment before they sleep. */
typedef enum brood_spin {
    BROOD_SPIN_ADAPTIVE = 0, /* while it pays, and fewer workers are busy than there are cores */
    BROOD_SPIN_NEVER = 1,
    BROOD_SPIN_ALWAYS = 2 /* for the whole moment, also when it did not pay lately */
} brood_spin;

/*
 * What the workers of a pool are. A crash of a task ends a worker that is a process, and costs that
 * task; in a pool of threads it ends the program.
 */
typedef enum brood_pool_kind {
    BROOD_POOL_PROCESSES = 0,
    /*
     * Threads of this process, with the same options and calls, but for `process`. They share all of
     * the program's memory with it and with each other. A thread cannot be killed: a task that does not
     * return when its time is up, and the grace, ends for its caller; its thread is left to it and
     * replaced, counts as lost, and brood_pool_destroy waits for its end (a line on stderr names the
     * pool and the task's tag after a second). Arguments and values are copied as for processes, so a
     * thread that is left touches no array of the caller's; the library keeps shared memory for it.
     * What runs at the end of a thread (destructors of thread-local variables) must not call the pool,
     * whose lock is held meanwhile.
     */
    BROOD_POOL_THREADS = 1,
    /*
     * Nothing is started: whoever submits runs the task, before the call returns, and whoever waits runs
     * what else can be run. One thread runs tasks of the pool at a time; others wait for that. Callbacks
     * are called there, too, between tasks (with event_loop: by brood_pool_run). What a task or a
     * callback of the pool submits to it is run when the task or callback has returned, by a loop: the
     * stack does not grow; and as a callback a task may not wait for its own pool (BROOD_ERR_STATE).
     * While no thread calls the pool, nothing happens in it. A time-out, a deadline and a cancel are
     * seen by brood_task_cancelled; a task that does not ask ends late, and has failed then as it would
     * elsewhere. Other options and calls are as with threads; by default there is one worker.
     */
    BROOD_POOL_INLINE = 2
} brood_pool_kind;

/* Everything is copied. A zero field is its default. */
typedef struct brood_pool_options {
    size_t struct_size; /* set by BROOD_POOL_OPTIONS_INIT */
    brood_error *error; /* filled when the call fails; the caller's */

    const char *name; /* for people, at most 200 bytes: the workers are called name-1, name-2 ... */
    /*
     * 0: one for each core that this process may use (brood_cpu_usable); in a worker of another
     * pool, its share of the cores. At most 4,096.
     */
    uint32_t workers;

    /*
     * Runs in each worker before its first task, with its own copy of initializer_size bytes at
     * initializer_arg. When it does not return 0 the worker is replaced. There is no limit for its
     * time: a task that its worker was given waits meanwhile, unless another worker is idle, and only
     * deadline_ms ends it.
     */
    brood_function *initializer;
    const void *initializer_arg;
    size_t initializer_size;
    brood_function *finalizer; /* at the end of a worker that is not killed; without an argument */

    /*
     * A worker is replaced after so many tasks (items of a map; a part of a range is one), less a
     * random number of up to max_tasks_jitter, so that not all of them are replaced at once. 0:
     * never.
     */
    uint32_t max_tasks_per_worker;
    uint32_t max_tasks_jitter; /* less than max_tasks_per_worker */

    bool lazy;                /* workers are started when tasks come, not before */
    uint32_t idle_timeout_ms; /* a worker without a task for so long is ended; 0: never */

    size_t queue_size; /* tasks that may wait for a worker, see submit_timeout_ms; 0: no bound */

    uint32_t retries;    /* of brood_task_options.retries, where those are 0 */
    uint32_t quarantine; /* a task that has ended so many workers is not run again; 0: 3 */
    uint32_t backoff_ms; /* before a start when the last one failed, or its worker was killed ... */
                         /* ... at once, without a task; then twice that, up to 100 times; 0: 10 */
    uint32_t crash_limit; /* failed starts in a row that break a pool without others; 0: 10 */
    uint32_t grace_ms;    /* from the cancelled flag to the end of the worker; 0: 1,000 */

    /*
     * How long a worker may take to end after its last task: for its finalizer, its at-exit
     * functions and its output. It is replaced meanwhile, brood_pool_join waits for it, and one that
     * takes longer is killed. At most as many leave at once as the pool has workers; beyond that the
     * oldest is killed. A pool that brood_pool_resize made smaller keeps its larger bound until those
     * that are too many have ended. A worker whose initializer has failed has as long to end; it is
     * leaving when it has not ended 100 ms later. 0: 30,000.
     */
    uint32_t exit_timeout_ms;

    brood_spin spin;

    /*
     * The pool starts no thread: the program waits for brood_pool_handle and calls
     * brood_pool_run, which starts workers, keeps the time and runs the callbacks: one that is slow
     * delays all of that, but for what a thread that waits for a result does meanwhile. (On a system
     * with neither epoll nor kqueue, one thread polls for the handle.)
     */
    bool event_loop;

    uint32_t max_depth; /* how deep pools may nest; 0: 4 */

    /*
     * What each worker's process has: directory, environment, stdio, handles, cores, memory
     * limit ... NULL, and what it does not ask for: as it was when the pool was created, on the
     * thread that created it, for workers that are started later, too (the guide says what else
     * they get). Relative paths are meant from there. Its name, function_name, daemon and timeout_ms
     * must be zero, its stdio no pipe, and handle_count at most 254; executable is another program,
     * which has registered every function under the same name.
     * Of a pool of another kind no field may be set (BROOD_ERR_NOT_SUPPORTED).
     */
    const brood_process_options *process;

    /*
     * The environment variable BROOD_POOL_KIND (processes, threads or inline) overrides it, so that a debugger
     * needs to follow no child; `process` is then ignored, which a line on stderr says. A program with
     * more rights than its caller's (set-user-ID) does not read it.
     */
    brood_pool_kind kind;
    /*
     * Of each thread of a pool of threads, in bytes; a thread gets at least 256 KiB. 0: as the system has
     * it, at most 8 MiB.
     */
    size_t thread_stack_size;
} brood_pool_options;

#ifdef __cplusplus
#define BROOD_POOL_OPTIONS_INIT brood_pool_options_init()
static inline brood_pool_options brood_pool_options_init()
{
    brood_pool_options options = brood_pool_options();
    options.struct_size = sizeof options;
    return options;
}
#else
#define BROOD_POOL_OPTIONS_INIT                                                                    \
    {                                                                                              \
        .struct_size = sizeof(brood_pool_options)                                                  \
    }
#endif

/*
 * Makes a pool and starts its workers; NULL options are all defaults. It does not wait for them:
 * one that cannot come up is seen at the tasks. The caller owns *pool and gives it to
 * brood_pool_destroy. On failure *pool is NULL and nothing is left.
 *
 * BROOD_ERR_ARGUMENT: an option, named in options->error, breaks its rule.
 * BROOD_ERR_NOT_INITIALIZED, BROOD_ERR_BOOTSTRAPPING: called too early.
 * BROOD_ERR_LIMIT: pools are nested deeper than max_depth, or the first worker cannot be started.
 * Others as brood_process_start, of the first worker: where only some of them can be started, the
 * pool works with those and goes on trying. Since 0.1.
 */
BROOD_API brood_status brood_pool_create(brood_pool **pool, const brood_pool_options *options);

/* ---- Tasks ------------------------------------------------------------------------------- */

/*
 * Called once when a task is done, after its result is ready, on a thread of the pool's for callbacks
 * (with event_loop, in brood_pool_run, _join and _destroy). result lives at least for the call, and is
 * not the callback's to destroy unless the caller leaves that to it. It may submit (without waiting
 * for room), cancel, close, terminate and destroy results, but not wait for tasks of the same pool.
 * It may come before the submit has returned, and after a call that waits has.
 */
typedef void brood_result_function(brood_result *result, void *user);

/* Zero fields are defaults. Strings are copied. */
typedef struct brood_task_options {
    size_t struct_size;     /* set by BROOD_TASK_OPTIONS_INIT */
    brood_failure *failure; /* filled when the call fails; the caller's */

    const char *tag;           /* for people: stands in failures; at most 255 bytes */
    const char *function_name; /* instead of a function: one that the workers have registered */

    int priority; /* -10 to 10: higher ones first; one that waits long goes before new ones */
    uint32_t timeout_ms;  /* from the start of the task, or of each item of a map; 0: none */
    uint32_t deadline_ms; /* from now until it must be done; 0: none */
    uint32_t retries;     /* runs it again when its worker dies, at most so often */

    /* How many items go to a worker at once; 0: many at first, fewer towards the end. */
    size_t chunk_size;

    /*
     * What a submit does when queue_size tasks wait: 0: it waits for room, as long as it takes.
     * Not for imaps, which submit an item when there is room; brood_imap_next waits for that.
     */
    bool try_submit;            /* it fails at once, with BROOD_ERR_FULL */
    uint32_t submit_timeout_ms; /* it fails with BROOD_ERR_FULL after that time */

    brood_result_function *done;   /* called when it has succeeded */
    brood_result_function *failed; /* called when it has not */
    void *user;                    /* for both */

    brood_progress_function *progress; /* on the same thread as done; of an imap in imap_next */
    void *progress_user;

    /* Shared memory that the task uses: brood_task_shared. At most 64. */
    brood_shared *const *shared;
    size_t shared_count;

    size_t window; /* of an imap: how many items are under way at most; 0: 4 for each worker */
} brood_task_options;

#ifdef __cplusplus
#define BROOD_TASK_OPTIONS_INIT brood_task_options_init()
static inline brood_task_options brood_task_options_init()
{
    brood_task_options options = brood_task_options();
    options.struct_size = sizeof options;
    return options;
}
#else
#define BROOD_TASK_OPTIONS_INIT                                                                    \
    {                                                                                              \
        .struct_size = sizeof(brood_task_options)                                                  \
    }
#endif

/*
 * What is said of all that submit. options may be NULL. function is NULL when function_name names
 * it.
 * BROOD_ERR_ARGUMENT: an argument, named in options->failure, breaks its rule.
 * BROOD_ERR_STATE: the pool was closed or terminated; or a callback of the pool called one that
 * waits. BROOD_ERR_FULL: see submit_timeout_ms. BROOD_ERR_BROKEN: no worker can be started.
 * BROOD_ERR_NO_MEMORY. BROOD_ERR_LIMIT: no thread can be started for callbacks.
 * BROOD_ERR_NOT_SUPPORTED: options has a field that this version does not know. After such an error
 * nothing was submitted. Whether the worker's program has registered function_name, only the worker
 * knows: if not, the task fails with BROOD_ERR_NO_FUNCTION. Functions that wait for the end return
 * what brood_result_get returns.
 */

/*
 * Runs function in a worker, with size bytes at arg, and waits. What it returns with brood_return
 * is written to out; it must be out_size bytes. (NULL and 0: the value is dropped.) Since 0.1.
 */
BROOD_API brood_status brood_pool_apply(brood_pool *pool, brood_function *function, const void *arg,
                                        size_t size, void *out, size_t out_size,
                                        const brood_task_options *options);

/*
 * The same without waiting. arg is copied. The caller owns *result and gives it to
 * brood_result_destroy; result may be NULL, for a task whose end only callbacks are told.
 * Since 0.1.
 */
BROOD_API brood_status brood_pool_apply_async(brood_pool *pool, brood_result **result,
                                              brood_function *function, const void *arg,
                                              size_t size, const brood_task_options *options);

/* An item of its own size, for in_size BROOD_SIZE_VARIES. */
typedef struct brood_bytes {
    const void *data;
    size_t size;
} brood_bytes;

#define BROOD_SIZE_VARIES SIZE_MAX

/*
 * Runs function for each of count items in the array in, and waits. Each one is in_size bytes; what
 * the function returns with brood_return is out_size bytes, and is written to the array out at the
 * same place. One that failed leaves its place as it was (in shared memory: as the function left
 * it), and the others are run all the same.
 *
 * in_size BROOD_SIZE_VARIES: in is an array of brood_bytes. out_size BROOD_SIZE_VARIES: out is an
 * array of brood_output (process.h), {NULL, 0} at first; the caller frees each data with
 * brood_free. out NULL with out_size 0: values are dropped.
 *
 * Arrays that lie in shared memory (shared.h) are not copied. Since 0.1.
 */
BROOD_API brood_status brood_pool_map(brood_pool *pool, brood_function *function, const void *in,
                                      size_t count, size_t in_size, void *out, size_t out_size,
                                      const brood_task_options *options);

/*
 * The same without waiting. in and out belong to the pool until the result is ready or destroyed.
 * Since 0.1.
 */
BROOD_API brood_status brood_pool_map_async(brood_pool *pool, brood_result **result,
                                            brood_function *function, const void *in, size_t count,
                                            size_t in_size, void *out, size_t out_size,
                                            const brood_task_options *options);

/*
 * What runs in a worker for a part of a range: the indices from begin up to, but not with, end.
 * context is a copy of what the call gave. 0 for success.
 */
typedef int brood_range_function(brood_task *task, uint64_t begin, uint64_t end,
                                 const void *context, size_t size);

/*
 * Runs function for the whole range, cut into parts like the items of a map, and waits. It has no
 * values: it is for loops over shared memory, which options->shared names. When a part fails, the
 * failure's index is its begin. Since 0.1.
 */
BROOD_API brood_status brood_pool_for(brood_pool *pool, brood_range_function *function,
                                      uint64_t begin, uint64_t end, const void *context,
                                      size_t size, const brood_task_options *options);

/* The same without waiting; context is copied. Since 0.1. */
BROOD_API brood_status brood_pool_for_async(brood_pool *pool, brood_result **result,
                                            brood_range_function *function, uint64_t begin,
                                            uint64_t end, const void *context, size_t size,
                                            const brood_task_options *options);

/* ---- imap: results one by one ------------------------------------------------------------ */

typedef struct brood_imap brood_imap;

/*
 * Gives the next item: BROOD_OK with *data and *size, which must live until the next call;
 * BROOD_ERR_CLOSED: there are no more. Anything else ends the input, and brood_imap_next tells it
 * after the results of all items before. Called on the threads that call imap and imap_next. Neither
 * this function nor the progress of the imap may destroy the imap, and both must return.
 */
typedef brood_status brood_input_function(void *user, const void **data, size_t *size);

/*
 * Runs function for each item that input gives, however many, with at most options->window of
 * them under way; results come in the order of the input. What refuses an item (a closed pool, an
 * unknown function) is told by brood_imap_next. The caller owns *imap and gives it to
 * brood_imap_destroy. Since 0.1.
 */
BROOD_API brood_status brood_pool_imap(brood_pool *pool, brood_imap **imap,
                                       brood_function *function, brood_input_function *input,
                                       void *user, const brood_task_options *options);

/* The same; results come in the order in which they are done. Since 0.1. */
BROOD_API brood_status brood_pool_imap_unordered(brood_pool *pool, brood_imap **imap,
                                                 brood_function *function,
                                                 brood_input_function *input, void *user,
                                                 const brood_task_options *options);

/* An input from an array: &array is user, input is brood_array_next. Since 0.1. */
typedef struct brood_array {
    const void *items;
    size_t count;
    size_t size; /* of an item; BROOD_SIZE_VARIES: items is an array of brood_bytes */
    size_t next; /* 0 at first */
} brood_array;
BROOD_API brood_status brood_array_next(void *user, const void **data, size_t *size);

/*
 * Waits for the next result: *data (*size bytes) lives until the next call for the same imap;
 * *index is its place in the input, and is left alone when there is no item. data, size, index and
 * failure may be NULL.
 * BROOD_OK. BROOD_ERR_CLOSED: there are no more. BROOD_ERR_TIMEOUT: not yet. What
 * brood_failure.status may be: that item failed (failure is filled, *index is set); the next call
 * goes on. What the input returned, or the submit: all that there will be. BROOD_ERR_ARGUMENT: a
 * NULL imap, or a negative time-out that is not BROOD_FOREVER. BROOD_ERR_STATE: it would wait, in a
 * callback of the pool; or it is called by the input or the progress of the imap. One thread at a
 * time. Since 0.1.
 */
BROOD_API brood_status brood_imap_next(brood_imap *imap, const void **data, size_t *size,
                                       uint64_t *index, brood_failure *failure, int64_t timeout_ms);

/* Cancels what is under way, and frees it; NULL is fine. Returns NULL. Since 0.1. */
BROOD_API brood_imap *brood_imap_destroy(brood_imap *imap);

/* ---- The end ----------------------------------------------------------------------------- */

/*
 * No more tasks; those that were submitted are run. Again is fine. Does not block.
 * BROOD_ERR_ARGUMENT: a NULL. Since 0.1.
 */
BROOD_API brood_status brood_pool_close(brood_pool *pool);

/*
 * No more tasks; those that are not done end with BROOD_ERR_CANCELLED, and the workers are killed.
 * Again is fine. Does not wait for the end of the workers. BROOD_ERR_ARGUMENT: a NULL. Since 0.1.
 */
BROOD_API brood_status brood_pool_terminate(brood_pool *pool);

/*
 * Waits until every task is done, its callbacks have returned, and every worker has ended. With
 * event_loop it runs the callbacks, one that is due even with a time-out of 0, and begins none after
 * its time.
 * BROOD_ERR_ARGUMENT: a NULL, or a negative time-out that is not BROOD_FOREVER.
 * BROOD_ERR_STATE: the pool is neither closed nor terminated, or this is a callback of it.
 * BROOD_ERR_TIMEOUT: not yet. Again, and from many threads, is fine. Since 0.1.
 */
BROOD_API brood_status brood_pool_join(brood_pool *pool, int64_t timeout_ms);

/*
 * Terminates the pool if it is not closed, joins it, and frees it. NULL is fine. Results outlive
 * it. Not in a callback of the pool, and not while another thread uses it. Returns NULL.
 * Since 0.1.
 */
BROOD_API brood_pool *brood_pool_destroy(brood_pool *pool);

/* ---- Looking and changing ---------------------------------------------------------------- */

/*
 * From now on there are so many workers (1 to 4,096; 0: as in the options). One too many ends when
 * it has done its task. Does not block. BROOD_ERR_ARGUMENT: a NULL, or too many.
 * BROOD_ERR_STATE: closed. Since 0.1.
 */
BROOD_API brood_status brood_pool_resize(brood_pool *pool, uint32_t workers);

/*
 * Tasks are counted by items: a map of n, or a range of n, is n. The counts wrap: ranges can have up
 * to UINT64_MAX.
 */
typedef struct brood_pool_stats {
    size_t struct_size; /* set by BROOD_POOL_STATS_INIT */
    uint32_t workers;   /* that should be there */
    uint32_t alive;     /* that are there */
    uint32_t busy;      /* of those, that have a task */
    uint32_t leaving;   /* of those that are there: have done their last task, or will do none, and
                           end; see exit_timeout_ms for how many may */
    uint64_t submitted; /* = succeeded + failed + cancelled + queued + running */
    uint64_t succeeded;
    uint64_t failed;
    uint64_t cancelled;
    uint64_t queued;  /* wait for a worker */
    uint64_t running; /* were given to a worker */
    uint64_t retried; /* runs beyond the first */
    uint64_t started; /* workers, = alive + ended + died + lost */
    uint64_t ended;   /* workers that ended when they should, or by brood_pool_terminate */
    uint64_t died;    /* workers that ended otherwise, also in their finalizer or with an exit code
                         that is not 0, or were killed */
    uint64_t lost;    /* workers that were killed, and have not ended a second later */
} brood_pool_stats;

#ifdef __cplusplus
#define BROOD_POOL_STATS_INIT brood_pool_stats_init()
static inline brood_pool_stats brood_pool_stats_init()
{
    brood_pool_stats stats = brood_pool_stats();
    stats.struct_size = sizeof stats;
    return stats;
}
#else
#define BROOD_POOL_STATS_INIT                                                                      \
    {                                                                                              \
        .struct_size = sizeof(brood_pool_stats)                                                    \
    }
#endif

/*
 * Fills stats, begun with BROOD_POOL_STATS_INIT, all of one moment. Does not block.
 * BROOD_ERR_ARGUMENT: a NULL, or a wrong struct_size. Since 0.1.
 */
BROOD_API brood_status brood_pool_get_stats(brood_pool *pool, brood_pool_stats *stats);

/*
 * The process numbers of the workers that are there: writes at most count of them (none where pids
 * is NULL), and returns how many there are; 0 for a NULL pool, and for one of threads, which are all of
 * this process. Does not block. Since 0.1.
 */
BROOD_API size_t brood_pool_pids(brood_pool *pool, int64_t *pids, size_t count);

/* ---- Event loops ------------------------------------------------------------------------- */

/*
 * A descriptor (POSIX: readable in poll, select, epoll, kqueue) or a HANDLE (Windows: to wait for)
 * that is ready when brood_pool_run has something to do. It belongs to the pool and lives as
 * long. BROOD_ERR_ARGUMENT: a NULL. BROOD_ERR_STATE: the pool was not made with event_loop.
 * Since 0.1.
 */
BROOD_API brood_status brood_pool_handle(brood_pool *pool, brood_handle *handle);

/*
 * How long the loop may wait for the handle at most, for time-outs and the like; BROOD_FOREVER
 * when nothing is due, and for NULL. Ask before each wait. Since 0.1.
 */
BROOD_API int64_t brood_pool_timeout_ms(brood_pool *pool);

/*
 * Does what is due and runs the callbacks, on the calling thread, without waiting for anything. It
 * begins nothing more after a millisecond; the handle stays ready then. One thread at a time.
 * BROOD_ERR_ARGUMENT: a NULL. BROOD_ERR_STATE: the pool was not made with event_loop, or this is a
 * callback of it. Since 0.1.
 */
BROOD_API brood_status brood_pool_run(brood_pool *pool);

#ifdef __cplusplus
}
#endif

#endif
