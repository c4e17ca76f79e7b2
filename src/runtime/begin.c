#include "runtime/begin.h"

#include <apr_general.h>

#include "base/memory.h"
#include "runtime/here.h"

static brood_status create_locks(brood_process_state *here)
{
    brood_mutex *const locks[] = {&here->abandoned.lock, &here->watchdog.lock, &here->guards.lock,
                                  &here->shared.lock, NULL};
    brood_status status = BROOD_OK;

    for (brood_mutex *const *at = locks; *at != NULL && status == BROOD_OK; at++) {
        status = brood_mutex_create(*at, here->begin.pool);
    }
    return status;
}

static brood_status begin_once(void)
{
    if (brood_apr_begin() != APR_SUCCESS ||
        brood_apr_pool_create(&brood_here()->begin.pool) != APR_SUCCESS) {
        return BROOD_ERR_NO_MEMORY;
    }
    if (create_locks(brood_here()) != BROOD_OK) {
        apr_pool_destroy(brood_here()->begin.pool);
        brood_here()->begin.pool = NULL;
        return BROOD_ERR_NO_MEMORY;
    }
    return BROOD_OK;
}

/* Not in every child: beginning APR is a tenth of the cost of a start. Its atomics need none. */
brood_status brood_begin(void)
{
    enum {
        NOT,
        BUSY,
        DONE
    };
    brood_status status = BROOD_OK;
    brood_atomic32 *begun = &brood_here()->begin.begun;

    while (!brood_cas32(begun, NOT, BUSY)) {
        if (brood_load32(begun) == DONE) {
            return BROOD_OK;
        }
        brood_yield(); /* another thread of a child was a moment faster */
    }
    status = begin_once();
    brood_exchange32(begun, status == BROOD_OK ? DONE : NOT);
    return status;
}
