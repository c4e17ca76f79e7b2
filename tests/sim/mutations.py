"""
What mutate.py takes out of the core: a name, what is missing then, and edits. An edit is a file, a
text that stands in it exactly once, and what stands there instead.
"""

MUTATIONS = []


def mutation(name, what, *edits):
    MUTATIONS.append((name, what, edits))


def without(name, what, file, line, kept=""):
    """Without the line that ends the given text; `kept` stands before it, to find it by."""
    mutation(name, what, (file, kept + line, kept))


LINK = "src/serve/link.c"
POOL = "src/pool"  # the one file there that has the text
RING = "src/base/ring.c"
RUN = "src/serve/run.c"
SERVE = "src/serve/serve.c"

mutation("none", "nothing, to see that what is found is the mutations")

# ---- cures of faults that the pool has had ----------------------------------------------------

mutation("W1", "a call that submits and waits counts as spinning while it waits for room",
         (POOL, "        status = submit_locked(job, asked);\n    }\n"
                  "    if (status != BROOD_OK) {\n        brood_pool_leave",
                  "        bool spins = asked->pool->config.spin_ns > 0 &&\n"
                  "                     asked->pool->roster.busy < asked->pool->config.cores;\n\n"
                  "        asked->pool->wait.spinning += spins;\n"
                  "        status = submit_locked(job, asked);\n"
                  "        asked->pool->wait.spinning -= spins;\n    }\n"
                  "    if (status != BROOD_OK) {\n        brood_pool_leave"))
mutation("W2", "nobody is told of a timed task that becomes the first of its worker",
         (POOL, "    if (chunk->job->more->timeout_ns > 0) {\n"
                  "        brood_agenda_at(worker->pool, brood_os_now() + chunk->job->more->timeout_ns);\n"
                  "    }\n", ""))
mutation("W2b", "a caller that spins in a pool with an event loop does not keep the time",
         (POOL, "    if (!pool->config.options.event_loop || (now < pool->agenda.due && now < *next)) {\n",
                "    if (now != 0) {\n"))
mutation("W3", "a task that needs another worker is not told to the leader",
         (POOL, "        brood_supervisor_wanted(pool) > pool->supervisor.serving) {\n"
                  "        brood_agenda_supervise(pool);\n",
                  "        brood_supervisor_wanted(pool) > pool->supervisor.serving) {\n"
                  "        pool->agenda.supervisor_due = true;\n"
                  "        if (pool->threads.thread_leads || pool->config.options.event_loop) {\n"
                  "            brood_agenda_at(pool, 0);\n        }\n"))
mutation("W3b", "a task starts another worker by the number of those alive, not of those that serve",
         (POOL, "is_as_needed && pool->supervisor.serving < pool->supervisor.target",
                "is_as_needed && pool->roster.alive < pool->supervisor.target"))
mutation("W4", "a worker that is told to end is not looked after",
         (POOL, "        worker->life.end_by = brood_os_now() + exit_ms * BROOD_NS_PER_MS;\n        brood_worker_plan_look(worker);\n"
                "        brood_agenda_supervise(worker->pool);\n",
                "        worker->life.end_by = BROOD_NEVER;\n"))
mutation("W4b", "a worker in its finalizer counts as serving: it is replaced when it has ended",
         (POOL, "    return worker->life.fate < BROOD_FATE_DROP && !worker->life.bell_closed &&\n"
                "           !brood_worker_is_leaving(worker);\n",
                "    return worker->life.fate < BROOD_FATE_DROP && !worker->life.bell_closed;\n"))
mutation("W5", "a large argument on its way is not taken back",
         (POOL, "    brood_store64(&page->revoked_upto, worker->backlog.last_id);\n",
                "    const brood_chunk *streaming = worker->transit.chunk;\n"
                "    uint64_t upto = streaming != NULL ? streaming->id - 1 : worker->backlog.last_id;\n\n"
                "    brood_store64(&page->revoked_upto, upto);\n"),
         (POOL, "        revoke_chunk(worker, chunk);\n    }\n",
                "        if (chunk != worker->transit.chunk) {\n"
                "            revoke_chunk(worker, chunk);\n        }\n    }\n"))
mutation("W6", "those who wait for room are told when a task ends, not when the queue drains",
         (POOL, "    brood_agenda_notify(pool, job);\n    brood_job_release(job);\n",
               "    brood_agenda_notify(pool, job);\n    brood_agenda_notify(pool, BROOD_ROOM(pool));\n"
               "    brood_job_release(job);\n"),
         (POOL, "        brood_agenda_notify(pool, BROOD_ROOM(pool));\n", ""))
