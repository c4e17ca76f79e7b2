/* L3 to L7: results one by one, from inputs without end, that fail, and that nobody finishes. */
#include "pool_tools.h"

#include <stdlib.h>

#include <brood/brood.h>

/* An input of the numbers from 0 on; what it ends with, and where. */
typedef struct counting {
    int64_t next;
    int64_t end; /* -1: there is none */
    brood_status ends_with;
    int64_t item[128];
    size_t size;
} counting;

static brood_status count_on(void *user, const void **data, size_t *size)
{
    counting *input = user;

    if (input->next == input->end) {
        return input->ends_with;
    }
    input->item[0] = input->next++;
    *data = input->item;
    *size = input->size != 0 ? input->size : sizeof input->item[0];
    return BROOD_OK;
}

typedef brood_status imap_maker(brood_pool *, brood_imap **, brood_function *,
                                brood_input_function *, void *, const brood_task_options *);

/* ---- in a callback ----------------------------------------------------------------------- */

/* What an imap's next item was in a callback, where nobody could wait for it. */
typedef struct called_back {
    brood_pool *pool;
    counting input;
    intptr_t may_go[2], is_done[2]; /* pipes */
    brood_status made, at_once, later, never;
} called_back;

static void next_in_callback(brood_result *result, void *user)
{
    called_back *self = user;
    brood_imap *imap = NULL;
    char byte = 0;

    (void)result;
    support_read(self->may_go[0], &byte, 1);
    self->made = brood_pool_imap(self->pool, &imap, task_echo, count_on, &self->input, NULL);
    self->at_once = brood_imap_next(imap, NULL, NULL, NULL, NULL, 0);
    self->later = brood_imap_next(imap, NULL, NULL, NULL, NULL, 10);
    self->never = brood_imap_next(imap, NULL, NULL, NULL, NULL, BROOD_FOREVER);
    brood_imap_destroy(imap);
    support_write(self->is_done[1], "d", 1);
}

static void fill_queue(brood_pool *pool, pool_gate *gate)
{
    brood_task_options tries = BROOD_TASK_OPTIONS_INIT;

    tries.try_submit = true;
    assert_ok(brood_pool_apply_async(pool, NULL, task_gated, NULL, 0, NULL));
    gate_await(gate, 1);
    while (brood_pool_apply_async(pool, NULL, task_gated, NULL, 0, &tries) == BROOD_OK) {
    }
}

/* The queue is full, and the item that was taken from the input waits for room. */
static void l7_next_in_a_callback_waits_for_no_room(void **state)
{
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    pool_gate gate;
    called_back self = {.input = {.end = -1}};
    char byte = 0;

    (void)state;
    assert_true(support_pipe(self.may_go) && support_pipe(self.is_done));
    pool_options.workers = 1;
    pool_options.queue_size = 1;
    self.pool = pool_with_gate_and(&pool_options, &gate);
    options.done = options.failed = next_in_callback;
    options.user = &self;
    assert_ok(brood_pool_apply_async(self.pool, NULL, task_echo, &byte, 1, &options));
    fill_queue(self.pool, &gate);
    support_write(self.may_go[1], "g", 1);
    assert_int_equal(support_read(self.is_done[0], &byte, 1), 1);
    gate_open(&gate);
    end_pool(self.pool);
    gate_free(&gate);
    assert_ok(self.made);
    assert_status(self.at_once, BROOD_ERR_TIMEOUT);
    assert_status(self.later, BROOD_ERR_STATE);
    assert_status(self.never, BROOD_ERR_STATE);
    for (int i = 0; i < 2; i++) {
        support_close(self.may_go[i]);
        support_close(self.is_done[i]);
    }
}

/* ---- L3 ---------------------------------------------------------------------------------- */

/* Item 0 stands at the gate. */
static int gate_at_zero(brood_task *task, const void *arg, size_t size)
{
    return *(const int64_t *)arg == 0 ? task_gated(task, arg, size) : task_echo(task, arg, size);
}

