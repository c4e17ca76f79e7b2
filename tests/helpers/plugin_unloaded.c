/* W18: a plugin with a brood of its own in it, which is unloaded while a time-out is still ahead. */
#include "plugin.h"

#define TIMEOUT_MS 1500

static int answer(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return 42;
}

/* Starts a process with a time-out, and a pool; all of it is gone at the return. */
int plugin_entry(const char *worker, brood_function *of_host)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_process *process = NULL;
    brood_pool *pool = NULL;

    (void)of_host;
    options.timeout_ms = TIMEOUT_MS;
    if (brood_init_hosted(worker) != BROOD_OK ||
        brood_process_start(&process, answer, NULL, 0, &options) != BROOD_OK ||
        brood_pool_create(&pool, NULL) != BROOD_OK) {
        return 1;
    }
    brood_process_join(process, 20000);
    brood_process_exit_info(process, &info);
    brood_process_destroy(process);
    brood_pool_destroy(pool);
    if (info.reason == BROOD_EXIT_TIMEOUT) { /* a slow machine; there is nothing to be seen */
        return 0;
    }
    return info.reason == BROOD_EXIT_CODE && info.code == 42 ? 0 : 2;
}
