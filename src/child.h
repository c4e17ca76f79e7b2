/* The life of a child, from brood_init to its exit. */
#ifndef BROOD_SRC_CHILD_H
#define BROOD_SRC_CHILD_H

#include <brood/status.h>

/*
 * Runs what the parent asked for and exits the process. Returns BROOD_ERR_PROTOCOL, and nothing
 * has happened, when the token was not made for this process.
 */
brood_status brood_child_run(const char *token);

#endif
