/* Of a child: a thread that watches its parent. */
#ifndef BROOD_SRC_PROCESS_WATCH_H
#define BROOD_SRC_PROCESS_WATCH_H

#include "process/protocol.h"

/* The exit code of a child that ends because its parent has. */
#define BROOD_EXIT_ORPHAN 1

/*
 * Starts it, if this child needs it; from now on nobody else reads the channel. A daemon ends with
 * its parent. What is given lives as long as the process.
 */
brood_status brood_watch_start(brood_os_channel *channel, const brood_start *start,
                               brood_error *error);

/* Blocks for the moment until the thread has what it needs, whatever the function closes. */
void brood_watch_await(void);

#endif
