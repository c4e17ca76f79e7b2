/*
 * F9: a worker writes what it must not into the memory that it shares with the pool. It is dropped,
 * its task ends with an error, and all else goes on.
 */
#include "pool_stage.h"

#include <stdlib.h>

#include "worker_view.h"

/* ---- frames ---------------------------------------------------------------------------------- */

/* Fields of an answer about the only item of the task that runs, changed by what is added. */
typedef struct frame_case {
    uint32_t kind;
    uint64_t size, id, first, count; /* id and first: added to the right ones */
    uint32_t status;
    uint64_t published; /* so many bytes of it; 0: all of the head */
} frame_case;

typedef struct frame_order {
    frame_case frame;
    size_t capacity;
    bool ends; /* else it waits to be killed */
} frame_order;

/* The worker's own position is what it has published: this task has no place opened. */
static void put_frame(brood_task *task, const frame_order *order)
{
    worker_view view = view_of(task, order->capacity);
    const frame_case *frame = &order->frame;
    uint64_t at = brood_load64(&view.out->written);
    brood_wire_answer answer = {.kind = frame->kind,
                                .size = frame->size,
                                .id = frame->id == UINT64_MAX ? 0 : task->id + frame->id,
                                .first = brood_task_index(task) + frame->first,
                                .count = frame->count,
                                .status = frame->status};

    memcpy(view.out_bytes + (at & (order->capacity - 1)), &answer, sizeof answer);
    brood_store64(&view.out->written,
                  at + (frame->published != 0 ? frame->published : sizeof answer));
}

static int send_frame(brood_task *task, const void *arg, size_t size)
{
    const frame_order *order = arg;

    (void)size;
    put_frame(task, order);
    if (order->ends) {
        support_exit_at_once(0);
    }
    support_hang();
    return 0;
}

#define ABSURD (UINT64_MAX - 3)
#define RESULT BROOD_WIRE_RESULT
#define FAIL BROOD_WIRE_FAILED

static const frame_case frames[] = {
    {0, 0, 0, 0, 1, 0, 0},                      /* no kind */
    {99, 0, 0, 0, 1, 0, 0},                     /* unknown */
    {UINT32_MAX, 0, 0, 0, 1, 0, 0},             /* the same */
    {BROOD_WIRE_STOP, 0, 0, 0, 1, 0, 0},        /* what only the pool says */
    {BROOD_WIRE_TASK, 64, 0, 0, 1, 0, 0},       /* the same */
    {RESULT, 8, 1, 0, 1, 0, 0},                 /* of a later task */
    {RESULT, 8, ABSURD, 0, 1, 0, 0},            /* of an earlier one */
    {RESULT, 8, UINT64_MAX, 0, 1, 0, 0},        /* of the setup */
    {RESULT, 8, 0, 1, 1, 0, 0},                 /* of another item */
    {RESULT, 8, 0, ABSURD, 1, 0, 0},            /* the same */
    {RESULT, 8, 0, 0, 0, 0, 0},                 /* of no item */
    {RESULT, 8, 0, 0, 2, 0, 0},                 /* of more than there are */
    {RESULT, 8, 0, 0, ABSURD, 0, 0},            /* the same */
    {RESULT, ABSURD, 0, 0, 1, 0, 0},            /* an absurd length */
    {RESULT, UINT64_MAX, 0, 0, 1, 0, 0},        /* the same */
    {FAIL, ABSURD, 0, 0, 1, BROOD_ERR_TASK, 0}, /* the same */
    {FAIL, BROOD_MESSAGE_MAX, 0, 0, 1, BROOD_ERR_TASK, 0},
    {FAIL, 0, 0, 0, 1, BROOD_OK, 0}, /* not a failure */
    {FAIL, 0, 0, 0, 1, 4711, 0},     /* an unknown one */
    {FAIL, 0, 0, 0, 1, UINT32_MAX, 0},
    {FAIL, 0, 0, 0, 1, BROOD_ERR_CANCELLED, 0},     /* nobody has */
    {FAIL, 0, UINT64_MAX, 0, 1, BROOD_ERR_TASK, 0}, /* of the setup, which is over */
    {BROOD_WIRE_SKIPPED, 0, 0, 0, 1, 0, 0},         /* nobody has cancelled it */
    {BROOD_WIRE_READY, 0, UINT64_MAX, 0, 0, 0, 0},  /* again */
    {BROOD_WIRE_PAD, ABSURD, 0, 0, 0, 0, 0},        /* longer than the ring */
    {RESULT, 8, 0, 0, 1, 0, ABSURD},                /* the position goes back */
    {RESULT, 8, 0, 0, 1, 0, UINT64_C(1) << 40},     /* or beyond the ring */
    {RESULT, 8, 0, 0, 1, 0, UINT64_C(1) << 63},
};

