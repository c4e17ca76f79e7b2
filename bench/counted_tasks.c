/* Small tasks, as many as the argument says: what instructions.cmake counts. */
#include <stdlib.h>

#include "measure.h"
#include "pools.h"

int main(int argc, char **argv)
{
    brood_pool *pool = NULL;

    if (brood_init(argc, argv) != BROOD_OK || argc != 2) {
        return 1;
    }
    pool = pools_open(2);
    pools_apply_async(pool, (int)strtol(argv[1], NULL, 10), NULL);
    pools_close(pool);
    return 0;
}
