#include "process/options.h"

#include <string.h>

#include "base/error.h"
#include "base/structs.h"
#include "process/protocol.h"

#define PROCESS_NAME_MAX 255

/* The first released struct; nothing shorter was ever an options struct. */
#define PROCESS_OPTIONS_SIZE_MIN offsetof(brood_process_options, name)

brood_status brood_options_take(brood_process_options *known, const brood_process_options *given)
{
    brood_status status = brood_struct_take(known, sizeof *known, given, PROCESS_OPTIONS_SIZE_MIN);

    const char *rule = brood_struct_rule(status, given);

    return rule != NULL ? brood_fail(given->error, status, 0, "options", "options %s", rule)
                        : status;
}

static brood_status check_stdio(const brood_process_options *options)
{
    const brood_stdio *stdio[] = {&options->stdin_to, &options->stdout_to, &options->stderr_to};
    const char *names[] = {"stdin_to", "stdout_to", "stderr_to"};

    for (size_t i = 0; i < 3; i++) {
        int mode = (int)stdio[i]->mode;
        bool file = mode == BROOD_STDIO_FILE || mode == BROOD_STDIO_APPEND;

        if (mode < BROOD_STDIO_INHERIT || mode > BROOD_STDIO_STDOUT) {
            return brood_fail_argument(options->error, names[i], "has an unknown mode");
        }
        if ((i != 2 && mode == BROOD_STDIO_STDOUT) || (i == 0 && mode == BROOD_STDIO_APPEND)) {
            return brood_fail_argument(options->error, names[i],
                                       "has a mode that is not for this stream");
        }
        if (file != (stdio[i]->path != NULL)) {
            return brood_fail_argument(options->error, names[i],
                                       "must have a path for a file, and only then");
        }
    }
    return BROOD_OK;
}

static brood_status check_environment(const brood_process_options *options)
{
    if (options->environment_mode != BROOD_ENVIRONMENT_ADD &&
        options->environment_mode != BROOD_ENVIRONMENT_REPLACE) {
        return brood_fail_argument(options->error, "environment_mode", "is unknown");
    }
    if (options->environment == NULL) {
        return BROOD_OK;
    }
    for (size_t i = 0; options->environment[i] != NULL; i++) {
        if (options->environment[i][0] == '\0' || options->environment[i][0] == '=') {
            return brood_fail_argument(options->error, "environment",
                                       "has a variable without a name");
        }
    }
    return BROOD_OK;
}

static brood_status check_handles(const brood_process_options *options)
{
    if (options->handle_count > BROOD_HANDLES_MAX) {
        return brood_fail_argument(options->error, "handle_count", "must be at most 256");
    }
    if (options->handle_count > 0 && options->handles == NULL) {
        return brood_fail_argument(options->error, "handles", "must not be NULL with a count");
    }
    for (size_t i = 0; i < options->handle_count; i++) {
        if (options->handles[i] < 0) {
            return brood_fail_argument(options->error, "handles", "must not be negative");
        }
    }
    return BROOD_OK;
}

static brood_status check_numbers(const brood_process_options *options)
{
    if (options->nice < -20 || options->nice > 19) {
        return brood_fail_argument(options->error, "nice", "must be from -20 to 19");
    }
    if ((options->cpu_count > 0) != (options->cpus != NULL)) {
        return brood_fail_argument(options->error, "cpus", "and cpu_count must go together");
    }
    return BROOD_OK;
}

brood_status brood_options_check(const brood_process_options *options)
{
    brood_status status = BROOD_OK;

    if (options->name != NULL && strlen(options->name) > PROCESS_NAME_MAX) {
        return brood_fail_argument(options->error, "name", "must be at most 255 bytes long");
    }
    if (options->executable != NULL && options->executable[0] == '\0') {
        return brood_fail_argument(options->error, "executable", "must not be empty");
    }
    if (options->working_directory != NULL && options->working_directory[0] == '\0') {
        return brood_fail_argument(options->error, "working_directory", "must not be empty");
    }
    status = check_stdio(options);
    if (status == BROOD_OK) {
        status = check_environment(options);
    }
    if (status == BROOD_OK) {
        status = check_handles(options);
    }
    return status == BROOD_OK ? check_numbers(options) : status;
}
