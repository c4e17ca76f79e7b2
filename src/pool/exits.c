#include "pool/exits.h"

#include "pool/answers.h"
#include "pool/balance.h"
#include "pool/blame.h"
#include "pool/failures.h"
#include "pool/left.h"
#include "pool/pool_impl.h"
#include "pool/roster.h"
#include "pool/settle.h"
#include "pool/unreported.h"
#include "pool/worker.h"

/* Removes the worker from the pool, settles its chunks, and destroys it. */
static void dismiss(brood_worker *worker, uint64_t *counter)
{
    brood_pool *pool = worker->pool;
    uint64_t last = brood_worker_read_last_begun(worker);
    bool crash_streak = brood_worker_is_of_crash_streak(worker, last);

    brood_roster_remove(worker);
    ++*counter;
    brood_worker_settle(worker, last);
    brood_worker_note_early_end(worker, crash_streak);
    brood_worker_end_upkeep(worker);
    brood_roster_leave_lists(worker);
    brood_agenda_forget(worker);
    brood_left_part_with(worker);
    brood_agenda_supervise(pool);
    brood_agenda_notify(pool, BROOD_END(pool));
}

/*
 * Receives the last answers, which a worker may have given before it did what it was dropped for.
 * Its position is read before them: a lost worker that still runs sets `item` to 0 after its last
 * answer, and items that have ended would be run again.
 */
static void receive_rest(brood_worker *worker)
{
    brood_status status = BROOD_ERR_PROTOCOL;

    worker->rest.item = worker->ops->position(worker).item;
    if (worker->life.dropped != BROOD_ERR_PROTOCOL || worker->life.denies) {
        status = brood_worker_receive(worker);
    }
    if (status != BROOD_OK) {
        brood_worker_distrust(worker, status);
    }
    worker->rest.is_received = status == BROOD_OK && worker->life.dropped != BROOD_ERR_PROTOCOL;
}

/*
 * Whether the worker left, and has ended by itself, which is with the code 0: on Windows nothing else
 * tells it from one that somebody has terminated. BROOD_EXIT_LOST: another part of the program has
 * taken the status of the process, and how it ended is not known.
 */
static bool has_ended_well(const brood_worker *worker)
{
    brood_failure failure = BROOD_FAILURE_INIT;

    brood_worker_describe_end(worker, &failure);
    return brood_worker_is_leaving(worker) && worker->reports.is_up &&
           ((failure.exit.reason == BROOD_EXIT_CODE && failure.exit.code == 0) ||
            failure.exit.reason == BROOD_EXIT_LOST);
}

/* The process has ended. */
static void on_worker_exit(brood_worker *worker)
{
    brood_pool *pool = worker->pool;
    bool expected = false;

    receive_rest(worker);
    if (worker->rest.is_received) {
        brood_worker_take_unreported(worker);
    }
    expected = pool->terminated || has_ended_well(worker);
    dismiss(worker, expected ? &pool->stats.ended : &pool->stats.died);
}

/*
 * The worker was killed and does not end: it may not be signalled, waits in the kernel, or its
 * control group is frozen. The pool does not wait for its end; the items that it still runs fail,
 * and are not run again.
 */
static void lose(brood_worker *worker)
{
    brood_worker_revoke(worker);
    if (worker->backlog.chunks.first != NULL) {
        /* The worker begins no other item, except for at most one: see item_of in blame.c. */
        worker->ops->interrupt(worker, 0);
    }
    receive_rest(worker);
    if (worker->rest.is_received) {
        brood_worker_take_unreported(worker); /* those before the one that it runs are done */
    }
    worker->ops->abandon(worker);
    brood_worker_lose(worker);
    dismiss(worker, &worker->pool->stats.lost);
}

/* The bell is closed: the worker ends, or has closed its channel, and then must end by end_by. */
static void on_bell_closed(brood_worker *worker)
{
    brood_worker_close_bell(worker);
    brood_worker_revoke(worker);
    brood_worker_set_idle(worker, false);
    brood_worker_plan_look(worker);
    brood_agenda_supervise(worker->pool);
}

static void on_ring(brood_worker *worker)
{
    brood_status status = worker->ops->listen(worker);

    brood_agenda_arm(worker);
    if (worker->ops->is_left_to_run && !worker->ops->is_alive(worker)) {
        on_worker_exit(worker); /* that was its last ring */
    } else if (status == BROOD_ERR_CLOSED) {
        on_bell_closed(worker);
    } else if (status != BROOD_OK) {
        brood_worker_drop(worker, status); /* nobody knows any more when it answers */
    }
}

/*
 * The initializer has failed, and the at-exit functions of the program take long: they hold up no other
 * worker.
 */
static void let_leave(brood_worker *worker)
{
    brood_worker_revoke(worker);
    brood_worker_note_stop(worker, true);
    brood_worker_note_early_end(worker, false);
    brood_worker_note_failure(worker);
    brood_worker_plan_look(worker);
}

/* One that has claimed a chunk for all that does not become one that leaves, and is killed. */
static bool may_leave(const brood_worker *worker)
{
    return worker->life.setup_failed && !worker->life.failure_noted &&
           worker->life.fate < BROOD_FATE_KILL && !brood_worker_is_leaving(worker);
}

/* check_at has come for a worker that is alive. (is_alive ends a worker that came up too late.) */
static void look_again(brood_worker *worker)
{
    bool is_late = brood_worker_is_ending(worker) && brood_os_now() >= worker->life.end_by;

    if (worker->life.fate >= BROOD_FATE_KILL && is_late) {
        lose(worker);
        return;
    }
    if (is_late && may_leave(worker)) {
        let_leave(worker);
        return;
    }
    if (is_late && brood_worker_is_leaving(worker)) {
        brood_worker_drop(worker, BROOD_ERR_TIMEOUT);
    } else if (worker->life.kill_refused || is_late) {
        brood_worker_kill(worker);
    }
    if (worker->transit.must_ring) {
        worker->ops->ring(worker);
    }
    if (worker->life.is_unwatched) {
        brood_worker_resume_watch(worker);
    }
    brood_worker_plan_look(worker);
}

static void look_at_process(brood_worker *worker)
{
    if (!worker->ops->is_alive(worker)) {
        on_worker_exit(worker);
    } else if (brood_os_now() >= worker->life.check_at) {
        look_again(worker);
    } else {
        brood_worker_pause_watch(worker);
    }
}

void brood_supervisor_look(brood_pool *pool, uintptr_t owner)
{
    size_t slot = BROOD_SLOT_OF_OWNER(owner);
    brood_worker *worker = slot < pool->roster.slots ? pool->roster.workers[slot] : NULL;

    if (worker == NULL) {
        return; /* it has been dismissed meanwhile */
    }
    if (owner != BROOD_OWNER_OF_BELL(slot)) {
        look_at_process(worker);
    } else if (!worker->life.bell_closed) {
        on_ring(worker);
    }
}
