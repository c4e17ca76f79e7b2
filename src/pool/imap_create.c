#include <string.h>

#include "base/memory.h"
#include "pool/imap_impl.h"
#include "pool/lock.h"
#include "pool/request.h"

static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = brood_malloc(size);

    if (copy != NULL) {
        memcpy(copy, text, size);
    }
    return copy;
}

static bool copy_shared(brood_imap *imap)
{
    brood_task_options *options = &imap->options;
    size_t count = options->shared_count;

    if (count == 0) {
        return true;
    }
    imap->shared = (brood_shared **)brood_malloc(count * sizeof(brood_shared *));
    for (size_t i = 0; imap->shared != NULL && i < count; i++) {
        imap->shared[i] = options->shared[i];
        brood_shared_hold(imap->shared[i]);
    }
    options->shared = imap->shared;
    return imap->shared != NULL;
}

/* Strings and lists of the options live as long as the imap. */
static bool copy_options(brood_imap *imap)
{
    brood_task_options *options = &imap->options;
    bool copied = copy_shared(imap);

    if (copied && options->tag != NULL) {
        options->tag = imap->tag = copy_text(options->tag);
        copied = imap->tag != NULL;
    }
    if (copied && options->function_name != NULL) {
        options->function_name = imap->function_name = copy_text(options->function_name);
        copied = imap->function_name != NULL;
    }
    return copied;
}

static brood_status take_options(brood_task_options *taken, const brood_task_options *options)
{
    brood_status status = brood_task_options_take(taken, options);

    return status == BROOD_OK ? brood_task_options_check(taken) : status;
}

static brood_status check_arguments(const brood_imap *given, brood_imap **imap)
{
    const brood_task_options *options = &given->options;

    if (imap == NULL) {
        return brood_task_refuse(options, BROOD_ERR_ARGUMENT, "imap must not be NULL");
    }
    if (given->pool == NULL) {
        return brood_task_refuse(options, BROOD_ERR_ARGUMENT, "pool must not be NULL");
    }
    if (given->input == NULL) {
        return brood_task_refuse(options, BROOD_ERR_ARGUMENT, "input must not be NULL");
    }
    if (options->try_submit || options->submit_timeout_ms != 0) {
        return brood_task_refuse(options, BROOD_ERR_ARGUMENT,
                                 "try_submit and submit_timeout_ms are not for an imap");
    }
    if ((given->function == NULL) == (options->function_name == NULL)) {
        return brood_task_refuse(options, BROOD_ERR_ARGUMENT,
                                 "function_name or a function must be given, not both");
    }
    return BROOD_OK;
}

static brood_status create(brood_imap **imap, brood_imap given, const brood_task_options *options)
{
    brood_status status = take_options(&given.options, options);
    brood_imap *made = NULL;

    if (imap != NULL) {
        *imap = NULL;
    }
    if (status == BROOD_OK) {
        status = check_arguments(&given, imap);
    }
    if (status != BROOD_OK || imap == NULL) {
        return status;
    }
    made = brood_malloc(sizeof *made);
    if (made == NULL) {
        return brood_task_refuse(&given.options, BROOD_ERR_NO_MEMORY, "");
    }
    *made = given;
    brood_add32(&made->pool->references, 1);
    made->failure.struct_size = sizeof made->failure;
    made->meter = brood_meter_begin(made->options.progress, made->options.progress_user);
    made->options.progress = NULL; /* the items have none of their own */
    if (!copy_options(made)) {
        brood_imap_destroy(made);
        return brood_task_refuse(&given.options, BROOD_ERR_NO_MEMORY, "");
    }
    brood_imap_fill(made, 0);
    *imap = made;
    return BROOD_OK;
}

brood_status brood_pool_imap(brood_pool *pool, brood_imap **imap, brood_function *function,
                             brood_input_function *input, void *user,
                             const brood_task_options *options)
{
    const brood_imap given = {
        .pool = pool, .function = function, .input = input, .user = user, .ordered = true};

    return create(imap, given, options);
}

brood_status brood_pool_imap_unordered(brood_pool *pool, brood_imap **imap,
                                       brood_function *function, brood_input_function *input,
                                       void *user, const brood_task_options *options)
{
    const brood_imap given = {
        .pool = pool, .function = function, .input = input, .user = user, .ordered = false};

    return create(imap, given, options);
}
