#include "win32/system.h"

#include <stdlib.h>

/* A child begins with the class of its parent only when that is one of these (CreateProcessW). */
static DWORD inherited_class(void)
{
    DWORD class = GetPriorityClass(GetCurrentProcess());

    return class == IDLE_PRIORITY_CLASS || class == BELOW_NORMAL_PRIORITY_CLASS
               ? class
               : NORMAL_PRIORITY_CLASS;
}

static DWORD_PTR own_cpus(void)
{
    DWORD_PTR ours = 0;
    DWORD_PTR all = 0;

    return GetProcessAffinityMask(GetCurrentProcess(), &ours, &all) ? ours : 0;
}

brood_status brood_os_origin_take(brood_os_origin **origin, brood_error *error)
{
    brood_os_origin *taken = brood_calloc(1, sizeof *taken);
    brood_status status = BROOD_OK;

    *origin = NULL;
    if (taken == NULL) {
        return brood_fail_memory(error, "origin");
    }
    taken->priority_class = inherited_class();
    taken->cpus = own_cpus();
    status = brood_win32_full_path(&taken->directory, L".", error);
    if (status != BROOD_OK) {
        brood_os_origin_free(taken);
        return status;
    }
    *origin = taken;
    return BROOD_OK;
}

void brood_os_origin_free(brood_os_origin *origin)
{
    if (origin != NULL) {
        free(origin->directory);
        free(origin);
    }
}

int brood_os_origin_nice(const brood_os_origin *origin, int nice)
{
    (void)origin;
    return nice;
}

DWORD_PTR brood_win32_origin_cpus(const brood_os_origin *origin)
{
    return origin != NULL && origin->cpus != own_cpus() ? origin->cpus : 0;
}
