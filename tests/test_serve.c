/* A worker's side by itself: whatever the pool does, it returns, and tells how its process is to end. */
#include "harness.h"

#include "base/buffer.h"
#include "process/function.h"
#include "serve/serve.h"
#include "process/task.h"
#include "process/watch.h"
#include "worker_view.h"

#define CAPACITY 4096
#define LARGE (16 * CAPACITY)
#define NOWHERE 99 /* no function, no shared memory, and no order has this number */

/* The pool's side of a worker that has not begun; one at a time, since functions reach for it. */
static struct {
    brood_os_segment segment;
    worker_view view;
    brood_ring to, from;
    brood_os_channel *bell;
    brood_handle worker_bell, worker_segment;
    uint64_t last_id;
    unsigned calls;
    uint64_t heard; /* bytes that the worker has published */
} pool;

static void send_order(brood_wire_order order, const void *body)
{
    static const char zeros[BROOD_WIRE_ALIGN] = {0};
    size_t size = (size_t)order.size;

    brood_ring_put(&pool.to, &order, sizeof order);
    if (body != NULL) {
        brood_ring_put(&pool.to, body, size);
        brood_ring_put(&pool.to, zeros, (size_t)brood_wire_padded(size) - size);
    }
    brood_ring_publish(&pool.to);
}

static void send_function(const brood_function_ref *ref, uint32_t number)
{
    brood_buffer code = BROOD_BUFFER_INIT;

    brood_function_encode(&code, ref);
    send_order(
        (brood_wire_order){.kind = BROOD_WIRE_FUNCTION, .function = number, .size = code.size},
        code.data);
    brood_buffer_free(&code);
}

/* A worker that will know one function. */
static void set_up(brood_os_function *function)
{
    brood_function_ref ref;

    memset(&pool, 0, sizeof pool);
    assert_ok(
        brood_os_segment_create(&pool.segment, brood_wire_segment_size(CAPACITY), false, NULL));
    assert_ok(brood_os_handle_duplicate(&pool.worker_segment, pool.segment.handle, NULL));
    assert_ok(brood_os_channel_pair(&pool.bell, &pool.worker_bell, NULL));
    pool.view = view_in(pool.segment.base, CAPACITY);
    brood_ring_attach(&pool.to, pool.view.in, CAPACITY);
    brood_ring_attach(&pool.from, pool.view.out, CAPACITY);
    assert_ok(brood_function_locate(&ref, function, NULL, false, "function", NULL));
    send_function(&ref, 0);
    brood_function_forget(&ref);
}

static void go(void)
{
    brood_os_channel_close(pool.bell);
    pool.bell = NULL;
}

/* Serves, and compares the end. */
static void assert_served(brood_serve_end end, int code)
{
    brood_start process = {.name = "worker", .handle_count = BROOD_WIRE_HANDLES};
    brood_task task = {.start = &process};
    brood_wire_start start = {.capacity = CAPACITY, .segment_size = pool.segment.size};
    brood_served served;

    process.handles[BROOD_WIRE_HANDLE_SEGMENT] = pool.worker_segment;
    process.handles[BROOD_WIRE_HANDLE_BELL] = pool.worker_bell;
    served = brood_serve(&task, &start, sizeof start);
    assert_int_equal(served.end, end);
    assert_int_equal(served.code, code);
    assert_true((served.bell != NULL) == (end == BROOD_SERVE_EXITS));
    brood_os_channel_close(served.bell);
    pool.heard = brood_load64(&pool.view.out->written);
    brood_os_channel_close(pool.bell);
    brood_os_segment_close(&pool.segment);
}

static void assert_breaks(void)
{
    assert_served(BROOD_SERVE_BREAKS, BROOD_EXIT_ORPHAN);
}

