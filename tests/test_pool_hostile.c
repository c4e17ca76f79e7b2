/*
 * Group H: a worker against the program. What it writes where it must not costs it its own task and
 * its life, and the program nothing: no call hangs or is held up, nothing false is believed.
 */
#include "pool_stage.h"

#include <stdlib.h>

#include "worker_view.h"
#include "pool/engine.h"
#include "pool/lock.h"
#include "pool/peer_impl.h"

#define RING_BYTES STAGE_RING

static int wait_at_gate(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    stage_wait(task);
    return 0;
}

/* The same, and says which process it is. */
static int note_pid(brood_task *task, const void *arg, size_t size)
{
    brood_store64(&stage_notes(task)[0], (uint64_t)support_pid());
    return wait_at_gate(task, arg, size);
}

/* Looks again and again: a worker that writes rubbish need not ring. */
static brood_status look_for_end(brood_result *result)
{
    brood_status status = BROOD_ERR_TIMEOUT;

    for (int i = 0; i < SOON_MS && status == BROOD_ERR_TIMEOUT; i++) {
        status = brood_result_wait(result, 1);
    }
    return status;
}

/* ---- H1: shared memory made shorter ------------------------------------------------------------ */

/* Whether it could. */
static int shorten(brood_task *task, const void *arg, size_t size)
{
    bool done = support_truncate(task->start->handles[BROOD_WIRE_HANDLE_SEGMENT], 0);
    (void)arg;
    (void)size;
    return brood_return(task, &done, sizeof done);
}

static void h1_a_worker_shortens_what_is_shared(void **state)
{
    pool_stage stage;
    bool done = true;

    (void)state;
    if (!support_is_linux() && !support_is_windows()) {
        harness_skip("POSIX has nothing against it");
    }
    stage_prepare(&stage, 1);
    stage_open(&stage);
    assert_ok(
        brood_pool_apply(stage.pool, shorten, NULL, 0, &done, sizeof done, &stage.task_options));
    assert_false(done);
    brood_store64(&stage.notes[STAGE_NOTES - 1], 1); /* SIGBUS would end us */
    stage_works(&stage, 3);
    stage_close(&stage);
}

/* ---- H2: a worker that never stops talking ----------------------------------------------------- */

#define FLOOD_STEP 4096
#define FLOOD_BODY 16 /* with it a frame has 64 bytes, so that whole ones fill the ring */

typedef struct flood_order {
    uint64_t capacity;
    brood_wire_kind kind;
    uint64_t size; /* of the first one's body */
} flood_order;

static void put_at(const worker_view *view, uint64_t at, const brood_wire_answer *answer)
{
    unsigned char bytes[sizeof *answer];

    memcpy(bytes, answer, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        view->out_bytes[(at + i) & (view->capacity - 1)] = bytes[i];
    }
}

/* Until all that was said before has been heard. */
static void await_heard(const worker_view *view)
{
    while (brood_load64(&view->out->read) != brood_load64(&view->out->written)) {
        support_yield();
    }
}

/* From here on the ring is full of such frames, and grows without end. */
static void flood(const worker_view *view, const flood_order *order, brood_wire_answer answer)
{
    uint64_t begin = brood_load64(&view->out->written);

    answer.kind = order->kind;
    answer.size = FLOOD_BODY;
    answer.status = BROOD_ERR_TASK;
    for (uint64_t at = 0; at < view->capacity; at += sizeof answer + FLOOD_BODY) {
        put_at(view, begin + at, &answer);
    }
    answer.size = order->size;
    put_at(view, begin, &answer);
    for (uint64_t at = begin + FLOOD_STEP;; at += FLOOD_STEP) {
        while (at - brood_load64(&view->out->read) > view->capacity) {
        }
        brood_store64(&view->out->written, at);
    }
}

static int flood_in_task(brood_task *task, const void *arg, size_t size)
{
    brood_wire_answer answer = {.id = task->id, .first = task->first, .count = 1};
    flood_order order;
    worker_view view;

    (void)size;
    memcpy(&order, arg, sizeof order);
    view = view_of(task, (size_t)order.capacity);
    stage_wait(task);
    await_heard(&view);
    flood(&view, &order, answer);
    return 0;
}

/* Its page is not in what an initializer gets. */
static int flood_in_initializer(brood_task *task, const void *arg, size_t size)
{
    brood_wire_answer answer = {0};
    brood_os_segment segment;
    flood_order order;
    worker_view view;

    (void)size;
    memcpy(&order, arg, sizeof order);
    if (brood_os_segment_adopt(&segment, task->start->handles[BROOD_WIRE_HANDLE_SEGMENT],
                               brood_wire_segment_size((size_t)order.capacity), NULL) != BROOD_OK) {
        return 1;
    }
    view = view_in(segment.base, (size_t)order.capacity);
    flood(&view, &order, answer);
    return 0;
}

static brood_result *begin_flood(pool_stage *stage, brood_wire_kind kind, uint64_t size)
{
    flood_order order = {STAGE_RING, kind, size};
    brood_result *result = NULL;

    assert_ok(brood_pool_apply_async(stage->pool, &result, flood_in_task, &order, sizeof order,
                                     &stage->task_options));
    stage_await(stage);
    return result;
}

static void h2_pads_without_end(void **state)
{
    pool_stage stage;
    brood_result *result = NULL;

    (void)state;
    stage_prepare(&stage, 1);
    stage_open(&stage);
    for (uint64_t size = 0; size <= FLOOD_BODY; size += FLOOD_BODY) {
        result = begin_flood(&stage, BROOD_WIRE_PAD, size);
        stage_let_go(&stage, 1);
        assert_ok(look_for_end(result));
        stage_end(result, BROOD_ERR_DIED);
        stage_works(&stage, 2);
    }
    stage_close(&stage);
}

static void h2_failures_of_the_setup_without_end(void **state)
{
    pool_stage stage;
    brood_result *result = NULL;
    flood_order order = {0, BROOD_WIRE_FAILED, FLOOD_BODY};

    (void)state;
    stage_prepare(&stage, 1);
    stage.options.initializer = flood_in_initializer;
    stage.options.initializer_arg = &order;
    stage.options.initializer_size = sizeof order;
    stage.options.crash_limit = 2;
    stage.options.backoff_ms = 1;
    order.capacity = RING_BYTES;
    stage_open(&stage);
    assert_ok(brood_pool_apply_async(stage.pool, &result, stage_square, NULL, 0, NULL));
    assert_ok(look_for_end(result));
    stage_end(result, BROOD_ERR_BROKEN);
    stage_terminate(&stage);
}

/*
 * A value that is longer than any memory, of a task that is cancelled: it is passed over. All other
 * calls come back meanwhile, and the ends of other workers are seen.
 */
