/*
 * liveness [--seconds N] [--seed N] [--lives N] [--hold] [--verbose] [--uncounted] [--threads]
 *
 * Makes random pools, one after the other, and calls them at random from up to three threads whose
 * waits have no time-out, while workers are killed. Fails when a call does not come back for 4
 * seconds (15 under Wine and sanitizers) of a machine that is not stalled, or answers what it may
 * not. A life is drawn from its seed: `--seed N --lives 1` is that pool under those callers again,
 * as far as threads allow. With --hold a failed run stays for a debugger; --verbose tells each pool;
 * --uncounted does not look at the number of workers. With --threads all pools are of threads.
 */
#include "liveness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_time.h>

#include "platform.h"

#define NS_PER_MS INT64_C(1000000)
#define THREADS (LIVE_CALLERS_MAX + 3)

enum {
    MAIN,
    LOOP,
    KILLER,
    FIRST_CALLER
};

/* How a pool comes to its end. */
enum {
    END_CLOSED,      /* callers are done, close, join */
    END_CLOSE_EARLY, /* while callers go on */
    END_TERMINATE_EARLY,
    END_ABANDONED, /* destroyed without anything, its results outlive it */
    END_COUNT
};

typedef struct stage {
    live_life life;
    brood_pool_options options;
    unsigned char init_mode;
    uint32_t seed, callers, slowness, end, copies, cores;
    live_thread threads[THREADS];
    live_caller caller[LIVE_CALLERS_MAX];
    brood_atomic32 stop_loop;
    char description[800];
} stage;

static struct {
    uint64_t lives, calls;
    int64_t slowest;
    const char *slowest_what;
    uint32_t slowest_seed;
} totals;