mutation("W7", "a worker that gets a chunk is not told that somebody waits for single items",
         (POOL, "        order.flags |= BROOD_WIRE_FLUSHED;\n", ""),
         (POOL, "        brood_worker_cancel(worker);\n    } else if (chunk->job->watchers > 0) {\n"
                  "        brood_worker_flush(worker);\n    }\n",
                  "        brood_worker_cancel(worker);\n    }\n"))
mutation("W8", "a wait that spins does not look at its own deadline",
         (POOL, "now < end && now < deadline &&", "now < end &&"))
mutation("W11", "the thread of a busy pool does not ask the poller",
         (POOL, "    brood_pool_look(pool);\n}\n\nstatic void run_starter",
                   "    brood_pool_turn(pool);\n    brood_pool_run_due(pool);\n}\n\n"
                   "static void run_starter"))
mutation("H6", "of a worker that died only the first task counts as begun",
         (POOL, "        {chunk->id < last && is_whole,",
                "        {chunk != worker->backlog.chunks.first, 0},\n        {chunk->id < last && is_whole,"))
mutation("H6.middle", "of a worker that died only the first and the last task count as begun",
         (POOL, "{chunk->id < last && is_whole,",
                "{chunk->id < last && is_whole && chunk == worker->backlog.chunks.first,"))
mutation("H6b", "a value for which the program has no memory ends the worker",
         (POOL, "    receiving->is_lost = !find_place(peer);\n    return BROOD_OK;\n",
                "    return find_place(peer) ? BROOD_OK : BROOD_ERR_NO_MEMORY;\n"))
mutation("H7", "a value that comes in parts is written where it belongs at once",
         (POOL, "    receiving->is_staged = !is_whole;\n", "    receiving->is_staged = false;\n"))

# ---- the claim --------------------------------------------------------------------------------

mutation("claim.counter", "a claim that is frozen twice is the same claim",
         (POOL, "brood_claim_frozen(claim)", "(claim | 1)"))
mutation("claim.freeze", "what was not begun is taken back without freezing the claim",
         (POOL, "        if (brood_cas64(&page->claim, claim, brood_claim_frozen(claim))) {\n",
                "        if (true) {\n"))
mutation("claim.upto", "a worker begins what was taken back",
         (SERVE, "brood_claim_is_frozen(before) && id <= brood_load64(&page->revoked_upto)", "id == 0"))
mutation("claim.order", "the claim is frozen before the worker can see up to where",
         (POOL, "    brood_store64(&page->revoked_upto, worker->backlog.last_id);\n    for", "    for"),
         (POOL, "            return brood_claim_id(claim);\n",
                "            brood_store64(&page->revoked_upto, worker->backlog.last_id);\n"
                "            return brood_claim_id(claim);\n"))
mutation("claim.release", "up to where is a store that may come late, and a load of the claim",
         (POOL, "    brood_store64(&page->revoked_upto, worker->backlog.last_id);\n    for",
                "    brood_release64(&page->revoked_upto, worker->backlog.last_id);\n    for"),
         (POOL, "        if (brood_cas64(&page->claim, claim, brood_claim_frozen(claim))) {\n",
                "        if (true) {\n"))
mutation("claim.item", "a new claim has the number of items of the one before",
         (SERVE, "    brood_release64(&page->item, 0);\n", ""))
mutation("claim.again", "what is known to have begun is read before the claim is frozen",
         (POOL, "        if (brood_cas64(&page->claim, claim, brood_claim_frozen(claim))) {\n",
                "        if (brood_cas64(&page->claim, claim, brood_claim_frozen(claim)) || true) {\n"))
mutation("revoke.sending", "what is on its way is not voided when it is taken back",
         (POOL, "    if (worker->transit.chunk == chunk) {\n        brood_worker_discard(worker);\n    }\n",
                ""))
mutation("halt", "a worker is killed for an item that it may have left",
         (POOL, "    return worker->notice.is_held || item == 0;\n", "    return true;\n"))
mutation("halt.worker", "a worker goes on to an item although it shall be killed for the one before",
         (RUN, "    while (brood_load32(&page->halts) != 0 &&", "    while (false &&"))
mutation("halt.item", "the worker says which item it begins by a store that may come late",
         (RUN, "    brood_store64(&page->item, run->next + 1);\n",
               "    brood_release64(&page->item, run->next + 1);\n"))
