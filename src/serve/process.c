#include "platform.h"
#include "process/task.h"
#include "process/watch.h"
#include "serve/serve.h"

int brood_serve_process(brood_task *task, const void *arg, size_t size)
{
    brood_served served = brood_serve(task, arg, size);

    if (served.end == BROOD_SERVE_BREAKS) {
        brood_os_child_end(served.code, served.code == BROOD_EXIT_ORPHAN && task->start->kill_tree);
    }
    if (served.end == BROOD_SERVE_EXITS) {
        brood_os_exit_process(served.code);
    }
    return served.code;
}
