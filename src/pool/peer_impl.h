/*
 * The object behind a worker with rings and a bell:
 *
 *   peer          its memory; a worker that is a process: its start and its end
 *   peer_thread   a worker that is a thread: its start and its end
 *   peer_page     the page that both sides see: positions, revokes, interrupts
 *   peer_bell     the bell: the pool wakes the worker, and the worker the pool
 *   peer_send     a chunk becomes bytes
 *   peer_setup    what a worker is sent at its beginning and at its end
 *   peer_bytes    bytes go into the ring
 *   peer_shared   which shared memory the worker has mapped
 *   peer_receive  bytes of the ring become events
 *   peer_take     values of items that are done and not reported
 *   peer_trust    which answers are possible
 */
#ifndef BROOD_SRC_POOL_PEER_IMPL_H
#define BROOD_SRC_POOL_PEER_IMPL_H

#include "base/buffer.h"
#include "pool/pool_impl.h"
#include "pool/types.h"
#include "pool/worker.h"

/* What is being written to the worker: first head, then data, then padding. */
typedef struct brood_sending {
    brood_buffer head; /* frames and heads */
    size_t head_at;
    const unsigned char *data; /* behind them: the caller's, or own; NULL: void */
    size_t data_size, data_at;
    size_t padding;
    unsigned char *own; /* malloc'd, or NULL */
} brood_sending;

/* An answer that is being read from the worker. */
typedef struct brood_receiving {
    brood_wire_answer answer;
    bool in_body;
    bool is_lost;                  /* there was no memory for the value */
    bool is_padded;                /* the last one was a pad */
    uint64_t left;                 /* of the body, with padding */
    uint64_t wanted;               /* of the body, without */
    unsigned char *into;           /* where it goes; NULL: nowhere */
    unsigned char *own;            /* malloc'd for it */
    unsigned char *stage;          /* kept from value to value of stage_job, of stage_room bytes */
    const brood_result *stage_job; /* not used but to compare */
    size_t stage_room;
    bool is_staged; /* into is the stage */
    bool is_direct; /* into is where it stays: the caller's array, or the argument's place */
    bool in_turn;   /* some of the answers that it had at turn_at were received */
    uint64_t turn_at, released_at;
    char message[BROOD_MESSAGE_MAX];
} brood_receiving;

typedef struct brood_peer_thread brood_peer_thread;

typedef struct brood_peer {
    brood_worker base;         /* the first member */
    brood_process *process;    /* NULL: it is a thread */
    brood_peer_thread *thread; /* NULL: it is a process */
    brood_os_channel *bell;
    brood_os_segment segment;
    brood_wire_page *page;
    brood_ring to, from;
    bool watches_bell, watches_process; /* by the poller */
    uint64_t rings_due;                 /* how often it may ring yet: once for each arming */
    uint64_t rung_at;                   /* what it had written and read when it last rang, */
    uint32_t idle_rings;                /* and how often in a row that was no more than before */
    uint32_t functions;                 /* the worker knows the first `functions` of the pool's */
    uint64_t *shared;                   /* ids that it knows */
    size_t shared_count;
    uint64_t forgotten; /* see brood_shared_forgotten */
    brood_sending sending;
    brood_receiving receiving;
} brood_peer;

static inline brood_peer *brood_peer_of(brood_worker *worker)
{
    return (brood_peer *)(void *)worker;
}

static inline const brood_peer *brood_peer_of_const(const brood_worker *worker)
{
    return (const brood_peer *)(const void *)worker;
}

/* ---- peer -------------------------------------------------------------------------------- */

/* Creates the segment and the bell, whose other end is for the worker. */
brood_status brood_peer_equip(brood_peer *peer, size_t capacity, brood_handle *bell,
                              brood_error *error);
uint64_t brood_peer_sent(const brood_worker *worker);
uint64_t brood_peer_spin_ns(const brood_pool *pool); /* of a worker that waits for work */

/* When the worker has ended: all but the process or the thread. */
void brood_peer_free(brood_peer *peer);

/* ---- peer_page --------------------------------------------------------------------------- */

