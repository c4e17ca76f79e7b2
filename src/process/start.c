/* The start of a function in a child. */
#include <string.h>

#include "base/error.h"
#include "process/environment.h"
#include "process/function.h"
#include "process/launch_impl.h"
#include "process/self.h"

/* ---- what the child is to run ------------------------------------------------------------ */

static brood_status encode_start(brood_launch *run, brood_function *function, size_t arg_size)
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
static brood_status send_frame(brood_launch *run, brood_frame_type type, const void *body,
                               size_t size)
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

static brood_status send_in_channel(brood_launch *run, const void *arg, size_t size)
{
    brood_buffer_append(&run->start, arg, size);
    return run->start.failed ? brood_fail_memory(run->options.error, "start frame")
                             : send_frame(run, BROOD_FRAME_START, run->start.data, run->start.size);
}

static brood_status send_in_segment(brood_launch *run, const void *arg, size_t size)
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

static brood_status prepare_function(brood_launch *run, brood_function *function, const void *arg,
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

static brood_status start_function(brood_launch *run, brood_function *function, const void *arg,
                                   size_t size)
{
    brood_status status = BROOD_OK;

    if (arg == NULL && size > 0) {
        return brood_fail_argument(run->options.error, "arg", "must not be NULL with a size");
    }
    if (size > SIZE_MAX / 2) {
        return brood_fail_argument(run->options.error, "size", "is larger than any memory");
    }
    status = brood_launch_copy_handles(run);
    if (status == BROOD_OK) {
        status = prepare_function(run, function, arg, size);
    }
    if (status == BROOD_OK) {
        status = brood_launch_open_stdio(run);
    }
    if (status == BROOD_OK) {
        status = brood_launch_environment(run, run->token);
    }
    run->spawn.no_more_rights = true;
    if (status == BROOD_OK && run->options.executable != NULL) {
        status = brood_launch_find_file(run, run->options.executable);
    }
    run->spawn.file = run->file != NULL ? run->file : brood_child_executable();
    run->argv[0] = run->spawn.file;
    run->spawn.argv = run->argv;
    if (run->file == NULL && !brood_is_hosted() && brood_os_self_arguments() != NULL) {
        run->spawn.argv = brood_os_self_arguments();
    }
    if (status == BROOD_OK) {
        status = brood_launch_spawn(run);
    }
    return status == BROOD_OK ? brood_launch_arm(run) : status;
}

brood_status brood_process_start_nested(brood_process **process, brood_function *function,
                                        const void *arg, size_t size,
                                        const brood_process_options *options,
                                        const brood_nesting *nesting, const brood_origin *origin)
{
    brood_launch run = {.nesting = *nesting, .origin = origin};
    int held = brood_os_cancel_hold();
    brood_status status = brood_launch_begin(&run, process, options);

    if (status == BROOD_OK) {
        status = start_function(&run, function, arg, size);
    }
    status = brood_launch_end(&run, process, status);
    brood_os_cancel_release(held);
    return status;
}

brood_status brood_process_start(brood_process **process, brood_function *function, const void *arg,
                                 size_t size, const brood_process_options *options)
{
    const brood_nesting here = brood_nesting_here();

    return brood_process_start_nested(process, function, arg, size, options, &here, NULL);
}

brood_status brood_process_start_guard(brood_process **guard, brood_error *error)
{
    brood_launch run = {.nesting = brood_nesting_here(), .spawn.is_guard = true};
    brood_process_options options = BROOD_PROCESS_OPTIONS_INIT;
    brood_status status = BROOD_OK;

    options.error = error;
    options.name = "brood-guard";
    options.function_name = BROOD_GUARD_NAME;
    options.working_directory = "/"; /* it keeps nothing from being unmounted */
    options.stdin_to.mode = options.stdout_to.mode = options.stderr_to.mode = BROOD_STDIO_NULL;
    status = brood_launch_begin(&run, guard, &options);
    if (status == BROOD_OK) {
        status = start_function(&run, NULL, NULL, 0);
    }
    if (status == BROOD_OK) {
        status = brood_process_await_guard(run.process, error);
    }
    return brood_launch_end(&run, guard, status);
}
