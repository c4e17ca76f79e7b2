#include "pool/request.h"

#include <stdio.h>
#include <string.h>

#include "base/structs.h"
#include "pool/failed_items.h"
#include "pool/job.h"
#include "pool/queue.h"

#define TASK_OPTIONS_SIZE_MIN offsetof(brood_task_options, tag)
#define TAG_MAX_BYTES 255

/* ---- refusing ---------------------------------------------------------------------------- */

brood_status brood_request_refuse_for(const brood_request *asked, brood_failure failure)
{
    if (asked->failure != NULL) {
        brood_failure_give(asked->failure, &failure);
    }
    return failure.status;
}

brood_status brood_request_refuse(const brood_request *asked, brood_status status,
                                  const char *message)
{
    return brood_request_refuse_for(asked, brood_job_failure(NULL, status, message));
}

static brood_status refuse_argument(const brood_request *asked, const char *argument,
                                    const char *rule)
{
    char message[160];

    snprintf(message, sizeof message, "%s %s", argument, rule);
    return brood_request_refuse(asked, BROOD_ERR_ARGUMENT, message);
}

/* ---- checking ---------------------------------------------------------------------------- */

brood_status brood_task_options_take(brood_task_options *known, const brood_task_options *given)
{
    brood_status status = brood_struct_take(known, sizeof *known, given, TASK_OPTIONS_SIZE_MIN);
    const char *rule = status == BROOD_OK ? NULL : brood_struct_rule(status, given);
    char message[160];

    if (rule == NULL) {
        return status;
    }
    snprintf(message, sizeof message, "options %s", rule);
    return brood_task_refuse(given, status, message);
}

static brood_status check_options(const brood_request *asked)
{
    const brood_task_options *options = asked->options;

    if (options->priority < -BROOD_PRIORITY_MAX || options->priority > BROOD_PRIORITY_MAX) {
        return refuse_argument(asked, "priority", "must be from -10 to 10");
    }
    if (options->tag != NULL && strlen(options->tag) > TAG_MAX_BYTES) {
        return refuse_argument(asked, "tag", "must be at most 255 bytes long");
    }
    if (options->try_submit && options->submit_timeout_ms != 0) {
        return refuse_argument(asked, "submit_timeout_ms", "must be 0 with try_submit");
    }
    if ((options->shared_count > 0) != (options->shared != NULL) ||
        options->shared_count > BROOD_SHARED_MAX) {
        return refuse_argument(asked, "shared", "and shared_count, at most 64, must go together");
    }
    for (size_t i = 0; i < options->shared_count; i++) {
        if (options->shared[i] == NULL) {
            return refuse_argument(asked, "shared", "must not have a NULL");
        }
    }
    return BROOD_OK;
}

brood_status brood_task_refuse(const brood_task_options *options, brood_status status,
                               const char *message)
{
    const brood_request asked = {.failure = options->failure};

    return brood_request_refuse(&asked, status, message);
}

brood_status brood_task_options_check(const brood_task_options *options)
{
    brood_request asked = {.options = options, .failure = options->failure};

    return check_options(&asked);
}

static bool is_too_large(uint64_t count, size_t size)
{
    return size != 0 && size != BROOD_SIZE_VARIES && count > (SIZE_MAX / 2) / size;
}

/* Items that have sizes of their own. */
static brood_status check_sizes(const brood_request *asked)
{
    const brood_bytes *items = asked->in;

    for (uint64_t i = 0; i < asked->count; i++) {
        if (items[i].data == NULL && items[i].size > 0) {
            return refuse_argument(asked, "in", "must not have a NULL with a size");
        }
        if (items[i].size > SIZE_MAX / 2) {
            return refuse_argument(asked, "size", "is larger than any memory");
        }
    }
    return BROOD_OK;
}

static brood_status check_items(const brood_request *asked)
{
    uint64_t count = asked->kind == BROOD_JOB_RANGE ? 1 : asked->count;

    if (asked->in == NULL && asked->count > 0 && asked->in_size > 0) {
        return refuse_argument(asked, asked->kind == BROOD_JOB_MAP ? "in" : "arg",
                               "must not be NULL with a size");
    }

    if (asked->in_size != BROOD_SIZE_VARIES && asked->in_size > SIZE_MAX / 2) {
        return refuse_argument(asked, "size", "is larger than any memory");
    }
    if (is_too_large(count, asked->in_size)) {
        return refuse_argument(asked, "size", "is larger than any memory");
    }
    if (is_too_large(count, asked->out_size)) {
        return refuse_argument(asked, "out_size", "is larger than any memory");
    }
    return asked->kind == BROOD_JOB_MAP && asked->in_size == BROOD_SIZE_VARIES ? check_sizes(asked)
                                                                               : BROOD_OK;
}

/* Takes the caller's options. Most calls have none, which need no look. */
static brood_status take_options(brood_request *asked, brood_task_options *known,
                                 const brood_task_options *options)
{
    static const brood_task_options defaults = BROOD_TASK_OPTIONS_INIT;
    brood_status status = BROOD_OK;

    asked->options = options == NULL ? &defaults : known;
    if (options != NULL) {
        status = brood_task_options_take(known, options);
        asked->failure = known->failure;
    }
    return status;
}

brood_status brood_request_check(brood_request *asked, brood_task_options *known,
                                 const brood_task_options *options)
{
    brood_status status = take_options(asked, known, options);

    if (status != BROOD_OK) {
        return status;
    }
    if (asked->pool == NULL) {
        return refuse_argument(asked, "pool", "must not be NULL");
    }
    if (asked->in_size == BROOD_SIZE_VARIES && asked->kind != BROOD_JOB_MAP) {
        return refuse_argument(asked, "size", "is larger than any memory");
    }
    if (asked->out_size == BROOD_SIZE_VARIES && asked->kind == BROOD_JOB_TASK &&
        !asked->copies_in) {
        return refuse_argument(asked, "out_size", "must be that of the value: see apply_async");
    }
    status = options == NULL ? BROOD_OK : check_options(asked);
    if (status == BROOD_OK) {
        status = check_items(asked);
    }
    if (status != BROOD_OK) {
        return status;
    }
    if ((asked->out == NULL) != (asked->out_size == 0) && !asked->copies_in) {
        return refuse_argument(asked, "out", "and out_size must go together");
    }
    return BROOD_OK;
}
