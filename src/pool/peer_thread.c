#include "pool/peer.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "pool/peer_impl.h"
#include "process/nesting.h"
#include "process/task.h"
#include "serve/serve.h"

#define ENDS_WITHIN_NS (100 * BROOD_NS_PER_MS) /* one that was told to end, and runs no task */
#define TELL_AFTER_NS (1000 * BROOD_NS_PER_MS) /* that the program waits for a task */

/* What the thread has. It touches nothing else of the pool's: it may run on when it was given up. */
struct brood_peer_thread {
    brood_thread thread;  /* not started: the callers' threads run the worker, */
    brood_server *server; /* which is that; NULL: it has ended */
    apr_pool_t *apr;      /* of its own: it is started without the pool's lock */
    brood_equipment equipment;
    brood_nesting nesting;
    brood_start start;
    brood_task task;
    char name[256];
    brood_served served;
    brood_atomic32 has_ended;
    /* Of a thread that was given up: what its task may still use, and the task's tag. */
    brood_shared *kept[BROOD_SHARED_MAX + 2];
    size_t kept_count;
    char tag[BROOD_TAG_MAX];
};

static brood_peer_thread *thread_of(const brood_worker *worker)
{
    return brood_peer_of_const(worker)->thread;
}

/* ---- its life ---------------------------------------------------------------------------- */

/*
 * It rings when it has ended. To close its end of the bell would not always tell that: a copy of this
 * process, made by fork, may have another descriptor of it.
 */
static void run(void *data)
{
    brood_peer_thread *self = data;
    size_t put = 0;

    brood_nesting_begin_thread(&self->nesting);
    self->served = brood_serve_here(&self->task, &self->equipment);
    brood_nesting_begin_thread(NULL);
    brood_exchange32(&self->has_ended, 1);
    brood_os_channel_write(self->equipment.bell, "", 1, &put, NULL); /* it is full: it has rung */
    brood_os_channel_close(self->equipment.bell);
}

/* Of a worker without a thread. `ends` counts too: a killed worker sees it only when a caller runs it. */
static bool wants_run(const brood_worker *worker)
{
    const brood_peer *peer = brood_peer_of_const(worker);
    uint64_t read = brood_load64(&peer->to.shared->read);

    return peer->thread->server != NULL && (peer->to.own - read >= sizeof(brood_wire_order) ||
                                            brood_load32(&peer->page->ends) != 0);
}

/* When has_ended is set, another thread may free the worker. */
static void run_here(brood_worker *worker)
{
    brood_peer_thread *self = brood_peer_of(worker)->thread;
    const brood_nesting *before = brood_nesting_begin_thread(&self->nesting);
    bool has_ended = brood_server_run(self->server, &self->served);

    brood_nesting_begin_thread(before);
    if (has_ended) {
        self->server = NULL;
        brood_exchange32(&self->has_ended, 1);
    }
}

static int64_t up_by(const brood_worker *worker)
{
    (void)worker;
    return 0; /* there is no handshake; until READY it is looked at as a process after one */
}

static bool is_alive(brood_worker *worker)
{
    return brood_load32(&thread_of(worker)->has_ended) == 0;
}

/* Its end is told by the bell. */
static bool watch_end(brood_worker *worker, bool watches)
{
    (void)worker;
    (void)watches;
    return true;
}

/*
 * A thread cannot be killed: it begins nothing more, and ends when its task has returned. The task is told of
 * that, whichever it is by now: its answers to earlier ones may not have been received.
 */
static brood_status tell_to_end(brood_worker *worker)
{
    brood_peer *peer = brood_peer_of(worker);

    brood_exchange32(&peer->page->ends,
                     1); /* before: what follows is no cancel of all other items */
    brood_peer_interrupt_chunk(peer, brood_peer_revoke(worker), 0);
    brood_peer_ring(worker);
    return BROOD_OK;
}

/* One that was told to end was told so of what it runs: nothing that comes later may hide that. */
static void interrupt(brood_worker *worker, uint64_t item)
{
    if (brood_load32(&brood_peer_of(worker)->page->ends) == 0) {
        brood_peer_interrupt(worker, item);
    }
}