/* Items of one byte each, with a value of any size. */
static brood_wire_order task_of(uint64_t count)
{
    return (brood_wire_order){.kind = BROOD_WIRE_TASK,
                              .id = ++pool.last_id,
                              .attempt = 1,
                              .count = count,
                              .size = count,
                              .in_size = 1,
                              .out_size = BROOD_WIRE_VARIES};
}

static void send_task(uint64_t count)
{
    send_order(task_of(count), "items");
}

/* What must not begin any more. */
static void send_more(void)
{
    send_task(1);
    send_order((brood_wire_order){.kind = BROOD_WIRE_INITIALIZE, .size = 1}, "");
    send_order((brood_wire_order){.kind = BROOD_WIRE_FINALIZE}, NULL);
}

/* ---- functions ----------------------------------------------------------------------------- */

static int echo(brood_task *task, const void *arg, size_t size)
{
    pool.calls++;
    return brood_return(task, arg, size);
}

static int count_range(brood_task *task, uint64_t begin, uint64_t end, const void *arg, size_t size)
{
    (void)task;
    (void)begin;
    (void)end;
    (void)arg;
    (void)size;
    pool.calls++;
    return 0;
}

static int echo_and_lose_the_pool(brood_task *task, const void *arg, size_t size)
{
    if (pool.bell != NULL) {
        go();
    }
    return echo(task, arg, size);
}

static int fail_with_7(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    pool.calls++;
    return 7;
}

static int return_much(brood_task *task, const void *arg, size_t size)
{
    void *value = brood_return_buffer(task, LARGE);

    (void)arg;
    (void)size;
    pool.calls++;
    memset(value, 1, LARGE);
    return 0;
}

static int return_much_and_lose_the_pool(brood_task *task, const void *arg, size_t size)
{
    go();
    return return_much(task, arg, size);
}

static int return_much_to_a_liar(brood_task *task, const void *arg, size_t size)
{
    brood_store64(&pool.view.out->read, UINT64_C(1) << 40);
    return return_much(task, arg, size);
}

/* ---- tests --------------------------------------------------------------------------------- */

static void it_stops_when_it_is_told(void **state)
{
    (void)state;
    set_up((brood_os_function *)echo);
    send_task(3);
    send_order((brood_wire_order){.kind = BROOD_WIRE_STOP}, NULL);
    send_task(1);
    assert_served(BROOD_SERVE_RETURNS, 0);
    assert_int_equal(pool.calls, 3);
}

static void an_initializer_fails(void **state)
{
    (void)state;
    set_up((brood_os_function *)fail_with_7);
    send_order((brood_wire_order){.kind = BROOD_WIRE_INITIALIZE, .size = 1}, "");
    send_more();
    assert_served(BROOD_SERVE_EXITS, 7);
    assert_int_equal(pool.calls, 1);
    assert_int_equal(pool.heard, sizeof(brood_wire_answer));
}

static void a_pool_that_goes_while_it_waits(void **state)
{
    (void)state;
    set_up((brood_os_function *)echo);
    go();
    assert_breaks();
}

static void a_pool_that_goes_between_items(void **state)
{
    (void)state;
    set_up((brood_os_function *)echo_and_lose_the_pool);
    assert_true(brood_ring_sleep_to_read(&pool.from, 0)); /* the first value rings */
    send_task(3);
    send_more();
    assert_breaks();
    assert_int_equal(pool.calls, 1);
    assert_int_equal(pool.heard, sizeof(brood_wire_answer) + BROOD_WIRE_ALIGN);
}

static void a_pool_that_goes_while_a_value_is_sent(void **state)
{
    (void)state;
    set_up((brood_os_function *)return_much_and_lose_the_pool);
    send_task(3);
    send_more();
    assert_breaks();
    assert_int_equal(pool.calls, 1);
}

static void a_pool_that_goes_while_an_argument_comes(void **state)
{
    brood_wire_order order;

    (void)state;
    set_up((brood_os_function *)echo);
    order = task_of(1);
    order.size = order.in_size = LARGE;
    send_order(order, NULL);
    go();
    assert_breaks();
    assert_int_equal(pool.calls, 0);
}