mutation("halt.order", "a worker looks whether it may go on before it says so",
         (RUN, "    brood_store64(&page->item, run->next + 1);\n    while (", "    while ("),
         (RUN, "        brood_sleep(HALT_NS);\n    }\n",
               "        brood_sleep(HALT_NS);\n    }\n"
               "    brood_store64(&page->item, run->next + 1);\n"))
mutation("until", "a worker in the loop over items is not stirred",
         (POOL, "    brood_store64(&peer->page->run_until, 0);\n", ""))
mutation("until.order", "a worker is stirred before it can see for what",
         (POOL, "    brood_store64(&peer->page->cancel_item, item);\n"
                  "    brood_store64(&peer->page->cancel_id, id);\n"
                  "    brood_store64(&peer->page->run_until, 0);\n",
                  "    brood_store64(&peer->page->run_until, 0);\n"
                  "    brood_store64(&peer->page->cancel_item, item);\n"
                  "    brood_store64(&peer->page->cancel_id, id);\n"))
mutation("until.release", "the bound of the loop over items is a store that may come late",
         (RUN, "    brood_store64(&run->link->page->run_until, stop);\n",
               "    brood_release64(&run->link->page->run_until, stop);\n"))
mutation("until.look", "a worker does not look whether it was stirred before it wrote its bound",
         (RUN, "        brood_release64(&run->link->page->run_until, 0);\n", ""))

# ---- sleep: say so, then look again -----------------------------------------------------------

for side, flag, what in (("read", "reader_sleeps", "available"), ("write", "writer_sleeps", "room")):
    ask = f"brood_ring_{what}(ring, &now) == BROOD_OK && now <= {what}"
    say = f"    brood_exchange32(&ring->shared->{flag}, 1);\n"
    look = f"    if ({ask}) {{\n"
    mutation(f"ring.{side}.look", f"who sleeps to {side} does not look again",
             (RING, say + look, say + "    now = 0;\n    if (now == 0) {\n"))
    mutation(f"ring.{side}.order", f"who sleeps to {side} looks before it says so",
             (RING, say + look, f"    bool is_so = {ask};\n\n" + say + "    if (is_so) {\n"))
    mutation(f"ring.{side}.flag", f"who sleeps to {side} does not say so",
             (RING, say + look, look))
    mutation(f"ring.{side}.awake", f"who does not sleep to {side} after all is still said to",
             (RING, f"{look}        return true;\n    }}\n    brood_ring_wake_to_{side}(ring);\n",
                    f"{look}        return true;\n    }}\n"))

mutation("ring.publish.release", "what is written is published by a store that may come late",
         (RING, "    brood_store64(&ring->shared->written, ring->own);\n",
                "    brood_release64(&ring->shared->written, ring->own);\n"))
mutation("ring.publish.order", "the writer asks whether the reader sleeps before it publishes",
         (RING, "    brood_store64(&ring->shared->written, ring->own);\n"
                "    return take_flag(&ring->shared->reader_sleeps);\n",
                "    bool sleeps = take_flag(&ring->shared->reader_sleeps);\n\n"
                "    brood_store64(&ring->shared->written, ring->own);\n    return sleeps;\n"))
mutation("ring.release.release", "what was read is given back by a store that may come late",
         (RING, "    brood_store64(&ring->shared->read, ring->own);\n",
                "    brood_release64(&ring->shared->read, ring->own);\n"))
mutation("ring.release.order", "the reader asks whether the writer sleeps before it gives back",
         (RING, "    brood_store64(&ring->shared->read, ring->own);\n"
                "    return take_flag(&ring->shared->writer_sleeps);\n",
                "    bool sleeps = take_flag(&ring->shared->writer_sleeps);\n\n"
                "    brood_store64(&ring->shared->read, ring->own);\n    return sleeps;\n"))
mutation("link.await.release", "a worker sleeps for bytes without giving back what it has read",
         (LINK, "    brood_link_release(link);\n    if (may_link_spin(link) && spin_for(link, has_bytes",
                "    if (may_link_spin(link) && spin_for(link, has_bytes"))

# ---- who rings --------------------------------------------------------------------------------

mutation("ring.hear", "a worker that waits for room is not rung in the middle of what it says",
         (POOL, "            release(peer);\n",
                "            receiving->released_at = peer->from.own;\n"
                "            brood_ring_release(&peer->from);\n"))
