/* Included before each file of the liveness test, behind five.h: what it calls is the simulator's. */
#include <stdio.h>

#include <apr_time.h>

#include "program.h"

int liveness_main(int argc, char **argv);
#define main liveness_main
#define apr_sleep sim_program_sleep
#define printf sim_program_print

/* What waits for workers grows without end else, since a submit costs no more than a task here. */
#define LIVE_RAIN_US_MIN 100
