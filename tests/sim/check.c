/*
 * What must hold whenever nobody can run, and the clock is about to jump: whatever goes on later must
 * go on because of an item that runs, or of a time that is meant to be waited for.
 */
#include "five.h"

#include "channel.h"
#include "pool_impl.h"
#include "program.h"
#include "sim.h"

static const brood_pool *pool;

void sim_check_pool(const void *now)
{
    pool = now;
}

/* Of the pool's, and not one that it waits for no more. */
static bool is_worker(const sim_process *process)
{
    for (uint32_t i = 0; i < pool->slots; i++) {
        if (pool->workers[i] != NULL &&
            brood_process_pid(pool->workers[i]->process) == process->pid) {
            return true;
        }
    }
    return false;
}

/*
 * Whether something goes on: a worker is in a function of the program's, or has no core; or a thread
 * of the pool's sleeps for a set time, which only one does that is on the list in docs/design.md.
 */
static bool goes_on(void)
{
    for (const sim_party *at = sim.parties; at != NULL; at = at->next) {
        if ((is_worker(at->process) && (at->in_user_code || at->process->state == SIM_STOPPED)) ||
            at->is_in_sleep) {
            return true;
        }
    }
    return false;
}

/* What the system has refused is tried again after a sleep. */
static bool sleeps_for_the_system(void)
{
    for (const sim_party *at = sim.parties; at != NULL; at = at->next) {
        if (at->process->parent == 0 && at->is_in_sleep) {
            return true;
        }
    }
    return false;
}

/* A program's loop counts whole milliseconds. */
static bool is_starting(const brood_pool *of)
{
    int64_t rounding = of->options.event_loop ? SIM_MS : 0;

    return of->launching || of->start_at + rounding > sim_now();
}

/* A call that the system refused is tried again after a time. */
static bool was_refused(const brood_pool *of)
{
    if (of->feed_at != BROOD_NEVER) {
        return true;
    }
    for (uint32_t i = 0; i < of->slots; i++) {
        const brood_worker *worker = of->workers[i];

        if (worker != NULL && (worker->must_ring || worker->kill_refused || worker->is_killed)) {
            return true;
        }
    }
    return false;
}

/* It is the program's loop's turn, now or at a set time; and the program may have none. */
static bool is_left_to_loop(const brood_pool *of)
{
    return of->options.event_loop && !of->leading &&
           (of->due != BROOD_NEVER || sim_poller_calls_loop(of->poller));
}

/* Jobs that are not finished have somebody who goes on with them. */
static void check_jobs(void)
{
    if (pool->jobs != NULL && !goes_on() && !is_left_to_loop(pool) && !is_starting(pool) &&
        !was_refused(pool)) {
        sim_fail("tasks wait, and nobody does anything\n  %s", sim_program_description());
    }
}

static void check_times(void)
{
    if (pool->sleeping && !sleeps_for_the_system() &&
        (pool->due < pool->sleeps_until || pool->sleeps_until < sim_now())) {
        sim_fail("the leader sleeps past what is due\n  %s", sim_program_description());
    }
}

static void check_chunks(void)
{
    if (pool->queue_bits != 0 && pool->feed_at == BROOD_NEVER &&
        brood_pool_has_room_for_more(pool) && !goes_on() && !is_left_to_loop(pool) &&
        !is_starting(pool) && !was_refused(pool)) {
        sim_fail("a chunk waits, and a worker has room\n  %s", sim_program_description());
    }
}

void sim_check(void)
{
    sim_program_check();
    if (pool == NULL || pool->lock.owner != NULL) {
        return;
    }
    check_times();
    check_jobs();
    check_chunks();
}
