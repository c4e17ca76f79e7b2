/*
 * R27: a plugin with a copy of brood of its own, whose pools are in workers of each other: how deep
 * they get. In the mode of PLUGIN_AT_LOAD each is made by the constructor.
 */
#include "plugin.h"

#include <stdio.h>
#include <stdlib.h>

#define TOO_DEEP 8 /* without a cap it would never end */

static int at_load;

/* Has the function called in a worker of a new pool; what it returns, or depth: there is no pool. */
static int dive(brood_function *function, int depth)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;
    int below = depth;

    options.workers = 1;
    if (depth < TOO_DEEP && brood_init_hosted(NULL) == BROOD_OK &&
        brood_pool_create(&pool, &options) == BROOD_OK &&
        brood_pool_apply(pool, function, &depth, sizeof depth, &below, sizeof below, NULL) !=
            BROOD_OK) {
        below = -1;
    }
    brood_pool_destroy(pool);
    return below;
}

static int dive_again(brood_task *task, const void *arg, size_t size)
{
    int reached = dive(dive_again, *(const int *)arg + 1);

    (void)size;
    return brood_return(task, &reached, sizeof reached);
}

#if defined(__GNUC__) && !defined(_WIN32)

/* The library has been loaded for it, and so its constructor has run. */
static int tell(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    return brood_return(task, &at_load, sizeof at_load);
}

__attribute__((constructor)) static void before_main(void)
{
    const char *text = getenv("PLUGIN_AT_LOAD");
    char next[16];

    if (text != NULL) {
        snprintf(next, sizeof next, "%d", atoi(text) + 1);
        setenv("PLUGIN_AT_LOAD", next, 1);
        at_load = dive(tell, atoi(text));
    }
}

#endif

int plugin_entry(const char *worker, brood_function *of_host)
{
    (void)worker;
    (void)of_host;
    return getenv("PLUGIN_AT_LOAD") != NULL ? at_load : dive(dive_again, 0);
}
