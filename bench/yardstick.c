#include "yardstick.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <brood/brood.h>

#include "measure.h"

#define PATIENCE_MS 300000

struct bench_yardstick {
    const char *name;
    brood_process *process; /* NULL: it has failed */
};

bench_yardstick *yardstick_open(const char *name, const char *const *argv)
{
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_error error = {BROOD_OK};
    bench_yardstick *yardstick = NULL;

    if (getenv("BROOD_BENCH_ALONE") != NULL) { /* compare.cmake compares brood with brood */
        return NULL;
    }
    if (argv[0][0] == '\0') {
        fprintf(stderr, "benchmark: the yardstick is missing here: %s\n", name);
        return NULL;
    }
    yardstick = calloc(1, sizeof *yardstick);
    if (yardstick == NULL) {
        bench_fail("out of memory");
    }
    options.stdin_to.mode = BROOD_STDIO_PIPE;
    options.stdout_to.mode = BROOD_STDIO_PIPE;
    options.error = &error;
    yardstick->name = name;
    if (brood_command_start(&yardstick->process, argv, &options) != BROOD_OK) {
        fprintf(stderr, "benchmark: the yardstick does not start: %s: %s\n", name, error.message);
    }
    return yardstick;
}

static brood_status read_line(brood_process *process, char *line, size_t size)
{
    size_t length = 0;

    do {
        size_t got = 0;
        brood_status status = brood_process_read(process, BROOD_STDOUT, line + length,
                                                 size - 1 - length, &got, PATIENCE_MS);
        if (status != BROOD_OK) {
            return status;
        }
        length += got;
        line[length] = '\0';
    } while (strchr(line, '\n') == NULL && length < size - 1);
    return BROOD_OK;
}

double yardstick_run(bench_yardstick *yardstick, const char *what, int count)
{
    char line[64];
    int length = snprintf(line, sizeof line, "%s %d\n", what, count);
    brood_status status = BROOD_OK;

    if (yardstick == NULL || yardstick->process == NULL) {
        return BENCH_NONE;
    }
    status = brood_process_write(yardstick->process, line, (size_t)length, NULL, PATIENCE_MS);
    if (status == BROOD_OK) {
        status = read_line(yardstick->process, line, sizeof line);
    }
    if (status != BROOD_OK) {
        fprintf(stderr, "benchmark: the yardstick fails: %s: %s\n", yardstick->name,
                brood_status_text(status));
        brood_process_kill(yardstick->process);
        brood_process_join(yardstick->process, BROOD_FOREVER);
        yardstick->process = brood_process_destroy(yardstick->process);
        return BENCH_NONE;
    }
    return strtod(line, NULL);
}

void yardstick_close(bench_yardstick *yardstick)
{
    if (yardstick == NULL) {
        return;
    }
    if (yardstick->process != NULL) {
        brood_process_close_stdin(yardstick->process);
        brood_process_join(yardstick->process, BROOD_FOREVER);
        brood_process_destroy(yardstick->process);
    }
    free(yardstick);
}