static void h2_a_value_without_end(void **state)
{
    pool_stage stage;
    brood_result *result = NULL;
    brood_result *other = NULL;

    (void)state;
    stage_prepare(&stage, 2);
    stage.options.grace_ms = 60000;
    stage_open(&stage);
    result = begin_flood(&stage, BROOD_WIRE_RESULT, UINT64_C(1) << 55);
    assert_ok(brood_result_cancel(result));
    stage_let_go(&stage, 1);
    for (int i = 0; i < 5; i++) {
        assert_status(brood_result_wait(result, 5), BROOD_ERR_TIMEOUT);
        stage_works(&stage, 2);
        assert_ok(
            brood_pool_apply_async(stage.pool, &other, note_pid, NULL, 0, &stage.task_options));
        stage_await(&stage);
        stage_kill((int64_t)brood_load64(&stage.notes[0]));
        stage_end(other, BROOD_ERR_DIED);
    }
    stage_terminate(&stage);
    brood_result_destroy(result);
}

/* ---- H2: how much a turn hears ------------------------------------------------------------------ */

#define FRAME_BYTES (sizeof(brood_wire_answer) + FLOOD_BODY)
#define RINGS_OF_ANSWERS 64

/* An answer for each item of the map, as fast as they are heard: there is always one more. */
static int answer_all(brood_task *task, const void *arg, size_t size)
{
    worker_view view = view_of(task, RING_BYTES);
    uint64_t begin = brood_load64(&view.out->written);
    uint64_t end = begin + RINGS_OF_ANSWERS * RING_BYTES;
    brood_wire_answer answer = {
        .kind = BROOD_WIRE_RESULT, .id = task->id, .count = 1, .size = FLOOD_BODY};

    (void)arg;
    (void)size;
    await_heard(&view); /* its place is written over */
    for (uint64_t at = 0; at < RING_BYTES; at += FRAME_BYTES) {
        put_at(&view, begin + at, &answer);
    }
    stage_wait(task);
    for (uint64_t at = begin; at < end; at += FRAME_BYTES) { /* heads lie at multiples of 8 */
        while (at + FRAME_BYTES - brood_load64(&view.out->read) > RING_BYTES) {
        }
        answer.first = task->first + (at - begin) / FRAME_BYTES;
        memcpy(view.out_bytes + ((at + offsetof(brood_wire_answer, first)) & (RING_BYTES - 1)),
               &answer.first, sizeof answer.first);
        brood_store64(&view.out->written, at + FRAME_BYTES);
    }
    support_hang();
    return 0;
}

/* The most that one turn hears, until all has come that the first worker says. */
static uint64_t hear_all(brood_pool *pool)
{
    const brood_worker *worker = pool->roster.workers[0];
    uint64_t end = brood_peer_of_const(worker)->from.own + RINGS_OF_ANSWERS * RING_BYTES;
    uint64_t most = 0;

    while (brood_peer_of_const(worker)->from.own < end && worker->life.fate < BROOD_FATE_DROP) {
        uint64_t before = brood_peer_of_const(worker)->from.own;

        brood_pool_turn(pool);
        most = brood_peer_of_const(worker)->from.own - before > most
                   ? brood_peer_of_const(worker)->from.own - before
                   : most;
        if (brood_peer_of_const(worker)->from.own == before) {
            support_yield();
        }
    }
    return worker->life.fate < BROOD_FATE_DROP ? most : 0;
}

static void h2_a_turn_hears_no_more_than_two_rings(void **state)
{
    size_t count = RINGS_OF_ANSWERS * RING_BYTES / FRAME_BYTES;
    unsigned char *out = malloc(count * FLOOD_BODY);
    pool_stage stage;
    brood_result *result = NULL;
    uint64_t most = 0;

    (void)state;
    assert_non_null(out);
    stage_prepare(&stage, 1);
    stage_open(&stage);
    stage.task_options.chunk_size = count;
    assert_ok(brood_pool_map_async(stage.pool, &result, answer_all, NULL, count, 0, out, FLOOD_BODY,
                                   &stage.task_options));
    stage_await(&stage);
    brood_pool_lock(stage.pool); /* nobody else hears the worker */
    stage_let_go(&stage, 1);
    most = hear_all(stage.pool);
    brood_pool_unlock(stage.pool);
    assert_in_range(most, 1, 2 * RING_BYTES);
    stage_end(result, BROOD_OK);
    stage_terminate(&stage);
    free(out);
}

static int take_all(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    return brood_return(task, &size, sizeof size);
}

/* The most that one turn sends, until the first worker has all that is on its way. */
static uint64_t send_all(brood_pool *pool, uint64_t end)
{
    const brood_peer *peer = brood_peer_of_const(pool->roster.workers[0]);
    uint64_t most = 0;

    while (peer->to.own < end && peer->base.life.fate < BROOD_FATE_DROP) {
        uint64_t before = peer->to.own;

        brood_pool_turn(pool);
        most = peer->to.own - before > most ? peer->to.own - before : most;
        if (peer->to.own == before) {
            support_yield();
        }
    }
    return most;
}

/* The worker reads as fast as the pool writes; whoever wants the lock comes in between. */
static void h2_a_turn_sends_no_more_than_a_ring(void **state)
{
    size_t size = RINGS_OF_ANSWERS * RING_BYTES;
    void *arg = calloc(1, size);
    pool_stage stage;
    brood_result *result = NULL;
    uint64_t begun = 0;
    uint64_t most = 0;

    (void)state;
    assert_non_null(arg);
    stage_prepare(&stage, 1);
    stage.options.event_loop = true; /* no thread of the pool's sends beside this one */
    stage_open(&stage);
    assert_ok(brood_pool_apply(stage.pool, take_all, NULL, 0, NULL, 0, NULL));
    brood_pool_lock(stage.pool);
    begun = brood_peer_of_const(stage.pool->roster.workers[0])->to.own;
    brood_pool_unlock(stage.pool);
    assert_ok(brood_pool_apply_async(stage.pool, &result, take_all, arg, size, NULL));
    brood_pool_lock(stage.pool);
    most = brood_peer_of_const(stage.pool->roster.workers[0])->to.own - begun;
    assert_in_range(most, 1, 2 * RING_BYTES);
    most = send_all(stage.pool, begun + size);
    brood_pool_unlock(stage.pool);
    assert_in_range(most, 1, RING_BYTES + sizeof(brood_wire_order));
    stage_end(result, BROOD_OK);
    stage_terminate(&stage);
    free(arg);
}

/* ---- H2: a worker that rings for nothing ------------------------------------------------------- */

/* The worker's end of its bell once more; NULL: it cannot be had. */
static brood_os_channel *bell_of(const brood_task *task)
{
    brood_os_channel *bell = NULL;

    brood_os_channel_adopt(&bell, task->start->handles[BROOD_WIRE_HANDLE_BELL], NULL);
    return bell;
}