brood_position brood_peer_position(const brood_worker *worker);
uint64_t brood_peer_revoke(brood_worker *worker);
void brood_peer_interrupt(brood_worker *worker, uint64_t item);
void brood_peer_interrupt_chunk(brood_peer *peer, uint64_t id, uint64_t item);
bool brood_peer_hold(brood_worker *worker, uint64_t item);
void brood_peer_let_spin(brood_worker *worker, bool may);

/* ---- peer_bell --------------------------------------------------------------------------- */

/* False: the poller cannot watch the bell, or the process. */
bool brood_peer_watch_bell(brood_peer *peer);
bool brood_peer_watch_end(brood_worker *worker, bool watches);
void brood_peer_unwatch_bell(brood_peer *peer);
void brood_peer_ring(brood_worker *worker);
bool brood_peer_arm(brood_worker *worker);
void brood_peer_disarm(brood_worker *worker);
brood_status brood_peer_listen(brood_worker *worker);

/* ---- peer_bytes -------------------------------------------------------------------------- */

static const char brood_peer_zeros[BROOD_WIRE_ALIGN]; /* padding */

void brood_peer_publish(brood_peer *peer);
void brood_peer_go_on(brood_worker *worker);
void brood_peer_discard(brood_worker *worker);
void brood_peer_detach(brood_worker *worker, const brood_result *job);
void brood_sending_free(brood_sending *sending);

/* Makes room in the head for size bytes more. False: no memory; a later try may succeed. */
bool brood_peer_make_room(brood_peer *peer, size_t size);
void brood_peer_append_order(brood_peer *peer, brood_wire_kind kind, uint32_t function,
                             const void *body, size_t size);

/* The functions with a number below count that the worker does not know yet. */
size_t brood_peer_size_of_functions(const brood_peer *peer, uint32_t count);
void brood_peer_append_functions(brood_peer *peer, uint32_t count);

/* ---- peer_send --------------------------------------------------------------------------- */

brood_status brood_peer_send(brood_worker *worker, const brood_chunk *chunk);
brood_status brood_peer_send_setup(brood_worker *worker);
brood_status brood_peer_send_stop(brood_worker *worker);

/* ---- peer_shared ------------------------------------------------------------------------- */

/* Whether shared memory was destroyed since the last FORGET that the worker may have mapped. */
static inline bool brood_peer_has_to_forget(const brood_peer *peer)
{
    return peer->shared_count > 0 && peer->forgotten != brood_shared_forgotten();
}

bool brood_peer_knows(const brood_peer *peer, uint64_t id);

/* What an order names it by: its number, or for a thread its address. */
static inline uint64_t brood_peer_name_of(const brood_peer *peer, const brood_shared *shared)
{
    return peer->thread != NULL ? (uint64_t)(uintptr_t)shared : shared->id;
}
bool brood_peer_grow_known(brood_peer *peer, size_t more);

/* brood_peer_grow_known and brood_peer_make_room were called for these before: see reserve. */
brood_status brood_peer_append_shared(brood_peer *peer, const brood_result *job);
void brood_peer_append_forgotten(brood_peer *peer, size_t most);
bool brood_peer_forget(brood_worker *worker);

/* ---- peer_receive, peer_take, peer_trust ------------------------------------------------- */

brood_status brood_peer_receive(brood_worker *worker, brood_event *event);
bool brood_peer_take(brood_worker *worker, const brood_chunk *chunk, uint64_t count);
bool brood_peer_may_answer(const brood_peer *peer, const brood_wire_answer *answer);

/* The operations that all kinds have in common. */
#define BROOD_PEER_OPS                                                                             \
    .send = brood_peer_send, .send_stop = brood_peer_send_stop, .go_on = brood_peer_go_on,         \
    .discard = brood_peer_discard, .detach = brood_peer_detach, .sent = brood_peer_sent,           \
    .receive = brood_peer_receive, .take = brood_peer_take, .arm = brood_peer_arm,                 \
    .disarm = brood_peer_disarm, .listen = brood_peer_listen, .ring = brood_peer_ring,             \
    .position = brood_peer_position, .revoke = brood_peer_revoke, .hold = brood_peer_hold,         \
    .let_spin = brood_peer_let_spin

#endif
