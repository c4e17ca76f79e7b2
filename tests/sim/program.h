/* The simulated program, as the simulator sees it. */
#ifndef BROOD_TESTS_SIM_PROGRAM_H
#define BROOD_TESTS_SIM_PROGRAM_H

#include <stdint.h>

/* The pool under its callers, in a line. */
const char *sim_program_description(void);

/* What the program has before its pools; it has nothing more when they are gone. */
void sim_ledger_begin(void);
void sim_ledger_check(void);

/* It has ended, or was killed: nothing of it is looked at any more. */
void sim_program_gone(void);

/* No call takes longer than it may. */
void sim_program_check(void);

/* In place of apr_sleep and printf. */
int sim_program_sleep(int64_t us);
int sim_program_print(const char *format, ...);

#endif
