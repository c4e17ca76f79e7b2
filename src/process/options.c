#include "process/options.h"

#include <string.h>

#include "base/error.h"
#include "process/protocol.h"

#define NAME_MAX_BYTES 255

/* The first released struct; nothing shorter was ever an options struct. */
#define OPTIONS_SIZE_MIN offsetof(brood_process_options, name)
#define OPTIONS_SIZE_MAX 65536

brood_status brood_struct_take(void *known, size_t size, const void *given, size_t least)
{
    const char *bytes = given;
    size_t given_size = 0;

    memset(known, 0, size);
    memcpy(known, &size, sizeof size);
    if (given == NULL) {
        return BROOD_OK;
    }
    memcpy(&given_size, given, sizeof given_size);
    if (given_size < least || given_size > OPTIONS_SIZE_MAX || given_size % sizeof(void *) != 0) {
        return BROOD_ERR_ARGUMENT; /* not even the first fields can be trusted */
    }
    memcpy(known, given, given_size < size ? given_size : size);
    memcpy(known, &size, sizeof size);
    for (size_t i = size; i < given_size; i++) {
        if (bytes[i] != 0) {
            return BROOD_ERR_NOT_SUPPORTED;
        }
    }
    return BROOD_OK;
}

brood_status brood_struct_check(const void *given, size_t least)
{
    size_t given_size = 0;

    if (given != NULL) {
        memcpy(&given_size, given, sizeof given_size);
    }
    return given_size < least || given_size > OPTIONS_SIZE_MAX ? BROOD_ERR_ARGUMENT : BROOD_OK;
}

brood_status brood_struct_give(void *given, const void *known, size_t size, size_t least)
{
    size_t given_size = 0;

    if (brood_struct_check(given, least) != BROOD_OK) {
        return BROOD_ERR_ARGUMENT;
    }
    memcpy(&given_size, given, sizeof given_size);
    memcpy(given, known, given_size < size ? given_size : size);
    memcpy(given, &given_size, sizeof given_size);
    return BROOD_OK;
}

brood_status brood_options_take(brood_process_options *known, const brood_process_options *given)
{
    brood_status status = brood_struct_take(known, sizeof *known, given, OPTIONS_SIZE_MIN);

    if (status == BROOD_ERR_ARGUMENT && given->struct_size == 0) { /* zeroed, and not begun */
        return brood_fail_argument(given->error, "options",
                                   "must begin with BROOD_PROCESS_OPTIONS_INIT");
    }
    return status == BROOD_ERR_NOT_SUPPORTED
               ? brood_fail(given->error, status, 0, "options",
                            "options has a field that this version of brood does not know")
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

    if (options->name != NULL && strlen(options->name) > NAME_MAX_BYTES) {
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
