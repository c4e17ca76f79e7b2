/*
 * A place where one thread sleeps until another wakes it. It comes back for nothing else, and waits
 * for no other thread's mutex when it is woken.
 */
#ifndef BROOD_SRC_RUNTIME_SLEEPER_H
#define BROOD_SRC_RUNTIME_SLEEPER_H

#include <stdbool.h>

#include "runtime/sync.h"

typedef struct brood_sleeper {
    brood_mutex mutex;
    brood_condition cond;
    bool is_woken;
} brood_sleeper;

/* It goes with the pool. BROOD_ERR_NO_MEMORY, and nothing was created. */
brood_status brood_sleeper_create(brood_sleeper *sleeper, apr_pool_t *pool);

/*
 * Begins a sleep: whoever wakes the sleeper from here on ends that sleep, or prevents it. The caller has a
 * lock that those who wake have, too, and they can find the sleeper only afterwards.
 */
static inline void brood_sleeper_prepare(brood_sleeper *sleeper)
{
    sleeper->is_woken = false;
}

void brood_sleeper_sleep(brood_sleeper *sleeper);

/* With the lock of brood_sleeper_prepare: until that is given up the sleeper is not freed. */
void brood_sleeper_wake(brood_sleeper *sleeper);

#endif
