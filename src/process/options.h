/* Options as the library uses them: full size, checked. */
#ifndef BROOD_SRC_PROCESS_OPTIONS_H
#define BROOD_SRC_PROCESS_OPTIONS_H

#include <brood/process.h>

/*
 * Copies a struct of the caller's that begins with its size, at least that long (NULL: zeros), into
 * known. BROOD_ERR_ARGUMENT: its size cannot be; nothing of it was taken. BROOD_ERR_NOT_SUPPORTED:
 * it goes on with something that is not zero.
 */
brood_status brood_struct_take(void *known, size_t size, const void *given, size_t least);

/*
 * Copies known, of so many bytes, into a struct of the caller's that begins with its size: as much
 * of it as both have; what only a newer program's has is left alone. BROOD_ERR_ARGUMENT: it is
 * NULL, or its size cannot be; nothing was written.
 */
brood_status brood_struct_give(void *given, const void *known, size_t size, size_t least);

/* Only the rule of it. */
brood_status brood_struct_check(const void *given, size_t least);

/*
 * Copies the caller's options (NULL: defaults) into known, which the library's own size fills
 * up: a shorter, older struct is accepted, a longer one only when what we do not know is zero.
 */
brood_status brood_options_take(brood_process_options *known, const brood_process_options *given);

/* The rules that a function and a command share. */
brood_status brood_options_check(const brood_process_options *options);

#endif