static int ring_without_end(brood_task *task, const void *arg, size_t size)
{
    static const char rings[64];
    brood_os_channel *bell = bell_of(task);
    size_t put = 0;

    (void)arg;
    (void)size;
    if (bell == NULL) {
        return 2;
    }
    for (;;) {
        brood_os_channel_write(bell, rings, sizeof rings, &put, NULL);
    }
}

/* It would keep the program awake for as long as it likes. */
static void ends_what_rings(brood_function *task)
{
    pool_stage stage;

    stage_prepare(&stage, 1);
    stage_open(&stage);
    for (int i = 0; i < 3; i++) {
        assert_status(brood_pool_apply(stage.pool, task, NULL, 0, NULL, 0, NULL), BROOD_ERR_DIED);
        stage_works(&stage, 2);
    }
    stage_close(&stage);
}

static void h2_rings_without_end(void **state)
{
    (void)state;
    if (support_is_windows()) {
        harness_skip("the worker's bell has its completion port, and a handle can have one only");
    }
    ends_what_rings(ring_without_end);
}

/* It rings whenever it may, and never has anything to say. */
static int ring_for_nothing(brood_task *task, const void *arg, size_t size)
{
    worker_view view = view_of(task, STAGE_RING);
    brood_os_channel *bell = bell_of(task);
    size_t put = 0;

    (void)arg;
    (void)size;
    if (bell == NULL) {
        return 2;
    }
    for (;;) {
        if (brood_exchange32(&view.out->reader_sleeps, 0) != 0) {
            brood_os_channel_write(bell, "", 1, &put, NULL);
        }
    }
}

static void h2_rings_for_nothing(void **state)
{
    (void)state;
    if (support_is_windows()) {
        harness_skip("the worker's bell has its completion port, and a handle can have one only");
    }
    ends_what_rings(ring_for_nothing);
}

/* Where a read passes over such a byte, it wakes the program, and was not counted. */
static int ring_urgently(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    while (support_send_urgent((intptr_t)task->start->handles[BROOD_WIRE_HANDLE_BELL])) {
        support_yield();
    }
    return 0;
}

static void h2_urgent_rings_without_end(void **state)
{
    intptr_t ends[2];

    (void)state;
    if (!support_socket_pair(ends)) {
        harness_skip("there are no local sockets here");
    }
    if (!support_send_urgent(ends[1])) {
        support_close(ends[0]);
        support_close(ends[1]);
        harness_skip("the system has no urgent bytes of local sockets");
    }
    support_close(ends[0]);
    support_close(ends[1]);
    ends_what_rings(ring_urgently);
}

/* ---- H3: a worker that is slow to take handles ------------------------------------------------- */

/* As many as a map can be told of, all of them new, to one that is awake. */
static int hold(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    stage_wait(task);
    return 0;
}

/* A task with shared memory that no worker has, which goes with the task's bell. */
static brood_result *submit_shared(pool_stage *stage, brood_shared **shared)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_result *result = NULL;
    int64_t x = 3;

    assert_ok(brood_shared_create(shared, sizeof x, NULL));
    options.shared = shared;
    options.shared_count = 1;
    assert_ok(brood_pool_apply_async(stage->pool, &result, stage_square, &x, sizeof x, &options));
    return result;
}

/* Tasks are short, so that a busy worker is given more of them rather than an idle one woken. */
static void h3_a_busy_worker_that_can_take_no_handle_is_passed_over(void **state)
{
    pool_stage stage;
    brood_result *held = NULL;
    brood_shared *shared = NULL;

    (void)state;
    stage_prepare(&stage, 2);
    stage_open(&stage);
    stage_works(&stage, 10);
    assert_ok(brood_pool_apply_async(stage.pool, &held, hold, NULL, 0, NULL));
    stage_await(&stage);
    brood_pool_lock(stage.pool);
    brood_pool_set_service(stage.pool, 1);
    brood_worker_set_credit(stage.pool->roster.busy_first);
    brood_pool_unlock(stage.pool);
    stage_fill_bell(&stage, stage_busy_pid(&stage));
    stage_end(submit_shared(&stage, &shared), BROOD_OK);
    stage_let_go(&stage, 1);
    stage_end(held, BROOD_OK);
    brood_shared_destroy(shared);
    stage_close(&stage);
}

static void h3_an_idle_worker_that_can_take_no_handle_is_passed_over(void **state)
{
    pool_stage stage;
    brood_result *held[2];
    brood_shared *shared = NULL;
    int64_t pid = -1;

    (void)state;
    if (support_is_windows()) {
        harness_skip("no process can be stopped here");
    }
    stage_prepare(&stage, 2);
    stage_open(&stage);
    for (int i = 0; i < 2; i++) { /* both are up */
        assert_ok(brood_pool_apply_async(stage.pool, &held[i], hold, NULL, 0, NULL));
        stage_await(&stage);
    }
    stage_let_go(&stage, 2);
    for (int i = 0; i < 2; i++) {
        stage_end(held[i], BROOD_OK);
    }
    pid = stage_last_used(&stage);
    support_signal(pid, "STOP");
    stage_fill_bell(&stage, pid);
    stage_end(submit_shared(&stage, &shared), BROOD_OK);
    support_signal(pid, "CONT");
    brood_shared_destroy(shared);
    stage_close(&stage);
}

/* Makes a worker know so much shared memory that all its FORGETs together do not fit into its ring. */
static void make_known(pool_stage *stage, brood_shared **shared, size_t count)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    int64_t x = 0;

    for (size_t i = 0; i < count; i++) {
        assert_ok(brood_shared_create(&shared[i], sizeof x, NULL));
    }
    options.shared_count = 64;
    for (size_t i = 0; i < count; i += options.shared_count) {
        options.shared = &shared[i];
        assert_ok(brood_pool_apply(stage->pool, stage_square, &x, sizeof x, NULL, 0, &options));
    }
}

/* The worker is idle, and has not even room for what precedes the task that it is not given. */
static void h3_what_precedes_a_task_goes_on_without_the_task(void **state)
{
    enum {
        SHARED = 1024
    };
    static brood_shared *shared[SHARED];
    pool_stage stage;
    brood_shared *last = NULL;
    int64_t pid = -1;

    (void)state;
    if (support_is_windows()) {
        harness_skip("no process can be stopped here");
    }
    stage_prepare(&stage, 17); /* rings are small where there may be many workers */
    stage.options.lazy = true;
    stage_open(&stage);
    make_known(&stage, shared, SHARED);
    pid = stage_last_used(&stage);
    support_signal(pid, "STOP");
    stage_fill_bell(&stage, pid);
    for (size_t i = 0; i < SHARED; i++) {
        brood_shared_destroy(shared[i]);
    }
    stage_end(submit_shared(&stage, &last), BROOD_OK);
    support_signal(pid, "CONT");
    stage_close(&stage);
    brood_shared_destroy(last);
}

