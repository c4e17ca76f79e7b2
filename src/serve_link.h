/* A worker's side of what it shares with its pool: waiting, reading and writing. */
#ifndef BROOD_SRC_SERVE_LINK_H
#define BROOD_SRC_SERVE_LINK_H

#include "platform.h"
#include "wire.h"

typedef struct brood_link {
    brood_os_segment segment;
    brood_wire_page *page;
    brood_ring in, out;
    brood_os_channel *bell;
    int64_t spin_ns;  /* 0: never */
    int64_t woken_at; /* and has not answered since; 0: it has */
    uint32_t misses;  /* how often in a row looking again and again was of no use */
    int64_t keep_ns;  /* after so long a sleep idle is called, once; 0: never */
    void (*idle)(void *data);
    void *data;
} brood_link;

/* Without a pool there is nothing to do here: when it has gone, all of these end the process. */

/* Waits until there are size bytes to read, at most half of what the ring holds. */
void brood_link_await(brood_link *link, size_t size);

/* Reads size bytes, however many, and gives their room back. */
void brood_link_read(brood_link *link, void *data, size_t size);

/* Passes over size bytes, however many. */
void brood_link_skip(brood_link *link, size_t size);

/* Gives back the room of what was read or passed over. */
void brood_link_release(brood_link *link);

/* Waits until size bytes can be put, at most half of what the ring holds. */
void brood_link_make_room(brood_link *link, size_t size);

/* The same, and they lie in one piece: the rest of the ring before its end is passed over. */
unsigned char *brood_link_place(brood_link *link, size_t size);

/* What was put is the pool's. */
void brood_link_publish(brood_link *link);

/* Writes a whole frame, however long. */
void brood_link_send(brood_link *link, const brood_wire_answer *answer, const void *body);

/* The pool has done what cannot be. */
_Noreturn void brood_link_fail(void);

#endif
