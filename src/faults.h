/*
 * Faults on purpose, in a build with BROOD_FAULTS: the Nth allocation (memory.h), or the Nth call
 * of the core to the seam (faults_platform.h), fails. For tests, which try every N.
 *
 * A process that has BROOD_FAULT="allocation:N" or "platform:N" in its environment begins with
 * that fault armed, to happen once ("N+": from then on); so a test reaches into its children.
 */
#ifndef BROOD_SRC_FAULTS_H
#define BROOD_SRC_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include <brood/status.h>

#define BROOD_FAULT_VARIABLE "BROOD_FAULT"

typedef enum brood_fault_kind {
    BROOD_FAULT_ALLOCATION = 0, /* NULL, which becomes BROOD_ERR_NO_MEMORY */
    BROOD_FAULT_PLATFORM = 1    /* BROOD_ERR_OS, and in the error this step */
} brood_fault_kind;

#define BROOD_FAULT_STEP "injected fault"

/* The nth call from now on fails (1: the next one); unless it is once, so do all that follow. */
void brood_faults_arm(brood_fault_kind kind, uint64_t nth, bool once);

/* So many of them fail, and then no more. */
void brood_faults_arm_some(brood_fault_kind kind, uint64_t nth, uint64_t times);

/* No fault of either kind any more; the counts stay. */
void brood_faults_disarm(void);

/* The calls since this kind was armed. Below nth: the fault has not happened. */
uint64_t brood_faults_count(brood_fault_kind kind);

/* Counts a call, and tells whether it fails. */
bool brood_faults_hit(brood_fault_kind kind);

/* What a call to the seam that fails says. */
brood_status brood_faults_fail(brood_error *error);

#endif
