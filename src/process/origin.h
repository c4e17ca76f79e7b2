/*
 * What children get from the process and the thread that start them, kept as it was at one moment.
 * The workers of a pool are started at any time and on any thread, and all get what the first ones
 * got.
 */
#ifndef BROOD_SRC_PROCESS_ORIGIN_H
#define BROOD_SRC_PROCESS_ORIGIN_H

#include "platform.h"

typedef struct brood_origin {
    char **environment;
    brood_os_origin *os;
} brood_origin;

/* Of the calling thread, now. On failure nothing is left to drop. */
brood_status brood_origin_take(brood_origin *origin, brood_error *error);

/* A zeroed one is fine. */
void brood_origin_drop(brood_origin *origin);

#endif
