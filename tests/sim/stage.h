/* Included before each file of the liveness test, behind five.h: what it calls is the simulator's. */
#include <stdio.h>

#include <apr_time.h>

#include "program.h"

int liveness_main(int argc, char **argv);
#define main liveness_main
#define apr_sleep sim_program_sleep
#define printf sim_program_print

#define LIVE_SHORT_PERCENT 60
#define LIVE_JOIN_EARLY_PERCENT 50 /* beside callers, if the pool was closed beside them */
#define LIVE_RING BROOD_RING_LARGE

/* A submit costs no more time than a task here, so what waits for workers would grow without end. */
#define LIVE_RAIN_MAX 2000
#define LIVE_STREAM_ITEMS 16
#define LIVE_RAIN_PERCENT 4 /* they take as long as twenty others */
