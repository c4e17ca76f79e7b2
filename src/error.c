#include "error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <brood/process.h>
#include <brood/version.h>

const char *brood_version(void)
{
    return BROOD_VERSION_STRING;
}

const char *brood_status_text(brood_status status)
{
    switch (status) {
#define BROOD_STATUS_CASE(name, number, text)                                                      \
    case name:                                                                                     \
        return text;
        BROOD_STATUS_TABLE(BROOD_STATUS_CASE)
#undef BROOD_STATUS_CASE
    }
    return "unknown status";
}

const char *brood_status_name(brood_status status)
{
    switch (status) {
#define BROOD_STATUS_CASE(name, number, text)                                                      \
    case name:                                                                                     \
        return #name;
        BROOD_STATUS_TABLE(BROOD_STATUS_CASE)
#undef BROOD_STATUS_CASE
    }
    return "unknown status";
}

brood_status brood_fail(brood_error *error, brood_status status, int os_code, const char *step,
                        const char *format, ...)
{
    va_list args;

    if (error == NULL) {
        return status;
    }
    error->status = status;
    error->os_code = os_code;
    snprintf(error->step, sizeof error->step, "%s", step);
    va_start(args, format);
    vsnprintf(error->message, sizeof error->message, format, args);
    va_end(args);
    return status;
}

brood_status brood_fail_argument(brood_error *error, const char *argument, const char *rule)
{
    return brood_fail(error, BROOD_ERR_ARGUMENT, 0, argument, "%s %s", argument, rule);
}

brood_status brood_fail_memory(brood_error *error, const char *step)
{
    return brood_fail(error, BROOD_ERR_NO_MEMORY, 0, step, "out of memory in %s", step);
}

void brood_free(void *memory)
{
    free(memory);
}