static void h3_all_shared_memory_of_a_map(void **state)
{
    enum {
        SHARED = 64
    };
    pool_stage stage;
    brood_shared *shared[SHARED + 2];
    brood_task_options options;

    (void)state;
    stage_prepare(&stage, 1);
    stage_open(&stage);
    options = stage.task_options;
    options.shared = shared;
    options.shared_count = SHARED;
    for (int64_t round = 0; round < 30; round++) {
        int64_t *in = NULL;
        const int64_t *out = NULL;

        for (int i = 0; i < SHARED + 2; i++) {
            assert_ok(brood_shared_create(&shared[i], sizeof(int64_t), NULL));
        }
        in = brood_shared_data(shared[SHARED]);
        out = brood_shared_data(shared[SHARED + 1]);
        *in = round;
        assert_ok(brood_pool_map(stage.pool, stage_square, in, 1, sizeof *in,
                                 (void *)(uintptr_t)out, sizeof *out, &options));
        assert_int_equal(*out, round * round);
        for (int i = 0; i < SHARED + 2; i++) {
            brood_shared_destroy(shared[i]);
        }
    }
    assert_int_equal(stage_stats(&stage).started, 1);
    stage_close(&stage);
}

/* ---- R4: shared memory that was destroyed ------------------------------------------------------ */

typedef struct forgotten_wait {
    pool_stage *stage;
    bool runs; /* an event loop */
} forgotten_wait;

/* All workers were told, and have read it. */
static bool have_forgotten(void *data)
{
    const forgotten_wait *wait = data;
    brood_pool *pool = wait->stage->pool;
    bool all = true;

    if (wait->runs) {
        brood_pool_run(pool);
    }
    brood_pool_lock(pool);
    for (uint32_t i = 0; i < pool->roster.slots; i++) {
        const brood_worker *worker = pool->roster.workers[i];

        all = all &&
              (worker == NULL || (brood_peer_of_const(worker)->shared_count == 0 &&
                                  brood_load64(&brood_peer_of_const(worker)->to.shared->read) ==
                                      brood_peer_of_const(worker)->to.own));
    }
    brood_pool_unlock(pool);
    return all;
}

static void check_forgotten(bool event_loop)
{
    pool_stage stage;
    forgotten_wait wait = {&stage, event_loop};
    brood_handle handle = BROOD_HANDLE_NONE;

    stage_prepare(&stage, 2);
    stage.options.event_loop = event_loop;
    stage_open(&stage);
    for (int i = 0; i < 10; i++) {
        brood_task_options options = stage.task_options;
        brood_shared *shared = NULL;
        int64_t x = i;

        assert_ok(brood_shared_create(&shared, 4 << 20, NULL));
        options.shared = &shared;
        assert_ok(brood_pool_apply(stage.pool, stage_square, &x, sizeof x, &x, sizeof x, &options));
        assert_int_equal(x, i * i);
        if (event_loop) {
            assert_ok(brood_pool_handle(stage.pool, &handle));
            assert_ok(brood_pool_run(stage.pool));
        }
        brood_shared_destroy(shared);
        assert_true(!event_loop || support_wait_handle(handle, SOON_MS));
        stage_await_that(have_forgotten, &wait);
    }
    stage_works(&stage, 3);
    stage_close(&stage);
}

static void r4_idle_workers_give_it_back(void **state)
{
    (void)state;
    check_forgotten(false);
    check_forgotten(true);
}

/* The worker says that it has read nothing, so there is no room for a FORGET. */
static int leave_no_room(brood_task *task, const void *arg, size_t size)
{
    worker_view view = view_of(task, STAGE_RING);

    (void)arg;
    (void)size;
    brood_store64(&view.in->read, brood_load64(&view.in->written) - STAGE_RING);
    stage_wait(task);
    return 0;
}

/* The time that the pool tells its loop, when it has just done all that was due. */
static bool is_at_once(pool_stage *stage)
{
    assert_ok(brood_pool_run(stage->pool));
    return brood_pool_timeout_ms(stage->pool) == 0;
}

/* What cannot be sent is tried again after a moment, not at once, again and again. */
static void r4_a_ring_without_room_keeps_nobody_awake(void **state)
{
    pool_stage stage;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_shared *shared = NULL;
    brood_result *result = NULL;
    int64_t x = 3;
    int at_once = 0;

    (void)state;
    stage_prepare(&stage, 1);
    stage.options.event_loop = true;
    stage_open(&stage);
    assert_ok(brood_shared_create(&shared, 1, NULL));
    options.shared = &shared;
    options.shared_count = 1;
    assert_ok(brood_pool_apply(stage.pool, stage_square, &x, sizeof x, &x, sizeof x, &options));
    assert_ok(
        brood_pool_apply_async(stage.pool, &result, leave_no_room, NULL, 0, &stage.task_options));
    stage_await(&stage);
    brood_shared_destroy(shared);
    for (int i = 0; i < 20; i++) {
        at_once += is_at_once(&stage);
    }
    assert_in_range(at_once, 0, 10); /* on a busy machine the moment may have passed */
    stage_let_go(&stage, 1);
    stage_run_until(&stage, result);
    stage_end(result, BROOD_OK);
    stage_terminate(&stage);
}

/* ---- W12: a thread that ends where it drops the last reference ------------------------------------ */

static int64_t imap_number = 3;

static brood_status give_no_more(void *user, const void **data, size_t *size)
{
    bool *given = user;

    *data = &imap_number;
    *size = sizeof imap_number;
    if (*given) {
        return BROOD_ERR_CLOSED;
    }
    *given = true;
    return BROOD_OK;
}

typedef struct last_user {
    brood_imap *imap;
    brood_atomic32 may_end;
} last_user;

/* It is asked to end before, and does so at the first place where it can. */
static void destroy_imap(void *data)
{
    last_user *self = data;

    while (brood_load32(&self->may_end) == 0) {
        support_yield();
    }
    brood_imap_destroy(self->imap);
}

