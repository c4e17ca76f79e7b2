#include "platform.h"
#include "serve/serve.h"

int brood_serve_process(brood_task *task, const void *arg, size_t size)
{
    brood_served served = brood_serve(task, arg, size);

    if (served.end == BROOD_SERVE_BREAKS) {
        brood_os_child_end(served.code, false);
    }
    if (served.end == BROOD_SERVE_EXITS) {
        brood_os_exit_process(served.code);
    }
    return served.code;
}
