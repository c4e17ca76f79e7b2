/* A worker's side of the rings and the bell: waiting, reading and writing. */
#ifndef BROOD_SRC_SERVE_LINK_H
#define BROOD_SRC_SERVE_LINK_H

#include "platform.h"
#include "process/task.h"
#include "runtime/spin.h"
#include "wire/wire.h"

typedef struct brood_link {
    brood_os_segment segment;
    brood_wire_page *page;
    brood_ring in, out;
    brood_os_channel *bell;
    int64_t spin_ns;  /* 0: never */
    int64_t woken_at; /* and has not answered since; 0: it has */
    brood_spin_habit habit;
    bool is_broken;  /* for good; see below */
    int code;        /* of the end of the process, then */
    int64_t keep_ns; /* after so long a sleep idle is called, once; 0: never */
    void (*idle)(void *data);
    void *data;
    const brood_host *host; /* NULL: the link sleeps until the bell rings */
} brood_link;

/*
 * A link breaks when the pool has gone or has written what is impossible, and when the worker gives
 * up. A broken link waits for nothing, and publishes nothing of what is put. Its user begins no
 * item more, and returns: the process then ends at once.
 */
void brood_link_break(brood_link *link, int code); /* the first code counts */

/* Breaks the link: the pool has gone, or has written what is impossible. */
void brood_link_fail(brood_link *link);

/* Whether there are size bytes to read now. False also when the worker was told to end. */
bool brood_link_has(brood_link *link, size_t size);

/* The functions that wait return false when the link is broken, or breaks meanwhile. */

/* Waits until there are size bytes to read, at most half of what the ring holds. */
bool brood_link_await(brood_link *link, size_t size);

/* Reads size bytes, however many, and gives their room back. */
bool brood_link_read(brood_link *link, void *data, size_t size);

/* Passes over size bytes, however many. */
bool brood_link_skip(brood_link *link, size_t size);

/* Gives back the room of what was read or passed over. */
void brood_link_release(brood_link *link);

/* Waits until size bytes can be put, at most half of what the ring holds. */
bool brood_link_make_room(brood_link *link, size_t size);

/*
 * Waits until size bytes can be put that lie in one piece, and returns where: what is left of the
 * ring before its end is filled with a pad for that. NULL: the link is broken.
 */
unsigned char *brood_link_place(brood_link *link, size_t size);

/* Publishes what was put: the pool can read it from now on. */
void brood_link_publish(brood_link *link);

/* Writes a whole frame, however long. */
void brood_link_send(brood_link *link, const brood_wire_answer *answer, const void *body);

#endif
