/* What tests of pools have in common: pools, tasks, and a gate that tasks wait at. */
#ifndef BROOD_TESTS_POOL_TOOLS_H
#define BROOD_TESTS_POOL_TOOLS_H

#include "harness.h"

/* Asserts that it could be made. 0: as many workers as there are cores. */
brood_pool *pool_of(uint32_t workers);

/*
 * Pipes between tasks and the test. A task that comes to the gate says so, and waits until it is
 * let through.
 */
typedef struct pool_gate {
    intptr_t arrivals[2];
    intptr_t passes[2];
} pool_gate;

/* A pool whose workers have the gate. */
brood_pool *pool_with_gate(uint32_t workers, pool_gate *gate);

/* The same with options; those of its process are the gate's. */
brood_pool *pool_with_gate_and(brood_pool_options *options, pool_gate *gate);

/* Waits until so many tasks are there. */
void gate_await(const pool_gate *gate, size_t count);

/* Lets so many through, now or when they come. */
void gate_let(const pool_gate *gate, size_t count);

/* From now on it is open. It must be closed in the end. */
void gate_open(pool_gate *gate);
void gate_close(pool_gate *gate);

/* In a task. */
void gate_pass(brood_task *task);

/* ---- tasks ------------------------------------------------------------------------------- */

int task_echo(brood_task *task, const void *arg, size_t size);

/* An int64_t to its square; anything else fails with code 2. */
int task_square(brood_task *task, const void *arg, size_t size);

/* Passes the gate before it returns what it was given. */
int task_gated(brood_task *task, const void *arg, size_t size);

/* Fails with code 3 and a message. */
int task_fail(brood_task *task, const void *arg, size_t size);

/* Comes to the gate, and goes on until it is cancelled. */
int task_until_cancelled(brood_task *task, const void *arg, size_t size);

#endif
