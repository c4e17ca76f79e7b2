#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "process/environment.h"
#include "process/function.h"
#include "process/guard.h"
#include "process/options.h"
#include "process/process_impl.h"
#include "process/self.h"
#include "runtime/time.h"

#define HANDSHAKE_TIMEOUT_MS 30000
/* The channel and the segment go to the child beside the caller's handles. */
#define HANDLES_MAX (BROOD_HANDLES_MAX + 2)

/* What a start holds until the child has it; finish() gives it back on every path. */
typedef struct launch {
    brood_process_options options;
    brood_nesting nesting;      /* that the child gets */
    const brood_origin *origin; /* or NULL */
    brood_process *process;
    brood_os_spawn spawn;
    brood_handle handles[HANDLES_MAX]; /* all ours: copies of the caller's, then our own */
    brood_handle stdio[3];             /* ours, or BROOD_HANDLE_NONE */
    brood_os_segment segment;
    brood_buffer start; /* the START body without its argument */
    char token[BROOD_TOKEN_SIZE];
    char **environment;
    char *file;
    const char *argv[2]; /* of a child of ours */
} launch;

static void take_origin(launch *run)
{
    const brood_os_origin *origin = run->origin != NULL ? run->origin->os : NULL;

    run->spawn.origin = origin;
    run->spawn.nice = brood_os_origin_nice(origin, run->options.nice);
    run->spawn.nice_is_wish = origin != NULL && run->options.nice >= 0;
}

