/* The life of a pool's worker. */
#ifndef BROOD_SRC_SERVE_SERVE_H
#define BROOD_SRC_SERVE_SERVE_H

#include <brood/task.h>

#include "platform.h"
#include "process/task.h"
#include "wire/wire.h"

/* How the process of a worker is to end. */
typedef enum brood_serve_end {
    BROOD_SERVE_RETURNS, /* as that of any function which returns */
    BROOD_SERVE_EXITS,   /* in order, with nothing more said: its initializer failed */
    BROOD_SERVE_BREAKS   /* at once: there is no pool any more, or no memory to go on */
} brood_serve_end;

typedef struct brood_served {
    brood_serve_end end;
    int code;
    brood_os_channel *bell; /* of one that exits: the pool waits until it closes; else NULL */
} brood_served;

/*
 * Does what the pool orders until the worker has to end. The argument is a brood_wire_start. When
 * the pool has gone, no item begins any more; an item that runs then comes to its own end first.
 */
brood_served brood_serve(brood_task *task, const void *arg, size_t size);

/* What a worker of this process serves with; the bell and the memory stay whose they are. */
typedef struct brood_equipment {
    unsigned char *base; /* the page and both rings: see brood_wire_segment_size */
    size_t capacity;
    brood_os_channel *bell;
    int64_t spin_ns;
    const brood_host *host; /* NULL: a thread of the worker's own serves */
} brood_equipment;

/*
 * The same on a thread of the program's own process. The orders name shared memory by the address of
 * its brood_shared. BREAKS: the worker was told to end, or has no memory to go on.
 */
brood_served brood_serve_here(brood_task *task, const brood_equipment *equipment);

/* A worker with a host: it has no thread, and runs when it is told to. */
typedef struct brood_server brood_server;

/* NULL: out of memory. The task and the equipment must live as long as the server. */
brood_server *brood_server_open(brood_task *task, const brood_equipment *equipment);

/*
 * Obeys all that was sent so far, on the calling thread. True: the worker has ended, as *served says, and
 * the server is freed.
 */
bool brood_server_run(brood_server *server, brood_served *served);

/* The function that a worker's process runs: serves, and ends the process as it has to. */
int brood_serve_process(brood_task *task, const void *arg, size_t size);

#endif