static void w12_a_thread_that_is_cancelled_with_the_last_reference(void **state)
{
    pool_stage stage;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_shared *shared = NULL;
    support_thread *thread = NULL;
    last_user user = {NULL, 0};
    bool given = false;
    const void *data = NULL;
    size_t size = 0;
    bool is_cancelled = false;

    (void)state;
    stage_prepare(&stage, 1);
    stage_open(&stage);
    assert_ok(brood_shared_create(&shared, 1, NULL));
    options.shared = &shared;
    options.shared_count = 1;
    assert_ok(
        brood_pool_imap(stage.pool, &user.imap, stage_square, give_no_more, &given, &options));
    assert_ok(brood_imap_next(user.imap, &data, &size, NULL, NULL, SOON_MS));
    brood_shared_destroy(shared);
    thread = support_thread_start(destroy_imap, &user);
    is_cancelled = support_thread_cancel(thread);
    brood_exchange32(&user.may_end, 1);
    support_thread_join(thread);
    assert_ok(brood_shared_create(&shared, 1, NULL)); /* it waits for the lock of them all */
    brood_shared_destroy(shared);
    stage_close(&stage);
    if (!is_cancelled) {
        harness_skip("threads cannot be cancelled here");
    }
}

/* ---- a task that confines its process --------------------------------------------------------------- */

static int open_no_more(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    stage_wait(task);
    return support_limit_handles(0) ? 0 : 1;
}

static int measure(brood_task *task, const void *arg, size_t size)
{
    int64_t length = (int64_t)size;

    (void)arg;
    return brood_return(task, &length, sizeof length);
}

/* The worker must sleep for the rest of an argument, and for later tasks: poll(2) says EINVAL. */
static void a_worker_that_may_open_nothing_more_goes_on(void **state)
{
    size_t size = 4 * STAGE_RING;
    void *large = calloc(1, size);
    pool_stage stage;
    brood_result *results[2];
    int64_t x = 3;

    (void)state;
    if (support_is_windows()) {
        harness_skip("Windows has no such limit");
    }
    stage_prepare(&stage, 1);
    stage_open(&stage);
    assert_ok(brood_pool_apply_async(stage.pool, &results[0], open_no_more, NULL, 0,
                                     &stage.task_options));
    assert_ok(
        brood_pool_apply_async(stage.pool, &results[1], measure, large, size, &stage.task_options));
    stage_await(&stage);
    stage_let_go(&stage, 1);
    stage_end(results[0], BROOD_OK);
    stage_end(results[1], BROOD_OK);
    assert_ok(brood_pool_apply(stage.pool, stage_square, &x, sizeof x, &x, sizeof x, NULL));
    assert_int_equal(stage_stats(&stage).started, 1);
    stage_terminate(&stage); /* a sanitizer that looks for leaks at the end would open files */
    free(large);
}

/* Pools come and go while others destroy what they share. */
static void churn_shared(void *data)
{
    brood_atomic32 *ends = data;

    while (brood_load32(ends) == 0) {
        brood_shared *shared = NULL;

        assert_ok(brood_shared_create(&shared, 1, NULL));
        brood_shared_destroy(shared);
    }
}

static void r4_while_pools_come_and_go(void **state)
{
    brood_atomic32 ends = 0;
    support_thread *thread = support_thread_start(churn_shared, (void *)&ends);

    (void)state;
    for (int i = 0; i < 5; i++) {
        pool_stage stage;
        int64_t x = i;

        stage_prepare(&stage, 1);
        stage_open(&stage);
        for (int k = 0; k < 20; k++) {
            assert_ok(brood_pool_apply(stage.pool, stage_square, &x, sizeof x, NULL, 0,
                                       &stage.task_options));
        }
        stage_close(&stage);
    }
    brood_exchange32(&ends, 1);
    support_thread_join(thread);
}

/* ---- H7: the places of items that fail --------------------------------------------------------- */

#define LARGE_VALUE (3u << 20) /* more than a ring holds */

/* Publishes a part of a value that is right, and dies, or is cancelled. */
static int begin_value(brood_task *task, const void *arg, size_t size)
{
    flood_order order;
    worker_view view;
    uint64_t at = 0;
    brood_wire_answer answer = {
        .kind = BROOD_WIRE_RESULT, .id = task->id, .first = task->first, .count = 1};

    (void)size;
    memcpy(&order, arg, sizeof order);
    view = view_of(task, (size_t)order.capacity);
    await_heard(&view);
    at = brood_load64(&view.out->written);
    memset(view.out_bytes, 0x5a, view.capacity);
    answer.size = order.size;
    put_at(&view, at, &answer);
    brood_store64(&view.out->written, at + sizeof answer + 16);
    stage_wait(task);
    support_exit_at_once(0);
    return 0;
}

static void check_places(size_t size, bool cancels)
{
    pool_stage stage;
    flood_order order = {0, BROOD_WIRE_RESULT, size};
    unsigned char *out = malloc(size);
    brood_result *result = NULL;

    assert_non_null(out);
    memset(out, 1, size);
    stage_prepare(&stage, 1);
    stage.options.grace_ms = 1;
    stage_open(&stage);
    order.capacity = STAGE_RING;
    assert_ok(brood_pool_map_async(stage.pool, &result, begin_value, &order, 1, sizeof order, out,
                                   size, &stage.task_options));
    stage_await(&stage);
    assert_status(brood_result_wait(result, 1), BROOD_ERR_TIMEOUT); /* what there is, is heard */
    if (cancels) {
        assert_ok(brood_result_cancel(result));
    } else {
        stage_let_go(&stage, 1);
    }
    stage_end(result, cancels ? BROOD_ERR_CANCELLED : BROOD_ERR_DIED);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(out[i], 1);
    }
    stage_close(&stage);
    free(out);
}

static void h7_the_place_of_a_value_that_came_in_part(void **state)
{
    (void)state;
    check_places(LARGE_VALUE, false);
    check_places(LARGE_VALUE, true);
    check_places(64, false);
    check_places(64, true);
}

/* ---- every failure is one ---------------------------------------------------------------------- */

static int fail_as(brood_task *task, const void *arg, size_t size)
{
    worker_view view;
    flood_order order;
    uint64_t at = 0;
    brood_wire_answer answer = {
        .kind = BROOD_WIRE_FAILED, .id = task->id, .first = task->first, .count = 1};

    (void)size;
    memcpy(&order, arg, sizeof order);
    view = view_of(task, (size_t)order.capacity);
    at = brood_load64(&view.out->written);
    answer.status = (uint32_t)order.size;
    brood_store64(&stage_notes(task)[0], (uint64_t)support_pid());
    put_at(&view, at, &answer);
    brood_store64(&view.out->written, at + sizeof answer);
    support_hang();
    return 0;
}

