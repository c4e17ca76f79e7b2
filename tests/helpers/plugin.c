/* B8: a library that knows nothing of brood, but for the type of the function. */
#include "plugin.h"

#include <stdlib.h>

/* While the child looks for its function, the library is loaded and can end the process. */
#if defined(__GNUC__)
__attribute__((constructor)) static void at_load(void)
{
    if (getenv("PLUGIN_EXITS") != NULL) {
        exit(5);
    }
}
#endif

int plugin_answer(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    return size == sizeof(int) ? *(const int *)arg + 2 : 1;
}