/* Ends of a worker in the middle of a frame that would be right. */
static const frame_case truncated[] = {
    {RESULT, 8, 0, 0, 1, 0, 1},
    {RESULT, 8, 0, 0, 1, 0, 47},
    {RESULT, 8, 0, 0, 1, 0, 48},
    {RESULT, 8, 0, 0, 1, 0, 52},
    {RESULT, 1 << 20, 0, 0, 1, 0, 4096},
    {FAIL, 100, 0, 0, 1, BROOD_ERR_TASK, 64},
    {BROOD_WIRE_PAD, 1000, 0, 0, 0, 0, 64},
};

/* Waits for the result by looking: a worker that writes rubbish need not ring. */
static void look_for_end(brood_result *result)
{
    for (int i = 0; i < SOON_MS && !brood_result_ready(result); i++) {
        brood_result_wait(result, 1);
    }
    assert_true(brood_result_ready(result));
}

static void send_and_check(pool_stage *stage, const frame_case *frame, bool ends)
{
    frame_order order = {*frame, STAGE_RING, ends};
    brood_result *result = NULL;
    brood_status status = BROOD_OK;
    uint64_t started = stage_stats(stage).started;

    assert_ok(brood_pool_apply_async(stage->pool, &result, send_frame, &order, sizeof order, NULL));
    look_for_end(result);
    status = brood_result_get(result, NULL, NULL, 0);
    if (status != BROOD_ERR_DIED && status != BROOD_ERR_NO_MEMORY) {
        fail_msg("frame %d: %s", (int)(frame - frames), brood_status_name(status));
    }
    brood_result_destroy(result);
    stage_works(stage, 2);
    assert_true(stage_stats(stage).started > started);
}

static void f9_frames_that_cannot_be(void **state)
{
    pool_stage stage;

    (void)state;
    stage_prepare(&stage, 1);
    stage_open(&stage);
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        send_and_check(&stage, &frames[i], false);
    }
    stage_close(&stage);
}

static void f9_frames_that_cannot_be_of_dead_workers(void **state)
{
    pool_stage stage;

    (void)state;
    stage_prepare(&stage, 1);
    stage_open(&stage);
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        send_and_check(&stage, &frames[i], true);
    }
    stage_close(&stage);
}

static void f9_truncated_frames(void **state)
{
    pool_stage stage;

    (void)state;
    stage_prepare(&stage, 1);
    stage_open(&stage);
    for (size_t i = 0; i < sizeof truncated / sizeof truncated[0]; i++) {
        send_and_check(&stage, &truncated[i], true);
    }
    stage_close(&stage);
}

/* ---- a map: sizes and counts that do not fit to each other -------------------------------- */

