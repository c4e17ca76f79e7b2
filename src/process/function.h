/* How a function travels to another process: by its registered name, or by its place in a module. */
#ifndef BROOD_SRC_PROCESS_FUNCTION_H
#define BROOD_SRC_PROCESS_FUNCTION_H

#include "platform.h"

/* Read only once it is made: the strings may lie in a frame. */
typedef struct brood_function_ref {
    const char *name; /* "": code says what */
    brood_os_code code;
} brood_function_ref;

/*
 * Describes a function for a child that is this program, or (by_name) another executable. name
 * may stand for the function, which then is NULL; argument is what the caller calls it in errors.
 * brood_function_forget frees what ref has.
 */
brood_status brood_function_locate(brood_function_ref *ref, brood_os_function *function,
                                   const char *name, bool by_name, const char *argument,
                                   brood_error *error);

void brood_function_forget(brood_function_ref *ref);

/* The other way round, in the child. */
brood_status brood_function_find(const brood_function_ref *ref, brood_os_function **function,
                                 brood_error *error);

#endif
