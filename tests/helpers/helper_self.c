/*
 * Renames files, then starts a child of itself, which starts one too; the exit code tells how that
 * went. `helper_self [FROM TO]...`; an empty TO removes FROM. `helper_self again`: many children,
 * one after the other, each of which works or is of another build.
 */
#include <stdio.h>
#include <stdlib.h>

#include <brood/brood.h>

#ifndef BUILD
#define BUILD 1 /* so that two builds differ */
#endif
#define JOIN_MS 20000
#define MANY 200
#define CODE_FAILED 98
#define CODE_STATUS 100 /* and the status behind it */

static int answer(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)size;
    return *(const int *)arg + BUILD;
}

static int code_of(brood_process *process)
{
    brood_exit_info info = BROOD_EXIT_INFO_INIT;

    if (brood_process_join(process, JOIN_MS) != BROOD_OK ||
        brood_process_exit_info(process, &info) != BROOD_OK) {
        return CODE_FAILED;
    }
    if (info.reason == BROOD_EXIT_START) {
        fprintf(stderr, "%s\n", info.error.message);
        return CODE_STATUS + (int)info.error.status;
    }
    return info.reason == BROOD_EXIT_CODE ? (int)info.code : CODE_FAILED;
}

static int run(brood_function *function, int number)
{
    brood_process *process = NULL;
    brood_status status = brood_process_start(&process, function, &number, sizeof number, NULL);
    int code = status == BROOD_OK ? code_of(process) : CODE_STATUS + (int)status;

    brood_process_destroy(process);
    return code;
}

static int ask(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)size;
    return run(answer, *(const int *)arg);
}

static int move(const char *from, const char *to)
{
    int result = to[0] == '\0' ? remove(from) : rename(from, to);

    if (result != 0) {
        perror(from);
    }
    return result;
}

static int run_many(void)
{
    int code = 0;

    for (int i = 0; i < MANY; i++) {
        code = run(answer, 40);
        if (code != 40 + BUILD && code != CODE_STATUS + BROOD_ERR_OTHER_BUILD) {
            return code;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    int code = 0;

    if (brood_init(argc, argv) != BROOD_OK) {
        return CODE_FAILED;
    }
    if (argc == 2) {
        return run_many();
    }
    for (int i = 1; i + 1 < argc; i += 2) {
        if (move(argv[i], argv[i + 1]) != 0) {
            return CODE_FAILED;
        }
    }
    code = run(ask, 40);
    return code == 40 + BUILD ? 0 : code;
}
