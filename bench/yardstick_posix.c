#include "measure.h"

#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

const char *const yardstick_name = "posix_spawn and waitpid";

void yardstick_start_and_wait(const char *program, const char *argument)
{
    char *argv[] = {(char *)(uintptr_t)program, (char *)(uintptr_t)argument, NULL};
    pid_t pid = -1;
    int status = 0;

    if (posix_spawn(&pid, program, NULL, NULL, argv, environ) != 0 ||
        waitpid(pid, &status, 0) != pid || status != 0) {
        bench_fail("posix_spawn failed");
    }
}