mutation("ring.heard", "a worker that waits for room is not rung when it was heard",
         (POOL, "    if (peer->from.own != peer->receiving.released_at) {\n        release(peer);\n",
                "    if (peer->from.own != peer->receiving.released_at) {\n"
                "        brood_ring_release(&peer->from);\n"))
mutation("ring.send", "a worker that sleeps is not rung for a task",
         (POOL + "/peer_bytes.c", "        brood_peer_ring(&peer->base);\n", "        (void)peer;\n"))
mutation("ring.again", "a worker whose bell could not be rung is not rung again",
         (POOL, "    if (worker->transit.must_ring) {\n        worker->ops->ring(worker);\n    }\n", ""))
mutation("ring.refused", "nobody plans to ring again a bell that could not be rung",
         (POOL, "    if (worker->transit.must_ring &&\n        worker->life.check_at > brood_os_now() + "
                "BROOD_WORKER_RETRY_NS) {\n        brood_worker_plan_look(worker);\n    }\n", ""))
mutation("link.release.ring", "a worker does not ring for the room that it gives back",
         (LINK, "    if (!link->is_broken && brood_ring_release(&link->in)) {\n        ring_bell(link);\n    }\n",
                "    brood_ring_release(&link->in);\n"))
mutation("link.publish.ring", "a worker does not ring for its answer",
         (LINK, "    if (!link->is_broken && brood_ring_publish(&link->out)) {\n"
                "        ring_bell(link);\n    }\n",
                "    if (!link->is_broken) {\n        brood_ring_publish(&link->out);\n    }\n"))

# ---- who must ring ----------------------------------------------------------------------------

without("arm.rung", "a worker that has rung is not told to ring again", POOL,
        "    brood_agenda_arm(worker);\n",
        "    brood_status status = worker->ops->listen(worker);\n\n")
without("arm.given", "a worker that got a task is not told to ring", POOL + "/dispatch.c",
        "        brood_agenda_arm(worker);\n")
without("arm.turn", "a worker that was heard is not told to ring", POOL + "/engine.c",
        "        brood_agenda_arm(worker);\n")
mutation("arm.deliver", "workers do not ring for a leader that goes to sleep",
         (POOL, "    if (pool->agenda.unarmed != NULL && brood_agenda_sleeps(pool) &&"
                  " !brood_agenda_arm_all(pool)) {\n        brood_agenda_at(pool, 0);\n    }\n", ""))
mutation("arm.answer", "an answer that came while a worker was told to ring is not looked at",
         (POOL, " !brood_agenda_arm_all(pool)) {\n        brood_agenda_at(pool, 0);\n    }\n",
                  " !brood_agenda_arm_all(pool)) {\n        (void)pool;\n    }\n"))
mutation("arm.room", "a worker is not told to ring for room for a long argument",
         (POOL, "    if (room > 0) {\n        return false;\n    }\n    peer->rings_due++;\n"
                "    return brood_ring_sleep_to_write(&peer->to, 0);\n",
                "    return true;\n"))
mutation("arm.loop", "workers that have answered do not keep the handle of an event loop ready",
         (POOL, "again || pool->agenda.due == 0 || !brood_agenda_arm_all(pool);",
                   "again || pool->agenda.due == 0;"))
mutation("arm.silent", "a worker that is coming up is not told to ring",
         (POOL, "(worker->reports.is_up && worker->backlog.count == 0 &&", "(worker->backlog.count == 0 &&"))
mutation("arm.silent.send", "an idle worker that gets the rest of something is not told to ring",
         (POOL, "worker->backlog.count == 0 && brood_worker_can_send(worker));",
                  "worker->backlog.count == 0);"))
mutation("arm.dropped", "a worker that was dropped is told to ring, and keeps everybody awake",
         (POOL, "    return worker->life.fate >= BROOD_FATE_DROP ||\n           (worker->reports.is_up",
                "    return (worker->reports.is_up"))

# ---- what is due ------------------------------------------------------------------------------

without("due.alarm", "nobody wakes for an alarm of a worker", POOL,
        "    brood_agenda_at(worker->pool, at);\n", "    *alarm = at;\n")
mutation("due.crew", "nobody wakes because the crew has changed",
         (POOL, "    pool->agenda.supervisor_due = true;\n    brood_agenda_at(pool, 0);\n",
                "    pool->agenda.supervisor_due = true;\n"))
without("due.crew_at", "nobody wakes to look after the crew again", POOL,
        "        brood_agenda_at(pool, when);\n", "        pool->agenda.supervise_at = when;\n")
