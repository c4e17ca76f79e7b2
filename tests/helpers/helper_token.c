/*
 * `helper_token TOKEN`: has a start token that no parent gave, which must be refused, and then be
 * forgotten. Exits with the status of brood_init, or 90 and more when something else went wrong.
 */
#include <stdlib.h>

#include <brood/brood.h>

#include "support.h"

#define JOIN_MS 20000

static int answer(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)size;
    return *(const int *)arg + 2;
}

static int start(void)
{
    brood_process *process = NULL;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    int number = 40;

    if (brood_process_start(&process, answer, &number, sizeof number, NULL) != BROOD_OK) {
        return 92;
    }
    brood_process_join(process, JOIN_MS);
    brood_process_exit_info(process, &info);
    brood_process_destroy(process);
    return info.reason == BROOD_EXIT_CODE && info.code == 42 ? 0 : 93;
}

int main(int argc, char **argv)
{
    brood_status status = BROOD_OK;
    int code = 0;

    if (argc > 1) { /* not in the child that start() makes */
        support_set_environment("BROOD_CHILD", argv[1]);
        status = brood_init(argc, argv);
    }
    if (getenv("BROOD_CHILD") != NULL && argc > 1) {
        return 90;
    }
    if (brood_init(argc, argv) != BROOD_OK) {
        return 91;
    }
    code = start();
    return code == 0 ? (int)status : code;
}
