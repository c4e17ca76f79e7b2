#include "pool_tools.h"

brood_pool *pool_of(uint32_t workers)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;

    options.workers = workers;
    assert_ok(brood_pool_create(&pool, &options));
    return pool;
}

void end_pool(brood_pool *pool)
{
    assert_ok(brood_pool_close(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_null(brood_pool_destroy(pool));
}

/* ---- the gate ---------------------------------------------------------------------------- */

/* The last one that was made, for tasks of a pool of threads, which get no handles. */
static const pool_gate *gate_here;

static intptr_t gate_handle(const brood_task *task, size_t index)
{
    return brood_task_handle_count(task) > 0 ? brood_task_handle(task, index)
                                             : gate_here->handles[index];
}

void gate_make(pool_gate *gate)
{
    brood_process_options process = BROOD_PROCESS_OPTIONS_INIT;

    gate_here = gate;
    assert_true(support_pipe(gate->there));
    assert_true(support_pipe(gate->gate));
    gate->handles[0] = gate->there[1];
    gate->handles[1] = gate->gate[0];
    gate->process = process;
    gate->process.handles = gate->handles;
    gate->process.handle_count = 2;
}

brood_pool *gate_pool(pool_gate *gate, uint32_t workers, const brood_pool_options *options)
{
    brood_pool_options given = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;

    if (options != NULL) {
        given = *options;
    }
    given.workers = workers;
    given.process = &gate->process;
    assert_ok(brood_pool_create(&pool, &given));
    return pool;
}

brood_pool *pool_with_gate_and(const brood_pool_options *options, pool_gate *gate)
{
    gate_make(gate);
    return gate_pool(gate, options->workers, options);
}

brood_pool *pool_with_gate(uint32_t workers, pool_gate *gate)
{
    gate_make(gate);
    return gate_pool(gate, workers, NULL);
}

void gate_await(pool_gate *gate, size_t count)
{
    while (count-- > 0) {
        assert_byte(gate->there[0]);
    }
}

void gate_pass(pool_gate *gate, size_t count)
{
    while (count-- > 0) {
        assert_int_equal(support_write(gate->gate[1], "g", 1), 1);
    }
}

void gate_open(pool_gate *gate)
{
    support_close(gate->gate[1]);
    gate->gate[1] = -1;
}

int gate_count_rest(pool_gate *gate)
{
    char byte = 0;
    int count = 0;

    support_close(gate->there[1]);
    gate->there[1] = -1;
    while (support_read(gate->there[0], &byte, 1) == 1) {
        count++;
    }
    return count;
}

void gate_free(pool_gate *gate)
{
    for (int i = 0; i < 2; i++) {
        if (gate->there[i] != -1) {
            support_close(gate->there[i]);
        }
        if (gate->gate[i] != -1) {
            support_close(gate->gate[i]);
        }
    }
}

static void say_there(const brood_task *task)
{
    support_write(gate_handle(task, 0), "t", 1);
}

void gate_stop(brood_task *task)
{
    char byte = 0;

    say_there(task);
    support_read(gate_handle(task, 1), &byte, 1);
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
    gate_stop(task);
    return brood_return(task, arg, size);
}

int task_be_there(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    say_there(task);
    return 0;
}

int task_tell_pid(brood_task *task, const void *arg, size_t size)
{
    int64_t pid = support_pid();

    (void)arg;
    (void)size;
    return brood_return(task, &pid, sizeof pid);
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
    say_there(task);
    while (!brood_task_cancelled(task)) {
        support_yield();
    }
    return 0;
}