uint32_t live_draw(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

uint32_t live_below(uint32_t *seed, uint32_t end)
{
    return live_draw(seed) % end;
}

uint32_t live_between(uint32_t *seed, uint32_t low, uint32_t high)
{
    return low + live_below(seed, high - low + 1);
}

bool live_chance(uint32_t *seed, uint32_t percent)
{
    return live_below(seed, 100) < percent;
}

/* ---- a random pool -------------------------------------------------------------------------- */

static void draw_workers(stage *self)
{
    brood_pool_options *options = &self->options;
    uint32_t *seed = &self->seed;

    if (live_chance(seed, 30)) {
        options->initializer = live_initialize;
        options->initializer_arg = &self->init_mode;
        options->initializer_size = 1;
        self->init_mode = (unsigned char)(live_chance(seed, 10)   ? LIVE_INIT_NEVER
                                          : live_chance(seed, 30) ? LIVE_INIT_SOMETIMES
                                          : live_chance(seed, 50) ? LIVE_INIT_SLOW
                                                                  : LIVE_INIT_FINE);
    }
    if (live_chance(seed, 40)) {
        options->finalizer = live_chance(seed, 30)   ? live_finalize_slowly
                             : live_chance(seed, 60) ? live_finalize_for_ever
                                                     : live_finalize;
    }
    if (live_chance(seed, 30)) {
        options->max_tasks_per_worker = live_between(seed, 1, 5);
        options->max_tasks_jitter = live_below(seed, options->max_tasks_per_worker);
    }
    options->lazy = live_chance(seed, 30);
    if (options->finalizer == live_finalize_for_ever || live_chance(seed, 20)) {
        options->exit_timeout_ms = live_between(seed, 20, 200);
    }
    if (self->end != END_CLOSED && self->end != END_CLOSE_EARLY && live_chance(seed, 50)) {
        options->exit_timeout_ms = 0; /* nobody waits for what is terminated */
    }
    if (live_chance(seed, 40)) {
        options->idle_timeout_ms = live_between(seed, 1, 40);
    }
}

/* What callers and others do in this life, or do not: each may be what keeps the rest going. */
static void draw_life(stage *self)
{
    live_life *life = &self->life;
    brood_pool_options *options = &self->options;
    uint32_t *seed = &self->seed;

    life->rains = !options->event_loop && options->max_tasks_per_worker == 0 &&
                  self->init_mode < LIVE_INIT_SOMETIMES && live_chance(seed, LIVE_RAIN_PERCENT);
    life->kills = live_chance(seed, life->rains ? 80 : 40) && !life->is_of_threads;
    life->resizes = live_chance(seed, 40);
    life->looks_only = life->rains || live_chance(seed, 20);
    life->has_loop = options->event_loop;
    life->nobody_loops = options->event_loop && !life->looks_only && live_chance(seed, 40);
    life->is_brief = !life->rains && live_chance(seed, 25);
    life->most_calls = !life->rains && live_chance(seed, LIVE_SHORT_PERCENT)
                           ? live_between(seed, 1, 8)
                           : UINT32_MAX;
    life->long_most = life->resizes ? 0 : options->workers - 1;
    if (life->looks_only) {
        options->queue_size = 0; /* for which they would wait */
    }
    life->has_bound = options->queue_size > 0;
    self->copies = live_chance(seed, 25) ? live_between(seed, 1, 4) : 0;
    self->cores = live_chance(seed, 50) ? live_between(seed, 1, 4) : 0;
}

/* What brood takes for the number of cores: a machine of another size. */
static void set_cores(uint32_t cores)
{
    char text[16];

    snprintf(text, sizeof text, "%u", cores);
    support_set_environment("BROOD_CPU_COUNT", cores > 0 ? text : NULL);
}

/* Of a rain as many as there can be: one or another always runs. */
static uint32_t draw_callers(stage *self)
{
    bool is_slow = self->slowness > 1 && self->life.max_items == LIVE_FEW;
    uint32_t most = is_slow ? 2 : LIVE_CALLERS_MAX;

    return live_between(&self->seed, self->life.rains ? most : 1, most);
}

static void draw_pool(stage *self)
{
    static const size_t queue_sizes[] = {0, 1, 2, 8};
    static const brood_pool_options defaults = BROOD_POOL_OPTIONS_INIT;
    brood_pool_options *options = &self->options;
    uint32_t *seed = &self->seed;

    *options = defaults;
    options->workers = live_between(seed, 1, 3);
    options->queue_size = queue_sizes[live_below(seed, 4)];
    options->spin = (brood_spin)(live_chance(seed, 50) ? 0 : live_below(seed, 3));
    options->event_loop = live_chance(seed, 40);
    options->grace_ms = live_between(seed, 1, 20);
    options->backoff_ms = 1;
    options->retries = live_chance(seed, 20) ? 2 : 0;
    self->end = live_below(seed, END_COUNT);
    draw_workers(self);
    if (self->init_mode == LIVE_INIT_NEVER) {
        /* The pool breaks when no worker is left: of several that end slowly one is left for long. */
        options->workers = 1;
        options->crash_limit = 3;
    }
    if (self->life.is_of_threads) {
        options->kind = BROOD_POOL_THREADS;
        options->finalizer = options->finalizer == live_finalize_for_ever ? live_finalize_slowly
                                                                          : options->finalizer;
    }
    self->life.retries = options->retries;
    self->life.grace_ms = options->grace_ms;
    draw_life(self);
    self->life.init_fails = self->init_mode >= LIVE_INIT_SOMETIMES;
    self->life.max_items =
        options->max_tasks_per_worker != 0 || self->life.init_fails ? LIVE_FEW : 64;
    brood_exchange32(&self->life.asked, options->workers);
    self->callers = draw_callers(self);
}

static void describe(stage *self)
{
    static const char *const ends[] = {"closed", "closed early", "terminated early", "abandoned"};
    const brood_pool_options *options = &self->options;

    snprintf(self->description, sizeof self->description,
             "--seed %u: workers %u queue_size %u spin %d%s%s idle_timeout_ms %u max_tasks %u-%u "
             "initializer %s%d finalizer %s exit_timeout_ms %u grace_ms %u retries %u, %u cores, "
             "%u callers%s%s%s%s, %u copies%s, %s",
             self->life.seed, options->workers, (unsigned)options->queue_size, (int)options->spin,
             self->life.nobody_loops ? " event_loop, and nobody there"
             : options->event_loop   ? " event_loop"
                                     : "",
             options->lazy ? " lazy" : "", options->idle_timeout_ms, options->max_tasks_per_worker,
             options->max_tasks_jitter, options->initializer == NULL ? "no" : "mode ",
             (int)self->init_mode,
             options->finalizer == NULL                     ? "no"
             : options->finalizer == live_finalize          ? "fast"
             : options->finalizer == live_finalize_for_ever ? "for ever"
                                                            : "slow",
             options->exit_timeout_ms, options->grace_ms, options->retries, self->cores,
             self->callers, self->life.looks_only ? " that only look" : "",
             self->life.long_most > 0 ? ", long tasks" : "", self->life.resizes ? ", resizes" : "",
             self->life.kills ? ", kills" : "", self->copies,
             self->life.is_brief ? ", brief"
             : self->life.rains  ? ", rain"
                                 : "",
             ends[self->end]);
}

/* ---- its threads ---------------------------------------------------------------------------- */

/* True when the handle was ready; false when the time was up, or the loop should end. */
static bool await_handle(stage *self, brood_handle handle, int64_t wait_ms)
{
    int64_t end = brood_os_now() + wait_ms * NS_PER_MS;

    while (brood_load32(&self->stop_loop) == 0) {
        int64_t left_ms = (end - brood_os_now() + NS_PER_MS - 1) / NS_PER_MS;
        bool is_last = wait_ms != BROOD_FOREVER && left_ms <= 20;

        if (support_wait_handle(handle, is_last ? (int)(left_ms > 0 ? left_ms : 0) : 20)) {
            return true;
        }
        if (is_last) {
            return false;
        }
    }
    return false;
}

/* Runs the pool only when the handle or the time says so. */
static void run_loop(void *data)
{
    stage *self = data;
    brood_handle handle = BROOD_HANDLE_NONE;

    brood_pool_handle(self->life.pool, &handle);
    while (brood_load32(&self->stop_loop) == 0) {
        await_handle(self, handle, brood_pool_timeout_ms(self->life.pool));
        live_begin(&self->threads[LOOP], "brood_pool_run");
        brood_pool_run(self->life.pool);
        live_end(&self->threads[LOOP]);
    }
}

/* How many tasks have ended, well or not. */
static uint64_t count_ended(stage *self)
{
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;

    live_begin(&self->threads[KILLER], "brood_pool_get_stats");
    brood_pool_get_stats(self->life.pool, &stats);
    live_end(&self->threads[KILLER]);
    return stats.succeeded + stats.failed + stats.cancelled;
}

static void kill_one(stage *self, uint32_t *seed)
{
    int64_t pids[16];
    size_t count = 0;

    live_begin(&self->threads[KILLER], "brood_pool_pids");
    count = brood_pool_pids(self->life.pool, pids, 16);
    live_end(&self->threads[KILLER]);
    if (count > 0 && brood_load32(&self->life.stop) == 0) {
        support_kill(pids[live_below(seed, count < 16 ? (uint32_t)count : 16)]);
    }
}

/*
 * Not again before a task has ended since, or a second has passed: a start takes its time, on a busy
 * machine more than that. So none any more when the life shall end.
 */
static void run_killer(void *data)
{
    stage *self = data;
    uint32_t seed = self->life.seed ^ 0x5bd1e995;
    uint32_t most_us = self->life.most_calls == UINT32_MAX ? 5000 : 500;
    uint64_t ended = UINT64_MAX;
    int64_t killed_at = 0;

    while (brood_load32(&self->life.stop) == 0 && brood_load32(&self->life.is_late) == 0) {
        apr_sleep(live_between(&seed, 0, live_chance(&seed, 50) ? most_us : 12 * most_us) *
                  (int64_t)self->slowness);
        if (count_ended(self) != ended || brood_os_now() - killed_at > 1000 * NS_PER_MS) {
            ended = count_ended(self);
            killed_at = brood_os_now();
            kill_one(self, &seed);
        }
    }
}

static void run_caller(void *data)
{
    live_call(data);
}

static void name_threads(stage *self)
{
    static const char *const names[] = {"main",     "loop",     "killer",
                                        "caller 1", "caller 2", "caller 3"};

    for (uint32_t i = 0; i < THREADS; i++) {
        self->threads[i].name = names[i];
    }
    for (uint32_t i = 0; i < self->callers; i++) {
        self->caller[i].thread = &self->threads[FIRST_CALLER + i];
        self->caller[i].life = &self->life;
        self->caller[i].seed = self->seed + 7919 * (i + 1);
        self->caller[i].rains = self->life.rains && i + 1 < self->callers;
        self->caller[i].keeps = self->end == END_ABANDONED;
    }
}

/* ---- its life ------------------------------------------------------------------------------- */

/* Where no call of the system fails, these do not. */
static void check_call(const char *what, brood_status status, uint64_t allowed)
{
    if ((LIVE_BIT(status) & (allowed | LIVE_BIT(BROOD_OK))) == 0) {
        live_fail("%s answered %s", what, brood_status_name(status));
    }
}

static void main_call(stage *self, const char *what, brood_status status, uint64_t allowed)
{
    live_end(&self->threads[MAIN]);
    check_call(what, status, allowed);
}

/* False: calls of the system that failed did not let it be made. */
static bool create(stage *self)
{
    brood_error error = {0};
    uint64_t allowed = live_faults_of_calls();

    self->options.error = &error;
    live_begin(&self->threads[MAIN], "brood_pool_create");
    main_call(self, "brood_pool_create", brood_pool_create(&self->life.pool, &self->options),
              allowed != 0 ? allowed | LIVE_BIT(BROOD_ERR_OS) : 0);
    if (self->life.pool != NULL) {
        check_call("brood_shared_create", brood_shared_create(&self->life.shared, 4096, NULL),
                   allowed);
    }
    return self->life.pool != NULL;
}

static void end_early(stage *self)
{
    if (self->end == END_CLOSE_EARLY) {
        brood_exchange32(&self->life.is_closed, 1);
        live_begin(&self->threads[MAIN], "brood_pool_close");
        main_call(self, "brood_pool_close", brood_pool_close(self->life.pool), 0);
    } else if (self->end == END_TERMINATE_EARLY) {
        brood_exchange32(&self->life.is_closed, 1);
        brood_exchange32(&self->life.is_ended, 1);
        live_begin(&self->threads[MAIN], "brood_pool_terminate");
        main_call(self, "brood_pool_terminate", brood_pool_terminate(self->life.pool), 0);
    }
    apr_sleep(self->life.is_brief ? 0 : live_between(&self->seed, 0, 3000));
}

static void join_aside(void *data)
{
    brood_pool_join(data, BROOD_FOREVER);
}

/* Those that rained, and that nobody has waited for, are done before the pool ends. */
static void be_patient(stage *self)
{
    uint64_t tasks = 0;

    for (uint32_t i = 0; i < self->callers; i++) {
        tasks += self->caller[i].rained;
    }
    brood_exchange32(&self->threads[MAIN].patience_s, (uint32_t)(tasks / LIVE_TASKS_A_SECOND));
}

/* At times two threads wait for the end. */
static void join(stage *self)
{
    support_thread *other =
        live_chance(&self->seed, 30) ? support_thread_start(join_aside, self->life.pool) : NULL;

    live_begin(&self->threads[MAIN], "brood_pool_join");
    main_call(self, "brood_pool_join", brood_pool_join(self->life.pool, BROOD_FOREVER), 0);
    live_begin(&self->threads[MAIN], "the end of a thread that joins the pool, too");
    if (other != NULL) {
        support_thread_join(other);
    }
    live_end(&self->threads[MAIN]);
}

/* All threads but this one have ended. */
static void end_pool(stage *self)
{
    brood_exchange32(&self->life.is_closed, 1);
    if (self->end == END_CLOSED) {
        live_begin(&self->threads[MAIN], "brood_pool_close");
        main_call(self, "brood_pool_close", brood_pool_close(self->life.pool), 0);
    }
    if (self->end != END_ABANDONED) {
        be_patient(self);
        join(self);
        live_check_stats(&self->life);
    }
    brood_exchange32(&self->life.is_ended, 1);
    live_watch(self->threads, THREADS, NULL, self->description);
    live_begin(&self->threads[MAIN], "brood_pool_destroy");
    brood_pool_destroy(self->life.pool);
    live_end(&self->threads[MAIN]);
    if (brood_load64(&self->life.callbacks) != brood_load64(&self->life.callbacks_due)) {
        live_fail("%llu callbacks came, %llu were due",
                  (unsigned long long)brood_load64(&self->life.callbacks),
                  (unsigned long long)brood_load64(&self->life.callbacks_due));
    }
}

/* From before the pool is made, so that they hold what its first starts have open just then. */
static void run_copier(void *data)
{
    stage *self = data;
    uint32_t seed = self->life.seed ^ 0x2545f491;

    for (uint32_t left = self->copies; left > 0; left--) {
        apr_sleep(live_between(&seed, 0, live_chance(&seed, 60) ? 3000 : 50000));
        live_copy();
    }
}

/* The end of a life would help a call that hangs: so each that is under way now comes back before. */
static void await_callers(stage *self)
{
    brood_exchange32(&self->life.is_late, 1);
    for (uint32_t i = 0; i < self->callers; i++) {
        live_thread *thread = &self->threads[FIRST_CALLER + i];
        uint64_t calls = brood_load64(&thread->calls);

        while (thread->what != 0 && brood_load64(&thread->calls) == calls) {
            apr_sleep(1000);
        }
    }
}

static int64_t live_time_ms(stage *self)
{
    return self->life.most_calls == UINT32_MAX ? live_between(&self->seed, 50, 500)
                                               : live_between(&self->seed, 0, 60);
}

static void live(stage *self)
{
    support_thread *loop = NULL;
    support_thread *killer = NULL;
    support_thread *callers[LIVE_CALLERS_MAX] = {NULL};

    if (self->options.event_loop && !self->life.nobody_loops) {
        loop = support_thread_start(run_loop, self);
    }
    if (self->life.kills) {
        killer = support_thread_start(run_killer, self);
    }
    for (uint32_t i = 0; i < self->callers; i++) {
        callers[i] = support_thread_start(run_caller, &self->caller[i]);
    }
    if (!self->life.is_brief) {
        apr_sleep(live_time_ms(self) * 1000 * (int64_t)self->slowness);
        await_callers(self);
    }
    end_early(self);
    brood_exchange32(&self->life.stop, 1);
    if (brood_load32(&self->life.is_closed) != 0 &&
        live_chance(&self->seed, LIVE_JOIN_EARLY_PERCENT)) {
        join(self);
    }
    for (uint32_t i = 0; i < self->callers; i++) {
        support_thread_join(callers[i]);
    }
    if (killer != NULL) {
        support_thread_join(killer);
    }
    brood_exchange32(&self->stop_loop, 1);
    if (loop != NULL) {
        support_thread_join(loop);
    }
}

static void sum_up(stage *self)
{
    totals.lives++;
    for (uint32_t i = 0; i < THREADS; i++) {
        totals.calls += brood_load64(&self->threads[i].calls);
        if (self->threads[i].slowest > totals.slowest) {
            totals.slowest = self->threads[i].slowest;
            totals.slowest_what = self->threads[i].slowest_what;
            totals.slowest_seed = self->life.seed;
        }
    }
}

static void live_with_pool(stage *self, support_thread *copier)
{
    live_watch(self->threads, THREADS, self->life.pool, self->description);
    live(self);
    support_thread_join(copier);
    end_pool(self);
    for (uint32_t i = 0; i < self->callers; i++) {
        live_settle(&self->caller[i]);
    }
    brood_shared_destroy(self->life.shared);
}

static void run_life(uint32_t seed, bool is_told, bool is_uncounted, bool is_of_threads)
{
    stage *self = calloc(1, sizeof *self);
    support_thread *copier = NULL;

    self->life.seed = seed;
    self->life.is_uncounted = is_uncounted;
    self->life.is_of_threads = is_of_threads;
    self->seed = seed * 2654435761u + 12345;
    self->slowness = support_is_wine() || support_is_sanitized() ? 4 : 1;
    draw_pool(self);
    describe(self);
    name_threads(self);
    if (is_told) {
        printf("%s\n", self->description);
        fflush(stdout);
    }
    live_watch(self->threads, THREADS, NULL, self->description);
    set_cores(self->cores);
    copier = support_thread_start(run_copier, self);
    if (create(self)) {
        live_with_pool(self, copier);
    } else {
        support_thread_join(copier);
    }
    live_unwatch();
    live_end_copies(false);
    sum_up(self);
    free(self);
}

/* ---- the program ---------------------------------------------------------------------------- */

static uint64_t option(int argc, char **argv, const char *name, uint64_t value)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            value = strtoull(argv[i + 1], NULL, 10);
        }
    }
    return value;
}

