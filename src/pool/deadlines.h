/*
 * The jobs of a pool that have a deadline, the earliest first: a pairing heap, whose links lie in
 * the jobs. So a deadline that passes costs nothing for the many that have not passed yet.
 */
#ifndef BROOD_SRC_POOL_DEADLINES_H
#define BROOD_SRC_POOL_DEADLINES_H

#include <stdbool.h>

typedef struct brood_result brood_result;

typedef struct brood_deadline_links {
    bool is_linked;         /* the job is in the heap */
    brood_result *below;    /* the job's first child */
    brood_result *next;     /* the next child of the same parent */
    brood_result *previous; /* the child before; of a first child its parent; NULL: the root */
} brood_deadline_links;

/* Puts a job that is not in the heap into it; *earliest is its root, or NULL. With the lock. */
void brood_deadlines_add(brood_result **earliest, brood_result *job);

/* Takes the job out of the heap. Does nothing when it is not in there. */
void brood_deadlines_remove(brood_result **earliest, brood_result *job);

#endif
