#include "process/origin.h"

brood_status brood_origin_take(brood_origin *origin, brood_error *error)
{
    brood_status status = brood_os_environment_copy(&origin->environment, error);

    if (status == BROOD_OK) {
        status = brood_os_origin_take(&origin->os, error);
    }
    if (status != BROOD_OK) {
        brood_origin_drop(origin);
    }
    return status;
}

void brood_origin_drop(brood_origin *origin)
{
    brood_os_environment_free(origin->environment);
    brood_os_origin_free(origin->os);
    *origin = (brood_origin){NULL, NULL};
}
