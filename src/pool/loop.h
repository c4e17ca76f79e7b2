/* The program's event loop, which does what the threads of a pool do otherwise. */
#ifndef BROOD_SRC_POOL_LOOP_H
#define BROOD_SRC_POOL_LOOP_H

#include "platform.h"
#include "pool/types.h"

typedef struct brood_loop {
    brood_handle handle;
    bool sleeps;    /* the program waits for the handle, */
    bool shows;     /* which shows what the poller would find, */
    bool is_called; /* and is ready in any case */
    int64_t until;  /* when the program runs the loop again by itself */
} brood_loop;

#endif
