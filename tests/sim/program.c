/*
 * What the simulated program - the liveness test - gets in place of the tests' support and of the
 * heartbeat: threads, sleep and kills of the simulator, and waits that are bounded by its clock.
 */
#include "five.h"

#include <stdarg.h>
#include <stdio.h>

#include "../liveness.h"
#include "channel.h"
#include "fault.h"
#include "plan.h"
#include "program.h"
#include "sim.h"

#define WAIT_MAX (20 * SIM_S) /* a call that takes longer is stuck, beside what the model adds */

/* ---- support.h --------------------------------------------------------------------------------- */

struct support_thread {
    void (*work)(void *data);
    void *data;
    bool has_ended;
};

static void run_support_thread(void *data)
{
    support_thread *thread = data;

    thread->work(thread->data);
    thread->has_ended = true;
    sim.epoch++;
}

support_thread *support_thread_start(void (*work)(void *data), void *data)
{
    support_thread *thread = calloc(1, sizeof *thread);

    *thread = (support_thread){work, data, false};
    sim_party_start(sim_own(), run_support_thread, thread);
    return thread;
}

static bool has_ended(void *data)
{
    return ((support_thread *)data)->has_ended;
}

void support_thread_join(support_thread *thread)
{
    while (!sim_block("a join of the program's", has_ended, thread, SIM_NEVER)) {
    }
    free(thread);
}

bool support_thread_cancel(support_thread *thread)
{
    (void)thread;
    return false;
}

/* No plain copies of the program. */
int64_t support_fork_for(int ms)
{
    (void)ms;
    return -1;
}

int support_wait_for(int64_t pid)
{
    (void)pid;
    return -1;
}

void support_set_environment(const char *name, const char *value)
{
    if (value != NULL) {
        brood_os_environment_set(name, value);
    } else {
        brood_os_environment_remove(name);
    }
}

/* At any step of the victim's from now on. */
void support_kill(int64_t pid)
{
    sim_process *victim = sim_process_find(pid);

    if (victim == NULL) {
        return;
    }
    if (sim_below(2) == 0) {
        sim_process_kill_later(victim, sim_draw_delay(SIM_MS));
    } else {
        victim->kill_in = 1 + sim_below(UINT64_C(1) << sim_below(14));
    }
}

void support_kill_self(void)
{
    sim_call("a process kills itself");
    sim_process_die(sim_own(), true, 9);
}

void support_hang(void)
{
    sim.self->in_user_code = true;
    for (;;) {
        sim_block("an item that hangs", NULL, NULL, SIM_NEVER);
    }
}

int64_t support_pid(void)
{
    return brood_os_self_pid();
}

bool support_is_wine(void)
{
    return false;
}

bool support_is_sanitized(void)
{
    return false;
}

void support_yield(void)
{
    sim_pause();
}

void support_exit_at_once(int code)
{
    (void)code;
    sim_fail("the program has failed");
}

static bool is_handle_ready(void *data)
{
    return sim_poller_is_ready(data);
}

bool support_wait_handle(intptr_t handle, int timeout_ms)
{
    sim_thing *thing = sim_handle_thing(sim_own(), handle);

    sim_call("the program's loop waits");
    return is_handle_ready(thing) ||
           sim_block("the program's loop", is_handle_ready, thing, sim_now() + timeout_ms * SIM_MS);
}

/* ---- sleep and output of the program ------------------------------------------------------------- */

int sim_program_sleep(int64_t us)
{
    bool before = sim.self->in_user_code;

    sim_call("sleep of the program's");
    sim.self->in_user_code = true;
    sim_block("the program's sleep", NULL, NULL, sim_now() + us * SIM_US);
    sim.self->in_user_code = before;
    return 0;
}

int sim_program_print(const char *format, ...)
{
    va_list arguments;

    if (sim.traces) {
        va_start(arguments, format);
        vprintf(format, arguments);
        va_end(arguments);
    }
    return 0;
}

/* ---- the heartbeat -------------------------------------------------------------------------------- */

#define SLACK (4 * SIM_MS) /* what a call with a time takes more, beside what the model adds */

static struct {
    live_thread *threads;
    uint32_t count;
    char description[600];
} watch;

