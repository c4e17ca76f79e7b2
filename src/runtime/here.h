/*
 * All that a process has once, in one struct, which is all zeros at first: the core has no other
 * static that is written (tests/here.cmake). Each part is written by the one file that it names, and
 * is nobody else's to read. The system's own state stays in src/posix and src/win32.
 */
#ifndef BROOD_SRC_RUNTIME_HERE_H
#define BROOD_SRC_RUNTIME_HERE_H

#include <stdbool.h>
#include <stdint.h>

#include <apr_pools.h>

#include "base/atomic.h"
#include "platform.h"
#include "runtime/sync.h"

/* How far brood_init has come. */
typedef enum brood_stage {
    BROOD_STAGE_NEW = 0,
    BROOD_STAGE_BOOTSTRAPPING,
    BROOD_STAGE_READY
} brood_stage;

typedef struct brood_process_state {
    /* begin.c, which also makes the locks of the other parts */
    struct {
        brood_atomic32 begun;
        apr_pool_t *pool; /* lives as long as the program */
    } begin;

    /* self.c; written before the first start: brood_init is for one thread */
    struct {
        char *executable;
        bool hosted;
        brood_stage stage;
    } self;

    /* registry.c; written before the first start */
    struct {
        const struct brood_builtin *builtins;
        struct brood_registered *functions;
    } registry;

    /* nesting.c: as in brood_nesting */
    struct {
        uint32_t depth;
        uint32_t cores;
    } nesting;

    struct brood_child *child; /* child.c; NULL: this process is nobody's child */

    /* watch.c: the thread of a child that watches its parent */
    struct {
        brood_os_channel *channel; /* NULL: the function has closed it */
        brood_os_process *parent;  /* NULL: nothing but the channel tells of it */
        const struct brood_start *start;
        bool is_gone;
        brood_mutex lock; /* of is_ready; not created: no thread is needed */
        brood_condition changed;
        brood_thread thread;
        bool is_ready;
    } watch;

    /* process.c: processes that were destroyed while they ran */
    struct {
        brood_mutex lock;
        struct left_alone *first;
    } abandoned;

    /* watchdog.c: what has a time-out */
    struct {
        brood_mutex lock;                   /* taken before the lock of a process */
        struct brood_watchdog_entry *first; /* no order: there are few */
        brood_os_channel *wake;             /* a byte here makes the thread look again */
        brood_os_channel *sleeper;
        brood_thread thread;
        bool runs;
    } watchdog;

    /* guard.c and guard_start.c: the guard of this process's daemon commands */
    struct {
        brood_mutex lock;  /* taken after the lock of a process; never held over a start */
        brood_mutex start; /* held over a start; taken before every other lock */
        apr_pool_t *pool;  /* of start and the thread, for as long as the program lives */
        struct brood_guard *current;
        struct brood_guard *coming; /* it is being told of all; there is no current one then */
        bool is_watched;            /* by the thread */
        brood_thread thread;
        struct brood_kept *first; /* all that it keeps */
        int64_t owner;            /* a plain fork of this process has a guard of its own */
    } guards;

    /* shared.c: memory that this process shares */
    struct {
        brood_mutex lock;
        struct brood_shared *first;
        uint64_t last_id;
        struct brood_shared_watch *watches;
        brood_atomic64 forgotten;
    } shared;
} brood_process_state;

/* Whoever simulates processes has one for each of them. */
#if !defined(BROOD_HERE)
extern brood_process_state brood_own_state;
#define BROOD_HERE (&brood_own_state)
#endif

/* That of this process. */
static inline brood_process_state *brood_here(void)
{
    return BROOD_HERE;
}

#endif
