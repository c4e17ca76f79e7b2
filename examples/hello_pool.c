/* Processes that wait for tasks: a map over numbers, and a task whose result is asked for later. */
#include <stdio.h>

#include <brood/brood.h>

/* Runs in a worker, once for each item of the map. */
static int square(brood_task *task, const void *arg, size_t size)
{
    int number = *(const int *)arg;
    int result = number * number;

    (void)size;
    return brood_return(task, &result, sizeof result);
}

static int greet(brood_task *task, const void *arg, size_t size)
{
    char text[100];
    int length = snprintf(text, sizeof text, "hello, %.*s, from %s", (int)size, (const char *)arg,
                          brood_task_name(task));

    return brood_return(task, text, (size_t)length);
}

static brood_status use(brood_pool *pool)
{
    const int numbers[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    int squares[10];
    brood_result *greeting = NULL;
    const void *text = NULL;
    size_t length = 0;
    brood_status status = brood_pool_apply_async(pool, &greeting, greet, "world", 5, NULL);

    if (status == BROOD_OK) { /* the greeting is on its way; now the numbers, and wait for them */
        status = brood_pool_map(pool, square, numbers, 10, sizeof(int), squares, sizeof(int), NULL);
    }
    for (int i = 0; i < 10 && status == BROOD_OK; i++) {
        printf("%d squared is %d\n", numbers[i], squares[i]);
    }
    if (status == BROOD_OK) {
        status = brood_result_get(greeting, &text, &length, BROOD_FOREVER);
    }
    if (status == BROOD_OK) {
        printf("%.*s\n", (int)length, (const char *)text);
    }
    brood_result_destroy(greeting);
    return status;
}

int main(int argc, char **argv)
{
    brood_init(argc, argv); /* first line: in a worker it runs tasks and never returns */

    brood_pool_options options = BROOD_POOL_OPTIONS_INIT;
    brood_pool *pool = NULL;
    brood_status status = BROOD_OK;

    options.name = "worker";
    status = brood_pool_create(&pool, &options);
    if (status == BROOD_OK) {
        status = use(pool);
    }
    brood_pool_destroy(pool);
    if (status != BROOD_OK) {
        fprintf(stderr, "hello_pool: %s\n", brood_status_text(status));
    }
    return status == BROOD_OK ? 0 : 1;
}
