#include "guard.h"

#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "error.h"
#include "memory.h"
#include "protocol.h"

void brood_guard_encode(brood_buffer *buffer, const char *file, const char *const *argv)
{
    brood_buffer_append(buffer, file, strlen(file) + 1);
    for (; *argv != NULL; argv++) {
        brood_buffer_append(buffer, *argv, strlen(*argv) + 1);
    }
}

/* The strings behind each other at text as a list; the caller frees it. */
static const char **split(const char *text, size_t size)
{
    size_t count = 0;
    const char **list = NULL;

    for (size_t i = 0; i < size; i++) {
        count += text[i] == '\0';
    }
    list = brood_calloc(count + 1, sizeof *list);
    for (size_t i = 0; list != NULL && i < count; i++) {
        list[i] = text;
        text += strlen(text) + 1;
    }
    return list;
}

static brood_status start(brood_os_process **process, const brood_task *task, const char **list,
                          brood_error *error)
{
    brood_handle handles[BROOD_HANDLES_MAX];
    brood_os_spawn spawn = {.file = list[0],
                            .argv = list + 1,
                            .ends_with_thread = true,
                            .stdio = {BROOD_HANDLE_NONE, BROOD_HANDLE_NONE, BROOD_HANDLE_NONE},
                            .handles = handles,
                            .handle_count = brood_task_handle_count(task)};
    char **environment = NULL;
    brood_status status = brood_os_environment_copy(&environment, error);

    if (status != BROOD_OK) {
        return status;
    }
    for (size_t i = 0; i < spawn.handle_count; i++) {
        handles[i] = brood_task_handle(task, i);
    }
    spawn.environment = (const char *const *)environment;
    status = brood_os_spawn_process(process, &spawn, error);
    brood_os_environment_free(environment);
    return status;
}

/* The command has them now; the ends that the parent reads and writes must end with it alone. */
static void let_go_of_handles(const brood_task *task)
{
    for (brood_handle i = 0; i < 3; i++) {
        brood_os_handle_close(i);
    }
    for (size_t i = 0; i < brood_task_handle_count(task); i++) {
        brood_os_handle_close(brood_task_handle(task, i));
    }
}

static int wait_for_end(brood_os_process *process)
{
    brood_os_exit result = {0};

    brood_status status = brood_os_process_reap(process, &result, NULL);

    while (status == BROOD_ERR_TIMEOUT) {
        brood_os_wait_item item = {process, NULL, false, false};

        status = brood_os_wait(&item, 1, BROOD_OS_NO_DEADLINE, NULL);
        if (status == BROOD_OK) {
            status = brood_os_process_reap(process, &result, NULL);
        }
    }
    if (status != BROOD_OK) { /* better no command than one whose end nobody sees */
        brood_os_child_end(1, true);
    }
    brood_os_process_free(process);
    if (result.reason == BROOD_EXIT_SIGNAL) {
        brood_os_child_die((int)result.code);
    }
    return (int)result.code;
}

int brood_guard_run(brood_task *task, const void *arg, size_t size)
{
    brood_error error = {BROOD_OK, 0, "", ""};
    brood_os_signals ignored;
    brood_os_process *process = NULL;
    const char **list = split(arg, size);
    brood_status status = BROOD_OK;

    /* They are for the command, which gets its own, or with the group. */
    brood_os_signals_hold(&ignored);
    status =
        list == NULL ? brood_fail_memory(&error, "guard") : start(&process, task, list, &error);
    free((void *)list);
    if (status != BROOD_OK) {
        brood_child_refuse(&error);
    }
    if (brood_child_say_started(brood_os_process_pid(process)) != BROOD_OK) {
        brood_os_child_end(1, true); /* the parent has gone, or would wait for the word in vain */
    }
    let_go_of_handles(task);
    return wait_for_end(process);
}
