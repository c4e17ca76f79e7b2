#include "base/ring.h"

#include <string.h>

size_t brood_ring_size(size_t capacity)
{
    return sizeof(brood_ring_shared) + capacity;
}

void brood_ring_attach(brood_ring *ring, void *memory, size_t capacity)
{
    ring->shared = memory;
    ring->bytes = (unsigned char *)memory + sizeof(brood_ring_shared);
    ring->capacity = capacity;
    ring->own = 0;
    ring->other = 0;
}

/* The part up to the end of the memory, and the part that goes on at its beginning. */
static size_t first_part(const brood_ring *ring, size_t size)
{
    size_t to_end = ring->capacity - (size_t)(ring->own & (ring->capacity - 1));

    return size < to_end ? size : to_end;
}

/*
 * Whether the other side sleeps, asked after a store that it looks at before it goes to sleep. Only
 * a load when it does not, so that the line stays where it is.
 */
static bool take_flag(brood_atomic32 *sleeps)
{
    return brood_load32(sleeps) != 0 && brood_exchange32(sleeps, 0) != 0;
}

/* ---- the writer -------------------------------------------------------------------------- */

brood_status brood_ring_room(brood_ring *ring, size_t *room)
{
    uint64_t other = brood_load64(&ring->shared->read);
    uint64_t used = ring->own - other;

    *room = 0;
    if (used > ring->capacity) {
        return BROOD_ERR_PROTOCOL;
    }
    ring->other = other;
    *room = ring->capacity - (size_t)used;
    return BROOD_OK;
}

bool brood_ring_fits(brood_ring *ring, size_t size)
{
    size_t room = ring->capacity - (size_t)(ring->own - ring->other);

    return size <= room || (brood_ring_room(ring, &room) == BROOD_OK && size <= room);
}

void *brood_ring_place(const brood_ring *ring, size_t size)
{
    return first_part(ring, size) == size ? ring->bytes + (ring->own & (ring->capacity - 1)) : NULL;
}

void brood_ring_put(brood_ring *ring, const void *data, size_t size)
{
    size_t first = first_part(ring, size);

    brood_point(ring->bytes + (ring->own & (ring->capacity - 1)), first);
    memcpy(ring->bytes + (ring->own & (ring->capacity - 1)), data, first);
    if (first < size) {
        brood_point(ring->bytes, size - first);
        memcpy(ring->bytes, (const unsigned char *)data + first, size - first);
    }
    ring->own += size;
}

bool brood_ring_publish(brood_ring *ring)
{
    brood_store64(&ring->shared->written, ring->own);
    return take_flag(&ring->shared->reader_sleeps);
}

bool brood_ring_sleep_to_write(brood_ring *ring, size_t room)
{
    size_t now = 0;

    brood_exchange32(&ring->shared->writer_sleeps, 1);
    if (brood_ring_room(ring, &now) == BROOD_OK && now <= room) {
        return true;
    }
    brood_ring_wake_to_write(ring);
    return false;
}

void brood_ring_wake_to_write(brood_ring *ring)
{
    brood_exchange32(&ring->shared->writer_sleeps, 0);
}

/* ---- the reader -------------------------------------------------------------------------- */

brood_status brood_ring_available(brood_ring *ring, size_t *available)
{
    uint64_t other = brood_load64(&ring->shared->written);
    uint64_t there = other - ring->own;

    *available = 0;
    if (there > ring->capacity) {
        return BROOD_ERR_PROTOCOL;
    }
    ring->other = other;
    *available = (size_t)there;
    return BROOD_OK;
}

const void *brood_ring_peek(const brood_ring *ring, size_t size)
{
    return brood_ring_place(ring, size);
}

void brood_ring_get(brood_ring *ring, void *data, size_t size)
{
    size_t first = first_part(ring, size);

    memcpy(data, ring->bytes + (ring->own & (ring->capacity - 1)), first);
    if (first < size) {
        memcpy((unsigned char *)data + first, ring->bytes, size - first);
    }
    ring->own += size;
}

bool brood_ring_release(brood_ring *ring)
{
    brood_store64(&ring->shared->read, ring->own);
    return take_flag(&ring->shared->writer_sleeps);
}

bool brood_ring_sleep_to_read(brood_ring *ring, size_t available)
{
    size_t now = 0;

    brood_exchange32(&ring->shared->reader_sleeps, 1);
    if (brood_ring_available(ring, &now) == BROOD_OK && now <= available) {
        return true;
    }
    brood_ring_wake_to_read(ring);
    return false;
}

void brood_ring_advance(brood_ring *ring, size_t size)
{
    ring->own += size;
}

void brood_ring_wake_to_read(brood_ring *ring)
{
    brood_exchange32(&ring->shared->reader_sleeps, 0);
}
