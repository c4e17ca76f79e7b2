#include "faults.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"
#include "base/error.h"
#include "base/memory.h"
#include "platform.h"

/* Any thread counts; one arms, while nobody else calls. */
static struct {
    brood_atomic64 count;
    brood_atomic64 nth; /* 0: none */
    brood_atomic64 times;
} faults[2];

static brood_atomic32 environment_was_read;

/* Read by the first call of all, which a process makes before it has a second thread. */
static void read_environment(void)
{
    static const char *const names[] = {"allocation:", "platform:"};
    char text[64];
    size_t size = brood_os_environment_get(BROOD_FAULT_VARIABLE, text, sizeof text);

    for (size_t i = 0; size > 0 && size <= sizeof text && i < 2; i++) {
        if (strncmp(text, names[i], strlen(names[i])) == 0) {
            char *end = NULL;
            uint64_t nth = strtoull(text + strlen(names[i]), &end, 10);

            brood_faults_arm((brood_fault_kind)i, nth, *end != '+');
        }
    }
}

void brood_faults_arm(brood_fault_kind kind, uint64_t nth, bool once)
{
    brood_faults_arm_some(kind, nth, once ? 1 : UINT64_MAX);
}

void brood_faults_arm_some(brood_fault_kind kind, uint64_t nth, uint64_t times)
{
    brood_exchange32(&environment_was_read, 1);
    brood_store64(&faults[kind].times, times);
    brood_store64(&faults[kind].count, 0);
    brood_store64(&faults[kind].nth, nth);
}

void brood_faults_disarm(void)
{
    brood_exchange32(&environment_was_read, 1);
    for (size_t i = 0; i < 2; i++) {
        brood_store64(&faults[i].nth, 0);
    }
}

uint64_t brood_faults_count(brood_fault_kind kind)
{
    return brood_load64(&faults[kind].count);
}

bool brood_faults_hit(brood_fault_kind kind)
{
    uint64_t count = 0;
    uint64_t nth = 0;

    if (brood_exchange32(&environment_was_read, 1) == 0) {
        read_environment();
    }
    count = brood_add64(&faults[kind].count, 1);
    nth = brood_load64(&faults[kind].nth);
    return nth > 0 && count >= nth && count - nth < brood_load64(&faults[kind].times);
}

bool brood_faults_allocation(void)
{
    bool fails = brood_faults_hit(BROOD_FAULT_ALLOCATION);

    if (fails) {
        errno = ENOMEM;
    }
    return fails;
}

brood_status brood_faults_fail(brood_error *error)
{
    return brood_fail(error, BROOD_ERR_OS, 0, BROOD_FAULT_STEP, "the call was made to fail");
}
