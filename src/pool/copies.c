#include "pool/copies.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "pool/config.h"
#include "pool/kind.h"
#include "pool/pool_impl.h"
#include "process/nesting.h"
#include "process/options.h"

typedef struct brood_copy {
    struct brood_copy *next;
    void *align; /* what follows is as aligned as a pointer */
} brood_copy;

/* The copy lives as long as the pool. NULL: out of memory. */
static void *keep_copy(brood_pool *pool, const void *data, size_t size)
{
    brood_copy *copy = brood_malloc(sizeof *copy + size);

    if (copy == NULL) {
        return NULL;
    }
    memcpy(copy + 1, data, size);
    copy->next = pool->config.copies;
    pool->config.copies = copy;
    return copy + 1;
}

void brood_config_free_copies(brood_pool *pool)
{
    brood_origin_drop(&pool->config.origin);
    while (pool->config.copies != NULL) {
        brood_copy *next = pool->config.copies->next;

        brood_free(pool->config.copies);
        pool->config.copies = next;
    }
}

/* *text becomes a copy of the text; NULL stays NULL. False: out of memory. */
static bool copy_text(brood_pool *pool, const char **text)
{
    if (*text != NULL) {
        *text = keep_copy(pool, *text, strlen(*text) + 1);
        return *text != NULL;
    }
    return true;
}

static bool copy_environment(brood_pool *pool)
{
    const char *const *given = pool->config.process.environment;
    const char **all = NULL;
    size_t count = 0;

    if (given == NULL) {
        return true;
    }
    while (given[count] != NULL) {
        count++;
    }
    all = keep_copy(pool, (const void *)given, (count + 1) * sizeof *all);
    pool->config.process.environment = all;
    for (size_t i = 0; all != NULL && i < count; i++) {
        if (!copy_text(pool, &all[i])) {
            return false;
        }
    }
    return all != NULL;
}

/* Later workers mean the same paths as the first ones, wherever the program is then. */
static brood_status copy_paths(brood_pool *pool)
{
    brood_process_options *own = &pool->config.process;
    const char **paths[] = {&own->executable, &own->working_directory, &own->stdin_to.path,
                            &own->stdout_to.path, &own->stderr_to.path};
    brood_status status = BROOD_OK;

    for (size_t i = 0; i < sizeof paths / sizeof paths[0] && status == BROOD_OK; i++) {
        char *absolute = NULL;

        if (*paths[i] != NULL) {
            status = brood_os_path_absolute(&absolute, *paths[i], paths[i] == &own->executable,
                                            pool->config.options.error);
            *paths[i] = absolute;
        }
        if (status == BROOD_OK && !copy_text(pool, paths[i])) {
            status = brood_fail_memory(pool->config.options.error, "options");
        }
        brood_free(absolute);
    }
    return status;
}

static brood_status copy_process_options(brood_pool *pool)
{
    brood_process_options *own = &pool->config.process;
    bool copied = copy_environment(pool);

    if (copied && own->cpu_count > 0) {
        own->cpus = keep_copy(pool, own->cpus, own->cpu_count * sizeof *own->cpus);
        copied = own->cpus != NULL;
    }
    return copied ? copy_paths(pool) : brood_fail_memory(pool->config.options.error, "options");
}

/* Duplicates the handles: the program may close its own. */
static brood_status copy_handles(brood_pool *pool)
{
    const brood_handle *given = pool->config.process.handles;
    brood_handle *handles = NULL;
    size_t count = pool->config.process.handle_count;
    brood_status status = BROOD_OK;

    pool->config.process.handles = NULL;
    pool->config.process.handle_count = 0;
    if (count == 0) {
        return BROOD_OK;
    }
    handles = keep_copy(pool, given, count * sizeof *handles);
    if (handles == NULL) {
        return brood_fail_memory(pool->config.options.error, "handles");
    }
    pool->config.process.handles = handles;
    for (size_t i = 0; i < count && status == BROOD_OK; i++) {
        status = brood_os_handle_duplicate(&handles[i], given[i], pool->config.options.error);
        pool->config.process.handle_count += status == BROOD_OK;
    }
    return status;
}

/* What the taken options point to is still the program's memory. */
static brood_status take_process_options(brood_process_options *taken,
                                         const brood_pool_options *given, bool is_variables)
{
    brood_status status = brood_options_take(taken, given->process);

    if (status == BROOD_ERR_ARGUMENT) {
        return brood_fail_argument(given->error, "process", "has a wrong struct_size");
    }
    if (status == BROOD_ERR_NOT_SUPPORTED) {
        return brood_fail(given->error, status, 0, "process",
                          "process has a field that this version of brood does not know");
    }
    taken->error = given->error;
    status = given->process == NULL ? BROOD_OK : brood_config_check_process(taken);
    return status != BROOD_OK ? status : brood_kind_check_process(taken, given, is_variables);
}

brood_status brood_config_copy(brood_pool *pool, const brood_pool_options *given, bool is_variables)
{
    brood_process_options process;
    brood_status status = take_process_options(&process, given, is_variables);

    pool->config.options = *given;
    pool->config.depth = brood_nesting_here().depth;
    pool->config.options.name = given->name != NULL ? given->name : "brood";
    pool->config.options.process =
        NULL; /* these two stay the program's; see process, initializer_arg */
    pool->config.options.initializer_arg = NULL;
    if (status != BROOD_OK) {
        return status;
    }
    pool->config.process = process;
    pool->config.process.error = NULL;
    status = copy_text(pool, &pool->config.options.name)
                 ? copy_process_options(pool)
                 : brood_fail_memory(given->error, "options");
    if (status != BROOD_OK) {
        pool->config.process.handle_count = 0; /* they are not ours */
        return status;
    }
    status = copy_handles(pool);
    if (status == BROOD_OK) {
        status = brood_origin_take(&pool->config.origin, given->error);
    }
    if (status == BROOD_OK && given->initializer_size > 0) {
        pool->config.initializer_arg = brood_malloc(given->initializer_size);
        if (pool->config.initializer_arg == NULL) {
            return brood_fail_memory(given->error, "initializer_arg");
        }
        memcpy(pool->config.initializer_arg, given->initializer_arg, given->initializer_size);
    }
    return status;
}
