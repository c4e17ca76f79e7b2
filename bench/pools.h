/* The pools that are measured, and the tasks that several benchmarks give them. */
#ifndef BROOD_BENCH_POOLS_H
#define BROOD_BENCH_POOLS_H

#include <brood/brood.h>

brood_pool *pools_open(uint32_t workers);
void pools_close(brood_pool *pool); /* closes, joins and destroys it */

/* Takes a number of 8 bytes, and returns the next one. */
int pools_add_one(brood_task *task, const void *arg, size_t size);

/* So many tasks of that kind, one after the other, in microseconds. */
double pools_apply(brood_pool *pool, int count);

/*
 * The same without waiting for each: a thousand are submitted, then their results taken. options
 * may be NULL.
 */
double pools_apply_async(brood_pool *pool, int count, const brood_task_options *options);

/* The same with all of them submitted before the first result is taken. */
double pools_apply_deep(brood_pool *pool, int count);

#endif
