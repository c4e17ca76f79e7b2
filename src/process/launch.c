#include "process/launch_impl.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "process/environment.h"
#include "process/options.h"
#include "process/self.h"
#include "runtime/time.h"

#define HANDSHAKE_TIMEOUT_MS 30000

static void take_origin(brood_launch *run)
{
    const brood_os_origin *origin = run->origin != NULL ? run->origin->os : NULL;

    run->spawn.origin = origin;
    run->spawn.nice = brood_os_origin_nice(origin, run->options.nice);
    run->spawn.nice_is_wish = origin != NULL && run->options.nice >= 0;
}

brood_status brood_launch_begin(brood_launch *run, brood_process **process,
                                const brood_process_options *given)
{
    brood_status status = brood_options_take(&run->options, given);

    if (process != NULL) {
        *process = NULL;
    }
    run->spawn.handles = run->handles;
    for (size_t i = 0; i < BROOD_LAUNCH_HANDLES_MAX; i++) {
        run->handles[i] = BROOD_HANDLE_NONE;
    }
    for (size_t i = 0; i < 3; i++) {
        run->stdio[i] = BROOD_HANDLE_NONE;
    }
    if (status == BROOD_OK && process == NULL) {
        status = brood_fail_argument(run->options.error, "process", "must not be NULL");
    }
    if (status == BROOD_OK) {
        status = brood_require_ready(run->options.error);
    }
    if (status == BROOD_OK) {
        status = brood_options_check(&run->options);
    }
    if (status != BROOD_OK) {
        return status;
    }
    take_origin(run);
    brood_process_sweep();
    return brood_process_new(&run->process, &run->options);
}

static void finish(brood_launch *run)
{
    for (size_t i = 0; i < run->spawn.handle_count; i++) {
        brood_os_handle_close(run->handles[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        brood_os_handle_close(run->stdio[i]);
    }
    brood_os_segment_close(&run->segment);
    brood_buffer_free(&run->start);
    brood_free((void *)run->environment);
    brood_free(run->file);
}

/* ---- stdio and handles ------------------------------------------------------------------- */

/* Which of the three it was, and the file. */
static void name_stream(brood_error *error, int stream, const char *path)
{
    static const char *const names[] = {"stdin_to", "stdout_to", "stderr_to"};
    brood_error found;

    if (error != NULL) {
        found = *error;
        brood_fail(error, found.status, found.os_code, names[stream], "%s \"%.100s\": %.100s",
                   names[stream], path, found.message);
    }
}

static brood_status open_stream(brood_launch *run, int stream, const brood_stdio *to)
{
    brood_handle *end = &run->stdio[stream];
    brood_error *error = run->options.error;
    brood_status status = BROOD_OK;

    switch (to->mode) {
    case BROOD_STDIO_NULL:
        return brood_os_null_open(end, error);
    case BROOD_STDIO_FILE:
    case BROOD_STDIO_APPEND:
        status = brood_os_file_open(end, to->path, to->mode, stream == BROOD_STDIN, error);
        if (status != BROOD_OK) {
            name_stream(error, stream, to->path);
        }
        return status;
    case BROOD_STDIO_PIPE:
        return brood_os_channel_pipe(&run->process->streams[stream], end, stream != BROOD_STDIN,
                                     error);
    case BROOD_STDIO_INHERIT:
    case BROOD_STDIO_STDOUT:
        break;
    }
    return BROOD_OK;
}

brood_status brood_launch_open_stdio(brood_launch *run)
{
    const brood_stdio *to[] = {&run->options.stdin_to, &run->options.stdout_to,
                               &run->options.stderr_to};
    brood_status status = BROOD_OK;

    for (int i = 0; i < 3 && status == BROOD_OK; i++) {
        status = open_stream(run, i, to[i]);
        run->spawn.stdio[i] = run->stdio[i];
    }
    if (run->options.stderr_to.mode == BROOD_STDIO_STDOUT) {
        run->spawn.stdio[BROOD_STDERR] = BROOD_OS_SAME_AS_STDOUT;
    }
    return status;
}

brood_status brood_launch_copy_handles(brood_launch *run)
{
    for (size_t i = 0; i < run->options.handle_count; i++) {
        brood_status status = brood_os_handle_duplicate(&run->handles[i], run->options.handles[i],
                                                        run->options.error);

        if (status != BROOD_OK) {
            return status;
        }
        run->spawn.handle_count = i + 1;
    }
    return BROOD_OK;
}

/* ---- the file and its environment -------------------------------------------------------- */

brood_status brood_launch_find_file(brood_launch *run, const char *name)
{
    return brood_os_program_find(&run->file, name, brood_environment_get(run->environment, "PATH"),
                                 run->options.error);
}

brood_status brood_launch_environment(brood_launch *run, const char *token)
{
    char *const *inherited = run->origin != NULL ? run->origin->environment : NULL;
    brood_status status = brood_environment_build(&run->environment, inherited, &run->options,
                                                  token, run->options.error);

    run->spawn.environment = (const char *const *)run->environment;
    if (status == BROOD_OK && token != NULL) {
        char *text = brood_environment_get(run->environment, BROOD_TOKEN_VARIABLE);

        run->spawn.pid_text = text + strlen(text) - BROOD_OS_PID_DIGITS;
    }
    return status;
}

/* ---- the start itself -------------------------------------------------------------------- */

static void take_limits(brood_launch *run)
{
    const brood_process_options *options = &run->options;

    run->spawn.working_directory = options->working_directory;
    run->spawn.daemon = options->daemon;
    run->spawn.kill_tree = options->kill_tree;
    run->spawn.ask_by_signal = run->process->is_command;
    run->spawn.cpus = options->cpus;
    run->spawn.cpu_count = options->cpu_count;
    run->spawn.memory_limit_bytes = options->memory_limit_bytes;
    run->spawn.cpu_time_limit_s = options->cpu_time_limit_s;
}

static bool end_for_time(void *process)
{
    return brood_process_end(process, BROOD_BY_TIMEOUT, NULL) == BROOD_OK;
}

brood_status brood_launch_spawn(brood_launch *run)
{
    brood_process *process = run->process;
    uint32_t handshake = run->options.handshake_timeout_ms;
    brood_status status = BROOD_OK;

    take_limits(run);
    status = brood_os_spawn_process(&process->os, &run->spawn, run->options.error);
    if (status != BROOD_OK) {
        return status;
    }
    process->handshake_deadline = brood_deadline(handshake != 0 ? handshake : HANDSHAKE_TIMEOUT_MS);
    process->pid = brood_os_process_pid(process->os);
    return BROOD_OK;
}

brood_status brood_launch_arm(brood_launch *run)
{
    brood_process *process = run->process;
    brood_status status = BROOD_OK;

    if (run->options.timeout_ms == 0) {
        return BROOD_OK;
    }
    status = brood_watchdog_add(&process->timeout, brood_deadline(run->options.timeout_ms),
                                end_for_time, process, run->options.error);
    if (status != BROOD_OK) {
        process->daemon = true; /* so that destroying it ends it */
    }
    return status;
}

brood_status brood_launch_end(brood_launch *run, brood_process **process, brood_status status)
{
    finish(run);
    if (status == BROOD_OK) {
        *process = run->process;
    } else {
        brood_process_destroy(run->process);
    }
    return status;
}