static void l3_ordered_waits_for_the_first(void **state)
{
    pool_gate gate;
    brood_pool *pool = pool_with_gate(2, &gate);
    counting input = {.end = 100, .ends_with = BROOD_ERR_CLOSED};
    brood_imap *imap = NULL;
    const void *data = NULL;
    uint64_t index = 77;

    (void)state;
    assert_ok(brood_pool_imap(pool, &imap, gate_at_zero, count_on, &input, NULL));
    gate_await(&gate, 1);
    assert_status(brood_imap_next(imap, &data, NULL, &index, NULL, 20), BROOD_ERR_TIMEOUT);
    assert_int_equal(index, 77);
    gate_open(&gate);
    for (int64_t i = 0; i < 100; i++) {
        assert_ok(brood_imap_next(imap, &data, NULL, &index, NULL, SOON_MS));
        assert_int_equal(index, i);
        assert_int_equal(*(const int64_t *)data, i);
    }
    assert_status(brood_imap_next(imap, &data, NULL, &index, NULL, SOON_MS), BROOD_ERR_CLOSED);
    assert_status(brood_imap_next(imap, NULL, NULL, NULL, NULL, 0), BROOD_ERR_CLOSED);
    assert_null(brood_imap_destroy(imap));
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

static void l3_unordered_gives_what_is_done(void **state)
{
    pool_gate gate;
    brood_pool *pool = pool_with_gate(2, &gate);
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    counting input = {.end = 100, .ends_with = BROOD_ERR_CLOSED};
    brood_imap *imap = NULL;
    const void *data = NULL;
    uint64_t index = 0;

    (void)state;
    options.window = 8;
    assert_ok(brood_pool_imap_unordered(pool, &imap, gate_at_zero, count_on, &input, &options));
    for (int64_t i = 1; i < 100; i++) {
        assert_ok(brood_imap_next(imap, &data, NULL, &index, NULL, SOON_MS));
        assert_int_not_equal(index, 0);
        assert_int_equal(*(const int64_t *)data, index);
    }
    assert_status(brood_imap_next(imap, &data, NULL, &index, NULL, 0), BROOD_ERR_TIMEOUT);
    gate_open(&gate);
    assert_ok(brood_imap_next(imap, &data, NULL, &index, NULL, SOON_MS));
    assert_int_equal(index, 0);
    assert_status(brood_imap_next(imap, &data, NULL, &index, NULL, SOON_MS), BROOD_ERR_CLOSED);
    assert_null(brood_imap_destroy(imap));
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

/* The first two items wait, each for a byte of its own pipe. */
static int pass_own_gate(brood_task *task, const void *arg, size_t size)
{
    int64_t number = *(const int64_t *)arg;
    char byte = 0;

    if (number < 2) {
        support_read(brood_task_handle(task, (size_t)number), &byte, 1);
    }
    return brood_return(task, arg, size);
}

static void await_succeeded(brood_pool *pool, uint64_t count)
{
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;

    while (stats.succeeded < count) {
        support_yield();
        assert_ok(brood_pool_get_stats(pool, &stats));
    }
}

static void l3_unordered_is_in_the_order_of_the_ends(void **state)
{
    intptr_t gates[2][2];
    brood_handle handles[2];
    brood_process_options process = BROOD_PROCESS_OPTIONS_INIT;
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    counting input = {.end = 2, .ends_with = BROOD_ERR_CLOSED};
    brood_pool *pool = NULL;
    brood_imap *imap = NULL;
    uint64_t index = 0;

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_true(support_pipe(gates[i]));
        handles[i] = gates[i][0];
    }
    process.handles = handles;
    process.handle_count = 2;
    pool_options.process = &process;
    pool_options.workers = 2;
    options.window = 2;
    assert_ok(brood_pool_create(&pool, &pool_options));
    assert_ok(brood_pool_imap_unordered(pool, &imap, pass_own_gate, count_on, &input, &options));
    assert_status(brood_imap_next(imap, NULL, NULL, &index, NULL, 0), BROOD_ERR_TIMEOUT);
    for (int i = 1; i >= 0; i--) {
        assert_int_equal(support_write(gates[i][1], "x", 1), 1);
        await_succeeded(pool, 2 - (uint64_t)i);
    }
    for (uint64_t i = 0; i < 2; i++) {
        assert_ok(brood_imap_next(imap, NULL, NULL, &index, NULL, SOON_MS));
        assert_int_equal(index, 1 - i);
    }
    assert_null(brood_imap_destroy(imap));
    assert_null(brood_pool_destroy(pool));
    for (int i = 0; i < 4; i++) {
        support_close(gates[i / 2][i % 2]);
    }
}

static void l3_unordered_is_complete(void **state)
{
    enum {
        COUNT = 10000
    };
    brood_pool *pool = pool_of(3);
    counting input = {.end = COUNT, .ends_with = BROOD_ERR_CLOSED};
    unsigned char *seen = calloc(COUNT, 1);
    brood_imap *imap = NULL;
    const void *data = NULL;
    size_t size = 0;
    uint64_t index = 0;

    (void)state;
    assert_ok(brood_pool_imap_unordered(pool, &imap, task_square, count_on, &input, NULL));
    for (int i = 0; i < COUNT; i++) {
        assert_ok(brood_imap_next(imap, &data, &size, &index, NULL, SOON_MS));
        assert_in_range(index, 0, COUNT - 1);
        assert_int_equal(size, sizeof(int64_t));
        assert_int_equal(*(const int64_t *)data, index * index);
        assert_int_equal(seen[index]++, 0);
    }
    assert_status(brood_imap_next(imap, NULL, NULL, NULL, NULL, SOON_MS), BROOD_ERR_CLOSED);
    brood_imap_destroy(imap);
    assert_null(brood_pool_destroy(pool));
    free(seen);
}

static void l3_nothing_comes_of_nothing(void **state)
{
    static imap_maker *const makers[] = {brood_pool_imap, brood_pool_imap_unordered};
    brood_pool *pool = pool_of(1);

    (void)state;
    for (int i = 0; i < 2; i++) {
        counting input = {.end = 0, .ends_with = BROOD_ERR_CLOSED};
        brood_imap *imap = NULL;

        assert_ok(makers[i](pool, &imap, task_square, count_on, &input, NULL));
        assert_status(brood_imap_next(imap, NULL, NULL, NULL, NULL, 0), BROOD_ERR_CLOSED);
        assert_null(brood_imap_destroy(imap));
    }
    assert_null(brood_imap_destroy(NULL));
    assert_null(brood_pool_destroy(pool));
}

static int fail_odd(brood_task *task, const void *arg, size_t size)
{
    return *(const int64_t *)arg % 2 != 0 ? task_fail(task, arg, size)
                                          : task_square(task, arg, size);
}

static void l3_a_failed_item_is_one_of_many(void **state)
{
    brood_pool *pool = pool_of(2);
    counting input = {.end = 100, .ends_with = BROOD_ERR_CLOSED};
    brood_imap *imap = NULL;

    (void)state;
    assert_ok(brood_pool_imap(pool, &imap, fail_odd, count_on, &input, NULL));
    for (uint64_t i = 0; i < 100; i++) {
        brood_failure failure = BROOD_FAILURE_INIT;
        const void *data = "";
        size_t size = 1;
        uint64_t index = 0;

        assert_status(brood_imap_next(imap, &data, &size, &index, &failure, SOON_MS),
                      i % 2 != 0 ? BROOD_ERR_TASK : BROOD_OK);
        assert_int_equal(index, i);
        if (i % 2 != 0) {
            assert_null(data);
            assert_int_equal(size, 0);
            assert_int_equal(failure.status, BROOD_ERR_TASK);
            assert_int_equal(failure.task_code, 3);
        }
    }
    assert_status(brood_imap_next(imap, NULL, NULL, NULL, NULL, SOON_MS), BROOD_ERR_CLOSED);
    brood_imap_destroy(imap);
    assert_null(brood_pool_destroy(pool));
}

static void l3_items_of_different_sizes(void **state)
{
    static const brood_bytes items[] = {{"one", 3}, {NULL, 0}, {"three", 5}, {"", 0}, {"5", 1}};
    brood_array array = {items, 5, BROOD_SIZE_VARIES, 0};
    brood_pool *pool = pool_of(2);
    brood_imap *imap = NULL;
    const void *data = NULL;
    size_t size = 0;

    (void)state;
    assert_ok(brood_pool_imap(pool, &imap, task_echo, brood_array_next, &array, NULL));
    for (size_t i = 0; i < 5; i++) {
        assert_ok(brood_imap_next(imap, &data, &size, NULL, NULL, SOON_MS));
        assert_int_equal(size, items[i].size);
        if (size > 0) {
            assert_memory_equal(data, items[i].data, size);
        }
    }
    assert_status(brood_imap_next(imap, NULL, NULL, NULL, NULL, SOON_MS), BROOD_ERR_CLOSED);
    brood_imap_destroy(imap);
    assert_null(brood_pool_destroy(pool));
}

static void l3_options_that_break_a_rule(void **state)
{
    brood_pool *pool = pool_of(1);
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    counting input = {.end = 1, .ends_with = BROOD_ERR_CLOSED};
    brood_shared *none = NULL;
    brood_imap *imap = NULL;

    (void)state;
    assert_status(brood_pool_imap(pool, NULL, task_echo, count_on, &input, NULL),
                  BROOD_ERR_ARGUMENT);
    assert_status(brood_pool_imap(NULL, &imap, task_echo, count_on, &input, NULL),
                  BROOD_ERR_ARGUMENT);
    assert_status(brood_pool_imap(pool, &imap, task_echo, NULL, &input, NULL), BROOD_ERR_ARGUMENT);
    options.shared_count = 1;
    assert_status(brood_pool_imap(pool, &imap, task_echo, count_on, &input, &options),
                  BROOD_ERR_ARGUMENT);
    options.shared = &none;
    assert_status(brood_pool_imap(pool, &imap, task_echo, count_on, &input, &options),
                  BROOD_ERR_ARGUMENT);
    assert_null(imap);
    assert_int_equal(input.next, 0);
    assert_null(brood_pool_destroy(pool));
}

/* ---- L4 ---------------------------------------------------------------------------------- */

static void l4_endless_input_in_bounded_memory(void **state)
{
    static imap_maker *const makers[] = {brood_pool_imap, brood_pool_imap_unordered};
    brood_pool *pool = pool_of(2);
    size_t before = 0;

    (void)state;
    for (int round = 0; round < 6; round++) {
        counting input = {.end = -1, .size = sizeof input.item};
        brood_imap *imap = NULL;

        assert_ok(makers[round % 2](pool, &imap, task_echo, count_on, &input, NULL));
        for (int64_t taken = 0; taken < 5000; taken++) {
            assert_in_range(input.next - taken, 0, 8);
            assert_ok(brood_imap_next(imap, NULL, NULL, NULL, NULL, SOON_MS));
        }
        assert_null(brood_imap_destroy(imap));
        before = round == 0 ? support_memory_used() : before;
    }
    if (!support_is_sanitized()) {
        assert_true(support_memory_used() < before + 8 * 1024 * 1024);
    }
    assert_null(brood_pool_destroy(pool));
}

static void l4_the_window_is_kept(void **state)
{
    brood_pool *pool = pool_of(2);
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;

    (void)state;
    for (size_t window = 1; window < 100; window = 3 * window + 1) {
        counting input = {.end = -1};
        brood_imap *imap = NULL;

        options.window = window;
        assert_ok(brood_pool_imap(pool, &imap, task_square, count_on, &input, &options));
        assert_int_equal(input.next, window);
        for (size_t taken = 1; taken < 200; taken++) {
            assert_ok(brood_imap_next(imap, NULL, NULL, NULL, NULL, SOON_MS));
            assert_int_equal(input.next, taken + window);
        }
        brood_imap_destroy(imap);
    }
    assert_null(brood_pool_destroy(pool));
}

/* ---- L5 ---------------------------------------------------------------------------------- */

static void l5_the_input_fails_midway(void **state)
{
    static imap_maker *const makers[] = {brood_pool_imap, brood_pool_imap_unordered};
    static const int64_t ends[] = {0, 1, 5, 50};
    brood_pool *pool = pool_of(2);

    (void)state;
    for (int i = 0; i < 8; i++) {
        counting input = {.end = ends[i / 2], .ends_with = BROOD_ERR_NOT_FOUND};
        brood_imap *imap = NULL;

        assert_ok(makers[i % 2](pool, &imap, task_square, count_on, &input, NULL));
        for (int64_t taken = 0; taken < input.end; taken++) {
            assert_ok(brood_imap_next(imap, NULL, NULL, NULL, NULL, SOON_MS));
        }
        input.end = -1; /* it is not asked again */
        for (int again = 0; again < 3; again++) {
            assert_status(brood_imap_next(imap, NULL, NULL, NULL, NULL, SOON_MS),
                          BROOD_ERR_NOT_FOUND);
        }
        brood_imap_destroy(imap);
    }
    assert_null(brood_pool_destroy(pool));
}

static void l5_the_pool_is_closed_midway(void **state)
{
    brood_pool *pool = pool_of(2);
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    counting input = {.end = -1};
    brood_failure failure = BROOD_FAILURE_INIT;
    brood_imap *imap = NULL;

    (void)state;
    options.window = 5;
    assert_ok(brood_pool_imap(pool, &imap, task_square, count_on, &input, &options));
    assert_ok(brood_pool_close(pool));
    for (int taken = 0; taken < 5; taken++) {
        assert_ok(brood_imap_next(imap, NULL, NULL, NULL, NULL, SOON_MS));
    }
    assert_status(brood_imap_next(imap, NULL, NULL, NULL, &failure, SOON_MS), BROOD_ERR_STATE);
    assert_int_equal(failure.status, BROOD_ERR_STATE);
    assert_ok(brood_pool_join(pool, SOON_MS));
    brood_imap_destroy(imap);
    assert_null(brood_pool_destroy(pool));
}

/* ---- L6 ---------------------------------------------------------------------------------- */

/* What runs is told, what waits never runs, and the workers go on. */
static void l6_an_abandoned_imap(void **state)
{
    pool_gate gate;
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    counting input = {.end = -1};
    brood_pool *pool = NULL;
    brood_imap *imap = NULL;
    int64_t pids[2][2];
    int64_t x = 9;

    (void)state;
    options.workers = 2;
    options.grace_ms = 3600 * 1000;
    pool = pool_with_gate_and(&options, &gate);
    assert_int_equal(brood_pool_pids(pool, pids[0], 2), 2);
    for (int round = 0; round < 20; round++) {
        assert_ok(brood_pool_imap(pool, &imap, task_until_cancelled, count_on, &input, NULL));
        gate_await(&gate, 2);
        assert_status(brood_imap_next(imap, NULL, NULL, NULL, NULL, 1), BROOD_ERR_TIMEOUT);
        assert_null(brood_imap_destroy(imap));
        assert_ok(brood_pool_apply(pool, task_square, &x, sizeof x, &x, sizeof x, NULL));
        x = 9;
    }
    assert_int_equal(brood_pool_pids(pool, pids[1], 2), 2);
    assert_memory_equal(pids[0], pids[1], sizeof pids[0]);
    assert_ok(brood_pool_close(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_ok(brood_pool_get_stats(pool, &stats));
    assert_int_equal(stats.cancelled, 20 * 8);
    assert_int_equal(stats.succeeded, 20);
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

/* What does not listen is ended after the grace. */
static void l6_a_deaf_abandoned_imap(void **state)
{
    pool_gate gate;
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    counting input = {.end = -1};
    brood_pool *pool = NULL;
    brood_imap *imap = NULL;
    int64_t x = 9;

    (void)state;
    options.workers = 2;
    options.grace_ms = 1;
    pool = pool_with_gate_and(&options, &gate);
    assert_ok(brood_pool_imap_unordered(pool, &imap, task_gated, count_on, &input, NULL));
    gate_await(&gate, 2);
    assert_null(brood_imap_destroy(imap));
    assert_ok(brood_pool_apply(pool, task_square, &x, sizeof x, &x, sizeof x, NULL));
    assert_int_equal(x, 81);
    assert_null(brood_pool_destroy(pool));
    gate_free(&gate);
}

static void l6_an_imap_abandoned_at_any_time(void **state)
{
    brood_pool *pool = pool_of(2);

    (void)state;
    for (int taken = 0; taken < 50; taken++) {
        counting input = {.end = 40, .ends_with = BROOD_ERR_CLOSED};
        brood_imap *imap = NULL;

        assert_ok(brood_pool_imap_unordered(pool, &imap, task_square, count_on, &input, NULL));
        for (int i = 0; i < taken; i++) {
            assert_status(brood_imap_next(imap, NULL, NULL, NULL, NULL, SOON_MS),
                          i < 40 ? BROOD_OK : BROOD_ERR_CLOSED);
        }
        assert_null(brood_imap_destroy(imap));
    }
    assert_null(brood_pool_destroy(pool));
}

/* As results do. */
static void l6_an_imap_outlives_its_pool(void **state)
{
    brood_pool *pool = pool_of(2);
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    counting input = {.end = -1};
    brood_imap *imaps[2] = {NULL};
    const void *data = NULL;

    (void)state;
    options.window = 3;
    assert_ok(brood_pool_imap(pool, &imaps[0], task_square, count_on, &input, &options));
    assert_ok(brood_pool_imap(pool, &imaps[1], task_square, count_on, &input, &options));
    assert_ok(brood_pool_close(pool));
    assert_ok(brood_pool_join(pool, SOON_MS));
    assert_null(brood_pool_destroy(pool));
    assert_ok(brood_imap_next(imaps[0], &data, NULL, NULL, NULL, SOON_MS));
    assert_int_equal(*(const int64_t *)data, 0);
    for (int i = 0; i < 2; i++) {
        assert_ok(brood_imap_next(imaps[0], NULL, NULL, NULL, NULL, SOON_MS));
    }
    assert_status(brood_imap_next(imaps[0], NULL, NULL, NULL, NULL, SOON_MS), BROOD_ERR_STATE);
    assert_null(brood_imap_destroy(imaps[0]));
    assert_null(brood_imap_destroy(imaps[1]));
}

/* ---- L7 ---------------------------------------------------------------------------------- */

static void l7_next_times_out_and_later_succeeds(void **state)
{
    static imap_maker *const makers[] = {brood_pool_imap, brood_pool_imap_unordered};

    (void)state;
    for (int i = 0; i < 2; i++) {
        pool_gate gate;
        brood_pool *pool = pool_with_gate(2, &gate);
        counting input = {.end = -1};
        brood_imap *imap = NULL;
        uint64_t index = 0;

        assert_ok(makers[i](pool, &imap, task_gated, count_on, &input, NULL));
        gate_await(&gate, 2);
        for (int k = 0; k < 3; k++) {
            assert_status(brood_imap_next(imap, NULL, NULL, NULL, NULL, 10 * k), BROOD_ERR_TIMEOUT);
        }
        assert_status(brood_imap_next(imap, NULL, NULL, NULL, NULL, -5), BROOD_ERR_ARGUMENT);
        gate_pass(&gate, 20);
        for (uint64_t k = 0; k < 10; k++) {
            assert_ok(brood_imap_next(imap, NULL, NULL, &index, NULL, SOON_MS));
            assert_true(i == 1 || index == k);
        }
        gate_open(&gate);
        brood_imap_destroy(imap);
        assert_null(brood_pool_destroy(pool));
        gate_free(&gate);
    }
}

/* ---- a queue that is full -------------------------------------------------------------------- */

/* A look is only a look, and what there was no room for comes later. */
static void l4_a_full_queue_blocks_nobody(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    counting input = {.end = 20, .ends_with = BROOD_ERR_CLOSED};
    brood_imap *imap = NULL;
    brood_pool *pool = NULL;
    const void *data = NULL;
    pool_gate gate;

    (void)state;
    options.workers = 1;
    options.queue_size = 1;
    pool = pool_with_gate_and(&options, &gate);
    assert_ok(brood_pool_imap(pool, &imap, task_gated, count_on, &input, NULL));
    gate_await(&gate, 1);
    for (int i = 0; i < 10; i++) {
        assert_status(brood_imap_next(imap, &data, NULL, NULL, NULL, 0), BROOD_ERR_TIMEOUT);
    }
    gate_open(&gate);
    for (int64_t i = 0; i < 20; i++) {
        assert_ok(brood_imap_next(imap, &data, NULL, NULL, NULL, SOON_MS));
        assert_int_equal(*(const int64_t *)data, i);
    }
    assert_status(brood_imap_next(imap, &data, NULL, NULL, NULL, 0), BROOD_ERR_CLOSED);
    brood_imap_destroy(imap);
    end_pool(pool);
    gate_free(&gate);
}

/* Others have filled it, and nothing of the imap's own makes room. */
static void l4_a_queue_full_of_others(void **state)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_task_options tries = BROOD_TASK_OPTIONS_INIT;
    counting input = {.end = 3, .ends_with = BROOD_ERR_CLOSED};
    brood_imap *imap = NULL;
    brood_pool *pool = NULL;
    const void *data = NULL;
    pool_gate gate;

    (void)state;
    options.workers = 1;
    options.queue_size = 1;
    tries.try_submit = true;
    pool = pool_with_gate_and(&options, &gate);
    assert_status(brood_pool_imap(pool, &imap, task_echo, count_on, &input, &tries),
                  BROOD_ERR_ARGUMENT);
    assert_ok(brood_pool_apply_async(pool, NULL, task_gated, NULL, 0, NULL));
    gate_await(&gate, 1);
    while (brood_pool_apply_async(pool, NULL, task_gated, NULL, 0, &tries) == BROOD_OK) {
    }
    assert_ok(brood_pool_imap(pool, &imap, task_echo, count_on, &input, NULL));
    assert_status(brood_imap_next(imap, &data, NULL, NULL, NULL, 0), BROOD_ERR_TIMEOUT);
    assert_status(brood_imap_next(imap, &data, NULL, NULL, NULL, 20), BROOD_ERR_TIMEOUT);
    gate_open(&gate);
    for (int64_t i = 0; i < 3; i++) {
        assert_ok(brood_imap_next(imap, &data, NULL, NULL, NULL, SOON_MS));
        assert_int_equal(*(const int64_t *)data, i);
    }
    brood_imap_destroy(imap);
    end_pool(pool);
    gate_free(&gate);
}

/* ---- from inside ------------------------------------------------------------------------- */

typedef struct reentering {
    counting numbers;
    brood_imap *imap;
    brood_status from_input, from_progress;
} reentering;

static brood_status count_and_reenter(void *user, const void **data, size_t *size)
{
    reentering *self = user;

    if (self->imap != NULL) {
        self->from_input = brood_imap_next(self->imap, NULL, NULL, NULL, NULL, BROOD_FOREVER);
    }
    return count_on(&self->numbers, data, size);
}

static void reenter(const brood_progress *progress, void *user)
{
    reentering *self = user;

    (void)progress;
    self->from_progress = brood_imap_next(self->imap, NULL, NULL, NULL, NULL, BROOD_FOREVER);
}

/* Neither the input nor the progress of an imap can take its items: the caller gets each of them. */
static void l6_next_from_inside_of_next(void **state)
{
    brood_pool *pool = pool_of(2);
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    reentering self = {.numbers = {.end = 20, .ends_with = BROOD_ERR_CLOSED}};
    const void *data = NULL;
    uint64_t index = 0;

    (void)state;
    options.progress = reenter;
    options.progress_user = &self;
    assert_ok(brood_pool_imap(pool, &self.imap, task_echo, count_and_reenter, &self, &options));
    for (int64_t i = 0; i < 20; i++) {
        assert_ok(brood_imap_next(self.imap, &data, NULL, &index, NULL, SOON_MS));
        assert_int_equal(index, i);
        assert_int_equal(*(const int64_t *)data, i);
    }
    assert_status(brood_imap_next(self.imap, NULL, NULL, NULL, NULL, SOON_MS), BROOD_ERR_CLOSED);
    assert_status(self.from_input, BROOD_ERR_STATE);
    assert_status(self.from_progress, BROOD_ERR_STATE);
    brood_imap_destroy(self.imap);
    end_pool(pool);
}

/* ---- after a resize ----------------------------------------------------------------------- */

/* The window is that of the workers that there should be now. */
static void l4_the_window_follows_a_resize(void **state)
{
    brood_pool_options pool_options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;
    brood_imap *imap = NULL;
    counting input = {.end = -1};

    (void)state;
    pool_options.workers = 1;
    pool_options.lazy = true;
    assert_ok(brood_pool_create(&pool, &pool_options));
    assert_ok(brood_pool_imap(pool, &imap, task_echo, count_on, &input, NULL));
    assert_int_equal(input.next, 4);
    assert_ok(brood_pool_resize(pool, 4));
    assert_ok(brood_imap_next(imap, NULL, NULL, NULL, NULL, SOON_MS));
    assert_int_equal(input.next, 17);
    brood_imap_destroy(imap);
    end_pool(pool);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(l6_next_from_inside_of_next),
    cmocka_unit_test(l4_the_window_follows_a_resize),
    cmocka_unit_test(l4_a_full_queue_blocks_nobody),
    cmocka_unit_test(l4_a_queue_full_of_others),
    cmocka_unit_test(l3_ordered_waits_for_the_first),
    cmocka_unit_test(l3_unordered_gives_what_is_done),
    cmocka_unit_test(l3_unordered_is_in_the_order_of_the_ends),
    cmocka_unit_test(l3_unordered_is_complete),
    cmocka_unit_test(l3_nothing_comes_of_nothing),
    cmocka_unit_test(l3_a_failed_item_is_one_of_many),
    cmocka_unit_test(l3_items_of_different_sizes),
    cmocka_unit_test(l3_options_that_break_a_rule),
    cmocka_unit_test(l4_endless_input_in_bounded_memory),
    cmocka_unit_test(l4_the_window_is_kept),
    cmocka_unit_test(l5_the_input_fails_midway),
    cmocka_unit_test(l5_the_pool_is_closed_midway),
    cmocka_unit_test(l6_an_abandoned_imap),
    cmocka_unit_test(l6_a_deaf_abandoned_imap),
    cmocka_unit_test(l6_an_imap_abandoned_at_any_time),
    cmocka_unit_test(l6_an_imap_outlives_its_pool),
    cmocka_unit_test(l7_next_times_out_and_later_succeeds),
    cmocka_unit_test(l7_next_in_a_callback_waits_for_no_room),
};

BROOD_TEST_MAIN(tests)
