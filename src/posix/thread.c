#include "system.h"

/* pthread_t may be a structure; no two threads have a variable of their own at one address. */
uint64_t brood_os_thread_id(void)
{
    static _Thread_local char own;

    return (uint64_t)(uintptr_t)&own;
}

/* The other threads run on while exit calls the at-exit functions. */
bool brood_os_is_ending(void)
{
    return false;
}