without("due.stuck", "nobody wakes for a worker that does not begin", POOL,
        "        brood_agenda_at(pool, pool->roster.stuck_at);\n")
mutation("due.overtaken", "what stands behind a long task stays there while nobody is idle",
         (POOL, "    if (worker->backlog.count < 2) {\n        return BROOD_NEVER;",
                "    if (worker != NULL) {\n        return BROOD_NEVER;"))
without("due.balance", "nobody wakes to take back what lies behind a long task", POOL,
        "        brood_agenda_at(worker->pool, worker->pace.first_since + BROOD_BALANCE_NS);\n")
without("due.push", "nobody wakes for what waits although workers are idle", POOL,
        "        brood_agenda_at(pool, now_of(pool) + BROOD_BALANCE_NS);\n")
without("due.idle", "nobody wakes for the end of an idle worker's time", POOL,
        "    brood_agenda_supervise_at(pool, due);\n")
without("due.feed_at", "nobody wakes for what could not be sent", POOL + "/dispatch.c",
        "    brood_agenda_at(pool, pool->dispatch.retry_at);\n")
without("due.untold", "nobody wakes to look for items that are done, but not told", POOL,
        "        brood_agenda_at(worker->pool, at);\n")
mutation("due.tick", "nobody wakes for the next deadline, time-out or alarm",
         (POOL, "    brood_agenda_at(pool, brood_pool_run_timers(pool, now));\n",
                "    brood_pool_run_timers(pool, now);\n"))
mutation("due.keep", "nobody wakes for what the crew needs next",
         (POOL, "    brood_agenda_at(pool, brood_supervisor_run(pool, now));\n",
                "    brood_supervisor_run(pool, now);\n"))
mutation("due.keep_balance", "nobody wakes to balance again",
         (POOL, "    brood_agenda_at(pool, brood_pool_balance(pool, now));\n",
                "    brood_pool_balance(pool, now);\n"))
mutation("due.forget", "nobody wakes to tell of shared memory a worker that got the rest of something",
         (POOL, "    if (brood_peer_has_to_forget(peer)) {\n        brood_agenda_at(peer->base.pool, 0);",
                "    if (false) {\n        brood_agenda_at(peer->base.pool, 0);"))
without("due.back", "nobody is told that a task which comes back needs another worker", POOL,
        "    brood_supervisor_need(worker->pool);\n")
mutation("due.waiters", "nobody wakes for the time-out of a follower",
         (POOL, "    brood_agenda_at(pool, brood_agenda_end_waits(pool, now));\n",
                "    brood_agenda_end_waits(pool, now);\n"))
without("due.follow", "the leader does not hear of the time-out of a new follower", POOL,
        "    brood_agenda_at(pool, deadline);\n")
without("due.deadline", "the leader does not hear of the deadline of a new task", POOL,
        "        brood_agenda_at(pool, job->more->deadline);\n")
without("due.ends", "a thread that leads is not woken by the end of its pool", POOL,
        "    brood_agenda_at(pool, 0); /* a thread that leads looks up */\n")

# ---- what has happened to the crew ------------------------------------------------------------

without("crew.enlist", "a new worker is no change of the crew", POOL,
        "    brood_agenda_supervise(pool);\n", "    brood_roster_add(worker);\n")
without("crew.leaves", "a worker that leaves is no change of the crew", POOL,
        "        brood_agenda_supervise(worker->pool);\n", "        brood_worker_plan_look(worker);\n")
without("crew.drop", "a worker that is dropped is no change of the crew", POOL,
        "        brood_agenda_supervise(worker->pool);\n", "        brood_worker_distrust(worker, status);\n")
without("crew.dismiss", "a worker that has ended is no change of the crew", POOL,
        "    brood_agenda_supervise(pool);\n", "    brood_left_part_with(worker);\n")
without("crew.deaf", "a worker whose bell has closed is no change of the crew", POOL,
        "    brood_agenda_supervise(worker->pool);\n", "    brood_worker_plan_look(worker);\n")
without("crew.failed", "a start that failed is no change of the crew", POOL,
        "        brood_agenda_supervise(pool);\n", "        brood_supervisor_note_failed_start(pool, &why);\n")
mutation("crew.over", "a start that was planned is made although the pool has come to its end",
         (POOL, "    if (brood_supervisor_wanted(pool) == 0) {\n        pool->supervisor.start_due", "    if (false) {\n        pool->supervisor.start_due"))