static void failures_that_nobody_hears(void **state)
{
    static char no_module[] = "";
    const brood_function_ref unknown = {.name = "unknown", .code = {.module = no_module}};
    brood_wire_order order;

    (void)state;
    set_up((brood_os_function *)echo);
    send_function(&unknown, 1);
    order = task_of(UINT64_C(1) << 40);
    order.function = 1;
    order.size = 1;
    send_order(order, "");
    send_more();
    go();
    assert_breaks();
    assert_int_equal(pool.calls, 0);
}

static void orders_that_cannot_be(void **state)
{
    static const brood_wire_order orders[] = {
        {.kind = NOWHERE},
        {.kind = BROOD_WIRE_TASK,
         .function = NOWHERE,
         .id = 1,
         .count = 1,
         .size = 1,
         .in_size = 1},
        {.kind = BROOD_WIRE_INITIALIZE, .function = NOWHERE, .size = 1},
        {.kind = BROOD_WIRE_FINALIZE, .function = NOWHERE},
        {.kind = BROOD_WIRE_FUNCTION, .function = NOWHERE, .size = 1},
        {.kind = BROOD_WIRE_FUNCTION, .function = 1, .size = 1}, /* and no code of one */
        {.kind = BROOD_WIRE_SHARED, .id = 1, .first = NOWHERE * 1000, .count = 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        set_up((brood_os_function *)echo);
        send_order(orders[i], orders[i].size > 0 ? "" : NULL);
        send_more();
        go();
        assert_breaks();
        assert_int_equal(pool.calls, 0);
    }
}

static void shared_memory_that_it_does_not_know(void **state)
{
    static const uint32_t flags[] = {0, BROOD_WIRE_IN_SHARED, BROOD_WIRE_OUT_SHARED,
                                     BROOD_WIRE_RANGE};

    (void)state;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        bool is_range = flags[i] == BROOD_WIRE_RANGE;
        uint64_t extra[4] = {flags[i] == 0 || is_range ? 1 : 0, NOWHERE, 0, 0};
        brood_wire_order order;

        set_up(is_range ? (brood_os_function *)count_range : (brood_os_function *)echo);
        order = task_of(1);
        order.flags = BROOD_WIRE_EXTRA | flags[i];
        order.size = sizeof extra;
        send_order(order, extra);
        if (!is_range) {
            send_more();
        }
        go();
        assert_breaks();
        assert_int_equal(pool.calls, 0);
    }
}

static void a_pool_that_has_written_more_than_there_is(void **state)
{
    (void)state;
    set_up((brood_os_function *)echo);
    brood_store64(&pool.view.in->written, UINT64_C(1) << 40);
    assert_breaks();
    assert_int_equal(pool.calls, 0);
}

static void a_pool_that_has_read_more_than_there_is(void **state)
{
    (void)state;
    set_up((brood_os_function *)return_much_to_a_liar);
    send_task(3);
    assert_breaks();
    assert_int_equal(pool.calls, 1);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(it_stops_when_it_is_told),
    cmocka_unit_test(an_initializer_fails),
    cmocka_unit_test(a_pool_that_goes_while_it_waits),
    cmocka_unit_test(a_pool_that_goes_between_items),
    cmocka_unit_test(a_pool_that_goes_while_a_value_is_sent),
    cmocka_unit_test(a_pool_that_goes_while_an_argument_comes),
    cmocka_unit_test(failures_that_nobody_hears),
    cmocka_unit_test(orders_that_cannot_be),
    cmocka_unit_test(shared_memory_that_it_does_not_know),
    cmocka_unit_test(a_pool_that_has_written_more_than_there_is),
    cmocka_unit_test(a_pool_that_has_read_more_than_there_is),
};

BROOD_TEST_MAIN(tests)
