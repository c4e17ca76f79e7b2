/* What check.c, and check_crew.c for it, look at whenever nobody can run. */
#ifndef BROOD_TESTS_SIM_CHECK_H
#define BROOD_TESTS_SIM_CHECK_H

#include <stdint.h>

#include "pool/pool_impl.h"
#include "sim.h"

#define BALANCE_NS (200 * SIM_US) /* idle workers take over what waits for longer */
#define RETRY_NS (10 * SIM_MS)    /* what the system has refused is tried again after */

/* Fails when nobody of the program's looks after the pool by then. */
void sim_check_due(const char *what, int64_t when);

/* Fails when that was so long ago that it must have been acted upon. */
void sim_check_late(const char *what, int64_t when);

/* The workers, their rings and bells, and how many there are. */
void sim_check_crew(const brood_pool *pool);

/* What was seen of another pool's workers is forgotten. */
void sim_check_crew_begin(void);

/* What holds of workers that sleep, also while threads of the program spin. */
void sim_check_crew_still(const brood_pool *pool);

/* What of them should have been acted upon. */
void sim_check_crew_times(const brood_pool *pool);

#endif