static bool has_option(int argc, char **argv, const char *name)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    bool is_slow = support_is_wine() || support_is_sanitized();
    int64_t end = 0;
    uint32_t first = 0;
    uint64_t lives = 0;

    if (brood_init(argc, argv) != BROOD_OK) {
        return 3;
    }
    end = brood_os_now() + (int64_t)option(argc, argv, "--seconds", 10) * 1000 * NS_PER_MS;
    lives = option(argc, argv, "--lives", UINT64_MAX);
    first =
        (uint32_t)option(argc, argv, "--seed",
                         (uint64_t)(support_pid() * 1000003 + brood_os_now() / 1000) % 1000000000);
    printf("liveness: seed %u\n", first);
    fflush(stdout);
    live_watch_start(is_slow ? 15 : 4, has_option(argc, argv, "--hold"));
    for (uint32_t i = 0; i < lives && brood_os_now() < end; i++) {
        run_life(first + i, has_option(argc, argv, "--verbose"),
                 has_option(argc, argv, "--uncounted"), has_option(argc, argv, "--threads"));
    }
    live_end_copies(true);
    printf("seeds %u to %u, %llu calls, slowest %lld ms (%s, seed %u)\n", first,
           (unsigned)(first + totals.lives - 1), (unsigned long long)totals.calls,
           (long long)(totals.slowest / NS_PER_MS),
           totals.slowest_what == NULL ? "none" : totals.slowest_what, totals.slowest_seed);
    printf("liveness passed\n");
    fflush(NULL);
    return 0;
}
