/*
 * The way of a small task through src/pool: which functions a brood_pool_apply_async and a
 * brood_result_get enter, in their order, as addresses. way.cmake makes names of them. The pool has
 * done tasks before, its worker sleeps, and its answer has come before the caller asks for it.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <brood/brood.h>

#include "support.h"

#define STEPS_MAX 4096

static void *steps[STEPS_MAX];
static size_t count;
static bool is_traced;

/* NOLINTBEGIN(bugprone-reserved-identifier): the compiler names them (-finstrument-functions) */
void __cyg_profile_func_enter(void *function, void *caller);
void __cyg_profile_func_exit(void *function, void *caller);

void __cyg_profile_func_enter(void *function, void *caller)
{
    (void)caller;
    if (is_traced && count < STEPS_MAX) {
        steps[count++] = function;
    }
}

void __cyg_profile_func_exit(void *function, void *caller)
{
    (void)function;
    (void)caller;
}

/* NOLINTEND(bugprone-reserved-identifier) */

static int one_more(brood_task *task, const void *arg, size_t size)
{
    int value = *(const int *)arg + 1;

    (void)size;
    return brood_return(task, &value, sizeof value);
}

static void must(bool is_so, const char *what)
{
    if (!is_so) {
        printf("way failed: %s\n", what);
        exit(1);
    }
}

/* Until the loop has nothing to do, so that the answer makes its handle ready. */
static void run_to_the_end(brood_pool *pool, brood_handle handle)
{
    do {
        must(brood_pool_run(pool) == BROOD_OK, "brood_pool_run");
    } while (support_wait_handle(handle, 0));
}

static void go(brood_pool *pool)
{
    int arg = 1;
    const void *value = NULL;
    brood_result *result = NULL;
    brood_handle handle = 0;
    brood_status status = brood_pool_handle(pool, &handle);

    must(status == BROOD_OK, "brood_pool_handle");
    run_to_the_end(pool, handle);
    is_traced = true;
    status = brood_pool_apply_async(pool, &result, one_more, &arg, sizeof arg, NULL);
    is_traced = false;
    must(status == BROOD_OK, "brood_pool_apply_async");
    must(support_wait_handle(handle, 30000), "the answer comes");
    is_traced = true;
    status = brood_result_get(result, &value, NULL, BROOD_FOREVER);
    must(status == BROOD_OK && *(const int *)value == 2, "brood_result_get");
    brood_result_destroy(result);
    is_traced = false;
}

int main(int argc, char **argv)
{
    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;

    must(brood_init(argc, argv) == BROOD_OK, "brood_init");
    options.workers = 1;
    options.event_loop = true;
    options.spin = BROOD_SPIN_NEVER;
    must(brood_pool_create(&pool, &options) == BROOD_OK, "brood_pool_create");
    for (int i = 0; i < 10; i++) {
        int arg = 1;
        int value = 0;

        must(brood_pool_apply(pool, one_more, &arg, sizeof arg, &value, sizeof value, NULL) ==
                 BROOD_OK,
             "brood_pool_apply");
    }
    go(pool);
    for (size_t i = 0; i < count; i++) {
        printf("%p\n", steps[i]);
    }
    brood_pool_destroy(pool);
    return 0;
}