static int send_frame_of_item(brood_task *task, const void *arg, size_t size)
{
    const frame_order *order = arg;
    worker_view view = view_of(task, order->capacity);
    uint64_t at = brood_load64(&view.out->written);
    brood_wire_answer answer = {.kind = order->frame.kind,
                                .size = order->frame.size,
                                .id = task->id,
                                .first = brood_task_index(task),
                                .count = order->frame.count,
                                .status = order->frame.status};

    (void)size;
    if (brood_task_index(task) != 0) {
        return brood_return(task, &at, sizeof at);
    }
    memcpy(view.out_bytes + (at & (order->capacity - 1)), &answer, sizeof answer);
    brood_store64(&view.out->written, at + sizeof answer);
    support_hang();
    return 0;
}

static void f9_frames_of_a_map_that_cannot_be(void **state)
{
    static const frame_case wrong[] = {
        {RESULT, 8, 0, 0, 2, 0, 0},
        {RESULT, 16, 0, 0, 1, 0, 0},
        {RESULT, 0, 0, 0, 1, 0, 0},
        {RESULT, 88, 0, 0, 11, 0, 0},
        {RESULT, ABSURD, 0, 0, 1, 0, 0},
        {FAIL, 0, 0, 0, 2, 18, 0},
        {RESULT, 0, 0, 0, UINT64_C(1) << 61, 0, 0},
    };
    enum {
        COUNT = 10
    };
    pool_stage stage;

    (void)state;
    stage_prepare(&stage, 1);
    stage.task_options.chunk_size = COUNT;
    stage_open(&stage);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        frame_order in[COUNT];
        uint64_t out[COUNT];
        brood_result *result = NULL;

        for (int k = 0; k < COUNT; k++) {
            in[k] = (frame_order){wrong[i], STAGE_RING, false};
        }
        assert_ok(brood_pool_map_async(stage.pool, &result, send_frame_of_item, in, COUNT,
                                       sizeof in[0], out, sizeof out[0], &stage.task_options));
        look_for_end(result);
        assert_status(brood_result_get(result, NULL, NULL, 0), BROOD_ERR_DIED);
        assert_int_equal(brood_result_failed_count(result), 1);
        brood_result_destroy(result);
    }
    stage_works(&stage, 2);
    stage_close(&stage);
}

/* ---- positions and the page ------------------------------------------------------------------ */

typedef enum scribble_kind {
    READ_POSITION,
    WRITTEN_POSITION,
    CLAIM_BACK,
    CLAIM_AHEAD,
    ITEM,
    PAGE_ONES,
    SCRIBBLES
} scribble_kind;

typedef struct scribble_order {
    scribble_kind kind;
    size_t capacity;
    bool ends;
} scribble_order;

static int scribble(brood_task *task, const void *arg, size_t size)
{
    scribble_order order;
    worker_view view;

    (void)size;
    memcpy(&order, arg, sizeof order);
    view = view_of(task, order.capacity);
    switch (order.kind) {
    case READ_POSITION:
        brood_store64(&view.in->read, UINT64_C(1) << 50);
        break;
    case WRITTEN_POSITION:
        brood_store64(&view.out->written, UINT64_C(1) << 50);
        break;
    case CLAIM_BACK:
        brood_store64(&view.page->claim, 0);
        break;
    case CLAIM_AHEAD:
        brood_store64(&view.page->claim, UINT64_C(1) << 50);
        break;
    case ITEM:
        brood_store64(&view.page->item, UINT64_C(1) << 50);
        break;
    default:
        memset(view.page, 0xff, sizeof *view.page);
    }
    if (order.ends) {
        support_exit_at_once(0);
    }
    support_hang();
    return 0;
}

