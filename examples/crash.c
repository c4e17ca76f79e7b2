/* A hundred tasks, and one of them takes its process down: the others do not notice. */
#include <stdio.h>
#include <stdlib.h>

#include <brood/brood.h>

enum {
    TASKS = 100,
    UNLUCKY = 37
};

static int half(brood_task *task, const void *arg, size_t size)
{
    double number = *(const double *)arg;
    int *volatile nowhere = (int *)16; /* where no program has anything */

    (void)size;
    if (brood_task_index(task) == UNLUCKY) {
        *nowhere = 1;
    }
    number /= 2;
    return brood_return(task, &number, sizeof number);
}

/* Says of every task that has no result what became of it; returns how many have the right one. */
static int check(brood_result *result, const double *numbers)
{
    brood_failure failure = BROOD_FAILURE_INIT;
    const void *data = NULL;
    char how[200];
    int right = 0;

    for (uint64_t i = 0; i < TASKS; i++) {
        if (brood_result_item(result, i, &data, NULL, &failure, BROOD_FOREVER) == BROOD_OK) {
            right += *(const double *)data * 2 == numbers[i];
        } else {
            brood_exit_text(&failure.exit, how, sizeof how);
            printf("task %d: %s: process %lld %s\n", (int)failure.index,
                   brood_status_text(failure.status), (long long)failure.pid, how);
        }
    }
    return right;
}

int main(int argc, char **argv)
{
    brood_init(argc, argv);

    brood_pool *pool = NULL;
    brood_result *result = NULL;
    double numbers[TASKS];
    double halves[TASKS];
    int right = 0;

    for (int i = 0; i < TASKS; i++) {
        numbers[i] = 1.5 * i;
    }
    if (brood_pool_create(&pool, NULL) != BROOD_OK ||
        brood_pool_map_async(pool, &result, half, numbers, TASKS, sizeof numbers[0], halves,
                             sizeof halves[0], NULL) != BROOD_OK) {
        fprintf(stderr, "there is no pool, or it takes no tasks\n");
        brood_pool_destroy(pool);
        return 1;
    }
    right = check(result, numbers);
    printf("%d of %d tasks have their results\n", right, TASKS);
    brood_result_destroy(result);
    brood_pool_destroy(pool);
    return right == TASKS - 1 ? 0 : 1;
}
