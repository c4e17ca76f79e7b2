/*
 * A command that ends with its parent, on systems where the parent's death tells a stranger
 * nothing (POSIX): it runs below a guard, which is a child of ours that starts the command, leads
 * its process group, ends the group when the parent is gone, and ends as the command ended.
 */
#ifndef BROOD_SRC_GUARD_H
#define BROOD_SRC_GUARD_H

#include "buffer.h"
#include "platform.h"

/* Under this name the guard's function is registered in every program that calls brood_init. */
#define BROOD_GUARD_NAME "brood.guard"

brood_function brood_guard_run;

/* The argument of brood_guard_run. */
void brood_guard_encode(brood_buffer *buffer, const char *file, const char *const *argv);

#endif
