#include "runtime/sleeper.h"

brood_status brood_sleeper_create(brood_sleeper *sleeper, apr_pool_t *pool)
{
    brood_status status = brood_mutex_create(&sleeper->mutex, pool);

    return status != BROOD_OK ? status : brood_condition_create(&sleeper->cond, pool);
}

void brood_sleeper_sleep(brood_sleeper *sleeper)
{
    brood_mutex_lock(&sleeper->mutex);
    while (!sleeper->is_woken) {
        brood_condition_wait(&sleeper->cond, &sleeper->mutex);
    }
    brood_mutex_unlock(&sleeper->mutex);
}

void brood_sleeper_wake(brood_sleeper *sleeper)
{
    brood_mutex_lock(&sleeper->mutex);
    sleeper->is_woken = true;
    brood_mutex_unlock(&sleeper->mutex); /* first: the woken thread needs the mutex */
    brood_condition_signal(&sleeper->cond);
}
