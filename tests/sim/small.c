/* The program of a scenario. */
#include "five.h"

#include "small.h"

#include <stdlib.h>
#include <string.h>

#include "pool/peer_impl.h"
#include "pool/pool_impl.h"
#include "program.h"

#define UP_US 60000 /* until workers are up, and sleep */
#define THREADS 4

static struct {
    brood_pool *pool;
    live_thread threads[THREADS];
    uint32_t thread_count;
    uint32_t begun[SMALL_TASKS];
    bool loop_ends;
} small;

/* ---- what workers do ----------------------------------------------------------------------------- */

static int obey(brood_task *task, const small_order *order)
{
    if (order->kind == SMALL_PAUSE) {
        sim_program_sleep(order->pause_us);
    } else if (order->kind == SMALL_KILL_FIRST && brood_task_attempt(task) == 1) {
        support_kill_self();
    }
    for (int i = 0; order->kind == SMALL_UNTIL_CANCELLED && !brood_task_cancelled(task); i++) {
        sim_program_sleep(500);
        small_must(i < 200, "a task that is cancelled is told so");
    }
    return 0;
}

int small_task(brood_task *task, const void *arg, size_t size)
{
    small_order order;
    uint32_t value = 0;

    small_must(size >= sizeof order, "a task has its argument");
    memcpy(&order, arg, sizeof order);
    small_must(order.number < SMALL_TASKS, "a task has its own argument");
    small.begun[order.number]++;
    obey(task, &order);
    value = order.number + 1000;
    return brood_return(task, &value, sizeof value);
}

uint32_t small_begun(uint32_t number)
{
    return small.begun[number];
}

small_order small_plain(uint32_t number)
{
    return (small_order){.number = number, .kind = SMALL_RETURN};
}

small_order small_pausing(uint32_t number, uint32_t pause_us)
{
    return (small_order){.number = number, .kind = SMALL_PAUSE, .pause_us = pause_us};
}

/* ---- what the program does ------------------------------------------------------------------------ */

void small_must(bool is_so, const char *what)
{
    if (!is_so) {
        live_fail("it does not hold that %s", what);
    }
}

void small_check_status(brood_status status, uint64_t allowed, const char *call)
{
    if ((LIVE_BIT(status) & allowed) == 0) {
        live_fail("%s answered %s", call, brood_status_name(status));
    }
}

brood_result *small_submit_large(brood_pool *pool, small_order order, size_t size,
                                 const brood_task_options *options)
{
    brood_result *result = NULL;
    char *argument = calloc(1, size);

    memcpy(argument, &order, sizeof order);
    small_check_status(brood_pool_apply_async(pool, &result, small_task, argument, size, options),
                       LIVE_BIT(BROOD_OK), "brood_pool_apply_async");
    free(argument);
    return result;
}

brood_result *small_submit(brood_pool *pool, small_order order, const brood_task_options *options)
{
    return small_submit_large(pool, order, sizeof order, options);
}

static uint64_t with_kills(uint64_t allowed)
{
    return sim_plan_kills() == 0 ? allowed : allowed | LIVE_BIT(BROOD_ERR_DIED);
}

void small_finish(brood_result *result, uint32_t number, uint64_t allowed)
{
    const void *data = NULL;
    size_t size = 0;
    brood_status status = brood_result_get(result, &data, &size, BROOD_FOREVER);

    small_check_status(status, with_kills(allowed), "brood_result_get");
    if (status == BROOD_OK) {
        small_must(size == sizeof number && *(const uint32_t *)data == number + 1000,
                   "a task has its own value");
        small_must(small.begun[number] >= 1, "a task that has a value has run");
    }
    brood_result_destroy(result);
}

typedef struct thread_work {
    const char *name;
    live_thread *thread;
    void (*work)(void *data);
    void *data;
} thread_work;

static void run_thread(void *data)
{
    thread_work work = *(thread_work *)data;

    free(data);
    sim.self->name = work.name;
    live_begin(work.thread, work.name);
    work.work(work.data);
    live_end(work.thread);
}

support_thread *small_thread(const char *name, void (*work)(void *), void *data)
{
    thread_work *made = malloc(sizeof *made);
    live_thread *thread = &small.threads[++small.thread_count];

    thread->name = name;
    *made = (thread_work){name, thread, work, data};
    return support_thread_start(run_thread, made);
}

brood_pool *small_pool(void)
{
    return small.pool;
}

/* ---- the program's event loop ---------------------------------------------------------------------- */

static void run_loop(void *data)
{
    brood_handle handle = BROOD_HANDLE_NONE;

    brood_pool_handle(data, &handle);
    while (!small.loop_ends) {
        int64_t wait_ms = brood_pool_timeout_ms(data);

        support_wait_handle(handle, wait_ms < 0 || wait_ms > 20 ? 20 : (int)wait_ms);
        brood_pool_run(data);
    }
}

