/* A function in a process of its own: start it, let it work, join it. */
#include <stdio.h>

#include <brood/brood.h>

#ifdef _WIN32
#include <process.h>
#else
#include <unistd.h>
#endif

/* Runs in the child, which gets a copy of the argument. */
static int count_primes(brood_task *task, const void *arg, size_t size)
{
    int limit = *(const int *)arg;
    int primes = 0;

    (void)size;
    printf("child %d: this is %s, and I count the primes below %d\n", (int)getpid(),
           brood_task_name(task), limit);
    for (int n = 2; n < limit; n++) {
        int divisor = 2;

        while (divisor * divisor <= n && n % divisor != 0) {
            divisor++;
        }
        primes += divisor * divisor > n;
    }
    printf("child %d: there are %d\n", (int)getpid(), primes);
    return 0;
}

int main(int argc, char **argv)
{
    brood_init(argc, argv); /* first line: in the child it runs count_primes and never returns */

    brood_error error = {BROOD_OK};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_exit_info info = BROOD_EXIT_INFO_INIT;
    brood_process *process = NULL;
    char text[200];
    int limit = 200000;

    options.name = "the counter";
    options.error = &error;
    printf("parent %d: I start a child\n", (int)getpid());
    fflush(stdout);
    if (brood_process_start(&process, count_primes, &limit, sizeof limit, &options) != BROOD_OK) {
        fprintf(stderr, "parent: %s\n", error.message);
        return 1;
    }
    brood_process_join(process, BROOD_FOREVER);
    brood_process_exit_info(process, &info);
    brood_exit_text(&info, text, sizeof text);
    printf("parent %d: child %lld %s, and I go on\n", (int)getpid(),
           (long long)brood_process_pid(process), text);
    brood_process_destroy(process);
    return info.reason == BROOD_EXIT_CODE && info.code == 0 ? 0 : 1;
}