static void keep(brood_peer_thread *thread, brood_shared *shared)
{
    if (shared != NULL) {
        brood_shared_hold(shared);
        thread->kept[thread->kept_count++] = shared;
    }
}

/* The job of what it has claimed; answers to what it had before may not have been received. */
static const brood_result *job_of(const brood_worker *worker)
{
    const brood_chunk *at = worker->backlog.chunks.first;
    uint64_t id = brood_peer_position(worker).id;

    while (at != NULL && at->id != id) {
        at = at->next;
    }
    return at != NULL ? at->job : NULL;
}

/* Its task may go on for as long as it likes; only the end of the pool waits for it. */
static void abandon(brood_worker *worker)
{
    brood_peer_thread *thread = thread_of(worker);
    const brood_result *job = job_of(worker);

    brood_peer_unwatch_bell(brood_peer_of(worker));
    for (size_t i = 0; job != NULL && i < job->more->shared_count; i++) {
        keep(thread, job->more->shared[i]);
    }
    if (job != NULL) {
        keep(thread, job->more->in_shared);
        keep(thread, job->more->out_shared);
        snprintf(thread->tag, sizeof thread->tag, "%s",
                 job->more->tag != NULL ? job->more->tag : "");
    }
}

static int64_t pid(const brood_worker *worker)
{
    (void)worker;
    return brood_os_self_pid();
}

static void describe(const brood_worker *worker, brood_failure *failure, char *text, size_t size)
{
    failure->exit.reason = BROOD_EXIT_CODE;
    failure->exit.code = thread_of(worker)->served.code;
    snprintf(text, size, "its thread has ended");
}

/* ---- its end ----------------------------------------------------------------------------- */

/* Waits for its ring, or until TELL_AFTER_NS have passed. */
static void await_end(brood_peer *peer)
{
    brood_peer_thread *thread = peer->thread;
    brood_os_wait_item item = {NULL, peer->bell, false, false};
    int64_t end = brood_os_now() + TELL_AFTER_NS;
    char bytes[64];
    size_t got = 0;

    brood_peer_ring(&peer->base); /* again: the system may have had no room for the first one */
    while (brood_load32(&thread->has_ended) == 0 && brood_os_now() < end &&
           brood_os_wait(&item, 1, end, NULL) == BROOD_OK) {
        brood_os_channel_read(peer->bell, bytes, sizeof bytes, &got, NULL); /* earlier rings */
    }
    if (brood_load32(&thread->has_ended) == 0) {
        fprintf(stderr, "brood: the end of the pool waits for %s, whose task%s%s does not return\n",
                thread->name, thread->tag[0] != '\0' ? " with the tag " : "", thread->tag);
    }
}

/* A worker without a thread that has not run yet does not begin its finalizer either. */
static void end_server(brood_peer *peer)
{
    if (peer->thread->server != NULL) {
        brood_exchange32(&peer->page->ends, 1);
        run_here(&peer->base);
    }
}

static void destroy(brood_worker *worker)
{
    brood_peer *peer = brood_peer_of(worker);
    brood_peer_thread *thread = peer->thread;

    brood_peer_unwatch_bell(peer);
    if (thread != NULL) {
        if (brood_thread_is_started(&thread->thread)) {
            await_end(peer);
            brood_thread_join(&thread->thread);
        } else {
            end_server(peer);
            brood_os_channel_close(thread->equipment.bell);
        }
        for (size_t i = 0; i < thread->kept_count; i++) {
            brood_shared_release(thread->kept[i]);
        }
        if (thread->apr != NULL) {
            apr_pool_destroy(thread->apr);
        }
        brood_free(thread);
    }
    brood_peer_free(peer);
}

/* ---- its start --------------------------------------------------------------------------- */

static brood_status send_setup(brood_worker *worker)
{
    brood_peer *peer = brood_peer_of(worker);

    peer->rings_due = 1; /* at its end */
    return brood_peer_watch_bell(peer) ? brood_peer_send_setup(worker) : BROOD_ERR_NO_MEMORY;
}

/* The program's own shared memory needs not be mapped, and is not forgotten. */
static bool forget(brood_worker *worker)
{
    (void)worker;
    return true;
}

