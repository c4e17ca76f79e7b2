#include "base/error.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <brood/process.h>
#include <brood/version.h>

#include "base/memory.h"

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

bool brood_is_status(uint32_t number)
{
    switch (number) {
#define BROOD_STATUS_CASE(name, number, text) case name:
        BROOD_STATUS_TABLE(BROOD_STATUS_CASE)
#undef BROOD_STATUS_CASE
        return true;
    default:
        return false;
    }
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

/* The bytes of the character at text: 0, if it is none; -1, if it is cut by the end. */
static int length_of_character(const unsigned char *text)
{
    /* By the first two bytes: not too long, no half of a surrogate, at most U+10FFFF (RFC 3629). */
    unsigned char least = *text == 0xe0 ? 0xa0 : *text == 0xf0 ? 0x90 : 0x80;
    unsigned char most = *text == 0xed ? 0x9f : *text == 0xf4 ? 0x8f : 0xbf;
    int length = *text < 0x80 ? 1 : *text < 0xe0 ? 2 : *text < 0xf0 ? 3 : 4;

    if ((*text >= 0x80 && *text < 0xc2) || *text > 0xf4) {
        return 0;
    }
    for (int i = 1; i < length; i++) {
        if (text[i] == '\0') {
            return -1;
        }
        if (text[i] < least || text[i] > most) {
            return 0;
        }
        least = 0x80;
        most = 0xbf;
    }
    return length;
}

void brood_text_clean(char *text)
{
    unsigned char *at = (unsigned char *)text;

    while (*at != '\0') {
        int length = length_of_character(at);
        bool is_control = *at < 0x20 || *at == 0x7f || (*at == 0xc2 && length == 2 && at[1] < 0xa0);

        if (length < 0) {
            *at = '\0';
            return;
        }
        if (length == 0 || is_control) {
            *at = '?';
        }
        at += length == 0 || is_control ? 1 : length;
    }
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
    brood_text_clean(error->step);
    brood_text_clean(error->message);
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

void(brood_free)(void *memory)
{
    brood_free(memory);
}
