/* What a worker says: faults that were found. `about` says what it was. */
#include "five.h"

#include "small.h"

#include <string.h>

#include "pool/peer_impl.h"
#include "pool/pool_impl.h"
#include "process/task.h"
#include "program.h"

#define OK LIVE_BIT(BROOD_OK)

/* ---- H6: a worker that dies, and its answers cannot be read ------------------------------------------ */

static uint32_t spoiled;

static int spoil_answers(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    spoiled++;
    small_first_peer()->from.shared->written += UINT64_C(1) << 40;
    support_kill_self();
    return 0;
}

/* Both were begun, as the worker's page says, so none runs again. */
static void run_spoiled(brood_pool *pool)
{
    brood_result *first = small_submit(pool, small_plain(0), NULL);
    brood_result *last = NULL;

    spoiled = 0;
    small_check_status(brood_pool_apply_async(pool, &last, spoil_answers, "", 1, NULL), OK,
                       "brood_pool_apply_async");
    small_finish(first, 0, LIVE_BIT(BROOD_ERR_DIED));
    small_check_status(brood_result_get(last, NULL, NULL, BROOD_FOREVER), LIVE_BIT(BROOD_ERR_DIED),
                       "brood_result_get");
    brood_result_destroy(last);
    small_must(small_begun(0) == 1 && spoiled == 1, "a task without retries begins once");
}

/* ---- an item that is taken as done before it is told, and then denied ------------------------------- */

/* In the second item the worker says that the first one, whose value it has written, has failed. */
static int deny_first(brood_task *task, const void *arg, size_t size)
{
    const brood_ring *ring = &small_first_peer()->from;
    brood_wire_answer answer = {
        .kind = BROOD_WIRE_FAILED, .id = task->id, .count = 1, .status = BROOD_ERR_TASK};
    uint64_t at = 0;

    if (brood_task_index(task) == 0) {
        return small_task(task, arg, size);
    }
    sim_program_sleep(20000);
    at = brood_load64(&ring->shared->written);
    memcpy(ring->bytes + (at & (ring->capacity - 1)), &answer, sizeof answer);
    brood_store64(&ring->shared->written, at + sizeof answer);
    support_kill_self();
    return 0;
}

static void run_denied(brood_pool *pool)
{
    static small_order in[3];
    static uint32_t out[3];
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_result *map = NULL;

    options.chunk_size = 3;
    small_check_status(brood_pool_map_async(pool, &map, deny_first, in, 3, sizeof in[0], out,
                                            sizeof out[0], &options),
                       OK, "brood_pool_map_async");
    sim_program_sleep(5000); /* nobody waits when the first one ends, so it is not told */
    small_check_status(brood_result_item(map, 0, NULL, NULL, NULL, BROOD_FOREVER), OK,
                       "brood_result_item");
    small_must(pool->roster.workers[0]->backlog.chunks.first->unreported == 1,
               "an item is taken before it is told");
    small_must(small_begun(0) == 1 && out[0] == 1000, "an item is taken when it is done");
    small_check_status(brood_result_get(map, NULL, NULL, BROOD_FOREVER), LIVE_BIT(BROOD_ERR_DIED),
                       "brood_result_get");
    small_check_status(brood_result_item(map, 0, NULL, NULL, NULL, BROOD_FOREVER), OK,
                       "brood_result_item");
    brood_result_destroy(map);
}

/* ---- H7: the place of an item that fails, whose value had come in part ------------------------------- */

#define VALUE 200000 /* more than two rings */

static int return_large(brood_task *task, const void *arg, size_t size)
{
    static char value[VALUE];

    (void)arg;
    (void)size;
    return brood_return(task, value, sizeof value);
}

static const void *room_of_first(void)
{
    return &small_first_peer()->from.shared->writer_sleeps;
}

static void run_value_in_part(brood_pool *pool)
{
    static unsigned char out[VALUE];
    unsigned char in = 0;

    memset(out, 0xAB, sizeof out);
    small_check_status(brood_pool_map(pool, return_large, &in, 1, 1, out, sizeof out, NULL),
                       LIVE_BIT(BROOD_ERR_DIED), "brood_pool_map");
    for (size_t i = 0; i < sizeof out; i++) {
        small_must(out[i] == 0xAB, "the place of an item that failed stays as it was");
    }
}

