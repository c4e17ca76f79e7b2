/* Calls of the system that fail. */
#ifndef BROOD_TESTS_SIM_FAULT_H
#define BROOD_TESTS_SIM_FAULT_H

#include <brood/status.h>

#include "sim.h"

/* Whether this call fails, which the seed draws. */
bool sim_fails(sim_fault kind);

/* Says so; returns status. */
brood_status sim_refuse(brood_status status, const char *step, brood_error *error);

/* Whether calls fail, or kills, with this seed. */
bool sim_has_faults(void);

#endif
