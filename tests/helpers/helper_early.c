/* B10: tries to start a process in a constructor, then before brood_init, then after it. */
#include <stdlib.h>

#include <brood/brood.h>

#define JOIN_MS 20000

static brood_status in_constructor = BROOD_ERR_NOT_INITIALIZED;
static brood_status in_main;

static int answer(brood_task *task, const void *arg, size_t size);

static brood_status start(int *code)
{
    brood_process *process = NULL;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_status status = brood_process_start(&process, answer, NULL, 0, NULL);

    if (status == BROOD_OK) {
        status = brood_process_join(process, JOIN_MS);
        brood_process_exit_info(process, &info);
        *code = info.reason == BROOD_EXIT_CODE ? (int)info.code : -1;
    }
    brood_process_destroy(process);
    return status;
}

#if defined(__GNUC__)
__attribute__((constructor)) static void before_main(void)
{
    int code = 0;

    in_constructor = start(&code);
}
#endif

static int is_refused(void)
{
    return in_constructor == BROOD_ERR_NOT_INITIALIZED && in_main == BROOD_ERR_NOT_INITIALIZED;
}

/* In the child, too, everything before brood_init has run. */
static int answer(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    return is_refused() ? 42 : 1;
}

int main(int argc, char **argv)
{
    int code = 0;

    in_main = start(&code);
    if (!is_refused()) {
        return 1;
    }
    if (brood_init(argc, argv) != BROOD_OK || start(&code) != BROOD_OK) {
        return 2;
    }
    return code == 42 ? 0 : 3;
}
