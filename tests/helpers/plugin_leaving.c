/* W17: a plugin that destroys its pool in a destructor, when the process ends. */
#include "plugin.h"

static brood_pool *pool;

static int answer(brood_task *task, const void *arg, size_t size)
{
    (void)arg;
    (void)size;
    return brood_return(task, "42", 2);
}

int plugin_entry(const char *worker, brood_function *of_host)
{
    char value[2];

    (void)of_host;
    if (brood_init_hosted(worker) != BROOD_OK || brood_pool_create(&pool, NULL) != BROOD_OK) {
        return 1;
    }
    return brood_pool_apply(pool, answer, NULL, 0, value, sizeof value, NULL) == BROOD_OK ? 0 : 2;
}

static void leave(void)
{
    brood_result *result = NULL;

    if (pool != NULL) {
        brood_pool_apply_async(pool, &result, answer, NULL, 0, NULL);
        brood_result_wait(result, BROOD_FOREVER);
        brood_result_destroy(result);
        brood_pool_close(pool);
        brood_pool_join(pool, BROOD_FOREVER);
        brood_pool_destroy(pool);
    }
}

#if defined(_WIN32)
#include <windows.h>

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, void *process_ends);

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, void *process_ends)
{
    (void)instance;
    if (reason == DLL_PROCESS_DETACH && process_ends != NULL) {
        leave();
    }
    return TRUE;
}
#else
__attribute__((destructor)) static void at_end(void)
{
    leave();
}
#endif
