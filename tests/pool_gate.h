/* Tasks of a pool that say that they are there, and wait until the test lets them go. */
#ifndef BROOD_TESTS_POOL_GATE_H
#define BROOD_TESTS_POOL_GATE_H

#include <brood/brood.h>

#include "harness.h"

/* Two pipes; the workers have one end of each. */
typedef struct pool_gate {
    intptr_t there[2], gate[2];
    brood_handle handles[2];
    brood_process_options process; /* for brood_pool_options.process */
} pool_gate;

void gate_make(pool_gate *gate);

/* A pool whose workers have the gate; options may be NULL. */
brood_pool *gate_pool(pool_gate *gate, uint32_t workers, const brood_pool_options *options);

/* Waits until so many more tasks have come to the gate; lets so many through. */
void gate_await(pool_gate *gate, int count);
void gate_pass(pool_gate *gate, int count);

/* From now on nobody is stopped. */
void gate_open(pool_gate *gate);

/* After the pool's end: how many tasks came to the gate that were not awaited. */
int gate_count_rest(pool_gate *gate);
void gate_free(pool_gate *gate);

/* The task: a byte to the test, a byte from it, and the value is the argument. */
int stop_at_gate(brood_task *task, const void *arg, size_t size);
/* The value is the number of the worker, an int64_t. */
int tell_pid(brood_task *task, const void *arg, size_t size);
/* Only says that it was there. */
int be_there(brood_task *task, const void *arg, size_t size);
/* The value is the argument. */
int echo(brood_task *task, const void *arg, size_t size);

/* Closes, joins and destroys it, all in time. */
void end_pool(brood_pool *pool);

#endif
