#include "liveness.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_time.h>

#include "platform.h"

#define CANARY_MS 10
#define CANARY_WAKES 50 /* in a second in which the machine was not stalled */
#define LATE_PARTS 4    /* a call is late by so much of the time in which there must be progress */

static struct {
    brood_atomic32 lock; /* 0: free. What follows, and the threads, are those of one life */
    live_thread *threads;
    uint32_t count;
    brood_pool *pool;
    const char *description;
    uint32_t limit_seconds;
    bool hold;
    brood_atomic32 canary;
    brood_atomic32 patience_s; /* of all threads, beside their own */
} watch;

static void lock_watch(void)
{
    while (brood_exchange32(&watch.lock, 1) != 0) {
        support_yield();
    }
}

static void unlock_watch(void)
{
    brood_exchange32(&watch.lock, 0);
}

void live_begin(live_thread *self, const char *what)
{
    brood_store64(&self->since, (uint64_t)brood_os_now());
    brood_store64(&self->what, (uintptr_t)what);
}

static uint64_t late_after_wakes(void)
{
    return watch.limit_seconds * 1000 / LATE_PARTS / CANARY_MS;
}

void live_begin_for(live_thread *self, const char *what, int64_t limit_ms)
{
    uint64_t wakes = brood_load32(&watch.canary) + late_after_wakes() + 1;

    live_begin(self, what);
    if (limit_ms != LIVE_NO_LIMIT) {
        brood_store64(&self->ends_by, wakes + (uint64_t)limit_ms / CANARY_MS);
    }
}

uint64_t live_faults_of_tasks(void)
{
    return 0;
}

uint64_t live_faults_of_calls(void)
{
    return 0;
}

void live_items_given(uint64_t first, uint64_t count, uint32_t retries)
{
    (void)first;
    (void)count;
    (void)retries;
}

void live_item_runs(uint64_t number)
{
    (void)number;
}

void live_item_ended(uint64_t number, bool has_succeeded)
{
    (void)number;
    (void)has_succeeded;
}

/* By the canary's wakes before the look: a call that ends meanwhile, or begins, is not late. */
static bool is_late(live_thread *thread)
{
    uint64_t wakes = brood_load32(&watch.canary);
    uint64_t ends_by = brood_load64(&thread->ends_by);

    return ends_by != 0 && wakes > ends_by;
}

static int64_t ms_since_begin(live_thread *thread)
{
    return (brood_os_now() - (int64_t)brood_load64(&thread->since)) / 1000000;
}

void live_end(live_thread *self)
{
    int64_t took = brood_os_now() - (int64_t)brood_load64(&self->since);

    if (is_late(self)) {
        live_fail("late: %s has come back after %lld ms", self->name,
                  (long long)ms_since_begin(self));
    }
    brood_store64(&self->ends_by, 0);
    if (took > self->slowest) {
        self->slowest = took;
        self->slowest_what = (const char *)(uintptr_t)brood_load64(&self->what);
    }
    brood_add64(&self->calls, 1);
    brood_store64(&self->what, 0);
}

static void print_threads(void)
{
    fprintf(stderr, "%s\n", watch.description);
    for (uint32_t i = 0; i < watch.count; i++) {
        live_thread *thread = &watch.threads[i];
        const char *what = (const char *)(uintptr_t)brood_load64(&thread->what);

        fprintf(stderr, "  %-9s %8llu calls, %s", thread->name,
                (unsigned long long)brood_load64(&thread->calls), what == NULL ? "between" : what);
        fprintf(stderr, what == NULL ? "\n" : " for %lld ms\n", (long long)ms_since_begin(thread));
    }
}

/* On a thread of its own: the pool may not answer. */
static void print_pool(void *data)
{
    brood_pool_stats stats = BROOD_POOL_STATS_INIT;

    (void)data;
    if (watch.pool == NULL || brood_pool_get_stats(watch.pool, &stats) != BROOD_OK) {
        return;
    }
    fprintf(stderr,
            "  pool: workers %u alive %u busy %u, queued %llu running %llu, started %llu "
            "ended %llu died %llu, timeout_ms %lld\n",
            stats.workers, stats.alive, stats.busy, (unsigned long long)stats.queued,
            (unsigned long long)stats.running, (unsigned long long)stats.started,
            (unsigned long long)stats.ended, (unsigned long long)stats.died,
            (long long)brood_pool_timeout_ms(watch.pool));
}

/* The watch is locked, and stays so. */
static void end_program(void)
{
    print_threads();
    fflush(NULL);
    if (watch.hold) {
        fprintf(stderr, "  held: process %lld\n", (long long)support_pid());
        support_hang();
    }
    support_thread_start(print_pool, NULL);
    apr_sleep(1000 * 1000);
    printf("liveness failed\n");
    fflush(NULL);
    support_exit_at_once(1);
}

void live_fail(const char *format, ...)
{
    va_list arguments;

    lock_watch();
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    end_program();
}

void live_watch(live_thread *threads, uint32_t count, brood_pool *pool, const char *description)
{
    lock_watch();
    watch.threads = threads;
    watch.count = count;
    watch.pool = pool;
    watch.description = description;
    unlock_watch();
}

void live_unwatch(void)
{
    live_watch(NULL, 0, NULL, "no pool");
}

void live_add_patience(int32_t seconds)
{
    brood_add32(&watch.patience_s, (uint32_t)seconds);
}

static uint32_t limit_of(live_thread *thread)
{
    return watch.limit_seconds + brood_load32(&thread->patience_s) +
           brood_load32(&watch.patience_s);
}

/* A second of a machine that was not stalled has passed. */
static void look_at_threads(void)
{
    lock_watch();
    for (uint32_t i = 0; i < watch.count; i++) {
        live_thread *thread = &watch.threads[i];
        uint64_t calls = brood_load64(&thread->calls);
        bool is_waiting = brood_load64(&thread->what) != 0;

        thread->quiet_seconds = is_waiting && calls == thread->seen ? thread->quiet_seconds + 1 : 0;
        thread->seen = calls;
        if (thread->quiet_seconds > limit_of(thread)) {
            fprintf(stderr, "no progress: %s has waited for %u s\n", thread->name,
                    thread->quiet_seconds - 1);
            end_program();
        }
        if (is_late(thread)) {
            fprintf(stderr, "late: %s has not come back\n", thread->name);
            end_program();
        }
    }
    unlock_watch();
}

static void run_canary(void *data)
{
    (void)data;
    for (;;) {
        apr_sleep(CANARY_MS * 1000);
        brood_add32(&watch.canary, 1);
    }
}

static void run_watcher(void *data)
{
    (void)data;
    for (;;) {
        uint32_t before = brood_load32(&watch.canary);

        apr_sleep(1000 * 1000);
        if (brood_load32(&watch.canary) - before >= CANARY_WAKES) {
            look_at_threads();
        }
    }
}

void live_watch_start(uint32_t limit_seconds, bool hold)
{
    watch.limit_seconds = limit_seconds;
    watch.hold = hold;
    live_unwatch();
    support_thread_start(run_canary, NULL);
    support_thread_start(run_watcher, NULL);
}