static brood_status begin(launch *run, brood_process **process, const brood_process_options *given)
{
    brood_status status = brood_options_take(&run->options, given);

    if (process != NULL) {
        *process = NULL;
    }
    run->spawn.handles = run->handles;
    for (size_t i = 0; i < HANDLES_MAX; i++) {
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

static void finish(launch *run)
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

static brood_status open_stream(launch *run, int stream, const brood_stdio *to)
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

static brood_status open_stdio(launch *run)
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

static brood_status copy_handles(launch *run)
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

/* ---- what the child is to run ------------------------------------------------------------ */

static brood_status encode_start(launch *run, brood_function *function, size_t arg_size)
{
    const brood_process_options *options = &run->options;
    brood_start start = {.daemon = options->daemon,
                         .kill_tree = options->kill_tree,
                         .parent_pid = brood_os_self_pid(),
                         .memory_limit_bytes = options->memory_limit_bytes,
                         .nesting = run->nesting,
                         .name = run->process->name,
                         .handle_count = options->handle_count,
                         .arg_size = arg_size};
    brood_status status = brood_function_locate(&start.function, (brood_os_function *)function,
                                                options->function_name, options->executable != NULL,
                                                "function", options->error);

    run->spawn.limits_itself = brood_os_child_may_limit(run->spawn.nice, options->cpu_time_limit_s);
    if (run->spawn.limits_itself) {
        start.nice = run->spawn.nice;
        start.cpu_time_limit_s = options->cpu_time_limit_s;
    }
    for (size_t i = 0; i < options->handle_count; i++) {
        start.handles[i] = brood_os_handle_in_child(run->handles, i);
    }
    if (status == BROOD_OK) {
        brood_start_encode(&run->start, &start);
        status = run->start.failed ? brood_fail_memory(options->error, "start frame") : BROOD_OK;
    }
    brood_function_forget(&start.function);
    return status;
}

/* It goes ahead through the channel, so that the child finds it there at once. */
static brood_status send_frame(launch *run, brood_frame_type type, const void *body, size_t size)
{
    brood_buffer frame = BROOD_BUFFER_INIT;
    brood_status status = BROOD_OK;
    size_t put = 0;

    brood_frame_put(&frame, type, body, size);
    if (frame.failed) {
        status = brood_fail_memory(run->options.error, "start frame");
    } else {
        status = brood_os_channel_write(run->process->control, frame.data, frame.size, &put,
                                        run->options.error);
        if (status == BROOD_OK && put < frame.size) {
            status = brood_fail(run->options.error, BROOD_ERR_LIMIT, 0, "start frame",
                                "the channel has no room for the start frame");
        }
    }
    brood_buffer_free(&frame);
    return status;
}

static brood_status send_in_channel(launch *run, const void *arg, size_t size)
{
    brood_buffer_append(&run->start, arg, size);
    return run->start.failed ? brood_fail_memory(run->options.error, "start frame")
                             : send_frame(run, BROOD_FRAME_START, run->start.data, run->start.size);
}

static brood_status send_in_segment(launch *run, const void *arg, size_t size)
{
    size_t head = run->start.size;
    brood_segment_body body = {BROOD_HANDLE_NONE, head + size};
    brood_status status = BROOD_OK;

    status = brood_os_segment_create(&run->segment, head + size, false, run->options.error);
    if (status == BROOD_OK) {
        status = brood_os_handle_duplicate(&run->handles[run->spawn.handle_count],
                                           run->segment.handle, run->options.error);
    }
    if (status != BROOD_OK) {
        return status;
    }
    run->spawn.handle_count++;
    memcpy(run->segment.base, run->start.data, head);
    if (size > 0) {
        memcpy((char *)run->segment.base + head, arg, size);
    }
    body.handle = brood_os_handle_in_child(run->handles, run->spawn.handle_count - 1);
    return send_frame(run, BROOD_FRAME_SEGMENT, &body, sizeof body);
}

static brood_status prepare_function(launch *run, brood_function *function, const void *arg,
                                     size_t size)
{
    brood_token token = {BROOD_HANDLE_NONE, brood_os_self_pid(), 0};
    size_t at = run->spawn.handle_count;
    brood_status status =
        brood_os_channel_pair(&run->process->control, &run->handles[at], run->options.error);

    if (status != BROOD_OK) {
        return status;
    }
    run->spawn.handle_count++;
    token.channel = brood_os_handle_in_child(run->handles, at);
    status = encode_start(run, function, size);
    if (status == BROOD_OK &&
        sizeof(brood_frame_head) + run->start.size + size <= BROOD_START_MAX) {
        status = send_in_channel(run, arg, size);
    } else if (status == BROOD_OK) {
        status = send_in_segment(run, arg, size);
    }
    brood_token_format(run->token, &token);
    return status;
}

/* ---- the start itself -------------------------------------------------------------------- */

static void take_limits(launch *run)
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

static brood_status spawn(launch *run)
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

static brood_status spawn_with(launch *run, brood_guard *guard)
{
    brood_status status = BROOD_OK;

    run->spawn.guard = brood_guard_channel(guard);
    status = spawn(run);
    if (run->process->os != NULL) {
        brood_process_keep(run->process, guard, run->options.kill_tree);
    }
    return status;
}

/* A guard can be killed by somebody, so once more when it has just ended. */
static brood_status spawn_guarded(launch *run)
{
    brood_status status = BROOD_ERR_CLOSED;

    for (int i = 0; i < 2 && status == BROOD_ERR_CLOSED; i++) {
        brood_guard *guard = NULL;

        status = brood_guard_take(&guard, run->options.error);
        if (status == BROOD_OK) {
            status = spawn_with(run, guard);
        }
        brood_guard_drop(guard);
    }
    return status;
}

static brood_status find_file(launch *run, const char *name)
{
    return brood_os_program_find(&run->file, name, brood_environment_get(run->environment, "PATH"),
                                 run->options.error);
}

static brood_status build_environment(launch *run, const char *token)
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

static brood_status start_function(launch *run, brood_function *function, const void *arg,
                                   size_t size)
{
    brood_status status = BROOD_OK;

    if (arg == NULL && size > 0) {
        return brood_fail_argument(run->options.error, "arg", "must not be NULL with a size");
    }
    if (size > SIZE_MAX / 2) {
        return brood_fail_argument(run->options.error, "size", "is larger than any memory");
    }
    status = copy_handles(run);
    if (status == BROOD_OK) {
        status = prepare_function(run, function, arg, size);
    }
    if (status == BROOD_OK) {
        status = open_stdio(run);
    }
    if (status == BROOD_OK) {
        status = build_environment(run, run->token);
    }
    run->spawn.no_more_rights = true;
    if (status == BROOD_OK && run->options.executable != NULL) {
        status = find_file(run, run->options.executable);
    }
    run->spawn.file = run->file != NULL ? run->file : brood_child_executable();
    run->argv[0] = run->spawn.file;
    run->spawn.argv = run->argv;
    if (run->file == NULL && !brood_is_hosted() && brood_os_self_arguments() != NULL) {
        run->spawn.argv = brood_os_self_arguments();
    }
    return status == BROOD_OK ? spawn(run) : status;
}

/* What a command is, before anything is opened for it. */
static brood_status find_command(launch *run, const char *const *argv)
{
    const char *name = run->options.executable;
    brood_status status = BROOD_OK;

    if (argv == NULL || argv[0] == NULL || argv[0][0] == '\0') {
        return brood_fail_argument(run->options.error, "argv", "must have a program's name");
    }
    if (run->options.function_name != NULL || run->options.handshake_timeout_ms != 0) {
        return brood_fail_argument(run->options.error, "function_name",
                                   "and handshake_timeout_ms are not for a command");
    }
    run->process->is_command = true;
    status = build_environment(run, NULL);
    return status == BROOD_OK ? find_file(run, name != NULL ? name : argv[0]) : status;
}

static brood_status start_command(launch *run, const char *const *argv)
{
    brood_status status = find_command(run, argv);

    if (status != BROOD_OK) {
        return status;
    }
    status = copy_handles(run);
    if (status == BROOD_OK) {
        status = open_stdio(run);
    }
    run->spawn.file = run->file;
    run->spawn.argv = argv;
    if (status != BROOD_OK) {
        return status;
    }
    return run->options.daemon && brood_os_command_needs_guard() ? spawn_guarded(run) : spawn(run);
}

/* The end of both kinds of start: gives the process to the caller, or nothing. */
static brood_status hand_over(launch *run, brood_process **process, brood_status status)
{
    finish(run);
    if (status == BROOD_OK) {
        *process = run->process;
    } else {
        brood_process_destroy(run->process);
    }
    return status;
}

brood_status brood_process_start_nested(brood_process **process, brood_function *function,
                                        const void *arg, size_t size,
                                        const brood_process_options *options,
                                        const brood_nesting *nesting, const brood_origin *origin)
{
    launch run = {.nesting = *nesting, .origin = origin};
    int held = brood_os_cancel_hold();
    brood_status status = begin(&run, process, options);

    if (status == BROOD_OK) {
        status = start_function(&run, function, arg, size);
    }
    status = hand_over(&run, process, status);
    brood_os_cancel_release(held);
    return status;
}

brood_status brood_process_start(brood_process **process, brood_function *function, const void *arg,
                                 size_t size, const brood_process_options *options)
{
    const brood_nesting here = brood_nesting_here();

    return brood_process_start_nested(process, function, arg, size, options, &here, NULL);
}

brood_status brood_command_start(brood_process **process, const char *const *argv,
                                 const brood_process_options *options)
{
    launch run = {.nesting = brood_nesting_here()};
    int held = brood_os_cancel_hold();
    brood_status status = begin(&run, process, options);

    if (status == BROOD_OK) {
        status = start_command(&run, argv);
    }
    status = hand_over(&run, process, status);
    brood_os_cancel_release(held);
    return status;
}

brood_status brood_process_start_guard(brood_process **guard, brood_error *error)
{
    launch run = {.nesting = brood_nesting_here(), .spawn.is_guard = true};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_status status = BROOD_OK;

    options.error = error;
    options.name = "brood-guard";
    options.function_name = BROOD_GUARD_NAME;
    options.working_directory = "/"; /* it keeps nothing from being unmounted */
    options.stdin_to.mode = options.stdout_to.mode = options.stderr_to.mode = BROOD_STDIO_NULL;
    status = begin(&run, guard, &options);
    if (status == BROOD_OK) {
        status = start_function(&run, NULL, NULL, 0);
    }
    if (status == BROOD_OK) {
        status = brood_process_await_guard(run.process, error);
    }
    return hand_over(&run, guard, status);
}