void live_begin(live_thread *self, const char *what)
{
    sim_note("%s: %s", self->name, what);
    self->lateness = sim.lateness;
    if (sim.late_until > sim_now()) {
        self->lateness -= sim.late_until - sim_now(); /* what is slow already */
    }
    self->since = (uint64_t)sim_now(); /* no step, or what is slow in it would count as before */
    self->what = (uintptr_t)what;
    self->limit_ms = LIVE_NO_LIMIT;
}

void live_begin_for(live_thread *self, const char *what, int64_t limit_ms)
{
    live_begin(self, what);
    self->limit_ms = limit_ms;
}

static void check_limit(const live_thread *self, int64_t took)
{
    int64_t most = self->limit_ms * SIM_MS + SLACK + sim.lateness - self->lateness;

    if (self->limit_ms != LIVE_NO_LIMIT && took > most) {
        sim_fail("%s was in %s for %.3f ms, and %.3f ms are the most\n  %s", self->name,
                 (const char *)(uintptr_t)self->what, (double)took / 1e6, (double)most / 1e6,
                 watch.description);
    }
}

/* ---- faults -------------------------------------------------------------------------------------- */

uint64_t live_faults_of_tasks(void)
{
    return sim_has_faults() ? LIVE_BIT(BROOD_ERR_NO_MEMORY) | LIVE_BIT(BROOD_ERR_DIED) |
                                  LIVE_BIT(BROOD_ERR_QUARANTINED) | LIVE_BIT(BROOD_ERR_BROKEN) |
                                  LIVE_BIT(BROOD_ERR_LIMIT) | LIVE_BIT(BROOD_ERR_OS)
                            : 0;
}

uint64_t live_faults_of_calls(void)
{
    return sim_has_faults() ? LIVE_BIT(BROOD_ERR_NO_MEMORY) | LIVE_BIT(BROOD_ERR_LIMIT) |
                                  LIVE_BIT(BROOD_ERR_BROKEN) | LIVE_BIT(BROOD_ERR_OS)
                            : 0;
}

void live_end(live_thread *self)
{
    int64_t took = sim_now() - (int64_t)brood_load64(&self->since);

    check_limit(self, took);
    if (took > self->slowest) {
        self->slowest = took;
        self->slowest_what = (const char *)(uintptr_t)self->what;
    }
    sim_note("%s: %s has come back", self->name, (const char *)(uintptr_t)self->what);
    self->calls++;
    self->what = 0;
}

void live_fail(const char *format, ...)
{
    char text[400];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    sim_fail("%s\n  %s", text, watch.description);
}

void live_watch(live_thread *threads, uint32_t count, brood_pool *pool, const char *description)
{
    watch.threads = threads;
    watch.count = count;
    snprintf(watch.description, sizeof watch.description, "%s", description);
    sim_check_pool(pool);
}

void live_add_patience(int32_t seconds)
{
    (void)seconds;
}

/* A life has ended, and its results are gone, too. */
void live_unwatch(void)
{
    sim_check_pool(NULL);
    sim_ledger_check();
    watch.count = 0;
}

void sim_program_gone(void)
{
    sim_check_pool(NULL);
    watch.count = 0;
}

void live_watch_start(uint32_t limit_seconds, bool hold)
{
    (void)limit_seconds;
    (void)hold;
    sim_ledger_begin();
    sim.program_runs = true;
}

const char *sim_program_description(void)
{
    return watch.description;
}

void sim_program_check(void)
{
    for (uint32_t i = 0; i < watch.count; i++) {
        const live_thread *thread = &watch.threads[i];
        int64_t most = WAIT_MAX + sim.lateness - thread->lateness;

        if (thread->what != 0 && sim_now() - (int64_t)thread->since > most) {
            sim_fail("%s is in %s for %.3f ms\n  %s", thread->name,
                     (const char *)(uintptr_t)thread->what,
                     (double)(sim_now() - (int64_t)thread->since) / 1e6, watch.description);
        }
    }
}

/* ---- its main --------------------------------------------------------------------------------------- */

int liveness_main(int argc, char **argv);

/* A worker's comes no further than brood_init. */
int sim_program_main(int argc, char **argv)
{
    char seed[32];
    char *arguments[] = {argv[0], "--seed", seed, "--lives", "1", "--seconds", "1000000", NULL};

    if (sim.scenario != NULL) {
        return sim_small_main(argc, argv);
    }
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)sim.seed);
    return liveness_main(7, arguments);
}
