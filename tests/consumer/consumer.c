/* A program of somebody else: it knows brood by its installed headers and library only. Compiled
 * as C and, by consumer.cpp, as C++. */
#include <brood/brood.h>

#include <stdio.h>

static int twice(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    return size == sizeof(int) ? 2 * *(const int *)arg : 1;
}

int main(int argc, char **argv)
{
    brood_init(argc, argv);

    brood_process *process = NULL;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    int number = 21;

    brood_status status = brood_process_start(&process, twice, &number, sizeof number, NULL);
    if (status == BROOD_OK) {
        status = brood_process_join(process, 30000);
    }
    if (status == BROOD_OK) {
        status = brood_process_exit_info(process, &info);
    }
    brood_process_destroy(process);
    printf("brood %s: %s, twice 21 is %d\n", brood_version(), brood_status_text(status),
           (int)info.code);
    return status == BROOD_OK && info.code == 42 ? 0 : 1;
}
