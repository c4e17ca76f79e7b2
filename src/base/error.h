/* How a failure is written down. Every function here takes a NULL error. */
#ifndef BROOD_SRC_BASE_ERROR_H
#define BROOD_SRC_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include <brood/status.h>

#if defined(__MINGW32__) && !defined(__clang__) /* whose printf is the same everywhere */
#define BROOD_PRINTF(text, first) __attribute__((format(gnu_printf, text, first)))
#elif defined(__GNUC__)
#define BROOD_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define BROOD_PRINTF(text, first)
#endif

/* Fills error and returns status, so that a failing path is one line. */
brood_status brood_fail(brood_error *error, brood_status status, int os_code, const char *step,
                        const char *format, ...) BROOD_PRINTF(5, 6);

/*
 * Makes a text for people of bytes that may come from anywhere: one line of whole UTF-8. What is
 * neither becomes '?'; a character that was cut at the end goes.
 */
void brood_text_clean(char *text);

/* A broken rule of an argument: the step is the argument's name. */
brood_status brood_fail_argument(brood_error *error, const char *argument, const char *rule);

/* Whether a number that comes from outside is a status of this version. */
bool brood_is_status(uint32_t number);

/* Out of memory, in the given step. */
brood_status brood_fail_memory(brood_error *error, const char *step);

#endif
