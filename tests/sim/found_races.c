/* Orders of steps that are seldom: faults that were found, each with its moves. `about` says what it was. */
#include "five.h"

#include "small.h"

#include "pool/peer_impl.h"
#include "program.h"

#define OK LIVE_BIT(BROOD_OK)
#define CANCELLED LIVE_BIT(BROOD_ERR_CANCELLED)

/* ---- a side that goes to sleep, and one that says that there is more ----------------------------------- */

static const void *written_to_first(void)
{
    return &small_first_peer()->to.shared->written;
}

static const void *sleep_of_first(void)
{
    return &small_first_peer()->to.shared->reader_sleeps;
}

static const void *claim_of_first(void)
{
    return &small_first_peer()->page->claim;
}

static const void *void_of_first(void)
{
    return &small_first_peer()->page->revoked_upto;
}

static void run_two(brood_pool *pool)
{
    brood_result *first = small_submit(pool, small_plain(0), NULL);
    brood_result *second = small_submit(pool, small_plain(1), NULL);

    small_finish(first, 0, OK);
    small_finish(second, 1, OK);
}

/* ---- a task that is cancelled at the moment at which a worker begins it ---------------------------------- */

static void run_cancel_at_begin(brood_pool *pool)
{
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    brood_result *result = small_submit(pool, small_pausing(0, 1000), NULL);

    brood_result_cancel(result);
    small_finish(result, 0, OK | CANCELLED);
    small_must(small_begun(0) == 1, "a worker has begun it");
    small_apply(pool, small_plain(1));
    brood_pool_get_stats(pool, &stats);
    small_must(stats.died == 0, "its answer was believed");
}

/* The worker is about to begin the second one when that is taken back; its claim is frozen twice. */
static void run_cancel_twice(brood_pool *pool)
{
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;
    brood_result *results[2];

    for (uint32_t i = 0; i < 2; i++) {
        results[i] = small_submit(pool, small_plain(i), NULL);
        brood_result_cancel(results[i]);
    }
    for (uint32_t i = 0; i < 2; i++) {
        small_finish(results[i], i, CANCELLED);
    }
    small_apply(pool, small_plain(2));
    brood_pool_get_stats(pool, &stats);
    small_must(small_begun(1) == 0 && stats.died == 0, "a task that was taken back does not begin");
}

/* ---- a wake that comes with the end of what its taker waits for ----------------------------------------- */

static void set_loop_quiet(brood_pool_options *options)
{
    options->event_loop = true;
    options->spin = BROOD_SPIN_NEVER;
    options->workers = 1;
}

/* Its sleep is over when the program's thread is about to wait, and not before that one's. */
static void destroy_shared(void *shared)
{
    sim_program_sleep(5);
    brood_shared_destroy(shared);
}

/* The program's thread is told of both at once, and has nothing to wait for any more. */
static void run_wake_with_end(brood_pool *pool)
{
    brood_shared *shared = NULL;
    brood_task_options options = BROOD_TASK_OPTIONS_INIT;
    support_thread *other = NULL;

    small_check_status(brood_shared_create(&shared, 100, NULL), OK, "brood_shared_create");
    options.shared = &shared;
    options.shared_count = 1;
    small_finish(small_submit(pool, small_plain(0), &options), 0, OK);
    small_must(small_first_peer()->shared_count == 1, "the worker knows the memory");
    other = small_thread("other", destroy_shared, shared);
    sim_program_sleep(5);
    small_finish(small_submit(pool, small_plain(1), NULL), 1, OK);
    support_thread_join(other);
    small_must(small_first_peer()->shared_count == 0, "the worker was told to unmap it");
}

const sim_scenario sim_found_races[] = {
    {.name = "wake-with-end",
     .about = "a worker was not told to unmap memory in a pool with an event loop",
     .options = set_loop_quiet,
     .run = run_wake_with_end,
     .is_alone = true,
     .moves = {{.who = "program", .call = "poller_wait", .count = 2, .what = '>', .whom = "other"},
               {.who = "other", .call = "poller_wake", .what = '>', .whom = "worker 1"}}},
    {.name = "sleep-and-publish",
     .about = "a worker goes to sleep, and before it says so its pool publishes",
     .options = small_set_quiet,
     .run = run_two,
     .is_warm = true,
     .moves = {{.who = "program",
                .kind = SIM_STORE,
                .object = written_to_first,
                .count = 2,
                .what = '>',
                .whom = "worker 1"},
               {.who = "worker 1",
                .kind = SIM_CHANGE,
                .object = sleep_of_first,
                .count = 2,
                .what = '>',
                .whom = "program"}}},
    {.name = "publish-late",
     .about = "the same, and what is published is seen late",
     .options = small_set_quiet,
     .run = run_two,
     .is_warm = true,
     .moves = {{.who = "program",
                .kind = SIM_STORE,
                .object = written_to_first,
                .count = 2,
                .what = '>',
                .whom = "worker 1"},
               {.who = "worker 1",
                .kind = SIM_CHANGE,
                .object = sleep_of_first,
                .count = 2,
                .what = '>',
                .whom = "program"},
               {.who = "program", .count = 2, .what = '>', .whom = "worker 1", .holds = true}}},
    {.name = "publish-and-sleep",
     .about = "a pool publishes, and just before that its worker goes to sleep",
     .options = small_set_quiet,
     .run = run_two,
     .is_warm = true,
     .moves = {{.who = "program",
                .kind = SIM_STORE,
                .object = written_to_first,
                .count = 2,
                .what = '>',
                .whom = "worker 1"}}},
    {.name = "cancel-at-begin",
     .about = "a task is taken back, and just before that its worker begins it",
     .options = small_set_one,
     .run = run_cancel_at_begin,
     .is_warm = true,
     .moves = {{.who = "program",
                .kind = SIM_CHANGE,
                .object = claim_of_first,
                .what = '>',
                .whom = "worker 1"}}},
    {.name = "cancel-before-begin",
     .about = "a task is taken back, and before the pool says up to where its worker begins it",
     .options = small_set_one,
     .run = run_cancel_at_begin,
     .is_warm = true,
     .moves = {{.who = "program",
                .kind = SIM_STORE,
                .object = void_of_first,
                .what = '>',
                .whom = "worker 1"}}},
    {.name = "cancel-twice",
     .about = "a task is taken back twice while its worker is about to begin it",
     .options = small_set_one,
     .run = run_cancel_twice,
     .is_warm = true,
     .moves = {{.who = "program",
                .kind = SIM_STORE,
                .object = void_of_first,
                .count = 2,
                .what = '>',
                .whom = "worker 1"},
               {.who = "worker 1",
                .kind = SIM_CHANGE,
                .object = claim_of_first,
                .what = '>',
                .whom = "program"}}},
    {.name = NULL},
};
