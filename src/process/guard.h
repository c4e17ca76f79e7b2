/*
 * A command that ends with its parent, on systems where nothing tells it of the parent's death
 * (POSIX). A program that starts such commands has one guard: this program again, which holds a
 * channel to its parent and nothing else, is nobody's child, and kills what it was told of when the
 * channel ends or the parent does. Commands are children of the parent itself: the guard is not
 * between them, and not seen.
 */
#ifndef BROOD_SRC_PROCESS_GUARD_H
#define BROOD_SRC_PROCESS_GUARD_H

#include "platform.h"

/* Under this name the guard's function is registered in every program that calls brood_init. */
#define BROOD_GUARD_NAME "brood.guard"

brood_function brood_guard_run;

/*
 * The guard that runs. Starts it when there is none, and blocks until it serves, also while another
 * thread starts it. Each take is given back by brood_guard_drop. No other function here waits for the
 * start of a guard; drop destroys a process.
 */
typedef struct brood_guard brood_guard;
brood_status brood_guard_take(brood_guard **guard, brood_error *error);
void brood_guard_drop(brood_guard *guard);

/* What a spawn tells it through. */
brood_os_channel *brood_guard_channel(const brood_guard *guard);

/* A process that a guard ends, should this one end; it is in a list while it is kept. */
typedef struct brood_kept {
    brood_os_ward ward;
    struct brood_kept *next;
    bool is_kept;
} brood_kept;

/*
 * The spawn told guard of it. A guard that takes the place of this one will hear of it, too: whoever
 * takes the guard after this has one that has heard.
 */
void brood_guard_keep(brood_guard *guard, brood_kept *kept);

/* Just before it is reaped, so that its number means nobody else. Nothing when it is not kept. */
void brood_guard_forget(brood_kept *kept);

#endif
