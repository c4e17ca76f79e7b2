/* What tests of pools have in common: pools, tasks, and a gate that tasks wait at. */
#ifndef BROOD_TESTS_POOL_TOOLS_H
#define BROOD_TESTS_POOL_TOOLS_H

#include <brood/brood.h>

#include "harness.h"

/* Asserts that it could be made. 0: as many workers as there are cores. */
brood_pool *pool_of(uint32_t workers);

/* Closes, joins and destroys it, all in time. */
void end_pool(brood_pool *pool);

/* ---- the gate ---------------------------------------------------------------------------- */

/*
 * Pipes between tasks and the test. A task that comes to the gate says so, and waits until it is
 * let through.
 */
typedef struct pool_gate {
    intptr_t there[2], gate[2];
    brood_handle handles[2];
    brood_process_options process; /* for brood_pool_options.process */
} pool_gate;

void gate_make(pool_gate *gate);
void gate_free(pool_gate *gate);

/* A pool whose workers have the gate; options may be NULL. */
brood_pool *gate_pool(pool_gate *gate, uint32_t workers, const brood_pool_options *options);

/* Makes both. */
brood_pool *pool_with_gate(uint32_t workers, pool_gate *gate);
brood_pool *pool_with_gate_and(const brood_pool_options *options, pool_gate *gate);

/* Waits until so many more tasks have come to the gate. */
void gate_await(pool_gate *gate, size_t count);

/* Lets so many through, now or when they come. */
void gate_pass(pool_gate *gate, size_t count);

/* From now on nobody is stopped. */
void gate_open(pool_gate *gate);

/* After the pool's end: how many tasks came to the gate that were not awaited. */
int gate_count_rest(pool_gate *gate);

/* In a task. */
void gate_stop(brood_task *task);

/* ---- tasks ------------------------------------------------------------------------------- */

/* The value is the argument. */
int task_echo(brood_task *task, const void *arg, size_t size);

/* An int64_t to its square; anything else fails with code 2. */
int task_square(brood_task *task, const void *arg, size_t size);

/* Stops at the gate before it returns what it was given. */
int task_gated(brood_task *task, const void *arg, size_t size);

/* Comes to the gate without stopping. */
int task_be_there(brood_task *task, const void *arg, size_t size);

/* The value is the number of the worker, an int64_t. */
int task_tell_pid(brood_task *task, const void *arg, size_t size);

/* Fails with code 3 and a message. */
int task_fail(brood_task *task, const void *arg, size_t size);

/* Comes to the gate, and goes on until it is cancelled. */
int task_until_cancelled(brood_task *task, const void *arg, size_t size);

#endif