/* What only the program's own side says: an imap that ends with CLOSED, or a wait with TIMEOUT. */
static bool is_of_parent(brood_status status)
{
    static const brood_status own[] = {
        BROOD_OK,           BROOD_ERR_TIMEOUT,         BROOD_ERR_CLOSED,       BROOD_ERR_ARGUMENT,
        BROOD_ERR_FULL,     BROOD_ERR_STATE,           BROOD_ERR_BROKEN,       BROOD_ERR_DIED,
        BROOD_ERR_DEADLINE, BROOD_ERR_QUARANTINED,     BROOD_ERR_TASK_TIMEOUT, BROOD_ERR_PROTOCOL,
        BROOD_ERR_NO_HELLO, BROOD_ERR_NOT_INITIALIZED, BROOD_ERR_BOOTSTRAPPING};

    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        if (own[i] == status) {
            return true;
        }
    }
    return status == BROOD_ERR_CANCELLED; /* the task was not cancelled */
}

/* Also the one that is added last. */
static void h2_every_status_of_a_failure_is_taken(void **state)
{
    static const brood_status statuses[] = {
#define STATUS_NUMBER(name, number, text) name,
        BROOD_STATUS_TABLE(STATUS_NUMBER)
#undef STATUS_NUMBER
    };
    pool_stage stage;
    brood_result *result = NULL;

    (void)state;
    stage_prepare(&stage, 1);
    stage_open(&stage);
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        flood_order order = {STAGE_RING, BROOD_WIRE_FAILED, (uint64_t)statuses[i]};
        bool is_wrong = is_of_parent(statuses[i]);

        assert_ok(brood_pool_apply_async(stage.pool, &result, fail_as, &order, sizeof order,
                                         &stage.task_options));
        assert_ok(look_for_end(result));
        stage_end(result, is_wrong ? BROOD_ERR_DIED : statuses[i]);
        if (!is_wrong) {
            stage_kill((int64_t)brood_load64(&stage.notes[0])); /* it hangs */
        }
    }
    stage_terminate(&stage);
}

/* ---- H10: sums of sizes -------------------------------------------------------------------------- */

/* Together larger than any memory; the sum of them is not a small number. */
static void h10_items_that_are_too_large_together(void **state)
{
    enum {
        COUNT = 8
    };
    pool_stage stage;
    brood_bytes in[COUNT];
    brood_result *result = NULL;
    char byte = 1;

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        in[i] = (brood_bytes){&byte, SIZE_MAX / COUNT + 1};
    }
    stage_prepare(&stage, 1);
    stage.task_options.chunk_size = COUNT;
    stage_open(&stage);
    assert_ok(brood_pool_map_async(stage.pool, &result, stage_square, in, COUNT, BROOD_SIZE_VARIES,
                                   NULL, 0, &stage.task_options));
    stage_end(result, BROOD_ERR_NO_MEMORY);
    stage_works(&stage, 3);
    stage_close(&stage);
}

/* ---- H12: the time at which a worker began ---------------------------------------------------- */

/* Says that it began at a time that cannot be, and takes as long as the test wants. */
static int begin_at(brood_task *task, const void *arg, size_t size)
{
    uint64_t when = 0;

    (void)size;
    memcpy(&when, arg, sizeof when);
    brood_store64(&view_of(task, 1).page->started, when);
    stage_wait(task);
    return 0;
}

/* All time-outs are looked at a few times before the task may go on. */
static void finish(pool_stage *stage, brood_result *result)
{
    for (int i = 0; i < 3; i++) {
        brood_result_wait(result, 1);
    }
    stage_let_go(stage, 1);
    stage_end(result, BROOD_OK);
}

/* A time-out of a minute does not pass meanwhile. */
static void h12_no_false_time_out(void **state)
{
    const uint64_t times[] = {0,
                              1,
                              (uint64_t)brood_os_now() - 1000 * UINT64_C(3600000000000),
                              (uint64_t)brood_os_now() + UINT64_C(3600000000000),
                              UINT64_C(1) << 62,
                              INT64_MAX,
                              UINT64_C(1) << 63,
                              UINT64_MAX};
    pool_stage stage;

    (void)state;
    stage_prepare(&stage, 1);
    stage.options.grace_ms = 1;
    stage.task_options.timeout_ms = 60000;
    stage_open(&stage);
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        brood_result *result = NULL;

        assert_ok(brood_pool_apply_async(stage.pool, &result, begin_at, &times[i], sizeof times[i],
                                         &stage.task_options));
        stage_await(&stage);
        finish(&stage, result);
    }
    assert_int_equal(stage_stats(&stage).started, 1);
    stage_close(&stage);
}

typedef enum dodge_kind {
    BEGINS_NOW, /* again and again */
    LATER_ITEM, /* one behind the other, beyond the last */
    TWO_ITEMS,  /* in turns */
    NOT_BEGUN,  /* and begun, in turns */
    DODGES
} dodge_kind;

/* Runs for ever, and says what would make its time-out never pass. */
static int dodge(brood_task *task, const void *arg, size_t size)
{
    brood_wire_page *page = view_of(task, 1).page;
    dodge_kind kind = BEGINS_NOW;

    (void)size;
    memcpy(&kind, arg, sizeof kind);
    for (uint64_t i = 0;; i++) {
        brood_store64(&page->started, (uint64_t)brood_os_now());
        if (kind == LATER_ITEM) {
            brood_store64(&page->item, i + 1);
        } else if (kind == TWO_ITEMS) {
            brood_store64(&page->item, 1 + i % 2);
        } else if (kind == NOT_BEGUN) {
            brood_store64(&page->item, i % 2);
        }
    }
    return 0;
}

static void h12_a_time_out_cannot_be_dodged(void **state)
{
    pool_stage stage;

    (void)state;
    stage_prepare(&stage, 1);
    stage.options.grace_ms = 1;
    stage.task_options.timeout_ms = 50;
    stage.task_options.chunk_size = 2;
    stage_open(&stage);
    for (int kind = 0; kind < 2 * DODGES; kind++) {
        dodge_kind arg[2] = {(dodge_kind)(kind / 2), (dodge_kind)(kind / 2)};
        brood_result *result = NULL;

        assert_ok(brood_pool_map_async(stage.pool, &result, dodge, arg, 1 + (size_t)kind % 2,
                                       sizeof arg[0], NULL, 0, &stage.task_options));
        assert_ok(brood_result_wait(result, SOON_MS));
        assert_false(brood_result_successful(result));
        brood_result_destroy(result);
    }
    stage_works(&stage, 3);
    stage_close(&stage);
}

static int hang(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    support_hang();
    return 0;
}

/* Workers in another time namespace: a time-out of a minute does not pass, one of 100 ms does. */
static void check_clock_of_workers(int64_t seconds_ahead)
{
    pool_stage stage;
    brood_result *result = NULL;

    stage_prepare(&stage, 1);
    stage.options.lazy = true;
    stage.options.grace_ms = 1;
    stage.task_options.timeout_ms = 60000;
    stage_open(&stage); /* a process whose children have another clock can start no threads */
    if (!support_shift_clock_of_children(seconds_ahead)) {
        stage_close(&stage);
        harness_skip("this system, or this user, cannot give children a clock of their own");
    }
    for (int i = 0; i < 3; i++) {
        assert_ok(brood_pool_apply_async(stage.pool, &result, wait_at_gate, NULL, 0,
                                         &stage.task_options));
        stage_await(&stage);
        finish(&stage, result);
    }
    stage.task_options.timeout_ms = 100;
    assert_ok(brood_pool_apply_async(stage.pool, &result, hang, NULL, 0, &stage.task_options));
    stage_end(result, BROOD_ERR_TASK_TIMEOUT);
    stage_close(&stage);
}

