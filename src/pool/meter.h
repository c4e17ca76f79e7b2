/* When a progress is told, and what it says of time. */
#ifndef BROOD_SRC_POOL_METER_H
#define BROOD_SRC_POOL_METER_H

#include <stdbool.h>
#include <stdint.h>

#include <brood/progress.h>

typedef struct brood_meter {
    brood_progress_function *function; /* NULL: nobody wants to know */
    void *user;
    int64_t begun_at, reported_at;
} brood_meter;

brood_meter brood_meter_begin(brood_progress_function *function, void *user);

/* Whether it is told again, after so many milliseconds. */
bool brood_meter_is_due(const brood_meter *meter);

/* Calls the function. */
void brood_meter_report(brood_meter *meter, uint64_t done, uint64_t total, uint64_t failed);

#endif