/* What a worker with a thread, and one without, have in common. */
#define OPS_HERE                                                                                   \
    .is_left_to_run = true, .send_setup = send_setup, .forget = forget, .interrupt = interrupt,    \
    .up_by = up_by, .is_alive = is_alive, .watch_end = watch_end, .kill = tell_to_end,             \
    .abandon = abandon, .describe = describe, .pid = pid, .destroy = destroy, BROOD_PEER_OPS

static const brood_worker_ops thread_ops = {.dies_within_ns = ENDS_WITHIN_NS, OPS_HERE};

/* A worker without a thread is never given up: the thread that would wait for its end runs it. */
static const brood_worker_ops caller_ops = {
    .dies_within_ns = BROOD_NEVER / 2, .wants_run = wants_run, .run = run_here, OPS_HERE};

/* Makes what the thread has, which goes with `destroy`. */
static brood_status make(brood_peer *peer, size_t capacity, brood_error *error)
{
    const brood_pool *pool = peer->base.pool;
    brood_peer_thread *thread = brood_calloc(1, sizeof *thread);
    brood_handle bell = BROOD_HANDLE_NONE;
    brood_status status = BROOD_OK;

    if (thread == NULL) {
        return brood_fail_memory(error, "worker");
    }
    peer->thread = thread;
    status = brood_peer_equip(peer, capacity, &bell, error);
    if (status == BROOD_OK) {
        status = brood_os_channel_adopt(&thread->equipment.bell, bell, error);
    }
    if (status != BROOD_OK) {
        brood_os_handle_close(bell);
        return status;
    }
    brood_os_handle_close(peer->segment.handle);
    peer->segment.handle = BROOD_HANDLE_NONE;
    thread->equipment.base = peer->segment.base;
    thread->equipment.capacity = capacity;
    thread->equipment.spin_ns = (int64_t)brood_peer_spin_ns(pool);
    thread->nesting = (brood_nesting){pool->config.depth + 1, peer->base.cores};
    snprintf(thread->name, sizeof thread->name, "%s-%u", pool->config.options.name,
             (unsigned)peer->base.slot + 1);
    thread->start.name = thread->name;
    thread->task.start = &thread->start;
    return BROOD_OK;
}

static brood_status launch(brood_peer_thread *thread, size_t stack, brood_error *error)
{
    if (brood_apr_pool_create(&thread->apr) != APR_SUCCESS) {
        return brood_fail_memory(error, "worker");
    }
    return brood_thread_start_with(&thread->thread, run, thread, stack, thread->apr, error);
}

static brood_status open_server(brood_peer_thread *thread, const brood_host *host,
                                brood_error *error)
{
    thread->equipment.host = host;
    thread->server = brood_server_open(&thread->task, &thread->equipment);
    return thread->server != NULL ? BROOD_OK : brood_fail_memory(error, "worker");
}

/* host: of a worker without a thread, else NULL. */
static brood_status create(brood_worker **worker, const brood_worker_spec *spec,
                           const brood_worker_ops *ops, const brood_host *host, brood_error *error)
{
    brood_peer *peer = brood_calloc(1, sizeof *peer);
    brood_status status = BROOD_OK;

    *worker = NULL;
    if (peer == NULL) {
        return brood_fail_memory(error, "worker");
    }
    brood_worker_begin(&peer->base, ops, spec);
    peer->segment.handle = BROOD_HANDLE_NONE;
    status = make(peer, spec->capacity, error);
    if (status == BROOD_OK) {
        status = host != NULL
                     ? open_server(peer->thread, host, error)
                     : launch(peer->thread, spec->pool->config.options.thread_stack_size, error);
    }
    if (status != BROOD_OK) {
        destroy(&peer->base);
        return status;
    }
    *worker = &peer->base;
    return BROOD_OK;
}

brood_status brood_peer_create_thread(brood_worker **worker, const brood_worker_spec *spec,
                                      brood_error *error)
{
    return create(worker, spec, &thread_ops, NULL, error);
}

brood_status brood_peer_create_here(brood_worker **worker, const brood_worker_spec *spec,
                                    brood_error *error)
{
    return create(worker, spec, &caller_ops, &spec->pool->caller_runs.host, error);
}