static void h12_workers_whose_clock_is_ahead(void **state)
{
    (void)state;
    check_clock_of_workers(86400);
}

static void h12_workers_whose_clock_is_behind(void **state)
{
    (void)state;
    check_clock_of_workers(-20);
}

/* ---- W5: an argument that is on its way, larger than the ring ---------------------------------- */

#define LARGE_ARGUMENT (8u << 20)

/* The sum of all bytes, so that one that is not its own is seen. */
static int sum_up(brood_task *task, const void *arg, size_t size)
{
    const unsigned char *bytes = arg;
    int64_t sum = 0;

    for (size_t i = 0; i < size; i++) {
        sum += bytes[i];
    }
    return brood_return(task, &sum, sizeof sum);
}

static brood_result *submit_large(pool_stage *stage, unsigned char *bytes, uint32_t deadline_ms)
{
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_result *result = NULL;

    options.deadline_ms = deadline_ms;
    assert_ok(
        brood_pool_apply_async(stage->pool, &result, sum_up, bytes, LARGE_ARGUMENT, &options));
    return result;
}

static void expect_sum(brood_result *result, int64_t sum)
{
    const void *data = NULL;

    assert_ok(brood_result_get(result, &data, NULL, SOON_MS));
    assert_int_equal(*(const int64_t *)data, sum);
    brood_result_destroy(result);
}

/* The only worker is busy, or has not come up; what comes behind it ends all the same. */
static void check_large(pool_stage *stage, unsigned char *bytes)
{
    brood_result *result = submit_large(stage, bytes, 0);

    assert_ok(brood_result_cancel(result));
    stage_end(result, BROOD_ERR_CANCELLED);
    result = submit_large(stage, bytes, 20);
    stage_end(result, BROOD_ERR_DEADLINE);
}

static unsigned char *new_bytes(void)
{
    unsigned char *bytes = malloc(LARGE_ARGUMENT);

    assert_non_null(bytes);
    memset(bytes, 1, LARGE_ARGUMENT);
    return bytes;
}

static void w5_behind_a_task_that_runs(void **state)
{
    pool_stage stage;
    brood_result *first = NULL;
    brood_result *last = NULL;
    unsigned char *bytes = new_bytes();

    (void)state;
    stage_prepare(&stage, 1);
    stage_open(&stage);
    for (int i = 0; i < 3; i++) {
        assert_ok(brood_pool_apply_async(stage.pool, &first, wait_at_gate, NULL, 0, NULL));
        stage_await(&stage);
        check_large(&stage, bytes);
        last = submit_large(&stage, bytes, 0);
        stage_let_go(&stage, 1);
        stage_end(first, BROOD_OK);
        expect_sum(last, LARGE_ARGUMENT);
    }
    assert_int_equal(stage_stats(&stage).started, 1);
    stage_close(&stage);
    free(bytes);
}

static void w5_behind_a_slow_initializer(void **state)
{
    pool_stage stage;
    brood_result *last = NULL;
    unsigned char *bytes = new_bytes();

    (void)state;
    stage_prepare(&stage, 1);
    stage.options.initializer = wait_at_gate;
    stage_open(&stage);
    stage_await(&stage);
    check_large(&stage, bytes);
    last = submit_large(&stage, bytes, 0);
    stage_let_go(&stage, 1);
    expect_sum(last, LARGE_ARGUMENT);
    stage_close(&stage);
    free(bytes);
}

/* What lies behind a task that takes long goes to a worker that is idle. */
static void w5_taken_back_for_another_worker(void **state)
{
    pool_stage stage;
    brood_result *first[2] = {NULL, NULL};
    brood_result *large[2] = {NULL, NULL};
    unsigned char *bytes = new_bytes();

    (void)state;
    stage_prepare(&stage, 2);
    stage_open(&stage);
    for (int i = 0; i < 2; i++) {
        assert_ok(brood_pool_apply_async(stage.pool, &first[i], wait_at_gate, NULL, 0, NULL));
        stage_await(&stage);
    }
    for (int i = 0; i < 2; i++) { /* one goes to each */
        large[i] = submit_large(&stage, bytes, 0);
    }
    stage_let_go(&stage, 1); /* whichever it is */
    expect_sum(large[0], LARGE_ARGUMENT);
    expect_sum(large[1], LARGE_ARGUMENT);
    stage_let_go(&stage, 1);
    stage_end(first[0], BROOD_OK);
    stage_end(first[1], BROOD_OK);
    stage_works(&stage, 3);
    stage_close(&stage);
    free(bytes);
}

/* It takes nothing, neither what is void for it nor what it could time out with: it is replaced. */
static void check_stopped(bool has_voids, uint32_t timeout_ms)
{
    pool_stage stage;
    brood_result *result = NULL;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    unsigned char *bytes = new_bytes();

    stage_prepare(&stage, 1);
    stage.options.grace_ms = 1;
    stage_open(&stage);
    support_signal(stage_last_used(&stage), "STOP");
    if (has_voids) {
        check_large(&stage, bytes);
    }
    options.timeout_ms = timeout_ms;
    assert_ok(brood_pool_apply_async(stage.pool, &result, sum_up, bytes, LARGE_ARGUMENT, &options));
    expect_sum(result, LARGE_ARGUMENT);
    assert_int_equal(stage_stats(&stage).started, 2);
    stage_close(&stage);
    free(bytes);
}

static void w5_to_a_worker_that_is_stopped(void **state)
{
    (void)state;
    if (support_is_windows()) {
        harness_skip("Windows has no signal that stops a process");
    }
    check_stopped(true, 0);
    check_stopped(false, support_is_sanitized() ? 10000 : 2000); /* a second worker adds all up */
}

/* ---- a value on its way into the caller's array ---------------------------------------------------- */

#define UNEVEN_BODY                                                                                \
    32 /* with a head 80 bytes, so that the end of a turn falls behind each part of one */
#define UNEVEN_BYTES (sizeof(brood_wire_answer) + UNEVEN_BODY)
#define UNEVEN_COUNT (16 * RING_BYTES / UNEVEN_BYTES)

