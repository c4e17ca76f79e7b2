#include "pool/config.h"

#include <string.h>

#include "base/error.h"
#include "base/structs.h"
#include "process/options.h"
#include "process/protocol.h"
#include "wire/wire.h"

#define POOL_OPTIONS_SIZE_MIN offsetof(brood_pool_options, name)
#define POOL_NAME_MAX 200
#define DEPTH_MAX_DEFAULT 4
#define STACK_MAX ((size_t)1 << 30) /* Windows has 32 bits for it */

brood_status brood_config_check_process(const brood_process_options *process)
{
    const brood_stdio *stdio[] = {&process->stdin_to, &process->stdout_to, &process->stderr_to};
    const char *names[] = {"stdin_to", "stdout_to", "stderr_to"};

    if (process->name != NULL || process->function_name != NULL || process->daemon ||
        process->timeout_ms != 0) {
        return brood_fail_argument(process->error, "process",
                                   "must not have a name, function_name, daemon or timeout_ms");
    }
    if (process->handle_count > BROOD_HANDLES_MAX - BROOD_WIRE_HANDLES) {
        return brood_fail_argument(process->error, "handle_count", "must be at most 254");
    }
    for (size_t i = 0; i < 3; i++) {
        if (stdio[i]->mode == BROOD_STDIO_PIPE) {
            return brood_fail_argument(process->error, names[i],
                                       "must not be a pipe: nobody could read it");
        }
    }
    return brood_options_check(process);
}

brood_status brood_config_check(const brood_pool_options *options)
{
    brood_error *error = options->error;

    if (options->name != NULL && strlen(options->name) > POOL_NAME_MAX) {
        return brood_fail_argument(error, "name", "must be at most 200 bytes long");
    }
    if (options->workers > BROOD_WORKERS_MAX) {
        return brood_fail_argument(error, "workers", "must be at most 4096");
    }
    if (options->initializer_arg == NULL && options->initializer_size > 0) {
        return brood_fail_argument(error, "initializer_arg", "must not be NULL with a size");
    }
    if (options->initializer_size > SIZE_MAX / 2) {
        return brood_fail_argument(error, "initializer_size", "is larger than any memory");
    }
    if (options->max_tasks_jitter > 0 &&
        options->max_tasks_jitter >= options->max_tasks_per_worker) {
        return brood_fail_argument(error, "max_tasks_jitter",
                                   "must be less than max_tasks_per_worker");
    }
    if (options->thread_stack_size > STACK_MAX) {
        return brood_fail_argument(error, "thread_stack_size", "must be at most 1 GiB");
    }
    if ((int)options->spin < BROOD_SPIN_ADAPTIVE || (int)options->spin > BROOD_SPIN_ALWAYS) {
        return brood_fail_argument(error, "spin", "is unknown");
    }
    return BROOD_OK;
}

uint32_t brood_config_or_default(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

void brood_config_fill(brood_pool_options *options)
{
    options->quarantine = brood_config_or_default(options->quarantine, 3);
    options->backoff_ms = brood_config_or_default(options->backoff_ms, 10);
    options->crash_limit = brood_config_or_default(options->crash_limit, 10);
    options->grace_ms = brood_config_or_default(options->grace_ms, 1000);
    options->exit_timeout_ms = brood_config_or_default(options->exit_timeout_ms, 30000);
    options->max_depth = brood_config_or_default(options->max_depth, DEPTH_MAX_DEFAULT);
}

brood_status brood_config_take(brood_pool_options *taken, const brood_pool_options *given)
{
    brood_status status = brood_struct_take(taken, sizeof *taken, given, POOL_OPTIONS_SIZE_MIN);

    const char *rule = brood_struct_rule(status, given);

    return rule != NULL ? brood_fail(given->error, status, 0, "options", "options %s", rule)
                        : status;
}