without("crew.last_job", "the last task of a closed pool is no change of the crew", POOL,
        "        brood_agenda_supervise(pool); /* its workers are told to end */\n")
without("crew.stir", "a close, a resize and a terminate are no change of the crew", POOL + "/pool.c",
        "    brood_agenda_supervise(pool);\n")
without("look.leaves", "nobody plans to look at a worker that leaves", POOL,
        "        brood_worker_plan_look(worker);\n", "exit_ms * BROOD_NS_PER_MS;\n")
without("look.kill", "nobody plans to look at a worker that was killed", POOL,
        "    brood_worker_plan_look(worker);\n",
        "        worker->life.end_by = brood_os_now() + worker->ops->dies_within_ns;\n    }\n")
without("look.enlist", "nobody plans to look at a worker that was started", POOL,
        "    brood_worker_plan_look(worker);\n",
        "    worker->backlog.items_left = items;\n")
without("look.deaf", "nobody plans to look at a worker whose bell has closed", POOL,
        "    brood_worker_plan_look(worker);\n", "    brood_worker_set_idle(worker, false);\n")
without("look.again", "nobody plans to look again at a worker that was looked at", POOL,
        "    brood_worker_plan_look(worker);\n",
        "    if (worker->life.is_unwatched) {\n        brood_worker_resume_watch(worker);\n    }\n")
without("look.lost", "a worker that was killed and does not end is waited for", POOL,
        "        lose(worker);\n        return;\n",
        "    if (worker->life.fate >= BROOD_FATE_KILL && is_late) {\n")

# ---- who is told ------------------------------------------------------------------------------

without("notify.end", "a join is not told of a worker's end", POOL + "/exits.c",
        "    brood_agenda_notify(pool, BROOD_END(pool));\n")
without("notify.imap", "an imap is not told of an item that has ended", POOL,
        "    brood_agenda_notify(imap->pool, imap);\n")
without("notify.called", "a join is not told that a callback has come back", POOL + "/callbacks.c",
        "    brood_agenda_notify(pool, BROOD_END(pool));\n")
without("notify.job", "nobody is told that a task has ended", POOL,
        "    brood_agenda_notify(pool, job);\n")
without("notify.item", "nobody is told that an item of a map has ended", POOL,
        "        brood_agenda_notify(job->pool, job);\n")
without("notify.stir", "nobody is told of a close or a terminate", POOL + "/pool.c",
        "    brood_agenda_notify(pool, NULL);\n")
without("notify.room", "nobody is told that the queue has room", POOL,
        "        brood_agenda_notify(pool, BROOD_ROOM(pool));\n")
without("notify.waiters", "a follower whose time is over is not told", POOL,
        "            at->is_notified = pool->agenda.to_signal = true;\n")
without("notify.leader", "the leader is not told that what it waits for has happened", POOL,
        "        pool->wait.leader_notified = true;\n")
mutation("notify.signal", "that a follower is told does not lead to a look at who is to be woken",
         (POOL, "            at->is_notified = true;\n            pool->agenda.to_signal = true;\n",
                  "            at->is_notified = true;\n"))

# ---- who is woken -----------------------------------------------------------------------------

without("wake.leader", "the leader is not woken", POOL,
        "        brood_os_poller_wake(pool->wait.poller);\n")
mutation("wake.leader.due", "the leader is not woken for what is due earlier",
         (POOL, "pool->wait.sleeping &&\n        (pool->wait.leader_notified || pool->agenda.due < pool->wait."
                "sleeps_until)", "pool->wait.sleeping && pool->wait.leader_notified"))
without("wake.follower", "a follower that was told is not woken", POOL,
        "            brood_sleeper_wake(&at->sleeper);\n",
        "            at->is_signalled = true;\n")
without("wake.successor", "a follower that shall lead is not woken", POOL,
        "            brood_sleeper_wake(&at->sleeper);\n",
        "            at->is_successor = pool->wait.successor = true;\n")
without("wake.thread", "the pool's thread is not woken to lead", POOL,
        "        brood_sleeper_wake(&pool->threads.thread_sleeper);\n", "        pool->wait.successor = true;\n")
without("wake.caller", "the thread of callbacks is not woken", POOL,
        "        brood_sleeper_wake(&pool->threads.caller_sleeper);\n")
without("wake.caller.end", "the thread of callbacks is not woken at the end", POOL,
        " || pool->ends", "pool->threads.caller_waits && (pool->callbacks.first != NULL")