/* The ring is as full as it can be, however much is received. */
static int answer_unevenly(brood_task *task, const void *arg, size_t size)
{
    worker_view view = view_of(task, RING_BYTES);
    uint64_t at = brood_load64(&view.out->written);
    brood_wire_answer answer = {
        .kind = BROOD_WIRE_RESULT, .id = task->id, .count = 1, .size = UNEVEN_BODY};

    (void)arg;
    (void)size;
    await_heard(&view);
    stage_wait(task);
    for (uint64_t i = 0; i < UNEVEN_COUNT; i++, at += UNEVEN_BYTES) {
        while (at + UNEVEN_BYTES - brood_load64(&view.out->read) > RING_BYTES) {
        }
        answer.first = task->first + i;
        put_at(&view, at, &answer);
        brood_store64(&view.out->written, at + UNEVEN_BYTES);
    }
    support_hang();
    return 0;
}

/* Between two turns others have the lock, and may give up the array. */
static bool is_on_its_way(const brood_peer *peer, const unsigned char *out)
{
    const brood_receiving *receiving = &peer->receiving;

    return receiving->in_body && receiving->into >= out &&
           receiving->into < out + UNEVEN_COUNT * UNEVEN_BODY;
}

static void no_value_is_on_its_way_into_the_array_after_a_turn(void **state)
{
    unsigned char *out = malloc(UNEVEN_COUNT * UNEVEN_BODY);
    pool_stage stage;
    brood_result *result = NULL;
    const brood_peer *peer = NULL;
    uint64_t end = 0;

    (void)state;
    assert_non_null(out);
    stage_prepare(&stage, 1);
    stage_open(&stage);
    stage.task_options.chunk_size = UNEVEN_COUNT;
    assert_ok(brood_pool_map_async(stage.pool, &result, answer_unevenly, NULL, UNEVEN_COUNT, 0, out,
                                   UNEVEN_BODY, &stage.task_options));
    stage_await(&stage);
    brood_pool_lock(stage.pool);
    stage_let_go(&stage, 1);
    peer = brood_peer_of_const(stage.pool->roster.workers[0]);
    end = peer->from.own + UNEVEN_COUNT * UNEVEN_BYTES;
    while (peer->from.own < end && peer->base.life.fate < BROOD_FATE_DROP) {
        brood_pool_turn(stage.pool);
        assert_false(is_on_its_way(peer, out));
    }
    brood_pool_unlock(stage.pool);
    stage_end(result, BROOD_OK);
    stage_terminate(&stage);
    free(out);
}

/* ---- an answer about a task whose argument is still on its way ---------------------------------- */

#define EARLY_ARGUMENT (3 * RING_BYTES)

/* Ends the task that runs, and then says of the next one, of which it has only a part, that it is done. */
static int answer_too_early(brood_task *task, const void *arg, size_t size)
{
    worker_view view = view_of(task, RING_BYTES);
    uint64_t at = brood_load64(&view.out->written);
    int64_t lie = -1;
    brood_wire_answer answer = {.kind = BROOD_WIRE_RESULT, .id = task->id, .count = 1};

    (void)arg;
    (void)size;
    stage_wait(task);
    put_at(&view, at, &answer);
    at += sizeof answer;
    answer.id = task->id + 1;
    answer.size = sizeof lie;
    put_at(&view, at, &answer);
    at += sizeof answer;
    memcpy(view.out_bytes + (at & (RING_BYTES - 1)), &lie, sizeof lie);
    brood_store64(&view.out->written, at + BROOD_WIRE_ALIGN);
    support_hang();
    return 0;
}

/* It would free what is still being sent, and the program would never come to rest. */
static void an_answer_before_its_argument_is_there(void **state)
{
    unsigned char *bytes = malloc(EARLY_ARGUMENT);
    pool_stage stage;
    brood_result *first = NULL;
    brood_result *last = NULL;

    (void)state;
    assert_non_null(bytes);
    memset(bytes, 1, EARLY_ARGUMENT);
    stage_prepare(&stage, 1);
    stage_open(&stage);
    assert_ok(
        brood_pool_apply_async(stage.pool, &first, answer_too_early, NULL, 0, &stage.task_options));
    stage_await(&stage);
    assert_ok(brood_pool_apply_async(stage.pool, &last, sum_up, bytes, EARLY_ARGUMENT, NULL));
    stage_let_go(&stage, 1);
    expect_sum(last, EARLY_ARGUMENT);
    assert_true(brood_result_ready(first));
    brood_result_destroy(first);
    stage_close(&stage);
    free(bytes);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(h1_a_worker_shortens_what_is_shared),
    cmocka_unit_test(h2_pads_without_end),
    cmocka_unit_test(h2_failures_of_the_setup_without_end),
    cmocka_unit_test(h2_a_value_without_end),
    cmocka_unit_test(h2_a_turn_hears_no_more_than_two_rings),
    cmocka_unit_test(h2_a_turn_sends_no_more_than_a_ring),
    cmocka_unit_test(no_value_is_on_its_way_into_the_array_after_a_turn),
    cmocka_unit_test(an_answer_before_its_argument_is_there),
    cmocka_unit_test(h2_rings_without_end),
    cmocka_unit_test(h2_rings_for_nothing),
    cmocka_unit_test(h2_urgent_rings_without_end),
    cmocka_unit_test(h2_every_status_of_a_failure_is_taken),
    cmocka_unit_test(h3_all_shared_memory_of_a_map),
    cmocka_unit_test(h3_a_busy_worker_that_can_take_no_handle_is_passed_over),
    cmocka_unit_test(h3_an_idle_worker_that_can_take_no_handle_is_passed_over),
    cmocka_unit_test(h3_what_precedes_a_task_goes_on_without_the_task),
    cmocka_unit_test(r4_idle_workers_give_it_back),
    cmocka_unit_test(r4_while_pools_come_and_go),
    cmocka_unit_test(r4_a_ring_without_room_keeps_nobody_awake),
    cmocka_unit_test(w12_a_thread_that_is_cancelled_with_the_last_reference),
    cmocka_unit_test(a_worker_that_may_open_nothing_more_goes_on),
    cmocka_unit_test(h7_the_place_of_a_value_that_came_in_part),
    cmocka_unit_test(w5_behind_a_task_that_runs),
    cmocka_unit_test(w5_behind_a_slow_initializer),
    cmocka_unit_test(w5_taken_back_for_another_worker),
    cmocka_unit_test(w5_to_a_worker_that_is_stopped),
    cmocka_unit_test(h10_items_that_are_too_large_together),
    cmocka_unit_test(h12_no_false_time_out),
    cmocka_unit_test(h12_workers_whose_clock_is_ahead),
    cmocka_unit_test(h12_workers_whose_clock_is_behind),
    cmocka_unit_test(h12_a_time_out_cannot_be_dodged),
};

BROOD_TEST_MAIN(tests)