/* With a time-out, since what hangs may hide that it does; and tasks that do not hang go on. */
static void f9_positions_and_claims_that_cannot_be(void **state)
{
    pool_stage stage;

    (void)state;
    stage_prepare(&stage, 1);
    stage.options.grace_ms = 20;
    stage.task_options.timeout_ms = 100;
    stage_open(&stage);
    for (int kind = 0; kind < 2 * SCRIBBLES; kind++) {
        scribble_order order = {(scribble_kind)(kind / 2), STAGE_RING, kind % 2 != 0};
        unsigned char *large = calloc(1, 2 * STAGE_RING);
        brood_result *results[2];

        stage_works(&stage, 3);
        memcpy(large, &order, sizeof order);
        assert_ok(brood_pool_apply_async(stage.pool, &results[0], scribble, &order, sizeof order,
                                         &stage.task_options));
        assert_ok(brood_pool_apply_async(stage.pool, &results[1], scribble, large, 2 * STAGE_RING,
                                         &stage.task_options));
        for (int i = 0; i < 2; i++) {
            look_for_end(results[i]);
            assert_false(brood_result_successful(results[i]));
            brood_result_destroy(results[i]);
        }
        free(large);
    }
    stage_works(&stage, 3);
    stage_close(&stage);
}

/* What it says that it has begun is what it was given next. */
static int claim_the_next(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    stage_wait(task);
    brood_store64(&view_of(task, 1).page->claim, brood_claim_of(task->id + 1));
    stage_tell(task);
    support_hang();
    return 0;
}

static void f9_one_that_claims_the_next_task_is_ended_by_a_cancel(void **state)
{
    pool_stage stage;

    (void)state;
    stage_prepare(&stage, 1);
    stage.options.grace_ms = 20;
    stage_open(&stage);
    for (int i = 0; i < 3; i++) {
        brood_result *results[2];

        stage_works(&stage, 2);
        assert_ok(brood_pool_apply_async(stage.pool, &results[0], claim_the_next, NULL, 0, NULL));
        stage_await(&stage);
        assert_ok(brood_pool_apply_async(stage.pool, &results[1], stage_square, &(int64_t){2},
                                         sizeof(int64_t), NULL));
        stage_let_go(&stage, 1);
        stage_await(&stage);
        assert_ok(brood_result_cancel(results[0]));
        assert_ok(brood_result_wait(results[0], SOON_MS));
        assert_ok(brood_result_wait(results[1], SOON_MS));
        brood_result_destroy(results[0]);
        brood_result_destroy(results[1]);
    }
    stage_works(&stage, 2);
    stage_close(&stage);
}

/* One that says each time that it had not begun cannot end workers for ever. */
static int deny(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    brood_store64(&view_of(task, 1).page->claim, 0);
    support_exit_at_once(0);
    return 0;
}

static void f9_a_task_that_denies_that_it_began(void **state)
{
    pool_stage stage;
    brood_result *result = NULL;

    (void)state;
    stage_prepare(&stage, 2);
    stage.options.crash_limit =
        100; /* a slow one is taken back from its worker, which does not count */
    stage_open(&stage);
    assert_ok(brood_pool_apply_async(stage.pool, &result, deny, NULL, 0, NULL));
    stage_works(&stage, 10);
    stage_end(result, BROOD_ERR_DIED);
    stage_close(&stage);
}

/* ---- at random ------------------------------------------------------------------------------ */

typedef struct fuzz_order {
    uint64_t seed;
    size_t capacity;
} fuzz_order;

