/* The guard of this process, for the files that make it. All of it with the lock of the guards. */
#ifndef BROOD_SRC_PROCESS_GUARD_IMPL_H
#define BROOD_SRC_PROCESS_GUARD_IMPL_H

#include <stdbool.h>
#include <stddef.h>

#include "process/guard.h"

struct brood_guard {
    brood_process *process;
    brood_os_channel *channel; /* the process's */
    size_t users;              /* with the place in `current` */
};

brood_status brood_guard_tell(brood_guard *guard, const brood_os_ward *ward);

/* Whether the guard that is known is this process's, which a plain fork of another one is not. */
bool brood_guard_is_ours(void);

#endif
