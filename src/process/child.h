/* The life of a child, from brood_init to its exit. */
#ifndef BROOD_SRC_PROCESS_CHILD_H
#define BROOD_SRC_PROCESS_CHILD_H

#include <stdint.h>

#include <brood/status.h>

#include "platform.h"

/*
 * Runs what the parent asked for and exits the process; argv0 is main's. Returns, and nothing has
 * happened, when there is no such parent: BROOD_OK, the token is another process's, which started
 * this one; BROOD_ERR_PROTOCOL, it is none, or does not name a channel; BROOD_ERR_PERMISSION, the
 * channel is of somebody with other rights; or there is no memory for it.
 */
brood_status brood_child_run(const char *text, const char *argv0);

/* Tells the parent why the child cannot do what it was started for, and ends the process. */
_Noreturn void brood_child_refuse(const brood_error *error);

/* Tells the parent the number of this process, which is about to run its function. */
brood_status brood_child_say_hello(void);

/* In a child: its channel, for a function that reads it itself, and the parent's number. */
brood_os_channel *brood_child_channel(void);
int64_t brood_child_parent_pid(void);

#endif