static uint64_t draw(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

static uint64_t draw_value(uint64_t *seed)
{
    switch (draw(seed) % 4) {
    case 0:
        return draw(seed) % 8;
    case 1:
        return UINT64_C(1) << draw(seed) % 64;
    case 2:
        return UINT64_MAX - draw(seed) % 64;
    default:
        return draw(seed) << 31 ^ draw(seed);
    }
}

/* Where it hurts: the page, the heads of the rings, what is published or will be next, anywhere. */
static unsigned char *draw_place(const worker_view *view, uint64_t *seed, size_t size)
{
    size_t next = (size_t)(brood_load64(&view->out->written) & (view->capacity - 1));

    switch (draw(seed) % 6) {
    case 0:
        return (unsigned char *)view->page + draw(seed) % (sizeof *view->page - size);
    case 1:
        return (unsigned char *)view->in + draw(seed) % (sizeof *view->in - size);
    case 2:
        return (unsigned char *)view->out + draw(seed) % (sizeof *view->out - size);
    case 3:
        return view->out_bytes + (next + draw(seed) % 256) % (view->capacity - size);
    case 4:
        return view->out_bytes + draw(seed) % (view->capacity - size);
    default:
        return (unsigned char *)view->in + draw(seed) % (view->capacity - size);
    }
}

static int scribble_at_random(brood_task *task, const void *arg, size_t size)
{
    fuzz_order order;
    worker_view view;
    uint64_t seed = 0;
    uint64_t count = 0;

    (void)size;
    memcpy(&order, arg, sizeof order);
    seed = order.seed;
    view = view_of(task, order.capacity);
    count = 1 + draw(&seed) % 4;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t value = draw_value(&seed);
        size_t part = (size_t)1 << draw(&seed) % 4;

        memcpy(draw_place(&view, &seed, 8), &value, part);
        if (draw(&seed) % 4 == 0) { /* and says that it is there */
            brood_store64(&view.out->written, brood_load64(&view.out->written) + draw(&seed) % 512);
        }
    }
    switch (draw(&seed) % 4) {
    case 0:
        support_exit_at_once(0);
        break;
    case 1:
        return 5;
    default:
        break;
    }
    return brood_return(task, &seed, sizeof seed);
}

/*
 * Each worker has one task, so that only it suffers from what it does. A time-out ends those that
 * have lost their wake-up calls.
 */
static void fuzz(uint64_t seed, int rounds)
{
    pool_stage stage;
    fuzz_order order = {seed, 0};

    stage_prepare(&stage, 3);
    stage.options.grace_ms = 10;
    stage.options.max_tasks_per_worker = 1;
    stage.options.backoff_ms = 1;
    stage.options.crash_limit = 1000000; /* one that scribbles over its READY never came up */
    stage.task_options.timeout_ms = 50;
    stage_open(&stage);
    order.capacity = STAGE_RING;
    for (int i = 0; i < rounds; i++) {
        brood_result *hostile = NULL;
        brood_result *map = NULL;
        uint64_t in[3] = {order.seed, 1, 2};
        uint64_t out[3];
        fuzz_order item = order;

        assert_ok(brood_pool_apply_async(stage.pool, &hostile, scribble_at_random, &order,
                                         sizeof order, &stage.task_options));
        item.seed += 7919;
        assert_ok(brood_pool_map_async(stage.pool, &map, scribble_at_random, &item, 1, sizeof item,
                                       out, sizeof out[0], &stage.task_options));
        stage_works(&stage, 2);
        assert_ok(brood_result_wait(hostile, SOON_MS));
        assert_ok(brood_result_wait(map, SOON_MS));
        brood_result_destroy(hostile);
        brood_result_destroy(map);
        order.seed = draw(&in[0]);
    }
    stage_terminate(&stage);
}

/* So many that all of them end in time, where a start takes long, too. */
static int rounds_of_fuzz(void)
{
    return support_is_windows() ? 40 : support_is_sanitized() ? 60 : 150;
}

static void f9_scribbles_at_random(void **state)
{
    (void)state;
    fuzz(1, rounds_of_fuzz());
}

static void f9_other_scribbles_at_random(void **state)
{
    (void)state;
    fuzz(20240607, rounds_of_fuzz());
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(f9_frames_that_cannot_be),
    cmocka_unit_test(f9_frames_that_cannot_be_of_dead_workers),
    cmocka_unit_test(f9_truncated_frames),
    cmocka_unit_test(f9_frames_of_a_map_that_cannot_be),
    cmocka_unit_test(f9_positions_and_claims_that_cannot_be),
    cmocka_unit_test(f9_a_task_that_denies_that_it_began),
    cmocka_unit_test(f9_one_that_claims_the_next_task_is_ended_by_a_cancel),
    cmocka_unit_test(f9_scribbles_at_random),
    cmocka_unit_test(f9_other_scribbles_at_random),
};

BROOD_TEST_MAIN(tests)
