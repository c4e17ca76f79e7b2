/* Where this process stands among pools in workers of pools, whichever copy of the library asks. */
#ifndef BROOD_SRC_PROCESS_NESTING_H
#define BROOD_SRC_PROCESS_NESTING_H

#include "process/protocol.h"

/* What a child finds there is not for what it starts. */
#define BROOD_NESTING_VARIABLE "BROOD_NESTING"

/* In no child all zeros; on a thread that serves a pool, that thread's. */
brood_nesting brood_nesting_here(void);

/* The calling thread serves a pool until it puts back what this returns. */
const brood_nesting *brood_nesting_begin_thread(const brood_nesting *nesting);

/*
 * In a child, which knows it from its parent: tells it to other copies of the library in this
 * process (a plugin may have one), by the environment. Not while other threads of the program run.
 */
void brood_nesting_tell(const brood_nesting *here);

/* Learns it, where another copy has told it. */
void brood_nesting_learn(void);

#endif
