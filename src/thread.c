#include "thread.h"

#include "error.h"
#include "memory.h"
#include "platform.h"

#define STACK_MAX ((size_t)8 * 1024 * 1024) /* what Linux gives by default */

static brood_status start(apr_thread_t **thread, apr_thread_start_t function, void *data,
                          bool detached, apr_pool_t *pool, brood_error *error)
{
    apr_threadattr_t *attributes = NULL;
    brood_os_signals before;
    apr_status_t result = brood_apr(apr_threadattr_create(&attributes, pool));

    /*
     * The stack is as large as usual: thread-local variables of the program come out of it. But
     * `ulimit -s` of gigabytes would count against a memory limit, and all the more for each thread.
     */
    if (result == APR_SUCCESS && brood_os_default_stack() > STACK_MAX) {
        apr_threadattr_stacksize_set(attributes, STACK_MAX);
    }
    if (result == APR_SUCCESS) {
        apr_threadattr_detach_set(attributes, detached);
        brood_os_signals_hold(&before);
        result = brood_apr(apr_thread_create(thread, attributes, function, data, pool));
        brood_os_signals_release(&before);
    }
    return result == APR_SUCCESS ? BROOD_OK
                                 : brood_fail(error, BROOD_ERR_LIMIT, (int)result,
                                              "apr_thread_create", "no thread can be started");
}

brood_status brood_thread_start(apr_thread_start_t function, apr_pool_t *pool, brood_error *error)
{
    apr_thread_t *thread = NULL;

    brood_os_code_keep();
    return start(&thread, function, NULL, true, pool, error);
}

brood_status brood_thread_start_joinable(apr_thread_t **thread, apr_thread_start_t function,
                                         void *data, apr_pool_t *pool, brood_error *error)
{
    return start(thread, function, data, false, pool, error);
}
