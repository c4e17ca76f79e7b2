#include "pool/kind.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "platform.h"

#define TEXT_ROOM 32

static const char *const names[] = {[BROOD_POOL_PROCESSES] = "processes",
                                    [BROOD_POOL_THREADS] = "threads",
                                    [BROOD_POOL_INLINE] = "inline"};

#define KINDS (sizeof names / sizeof names[0])

static bool find_kind(const char *text, brood_pool_kind *kind)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (strcmp(text, names[i]) == 0) {
            *kind = (brood_pool_kind)i;
            return true;
        }
    }
    return false;
}

/* Whoever calls a program with more rights writes the environment as he likes. */
brood_status brood_kind_choose(brood_pool_options *options, bool *is_variables)
{
    brood_pool_kind before = options->kind;
    char text[TEXT_ROOM];
    size_t size = brood_os_is_privileged()
                      ? 0
                      : brood_os_environment_get(BROOD_KIND_VARIABLE, text, sizeof text);

    if ((unsigned)options->kind >= KINDS) {
        return brood_fail_argument(options->error, "kind", "is unknown");
    }
    if (size > 1 && (size > sizeof text || !find_kind(text, &options->kind))) {
        return brood_fail_argument(options->error, BROOD_KIND_VARIABLE,
                                   "must be processes, threads or inline");
    }
    *is_variables = options->kind != before;
    return BROOD_OK;
}

/* The first option that only a process can have; NULL: there is none. */
static const char *find_option(const brood_process_options *process)
{
    const struct {
        const char *name;
        bool is_given;
    } options[] = {
        {"executable", process->executable != NULL},
        {"working_directory", process->working_directory != NULL},
        {"environment_mode", process->environment_mode != 0},
        {"environment", process->environment != NULL},
        {"stdin_to", process->stdin_to.mode != 0},
        {"stdout_to", process->stdout_to.mode != 0},
        {"stderr_to", process->stderr_to.mode != 0},
        {"handle_count", process->handle_count != 0},
        {"kill_tree", process->kill_tree},
        {"nice", process->nice != 0},
        {"cpu_count", process->cpu_count != 0},
        {"memory_limit_bytes", process->memory_limit_bytes != 0},
        {"cpu_time_limit_s", process->cpu_time_limit_s != 0},
        {"handshake_timeout_ms", process->handshake_timeout_ms != 0},
    };

    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (options[i].is_given) {
            return options[i].name;
        }
    }
    return NULL;
}

brood_status brood_kind_check_process(brood_process_options *process,
                                      const brood_pool_options *options, bool is_variables)
{
    const char *name = options->kind == BROOD_POOL_PROCESSES ? NULL : find_option(process);

    if (name == NULL) {
        return BROOD_OK;
    }
    if (!is_variables) {
        return brood_fail(options->error, BROOD_ERR_NOT_SUPPORTED, 0, name,
                          "%s is of processes only, and the kind of the pool is %s", name,
                          names[options->kind]);
    }
    fprintf(stderr,
            "brood: " BROOD_KIND_VARIABLE "=%s: %s and other options of processes are ignored\n",
            names[options->kind], name);
    *process = (brood_process_options)BROOD_PROCESS_OPTIONS_INIT;
    return BROOD_OK;
}
