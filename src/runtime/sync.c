#include "runtime/sync.h"

#include "base/error.h"
#include "base/memory.h"

#define STACK_STEP ((size_t)64 * 1024)              /* a multiple of each system's page */
#define STACK_LEAST ((size_t)256 * 1024)            /* some systems refuse less than 128 KiB */
#define DEFAULT_STACK_MAX ((size_t)8 * 1024 * 1024) /* what Linux gives by default */

brood_status brood_mutex_create(brood_mutex *mutex, apr_pool_t *pool)
{
    apr_thread_mutex_t *made = NULL;
    bool fails =
        brood_apr(apr_thread_mutex_create(&made, APR_THREAD_MUTEX_DEFAULT, pool)) != APR_SUCCESS;

    mutex->apr = fails ? NULL : made;
    return fails ? BROOD_ERR_NO_MEMORY : BROOD_OK;
}

brood_status brood_condition_create(brood_condition *condition, apr_pool_t *pool)
{
    apr_thread_cond_t *made = NULL;
    bool fails = brood_apr(apr_thread_cond_create(&made, pool)) != APR_SUCCESS;

    condition->apr = fails ? NULL : made;
    return fails ? BROOD_ERR_NO_MEMORY : BROOD_OK;
}

static void *APR_THREAD_FUNC run_apr_thread(apr_thread_t *ignored, void *data)
{
    const brood_thread *thread = data;

    (void)ignored;
    brood_os_signals_admit_faults();
    thread->function(thread->data);
    return NULL; /* apr_thread_exit would load a library to unwind the stack */
}

/*
 * A thread that the system has refused leaves an apr_thread_t behind, which nobody may join: it has
 * a pool of its own, which goes then.
 */
static brood_status start(brood_thread *thread, bool detached, size_t stack, apr_pool_t *parent,
                          brood_error *error)
{
    apr_pool_t *pool = NULL;
    apr_threadattr_t *attributes = NULL;
    brood_os_signals before;
    apr_status_t result = brood_apr(apr_pool_create(&pool, parent));

    if (result == APR_SUCCESS) {
        result = brood_apr(apr_threadattr_create(&attributes, pool));
    }
    /*
     * The stack is as large as usual: thread-local variables of the program come out of it. But
     * `ulimit -s` of gigabytes would count against a memory limit, and all the more for each thread.
     */
    if (stack == 0 && brood_os_default_stack() > DEFAULT_STACK_MAX) {
        stack = DEFAULT_STACK_MAX;
    }
    stack = stack > 0 && stack < STACK_LEAST ? STACK_LEAST : stack;
    if (result == APR_SUCCESS && stack > 0) {
        result = apr_threadattr_stacksize_set(attributes,
                                              (stack + STACK_STEP - 1) / STACK_STEP * STACK_STEP);
    }
    if (result == APR_SUCCESS) {
        apr_threadattr_detach_set(attributes, detached);
        brood_os_signals_hold(&before);
        result =
            brood_apr(apr_thread_create(&thread->apr, attributes, run_apr_thread, thread, pool));
        brood_os_signals_release(&before);
    }
    if (result != APR_SUCCESS) {
        thread->apr = NULL;
        if (pool != NULL) {
            apr_pool_destroy(pool);
        }
        return brood_fail(error, BROOD_ERR_LIMIT, (int)result, "apr_thread_create",
                          "no thread can be started");
    }
    return BROOD_OK;
}

brood_status brood_thread_start(brood_thread *thread, brood_thread_function *function, void *data,
                                apr_pool_t *pool, brood_error *error)
{
    thread->function = function;
    thread->data = data;
    return start(thread, false, 0, pool, error);
}

brood_status brood_thread_start_with(brood_thread *thread, brood_thread_function *function,
                                     void *data, size_t stack, apr_pool_t *pool, brood_error *error)
{
    thread->function = function;
    thread->data = data;
    return start(thread, false, stack, pool, error);
}

brood_status brood_thread_start_detached(brood_thread *thread, brood_thread_function *function,
                                         void *data, apr_pool_t *pool, brood_error *error)
{
    thread->function = function;
    thread->data = data;
    brood_os_code_keep();
    return start(thread, true, 0, pool, error);
}

void brood_thread_join(brood_thread *thread)
{
    apr_status_t ignored = APR_SUCCESS;

    if (thread->apr != NULL) {
        apr_thread_join(&ignored, thread->apr);
        thread->apr = NULL;
    }
}

#if defined(_MSC_VER) && !defined(__clang__)
static __declspec(thread) const void *own_of_thread;
#else
static _Thread_local const void *own_of_thread;
#endif

const void *brood_thread_own(void)
{
    return own_of_thread;
}

void brood_thread_set_own(const void *own)
{
    own_of_thread = own;
}
