/* The life of a pool's worker: the function that its process runs. */
#ifndef BROOD_SRC_SERVE_H
#define BROOD_SRC_SERVE_H

#include <brood/task.h>

#include "wire.h"

/* The argument is a brood_wire_start. */
int brood_serve(brood_task *task, const void *arg, size_t size);

#endif