without("wake.begin", "the pool's thread is not woken to begin the starter", POOL,
        "        brood_sleeper_wake(&pool->threads.thread_sleeper);\n",
        "        /* It begins the starter, or does without. */\n")
without("wake.starter", "the starter is not woken", POOL,
        "        brood_sleeper_wake(&pool->threads.starter_sleeper);\n")
mutation("wake.starter.end", "the starter is not woken at the end",
         (POOL, "pool->threads.starter_waits && (pool->supervisor.start_due || pool->ends)",
                  "pool->threads.starter_waits && pool->supervisor.start_due"))
without("loop.show", "the handle of an event loop always shows what it did at first", POOL,
        "        brood_os_poller_show(pool->wait.poller, shows);\n")
without("loop.call", "an event loop is not called", POOL,
        "        brood_os_poller_call(pool->wait.poller);\n")
mutation("loop.call.due", "an event loop is not called for what is due earlier",
         (POOL, "brood_callbacks_wait(&pool->callbacks) || (shows && pool->agenda.due < pool->loop.until)",
                  "brood_callbacks_wait(&pool->callbacks)"))
mutation("loop.call.callback", "an event loop is not called for a callback",
         (POOL, "brood_callbacks_wait(&pool->callbacks) || (shows && pool->agenda.due < pool->loop.until)",
                  "shows && pool->agenda.due < pool->loop.until"))
mutation("loop.until", "an event loop that could not do all that is due is not called",
         (POOL, "        pool->loop.until = BROOD_NEVER; /* so that the handle stays ready */\n", ""))
mutation("loop.timeout", "the time that an event loop was told is not kept in mind",
         (POOL, "    pool->loop.until = pool->loop.shows ? pool->agenda.due : BROOD_NEVER;\n"
                        "    return pool->loop.until;\n",
                        "    return pool->loop.shows ? pool->agenda.due : BROOD_NEVER;\n"))
mutation("loop.timeout.callback", "an event loop is told a time although a callback is due",
         (POOL, "    if (brood_callbacks_wait(&pool->callbacks) || pool->loop.is_called) {\n        return 0;\n"
                        "    }\n", ""))
without("wake.shared", "nobody is woken because shared memory was destroyed", "src/ipc/shared.c",
        "        brood_os_poller_wake(at->poller);\n")
without("wake.watch", "a start in the worker is not told that its parent is watched", "src/process/watch.c",
        "    brood_condition_signal(&brood_here()->watch.changed);\n")
mutation("spin.counted", "a thread counts as spinning for ever",
         (POOL, "    *at = self->next;\n    pool->wait.spinning--;\n", "    *at = self->next;\n"))
mutation("spin.sleep", "a thread sleeps in the poller while it counts as spinning",
         (POOL, "    end_spin(pool, &self);\n    brood_spin_note(&pool->wait.habit, over);\n",
                "    if (!over) {\n        sleep_for(pool, goal, deadline);\n    }\n"
                "    end_spin(pool, &self);\n    brood_spin_note(&pool->wait.habit, over);\n"),
         (POOL, "static bool spin(brood_pool *pool, const brood_goal *goal, int64_t now, int64_t deadline)\n",
                "static void sleep_for(brood_pool *, const brood_goal *, int64_t);\n"
                "static bool spin(brood_pool *pool, const brood_goal *goal, int64_t now, int64_t deadline)\n"))

# ---- the scenarios ----------------------------------------------------------------------------

