/* The start of a command. */
#include "base/error.h"
#include "process/launch_impl.h"

static brood_status spawn_with(brood_launch *run, brood_guard *guard)
{
    brood_status status = BROOD_OK;

    run->spawn.guard = brood_guard_channel(guard);
    status = brood_launch_spawn(run);
    if (run->process->os != NULL) {
        brood_process_keep(run->process, guard, run->options.kill_tree);
    }
    return status;
}

/* Until there is a guard that has heard of all that is kept: the last one may have ended since. */
static void await_guard(void)
{
    brood_guard *guard = NULL;

    if (brood_guard_take(&guard, NULL) == BROOD_OK) {
        brood_guard_drop(guard);
    }
}

/* A guard can be killed by somebody, so once more when it has just ended. */
static brood_status spawn_guarded(brood_launch *run)
{
    brood_error *error = run->options.error;
    brood_error told = {BROOD_OK, 0, "", ""};
    brood_status status = BROOD_ERR_CLOSED;

    run->options.error = &told; /* of the first try nothing is told if the second one succeeds */
    for (int i = 0; i < 2 && status == BROOD_ERR_CLOSED; i++) {
        brood_guard *guard = NULL;

        status = brood_guard_take(&guard, run->options.error);
        if (status == BROOD_OK) {
            status = spawn_with(run, guard);
        }
        brood_guard_drop(guard);
    }
    run->options.error = error;
    if (status == BROOD_OK) {
        await_guard();
    } else if (error != NULL) {
        *error = told;
    }
    return status;
}

/* What a command is, before anything is opened for it. */
static brood_status find_command(brood_launch *run, const char *const *argv)
{
    const char *name = run->options.executable;
    brood_status status = BROOD_OK;

    if (argv == NULL || argv[0] == NULL || argv[0][0] == '\0') {
        return brood_fail_argument(run->options.error, "argv", "must have a program's name");
    }
    if (run->options.function_name != NULL) {
        return brood_fail_argument(run->options.error, "function_name", "is not for a command");
    }
    if (run->options.handshake_timeout_ms != 0) {
        return brood_fail_argument(run->options.error, "handshake_timeout_ms",
                                   "is not for a command");
    }
    run->process->is_command = true;
    status = brood_launch_environment(run, NULL);
    return status == BROOD_OK ? brood_launch_find_file(run, name != NULL ? name : argv[0]) : status;
}

static brood_status start_command(brood_launch *run, const char *const *argv)
{
    brood_status status = find_command(run, argv);

    if (status != BROOD_OK) {
        return status;
    }
    status = brood_launch_copy_handles(run);
    if (status == BROOD_OK) {
        status = brood_launch_open_stdio(run);
    }
    run->spawn.file = run->file;
    run->spawn.argv = argv;
    if (status != BROOD_OK) {
        return status;
    }
    status = run->options.daemon && brood_os_command_needs_guard() ? spawn_guarded(run)
                                                                   : brood_launch_spawn(run);
    return status == BROOD_OK ? brood_launch_arm(run) : status;
}

brood_status brood_command_start(brood_process **process, const char *const *argv,
                                 const brood_process_options *options)
{
    brood_launch run = {.nesting = brood_nesting_here()};
    int held = brood_os_cancel_hold();
    brood_status status = brood_launch_begin(&run, process, options);

    if (status == BROOD_OK) {
        status = start_command(&run, argv);
    }
    status = brood_launch_end(&run, process, status);
    brood_os_cancel_release(held);
    return status;
}
