/* How a process ended: what the system, the child and we know, put together. */
#ifndef BROOD_SRC_PROCESS_EXIT_H
#define BROOD_SRC_PROCESS_EXIT_H

#include "process/process_impl.h"

/* Fills process->info from the system's result and all that was noted before. */
void brood_exit_decide(brood_process *process, const brood_os_exit *result);

#endif