# Each scenario of found_*.c is red without the cures that are named here; those of SCENARIO_CURES are
# cures that no mutation above takes out.
SCENARIOS = {
    "full-queue": ["W1"],
    "timed-behind": ["W2"],
    "spin-in-loop": ["W2b"],
    "second-worker": ["W3"],
    "slow-end": ["W4", "W4b"],
    "slow-end-lazy": ["W3b"],
    "slow-kill": ["crew.drop"],
    "join-failed-start": ["notify.failed"],
    "told-before-begin": ["streak.leaving"],
    "denied": ["trust.unreported"],
    "cancel-large": ["W5"],
    "room": ["W6"],
    "item-of-chunk": ["W7"],
    "short-wait": ["W8"],
    "busy-callers": ["W11"],
    "overtaken": ["balance.overtaken"],
    "idle-order": ["idle.order"],
    "wake-with-end": ["forget.asked"],
    "answers-spoiled": ["H6"],
    "full-bell": ["pass.over"],
    "value-in-part": ["H7"],
    "half-told": ["take.head"],
    "sleep-and-publish": ["ring.read.look", "ring.read.order"],
    "publish-late": ["ring.publish.release"],
    "publish-and-sleep": ["ring.publish.order"],
    "cancel-at-begin": ["claim.freeze", "claim.again", "claim.release"],
    "cancel-before-begin": ["claim.order"],
    "cancel-twice": ["claim.counter", "claim.upto"],
    "sleep-and-release": ["ring.write.look", "ring.write.order", "ring.write.flag"],
    "release-late": ["ring.release.release"],
    "release-and-sleep": ["ring.release.order"],
}
SCENARIO_CURES = {
    "notify.failed": [
        (POOL, "        brood_agenda_notify(pool, BROOD_END(pool)); /* it was all that a join waited for, "
               "perhaps */\n", "")],
    "idle.order": [(POOL, "        before = at->lists.previous_idle;\n        if (at->life.fate", "        if (at->life.fate")],
    "streak.leaving": [(POOL, "           !brood_worker_is_leaving(worker) && worker->life.fate < BROOD_FATE_KILL &&\n",
                              "           worker->life.fate < BROOD_FATE_KILL &&\n")],
    "trust.unreported": [
        (POOL, " &&\n           answer->count >= chunk->unreported &&\n"
               "           (answer->kind == BROOD_WIRE_RESULT || chunk->unreported == 0);", ";")],
    "balance.overtaken": [
        (POOL, "    return (begun >= worker->backlog.chunks.first->id ? worker->pace.first_since : now) +\n"
               "           BROOD_LONG_NS;", "    return begun == UINT64_MAX ? now : BROOD_NEVER;")],
    "forget.asked": [
        (POOL, "    brood_pool_forget(\n        pool); /* what a wake was for, which whoever took it does: it "
               "may end its wait */\n", "")],
    "take.head": [
        (POOL, "    if (before + size <= peer->from.capacity) {\n        at = brood_ring_peek(&peer->from, "
               "before + size);\n    }\n",
               "    if (before + size <= peer->from.capacity) {\n        at = brood_ring_peek(&peer->from, "
               "before + size);\n    }\n    if (at != NULL && ((const brood_wire_answer *)(const void *)at)->id "
               "!= chunk->id) {\n        return false;\n    }\n")],
}

# ---- what readers, attackers and the simulator have found since ------------------------------------

without("notify.call", "a join of a pool with an event loop is not told that a callback is due", POOL,
        "    brood_agenda_notify(pool, BROOD_END(pool)); "
        "/* a join of a pool with an event loop calls it */\n")
mutation(
    "notify.last_job", "a join is not told that the last task has ended",
    (POOL, "/* its workers are told to end */\n        brood_agenda_notify(pool, BROOD_END(pool));\n",
           "/* its workers are told to end */\n"))
mutation("due.forget_rest", "nobody wakes to tell of shared memory for which there was no room",
         (POOL, "    if (brood_peer_has_to_forget(peer)) {\n"
                "        brood_agenda_at(worker->pool, brood_os_now() + BROOD_WORKER_RETRY_NS);\n    }\n", ""))
mutation("due.long", "nobody wakes for what stands behind a task that may take long",
         (POOL, "            brood_agenda_at(worker->pool, worker->pace.first_since + BROOD_LONG_NS);\n", ""))
mutation("notify.left", "a destroy is not told that another thread has come back from its wait",
         (POOL, "    if (pool->ends) {\n        brood_agenda_notify(pool, BROOD_END(pool));\n    }\n", ""))
mutation("stop.again", "nobody wakes to say again what a worker could not be told: to end",
         (POOL, "        brood_agenda_supervise_at(worker->pool, brood_os_now() + BROOD_WORKER_RETRY_NS);\n",
                ""))
mutation("pass.over", "what a worker cannot take waits for it, although another one is idle",
         (POOL, "        if (pass_over(worker)) {\n", "        if (worker == NULL && pass_over(worker)) {\n"))
mutation("unsent", "an idle worker does not get the rest of what preceded a task that it was not given",
         (POOL, "(!worker->reports.is_up || !brood_worker_can_send(worker))",
                "(!worker->reports.is_up || worker->transit.is_void)"))
mutation("due.ready", "the time-out of the first task of a worker that has come up is not kept in mind",
         (POOL, "    brood_worker_first_changed(worker); /* it can begin its first chunk from now on */\n", ""))
