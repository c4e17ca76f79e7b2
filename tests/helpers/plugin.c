/* B8: a library that knows nothing of brood, but for the type of the function. */
#include "plugin.h"

#include <stdlib.h>

/* While the child looks for its function, the library is loaded and can end the process. */
#if defined(__GNUC__)
__attribute__((constructor)) static void at_load(void)
#else
static void __cdecl at_load(void)
#endif
{
    if (getenv("PLUGIN_EXITS") != NULL) {
        exit(5);
    }
}

#if !defined(__GNUC__) /* https://learn.microsoft.com/cpp/c-runtime-library/crt-initialization */
#pragma section(".CRT$XCU", read)
__declspec(allocate(".CRT$XCU")) void(__cdecl *const plugin_at_load)(void) = at_load;
#endif

int plugin_answer(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    return size == sizeof(int) ? *(const int *)arg + 2 : 1;
}
