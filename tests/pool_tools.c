#include "pool_tools.h"

#include <brood/brood.h>

brood_pool *pool_of(uint32_t workers)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;

    options.workers = workers;
    assert_ok(brood_pool_create(&pool, &options));
    return pool;
}

/* ---- the gate ---------------------------------------------------------------------------- */

brood_pool *pool_with_gate_and(brood_pool_options *options, pool_gate *gate)
{
    brood_process_options process = BROOD_PROCESS_OPTIONS_INIT;
    brood_pool *pool = NULL;
    brood_handle handles[2];

    assert_true(support_pipe(gate->arrivals));
    assert_true(support_pipe(gate->passes));
    handles[0] = gate->arrivals[1];
    handles[1] = gate->passes[0];
    process.handles = handles;
    process.handle_count = 2;
    options->process = &process;
    assert_ok(brood_pool_create(&pool, options));
    options->process = NULL;
    support_close(gate->arrivals[1]);
    support_close(gate->passes[0]);
    return pool;
}

brood_pool *pool_with_gate(uint32_t workers, pool_gate *gate)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;

    options.workers = workers;
    return pool_with_gate_and(&options, gate);
}

void gate_await(const pool_gate *gate, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_byte(gate->arrivals[0]);
    }
}

void gate_let(const pool_gate *gate, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(support_write(gate->passes[1], "", 1), 1);
    }
}

void gate_open(pool_gate *gate)
{
    support_close(gate->passes[1]);
    gate->passes[1] = -1;
}

void gate_close(pool_gate *gate)
{
    if (gate->passes[1] != -1) {
        gate_open(gate);
    }
    support_close(gate->arrivals[0]);
}

void gate_pass(brood_task *task)
{
    char byte = 0;

    support_write(brood_task_handle(task, 0), "", 1);
    support_read(brood_task_handle(task, 1), &byte, 1);
}

/* ---- tasks ------------------------------------------------------------------------------- */

int task_echo(brood_task *task, const void *arg, size_t size)
{
    return brood_return(task, arg, size);
}

int task_square(brood_task *task, const void *arg, size_t size)
{
    int64_t x = 0;

    if (size != sizeof x) {
        return brood_task_fail(task, 2, "%u bytes are no number", (unsigned)size);
    }
    memcpy(&x, arg, sizeof x);
    x *= x;
    return brood_return(task, &x, sizeof x);
}

int task_gated(brood_task *task, const void *arg, size_t size)
{
    gate_pass(task);
    return brood_return(task, arg, size);
}

int task_fail(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    return brood_task_fail(task, 3, "item %u does not want to", (unsigned)brood_task_index(task));
}

int task_until_cancelled(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    support_write(brood_task_handle(task, 0), "", 1);
    while (!brood_task_cancelled(task)) {
        support_yield();
    }
    return 0;
}
