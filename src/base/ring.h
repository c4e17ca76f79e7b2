/*
 * A stream of bytes in shared memory, from one process to another: one writer, one reader, no
 * lock, so whoever dies in the middle blocks nobody. Each side keeps its own position for itself
 * and believes nothing of the other's but a number of bytes that can be.
 *
 * Neither side waits here. Before it goes to sleep it says so (brood_ring_sleep_to_read, _write),
 * and the other learns from publishing or releasing that it has to wake it.
 */
#ifndef BROOD_SRC_BASE_RING_H
#define BROOD_SRC_BASE_RING_H

#include <stdbool.h>
#include <stddef.h>

#include <brood/status.h>

#include "base/atomic.h"

#define BROOD_CACHE_LINE 64 /* two of them, for processors that fetch in pairs */

/* What both see; each side writes lines of its own. Zeroed memory is an empty ring. */
typedef struct brood_ring_shared {
    brood_atomic64 written;
    brood_atomic32 writer_sleeps;
    char unused_of_writer[2 * BROOD_CACHE_LINE - 12];
    brood_atomic64 read;
    brood_atomic32 reader_sleeps;
    char unused_of_reader[2 * BROOD_CACHE_LINE - 12];
} brood_ring_shared;

/* One side of it. */
typedef struct brood_ring {
    brood_ring_shared *shared;
    unsigned char *bytes;
    size_t capacity; /* a power of two */
    uint64_t own;    /* how many bytes we have written, or read */
    uint64_t other;  /* how many the other has read, or written, when we last looked */
} brood_ring;

/* The memory that a ring takes. */
size_t brood_ring_size(size_t capacity);

/* Either side, on memory aligned to two cache lines that was zero when the ring began. */
void brood_ring_attach(brood_ring *ring, void *memory, size_t capacity);

/* ---- the writer -------------------------------------------------------------------------- */

/* How many bytes can be put. BROOD_ERR_PROTOCOL: the reader has damaged the ring. */
brood_status brood_ring_room(brood_ring *ring, size_t *room);

/* Whether size bytes can be put; looks at what the reader says only when it has to. */
bool brood_ring_fits(brood_ring *ring, size_t size);

/*
 * The next size bytes to be put, for which there is room, as they lie in memory: to be filled in
 * place, and then put by brood_ring_advance. NULL when they do not lie in one piece.
 */
void *brood_ring_place(const brood_ring *ring, size_t size);

/* Puts bytes, for which there is room; the reader sees them when they are published. */
void brood_ring_put(brood_ring *ring, const void *data, size_t size);

/* Gives to the reader what was put; true when it sleeps and must be woken. */
bool brood_ring_publish(brood_ring *ring);

/* True: there is still no more room than this, and the reader knows that we sleep. */
bool brood_ring_sleep_to_write(brood_ring *ring, size_t room);

/* ---- the reader -------------------------------------------------------------------------- */

/* How many bytes can be got. BROOD_ERR_PROTOCOL: the writer has damaged the ring. */
brood_status brood_ring_available(brood_ring *ring, size_t *available);

/* The next size bytes, which are available, as they lie in memory; NULL: not in one piece. */
const void *brood_ring_peek(const brood_ring *ring, size_t size);

/* Gets bytes, which are available. */
void brood_ring_get(brood_ring *ring, void *data, size_t size);

/* Gives their room back to the writer; true when it sleeps and must be woken. */
bool brood_ring_release(brood_ring *ring);

/* True: there is still no more than this, and the writer knows that we sleep. */
bool brood_ring_sleep_to_read(brood_ring *ring, size_t available);

/* ---- both -------------------------------------------------------------------------------- */

/* Passes over bytes that were filled in place, or peeked at. */
void brood_ring_advance(brood_ring *ring, size_t size);

/* We are awake, for whatever reason. */
void brood_ring_wake_to_read(brood_ring *ring);
void brood_ring_wake_to_write(brood_ring *ring);

#endif
