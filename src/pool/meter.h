/* When progress is reported, and the times in the report. */
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

/* Whether to report again: at most every 100 ms. */
bool brood_meter_is_due(const brood_meter *meter);

/* What is to be reported now. The caller gives it to the function, without the pool's lock. */
brood_progress brood_meter_take(brood_meter *meter, uint64_t done, uint64_t total, uint64_t failed);

#endif
