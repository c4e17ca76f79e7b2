/* B12: a program that knows nothing of brood: `helper_host PLUGIN [WORKER]`. */
#include <stdio.h>

#include "plugin.h"
#include "support.h"

#define CODE_NOT_LOADED 90

typedef int entry_function(const char *worker, brood_function *of_host);

static int of_host(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return 0;
}

int main(int argc, char **argv)
{
    entry_function *entry =
        argc < 2 ? NULL : (entry_function *)support_library_function(argv[1], "plugin_entry");

    if (entry == NULL) {
        fprintf(stderr, "%s has no plugin_entry\n", argc < 2 ? "" : argv[1]);
        return CODE_NOT_LOADED;
    }
    return entry(argc > 2 ? argv[2] : NULL, of_host);
}
