/* Faults that were found once, each with what it takes to see it again. */
#include "five.h"

#include "small.h"

const sim_scenario sim_found[1];
const uint32_t sim_found_count = 0;