/* The same without a death. */
static void run_long_value(brood_pool *pool)
{
    static unsigned char out[VALUE];
    unsigned char in = 0;

    memset(out, 0xAB, sizeof out);
    small_check_status(brood_pool_map(pool, return_large, &in, 1, 1, out, sizeof out, NULL), OK,
                       "brood_pool_map");
    for (size_t i = 0; i < sizeof out; i++) {
        small_must(out[i] == 0, "a value comes as it was returned");
    }
}

/* ---- an item that was done, whose worker was killed while it told of it ------------------------------- */

static int add_one(brood_task *task, const void *arg, size_t size)
{
    unsigned char value = (unsigned char)(*(const unsigned char *)arg + 1);

    (void)size;
    return brood_return(task, &value, sizeof value);
}

static const void *head_from_first(void)
{
    const brood_ring *from = &small_first_peer()->from;

    return from->bytes + (from->own & (from->capacity - 1));
}

static void run_half_told(brood_pool *pool)
{
    static const unsigned char in[2] = {1, 2};
    static unsigned char out[2];
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    brood_result *map = NULL;

    options.chunk_size = 2;
    small_check_status(brood_pool_map_async(pool, &map, add_one, in, 2, 1, out, 1, &options), OK,
                       "brood_pool_map_async");
    small_check_status(brood_result_wait(map, BROOD_FOREVER), OK, "brood_result_wait");
    small_check_status(brood_result_item(map, 0, NULL, NULL, NULL, BROOD_FOREVER), OK,
                       "brood_result_item of the one that was done");
    small_check_status(brood_result_item(map, 1, NULL, NULL, NULL, BROOD_FOREVER),
                       LIVE_BIT(BROOD_ERR_DIED), "brood_result_item of the one that ran");
    small_must(out[0] == 2, "the value is there");
    brood_result_destroy(map);
}

static const void *read_from_first(void)
{
    return &small_first_peer()->from.shared->read;
}

const sim_scenario sim_found_answers[] = {
    {.name = "answers-spoiled",
     .about = "tasks of a worker that died ran twice, where its answers could not be read",
     .options = small_set_quiet,
     .run = run_spoiled,
     .is_warm = true},
    {.name = "denied",
     .about = "an item that was taken as done was denied by its worker",
     .options = small_set_quiet,
     .run = run_denied},
    {.name = "value-in-part",
     .about = "an item that failed left a part of its value in the caller's array",
     .options = small_set_rings,
     .run = run_value_in_part,
     .is_warm = true,
     .moves = {{.who = "worker 1",
                .kind = SIM_CHANGE,
                .object = room_of_first,
                .count = 2,
                .what = 'x',
                .whom = "worker 1"}}},
    {.name = "half-told",
     .about = "an item that was done failed, for its worker was killed while it wrote that",
     .options = small_set_quiet,
     .run = run_half_told,
     .is_warm = true,
     .moves = {{.who = "worker 1",
                .kind = SIM_POINT,
                .object = head_from_first,
                .what = 'x',
                .whom = "worker 1"}}},
    {.name = "sleep-and-release",
     .about = "a worker goes to sleep for room, and before it says so its pool makes room",
     .options = small_set_rings,
     .run = run_long_value,
     .is_warm = true,
     .moves = {{.who = "worker 1",
                .kind = SIM_CHANGE,
                .object = room_of_first,
                .count = 3,
                .what = '>',
                .whom = "program"}}},
    {.name = "release-and-sleep",
     .about = "a pool makes room, and just before that its worker goes to sleep for it",
     .options = small_set_rings,
     .run = run_long_value,
     .is_warm = true,
     .moves = {{.who = "worker 1",
                .kind = SIM_CHANGE,
                .object = room_of_first,
                .count = 3,
                .what = '>',
                .whom = "program"},
               {.who = "program",
                .kind = SIM_STORE,
                .object = read_from_first,
                .what = '>',
                .whom = "worker 1"}}},
    {.name = "release-late",
     .about = "a pool makes room that is seen late, and then its worker goes to sleep for it",
     .options = small_set_rings,
     .run = run_long_value,
     .is_warm = true,
     .moves = {{.who = "worker 1",
                .kind = SIM_CHANGE,
                .object = room_of_first,
                .count = 3,
                .what = '>',
                .whom = "program"},
               {.who = "program", .kind = SIM_STORE, .object = read_from_first},
               {.who = "program", .count = 2, .what = '>', .whom = "worker 1", .holds = true}}},
    {.name = NULL},
};
