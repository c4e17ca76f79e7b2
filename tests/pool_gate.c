#include "pool_gate.h"

void gate_make(pool_gate *gate)
{
    brood_process_options process = BROOD_PROCESS_OPTIONS_INIT;

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

void gate_await(pool_gate *gate, int count)
{
    while (count-- > 0) {
        assert_byte(gate->there[0]);
    }
}

void gate_pass(pool_gate *gate, int count)
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

int be_there(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    return support_write(brood_task_handle(task, 0), "t", 1) == 1 ? 0 : 1;
}

int stop_at_gate(brood_task *task, const void *arg, size_t size)
{
    char byte = 0;

    if (be_there(task, NULL, 0) != 0) {
        return 1;
    }
    support_read(brood_task_handle(task, 1), &byte, 1);
    return brood_return(task, arg, size);
}

int tell_pid(brood_task *task, const void *arg, size_t size)
{
    int64_t pid = support_pid();

    (void)arg;
    (void)size;
    return brood_return(task, &pid, sizeof pid);
}

int echo(brood_task *task, const void *arg, size_t size)
{
    return brood_return(task, arg, size);
}

void end_pool(brood_pool *pool)
{
    assert_ok(brood_pool_close(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_null(brood_pool_destroy(pool));
}
