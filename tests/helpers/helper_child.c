/* A program of named functions. HELPER_BEFORE says what it does before it calls brood_init. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <brood/brood.h>

#include "support.h"

#define NOISE_LINES 2000

static bool is_asked(const char *what)
{
    const char *before = getenv("HELPER_BEFORE");

    return before != NULL && strcmp(before, what) == 0;
}

/* More than a pipe holds, with what begins a frame of brood. */
static void make_noise(void)
{
    for (int i = 0; i < NOISE_LINES; i++) {
        printf("brod noise on stdout 12345678\n");
        fprintf(stderr, "brod noise on stderr 12345678\n");
    }
    fflush(stdout);
}

/* Another program of brood's, by the C runtime. */
static void run_other(void)
{
    char command[1024];
    const char *quote = support_is_windows() ? "\"" : "";

    snprintf(command, sizeof command, "%s\"%s\"%s", quote, getenv("HELPER_OTHER"), quote);
    if (system(command) != 0) { /* NOLINT: the point is to start it before brood_init */
        exit(9);
    }
}

#if defined(__GNUC__)
__attribute__((constructor)) static void before_main(void)
{
    if (is_asked("noise")) {
        make_noise();
    }
}
#endif

static int answer(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    printf("the function\n");
    return size == sizeof(int) ? *(const int *)arg + 2 : 1;
}

/* Until stdin ends. */
static int echo(brood_task *task, const void *arg, size_t size)
{
    int byte = 0;

    (void)task;
    (void)arg;
    (void)size;
    while ((byte = getchar()) != EOF) {
        putchar(byte);
        fflush(stdout);
    }
    return 0;
}

/* Writes what it was given to its handle. */
static int tell(brood_task *task, const void *arg, size_t size)
{
    return support_write(brood_task_handle(task, 0), arg, size) == (long)size ? 0 : 1;
}

static int idle(brood_task *task, const void *arg, size_t size)
{
    (void)task;
    (void)arg;
    (void)size;
    support_hang();
    return 0;
}

int main(int argc, char **argv)
{
    if (is_asked("noise")) {
        make_noise();
    } else if (is_asked("kill")) {
        support_kill_self();
    } else if (is_asked("hang")) {
        support_hang();
    } else if (is_asked("wait")) { /* until the other end of stdin is closed */
        while (getchar() != EOF) {
        }
    } else if (is_asked("other")) {
        run_other();
    } else if (is_asked("orphan")) { /* stdin ends with the parent */
        while (getchar() != EOF) {
        }
        run_other();
    }
    brood_register("answer", answer);
    brood_register("tell", tell);
    brood_register("echo", echo);
    brood_register("idle", idle);
    brood_init(argc, argv);
    return 9;
}
