/* The guard of this process, for the files that make it. All of it with the lock of the guards. */
#ifndef BROOD_SRC_PROCESS_GUARD_IMPL_H
#define BROOD_SRC_PROCESS_GUARD_IMPL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "process/guard.h"

struct brood_guard {
    brood_process *process;
    brood_os_channel *channel; /* the process's */
    size_t users;              /* with the place in `current` */
    brood_buffer unsaid;       /* what its channel had no room for yet */
    bool is_behind;            /* nobody waits for room in the channel with the lock any more */
};

/* Says what the channel has room for. BROOD_ERR_TIMEOUT: there is more. */
brood_status brood_guard_flush(brood_guard *guard);

/* Whether the guard that is known is this process's, which a plain fork of another one is not. */
bool brood_guard_is_ours(void);

#endif
