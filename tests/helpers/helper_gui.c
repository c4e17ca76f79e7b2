/* B9: a Windows program without a console: it has WinMain, and no argc and argv. */
#include <windows.h>

#include <brood/brood.h>

#define JOIN_MS 20000

static int answer(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)size;
    return *(const int *)arg + 2;
}

int WINAPI WinMain(HINSTANCE self, HINSTANCE before, LPSTR line, int show)
{
    brood_process *process = NULL;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    int number = 40;

    (void)self;
    (void)before;
    (void)line;
    (void)show;
    if (brood_init(0, NULL) != BROOD_OK ||
        brood_process_start(&process, answer, &number, sizeof number, NULL) != BROOD_OK ||
        brood_process_join(process, JOIN_MS) != BROOD_OK) {
        return 1;
    }
    brood_process_exit_info(process, &info);
    brood_process_destroy(process);
    return info.reason == BROOD_EXIT_CODE && info.code == 42 ? 0 : 2;
}
