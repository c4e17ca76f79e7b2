/* A program that never calls brood_init, and tries to start a process all the same. */
#include <stdlib.h>
#include <string.h>

#include <brood/brood.h>

static int nothing(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return 0;
}

/* `helper_no_init token` tells whether there is a start token in its environment. */
int main(int argc, char **argv)
{
    brood_process *process = NULL;

    if (argc == 2 && strcmp(argv[1], "token") == 0) {
        return getenv("BROOD_CHILD") == NULL ? 0 : 1;
    }
    return (int)brood_process_start(&process, nothing, NULL, 0, NULL);
}
