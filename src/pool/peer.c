#include "pool/peer.h"

#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"
#include "pool/peer_impl.h"
#include "process/process.h"
#include "process/protocol.h"

#define DIES_WITHIN_NS (1000 * BROOD_NS_PER_MS)

/* ---- its life ---------------------------------------------------------------------------- */

/* The handshake is over by then; the function may begin later: see brood_worker_plan_look. */
static int64_t up_by(const brood_worker *worker)
{
    return brood_process_handshake_deadline(brood_peer_of_const(worker)->process);
}

static bool is_alive(brood_worker *worker)
{
    return brood_process_is_alive(brood_peer_of(worker)->process);
}

static brood_status kill_it(brood_worker *worker)
{
    return brood_process_kill(brood_peer_of(worker)->process);
}

static void abandon(brood_worker *worker)
{
    brood_process_be_left(brood_peer_of(worker)->process);
}

static int64_t pid(const brood_worker *worker)
{
    return brood_process_pid(brood_peer_of_const(worker)->process);
}

static void describe(const brood_worker *worker, brood_failure *failure, char *text, size_t size)
{
    brood_process_exit_info(brood_peer_of_const(worker)->process, &failure->exit);
    brood_exit_text(&failure->exit, text, size);
}

uint64_t brood_peer_sent(const brood_worker *worker)
{
    return brood_peer_of_const(worker)->to.own;
}

static void destroy(brood_worker *worker)
{
    brood_peer *peer = brood_peer_of(worker);

    brood_peer_watch_end(worker, false);
    brood_peer_unwatch_bell(peer);
    brood_process_free(peer->process);
    brood_peer_free(peer);
}

void brood_peer_free(brood_peer *peer)
{
    brood_os_channel_close(peer->bell);
    brood_os_segment_close(&peer->segment);
    brood_sending_free(&peer->sending);
    brood_free(peer->receiving.own);
    brood_free(peer->receiving.stage);
    brood_free(peer->shared);
    brood_free(peer);
}

/* ---- its start ---------------------------------------------------------------------------- */

/* Lets the poller watch the bell and the process, and sends what precedes the first chunk. */
static brood_status send_setup(brood_worker *worker)
{
    brood_peer *peer = brood_peer_of(worker);

    peer->forgotten = brood_shared_forgotten();
    return brood_peer_watch_bell(peer) && brood_peer_watch_end(worker, true)
               ? brood_peer_send_setup(worker)
               : BROOD_ERR_NO_MEMORY;
}

static const brood_worker_ops peer_ops = {
    .dies_within_ns = DIES_WITHIN_NS,
    .send_setup = send_setup,
    .forget = brood_peer_forget,
    .interrupt = brood_peer_interrupt,
    .up_by = up_by,
    .is_alive = is_alive,
    .watch_end = brood_peer_watch_end,
    .kill = kill_it,
    .abandon = abandon,
    .describe = describe,
    .pid = pid,
    .destroy = destroy,
    BROOD_PEER_OPS,
};

brood_status brood_peer_equip(brood_peer *peer, size_t capacity, brood_handle *bell,
                              brood_error *error)
{
    brood_status status =
        brood_os_segment_create(&peer->segment, brood_wire_segment_size(capacity), true, error);
    unsigned char *base = peer->segment.base;

    if (status == BROOD_OK) {
        status = brood_os_channel_pair(&peer->bell, bell, error);
    }
    if (status != BROOD_OK) {
        return status;
    }
    peer->page = (brood_wire_page *)(void *)base;
    base += sizeof(brood_wire_page);
    brood_ring_attach(&peer->to, base, capacity);
    base += brood_ring_size(capacity);
    brood_ring_attach(&peer->from, base, capacity);
    return BROOD_OK;
}

uint64_t brood_peer_spin_ns(const brood_pool *pool)
{
    return pool->config.options.spin == BROOD_SPIN_NEVER ? 0 : (uint64_t)pool->config.spin_ns / 4;
}

static brood_status launch(brood_peer *peer, brood_handle bell, brood_error *error)
{
    const brood_pool *pool = peer->base.pool;
    brood_nesting nesting = {pool->config.depth + 1, peer->base.cores};
    brood_wire_start start = {peer->to.capacity, peer->segment.size, brood_peer_spin_ns(pool)};
    brood_handle handles[BROOD_WIRE_HANDLES + BROOD_HANDLES_MAX];
    brood_process_options options = pool->config.process;
    char name[256];

    handles[BROOD_WIRE_HANDLE_SEGMENT] = peer->segment.handle;
    handles[BROOD_WIRE_HANDLE_BELL] = bell;
    for (size_t i = 0; i < options.handle_count; i++) {
        handles[BROOD_WIRE_HANDLES + i] = options.handles[i];
    }
    snprintf(name, sizeof name, "%s-%u", pool->config.options.name, (unsigned)peer->base.slot + 1);
    options.error = error;
    options.name = name;
    options.function_name = BROOD_WORKER_NAME;
    options.handles = handles;
    options.handle_count += BROOD_WIRE_HANDLES;
    options.daemon = true;
    return brood_process_start_nested(&peer->process, NULL, &start, sizeof start, &options,
                                      &nesting, &pool->config.origin);
}

brood_status brood_peer_create(brood_worker **worker, const brood_worker_spec *spec,
                               brood_error *error)
{
    brood_peer *peer = brood_calloc(1, sizeof *peer);
    brood_handle bell = BROOD_HANDLE_NONE;
    brood_status status = BROOD_OK;

    *worker = NULL;
    if (peer == NULL) {
        return brood_fail_memory(error, "worker");
    }
    brood_worker_begin(&peer->base, &peer_ops, spec);
    peer->segment.handle = BROOD_HANDLE_NONE;
    status = brood_peer_equip(peer, spec->capacity, &bell, error);
    if (status == BROOD_OK) {
        status = launch(peer, bell, error);
    }
    brood_os_handle_close(bell);
    brood_os_handle_close(peer->segment.handle); /* the memory stays; a descriptor less */
    peer->segment.handle = BROOD_HANDLE_NONE;
    if (status != BROOD_OK) {
        destroy(&peer->base);
        return status;
    }
    *worker = &peer->base;
    return BROOD_OK;
}