static support_thread *start_loop(const brood_pool_options *options)
{
    return options->event_loop ? support_thread_start(run_loop, small.pool) : NULL;
}

void small_apply(brood_pool *pool, small_order order)
{
    uint32_t value = 0;

    small_check_status(
        brood_pool_apply(pool, small_task, &order, sizeof order, &value, sizeof value, NULL),
        LIVE_BIT(BROOD_OK), "brood_pool_apply");
}

void small_must_be_soon(int64_t since, int64_t most_ms, const char *what)
{
    if (sim_now() - since > most_ms * SIM_MS) {
        live_fail("%s has taken %.3f ms, and may take %lld", what,
                  (double)(sim_now() - since) / 1e6, (long long)most_ms);
    }
}

const brood_peer *small_first_peer(void)
{
    return brood_peer_of_const(small_pool()->roster.workers[0]);
}

void small_set_one(brood_pool_options *options)
{
    options->workers = 1;
}

void small_set_quiet(brood_pool_options *options)
{
    options->workers = 1;
    options->spin = BROOD_SPIN_NEVER;
}

void small_set_rings(brood_pool_options *options)
{
    options->workers = 17;
    options->lazy = true;
    options->spin = BROOD_SPIN_NEVER;
}

/* ---- which there are ------------------------------------------------------------------------------- */

static const sim_scenario *const lists[] = {sim_explored, sim_found_waits, sim_found_workers,
                                            sim_found_answers, sim_found_races};

const sim_scenario *sim_scenario_at(uint32_t index)
{
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        for (const sim_scenario *at = lists[i]; at->name != NULL; at++) {
            if (index-- == 0) {
                return at;
            }
        }
    }
    return NULL;
}

const sim_scenario *sim_scenario_find(const char *name)
{
    const sim_scenario *at = NULL;

    for (uint32_t i = 0; (at = sim_scenario_at(i)) != NULL && strcmp(at->name, name) != 0; i++) {
    }
    return at;
}

/* ---- its life -------------------------------------------------------------------------------------- */

static brood_pool_options options_of(const sim_scenario *scenario)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;

    options.workers = 2;
    options.backoff_ms = 1;
    options.grace_ms = 5;
    if (scenario->options != NULL) {
        scenario->options(&options);
    }
    return options;
}

/* The program's only other thread so far is the pool's. */
static void name_parties(void)
{
    for (sim_party *at = sim.parties; at != NULL; at = at->next) {
        if (at->process == sim_own()) {
            at->name = at == sim.self ? "program" : "thread";
        }
    }
}

static void check_stats(void)
{
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;

    brood_pool_get_stats(small.pool, &stats);
    small_must(stats.queued == 0 && stats.running == 0 && stats.alive == 0 &&
                   stats.submitted == stats.succeeded + stats.failed + stats.cancelled &&
                   stats.started == stats.ended + stats.died + stats.lost,
               "the statistics of a pool that has ended add up");
}

static void end_pool(support_thread *loop)
{
    small_check_status(brood_pool_close(small.pool), LIVE_BIT(BROOD_OK), "brood_pool_close");
    small_check_status(brood_pool_join(small.pool, BROOD_FOREVER), LIVE_BIT(BROOD_OK),
                       "brood_pool_join");
    check_stats();
    small.loop_ends = true;
    if (loop != NULL) {
        support_thread_join(loop);
    }
    live_watch(small.threads, THREADS, NULL, sim.scenario->name);
    brood_pool_destroy(small.pool);
}

static void live(const sim_scenario *scenario, const brood_pool_options *options)
{
    support_thread *loop = NULL;

    small_check_status(brood_pool_create(&small.pool, options), LIVE_BIT(BROOD_OK),
                       "brood_pool_create");
    live_watch(small.threads, THREADS, small.pool, scenario->name);
    name_parties();
    loop = scenario->is_alone ? NULL : start_loop(options);
    if (scenario->is_warm) {
        small_finish(small_submit(small.pool, (small_order){.number = 0}, NULL), 0,
                     LIVE_BIT(BROOD_OK));
        small.begun[0] = 0;
    }
    sim_program_sleep(UP_US);
    sim_plan_start();
    scenario->run(small.pool);
    end_pool(loop);
    sim_plan_stop();
}

/* A worker's comes no further than brood_init. */
int sim_small_main(int argc, char **argv)
{
    brood_pool_options options;

    if (brood_init(argc, argv) != BROOD_OK) {
        return 3;
    }
    memset(&small, 0, sizeof small);
    options = options_of(sim.scenario);
    small.threads[0].name = "program";
    live_watch_start(0, false);
    live_watch(small.threads, THREADS, NULL, sim.scenario->name);
    live_begin(&small.threads[0], sim.scenario->name);
    live(sim.scenario, &options);
    live_end(&small.threads[0]);
    live_unwatch();
    return 0;
}
