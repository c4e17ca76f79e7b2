/*
 * What tests of pools share: a pool whose tasks can say that they are there and wait at a gate, and
 * shared memory in which they leave what the test wants to know.
 */
#ifndef BROOD_TESTS_POOL_STAGE_H
#define BROOD_TESTS_POOL_STAGE_H

#include "harness.h"

#include "pool/pool_impl.h"

#define STAGE_NOTES 4096

#define STAGE_RING ((size_t)1024 * 1024) /* of workers of a pool with few of them */

typedef struct pool_stage {
    brood_pool_options options; /* may be changed between prepare and open */
    brood_process_options process;
    brood_pool *pool;
    intptr_t there[2], gate[2];
    brood_handle handles[2];
    brood_shared *shared;
    brood_atomic64 *notes; /* STAGE_NOTES of them, which tasks with task_options can see, too */
    brood_task_options task_options;
} pool_stage;

/* NULL options in the stage: as they come. The stage must not move. */
void stage_prepare(pool_stage *stage, uint32_t workers);
void stage_open(pool_stage *stage);

/* Closes and joins (or, with is_hard, terminates) the pool, whose numbers must then add up. */
void stage_close(pool_stage *stage);
void stage_terminate(pool_stage *stage);

/* In a task: says "I am there" and waits until it is let go. */
void stage_wait(brood_task *task);
/* In a task: says it without waiting. */
void stage_tell(brood_task *task);
/* In the test: until one is there; lets so many go. */
void stage_await(pool_stage *stage);
void stage_let_go(pool_stage *stage, int count);

/* In a task with the stage's task_options. */
brood_atomic64 *stage_notes(brood_task *task);

/* Waits for the result, which must be as said. */
void stage_expect(brood_result *result, brood_status status);
/* The same, and destroys it. */
void stage_end(brood_result *result, brood_status status);

/* A task that succeeds: the square of what it is given. */
int stage_square(brood_task *task, const void *arg, size_t size);
void stage_works(pool_stage *stage, int64_t tasks);

brood_pool_stats stage_stats(pool_stage *stage);

/* Waits until so many workers were started and as many live as there should be. */
void stage_await_started(pool_stage *stage, uint64_t started);

/* The process of a worker, and what it shares with the pool, by its slot; NULL: there is none. */
int64_t stage_pid(pool_stage *stage, uint32_t slot);
brood_wire_page *stage_page(pool_stage *stage, uint32_t slot);
brood_ring_shared *stage_answers(pool_stage *stage, uint32_t slot);

/* The process of the worker that has the only task; -1: none has one. */
int64_t stage_busy_pid(pool_stage *stage);

/* Fills the bell of the worker with that process: it can take no handle before it reads. */
void stage_fill_bell(pool_stage *stage, int64_t pid);

/* The process of the worker that ran the last task, and would get the next one. */
int64_t stage_last_used(pool_stage *stage);

/* Kills it, and waits until it is gone. */
void stage_kill(int64_t pid);

/* Looks again and again until it is so. */
void stage_await_that(bool (*is_so)(void *data), void *data);

/* With event_loop: runs the pool until the result is ready. */
void stage_run_until(pool_stage *stage, brood_result *result);

#endif
