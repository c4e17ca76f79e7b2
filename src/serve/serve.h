/* The life of a pool's worker. */
#ifndef BROOD_SRC_SERVE_SERVE_H
#define BROOD_SRC_SERVE_SERVE_H

#include <brood/task.h>

#include "platform.h"
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

/* The function that a worker's process runs: serves, and ends the process as it has to. */
int brood_serve_process(brood_task *task, const void *arg, size_t size);

#endif
