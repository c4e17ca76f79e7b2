#include "nesting.h"

#include <inttypes.h>
#include <stdio.h>

#include <apr_env.h>

#define TEXT_ROOM 64

static brood_nesting known;

const brood_nesting *brood_nesting_here(void)
{
    return &known;
}

/* With the number of the process: what it starts by other means than ours has the variable, too. */
void brood_nesting_tell(const brood_nesting *here)
{
    char text[TEXT_ROOM];

    known = *here;
    if (here->depth > 0) {
        snprintf(text, sizeof text, "%" PRIu32 ":%" PRIu32 ":%" PRId64, here->depth, here->cores,
                 brood_os_self_pid());
        brood_os_environment_set(BROOD_NESTING_VARIABLE, text);
    }
}

void brood_nesting_learn(apr_pool_t *pool)
{
    brood_nesting told = {0, 0};
    int64_t pid = 0;
    char *text = NULL;

    if (known.depth == 0 && apr_env_get(&text, BROOD_NESTING_VARIABLE, pool) == APR_SUCCESS &&
        sscanf(text, "%" SCNu32 ":%" SCNu32 ":%" SCNd64, &told.depth, &told.cores, &pid) == 3 &&
        pid == brood_os_self_pid()) {
        known = told;
    }
}
