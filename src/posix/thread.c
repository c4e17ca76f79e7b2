#include <pthread.h>

#include "posix/system.h"

int brood_posix_thread_start(void *(*run)(void *data), void *data)
{
    pthread_attr_t attributes;
    pthread_t thread;
    brood_os_signals before;
    int result = 0;

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    brood_os_code_keep();
    brood_os_signals_hold(&before);
    result = pthread_create(&thread, &attributes, run, data);
    brood_os_signals_release(&before);
    pthread_attr_destroy(&attributes);
    return result;
}

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
